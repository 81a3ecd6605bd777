"""The pages *Risk*: what attacks on the city's systems cost, what to buy, what to mend first, and plans of services."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse

from cityward.console.tongue import FORMS, language, listed, marked_many, number, say, say_many
from cityward.console.words import chart_words
from cityward.core.limits import RISK_AMOUNT
from cityward.secure.risk.measures import Tail
from cityward.secure.risk.plan import SOON_HOURS
from cityward.secure.risk.standing import Standing, TerritoryTold, best_for

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

SHADES: Final = 5
SERVICES_SHOWN: Final = 40
MENDED_SHOWN: Final = 30
TOLD_YEARS: Final = 20
FAR: Final = 1.96
"""Standard errors to the end of a 95 % interval."""

_BUDGET_CHARS: Final = 24
_LARGE: Final = (
    (1e9, marked_many("%(amount)s billion", "%(amount)s billion")),
    (1e6, marked_many("%(amount)s million", "%(amount)s million")),
)
_LARGE_HOURS: Final = (
    (1e9, marked_many("%(amount)s billion hours", "%(amount)s billion hours")),
    (1e6, marked_many("%(amount)s million hours", "%(amount)s million hours")),
)


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/risk``, its map, and ``/risk/plans/{service}``."""
    city = console.city

    @router.get("/risk")
    def risk(request: Request) -> HTMLResponse:
        return console.page(request, "risk.html", **risk_page(city, request.query_params))

    @router.get("/console/risk.json")
    def areas() -> JSONResponse:
        kept = city.risks.last()
        told = kept.standing.territories if kept else ()
        return JSONResponse(painted(city, told), headers={"cache-control": "no-cache"})

    @router.get("/risk/plans/{service}")
    def plan(request: Request, service: str) -> HTMLResponse:
        made, drawing = city.risks.plan(service)
        svg = Markup(drawing.svg)  # noqa: S704 (names are escaped where they are drawn)
        return console.page(request, "risk_plan.html", plan=made, drawing=svg, not_drawn=drawing.left_out, hours=hours)


def risk_page(city: City, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what was computed last, and what to buy for the budget that is asked for."""
    kept = city.risks.last()
    if kept is None:
        return {"kept": None, "any": city.risks.any()}
    told = kept.standing
    held = matched(city, told.territories)
    asked = query.get("budget", "")[:_BUDGET_CHARS]
    budget, problem = budget_of(asked)
    choice = None if budget is None else best_for(told.choices, budget)
    names = {one.id: one.name for one in told.singles}
    return {
        "kept": kept,
        "any": True,
        "told": told,
        "sign": told.report.currency,
        "headline": headline(told),
        "changed": city.risks.changed(kept),
        "late": city.risks.stale(),
        "money": money,
        "hours": hours,
        "many_hours": many_hours,
        "once": next((one for one in told.money_curve if one.years == TOLD_YEARS), None),
        "charts": [_chart(told.money_curve, told.report.currency), _chart(told.hours_curve, "")],
        "mapped": bool(held),
        "place": {one.territory: place for place, one in held.items()},
        "services": [one for one in told.services if one.citizen_hours.value > 0][:SERVICES_SHOWN],
        "asked": asked,
        "problem": problem,
        "choice": choice,
        "bought": listed([names[one] for one in choice.controls]) if choice and choice.controls else "",
        "budget": budget,
        "mend": told.mend[:MENDED_SHOWN],
        "far": FAR,
    }


def headline(told: Standing) -> str:
    """The finding in a sentence."""
    one = told.report
    return say(
        "A year of attacks and failures costs about %(sign)s %(money)s, and residents %(hours)s without a service",
        sign=one.currency, money=money(one.loss.value), hours=many_hours(one.citizen_hours.value),
    )  # fmt: skip


def money(value: float) -> str:
    """An amount with the digits that count: ``2.34 million``."""
    size = abs(value)
    for least, words in _LARGE:
        if size >= least:
            return say_many(*words, int(size / least), amount=number(value / least, 2))
    digits = 0 if size >= 10 or size == 0 else 2
    rounded = round(value, -2) if size >= 10_000 else value
    return number(rounded, digits)


def many_hours(value: float) -> str:
    """Hours of many people: ``1.86 million hours``."""
    for least, words in _LARGE_HOURS:
        if abs(value) >= least:
            return say_many(*words, int(abs(value) / least), amount=number(value / least, 2))
    return say("%(hours)s hours", hours=money(value))


def hours(value: float) -> str:
    """``1.5`` → ``1.5 hours``; ``240`` → ``10 days``; what never comes is ``never``."""
    if not math.isfinite(value):
        return say("never")
    if value == 0:
        return say("at once")
    if value >= 3 * SOON_HOURS:
        return say("%(days)s days", days=_short(value / SOON_HOURS))
    if 0 < value < 1:
        return say_many("%(num)s minute", "%(num)s minutes", max(1, round(value * 60)))
    told = _short(value)
    return say("1 hour") if told == "1" else say("%(hours)s hours", hours=told)


def _short(value: float) -> str:
    return number(value, 0 if f"{value:.1f}".endswith(".0") else 1)


def budget_of(asked: str) -> tuple[float | None, str]:
    """The amount that was typed, as its language writes it, or what is wrong with it."""
    form = FORMS[language()]
    text = re.sub(rf"[ _]|{re.escape(form.thousands)}(?=\d{{3}}(?!\d))", "", asked).replace(form.point, ".")
    if not text:
        return None, ""
    try:
        amount = float(text)
    except ValueError:
        return None, say("That is no amount. Write digits, such as 500000.")
    if not (math.isfinite(amount) and 0 <= amount <= RISK_AMOUNT):
        return None, say("That is no amount from 0 up. Write digits, such as 500000.")
    return amount, ""


def _chart(curve: Sequence[Tail], sign: str) -> dict[str, Any]:
    return {
        "words": chart_words(),
        "kind": "exceeded",
        "unit": sign,
        "years": [one.years for one in curve],
        "value": [round(one.value_at_risk) for one in curve],
        "low": [round(one.low) for one in curve],
        "high": [round(one.high) for one in curve],
    }


def matched(city: City, told: Sequence[TerritoryTold]) -> dict[str, TerritoryTold]:
    """Territories of the inventory by the identifier of the city's own; by identifier or by name."""
    own = {}
    for one in city.territories():
        own[one.id.casefold()] = own[one.name.casefold()] = one.id
    found = ((own.get(one.territory.casefold()), one) for one in told)
    return {place: one for place, one in found if place is not None}


def painted(city: City, told: Sequence[TerritoryTold]) -> dict[str, Any]:
    """Polygons of the city, the darker the more hours people are without services; without any where none match."""
    polygons, held = city.geojson(), matched(city, told)
    ordered = sorted(one.citizen_hours.value for one in held.values())
    for feature in polygons["features"]:
        properties = feature["properties"]
        one = held.get(properties["id"])
        below = sum(value < one.citizen_hours.value for value in ordered) if one else 0
        said = (
            say("not in the inventory")
            if one is None
            else say("%(hours)s a year", hours=many_hours(one.citizen_hours.value))
        )
        properties.update(
            shade=None if one is None else 1 + min(SHADES - 1, SHADES * below // max(len(ordered), 1)),
            quiet=one is None,
            told=f"{properties['name']}: {said}",
        )
    return polygons
