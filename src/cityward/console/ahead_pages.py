"""What the page *Ahead* shows: warnings, what is asked beside what can be done, and the fan of one forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi import APIRouter, Request
from starlette.responses import Response

from cityward.anticipate.early import FEWEST_EXPECTED, OPENS
from cityward.city import City
from cityward.console.tongue import say
from cityward.core.errors import UnknownId
from cityward.core.records import LevelTest

if TYPE_CHECKING:
    from cityward.console.pages import Console

PAST_DAYS = 56
WEEK = 7


def mount(router: APIRouter, console: Console) -> None:
    """Add the page."""

    @router.get("/ahead")
    def ahead(request: Request) -> Response:
        return console.page(request, "ahead.html", **ahead_page(console.city, request.query_params))


def ahead_page(city: City, query: Mapping[str, str]) -> dict[str, Any]:
    """Return one service in one place, and every service in the place's group or the city.

    Without a choice: the place and service of the most serious warning, else the busiest service in the city.

    Raises
    ------
    UnknownId
        There is no forecast for the service, level or place.
    """
    everything = city.forecast(level="all").with_columns(pl.col("level").fill_null(city.levels()[0]))
    outlook, warnings = city.outlook(), city.warnings()
    places = _places(city, everything)
    service, level, territory = _chosen(everything, places, query, warnings[0] if warnings else None)
    days = everything.filter((pl.col("service") == service) & (pl.col("territory") == territory))
    area = level == city.levels()[0]
    members = _members(city, places, level, territory)
    past = city.daily(service, members, PAST_DAYS).to_dicts() if service else []
    whole = next(iter(next(iter(places.values()), {})), "")
    beside = whole if area else territory
    turn = city.turn()
    return {
        "warnings": warnings,
        "fewest": FEWEST_EXPECTED,
        "opens": OPENS,
        "currency": city.settings.work.currency,
        "actions": {one.about: one for one in city.proposals()},
        "services": everything["service"].unique(maintain_order=True).to_list(),
        "levels": list(places),
        "level": level,
        "service": service,
        "territory": territory,
        "names": places.get(level, {}),
        "days": days.to_dicts(),
        "floor": _last_week_again(past, days.height),
        "past": past,
        "rows": outlook.filter(pl.col("territory") == beside)
        .sort("probability", descending=True, nulls_last=True)
        .to_dicts(),
        "beside": next((names[beside] for names in places.values() if beside in names), ""),
        "tests": [one for one in (turn.level_tests if turn else ()) if one.service == service],
        "summary": levels_told(turn.level_tests if turn else ()),
        "growth": turn.growth if turn else (),
        "growth_test": turn.growth_test if turn else None,
        "need_of": {need.id: need for need in (turn.needs if turn else ())},
        "backtests": city.backtests(),
    }


def levels_told(tests: Sequence[LevelTest]) -> list[dict[str, Any]]:
    """How each level did over all services: the mean absolute error a day, each service counting by its size."""
    found = []
    for level in dict.fromkeys(one.level for one in tests):
        some = [one for one in tests if one.level == level]
        sums = {name: sum(getattr(one, name) for one in some) for name in ("alone", "summed", "reconciled")}
        in_use = sum(one.reconciled if one.used else one.summed for one in some)
        found.append({"level": level, "nodes": some[0].nodes, **sums, "in_use": in_use})
    return found[::-1] if found and found[0]["nodes"] > found[-1]["nodes"] else found


def _places(city: City, everything: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Names of the places of each level: areas by name, then groups and the city."""
    names = city.area_names
    found: dict[str, dict[str, str]] = {}
    for level in everything["level"].unique(maintain_order=True):
        ids = everything.filter(pl.col("level") == level)["territory"].unique(maintain_order=True)
        named = {one: names.get(one) or one.split(":", 1)[-1] for one in ids}
        found[level] = dict(sorted(named.items(), key=lambda pair: pair[1]))
    # As one zooms in: the city, its groups, its areas.
    return dict(sorted(found.items(), key=lambda pair: len(pair[1])))


def _chosen(
    everything: pl.DataFrame, places: Mapping[str, Mapping[str, str]], query: Mapping[str, str], first: Any
) -> tuple[str, str, str]:
    if not everything.height:
        return "", "", ""
    by_place = {territory: level for level, names in places.items() for territory in names}
    service = query.get("service") or (first.service if first else _busiest(everything, "service"))
    territory = query.get("territory", "")
    level = query.get("level") or by_place.get(territory, "")
    if not level:
        level = first.level if first and first.service == service else next(iter(places))
    known = everything.filter((pl.col("service") == service) & (pl.col("level") == level))
    if not known.height or (territory and territory not in by_place):
        raise UnknownId(say("There is no forecast for that service and place."), say("Choose them from the lists."))
    if by_place.get(territory) != level:
        fitting = first is not None and first.service == service and first.level == level
        territory = first.territory if fitting else _busiest(known, "territory")
    return service, level, territory


def _busiest(forecast: pl.DataFrame, column: str) -> str:
    sums = forecast.group_by(column).agg(pl.col("mean").sum())
    return str(sums.sort("mean", column, descending=[True, False])[column][0])


def _members(city: City, places: Mapping[str, Mapping[str, str]], level: str, territory: str) -> list[str] | None:
    """Areas of a place; None stands for all of them."""
    if level == city.levels()[0]:
        return [territory]
    name = places.get(level, {}).get(territory, "")
    inside = [one.id for one in city.territories() if one.parent == name]
    return inside or None


def _last_week_again(past: Sequence[Mapping[str, Any]], days: int) -> list[int]:
    """The simplest floor: each day brings what its weekday brought last week."""
    last = [row["interactions"] for row in past[-WEEK:]]
    return [last[at % WEEK] for at in range(days)] if len(last) == WEEK else []
