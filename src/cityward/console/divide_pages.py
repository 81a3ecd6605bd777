"""The page *Divide*: whether all areas are served alike, which have least, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from cityward.city.dividing import CityDivide
from cityward.console.tongue import gettext, say, significant
from cityward.equitable.divide.index import Indexed
from cityward.equitable.divide.symmetry import Symmetry

if TYPE_CHECKING:
    from cityward.console.pages import Console

SHADES = 5
"""Of the map; each tier has its own as long as there are no more."""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/divide`` and the areas of its map."""
    city = console.city

    @router.get("/divide")
    def divide(request: Request) -> HTMLResponse:
        page = divide_page(city.divide.told(), request.query_params)
        return console.page(request, "divide.html", half=city.rolling_out.kept, **page)

    @router.get("/console/divide.json")
    def areas() -> JSONResponse:
        return JSONResponse(painted(city.geojson(), city.divide.told()), headers={"cache-control": "no-cache"})


def divide_page(told: CityDivide, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the headline, figures by the groups that are asked for, and areas by tier.

    Groups that do not exist give the first ones.
    """
    groupings = list(dict.fromkeys(one.by for one in told.symmetry))
    by = query.get("by", "") if query.get("by") in groupings else next(iter(groupings), "")
    shown = [one for one in told.symmetry if one.by == by]
    return {
        "told": told,
        "headline": headline(told.symmetry),
        "leading": leading(told.symmetry),
        "groupings": groupings,
        "by": by,
        "shown": [one for one in shown if not one.service],
        "by_service": [one for one in shown if one.service],
        "names": [group.group for group in shown[0].groups] if shown else [],
        "areas": in_tiers(told.index.places) if told.index else [],
        "deepest": [place for place in in_tiers(told.index.places) if place.tier == 1] if told.index else [],
    }


def leading(alike: Sequence[Symmetry]) -> Symmetry | None:
    """What differs clearly in what the city itself does, of all services together."""
    return next((one for one in alike if one.verdict == "differs" and one.better == "lower" and not one.service), None)


def headline(alike: Sequence[Symmetry]) -> str:
    """The finding in a sentence."""
    first = leading(alike)
    if first is None:
        known = any(one.verdict not in ("few", "cannot tell") for one in alike)
        return (
            say("All areas are served alike, as far as we can tell")
            if known
            else say("Who is served less we cannot tell yet")
        )
    worst, best = first.groups[0], first.groups[-1]
    sides = ", ".join(
        say("%(value)s where there is the %(group)s", value=_short(one.figure.value), group=gettext(one.group))
        for one in (worst, best)
    )
    name = gettext(first.name)
    return f"{name[:1].upper()}{name[1:]}: {sides}"


def in_tiers(places: Sequence[Indexed]) -> list[Indexed]:
    """By tier, and by name within one, for places of one tier are not ordered; what we cannot tell comes last."""
    return sorted(places, key=lambda one: (one.tier is None, one.tier or 0, one.name, one.place))


def painted(polygons: dict[str, Any], told: CityDivide) -> dict[str, Any]:
    """Add to each polygon how deep its tier is, for the map, and the words that it says."""
    index = told.index
    tiers = {one.place: one.tier for one in (index.places if index else ())}
    tiers_all = index.tiers if index else 0
    for feature in polygons["features"]:
        properties = feature["properties"]
        tier = tiers.get(properties["id"])
        said = say("we cannot tell") if tier is None else say("tier %(tier)s of %(tiers)s", tier=tier, tiers=tiers_all)
        properties.update(
            shade=None if tier is None else SHADES - round((SHADES - 1) * (tier - 1) / max(tiers_all - 1, 1)),
            quiet=tier is None,
            told=f"{properties['name']}: {said}",
        )
    return polygons


def _short(value: float | None) -> str:
    return say("not known") if value is None else significant(value, 3)
