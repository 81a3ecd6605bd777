"""Proposals: what could be done, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cityward.act.options import NO_WORK, UNKNOWN_EFFECT, Course, Work, for_need, for_silence
from cityward.core.identifiers import make_id
from cityward.core.records import ALL_SERVICES, Need, Outcome, Proposal, Silence

MOST_PROPOSALS: Final = 12
"""More would not be read; what is left out waits in the lists of needs, silent places and forecasts."""

_FROM_NEEDS, _FROM_SILENCES = 6, 3
_UNKNOWN_EFFECT: Final = UNKNOWN_EFFECT

SMALL_NUMBER: Final = 10
"""Fewer reports than this are looked at one by one before anybody is sent."""

SAME_PLACES_SHARE: Final = 0.5
"""A need over all services that shares more of its places with one service's need is proposed once."""


def propose(
    needs: Sequence[Need],
    silences: Sequence[Silence],
    *,
    courses: Mapping[str, Course] | None = None,
    work: Work = NO_WORK,
    measured: Sequence[Outcome] = (),
) -> list[Proposal]:
    """Return at most `MOST_PROPOSALS` proposals: from needs, then silent places.

    Parameters
    ----------
    needs, silences : sequence
        Best first. A need over all services is left out where a single service's need says the same.
    courses : mapping, optional
        By the identifier of a need, what is expected of it when nobody acts.
    work : Work
        What a report takes, and what an hour costs.
    measured : sequence of Outcome
        What came of earlier actions; effects are read off them.

    Returns
    -------
    list of Proposal
        All waiting. The reason reads on from "because": it ends with a full stop.
    """
    ahead = courses or {}
    found = [_from_need(need, ahead.get(need.id), work, measured) for need in _distinct(needs)[:_FROM_NEEDS]]
    found += [_from_silence(silence, work) for silence in silences[:_FROM_SILENCES]]
    return found[:MOST_PROPOSALS]


def _distinct(needs: Sequence[Need]) -> list[Need]:
    """Needs, without those over all services that a single service's need explains."""
    single = [set(need.territories) for need in needs if need.service != ALL_SERVICES]

    def explained(need: Need) -> bool:
        places = set(need.territories)
        return any(len(places & other) > SAME_PLACES_SHARE * len(places) for other in single)

    return [need for need in needs if need.service != ALL_SERVICES or not explained(need)]


def _from_need(need: Need, ahead: Course | None, work: Work, measured: Sequence[Outcome]) -> Proposal:
    where = need.names[0] if len(need.names) == 1 else f"{len(need.names)} areas around {need.names[0]}"
    what = "reports of all kinds" if need.service == ALL_SERVICES else _inside(need.service)
    if any("data entry" in caveat for caveat in need.caveats):
        action = f"Check with the intake desk whether these reports were typed in together; if not, inspect {where}."
    elif need.observed < SMALL_NUMBER:
        action = f"Read the {need.observed} reports one by one; where they tell of the same thing, inspect {where}."
    else:
        action = f"Send an inspection to {where} within three working days and report what is found for each address."
    # The rank of the strongest of all shuffles is only a bound.
    often = "less than once" if need.p_value * (need.replicates + 1) < 1.5 else "about once"
    options = for_need(need, where, action, ahead, work, measured)
    return Proposal(
        id=make_id("proposal", need.id, action),
        about=need.id,
        service=need.service,
        territories=need.territories,
        title=f"Look into {what} in {where}",
        because=(
            f"{need.sentence.removesuffix('.')}; chance alone would show this {often} in "
            f"{need.recurrence_days:,.0f} days."
        ),
        action=action,
        effect=options[0].effect,
        system="cityward-need-scan",
        options=options,
    )


def _from_silence(silence: Silence, work: Work) -> Proposal:
    action = f"Ask in {silence.name}: knock on doors, call, or set up a table at a library or clinic for a week."
    return Proposal(
        id=make_id("proposal", silence.id, action),
        about=silence.id,
        service=ALL_SERVICES,
        territories=(silence.territory,),
        title=f"Ask in {silence.name} what is missing",
        because=silence.sentence,
        action=action,
        effect=_UNKNOWN_EFFECT,
        system="cityward-silence",
        options=for_silence(silence, action, work),
    )


def _inside(service: str) -> str:
    """A service's name inside a sentence; abbreviations keep their capitals."""
    return service if service[1:2].isupper() else f"{service[:1].lower()}{service[1:]}"
