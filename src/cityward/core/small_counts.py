"""Which counts are left out, so that none of few people is told, nor follows from those that are told beside it.

A count of 1 to ``least - 1`` is small and left out. Where counts add up to one that is told, what is left out of them
is at least two counts that together reach ``least``, else the sum less the others would tell it.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4 (primary and secondary cell suppression).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Line: TypeAlias = tuple[Sequence[int], int | None]
"""Places of counts that add up, and the place of their sum; None: the sum is told elsewhere."""


def small(counts: Counts, least: int) -> Mask:
    """Where a count is of some, but of fewer than ``least``."""
    found: Mask = (counts > 0) & (counts < least)
    return found


def hide(counts: Counts, lines: Sequence[Line], least: int) -> Mask:
    """Which counts are left out, of shape (counts,), given the lines in which they add up."""
    hidden = small(counts, least)
    while any(_hide_more(parts, total, counts, hidden, least) for parts, total in lines):
        pass
    return hidden


def _hide_more(parts: Sequence[int], total: int | None, counts: Counts, hidden: Mask, least: int) -> bool:
    """Leave one count more out where what is left out of a line could be told; return whether one was."""
    at = np.asarray(parts, dtype=np.int64)
    out = at[hidden[at]]
    total_out = total is not None and bool(hidden[total])
    if not (len(out) or total_out) or (total_out and len(out)) or (len(out) > 1 and counts[out].sum() >= least):
        return False
    shown = at[~hidden[at] & (counts[at] > 0)]
    if len(shown):
        hidden[shown[np.argmin(counts[shown])]] = True
    elif total is not None and not total_out and counts[total]:
        hidden[total] = True
    else:
        return False
    return True


def hide_rows(counts: Counts, least: int, *, also: Mask | None = None, within: Counts | None = None) -> Mask:
    """Which groups are left out of a table of shape (groups, ways), each whole or not at all.

    Parameters
    ----------
    counts : array of int, shape (groups, ways)
        The sums of columns are told, each group's own sum may be.
    also : array of bool, shape (groups,), optional
        Groups that are left out for another reason.
    within : array of int, shape (groups,), optional
        Larger groups whose sums are told too; what is left out must not follow from those either.
    """
    hidden: Mask = np.asarray(small(counts, least).any(axis=1))
    if also is not None:
        hidden |= also
    within = np.zeros(len(counts), dtype=np.int64) if within is None else within
    for block in np.unique(within[hidden]):
        rows = np.flatnonzero(within == block)
        while (more := _row_more(rows, counts, hidden, least)) is not None:
            hidden[more] = True
    return hidden


def rows_told(counts: Counts, hidden: Mask, least: int, within: Counts) -> bool:
    """Whether what is left out of any larger group could still be told from its sums."""
    for block in np.unique(within[hidden]):
        out = hidden & (within == block)
        if out.sum() < 2 or small(counts[out].sum(axis=0), least).any():
            return True
    return False


def _row_more(rows: Counts, counts: Counts, hidden: Mask, least: int) -> int | None:
    """The smallest group that has to be left out too, or None."""
    out, rest = rows[hidden[rows]], rows[~hidden[rows] & (counts[rows].sum(axis=1) > 0)]
    sums = counts[out].sum(axis=0)
    # Where all of a column is left out, its sum is small itself, and is not told either.
    lacking = small(sums, least) & (sums < counts[rows].sum(axis=0))
    if not len(rest) or (len(out) > 1 and not lacking.any()):
        return None
    helping = rest[counts[rest][:, lacking].sum(axis=1) > 0] if lacking.any() else rest
    return int(helping[np.argmin(counts[helping].sum(axis=1))])
