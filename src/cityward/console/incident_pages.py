"""The pages *Watch*: security incidents with what they may cost, what is silent, and what the rules can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from cityward.console.tongue import english, number, percent, say, say_many
from cityward.secure.incidents.coverage import coverage, table

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console
    from cityward.secure.incidents.records import Expected, SecurityIncident

SHOWN: Final = 100
WIDTH: Final = 120


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/security/incidents`` and ``/security/incidents/{identifier}``."""

    @router.get("/security/incidents")
    def watch(request: Request) -> HTMLResponse:
        return console.page(request, "watch.html", **watch_page(console.city))

    @router.get("/security/incidents/{identifier}")
    def incident(request: Request, identifier: str) -> HTMLResponse:
        one = console.city.incidents.get(identifier)
        told = [scenario_told(each, one.currency) for each in one.expected]
        return console.page(request, "security_incident.html", one=one, told=told, cost=cost_told(one))


def watch_page(city: City) -> dict[str, Any]:
    """Return what stands open, what is silent, and what the rules can see."""
    held = city.incidents.all()
    standing = [one for one in held if one.state in ("open", "taken", "silenced")]
    rows = coverage()
    proven, claimed = sum(one.proven for one in rows), sum(one.claimed for one in rows)
    return {
        "headline": headline([one for one in standing if one.state != "silenced"]),
        "incidents": [(one, cost_told(one)) for one in standing[:SHOWN]],
        "beyond": max(0, len(standing) - SHOWN),
        "closed": sum(one.state == "closed" for one in held),
        "silences": city.incidents.active_silences(),
        "coverage": rows,
        "most": max((one.claimed for one in rows), default=1),
        "width": WIDTH,
        "share": percent(proven / claimed if claimed else 0.0),
        "own": len(table().own),
        "proven": len(table().proven),
    }


def headline(standing: list[SecurityIncident]) -> object:
    """The finding in a sentence."""
    if not standing:
        return say("No security incident stands open")
    first, more = english(standing[0].headline.removesuffix(".")), len(standing) - 1
    if not more:
        return first
    return Markup("{}; {}").format(first, say_many("%(num)s more stands open", "%(num)s more stand open", more))


def cost_told(one: SecurityIncident) -> str:
    """What it may cost, in a sentence."""
    if not one.expected:
        return say("no scenario covers it")
    return say(
        "%(money)s %(currency)s and %(hours)s hours of people without a service",
        money=number(one.loss), currency=one.currency, hours=number(one.lost_hours),
    )  # fmt: skip


def scenario_told(each: Expected, currency: str) -> dict[str, str]:
    """A scenario as a row."""
    return {
        "name": each.name,
        "fits": say("names these techniques, other systems")
        if each.fits == "techniques"
        else say("names these techniques and systems"),
        "success": percent(each.success),
        "money": f"{number(each.money)} ± {number(each.money_error)} {currency}",
        "hours": f"{number(each.citizen_hours)} ± {number(each.citizen_hours_error)}",
    }
