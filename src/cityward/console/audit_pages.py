"""The page of an audit: what a system does to groups, with limits, what the data do not tell, and the gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cityward.answerable.audit.columns import NOT_STATED
from cityward.answerable.audit.kept import KeptAudit, KeptGroup, KeptProxies, KeptRate, read_kept
from cityward.console.tongue import marked, say, say_many
from cityward.core.errors import UnknownId

if TYPE_CHECKING:
    from cityward.console.pages import Console
    from cityward.core.systems import SystemEvent

RATES: Final = {
    "false_positive_rate": (marked("wrongly selected"), marked("of people without the outcome")),
    "false_negative_rate": (marked("missed"), marked("of people with the outcome")),
    "positive_predictive_value": (marked("rightly selected"), marked("of the selected")),
    "selection_rate": (marked("selected"), marked("of everybody")),
    "base_rate": (marked("outcome"), marked("of everybody whose outcome is known")),
}
"""Rates that the page tells: how a column is headed, and out of whom."""

_ERRORS: Final = ("false_positive_rate", "false_negative_rate", "positive_predictive_value")
LEVEL: Final = 0.05
"""From here on, after correction for all comparisons, a difference counts as chance."""

GATES: Final = {
    "suspend": marked("The gate stopped it: more errors than when it was approved"),
    "alarm": marked("Alarm: improbably few errors"),
    "not judged": marked("The gate could not judge it"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An audit in a list: the event that kept it, its figures (None of older versions), and its heading."""

    event: SystemEvent
    kept: KeptAudit | KeptProxies | None
    headline: str


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/systems/{name}/audits/{identifier}``."""

    @router.get("/systems/{name}/audits/{identifier}")
    def audit(request: Request, name: str, identifier: str, rate: str = "") -> HTMLResponse:
        standing = console.city.systems.get(name)
        found = next((one for one in audits_of(standing.events) if one.event.id == identifier), None)
        if found is None:
            raise UnknownId(
                say("There is no audit '%(id)s' of '%(system)s'.", id=identifier[:60], system=standing.system.id),
                say("Its audits are on the page %(page)s.", page="/systems/" + standing.system.id),
            )
        shown: dict[str, Any] = {
            "system": standing.system,
            "suspended": standing.suspended,
            "audit": found,
        }
        if isinstance(found.kept, KeptAudit):
            return console.page(request, "audit.html", **shown, **_shown(found.kept, rate))
        return console.page(request, "audit_proxies.html", **shown)


def audits_of(events: Sequence[SystemEvent]) -> list[Told]:
    """Audits among what happened to a system, the newest first."""
    found = [(one, read_kept(one.note)) for one in reversed(events) if one.what == "audited"]
    return [Told(event, kept, headline(kept)) for event, kept in found]


def headline(kept: KeptAudit | KeptProxies | None) -> str:
    """What was found, in a few words."""
    if kept is None:
        return say("An audit")
    if isinstance(kept, KeptProxies):
        return _of_proxies(kept)
    return say(GATES.get(kept.gate.state if kept.gate else "", "")) or _of_groups(kept)


def _of_proxies(kept: KeptProxies) -> str:
    strong = {one.column for one in kept.proxies if one.verdict == "proxy"}
    found = strong or {one.column for one in kept.proxies if one.verdict == "weak"}
    if not found:
        return say("No column alone gives a group away")
    if strong:
        return say_many("One column gives a group away", "%(num)s columns give a group away", len(found))
    return say_many("One column gives a group away in part", "%(num)s columns give a group away in part", len(found))


def _of_groups(kept: KeptAudit) -> str:
    if any(one.severity == "leak" for one in kept.checks):
        return say("These data cannot be believed as they are")
    if not kept.identifiable:
        return say("How often it is wrong is not in the data")
    if any(_differs(one.rates.get(name)) for one in kept.groups for name in _ERRORS):
        return say("It is not equally often wrong about all groups")
    if any(_differs(one.rates.get("selection_rate")) for one in kept.groups):
        return say("It does not select all groups equally often")
    return say("No difference between groups is more than chance")


def _differs(rate: KeptRate | None) -> bool:
    return rate is not None and rate.status == "known" and rate.p_holm is not None and rate.p_holm < LEVEL


def _shown(kept: KeptAudit, rate: str) -> dict[str, Any]:
    everybody, *others = sorted(kept.groups, key=lambda one: NOT_STATED in one.group)  # what is missing comes last
    chosen = rate if rate in RATES else _most_telling(kept)
    tables: dict[str, list[KeptGroup]] = {}
    for one in others:
        tables.setdefault(" and ".join(one.by), []).append(one)
    drawn = [one.rates[chosen] for one in kept.groups if chosen in one.rates]
    highest = max((one.high for one in drawn if one.high is not None), default=1.0)
    return {
        "kept": kept,
        "level": LEVEL,
        "everybody": everybody,
        "tables": dict(sorted(tables.items(), key=lambda one: len(one[1]))),
        "rates": {name: (say(head), say(of)) for name, (head, of) in RATES.items()},
        "chosen": chosen,
        "most": min(1.0, math.ceil(10 * highest) / 10) or 1.0,
        "few": [one for one in others if not one.rates],
        "not_told": [name for name, one in everybody.rates.items() if one.status == "not identifiable"],
    }


def _most_telling(kept: KeptAudit) -> str:
    """The rate by which the groups differ most surely; errors first, then what can be told at all."""

    def order(name: str) -> tuple[bool, float]:
        rates = [one.rates[name] for one in kept.groups if name in one.rates]
        surest = min((one.p_holm for one in rates if one.p_holm is not None), default=2.0)
        return not any(one.value is not None for one in rates), surest

    return min((name for name in RATES if name != "base_rate"), key=order)
