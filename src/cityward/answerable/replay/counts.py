"""Counts of a partition of the cases, as shares with intervals, and compared with each other."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.audit.comparisons import holm, p_values
from cityward.answerable.audit.intervals import clopper_pearson, difference
from cityward.answerable.replay.hiding import hide_groups
from cityward.answerable.replay.shape import DIRECTIONS, SMALL, GroupChange, Share
from cityward.core.small_counts import Counts, Mask

Floats = NDArray[np.float64]
CHANGES: Final = DIRECTIONS[:-1]
NOTHING: Final = Share(cases=None, share=None, low=None, high=None)


def shares(counts: NDArray[np.int64], out_of: NDArray[np.int64], hidden: Mask) -> list[Share]:
    """Shares with exact intervals; what is hidden is told as nothing."""
    low, high = clopper_pearson(counts.astype(float), out_of.astype(float))
    return [
        NOTHING
        if left_out or not cases
        else Share(cases=int(count), share=float(count / cases), low=float(one), high=float(two))
        for count, cases, one, two, left_out in zip(counts, out_of, low, high, hidden, strict=True)
    ]


def net(better: Floats, worse: Floats, cases: Floats) -> tuple[Floats, Floats, Floats]:
    """Share that gains less share that loses, of the same cases, with its 95 % interval.

    Source: Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions" (Wald+2).
    """
    z, some = NormalDist().inv_cdf(0.975), np.maximum(cases, 1)
    apart, n = better - worse, cases + 2
    middle = apart / n
    half = z * np.sqrt(np.maximum(better + worse + 1 - apart**2 / n, 0)) / n
    return apart / some, np.maximum(middle - half, -1), np.minimum(middle + half, 1)


def group_changes(
    table: pl.DataFrame, grouping: str, least: int, within: Counts | None = None
) -> tuple[GroupChange, ...]:
    """What changes for each group, those with the most who lose first; small ones and hidden ones last.

    Parameters
    ----------
    table : polars.DataFrame
        ``group``, ``cases`` and a count for each of `DIRECTIONS`.
    within : array of int, optional
        Larger groups whose sums are told too.
    """
    names = table.get_column("group").to_list()
    counts = table.select(CHANGES).to_numpy().astype(np.int64)
    cases = table.get_column("cases").to_numpy().astype(np.int64)
    hidden, few = hide_groups(table, least, within)
    found = _told(names, grouping, counts, cases, hidden, few)
    compared = _compared(counts[:, CHANGES.index("worse")], cases, hidden, found)
    return tuple(sorted(compared, key=_rank))


def _rank(one: GroupChange) -> tuple[bool, bool, float, str]:
    return one.worse.cases is None, one.small, -(one.worse.share or 0), one.group


def _told(
    names: Sequence[str],
    grouping: str,
    counts: NDArray[np.int64],
    cases: NDArray[np.int64],
    hidden: Mask,
    few: Mask,
) -> list[GroupChange]:
    worse_, better_, other_, undecided_, decided_ = (shares(counts[:, at], cases, hidden) for at in range(len(CHANGES)))
    changed_ = shares(counts.sum(axis=1), cases, hidden)
    better, worse = (counts[:, CHANGES.index(name)].astype(float) for name in ("better", "worse"))
    middle, low, high = net(better, worse, cases.astype(float))
    found = []
    for at, name in enumerate(names):
        told = not hidden[at] and cases[at] > 0
        found.append(
            GroupChange(
                grouping=grouping,
                group=name,
                cases=None if few[at] else int(cases[at]),
                net=float(middle[at]) if told else None,
                net_low=float(low[at]) if told else None,
                net_high=float(high[at]) if told else None,
                small=bool(cases[at] < SMALL),
                worse=worse_[at],
                better=better_[at],
                other=other_[at],
                undecided=undecided_[at],
                decided=decided_[at],
                changed=changed_[at],
            )
        )
    return found


def _compared(
    worse: NDArray[np.int64], cases: NDArray[np.int64], hidden: Mask, found: Sequence[GroupChange]
) -> list[GroupChange]:
    """Groups with the difference of their losers from all others that are told."""
    at = np.flatnonzero(~hidden & (cases >= SMALL))
    if len(at) < 2:
        return list(found)
    count, out_of = worse[at].astype(float), cases[at].astype(float)
    others, others_of = count.sum() - count, out_of.sum() - out_of
    low, high = difference((count, out_of), (others, others_of))
    adjusted = holm(p_values(count, out_of, others, others_of))
    apart = count / out_of - others / others_of
    known = list(found)
    for number, group in enumerate(at):
        known[group] = msgspec.structs.replace(
            known[group],
            beside=float(apart[number]),
            beside_low=float(low[number]),
            beside_high=float(high[number]),
            p=float(adjusted[number]),
        )
    return known
