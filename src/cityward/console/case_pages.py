"""The page *Cases*: how the order does, then the list with its reasons, then who answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from cityward.city.cases import INCOME_GROUPS
from cityward.console.tongue import gettext, number, say
from cityward.core.cases import Ranking

if TYPE_CHECKING:
    from cityward.console.pages import Console

SHOWN = 100
SPREAD_DAYS = 2.0
"""Smaller differences between groups are within what a few findings more or less would make."""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/cases`` and its table as CSV."""

    @router.get("/cases")
    def cases(request: Request) -> HTMLResponse:
        rankings = console.city.cases.rankings()
        chosen = request.query_params.get("type") or (rankings[0].type if rankings else "")
        shown = [one for one in rankings if one.type == chosen] or rankings[:1]
        ranking = shown[0] if shown else None
        system = console.city.cases.system(ranking.system) if ranking else None
        return console.page(
            request,
            "cases.html",
            rankings=rankings,
            ranking=ranking,
            system=system,
            rule=console.city.cases.types()[ranking.type].rule if ranking else None,
            shown=SHOWN,
            headline=headline(ranking) if ranking else "",
            fairness=fairness(ranking) if ranking else "",
            most=max((case.high for case in ranking.cases[:SHOWN]), default=1.0) if ranking else 1.0,
        )

    @router.get("/cases/{name}.csv")
    def export(name: str) -> Response:
        headers = {"content-disposition": 'attachment; filename="cases.csv"'}
        body = console.city.cases.export_csv(name)
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def headline(ranking: Ranking) -> str:
    """Say what the order would have found, in whole kitchens of ten, and no more than was seen."""
    ranked, done = round(10 * ranking.tried_ranked), round(10 * ranking.tried_done)
    if not ranking.used:
        return say("The order by risk is not clearly better than the order in which visits were made")
    if ranked == done:
        return say("With this order findings would come a few days earlier, but hardly more of them in the first half")
    return say(
        "With this order %(ranked)s of 10 visits that find something would lie in the first half, instead of %(done)s",
        ranked=ranked,
        done=done,
    )


def fairness(ranking: Ranking) -> str:
    """Say which income group gains most and which least; nothing where fewer than two groups can be told apart."""
    known = [(one.days_earlier, one) for one in ranking.groups if one.days_earlier is not None]
    known = sorted(((days, one) for days, one in known if one.group in INCOME_GROUPS), key=lambda pair: pair[0])
    if len(known) < 2:
        return ""
    (few, least), (many, most) = known[0], known[-1]
    if many - few < SPREAD_DAYS:
        return say("Areas of all income groups gain about the same.")
    rough = " " + say("Few were found there: the figure is rough.") if most.small or least.small else ""
    shared = say(
        "The gain is not shared alike: findings come %(many)s in areas with %(most)s, and %(few)s in areas with "
        "%(least)s.",
        many=_days(many),
        most=gettext(most.group),
        few=_days(few),
        least=gettext(least.group),
    )
    floor = say("Whoever works by this order should set a floor in the plan, so that no group of areas waits longer.")
    return f"{shared}{rough} {floor}"


def _days(earlier: float) -> str:
    days = number(abs(earlier), 1)
    return say("%(days)s days earlier", days=days) if earlier >= 0 else say("%(days)s days later", days=days)
