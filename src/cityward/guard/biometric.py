"""Recognises biometric templates by what they look like, whatever they are called.

A first, plain rule: a vector of `TEMPLATE_NUMBERS_MIN` or more decimal numbers in one cell.
"""

from __future__ import annotations

import polars as pl

TEMPLATE_NUMBERS_MIN = 64
"""Face and voice templates in use have 64 to 2,048 numbers; sensor vectors of a city have a few."""

_TEXT_BYTES_MIN = 2 * TEMPLATE_NUMBERS_MIN
_VECTOR_TEXT = rf"(?:-?\d*\.\d+(?:[eE][+-]?\d+)?[\s,;]+){{{TEMPLATE_NUMBERS_MIN - 1}}}-?\d*\.\d+"


def suspects(frame: pl.DataFrame, declared: set[str]) -> list[str]:
    """Return the columns of ``frame`` that may hold a template: those ``declared``, and long enough ones.

    One pass over the whole frame finds the longest cell of each column, so that the closer look of
    `templates` is paid by few.
    """
    longest = frame.select(
        *(pl.col(name).str.len_bytes().max() for name, dtype in frame.schema.items() if dtype == pl.String)
    )
    long = {name for name in longest.columns if (longest[name].item() or 0) >= _TEXT_BYTES_MIN}
    return [
        name
        for name, dtype in frame.schema.items()
        if name in declared or name in long or isinstance(dtype, pl.List | pl.Array)
    ]


def templates(values: pl.Series) -> pl.Series:
    """Return for each cell of ``values`` whether it holds a template; never null."""
    dtype = values.dtype
    if isinstance(dtype, pl.List) and dtype.inner.is_numeric():
        found = values.list.len() >= TEMPLATE_NUMBERS_MIN
    elif isinstance(dtype, pl.Array) and dtype.inner.is_numeric():
        long = dtype.size >= TEMPLATE_NUMBERS_MIN
        found = values.is_not_null() & long
    elif dtype == pl.String:
        long_text = values.str.len_bytes() >= _TEXT_BYTES_MIN
        found = long_text & values.str.contains(_VECTOR_TEXT) if long_text.any() else long_text
    else:
        return pl.repeat(value=False, n=values.len(), dtype=pl.Boolean, eager=True)
    return found.fill_null(value=False)
