"""Looks at evaluation data before anybody believes them: do the rows tell the outcome where they must not?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from cityward.answerable.audit import columns
from cityward.answerable.audit.comparisons import p_values
from cityward.answerable.audit.report import Check
from cityward.answerable.audit.runs import Stretch, is_pure, merged, strangest
from cityward.answerable.audit.scores import auc
from cityward.core.words import day, percent

FALSE_ALARM: Final = 0.01
"""Chance of a false alarm of each kind of check that rests on chance, over all columns of a file."""

AUC_MAX: Final = 0.95
"""No honest column alone tells the outcome better than this."""

SCORE_AUC_MAX: Final = 0.98
KINDS_MIN: Final = 30
"""Fewest rows with and without the outcome before a column is judged."""

VALUES_MAX: Final = 50
"""Most values of a column that are looked at one by one."""

NUMBER_BINS: Final = 400
UNIQUE_SHARE: Final = 0.95
MISSING_MIN: Final = 10
STRETCHES_MAX: Final = 5
_ID: Final = re.compile(r"(^|_)(id|ids|nr|no|number|key|person|client|case|bsn|ssn|uuid)($|_)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check needs to know: names of columns, and which were read as what."""

    skip: frozenset[str]
    by: tuple[str, ...] = ()
    time: str | None = None
    outcome_time: str | None = None
    person: str | None = None
    follow_up_days: int | None = None
    until: date | None = None


@dataclass(slots=True)
class Found:
    """Checks, and the rows without which the figures are told a second time."""

    leaked: pl.Series
    checks: list[Check] = field(default_factory=list)

    def add(self, check: Check, rows: pl.Series | None = None) -> None:
        """Keep a check; ``rows`` are left out in the second telling."""
        self.checks.append(check)
        if rows is not None:
            self.leaked = self.leaked | rows.fill_null(value=False)


def check(table: pl.DataFrame, outcome: pl.Series, told: Sequence[pl.Series], asked: Asked) -> Found:
    """Look at every column of ``table`` against the outcome.

    Parameters
    ----------
    table : polars.DataFrame
        All columns of the file.
    outcome : polars.Series of 1, 0 or null
    told : sequence of polars.Series
        Prediction and score, as numbers.
    asked : Asked
        Columns of ``skip`` are prediction, score and outcome themselves.
    """
    found = Found(pl.repeat(value=False, n=table.height, eager=True))
    times = {name: days for name in table.columns if (days := _days(table[name])) is not None and days.n_unique() > 1}
    ones = outcome.sum() or 0
    if min(ones, outcome.count() - ones) >= KINDS_MIN:
        for name in sorted(times, key=lambda one: one != asked.time):
            _in_time(name, times[name], outcome, len(times), found)
        for name in table.columns:
            if name not in asked.skip and name not in times:
                _column(table[name], outcome, found)
        for column in told:
            _too_good(column, outcome, found)
    predicted, happened = (_days(table[name]) if name else None for name in (asked.time, asked.outcome_time))
    _dates(predicted, happened, outcome, asked, found)
    _persons(table, asked, found)
    _missing(table, outcome, told, asked, found)
    found.checks.sort(key=lambda one: one.severity != "leak")
    return found


def _days(column: pl.Series) -> pl.Series | None:
    return columns.dates(column) if column.dtype in (pl.Date, pl.Datetime, pl.String) else None


def _counts(values: pl.Series, outcome: pl.Series) -> pl.DataFrame:
    known = pl.DataFrame({"value": values, "outcome": outcome}).drop_nulls("outcome")
    return known.group_by("value").agg(rows=pl.len(), ones=pl.col("outcome").cast(pl.Int64).sum()).sort("value")


def _in_time(name: str, days: pl.Series, outcome: pl.Series, axes: int, found: Found) -> None:
    """Stretches of days without one of the outcomes; when there is none left, a jump of the rate."""
    for _ in range(STRETCHES_MAX):
        open_rows = ~found.leaked & days.is_not_null()
        counted = _counts(days.filter(open_rows), outcome.filter(open_rows))
        rows, ones, starts = merged(*(counted[one].to_numpy().astype(float) for one in ("rows", "ones")))
        stretch = strangest(rows, ones)
        if stretch is None or stretch.p * axes > FALSE_ALARM:
            return
        ends = np.append(starts[1:], counted.height)[stretch.last] - 1
        first, last = counted["value"][int(starts[stretch.first])], counted["value"][int(ends)]
        begun, ended = int(starts[stretch.first]), int(ends)
        when = _when(counted["value"], begun, ended)
        if not stretch.pure:
            says = (
                f"The share with the outcome is {percent(stretch.rate, 1)} in the {stretch.rows:,} rows {when} by "
                f"{name}, {percent(stretch.elsewhere, 1)} in the others. Chance alone does this in fewer than "
                f"{percent(FALSE_ALARM)} of files; ask what changed there."
            )
            found.add(
                Check(kind="rate jumps", column=name, says=says, rows=stretch.rows, severity="check", begins=first)
            )
            return
        says = (
            f"{_all_or_none(stretch)} {stretch.rows:,} rows {when} by {name} "
            f"{'have' if stretch.rate > 0.5 else 'has'} the outcome; of the others {percent(stretch.elsewhere, 1)} do. "
            "Rows seem to be in the data because of their outcome."
        )
        inside = (days >= first) & (days <= last)
        found.add(
            Check(kind="one outcome", column=name, says=says, rows=stretch.rows, severity="leak", begins=first), inside
        )


def _all_or_none(stretch: Stretch) -> str:
    if stretch.rate in (0.0, 1.0):
        return "All" if stretch.rate else "None of the"
    return "Nearly all" if stretch.rate > 0.5 else "Hardly any of the"


def _when(values: pl.Series, first: int, last: int) -> str:
    if last == len(values) - 1 and first > 0:
        return f"after {day(values[first - 1])}"
    if first == 0:
        return f"until {day(values[last])}"
    return f"from {day(values[first])} to {day(values[last])}"


def _column(column: pl.Series, outcome: pl.Series, found: Found) -> None:
    """A column that alone tells the outcome, or rows of a value that have one outcome only."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return
    name, open_rows = column.name, ~found.leaked
    ordered = column.dtype.is_numeric()
    values = _binned(column) if ordered else columns.texts(column)
    counted = _counts(values.filter(open_rows), outcome.filter(open_rows))
    known = counted.drop_nulls("value")
    few = counted.height <= VALUES_MAX and counted["rows"].sum() >= 20 * counted.height
    if not ordered and not few:
        return
    if _tells(counted, known, ordered=ordered, few=few):
        says = f"'{name}' alone tells the outcome almost always. It may have been written down after the outcome."
        rows = int(counted["rows"].sum())
        found.add(Check(kind="tells the outcome", column=name, says=says, rows=rows, severity="leak"))
        return
    if ordered:
        _along(name, values, known, found)
    if few:
        _one_by_one(name, values, counted, found)


def _binned(column: pl.Series) -> pl.Series:
    values = columns.numbers(column)
    if values.n_unique() <= NUMBER_BINS:
        return values
    edges = np.unique(np.quantile(values.drop_nulls().to_numpy(), np.linspace(0, 1, NUMBER_BINS + 1)))
    at = np.searchsorted(edges, values.fill_null(edges[0]).to_numpy(), side="right") - 1
    return pl.Series(column.name, edges[np.clip(at, 0, len(edges) - 1)]).set(values.is_null(), None)


def _tells(counted: pl.DataFrame, known: pl.DataFrame, *, ordered: bool, few: bool) -> bool:
    gaps = counted.group_by(pl.col("value").is_null().alias("value")).agg(pl.col("rows", "ones").sum()).sort("value")
    tried = [gaps]
    if ordered:
        tried.append(known)
    if few:
        tried.append(counted.sort(pl.col("ones") / pl.col("rows")))
    for one in tried:
        ones = one["ones"].to_numpy().astype(float)
        zeros = one["rows"].to_numpy() - ones
        area, _ = auc(ones, zeros)
        if area is not None and max(area, 1 - area) >= AUC_MAX and min(ones.sum(), zeros.sum()) >= KINDS_MIN:
            return True
    return False


def _along(name: str, values: pl.Series, known: pl.DataFrame, found: Found) -> None:
    rows, ones, _ = merged(*(known[one].to_numpy().astype(float) for one in ("rows", "ones")))
    stretch = strangest(rows, ones)
    if stretch is None or not stretch.pure:
        return
    low, high = known["value"][stretch.first], known["value"][stretch.last]
    says = (
        f"{_all_or_none(stretch)} {stretch.rows:,} rows with {name} from {low:g} to {high:g} "
        f"{'have' if stretch.rate > 0.5 else 'has'} the outcome; of the others {percent(stretch.elsewhere, 1)} do."
    )
    following = known["value"][stretch.last + 1] if stretch.last + 1 < known.height else None
    inside = (values >= low) & ((values < following) if following is not None else values.is_not_null())
    found.add(Check(kind="one outcome", column=name, says=says, rows=stretch.rows, severity="leak"), inside)


def _one_by_one(name: str, values: pl.Series, counted: pl.DataFrame, found: Found) -> None:
    rows, ones = int(counted["rows"].sum()), int(counted["ones"].sum())
    told = [one.column for one in found.checks if one.kind == "one outcome"]
    for value, count, yes in counted.iter_rows():
        if name in told or rows == count or not is_pure(yes, count, (ones - yes) / (rows - count)):
            continue
        share = (ones - yes) / (rows - count)
        which = f"without {name}" if value is None else f"whose {name} is {value}"
        says = f"{_some(yes, count)} of the {count:,} rows {which} {'have' if yes else 'has'} the outcome; "
        says += f"of the others {percent(share, 1)} do."
        inside = values.is_null() if value is None else values == value
        found.add(Check(kind="one outcome", column=name, says=says, rows=count, severity="leak"), inside)


def _some(ones: int, rows: int) -> str:
    return f"{ones:,}" if 0 < ones < rows else ("All" if ones else "None")


def _too_good(column: pl.Series, outcome: pl.Series, found: Found) -> None:
    counted = _counts(column, outcome).drop_nulls("value")
    ones = counted["ones"].to_numpy().astype(float)
    zeros = counted["rows"].to_numpy() - ones
    area, _ = auc(ones, zeros)
    if area is None or area < SCORE_AUC_MAX or min(ones.sum(), zeros.sum()) < KINDS_MIN:
        return
    says = f"'{column.name}' tells the outcome almost without a mistake (AUC {area:.3f}). Was it made after it?"
    rows = int(counted["rows"].sum())
    found.add(Check(kind="made after the outcome", column=column.name, says=says, rows=rows, severity="leak"))


def _dates(
    predicted: pl.Series | None, happened: pl.Series | None, outcome: pl.Series, asked: Asked, found: Found
) -> None:
    """Outcomes before the prediction, and outcomes whose time was not over."""
    if predicted is None:
        return
    if happened is not None:
        early = (happened < predicted).fill_null(value=False)
        if rows := int(early.sum()):
            says = f"In {rows:,} rows the outcome ({asked.outcome_time}) is before the prediction ({asked.time})."
            one = Check(kind="outcome first", column=asked.outcome_time or "", says=says, rows=rows, severity="leak")
            found.add(one, early)
    if asked.follow_up_days is not None:
        last = [one for one in (predicted.max(), happened.max() if happened is not None else None) if one is not None]
        until = asked.until or max(last)
        short = (predicted > until - timedelta(days=asked.follow_up_days)) & outcome.is_not_null()  # type: ignore[operator]
        if rows := int(short.sum()):
            says = (
                f"{rows:,} rows were not followed for {asked.follow_up_days:,} days: their outcome was read before "
                f"{day(until)} though its time was not over."  # type: ignore[arg-type]
            )
            found.add(Check(kind="not followed", column=asked.time or "", says=says, rows=rows, severity="leak"), short)


def _persons(table: pl.DataFrame, asked: Asked, found: Found) -> None:
    """The same person, or the same row, more than once."""
    names = [asked.person] if asked.person else [name for name in table.columns if _ID.search(name)]
    once = table.unique() if names else table
    for name in names:
        column = table[name].drop_nulls()
        often = len(column) - column.n_unique()
        whole = column.dtype.is_integer() or column.dtype == pl.String
        # Copies of whole rows are left out, or a file that holds everything twice would name nobody.
        named = once[name].drop_nulls()
        sole = whole and len(named) > KINDS_MIN and named.n_unique() >= UNIQUE_SHARE * len(named)
        if not often or not (sole or asked.person):
            continue
        same = table.height - once.height
        says = f"{often:,} rows repeat a value of '{name}', so people are counted more than once and limits are too "
        says += f"narrow; {same:,} of them are copies of a whole row." if same else "narrow."
        found.add(Check(kind="counted twice", column=name, says=says, rows=often, severity="check"))


def _missing(table: pl.DataFrame, outcome: pl.Series, told: Sequence[pl.Series], asked: Asked, found: Found) -> None:
    """Outcomes that are missing for some more often than for others."""
    hidden = outcome.is_null()
    lost = int(hidden.sum())
    if not MISSING_MIN <= lost <= table.height - MISSING_MIN:
        return
    looked = {name: table[name] for name in table.columns if name not in asked.skip or name in asked.by}
    looked |= {one.name: one for one in told if one.n_unique() <= VALUES_MAX}
    tests: list[tuple[float, str, str, float, float]] = []
    for name, column in looked.items():
        if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
            continue
        text = columns.texts(column).fill_null(columns.NOT_STATED)
        if text.n_unique() > VALUES_MAX:
            continue
        counted = (
            pl.DataFrame({"value": text, "hidden": hidden}).group_by("value").agg(pl.len(), pl.col("hidden").sum())
        )
        for value, rows, gone in counted.iter_rows():
            parts = [np.array([float(one)]) for one in (gone, rows, lost - gone, table.height - rows)]
            p = float(p_values(*parts)[0])
            if np.isfinite(p):
                tests.append((p, name, str(value), gone / rows, (lost - gone) / max(1, table.height - rows)))
    strange = min(tests, default=(1.0, "", "", 0.0, 0.0))
    if strange[0] * len(tests) <= FALSE_ALARM:
        _, name, value, share, other = strange
        says = (
            f"The outcome is missing for {percent(share, 1)} of rows whose {name} is {value}, for {percent(other, 1)} "
        )
        says += "of the others: it is not missing by chance, so rates of those who are known may not hold for all."
        found.add(Check(kind="missing outcomes", column=name, says=says, rows=lost, severity="check"))
