"""Which model speaks for which group of series. Pure.

To pick whichever lost least on the few windows tried is to pick luck: on hourly counts such a choice does
worse than most of what it chooses from. An average of models needs no luck, so it speaks unless another model
was clearly better, and a group follows the whole unless it clearly differs.
Source: Claeskens, Magnus, Vasnev, Wang (2016), The forecast combination puzzle, International Journal of
Forecasting 32(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

BETTER: Final = 0.99
"""A model must have a loss smaller than this share of the floor's: a tie is no reason to leave it."""

CLEAR: Final = 2.0
"""Standard errors, over weeks or windows, by which a model must lose less than the one it replaces."""

FEWEST_BLOCKS: Final = 3
"""With fewer nothing is clear."""


def choose(losses: Counts, groups: NDArray[np.intp], averages: Sequence[int]) -> NDArray[np.intp]:
    """Return the place of the model of each series.

    Parameters
    ----------
    losses : ndarray of float, shape (models, series, blocks)
        Blocks are weeks, or windows where these are shorter. The floor's come first.
    groups : ndarray of int, shape (series,)
    averages : sequence of int
        The models that speak, in this order, as long as none is clearly better.
    """
    chosen = np.zeros(len(groups), dtype=np.intp)
    overall = _best(losses.sum(axis=1), averages)
    for group in range(groups.max() + 1):
        members = groups == group
        lost = losses[:, members].sum(axis=1)
        whole = lost.sum(axis=1)
        best = _best(lost, [overall])
        best = best if whole[best] < BETTER * whole[0] else int(np.argmin(whole))
        chosen[members] = best if whole[best] < BETTER * whole[0] else 0
    return chosen


def _best(lost: Counts, preferred: Sequence[int]) -> int:
    """The first of ``preferred`` that did not clearly lose more than the best; ``lost`` is (models, blocks)."""
    best = int(np.argmin(lost.sum(axis=1)))
    return next((one for one in preferred if not _clearly(lost[best], lost[one])), best)


def _clearly(less: Counts, more: Counts) -> bool:
    if len(less) < FEWEST_BLOCKS:
        return False
    gain = more - less
    return bool(gain.mean() > CLEAR * gain.std(ddof=1) / np.sqrt(len(gain)))
