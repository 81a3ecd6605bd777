"""Tries a ranking on a file: learned before a day, judged after it, beside simple orders, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.anticipate import case_measures as measures
from cityward.anticipate.case_features import epoch_days, outcomes
from cityward.anticipate.leakage import check, seen_before
from cityward.anticipate.priority import ROWS_MAX as LEARNED_MAX
from cityward.anticipate.priority import train
from cityward.core.clock import rng
from cityward.core.errors import UserError

ROWS_MAX: Final = 5_000_000
COLUMNS_MAX: Final = 200
RANDOM: Final = "random"
DONE: Final = "order done"
AGE: Final = "longest waiting first"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried: columns by name, and the last day to learn from (as text, 2014-08-31)."""

    outcome: str
    time: str
    train_until: str
    features: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    id: str | None = None
    compare: str | None = None
    test: str | None = None
    seed: int = 1


def trial(table: pl.DataFrame, asked: Question) -> dict[str, Any]:
    """Learn from the rows up to a day and judge the order of the rows after it.

    Parameters
    ----------
    table : polars.DataFrame
        One row a visit.
    asked : Question
        ``compare`` names a column with another score to compare with; ``test`` one of flags: only such rows are judged.

    Raises
    ------
    UserError
        A column is missing, the outcome is not 0/1 or constant, no day can be read, or nothing is left to learn
        from or to judge.
    """
    given = table.height
    table, days = _dated(table, asked)
    outcome = _outcome(table, asked)
    until = _until(asked)
    learned = days <= until
    judged = ~learned
    if asked.test:
        judged &= (table[asked.test].cast(pl.Float64, strict=False).fill_null(0) > 0).to_numpy()
    _enough(outcome, learned, judged, asked)
    names = _features(table, asked)
    findings = check(
        table, names, outcome, days, learned, entity=asked.id, forbidden=[n for n in asked.leave_out if n in names]
    )
    refused = {one.column for one in findings if one.refused}
    used = [name for name in names if name not in refused]
    model = train(table.filter(learned).select(used), outcome[learned], days[learned], seed=asked.seed)
    after = table.filter(judged)
    chance, low, high = model.probability(after.select(used))
    scores = _orders(after, days[judged], chance, asked)
    found = outcome[judged]
    base = np.full(len(found), outcome[learned].mean())
    hidden, fellows = (
        seen_before(table.filter(learned | judged), asked.id, learned[learned | judged]) if asked.id else (0, 0)
    )
    return {
        "model": model.name,
        "features": used,
        "findings": findings,
        "without_day": given - table.height,
        "past": {"rows": int(learned.sum()), "found": int(outcome[learned].sum())},
        "learned": {"rows": min(int(learned.sum()), LEARNED_MAX)},
        "judged": {
            "rows": len(found),
            "found": int(found.sum()),
            "small": bool(found.sum() < measures.SMALL),
            "repeated_ids": hidden,
            "ids": fellows,
        },
        "auc": measures.auc(found, chance),
        "brier": measures.brier(found, chance),
        "brier_base_rate": measures.brier(found, base),
        "mean_probability": float(chance.mean()),
        "found_share": float(found.mean()),
        "mean_interval_width": float((high - low).mean()),
        "calibration": measures.calibration(found, chance),
        "orders": measures.compared(found, days[judged], scores, against=asked.compare or DONE, seed=asked.seed),
        "better_than_base_rate": bool(measures.brier(found, chance) < measures.brier(found, base)),
    }


def _orders(
    table: pl.DataFrame, days: NDArray[np.int64], chance: NDArray[np.float64], asked: Question
) -> dict[str, Any]:
    scores = {
        "model": chance,
        DONE: -days.astype(float),
        RANDOM: rng(asked.seed, "case-priority", RANDOM).permutation(len(days)).astype(float),
    }
    since = next((name for name in ("timesincelast", "days_since_last") if name in table.columns), None)
    if since:
        scores[AGE] = table[since].cast(pl.Float64, strict=False).fill_null(0).fill_nan(0).to_numpy()
    if asked.compare:
        scores[asked.compare] = table[asked.compare].cast(pl.Float64, strict=False).fill_null(0).fill_nan(0).to_numpy()
    return scores


def _dated(table: pl.DataFrame, asked: Question) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    wanted = [asked.outcome, asked.time, *asked.features, asked.id, asked.compare, asked.test]
    missing = [name for name in wanted if name and name not in table.columns]
    if missing:
        raise UserError(f"There is no column '{missing[0]}'.", f"The columns are: {', '.join(table.columns[:40])}.")
    if table.height > ROWS_MAX:
        raise UserError(f"The file has more than {ROWS_MAX:,} rows.", "Take its newest years.")
    if table[asked.time].dtype == pl.String:
        table = table.with_columns(pl.col(asked.time).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False))
    if not isinstance(table[asked.time].dtype, pl.Date | pl.Datetime):
        raise UserError(f"'{asked.time}' holds no dates.", "Write them as 2014-06-30.")
    table = table.drop_nulls(asked.time)
    if not table.height:
        raise UserError(f"No date of '{asked.time}' can be read.", "Write them as 2014-06-30.")
    return table, epoch_days(table[asked.time])


def _outcome(table: pl.DataFrame, asked: Question) -> NDArray[np.float64]:
    column = table[asked.outcome]
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise UserError(f"'{asked.outcome}' is not a number.", "Write 1 where the visit found something, else 0.")
    values = outcomes(column)
    if len(np.unique(values)) < 2:
        raise UserError(f"'{asked.outcome}' is the same in every row.", "There is nothing to rank; check the column.")
    return values


def _until(asked: Question) -> int:
    day = pl.Series([asked.train_until]).str.to_date("%Y-%m-%d", strict=False)
    if day.null_count():
        raise UserError("The last day to learn from is not a date.", "Write it as 2014-08-31.")
    return int(epoch_days(day)[0])


def _enough(
    outcome: NDArray[np.float64], learned: NDArray[np.bool_], judged: NDArray[np.bool_], asked: Question
) -> None:
    for rows, words in ((learned, f"up to {asked.train_until}"), (judged, f"after {asked.train_until}")):
        if len(np.unique(outcome[rows])) < 2:
            raise UserError(
                f"The {int(rows.sum()):,} rows {words} do not hold both outcomes.",
                "Choose another day with --train-until.",
            )


def _features(table: pl.DataFrame, asked: Question) -> list[str]:
    taken = {asked.outcome, asked.time, asked.id, asked.compare, asked.test}
    names = list(asked.features) or [name for name in table.columns if name not in taken]
    if len(names) > COLUMNS_MAX:
        raise UserError(f"{len(names)} features are more than {COLUMNS_MAX}.", "Name the ones to use with --features.")
    return [name for name in names if name not in asked.leave_out] + [n for n in asked.leave_out if n in asked.features]


def read_names(text: Sequence[str]) -> tuple[str, ...]:
    """Names given one by one or with commas between."""
    return tuple(part.strip() for one in text for part in one.split(",") if part.strip())
