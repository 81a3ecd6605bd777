"""Who holds which duty of a system at a moment, and whether he has accepted it.

Source: Regulation (EU) 2024/1689, article 25: a substantial modification makes the one who modified the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from cityward.answerable.register.shape import PartySection, System
from cityward.answerable.register.versions import digest
from cityward.core.clock import local_day
from cityward.core.systems import SystemEvent

PROVIDER = "manufacturer"
"""The duty that article 25 moves."""

State = Literal["approved", "not approved", "edited after approval", "ended"]


@dataclass(frozen=True, slots=True)
class Holding:
    """A duty in somebody's hands: since when he has accepted it (None: he has not), and why it is he.

    ``basis`` is ``named`` in the file, ``handed over``, or ``article 25``; ``before`` is who held it otherwise.
    """

    duty: str
    party: str
    contact: str
    key: str
    basis: Literal["named", "handed over", "article 25"]
    accepted: date | None = None
    before: str = ""
    until: date | None = None


def acceptance_text(party: str, duty: str, system: System, since: date) -> str:
    """The text that a party signs to accept a duty; ends with a line break."""
    return f"{party} accepts the duty {duty} of {system.id} {system.version}, digest {digest(system)}, from {since}\n"


def hand_over_text(
    giver: str, taker: str, taker_key: str, duty: str, system: System, since: date, until: date | None
) -> str:
    """The text that both sides sign to hand a duty over; it names the taker's key, for which the giver vouches."""
    end = f" until {until}" if until else ""
    return (
        f"{giver} hands the duty {duty} of {system.id} {system.version} over to {taker} with key {taker_key}, "
        f"digest {digest(system)}, from {since}{end}\n"
    )


def state_of(system: System, events: Iterable[SystemEvent], moment: datetime, zone: str = "UTC") -> State:
    """How a system stands at a moment: whether exactly this version is approved and in use."""
    day = local_day(moment, zone)
    mine = [one for one in events if one.system == system.id and one.at <= moment]
    turns = [one for one in mine if one.what in ("approved", "modified", "ended")]
    last = turns[-1] if turns else None
    if last is not None and last.what == "ended" and (last.valid_from or day) <= day:
        return "ended"
    if system.ends and system.ends < day:
        return "ended"
    approved = [one for one in turns if one.what != "ended"]
    if not approved or approved[-1].version != system.version:
        return "not approved"
    return "approved" if approved[-1].digest == digest(system) else "edited after approval"


def duties(system: System, events: Sequence[SystemEvent], moment: datetime, zone: str = "UTC") -> tuple[Holding, ...]:
    """Who holds each duty at a moment, with acceptance, in the order of the file.

    Parameters
    ----------
    system : System
        The version that the file says.
    events : sequence of SystemEvent
        What happened to it, oldest first; signatures were checked by the caller.
    moment : datetime.datetime
        The moment that is asked about (with its zone).
    zone : str, optional
        IANA time zone of the whole days from and until which a duty is held.
    """
    day = local_day(moment, zone)
    mine = [one for one in events if one.system == system.id and one.at <= moment]
    holdings = [_named(party) for party in system.parties]
    moved = [one for one in mine if one.what == "modified" and one.substantial and one.party]
    if moved:
        holdings = [_moved(one, system, moved[-1]) if one.duty == PROVIDER else one for one in holdings]
    covered = _covered(system, mine)
    told = [_accepted(one, mine, covered, day) for one in holdings]
    return tuple(_handed(one, mine, covered, day) for one in told)


def _named(party: PartySection) -> Holding:
    return Holding(party.duty, " ".join(party.name.split()), party.contact, party.key, "named")


def _moved(holding: Holding, system: System, event: SystemEvent) -> Holding:
    """The provider's duties in the hands of who modified it last."""
    if event.party == holding.party:
        return holding
    known = next((one for one in system.parties if " ".join(one.name.split()) == event.party), None)
    return Holding(
        PROVIDER,
        event.party,
        known.contact if known else "",
        known.key if known else "",
        "article 25",
        before=holding.party,
    )


def _covered(system: System, events: Sequence[SystemEvent]) -> set[str]:
    """Digests whose acceptances still hold: this version's, and those before it up to a substantial change."""
    covered = {digest(system)}
    current = ""
    for one in reversed(events):
        if one.what not in ("approved", "modified"):
            continue
        if not current:
            if one.digest not in covered:
                break
            current = one.digest
        covered.add(one.digest)
        if one.substantial is not False:
            break
    return covered


def _accepted(holding: Holding, events: Sequence[SystemEvent], covered: set[str], day: date) -> Holding:
    for one in events:
        mine = one.what == "accepted" and (one.duty, one.party) == (holding.duty, holding.party)
        if mine and one.digest in covered and one.valid_from and one.valid_from <= day:
            return replace(holding, accepted=one.valid_from)
    return holding


def _handed(holding: Holding, events: Sequence[SystemEvent], covered: set[str], day: date) -> Holding:
    """Follow hand-overs that are in force; one that has ended gives the duty back."""
    for one in events:
        mine = one.what == "handed over" and (one.duty, one.party) == (holding.duty, holding.party)
        if not mine or one.digest not in covered or one.valid_from is None:
            continue
        if one.valid_from <= day and (one.valid_until is None or day <= one.valid_until):
            holding = Holding(
                holding.duty,
                one.taker,
                holding.contact,
                one.taker_key,
                "handed over",
                accepted=one.valid_from,
                before=one.party,
                until=one.valid_until,
            )
    return holding


def not_accepted(holdings: Iterable[Holding]) -> tuple[str, ...]:
    """Duties that nobody has accepted, each once."""
    return tuple(dict.fromkeys(one.duty for one in holdings if one.accepted is None))
