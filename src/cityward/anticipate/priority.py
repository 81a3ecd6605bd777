"""Ranks cases that wait for a visit by calibrated risk, learned and tried in the order of time.

Enters: columns known when the list was made, the day of each visit, and what the visit found (0 or 1). Leaves: a
probability with its interval, and what speaks for and against each case. Never: a column that the leakage check
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.anticipate.case_learner import Learner, learner, newton
from cityward.core.clock import rng
from cityward.core.errors import UserError

Floats = NDArray[np.float64]

ROWS_MAX: Final = 200_000
"""Newest rows to learn from; older ones tell little of today and cost time."""

CATEGORIES_MAX: Final = 12
"""Most frequent values of a text column that become columns of their own; the rest are one."""

MEMBERS: Final = 2
"""Learners whose mean is the score, each from another draw of the rows."""

FOLDS: Final = 3
"""Later parts of the past that are foretold from what came before them; calibration is read from these."""

FOLD_SHARE: Final = 0.12
"""Each fold's share of the rows."""

CLASS_MIN: Final = 10
"""Fewest cases with, and without, the outcome to learn from."""

DRAWS: Final = 200
CELLS: Final = 200
LINE_STEPS: Final = 6
REASONS: Final = 4


class Coding(NamedTuple):
    """How columns become numbers: by column of numbers, the source column and the text value it stands for."""

    sources: tuple[str, ...]
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What was foretold of the folds: rows (of the table learned from), calibrated probability of each."""

    rows: NDArray[np.int64]
    probability: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """A trained ranking; see `train`."""

    coding: Coding
    members: tuple[Learner, ...]
    platt: Floats  # shape (DRAWS + 1, 2): the fit, then its draws
    tried: Tried
    base_rate: float
    name: str

    def probability(self, features: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Return the probability of each row and its 90 % interval.

        The interval holds what is unsure of the risk of cases like it (learners and calibration drawn again); it
        is not a promise about the single case, whose visit finds it or does not.
        """
        columns = encode(features, self.coding)
        logits = np.stack([member.logit(columns) for member in self.members])
        middle = _sigmoid(self.platt[0, 0] + self.platt[0, 1] * logits.mean(axis=0))
        drawn = np.empty((DRAWS, features.height), dtype=np.float32)
        for draw, (shift, slope) in enumerate(self.platt[1:]):
            drawn[draw] = _sigmoid(shift + slope * logits[draw % len(self.members)])
        low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
        return middle, np.minimum(low, middle), np.maximum(high, middle)

    def reasons(self, features: pl.DataFrame) -> tuple[tuple[str, ...], Floats]:
        """Return source columns and what each adds to the log odds of each row, shape (rows, columns)."""
        columns = encode(features, self.coding)
        parts = np.mean([member.parts(columns) for member in self.members], axis=0) * self.platt[0, 1]
        names = tuple(dict.fromkeys(self.coding.sources))
        joined = np.zeros((features.height, len(names)))
        for place, source in enumerate(self.coding.sources):
            joined[:, names.index(source)] += parts[:, place]
        return names, joined


def train(
    features: pl.DataFrame, outcome: Floats, days: NDArray[np.int64], *, seed: int, trees: bool | None = None
) -> Model:
    """Learn the risk of the outcome from past visits.

    Parameters
    ----------
    features : polars.DataFrame
        One row a visit: numbers, booleans or texts, as known when the list was made; nulls are allowed.
    outcome : ndarray of 0 and 1, shape (rows,)
    days : ndarray of int, shape (rows,)
        Day on which the visit's list was made, or of the visit itself. Folds are cut by it, never within a day.
    seed : int
    trees : bool, optional
        Force trees or the scorecard; default: trees where LightGBM is installed.

    Raises
    ------
    UserError
        Too few cases of one class, or no usable column.

    Notes
    -----
    The calibration is logistic in the score, fitted to what was foretold of later folds from earlier rows.
    Source: Platt (1999), Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers.
    """
    order = np.argsort(days, kind="stable")[-ROWS_MAX:]
    _check_classes(outcome[order])
    coding = plan(features[order])
    columns, found, when = encode(features[order], coding), outcome[order], days[order]
    rows, logits = _foretell(columns, found, when, seed, trees)
    platt = _platt(logits, found[rows], seed)
    members = tuple(_member(columns, found, seed, place, trees) for place in range(MEMBERS))
    probability = _sigmoid(platt[0, 0] + platt[0, 1] * logits)
    return Model(coding, members, platt, Tried(order[rows], probability), float(found.mean()), members[0].name)


def _check_classes(outcome: Floats) -> None:
    for value, words in ((1, "with"), (0, "without")):
        if (outcome == value).sum() < CLASS_MIN:
            raise UserError(
                f"Only {int((outcome == value).sum())} past cases are {words} the outcome; to learn takes {CLASS_MIN}.",
                "Take a longer past, or another outcome. Until then the order by age is as good.",
            )


def _member(columns: Floats, outcome: Floats, seed: int, place: int, trees: bool | None) -> Learner:
    some = np.sort(rng(seed, "case-priority", "member", place).integers(0, len(outcome), len(outcome)))
    if outcome[some].min() == outcome[some].max():
        some = np.arange(len(outcome))
    return learner(columns[some], outcome[some], seed=seed + place, trees=trees)


def _foretell(
    columns: Floats, outcome: Floats, days: NDArray[np.int64], seed: int, trees: bool | None
) -> tuple[NDArray[np.int64], Floats]:
    """Logits of the last folds, each from a learner that saw only earlier days."""
    count = len(outcome)
    cuts = [int(np.searchsorted(days, days[int(count * (1 - FOLD_SHARE * back))])) for back in range(FOLDS, 0, -1)]
    rows, logits = [], []
    for cut, end in zip(cuts, [*cuts[1:], count], strict=True):
        before = outcome[:cut]
        if end <= cut or min((before == 1).sum(), (before == 0).sum()) < CLASS_MIN // 2:
            continue
        rows.append(np.arange(cut, end))
        logits.append(learner(columns[:cut], before, seed=seed, trees=trees).logit(columns[cut:end]))
    if not rows:
        raise UserError(
            "The past is too short to try a ranking on later days than it learned from.",
            "Take a past with at least some weeks of visits, both with and without the outcome in its first half.",
        )
    return np.concatenate(rows), np.concatenate(logits)


def _platt(logits: Floats, outcome: Floats, seed: int) -> Floats:
    """Shift and slope, then as many again from cases drawn with replacement. A negative slope is none.

    The draws count cases by cell (scores of about the same height), which takes no more time for many cases.
    """
    chance = rng(seed, "case-priority", "calibration")
    scores = np.clip(logits, -20, 20)
    fit = newton(np.column_stack([np.ones(len(scores)), scores]), outcome, 1.0)
    cell = np.argsort(np.argsort(scores, kind="stable"), kind="stable") * CELLS // len(scores)
    cases = np.bincount(cell, minlength=CELLS)
    middle = np.bincount(cell, weights=scores, minlength=CELLS) / np.maximum(cases, 1)
    code = 2 * cell + outcome.astype(np.int64)
    share = np.bincount(code, minlength=2 * CELLS) / len(code)
    drawn = chance.multinomial(len(code), share, DRAWS).reshape(DRAWS, CELLS, 2).astype(float)
    fits = np.vstack([fit, _lines(middle, drawn[:, :, 1], drawn.sum(axis=2), fit)])
    fits[:, 1] = np.maximum(fits[:, 1], 1e-6)
    return fits


def _lines(middle: Floats, found: Floats, cases: Floats, start: Floats) -> Floats:
    """Fit shift and slope to many draws at once by Newton's steps, shape (draws, 2)."""
    shift, slope = np.full(len(found), start[0]), np.full(len(found), start[1])
    for _ in range(LINE_STEPS):
        chance = _sigmoid(shift[:, None] + slope[:, None] * middle)
        left, bend = found - cases * chance, cases * chance * (1 - chance)
        down = left.sum(axis=1), left @ middle - slope
        flat, mixed, steep = bend.sum(axis=1) + 1e-9, bend @ middle, bend @ middle**2 + 1.0
        over = np.maximum(flat * steep - mixed**2, 1e-12)
        shift = shift + np.clip((steep * down[0] - mixed * down[1]) / over, -4, 4)
        slope = slope + np.clip((flat * down[1] - mixed * down[0]) / over, -4, 4)
    return np.column_stack([shift, slope])


def plan(features: pl.DataFrame) -> Coding:
    """Decide how columns become numbers; columns without any value, or with one value only, are left out.

    Raises
    ------
    UserError
        No column is left.
    """
    sources: list[str] = []
    values: list[str | None] = []
    for name, dtype in features.schema.items():
        if features[name].n_unique() < 2:
            continue
        if dtype.is_numeric() or dtype == pl.Boolean:
            sources.append(name)
            values.append(None)
        elif dtype in (pl.String, pl.Categorical, pl.Enum):
            common = (
                features[name].cast(pl.String).drop_nulls().value_counts().sort("count", name, descending=[True, False])
            )
            kept = common[name].head(CATEGORIES_MAX).to_list()
            sources += [name] * len(kept)
            values += kept
    if not sources:
        raise UserError(
            "No column is left to learn from: all are empty, constant or refused.",
            "Name columns that were known before the visit and differ between cases.",
        )
    return Coding(tuple(sources), tuple(values))


def encode(features: pl.DataFrame, coding: Coding) -> Floats:
    """Return the columns of numbers, shape (rows, len(coding.sources)); NaN where nothing is known."""
    found = np.empty((features.height, len(coding.sources)))
    for place, (source, value) in enumerate(zip(coding.sources, coding.values, strict=True)):
        column = features[source]
        if value is None:
            numbers = column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
            found[:, place] = np.where(np.isfinite(numbers), numbers, np.nan)
        else:
            found[:, place] = (column.cast(pl.String) == value).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return found


def _sigmoid(logit: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    return found
