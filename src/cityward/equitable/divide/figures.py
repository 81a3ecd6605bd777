"""Reads figures as people write them: ``2,78``, ``1.234.567``, ``12 %``; a whole column tells which it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import polars as pl

from cityward.core.limits import FIGURE_MAX

Decimal = Literal[",", "."]

_SIGN: Final = r"^[+\-−]?"
_BY_POINTS: Final = _SIGN + r"\d{1,3}(\.\d{3})+$"
_BY_COMMAS: Final = _SIGN + r"\d{1,3}(,\d{3})+$"
_SURE_COMMA: Final = _SIGN + r"(\d*,\d{1,2}|\d*,\d{4,}|0,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d+)$"
_SURE_POINT: Final = _SIGN + r"(\d*\.\d{1,2}|\d*\.\d{4,}|0\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,})$"
_MANY_POINTS: Final = _SIGN + r"\d{1,3}(\.\d{3}){2,}$"


def written(column: pl.Series) -> pl.Series:
    """Texts without spaces, signs of per cent and quotes around them; nothing where nothing is written."""
    tidy = column.cast(pl.String).str.replace_all(r"[\s  %'\"]", "")
    return tidy.set(tidy == "", None)


def decimal_of(columns: Sequence[pl.Series]) -> Decimal | None:
    """The sign of decimals that these columns surely use, or None when no figure tells; a comma goes first.

    ``1,5`` tells a comma, ``1.5`` a point, ``1.234.567`` a comma; ``1.234`` alone tells nothing. Where it stands among
    whole figures of at most three digits, and no figure has another number of decimals, it is a thousand.
    """
    texts = [written(column) for column in columns if column.dtype == pl.String]
    if any(text.str.contains(f"{_SURE_COMMA}|{_MANY_POINTS}").any() for text in texts):
        return ","
    if any(text.str.contains(_SURE_POINT).any() for text in texts):
        return "."
    return "," if any(_counts_in_thousands(text) for text in texts) else None


def _counts_in_thousands(text: pl.Series) -> bool:
    grouped, small = text.str.contains(_BY_POINTS), text.str.contains(_SIGN + r"\d{1,3}$")
    return bool(grouped.any() and small.any() and (grouped | small | text.is_null()).all())


def read_figures(column: pl.Series, decimal: Decimal | None = None) -> pl.Series:
    """Return the figures of ``column`` as floats; null where there is none, it is past all
    bounds, or what is written is no figure.

    Parameters
    ----------
    column : polars.Series
        Texts, or figures already.
    decimal : str, optional
        The sign of decimals. Default: what the column itself tells, else a point; then ``1,234`` is a thousand and
        ``1.234`` is little more than one.
    """
    if column.dtype.is_numeric():
        figures = column.cast(pl.Float64)
        return figures.set(~(figures.abs() <= FIGURE_MAX), None)
    if column.dtype != pl.String:
        return pl.Series(column.name, [None] * column.len(), dtype=pl.Float64)
    text = written(column).str.replace("−", "-")
    sign = decimal or decimal_of([column]) or "."
    apart = "." if sign == "," else ","
    grouped = _BY_POINTS if apart == "." else _BY_COMMAS
    is_grouped = text.str.contains(grouped[: -len("$")] + rf"(\{sign}\d+)?$").fill_null(value=False)
    # A separator of thousands in the wrong place is a slip and not a figure.
    text = text.str.replace_all(apart, "", literal=True).zip_with(is_grouped, text)
    figures = text.str.replace(sign, ".", literal=True).str.replace(r"^\.", "0.").cast(pl.Float64, strict=False)
    return figures.set(~(figures.abs() <= FIGURE_MAX), None)
