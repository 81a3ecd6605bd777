"""Crews that go out beside the usual ones, because somebody approved them for an early warning."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from cityward.city.outcomes import day_of
from cityward.core.identifiers import kind_of
from cityward.core.records import Decision, Proposal
from cityward.core.work import Crew

if TYPE_CHECKING:
    from cityward.city.city import City

BEGINS_MINUTES: Final = 8 * 60
SHIFT_MINUTES: Final = 8 * 60
"""One shift a day, as their hours and cost were reckoned with."""


def extra_crews(city: City, day: date) -> list[Crew]:
    """Crews of approved options that go out on ``day``: on each of the option's days after the decision's."""
    proposals = {proposal.id: proposal for proposal in city.proposals("approved")}
    found: list[Crew] = []
    for decision in sorted(city.decisions(), key=lambda one: one.id):
        proposal = proposals.get(decision.proposal)
        if proposal is not None and decision.outcome == "approved" and kind_of(proposal.about) == "warning":
            found += _of(city, proposal, decision, day)
    return found


def _of(city: City, proposal: Proposal, decision: Decision, day: date) -> list[Crew]:
    chosen = next((option for option in proposal.options if option.title == decision.option_title), None)
    first = day_of(decision, city.time_zone) + timedelta(days=1)
    if chosen is None or not first <= day < first + timedelta(days=chosen.extra_days):
        return []
    index, _ = city.level(None)
    inside = [at for at, identifier in enumerate(index.ids) if identifier in proposal.territories]
    lon, lat = index.centroids[inside or slice(None)].mean(axis=0)
    return [
        Crew(
            id=f"extra-{decision.id}-{number}",
            name=f"Extra crew {number} ({decision.id})",
            skills=(city.settings.work.of(proposal.service).skill,),
            lon=float(lon),
            lat=float(lat),
            shift_begins_minutes=BEGINS_MINUTES,
            shift_minutes=SHIFT_MINUTES,
        )
        for number in range(1, chosen.extra_crews + 1)
    ]
