"""Which version of a rule is valid on a day, and in which order rules that use each other are decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final

import polars as pl

from cityward.answerable.table.columns import closest
from cityward.answerable.table.table import Table
from cityward.core.clock import local_day
from cityward.core.errors import SettingsError, UserError

SKEW: Final = timedelta(minutes=5)
"""How far a decision may lie ahead of the city's clock: clocks of machines differ by seconds, not by more."""


def valid_on(
    tables: Iterable[Table], identifier: str, moment: datetime, *, time_zone: str, now: datetime | None = None
) -> Table:
    """Return the version of a rule that is valid at a moment, by its day in the city.

    Parameters
    ----------
    tables : iterable of Table
        All versions of all rules.
    moment : datetime.datetime
        When is decided, with its time zone.
    time_zone : str
        IANA time zone of the city.
    now : datetime.datetime, optional
        The city's clock; a decision more than `SKEW` ahead of it is refused.

    Raises
    ------
    UserError
        No version is valid then, the moment has no time zone, or lies in the future.
    SettingsError
        Two versions are valid then.
    """
    if moment.tzinfo is None:
        raise UserError("The moment of a decision has no time zone.", "Say it with one, such as 2026-01-31T09:00Z.")
    if now is not None and moment - now > SKEW:
        raise UserError(
            f"The decision is dated {moment:%Y-%m-%d %H:%M %Z}, ahead of the city's clock, which says "
            f"{now.astimezone(moment.tzinfo):%Y-%m-%d %H:%M %Z}: which rule is valid then is not settled.",
            "Set the clock of the machine that decides, or decide again when that time has come.",
        )
    tables = list(tables)
    versions = [table for table in tables if table.id == identifier]
    if not versions:
        raise UserError(
            f"There is no rule '{identifier[:80]}'.", closest(identifier, sorted({one.id for one in tables}))
        )
    day = local_day(moment, time_zone)
    valid = [table for table in versions if is_valid(table, day)]
    if len(valid) > 1:
        raise _two(valid[0], valid[1], day)
    if not valid:
        known = "; ".join(f"version {one.version} {period(one)}" for one in versions[:10])
        raise UserError(
            f"No version of {identifier} is valid on {day} in {time_zone}: {known}.",
            "Decide by a rule that is in force, or add the version that is.",
        )
    return valid[0]


def is_valid(table: Table, day: date) -> bool:
    """Whether a version is valid on a day of the city."""
    first, last = table.sheet.valid_from, table.sheet.valid_until
    return (first is None or first <= day) and (last is None or day <= last)


def period(table: Table) -> str:
    """When a version is valid, in words."""
    first, last = table.sheet.valid_from, table.sheet.valid_until
    told = [f"from {first}" if first else "", f"until {last}" if last else ""]
    return " ".join(part for part in told if part) or "always"


def check_versions(tables: Sequence[Table]) -> None:
    """Raise SettingsError when two versions of a rule are valid on the same day; names both."""
    by_id: dict[str, list[Table]] = {}
    for table in tables:
        by_id.setdefault(table.id, []).append(table)
    for versions in by_id.values():
        ordered = sorted(versions, key=lambda one: one.sheet.valid_from or date.min)
        for one, two in pairwise(ordered):
            if (one.sheet.valid_until or date.max) >= (two.sheet.valid_from or date.min):
                raise _two(one, two, two.sheet.valid_from or one.sheet.valid_until)


def _two(one: Table, two: Table, day: date | None) -> SettingsError:
    return SettingsError(
        f"Two versions of {one.id} are valid at once{f' on {day}' if day else ''}: version {one.version} "
        f"({period(one)}) and version {two.version} ({period(two)}).",
        "End the older one the day before the newer begins: valid_until.",
    )


def in_order(tables: Mapping[str, Table], identifier: str) -> tuple[Table, ...]:
    """Return a rule and all that it uses, directly or not, each after those that it uses.

    Raises
    ------
    SettingsError
        Rules use each other in a circle (which is named), use one that does not exist, or an output does not fit
        the input that it fills.
    """
    needed: dict[str, tuple[str, ...]] = {}
    waiting = [identifier]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        if name not in tables:
            user = next((one for one, uses in needed.items() if name in uses), "")
            raise SettingsError(
                f"There is no rule '{name[:80]}'{f', which {user} uses' if user else ''}.",
                closest(name, sorted(tables)),
            )
        needed[name] = tables[name].sheet.uses
        waiting += needed[name]
    try:
        ordered = tuple(TopologicalSorter(needed).static_order())
    except CycleError as error:
        circle = " uses ".join(reversed(error.args[1]))
        raise SettingsError(
            f"Rules use each other in a circle: {circle}.", "Take one of these out of 'uses'."
        ) from None
    for name in ordered:
        for used in needed[name]:
            _check_fit(tables[used], tables[name])
    return tuple(tables[name] for name in ordered)


def _check_fit(used: Table, user: Table) -> None:
    """Raise SettingsError unless outputs of one rule fit the inputs of the same name of another."""
    for name in used.sheet.outputs.keys() & user.sheet.inputs.keys():
        output, given = used.sheet.outputs[name], user.sheet.inputs[name]
        kind = "number" if used.sheet.hit == "collect-count" else output.type
        if used.sheet.hit == "collect":
            kind = "list"  # type: ignore[assignment]
        if kind != given.type or (given.type == "number" and given.factor(output.unit or "1") is None):
            raise SettingsError(
                f"{user.id} takes {name} from {used.id}, where it is a {kind} in {output.unit or 'no unit'}, but reads "
                f"a {given.type} in {given.unit or 'no unit'}.",
                "Make type and unit the same, or say what the unit is under 'accepts'.",
            )


def decide_in_order(
    tables: Mapping[str, Table], identifier: str, frame: pl.DataFrame, units: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Decide a frame by a rule whose inputs are partly outputs of rules that it uses; columns as `Table.decide`.

    What the frame holds itself is not decided again. Raises as `in_order` and `Table.decide`.
    """
    *used, last = in_order(tables, identifier)
    units = dict(units or {})
    for table in used:
        answers = table.decide(frame, units)
        new = [name for name in table.sheet.outputs if name not in frame.columns]
        frame = frame.with_columns(answers.select(new))
        units |= {name: unit for name in new if (unit := table.sheet.outputs[name].unit)}
    return last.decide(frame, units)
