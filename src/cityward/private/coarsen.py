"""Coarsening: a place that a person may live at becomes the block it lies in."""

from __future__ import annotations

import polars as pl


def coarsen_address(address: pl.Expr) -> pl.Expr:
    """Return a street address with its house number rounded down to the hundred.

    ``4853 S WOOD`` becomes ``4800 block S WOOD``; what follows a comma or ``apt`` or ``unit`` is left out, and
    an address without a leading number loses all its digits.
    """
    plain = address.str.replace(r"(?i)[,#].*$|\b(?:apt|unit|suite|fl|floor)\b.*$", "").str.strip_chars()
    number = plain.str.extract(r"^(\d{1,6})\b").cast(pl.Int64)
    street = plain.str.replace(r"^\d+[A-Za-z]?(?:\s*-\s*\d+)?\s*", "")
    block = pl.format("{} block {}", (number // 100) * 100, street)
    return pl.when(number.is_not_null()).then(block).otherwise(plain.str.replace_all(r"\d+", "")).str.strip_chars()


def coarsen_point(degrees: pl.Expr) -> pl.Expr:
    """Return a coordinate rounded to 0.001° (about 100 m): a block, not a door."""
    return degrees.round(3)
