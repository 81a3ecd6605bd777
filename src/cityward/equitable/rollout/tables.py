"""Reads measures and places into a task."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import ROLLOUT_MEASURES, ROLLOUT_PAIRS, ROLLOUT_PLACES
from cityward.equitable.columns import AMOUNT_MAX, Table, grouped, listed, shown, unknown
from cityward.equitable.rollout.task import Floats, Ints, Task


@dataclass(frozen=True, slots=True)
class PlaceColumns:
    """Which columns of the places hold what; None looks for the usual names."""

    place: str | None = None
    people: str | None = None
    need: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Places as read: see `Task`. ``notes`` say what was taken for what."""

    ids: list[str]
    names: list[str]
    people: Floats
    need: Floats
    group: Ints
    groups: tuple[str, ...]
    notes: tuple[str, ...]


def read_places(frame: pl.DataFrame, file: str, columns: PlaceColumns = PlaceColumns()) -> Places:
    """Read places.

    Parameters
    ----------
    frame : polars.DataFrame
        A row for each place: ``place`` (or ``id``), ``people`` (or ``population``), ``need`` (a share from 0 to 1, or
        per cent when a value is above 1), and where known ``name`` and ``group``. Groups are read by `grouped`.

    Raises
    ------
    UserError
        Names the row and what to write.
    """
    table = Table(frame, file)
    if not 0 < frame.height <= ROLLOUT_PLACES:
        raise UserError(
            f"{file} has {frame.height:,} places.", f"Give from one to {ROLLOUT_PLACES:,}; plan larger areas in parts."
        )
    ids = table.names(_chosen(table, columns.place, ("place", "id", "territory"), "--place"))
    people = table.numbers(_chosen(table, columns.people, ("people", "population"), "--people"), 0, AMOUNT_MAX)
    column = _chosen(table, columns.need, ("need",), "--need")
    need = table.numbers(column, 0, 100)
    notes = []
    if (need > 1).any():
        need = need / 100
        notes.append(f"{shown(column)} has values above 1 and is taken for per cent of the people.")
    if not (people * need).sum() > 0:
        raise UserError(f"{file} has nobody in need: people × need is 0 in every place.", "Check both columns.")
    empty = int((people == 0).sum())
    if empty:
        notes.append(f"{empty:,} of {len(ids):,} places have no people; nothing can be gained there.")
    name = table.column("name")
    labels, order, more = grouped(table, columns.group, people)
    notes += more
    groups = tuple(one for one in order if one in set(labels))
    at = {one: position for position, one in enumerate(groups)}
    return Places(
        ids,
        [told or own for told, own in zip(table.texts(name) if name else ids, ids, strict=True)],
        people,
        need,
        np.array([at[label] for label in labels], np.int64),
        groups,
        tuple(notes),
    )


def _chosen(table: Table, asked: str | None, usual: tuple[str, ...], option: str) -> str:
    return table.needed(asked) if asked is not None else table.needed(*usual, option=option)


def read_task(
    frame: pl.DataFrame, file: str, places: Places, budgets: Floats, *, one_of_a_kind: bool = False
) -> tuple[Task, tuple[str, ...]]:
    """Read measures, and return the task with notes of what was taken for what.

    Parameters
    ----------
    frame : polars.DataFrame
        A row for each measure: ``id`` (or ``measure``), ``kind``, ``places`` (several with ``;`` between), ``cost``,
        ``effect`` (0 to 1), and where known ``reach`` (people, one number shared out by the people of the places or one
        for each place; default everybody), ``effect_low`` and ``effect_high``, ``capacity`` (most people that it can
        reach in all), ``exclusive`` (names of sets of which one is taken), ``requires`` (other measures).
    budgets : ndarray, shape (years,)
    one_of_a_kind : bool
        Whether a place may be reached by at most one measure of a kind.

    Raises
    ------
    UserError
        Names the row and what to write.
    """
    table = Table(frame, file)
    if not 0 < frame.height <= ROLLOUT_MEASURES:
        raise UserError(f"{file} has {frame.height:,} measures.", f"Give from one to {ROLLOUT_MEASURES:,}.")
    ids = table.names(table.needed("measure", "id"))
    kinds = [kind or "(not stated)" for kind in table.texts(table.needed("kind"))]
    cost = table.numbers(table.needed("cost"), 0, AMOUNT_MAX)
    effect, notes = _effects(table)
    of, place, share, more = _pairs(table, ids, places)
    exclusive = _exclusive(table)
    if one_of_a_kind:
        exclusive += _one_of_a_kind(kinds, of, place)
    task = Task(
        measures=tuple(ids),
        kinds=tuple(kinds),
        cost=cost,
        effect=effect,
        of=of,
        place=place,
        share=share,
        places=tuple(places.ids),
        names=tuple(places.names),
        people=places.people,
        need=places.need,
        group=places.group,
        groups=places.groups,
        budgets=budgets,
        exclusive=tuple(exclusive),
        requires=_requires(table, ids),
    )
    return task, (*places.notes, *notes, *more)


def _effects(table: Table) -> tuple[Floats, list[str]]:
    """Effects (measures, 3); one without limits is told to be sure."""
    middle_name = table.needed("effect")
    middle = table.numbers(middle_name, 0, 1)
    names = (table.column("effect_low", "low"), table.column("effect_high", "high"))
    ends = [middle.copy(), middle.copy()]
    for at, name in enumerate(names):
        if name:
            cells = table.texts(name)
            ends[at] = np.array(
                [table.number(row, name, cell, 0, 1, float(middle[row])) for row, cell in enumerate(cells)]
            )
    low, high = ends
    wrong = np.flatnonzero((low > middle) | (middle > high))
    if wrong.size:
        row = int(wrong[0])
        raise UserError(
            f"{table.file} row {row + 2:,}: the interval of the effect is upside down or beside it: "
            f"low {low[row]:g}, effect {middle[row]:g}, high {high[row]:g}.",
            "Write low ≤ effect ≤ high.",
        )
    sure = int((low == high).sum())
    notes = [f"{sure:,} of {middle.size:,} measures have no interval; their effect is taken as sure."] if sure else []
    return np.column_stack([low, middle, high]), notes


def _pairs(table: Table, ids: list[str], places: Places) -> tuple[Ints, Ints, Floats, list[str]]:
    """Which measure reaches which place, and what share of its people."""
    at = {name: position for position, name in enumerate(places.ids)}
    cells = table.texts(table.needed("places", "place"))
    reach_name, capacity_name = table.column("reach"), table.column("capacity")
    reaches = table.texts(reach_name) if reach_name else [""] * len(ids)
    capacity = table.numbers(capacity_name, 0, AMOUNT_MAX, math.inf) if capacity_name else np.full(len(ids), math.inf)
    of, where, share = [], [], []
    capped = cut = 0
    for row, cell in enumerate(cells):
        reached = listed(cell)
        if not reached:
            raise table.wrong(row, "places", cell, "Name the places that the measure reaches, with ; between them.")
        stranger = unknown(reached, at.keys())  # type: ignore[arg-type]
        if stranger is not None:
            raise table.wrong(row, "places", stranger, "Name places of the file of places.")
        if len(set(reached)) < len(reached):
            raise table.wrong(row, "places", cell, "Name each place once.")
        positions = np.array([at[name] for name in reached])
        people = places.people[positions]
        wanted = _reach(table, row, reaches[row], people)
        capped += int((wanted > people).any())
        wanted = np.minimum(wanted, people)
        if wanted.sum() > capacity[row]:
            cut += 1
            wanted = wanted * (capacity[row] / wanted.sum())
        of.append(np.full(positions.size, row))
        where.append(positions)
        share.append(np.divide(wanted, people, out=np.zeros(people.size), where=people > 0))
    if sum(one.size for one in of) > ROLLOUT_PAIRS:
        raise UserError(
            f"{table.file} names {sum(one.size for one in of):,} places in all.", f"Plan at most {ROLLOUT_PAIRS:,}."
        )
    notes = []
    if capped:
        notes.append(f"{capped:,} measures reach more people than live there; everybody is taken.")
    if cut:
        notes.append(f"{cut:,} measures reach more people than their capacity; it is shared out in proportion.")
    return np.concatenate(of), np.concatenate(where), np.concatenate(share), notes


def _reach(table: Table, row: int, cell: str, people: Floats) -> Floats:
    """People reached in each place of a measure."""
    numbers = [table.number(row, "reach", one, 0, AMOUNT_MAX) for one in listed(cell)]
    if not numbers:
        return people
    if len(numbers) == people.size:
        return np.array(numbers)
    if len(numbers) > 1:
        raise UserError(
            f"{table.file} row {row + 2:,}: reach has {len(numbers):,} numbers for {people.size:,} places.",
            "Write one number for all, or one for each place in the same order.",
        )
    return people * (numbers[0] / people.sum()) if people.sum() > 0 else people


def _exclusive(table: Table) -> list[Ints]:
    name = table.column("exclusive", "exclusive_group")
    sets: dict[str, list[int]] = {}
    for row, cell in enumerate(table.texts(name) if name else ()):
        for one in dict.fromkeys(listed(cell)):
            sets.setdefault(one, []).append(row)
    return [np.array(rows) for rows in sets.values() if len(rows) > 1]


def _one_of_a_kind(kinds: list[str], of: Ints, place: Ints) -> list[Ints]:
    sets: dict[tuple[str, int], list[int]] = {}
    for measure, where in zip(of.tolist(), place.tolist(), strict=True):
        sets.setdefault((kinds[measure], where), []).append(measure)
    return [np.array(rows) for rows in dict.fromkeys(tuple(rows) for rows in sets.values()) if len(rows) > 1]


def _requires(table: Table, ids: list[str]) -> Ints:
    name = table.column("requires", "prerequisites", "prerequisite")
    at = {one: position for position, one in enumerate(ids)}
    pairs = []
    for row, cell in enumerate(table.texts(name) if name else ()):
        for one in dict.fromkeys(listed(cell)):
            if one not in at or at[one] == row:
                raise table.wrong(row, "requires", one, "Name other measures of this file.")
            pairs.append((row, at[one]))
    return np.array(pairs, np.int64).reshape(-1, 2)
