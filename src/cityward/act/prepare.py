"""Proposals from early warnings: what could be done in time, what it takes, and what comes of doing nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import polars as pl

from cityward.core.identifiers import make_id
from cityward.core.records import EarlyWarning, Option, Proposal
from cityward.core.words import percent
from cityward.core.work import DO_NOTHING

MOST: Final = 3
"""More preparations at once than a duty officer reads; the others stay on the list of warnings."""

SHIFT_HOURS: Final = 8
SYSTEM: Final = "cityward-early-warning"

Members = Mapping[str, tuple[tuple[str, ...], float | None]]


class Effort(NamedTuple):
    """What a report takes: minutes on the spot, what a crew costs an hour (None: not known), in which currency."""

    minutes: int
    hour_cost: float | None
    currency: str


class _Week(NamedTuple):
    """Reports that wait after the week: expected, and with as few and as many new ones as are likely."""

    expected: float
    low: float
    high: float

    def text(self) -> str:
        return f"{self.expected:,.0f} ({self.low:,.0f} to {self.high:,.0f})"


def prepare(
    warnings: Sequence[EarlyWarning], seen: pl.DataFrame, *, efforts: Mapping[str, Effort], members: Members
) -> list[Proposal]:
    """Propose for each of the `MOST` likeliest warnings what can be done, with the alternatives.

    Parameters
    ----------
    warnings : sequence of EarlyWarning
        Open ones, the most likely first.
    seen : polars.DataFrame
        `cityward.core.frames.OUTLOOK`: who else has room.
    efforts : mapping
        What a report of each service takes.
    members : mapping
        Areas and people of each upper territory.

    Returns
    -------
    list of Proposal
        With two or three options each, the recommended first; to do nothing is the last.
    """
    return [_proposal(one, seen, efforts[one.service], members[one.territory]) for one in warnings[:MOST]]


def _proposal(
    warning: EarlyWarning, seen: pl.DataFrame, effort: Effort, inside: tuple[tuple[str, ...], float | None]
) -> Proposal:
    areas, people = inside
    options = _options(warning, seen, effort, people)
    first = options[0]
    return Proposal(
        id=make_id("proposal", warning.id),
        about=warning.id,
        service=warning.service,
        territories=areas,
        title=f"Prepare for more reports of “{warning.service}” in {warning.name}",
        because=(
            f"{warning.sentence} The probability that more comes than can be done is {percent(warning.probability)}; "
            f"in an ordinary week it is {percent(warning.climatology)}."
        ),
        action=first.action,
        effect=first.effect,
        system=SYSTEM,
        options=tuple(options),
    )


def _options(warning: EarlyWarning, seen: pl.DataFrame, effort: Effort, people: float | None) -> list[Option]:
    idle = _after(warning, 0)
    lacking = max(math.ceil(warning.expected - warning.capacity), 1)
    donor = _donor(warning, seen)
    extra = _extra(warning, effort, lacking, people)
    nothing = Option(
        title=DO_NOTHING,
        action="Leave crews where they are and look again at the next turn.",
        effect=f"About {idle.text()} reports would wait after {warning.horizon_days} days; "
        f"{warning.open_cases:,} do now.",
        known_from=_known_from(warning),
        crew_hours=0.0,
        cost=0.0 if effort.hour_cost is not None else None,
        effect_low=0.0,
        effect_high=0.0,
        horizon_days=warning.horizon_days,
        people=people,
    )
    if donor is None:
        return [_recommended(extra), nothing]
    moved = _moved(warning, effort, donor, lacking, people)
    enough = donor[1] >= lacking
    both = [_recommended(moved), extra] if enough else [_recommended(extra), moved]
    return [*both, nothing]


def _recommended(option: Option) -> Option:
    return msgspec.structs.replace(option, recommended=True)


def _extra(warning: EarlyWarning, effort: Effort, reports: int, people: float | None) -> Option:
    hours = reports * effort.minutes / 60
    shifts = max(math.ceil(hours / SHIFT_HOURS), 1)
    days = min(shifts, warning.horizon_days)
    crews = math.ceil(shifts / days)
    who = "an extra crew" if crews == 1 else f"{crews} extra crews"
    return _option(
        warning,
        title=f"{who.capitalize()} for {days} day{'s' if days > 1 else ''}",
        action=f"Send {who} to {warning.name} for {days} day{'s' if days > 1 else ''}, for {reports:,} reports.",
        reports=reports,
        hours=hours,
        cost=hours * effort.hour_cost if effort.hour_cost is not None else None,
        people=people,
        aside="",
        crews=crews,
        days=days,
    )


def _moved(
    warning: EarlyWarning, effort: Effort, donor: tuple[str, float], lacking: int, people: float | None
) -> Option:
    name, room = donor
    reports = int(min(lacking, math.floor(room)))
    return _option(
        warning,
        title=f"Move crews from {name}",
        action=f"Let crews of {name} do {reports:,} reports in {warning.name} within {warning.horizon_days} days.",
        reports=reports,
        hours=reports * effort.minutes / 60,
        # These crews are paid already; what their travel costs is not known.
        cost=0.0 if effort.hour_cost is not None else None,
        people=people,
        aside=f" {name} would keep room for {room - reports:,.0f} reports more than it expects, travel not counted.",
    )


def _option(
    warning: EarlyWarning,
    *,
    title: str,
    action: str,
    reports: int,
    hours: float,
    cost: float | None,
    people: float | None,
    aside: str,
    crews: int = 0,
    days: int = 0,
) -> Option:
    idle, after = _after(warning, 0), _after(warning, reports)
    return Option(
        title=title,
        action=action,
        effect=f"About {after.text()} reports would wait after {warning.horizon_days} days instead of {idle.text()}."
        + aside,
        known_from=_known_from(warning),
        crew_hours=round(hours, 1),
        cost=None if cost is None else round(cost, 2),
        effect_low=round(idle.low - after.low, 1),
        effect_high=round(idle.high - after.high, 1),
        horizon_days=warning.horizon_days,
        people=people,
        extra_crews=crews,
        extra_days=days,
    )


def _after(warning: EarlyWarning, extra: float) -> _Week:
    """Reports that wait after the week when ``extra`` are done beyond the capacity."""
    start = warning.open_cases - warning.capacity - extra
    return _Week(*(max(start + came, 0.0) for came in (warning.expected, warning.low, warning.high)))


def _donor(warning: EarlyWarning, seen: pl.DataFrame) -> tuple[str, float] | None:
    """The other place of the same level with most room for this service: its name, and how many reports more."""
    room = (
        seen.filter(
            (pl.col("service") == warning.service)
            & (pl.col("level") == warning.level)
            & (pl.col("territory") != warning.territory)
            & pl.col("capacity").is_not_null()
        )
        # What is likely at most comes first: nobody should be short because he helped.
        .with_columns(room=pl.col("capacity") - pl.col("high"))
        .filter(pl.col("room") >= 1)
        .sort("room", "territory", descending=[True, False])
    )
    first: dict[str, Any] | None = next(room.iter_rows(named=True), None)
    return (str(first["name"]), float(first["room"])) if first else None


def _known_from(warning: EarlyWarning) -> str:
    source = (
        "what can be done as the city states it"
        if warning.capacity_from == "stated"
        else "what was closed in three of four weeks of the last year, for nobody stated what can be done"
    )
    return f"the forecast of the next {warning.horizon_days} days with its 80 % interval, the open cases, and {source}"
