"""Which counts of a replay are left out; `cityward.core.small_counts` says by what rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from cityward.answerable.replay.shape import DIRECTIONS
from cityward.core.small_counts import Counts, Line, Mask, hide, hide_rows, rows_told


def hide_parts(counts: Counts, least: int) -> Mask:
    """Which parts of a partition are left out, of shape (parts,); its sum is told."""
    return hide(counts, [(range(len(counts)), None)], least)


def hide_flows(counts: Counts, kind: Counts, kinds: int, least: int) -> tuple[Mask, Mask]:
    """Which flows are left out, and which sums of flows of a kind; the number of all cases is told.

    Parameters
    ----------
    counts : array of int, shape (flows,)
    kind : array of int, shape (flows,)
        The direction of each, from 0 to ``kinds`` - 1.
    """
    flows = len(counts)
    sums = np.bincount(kind, weights=counts, minlength=kinds).astype(np.int64)
    lines: list[Line] = [(np.flatnonzero(kind == one).tolist(), flows + one) for one in range(kinds)]
    lines += [(range(flows), None), (range(flows, flows + kinds), None)]
    hidden = hide(np.concatenate([counts, sums]), lines, least)
    return hidden[:flows], hidden[flows:]


def hide_groups(table: pl.DataFrame, least: int, within: Counts | None = None) -> tuple[Mask, Mask]:
    """Groups of which nothing is told, and those of which not even the number of cases is.

    ``table`` has ``cases`` and a count for each of `DIRECTIONS`.
    """
    few = hide_rows(table.select("cases").to_numpy().astype(np.int64), least, within=within)
    return hide_rows(_ways(table), least, also=few, within=within), few


def larger(cases: pl.DataFrame, fine: str, groupings: Sequence[str]) -> list[str]:
    """Those of ``groupings`` that are made of whole groups of ``fine``: their sums are sums of its groups."""
    if fine not in cases.columns:
        return []
    values = cases.group_by(fine).agg(pl.col(name).n_unique() for name in groupings)
    return [name for name in groupings if values.get_column(name).max() == 1]


def blocks(cases: pl.DataFrame, fine: str, table: pl.DataFrame, groupings: Sequence[str]) -> Counts:
    """By group of ``fine``, in the order of ``table``, the number of the larger groups that it is part of."""
    places = cases.group_by(fine).agg(pl.col(name).first() for name in groupings)
    joined = table.select(pl.col("group").alias(fine)).join(places, on=fine, how="left", maintain_order="left")
    found: Counts = joined.select(pl.struct(groupings).rank("dense")).to_series().to_numpy().astype(np.int64)
    return found


def gives_away(table: pl.DataFrame, least: int, within: Counts) -> bool:
    """Whether larger groups, told beside these, would give away what is left out."""
    hidden, few = hide_groups(table, least, within)
    cases = table.select("cases").to_numpy().astype(np.int64)
    return rows_told(_ways(table), hidden, least, within) or rows_told(cases, few, least, within)


def _ways(table: pl.DataFrame) -> Counts:
    found: Counts = table.select(DIRECTIONS).to_numpy().astype(np.int64)
    return found
