"""An exercise as it is kept: its injects, its clock, what was decided. All changes make a new record.

The clock counts minutes of the scenario. It runs with the clock on the wall, ``speed`` times as fast, stands still
while the exercise is paused, and jumps when the next inject is called for before its time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from cityward.core.errors import UserError
from cityward.core.records import Record
from cityward.secure.exercise.script import Kind
from cityward.secure.risk.records import Asset

State = Literal["running", "paused", "ended"]
DECISIONS_MOST: Final = 2_000


class Inject(Record, frozen=True, kw_only=True):
    """Something that is told at a minute of the scenario, to an office; ``by_minutes`` is when an answer is late.

    ``buffer`` says that then something runs out; ``asset`` is what it is about.
    """

    number: int
    at_minutes: float
    to: str
    says: str
    asks: str = ""
    kind: Kind = ""
    by_minutes: float | None = None
    asset: str = ""
    buffer: bool = False
    technique: str = ""
    drawn: bool = False


class Chosen(Record, frozen=True, kw_only=True):
    """What was decided about an inject, at which minute, ``took_minutes`` after it was told; ``by`` is a person."""

    inject: int
    at_minutes: float
    took_minutes: float
    what: str
    by: str
    owner: str = ""
    order: tuple[str, ...] = ()


class Gap(Record, frozen=True, kw_only=True):
    """Something that the exercise showed to be missing; ``citizen_hours`` is what it costs, where that is known."""

    kind: str
    what: str
    inject: int | None = None
    citizen_hours: float | None = None


class Told(Record, frozen=True, kw_only=True):
    """The report: gaps and times, no names of people.

    ``decide_minutes`` is how long the order of restore took to be decided, None when nobody was asked; ``met`` that
    nothing was late.
    """

    headline: str
    gaps: tuple[Gap, ...]
    asked: int
    decided: int
    late: int
    decide_minutes: float | None
    met: bool
    order_chosen: tuple[str, ...]
    order_computed: tuple[str, ...]
    lost_chosen: float | None
    lost_computed: float | None
    notes: tuple[str, ...]


class Exercise(Record, frozen=True, kw_only=True):
    """One exercise, from its begin to its report.

    ``assets`` are those that the event strikes and brings down, with what they need of each other, as the inventory
    was at the begin; ``broken`` those that are to be mended, ``down_minutes`` when each goes down. ``by`` is who leads
    it: names of people stand in this record alone.
    """

    id: str
    script: str
    name: str
    scenario: str
    seed: int
    severity: float
    speed: float
    crews: int
    attended: bool
    began_at: datetime
    anchor_at: datetime
    anchor_minutes: float
    state: State
    shown: int
    injects: tuple[Inject, ...]
    decisions: tuple[Chosen, ...]
    techniques: tuple[str, ...]
    assets: tuple[Asset, ...]
    broken: tuple[str, ...]
    down_minutes: dict[str, float]
    notes: tuple[str, ...]
    by: str
    ended_at: datetime | None = None
    told: Told | None = None
    receipt: int | None = None


def minutes(one: Exercise, now: datetime) -> float:
    """The minute of the scenario."""
    if one.state != "running":
        return one.anchor_minutes
    return one.anchor_minutes + max(0.0, (now - one.anchor_at) / timedelta(minutes=1)) * one.speed


def ticked(one: Exercise, now: datetime) -> Exercise:
    """The exercise with its clock noted, and everything shown whose minute has come."""
    at = minutes(one, now)
    shown = one.shown
    while shown < len(one.injects) and one.injects[shown].at_minutes <= at:
        shown += 1
    return msgspec.structs.replace(one, anchor_at=now, anchor_minutes=at, shown=shown)


def due(one: Exercise, now: datetime) -> bool:
    """Whether an inject has come that was not told yet."""
    return one.shown < len(one.injects) and one.injects[one.shown].at_minutes <= minutes(one, now)


def next_inject(one: Exercise, now: datetime) -> Exercise:
    """Go on to the next inject, whose minute the clock jumps to.

    Raises
    ------
    UserError
        It is paused or has ended, or there is none left.
    """
    running(one)
    held = ticked(one, now)
    if held.shown > one.shown:
        return held
    if held.shown == len(held.injects):
        raise UserError("Everything was told.", "'cityward exercise end' closes it and says what was missing.")
    to = held.injects[held.shown].at_minutes
    return ticked(msgspec.structs.replace(held, anchor_minutes=to), now)


def decided(
    one: Exercise, now: datetime, *, inject: int, what: str, by: str, owner: str = "", order: tuple[str, ...] = ()
) -> Exercise:
    """Note a decision at the minute of the clock.

    Raises
    ------
    UserError
        It is paused or has ended, the inject was not told yet or asks nothing, or the order names what is not broken.
    """
    running(one)
    held = ticked(one, now)
    asked = next((each for each in held.injects[: held.shown] if each.number == inject and each.asks), None)
    if asked is None:
        open_ = ", ".join(str(each.number) for each in waiting(held)) or "none"
        raise UserError(f"Nothing is asked by an inject {inject}.", f"These wait for a decision: {open_}.")
    if order and asked.kind != "restore":
        raise UserError("An order of restore answers only what asks for one.", "Leave --order out.")
    unknown = [name for name in order if name not in held.broken]
    if unknown or len(set(order)) < len(order):
        raise UserError(
            f"The order names '{unknown[0][:40]}', which is not broken." if unknown else "The order names one twice.",
            f"Broken are: {', '.join(held.broken[:20])}{' …' if len(held.broken) > 20 else ''}.",
        )
    if len(held.decisions) >= DECISIONS_MOST:
        raise UserError(f"There are {DECISIONS_MOST:,} decisions.", "End the exercise and begin another.")
    at = held.anchor_minutes
    chosen = Chosen(
        inject=inject, at_minutes=at, took_minutes=at - asked.at_minutes, what=what, by=by, owner=owner, order=order
    )
    return msgspec.structs.replace(held, decisions=(*held.decisions, chosen))


def running(one: Exercise) -> None:
    """Raise unless its clock runs."""
    if one.state == "paused":
        raise UserError(f"{one.id} is paused.", "'cityward exercise resume' goes on.")
    if one.state == "ended":
        raise UserError(f"{one.id} has ended.", "'cityward exercise report' shows what it found.")


def paused(one: Exercise, now: datetime) -> Exercise:
    """Let the clock stand still."""
    running(one)
    return msgspec.structs.replace(ticked(one, now), state="paused")


def resumed(one: Exercise, now: datetime) -> Exercise:
    """Let the clock go on.

    An exercise that somebody attends and whose program died goes on at the minute that was noted last.
    """
    if one.state == "ended":
        running(one)
    held = one if one.state == "paused" or one.attended else ticked(one, now)
    return msgspec.structs.replace(held, state="running", anchor_at=now)


def waiting(one: Exercise) -> list[Inject]:
    """What was told and asks for a decision that nobody has taken."""
    done = {each.inject for each in one.decisions}
    return [each for each in one.injects[: one.shown] if each.asks and each.number not in done]
