"""Reads columns as they come: yes or no in any spelling, groups, scores, days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Final

import numpy as np
import polars as pl

from cityward.core.errors import UserError

_YES: Final = (
    "1 yes y true t positive pos + ja si sí sim oui tak да high approved accepted granted selected hired admitted"
)
_NO: Final = (
    "0 -1 no n false f negative neg - nee nein não nao non nie нет low denied rejected refused declined unflagged"
)
YES: Final = frozenset(_YES.split())
NO: Final = frozenset(_NO.split())
MISSING: Final = ("", "na", "n/a", "nan", "null", "#n/a", "?")
LADDERS: Final = (("low", "medium", "high"), ("low", "moderate", "high"))
NOT_STATED: Final = "(not stated)"
OTHER: Final = "(other)"

GROUPS_MAX: Final = 20_000
"""Most groups of one column; the smallest are put together as `OTHER`, and nearly as many as rows are refused."""

NUMBERS_MAX: Final = 12
"""A column of numbers with more values than these is cut into quarters of equal size."""

PERSONS_SHARE: Final = 0.95
PERSONS_ROWS: Final = 50
_CODE: Final = re.compile(
    r"(^|_|\b)(zip|zipcode|postal|postcode|plz|code|ward|district|tract|area|region|precinct|beat|id)($|_|\b)",
    re.IGNORECASE,
)
_FORMATS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d")


@dataclass(frozen=True, slots=True)
class YesNo:
    """A column as 1, 0 or null, and in words what was taken for 1."""

    values: pl.Series
    how: str


def texts(column: pl.Series) -> pl.Series:
    """The column as trimmed text; what means *missing* is null, and 1.0 is ``1``."""
    if column.dtype.is_float():
        whole = column.is_null() | column.is_nan() | (column.round() == column)
        column = column.cast(pl.Int64, strict=False) if whole.all() else column.fill_nan(None)
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text.str.to_lowercase().is_in(MISSING).fill_null(value=False), None)


def numbers(column: pl.Series) -> pl.Series:
    """The column as numbers; what is none is null."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        found = column.cast(pl.Float64)
    else:
        found = texts(column).str.replace(r"^(-?\d+),(\d+)$", "$1.$2").cast(pl.Float64, strict=False)
    return found.set(~found.is_finite().fill_null(value=True), None)


def yes_no(column: pl.Series, positive: Sequence[str] = (), threshold: float | None = None) -> YesNo:
    """Read a column as yes or no.

    Parameters
    ----------
    column : polars.Series
        Booleans, numbers or texts.
    positive : sequence of str
        Values that mean yes; all others mean no.
    threshold : float, optional
        Numbers from here on mean yes.

    Raises
    ------
    UserError
        It cannot be told what yes is.
    """
    name = column.name
    if threshold is not None:
        return _at(column, threshold)
    if column.dtype == pl.Boolean and not positive:
        return YesNo(_known(column.cast(pl.Int8), name), f"{name} is true")
    text = texts(column)
    values = sorted(text.drop_nulls().unique().to_list())
    if positive:
        wanted = [value for value in values if value.lower() in {one.strip().lower() for one in positive}]
        if not wanted:
            raise UserError(
                f"No row of '{name}' holds {' or '.join(map(repr, positive))}; it holds {_some(values)}.",
                "Give --positive with values of the column.",
            )
        return YesNo(_known(text.is_in(wanted).cast(pl.Int8), name), f"{name} is {' or '.join(wanted)}")
    found = _usual(values)
    if found is not None:
        yes, how = found
        return YesNo(_known(text.is_in(yes).cast(pl.Int8), name), f"{name} is {how}")
    remedy = "Say which values mean yes with --positive VALUE (more than once if need be)"
    remedy += ", or give --threshold NUMBER." if numbers(column).count() else "."
    raise UserError(f"Column '{name}' is not yes or no: it holds {_some(values)}.", remedy)


def _usual(values: Sequence[str]) -> tuple[list[str], str] | None:
    """Which of the values mean yes in the usual spellings, and in words; None when that cannot be told."""
    low = {value.lower() for value in values}
    if low <= YES | NO:
        yes = [value for value in values if value.lower() in YES]
        return yes, " or ".join(yes) or "yes (never)"
    for value, other in permutations(values, 2) if len(values) == 2 else ():
        if re.fullmatch(rf"(no|not|non|un)[ _-]?{re.escape(other)}", value, re.IGNORECASE):
            return [other], other
        if value.startswith("<") and other.startswith(">"):
            return [other], other
    for ladder in LADDERS:
        if low <= set(ladder):
            return [value for value in values if value.lower() != ladder[0]], "not Low"
    return None


def _at(column: pl.Series, threshold: float) -> YesNo:
    values = numbers(column)
    if not values.count():
        raise UserError(f"Column '{column.name}' holds no numbers, so a threshold has no meaning for it.")
    return YesNo((values >= threshold).cast(pl.Int8), f"{column.name} is at least {threshold:g}")


def _known(values: pl.Series, name: str) -> pl.Series:
    if not values.count():
        raise UserError(f"Column '{name}' is empty in every row.", "Name another column.")
    return values


def _some(values: Sequence[str]) -> str:
    """Values as an error may show them; many different ones can be of persons, and are only counted."""
    if len(values) > NUMBERS_MAX:
        return f"{len(values):,} different values"
    return ", ".join(f"'{value[:40]}'" for value in values) if values else "nothing"


def is_chance(column: pl.Series) -> bool:
    """Whether a column looks like probabilities: numbers from 0 to 1, more than two of them."""
    values = numbers(column)
    found = values.drop_nulls()
    inside = len(found) > 0 and len(found) == texts(column).count() and bool(((found >= 0) & (found <= 1)).all())
    return inside and found.n_unique() > 2


def groups(column: pl.Series, edges: Sequence[float] = (), *, each: bool = False) -> tuple[pl.Series, str]:
    """Name the group of each row; return the names, and in words how they were made when that was a choice.

    Numbers of more than `NUMBERS_MAX` values are cut at ``edges``, or at their quartiles, unless ``each`` is asked for
    or whole numbers have the name of a code (a ward, a postal code); days become years; the smallest of more than
    `GROUPS_MAX` groups are put together.

    Raises
    ------
    UserError
        The column names persons, not groups; or ``edges`` are given for what is no number.
    """
    name = column.name
    code = each or (column.dtype.is_integer() and _CODE.search(name) is not None)
    if edges or (column.dtype.is_numeric() and not code and column.n_unique() > NUMBERS_MAX):
        return _bins(numbers(column), sorted(set(edges)))
    if column.dtype in (pl.Date, pl.Datetime):
        return column.dt.year().cast(pl.String).fill_null(NOT_STATED).alias(name), f"{name}: by year"
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise UserError(f"Column '{name}' holds {column.dtype}, not groups.", "Name another column.")
    # Names are shown in terminals and on pages: no line breaks and no escapes in them.
    text = texts(column).str.replace_all(r"[\pC\s]+", " ").str.strip_chars().replace("", None)
    sizes = text.drop_nulls().value_counts(sort=True, name="rows")
    persons = sizes.height > PERSONS_SHARE * max(text.count(), PERSONS_ROWS)
    if persons and sizes.height > GROUPS_MAX:
        raise UserError(
            f"Column '{name}' has {sizes.height:,} values in {text.count():,} rows: it names persons, not groups.",
            "Name a column of groups, or cut numbers with --edges.",
        )
    how = f"{name}: {sizes.height:,} in {text.count():,} rows, which looks like persons" if persons else ""
    if sizes.height > GROUPS_MAX:
        kept = sizes.head(GROUPS_MAX)[name]
        text = text.set(~text.is_in(kept.implode()).fill_null(value=True), OTHER)
        how = f"{name}: the {GROUPS_MAX:,} largest of {sizes.height:,} groups, the others together"
    return text.fill_null(NOT_STATED), how


def _bins(values: pl.Series, edges: list[float]) -> tuple[pl.Series, str]:
    name = values.name
    if not values.count():
        raise UserError(f"Column '{name}' holds no numbers, so it cannot be cut.", "Leave out --edges.")
    how = f"{name}: cut where you said"
    if not edges:
        found = (values.quantile(share, "nearest") for share in (0.25, 0.5, 0.75))
        lowest = values.min()
        edges = sorted({float(one) for one in found if one is not None and one != lowest})
        how = f"{name}: cut at its quartiles"
    shown = [f"{edge:.6g}" for edge in edges]
    labels = [f"under {shown[0]}"] if shown else ["all"]
    labels += [f"{low} to under {high}" for low, high in pairwise(shown)]
    labels += [f"{shown[-1]} and over"] if shown else []
    at = np.searchsorted(np.array(edges), values.fill_null(0.0).to_numpy(), side="right")
    named = pl.Series(name, np.array(labels)[at], dtype=pl.String)
    return named.set(values.is_null(), None).fill_null(NOT_STATED), how


def dates(column: pl.Series) -> pl.Series | None:
    """The column as days, or None when it does not hold days."""
    if column.dtype == pl.Date:
        return column
    if column.dtype == pl.Datetime:
        return column.dt.date()
    if column.dtype != pl.String:
        return None
    text = texts(column).str.slice(0, 10)
    counted = text.drop_nulls().value_counts(name="rows")  # many rows have few days
    for pattern in _FORMATS:
        known = counted.filter(counted[text.name].str.to_date(pattern, strict=False).is_not_null())
        if counted.height and known["rows"].sum() >= 0.99 * text.count():
            return text.str.to_date(pattern, strict=False)
    return None
