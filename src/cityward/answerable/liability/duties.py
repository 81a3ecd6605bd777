"""Who held which duty of a system at the moment of a decision, and which version that was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from cityward.answerable.register.duties import Holding, duties
from cityward.answerable.register.shape import DUTIES, System
from cityward.answerable.register.versions import canonical, digest, read_canonical
from cityward.core import words
from cityward.core.liability import DutyHeld, SystemThen
from cityward.core.systems import SystemEvent


def version_then(
    identifier: str,
    version: str,
    system_digest: str,
    events: Sequence[SystemEvent],
    moment: datetime,
) -> tuple[System | None, SystemEvent | None]:
    """The version that was in force at a moment and the event that put it there; None for what is not known.

    Parameters
    ----------
    identifier, version : str
        System and the version that the decision names.
    system_digest : str
        Digest of the version, where the decision names it; empty where not.
    events : sequence of SystemEvent
        What happened to systems, oldest first; only what the ledger proves.
    """
    kept = [one for one in events if one.system == identifier and one.body and one.at <= moment]
    fits = [one for one in kept if one.version == version and system_digest in ("", one.digest)]
    return (read_canonical(fits[-1].body), fits[-1]) if fits else (None, None)


def system_then(system: System, event: SystemEvent | None, now: System | None, named_digest: str) -> SystemThen:
    """The version as the file tells it; ``now`` is what its file says today, None where it cannot be read."""
    own = digest(system)
    says = []
    if event is None:
        says.append(
            "Nobody had approved this version before the decision; its text is that of the system's file today."
        )
    if named_digest and named_digest != own:
        says.append(f"The decision names the digest {named_digest}, which is not that of this text.")
    if now is None:
        says.append("The system's file cannot be read today, or is gone.")
    elif event is not None and digest(now) != own:
        same = now.version == system.version
        says.append(
            f"The system's file today says something else under the same version {now.version}: its digest is "
            f"{digest(now)}. The text here is the one that was approved."
            if same
            else f"The system's file today is version {now.version}. The text here is the one that was approved."
        )
    return SystemThen(
        id=system.id,
        name=system.name,
        version=system.version,
        digest=own,
        text=canonical(system),
        says=tuple(says),
        approved_at=event.at if event else None,
        approved_by=event.by if event else "",
        receipt=event.receipt if event else None,
    )


def duties_then(system: System, events: Sequence[SystemEvent], moment: datetime, zone: str) -> tuple[DutyHeld, ...]:
    """Who held each duty at a moment, as the register tells it for that moment, with the entry that proves it."""
    mine = [one for one in events if one.system == system.id and one.at <= moment]
    return tuple(_held(one, mine) for one in duties(system, events, moment, zone))


def overseer_by_deciding(by: str, day: date, receipt: int | None) -> DutyHeld:
    """The duty of overseer in the hands of whoever decided under his own name, as `cityward.city.registered` counts it.

    Source: Regulation (EU) 2024/1689, articles 14 and 26(2).
    """
    return DutyHeld(
        duty="overseer",
        means=DUTIES["overseer"],
        party=by,
        contact="",
        basis="decided",
        says=f"{by} decided by name on {words.day(day)}: the duty of overseer lay with who decides.",
        accepted=day,
        receipt=receipt,
    )


def _held(one: Holding, events: Sequence[SystemEvent]) -> DutyHeld:
    proof = _proof(one, events)
    if one.accepted is None:
        says = f"{one.party} is named for the duty of {one.duty} and had not accepted it."
    elif one.basis == "handed over":
        end = f" until {words.day(one.until)}" if one.until else ""
        says = (
            f"{one.party} held the duty of {one.duty}: {one.before} had handed it over from "
            f"{words.day(one.accepted)}{end}; both signed."
        )
    else:
        says = f"{one.party} held the duty of {one.duty} and had accepted it from {words.day(one.accepted)}."
    if one.basis == "article 25":
        says += f" Before, {one.before} held it; it moved with a substantial modification (AI Act, article 25)."
    return DutyHeld(
        duty=one.duty,
        means=DUTIES.get(one.duty, ""),
        party=one.party,
        contact=one.contact,
        basis=one.basis,
        says=says,
        before=one.before,
        accepted=one.accepted,
        until=one.until,
        receipt=proof.receipt if proof else None,
    )


def _proof(one: Holding, events: Sequence[SystemEvent]) -> SystemEvent | None:
    """The event from which a duty is this party's; the newest of those that say so."""
    handed = one.basis == "handed over"
    what = "handed over" if handed else "accepted"
    fits = [
        event
        for event in events
        if event.what == what
        and event.duty == one.duty
        and (event.taker if handed else event.party) == one.party
        and event.valid_from == one.accepted
    ]
    return fits[-1] if fits and one.accepted is not None else None
