"""Which counts are left out, so that none of few people is told, nor follows from those that are told beside it.

A count of 1 to ``least - 1`` is small. What is left out of a partition whose total is told must itself add up to
``least`` or more, else the total less the others would tell it; so further parts are left out, the smallest first.

Source: Hundepool et al., Statistical Disclosure Control (2012), chapter 4 (primary and secondary suppression).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def small(counts: Counts, least: int) -> Mask:
    """Where a count is of some, but of fewer than ``least``."""
    found: Mask = (counts > 0) & (counts < least)
    return found


def hide_parts(counts: Counts, least: int) -> Mask:
    """Which parts of a partition are left out, of shape (parts,)."""
    hidden = small(counts, least)
    if not hidden.any():
        return hidden
    for at in np.argsort(counts, kind="stable"):
        if hidden.sum() > 1 and counts[hidden].sum() >= least:
            break
        hidden[at] |= counts[at] > 0
    return hidden


def hide_rows(counts: Counts, least: int) -> Mask:
    """Which groups are left out of a table of shape (groups, ways of changing), whose column sums are told.

    A group is told whole or not at all: its sum, told alone, would give away what is left out of it.
    """
    hidden: Mask = np.asarray(small(counts, least).any(axis=1))
    if not hidden.any():
        return hidden
    totals, changed = counts.sum(axis=0), counts.sum(axis=1)
    for at in np.argsort(changed, kind="stable"):
        sums = counts[hidden].sum(axis=0)
        if not (small(sums, least) & (sums < totals)).any() and (hidden.sum() > 1 or (sums == totals)[sums > 0].all()):
            break
        hidden[at] |= changed[at] > 0
    return hidden


def hide_flows(counts: Counts, kind: NDArray[np.int64], kinds: int, least: int) -> tuple[Mask, Mask]:
    """Which flows are left out, and which sums of flows of a kind; the number of all cases is told.

    Parameters
    ----------
    counts : array of int, shape (flows,)
    kind : array of int, shape (flows,)
        The direction of each, from 0 to ``kinds`` - 1.
    """
    hidden = np.zeros(len(counts), dtype=bool)
    sums = np.bincount(kind, weights=counts, minlength=kinds).astype(np.int64)
    for one in range(kinds):
        at = np.flatnonzero(kind == one)
        hidden[at] = hide_parts(counts[at], least)
    whole = hide_parts(sums, least)
    for one in np.flatnonzero(whole).tolist():
        # With its sum left out, a flow of it must be left out too, or the flows would add up to the sum.
        at = np.flatnonzero((kind == one) & (counts > 0))
        if at.size and not hidden[at].any():
            hidden[at[np.argmin(counts[at])]] = True
    return hidden, whole
