"""Groups of cases: by a column, or by thirds of what is known of territories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from cityward.core.errors import UserError

UNKNOWN: Final = "not known"
GROUPS_MAX: Final = 2_000
"""Most groups of one grouping: beyond, they are likely to be persons."""
VALUES_MAX: Final = 12
"""A column of numbers with more different values than this is taken by thirds."""
THIRDS: Final = ("lowest third", "middle third", "highest third")


def thirds(facts: Mapping[str, float | None]) -> dict[str, str]:
    """The third of each territory by a fact that is known of at least three; ``not known`` where it is not."""
    known = {name: value for name, value in facts.items() if value is not None and np.isfinite(value)}
    if len(known) < len(THIRDS):
        return dict.fromkeys(facts, UNKNOWN)
    cuts = np.quantile(list(known.values()), (1 / 3, 2 / 3))
    return {
        name: THIRDS[int(np.searchsorted(cuts, known[name]))] if name in known else UNKNOWN for name in facts
    }  # equal values fall into the same third


def by_column(column: pl.Series) -> pl.Series:
    """The group of each case as text: the value itself, or the third of a number.

    Raises
    ------
    UserError
        There are more than `GROUPS_MAX` groups.
    """
    name = column.name
    if column.dtype.is_numeric() and not column.is_nan().any() and column.n_unique() > VALUES_MAX:
        cuts = [column.quantile(share, "linear") for share in (1 / 3, 2 / 3)]
        told = [f"up to {cuts[0]:g}", f"{cuts[0]:g} to {cuts[1]:g}", f"over {cuts[1]:g}"]
        column = pl.select(
            pl.when(pl.lit(column) <= cuts[0])
            .then(pl.lit(told[0]))
            .when(pl.lit(column) <= cuts[1])
            .then(pl.lit(told[1]))
            .when(pl.lit(column).is_not_null())
            .then(pl.lit(told[2]))
        ).to_series()
    found = column.cast(pl.String).fill_null(UNKNOWN).alias(name)
    if found.n_unique() > GROUPS_MAX:
        raise UserError(
            f"'{name[:60]}' has {found.n_unique():,} different values: those are hardly groups.",
            f"Group by a column of at most {GROUPS_MAX:,} values.",
        )
    return found
