"""Refuses columns that know the outcome: a ranking that learns from them shines in trials and fails in the street."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.anticipate.case_measures import auc

Floats = NDArray[np.float64]

AUC_MAX: Final = 0.95
"""No honest column alone tells who will fail a visit better than this."""

PURE_ROWS: Final = 50
"""A value that decides the outcome is suspicious when so many of the rarer outcome would be expected with it."""

PURE_SHARE: Final = 0.02
"""Up to this share of those expected may be there all the same: slips of whoever wrote the result down."""

TWIN_SHARE: Final = 0.98
PAIRS_MIN: Final = 30
FITTED_DROP: Final = 0.15
"""A column that loses so much AUC after the day to which was learned was made with the outcomes before it."""

UNIQUE_SHARE: Final = 0.95
TEXT_UNIQUE_SHARE: Final = 0.5

_PERSON = re.compile(
    r"(?:^|[_\W])(inspector|officer|race|ethnic\w*|gender|sex|religion|nationality|birth|surname|first_?name|"
    r"last_?name|ssn|passport|disab\w*|orientation)(?:$|[_\W])",
    re.IGNORECASE,
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a column; a ``refused`` one is not learned from."""

    column: str
    kind: str
    because: str
    refused: bool


def check(
    table: pl.DataFrame,
    features: Sequence[str],
    outcome: Floats,
    days: NDArray[np.int64],
    learned: NDArray[np.bool_],
    *,
    entity: str | None = None,
    forbidden: Sequence[str] = (),
) -> list[Finding]:
    """Look at every feature; return what was found, in the order of ``features``.

    Parameters
    ----------
    table : polars.DataFrame
        One row a visit, with the features, the entity, and any other column that came with them.
    features : sequence of str
    outcome : ndarray of 0 and 1, shape (rows,)
    days : ndarray of int, shape (rows,)
    learned : ndarray of bool, shape (rows,)
        Rows of the past; the others come after it.
    entity : str, optional
        Column that names who is visited; with it, results that come back at the next visit are found.
    forbidden : sequence of str
        Columns that the city does not want to be used.
    """
    found: list[Finding] = []
    twins = _twins(table, features, days, entity) if entity else {}
    for name in features:
        finding = (
            _declared(name, forbidden)
            or _identity(table[name], name, entity)
            or _later(table[name], name, days)
            or _twin(name, twins)
            or _telling(table[name], name, outcome, learned)
        )
        if finding:
            found.append(finding)
        if _PERSON.search(name) and not (finding and finding.refused):
            because = f"'{name}' sounds like who somebody is, not what a place is like; say on the card why it is used"
            found.append(Finding(column=name, kind="person", because=because, refused=False))
    return found


def _declared(name: str, forbidden: Sequence[str]) -> Finding | None:
    if name not in forbidden:
        return None
    return Finding(column=name, kind="forbidden", because=f"the city does not want '{name}' to be used", refused=True)


def _identity(column: pl.Series, name: str, entity: str | None) -> Finding | None:
    whole = column.dtype.is_integer() or column.dtype == pl.String
    known = column.drop_nulls()
    share = UNIQUE_SHARE if column.dtype.is_integer() else TEXT_UNIQUE_SHARE
    many = len(known) >= PAIRS_MIN and known.n_unique() >= share * len(known)
    if name != entity and not (whole and many):
        return None
    because = f"'{name}' names single cases (most values occur once): what is learned from it is by heart"
    return Finding(column=name, kind="identifier", because=because, refused=True)


def _later(column: pl.Series, name: str, days: NDArray[np.int64]) -> Finding | None:
    if column.dtype not in (pl.Date, pl.Datetime):
        return None
    when = column.cast(pl.Date).cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    later = int((when > days).sum())
    if not later:
        return None
    because = f"{later:,} of its dates lie after the visit"
    return Finding(column=name, kind="after the visit", because=because, refused=True)


def _twins(table: pl.DataFrame, features: Sequence[str], days: NDArray[np.int64], entity: str) -> dict[str, str]:
    """Columns whose value at one visit comes back as another column at the next visit of the same entity."""
    numbers = [name for name, dtype in table.schema.items() if dtype.is_numeric() and name != entity]
    ordered = table.with_columns(pl.Series("__day", days)).sort(entity, "__day", maintain_order=True)
    code = ordered[entity].rank("dense").fill_null(-1).cast(pl.Int64).to_numpy()
    follow = np.flatnonzero((code[1:] == code[:-1]) & (code[1:] >= 0))
    if len(follow) < PAIRS_MIN:
        return {}
    values = {name: ordered[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in numbers}
    twins = {}
    for name in (one for one in features if one in values):
        now = values[name][follow]
        changes = np.isfinite(now) & (now != values[name][follow + 1])
        if changes.sum() < PAIRS_MIN or len(np.unique(now)) < 2:
            continue  # what never changes tells nothing about when it was known
        for other in numbers:
            if other != name and np.mean(now[changes] == values[other][follow + 1][changes]) >= TWIN_SHARE:
                twins[name] = other
                break
    return twins


def _twin(name: str, twins: dict[str, str]) -> Finding | None:
    if name not in twins:
        return None
    because = f"its value comes back as '{twins[name]}' at the next visit: it is a result of the visit itself"
    return Finding(column=name, kind="after the visit", because=because, refused=True)


def _telling(column: pl.Series, name: str, outcome: Floats, learned: NDArray[np.bool_]) -> Finding | None:
    values, texts = _numbers(column, outcome)
    known = np.isfinite(values)
    alone = auc(outcome[learned], np.where(known, values, -np.inf)[learned])
    gaps = auc(outcome[learned], known[learned].astype(float))
    if max(alone, 1 - alone, gaps, 1 - gaps) >= AUC_MAX:
        because = f"alone it tells the outcome almost always (AUC {max(alone, 1 - alone, gaps, 1 - gaps):.2f})"
        return Finding(column=name, kind="tells the outcome", because=because, refused=True)
    if _pure(values[learned], outcome[learned]):
        because = "one of its values hardly ever goes with the outcome, or hardly ever without"
        return Finding(column=name, kind="tells the outcome", because=because, refused=True)
    if texts or (~learned).sum() < PAIRS_MIN:
        return None
    after = auc(outcome[~learned], np.where(known, values, -np.inf)[~learned])
    if abs(alone - 0.5) - abs(after - 0.5) < FITTED_DROP:
        return None
    because = f"its AUC falls from {alone:.2f} in the past to {after:.2f} after it: it was made with the outcomes"
    return Finding(column=name, kind="fitted to the outcome", because=because, refused=True)


def _numbers(column: pl.Series, outcome: Floats) -> tuple[Floats, bool]:
    """The column as numbers; a text becomes the outcome's share among the *other* half of its rows."""
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Date).cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy(), False
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy(), False
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return np.full(len(column), np.nan), True
    code = column.cast(pl.String).fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
    half = np.arange(len(code)) % 2
    found = np.empty(len(code))
    for side in (0, 1):
        other = half != side
        total = np.bincount(code[other], weights=outcome[other], minlength=code.max(initial=0) + 1)
        count = np.bincount(code[other], minlength=code.max(initial=0) + 1)
        found[~other] = ((total + outcome.mean()) / (count + 1))[code[~other]]
    return found, True


def _pure(values: Floats, outcome: Floats) -> bool:
    known = np.isfinite(values)
    levels, code = np.unique(values[known], return_inverse=True)
    if not 2 <= len(levels) <= PURE_ROWS:
        return False
    count, ones = np.bincount(code), np.bincount(code, weights=outcome[known])
    rate = outcome.mean()
    never = (ones <= PURE_SHARE * count * rate) & (count * rate >= PURE_ROWS)
    always = (count - ones <= PURE_SHARE * count * (1 - rate)) & (count * (1 - rate) >= PURE_ROWS)
    return bool((never | always).any())


def seen_before(table: pl.DataFrame, entity: str, learned: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many entities after the past were visited in it too, and how many there are after it."""
    after = table.filter(~learned)[entity].unique()
    both = after.is_in(table.filter(learned)[entity].unique().implode()).sum()
    return int(both or 0), len(after)
