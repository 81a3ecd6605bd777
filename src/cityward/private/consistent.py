"""Makes noisy totals agree: not negative, whole, and adding up over a hierarchy. Costs no privacy.

From the finest level up each total is weighed with the sum of its parts; from the top down each total is shared among
its parts, as near as possible to what is known of them and never below nothing. The top is settled first, so that the
many small totals that were cut at nought do not lift it.

Source: Hay, Rastogi, Miklau and Suciu, Boosting the accuracy of differentially private histograms through consistency
(2010), section 4, here for trees whose nodes have any number of children; from the top down as in Abowd and others,
The 2020 Census disclosure avoidance system TopDown algorithm (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

_HALVINGS: Final = 100  # of the interval in which the common shift lies: to the last bit of a double


def consistent(noisy: Sequence[Whole], groups: Sequence[Whole]) -> list[Whole]:
    """Return totals of every level that are whole, not negative, and add up.

    Parameters
    ----------
    noisy : sequence of numpy.ndarray, shape (columns, members)
        Noisy totals, finest level first, with noise of one size on all; ``columns`` are independent of each other.
    groups : sequence of numpy.ndarray, shape (members of a level,)
        For each level but the last, the member of the next level that each of its members belongs to.

    Returns
    -------
    list of numpy.ndarray of int64
        In the shapes of ``noisy``.
    """
    known, spread = _upward(noisy, groups)
    whole = np.maximum(np.rint(known[-1]), 0).astype(np.int64)
    found = [whole]
    for level in range(len(groups) - 1, -1, -1):
        parts = np.empty(noisy[level].shape, dtype=np.int64)
        for member in range(noisy[level + 1].shape[1]):
            children = np.flatnonzero(groups[level] == member)
            shared = _share(known[level][:, children], spread[level][children], whole[:, member])
            parts[:, children] = _round(shared, whole[:, member])
        whole = parts
        found.append(whole)
    return found[::-1]


def _upward(noisy: Sequence[Whole], groups: Sequence[Whole]) -> tuple[list[Real], list[Real]]:
    """Weigh each total with the sum of its parts by their variances; one total's own noise has variance 1."""
    known, spread = [noisy[0].astype(np.float64)], [np.ones(noisy[0].shape[1])]
    for group, level in zip(groups, noisy[1:], strict=True):
        members = level.shape[1]
        sums = np.zeros(level.shape)
        np.add.at(sums.T, group, known[-1].T)
        wide = np.bincount(group, weights=spread[-1], minlength=members)
        wide[np.bincount(group, minlength=members) == 0] = np.inf  # nothing below says anything of it
        own = 1.0 / (1.0 + 1.0 / wide)
        known.append(own * level + np.divide(own, wide) * sums)
        spread.append(own)
    return known, spread


def _share(values: Real, spread: Real, totals: Whole) -> Real:
    """Nearest ``x >= 0`` to ``values`` (columns, children) with the given sums, weighed by ``1 / spread``.

    It is ``max(0, values + shift * spread)`` with one shift a column, found by halving.
    """
    low = np.min(-values / spread, axis=1, initial=0.0) - 1.0
    high = (totals + np.abs(values).sum(axis=1)) / spread.min(initial=np.inf) + 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        less = np.maximum(values + middle[:, None] * spread, 0.0).sum(axis=1) < totals
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    found: Real = np.maximum(values + high[:, None] * spread, 0.0)
    return found


def _round(values: Real, totals: Whole) -> Whole:
    """Whole numbers near ``values`` that add up to ``totals``: the largest remainders are rounded up."""
    floors = np.floor(values + 1e-9).astype(np.int64)
    order = np.argsort(floors - values, axis=1, kind="stable")
    place = np.argsort(order, axis=1, kind="stable")
    missing = totals - floors.sum(axis=1)
    if floors.shape[1] == 0:
        return floors
    each, more = np.divmod(missing, floors.shape[1])
    found: Whole = floors + each[:, None] + (place < more[:, None])
    return found
