"""The audit of a table: rows to counts, counts to figures, figures to what is said first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.audit import leaks, telling
from cityward.answerable.audit.counts import SELECTED_UNKNOWN, TN, TP, UNSELECTED_UNKNOWN, Cube, Table, cube
from cityward.answerable.audit.gaps import GAPS, gaps
from cityward.answerable.audit.labels import CONTROLS, Known, arm_of, known_of
from cityward.answerable.audit.measure import Ruler, measure, sources, stack
from cityward.answerable.audit.rates import WITHOUT_OUTCOME
from cityward.answerable.audit.report import Audit, Check, Gap, Group, Without
from cityward.answerable.audit.representation import represented
from cityward.answerable.audit.rows import ARM, SCORE, WEIGHT, Request, Rows, read, told
from cityward.answerable.audit.scores import Spread, scale_of, scored
from cityward.core.clock import rng

INTERSECTIONS_MAX: Final = 200
"""Most intersections that are told; the largest are kept."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is read off the counts."""

    known: Known
    everybody: Group
    groups: tuple[Group, ...]
    intersections: tuple[Group, ...]
    left_out: dict[str, int]
    gaps: tuple[Gap, ...]
    comparisons: int


def examine(table: pl.DataFrame, asked: Request) -> Audit:
    """Audit a table.

    Parameters
    ----------
    table : polars.DataFrame
        One row a person or case (or, with a weight, so many).
    asked : Request

    Raises
    ------
    UserError
        A column is missing or cannot be read as asked.
    """
    rows = read(table, asked)
    figures = figures_of(rows, asked)
    found = _checks(table, rows, asked)
    without = None
    if found.leaked.any():
        kept = Rows(rows.frame.filter(~found.leaked), rows.by, rows.taken_as, rows.design, ())
        if kept.frame.height:
            again = figures_of(kept, asked)
            without = Without(
                rows_left_out=int(found.leaked.sum()),
                rows=kept.frame.height,
                everybody=again.everybody,
                groups=again.groups,
            )
    return _audit(rows, asked, figures, tuple(found.checks), without)


def _audit(rows: Rows, asked: Request, figures: Figures, checks: tuple[Check, ...], without: Without | None) -> Audit:
    left_out = {
        "without prediction": rows.frame["prediction"].null_count() if "prediction" in rows.taken_as else 0,
        "without outcome": rows.frame["outcome"].null_count() if asked.outcome else 0,
        "without score": rows.frame[SCORE].null_count() if asked.score else 0,
    }
    if rows.design == "controls":
        left_out["without prediction"] = 0
    return Audit(
        finding=telling.finding(figures.everybody, figures.groups, figures.known, checks, without, asked.reference),
        rows=rows.frame.height,
        rows_used=figures.everybody.people,
        left_out={name: count for name, count in left_out.items() if count},
        taken_as=rows.taken_as,
        level=asked.level,
        min_n=asked.min_n,
        identifiable=figures.known.identifiable,
        because=figures.known.because,
        comparisons=figures.comparisons,
        reference=asked.reference or "the rest",
        everybody=figures.everybody,
        groups=figures.groups,
        intersections=figures.intersections,
        intersections_left_out=figures.left_out,
        gaps=figures.gaps,
        checks=checks,
        without=without,
        notes=(
            *rows.notes,
            *telling.notes(figures.everybody, figures.groups, figures.known, figures.comparisons, asked),
        ),
    )


def figures_of(rows: Rows, asked: Request) -> Figures:
    """Count, and read everything off the counts."""
    frame = rows.frame
    if not frame["prediction"].count():
        frame = frame.with_columns(prediction=pl.lit(0, dtype=pl.Int8))
    counted = cube(frame, (*rows.by, ARM), WEIGHT if asked.weight else None)
    parts = {"all": counted, "known": counted}
    if rows.design != "plain":
        parts["known"] = counted.where(pl.col(ARM))
        parts["picked"] = counted.where(~pl.col(ARM))
    known = _known(rows, asked, parts)
    depth = min(asked.depth, len(rows.by))
    crossed = [by for size in range(2, depth + 1) for by in combinations(rows.by, size)]
    wanted: list[tuple[str, ...]] = [(), *((name,) for name in rows.by), *crossed]
    tables = [{source: part.margin(by) for source, part in parts.items()} for by in wanted]
    floors = [0] * (1 + len(rows.by)) + [_floor(one["all"], asked.min_n) for one in tables[1 + len(rows.by) :]]
    ruler = Ruler(asked.level, asked.min_n, sources(known.kind), bounded=known.kind in ("selected", "uneven"))
    found, made = measure(stack(tables, asked.reference, floors), ruler)
    if rows.design == "controls":
        found = represented(found, tables, ruler)
    if asked.score and (known.identifiable or known.kind == "no prediction"):
        found = _with_scores(found, frame, rows, asked)
    small = {
        " and ".join(by): int((cells := one["all"].cells.sum(axis=1))[cells < floor].sum())
        for by, one, floor in zip(wanted, tables, floors, strict=True)
        if floor
    }
    return Figures(
        known=known,
        everybody=found[0],
        groups=tuple(one for one in found if len(one.by) == 1),
        intersections=tuple(one for one in found if len(one.by) > 1),
        left_out={name: people for name, people in small.items() if people},
        gaps=tuple(_gaps(tables[1 : 1 + len(rows.by)], ruler, asked)),
        comparisons=made,
    )


def _floor(table: Table, min_n: int) -> int:
    people = np.sort(table.cells.sum(axis=1))[::-1]
    return max(min_n, int(people[INTERSECTIONS_MAX]) + 1 if len(people) > INTERSECTIONS_MAX else 0)


def _known(rows: Rows, asked: Request, parts: dict[str, Cube]) -> Known:
    total = {name: part.margin(()).cells[0] for name, part in parts.items()}
    if rows.design == "controls":
        return Known("controls", CONTROLS)
    if not rows.frame["prediction"].count():
        return Known("no prediction", "No prediction is named, so only outcomes and scores can be told.")
    if not asked.outcome:
        return Known("no outcome", "No outcome is named, so only who is selected can be told.")
    return arm_of(total["known"]) if rows.design == "arm" else known_of(total["all"])


def _gaps(tables: Sequence[dict[str, Table]], ruler: Ruler, asked: Request) -> list[Gap]:
    found: list[Gap] = []
    for table in tables:
        for source, part in table.items():
            names = [name for name in GAPS if ruler.source.get(name) == source]
            alone = [name for name in names if name in WITHOUT_OUTCOME]
            found += _gap_of(_folded(part), alone, asked) + _gap_of(part, names[len(alone) :], asked)
    return found


def _gap_of(table: Table, names: Sequence[str], asked: Request) -> list[Gap]:
    generator = rng(asked.seed, "audit", "gaps", *names, *table.by)
    return gaps(table, names, min_n=asked.min_n, level=asked.level, generator=generator) if names else []


def _folded(table: Table) -> Table:
    """The same selected and not selected, with unknown outcomes among those who are known: for selection alone."""
    cells = table.cells.copy()
    cells[:, TP] += cells[:, SELECTED_UNKNOWN]
    cells[:, TN] += cells[:, UNSELECTED_UNKNOWN]
    cells[:, [SELECTED_UNKNOWN, UNSELECTED_UNKNOWN]] = 0
    return Table(table.by, table.groups, cells)


def _with_scores(found: Sequence[Group], frame: pl.DataFrame, rows: Rows, asked: Request) -> list[Group]:
    known = frame.filter(pl.col(SCORE).is_not_null() & pl.col("outcome").is_not_null())
    if rows.design == "arm":
        known = known.filter(pl.col(ARM))
    if not known.height:
        return list(found)
    spread = _spread(known, found)
    told = scored(list(spread.values()), scale_of(known[SCORE]), level=asked.level, min_n=asked.min_n)
    told_of = dict(zip(spread, told, strict=True))
    return [msgspec.structs.replace(one, score=told_of.get((one.by, one.group))) for one in found]


def _spread(known: pl.DataFrame, wanted: Sequence[Group]) -> dict[tuple[tuple[str, ...], tuple[str, ...]], Spread]:
    """Scores of the wanted groups; rows are sorted by score once, and by whole numbers for each set of columns."""
    ordered = known.sort(SCORE)
    score, people = ordered[SCORE].to_numpy(), ordered[WEIGHT].to_numpy().astype(float)
    ones = people * ordered["outcome"].to_numpy()
    names: dict[str, list[str]] = {}
    codes: dict[str, NDArray[np.int64]] = {}
    for name in dict.fromkeys(name for one in wanted for name in one.by):
        values = ordered[name].unique().sort()
        names[name] = values.to_list()
        codes[name] = ordered[name].cast(pl.Enum(values)).to_physical().to_numpy().astype(np.int64)
    found = {}
    for by in dict.fromkeys(one.by for one in wanted):
        key = np.zeros(len(score), dtype=np.int64)
        for name in by:
            key = key * len(names[name]) + codes[name]
        order = np.argsort(key, kind="stable")
        key, sorted_score = key[order], score[order]
        starts = np.flatnonzero((np.diff(key, prepend=-1) != 0) | (np.diff(sorted_score, prepend=np.nan) != 0))
        yes, all_ = np.add.reduceat(ones[order], starts), np.add.reduceat(people[order], starts)
        spans = key[starts]
        for one in (one for one in wanted if one.by == by):
            place = 0
            for name, value in zip(by, one.group, strict=True):
                at = bisect_left(names[name], value)
                inside = at < len(names[name]) and names[name][at] == value
                place = place * len(names[name]) + at if inside and place >= 0 else -1
            first, last = np.searchsorted(spans, [place, place + 1])
            if last > first:
                part = slice(first, last)
                found[by, one.group] = Spread(sorted_score[starts[part]], yes[part], all_[part] - yes[part])
    return found


def _checks(table: pl.DataFrame, rows: Rows, asked: Request) -> leaks.Found:
    if not asked.outcome or asked.weight or rows.design == "controls":
        return leaks.Found(pl.repeat(value=False, n=table.height, eager=True))
    arm = asked.arm.split("=", 1)[0] if asked.arm and asked.arm not in table.columns else asked.arm
    skip = {asked.outcome, asked.prediction, asked.score, arm} - {None}
    wanted = leaks.Asked(
        skip=frozenset(name for name in skip if name),
        by=rows.by,
        time=asked.time,
        outcome_time=asked.outcome_time,
        person=asked.person,
        follow_up_days=asked.follow_up_days,
        until=asked.until,
    )
    return leaks.check(table, rows.frame["outcome"], told(rows, asked), wanted)
