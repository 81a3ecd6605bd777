"""What follows from a decision: nothing for a rejection, work orders for an approval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from cityward.city.orders import Assignment
from cityward.city.outcomes import day_of
from cityward.core.identifiers import kind_of, make_id
from cityward.core.records import Decision, Proposal
from cityward.core.work import DO_NOTHING, Job

if TYPE_CHECKING:
    from cityward.city.city import City

Keep = Callable[[Any], None]


def take_effect(city: City, proposal: Proposal, decision: Decision) -> Keep:
    """Prepare what a decision sets going; return what keeps it, in the same transaction as the decision itself.

    A decision without its orders, or orders without their decision, can so never be found after a crash. For a
    holder of ``writing``.
    """
    work = EFFECTS.get(kind_of(proposal.about) or "")
    if decision.outcome != "approved" or decision.option_title == DO_NOTHING or work is None:
        return lambda _: None
    _, keep = city.orders.prepare(work(city, proposal, decision), decision)
    return keep


def _inspections(city: City, proposal: Proposal, decision: Decision) -> Sequence[Assignment]:
    """One inspection for each territory of a need or a silent place, at its centroid."""
    index, _ = city.level(None)
    place = {identifier: at for at, identifier in enumerate(index.ids)}
    work, since = city.settings.work.of(proposal.service), _waiting_since(city, proposal, decision)
    jobs = [
        Job(
            id=make_id("job", proposal.about, territory),
            about=proposal.about,
            service=proposal.service,
            title=f"{proposal.title}: {index.names[place[territory]]}. {_action(proposal, decision)}",
            territory=territory,
            lon=float(index.centroids[place[territory], 0]),
            lat=float(index.centroids[place[territory], 1]),
            minutes=work.minutes,
            skill=work.skill,
            waiting_since=since,
        )
        for territory in proposal.territories
        if territory in place
    ]
    return [(job, None, None) for job in jobs]


def _tours(city: City, proposal: Proposal, decision: Decision) -> Sequence[Assignment]:
    """What the plan gives to each crew, or the plan beside it that was chosen instead."""
    return city.planning.assignments(proposal.about, decision.option_title)


def _action(proposal: Proposal, decision: Decision) -> str:
    """What was approved: the option that was chosen, else what was recommended."""
    chosen = [option.action for option in proposal.options if option.title == decision.option_title]
    return chosen[0] if chosen else proposal.action


def _waiting_since(city: City, proposal: Proposal, decision: Decision) -> date:
    """Since when people wait: the first day of the need, else the day of the decision."""
    need = city.registers.get_need(proposal.about) if kind_of(proposal.about) == "need" else None
    return need.starts if need else day_of(decision, city.time_zone)


EFFECTS: dict[str, Callable[[City, Proposal, Decision], Sequence[Assignment]]] = {
    "need": _inspections,
    "silence": _inspections,
    "plan": _tours,
}
"""By the kind of what a proposal is about: which work an approval gives out. A warning gives out none by itself: the
crews that were approved for it go out with the next plan (`cityward.city.planning.Planning.crews`)."""
