"""What a drill found: times of one clock, targets met or missed, in words and figures."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from cityward.core.records import Record

DETECT_SECONDS: Final = 5.0
LOST_SHARE: Final = 0.01
RTO_SECONDS: Final = 60.0
"""Targets: for a city of 5 GB."""

BACK: Final = ("RTO, alarm to first right answer", "time to the first right answer")
"""Names of targets that say how long it took to come back."""

LOST_FILES_MIN: Final = 10
"""Files that any city may lose: at 40 files a second and up to a tenth of a second between two looks four go before the
first look, some more until the attack is stopped, and 1 % of a small city is one or two."""


class Step(Record, frozen=True, kw_only=True):
    """A moment of the timeline, in seconds since the first file was struck (below 0: before it)."""

    at: float
    what: str


class Target(Record, frozen=True, kw_only=True):
    """A target, what was measured, and whether that meets it; ``unit`` follows both."""

    name: str
    measured: float
    wanted: float
    unit: str
    met: bool


class DrillReport(Record, frozen=True, kw_only=True):
    """One drill.

    ``kind`` is that of the command, ``variant`` how it was done; ``figures`` are counts and sizes. ``passed`` says
    whether every target was met. ``by`` is the identifier of who ran it; empty for the timetable.
    """

    id: str
    kind: str
    variant: str
    seed: int
    began_at: datetime
    ended_at: datetime
    passed: bool
    headline: str
    targets: tuple[Target, ...]
    timeline: tuple[Step, ...]
    figures: dict[str, float]
    notes: tuple[str, ...] = ()
    by: str = ""
    receipt: int | None = None

    def measured(self, name: str) -> float | None:
        """What was measured for a target."""
        return next((one.measured for one in self.targets if one.name == name), None)

    @property
    def back_seconds(self) -> float | None:
        """How long it took to come back; None when it did not."""
        found = next((one.measured for one in self.targets if one.name in BACK), None)
        return found if found is not None and math.isfinite(found) else None


def at_most(name: str, measured: float, wanted: float, unit: str) -> Target:
    """A target that is met by anything up to ``wanted``."""
    return Target(name=name, measured=round(measured, 4), wanted=wanted, unit=unit, met=measured <= wanted)


def told(targets: tuple[Target, ...]) -> str:
    """The finding in a sentence."""
    missed = [one for one in targets if not one.met]
    if not missed:
        return "Every target was met: " + "; ".join(f"{one.name} {_figure(one)}" for one in targets)
    return f"{len(missed)} of {len(targets)} targets were missed: " + "; ".join(
        f"{one.name} {_figure(one)} (wanted: at most {one.wanted:g}{_unit(one)})" for one in missed
    )


def _figure(one: Target) -> str:
    return f"{one.measured:,.4g}{_unit(one)}"


def _unit(one: Target) -> str:
    return f" {one.unit}" if one.unit else ""
