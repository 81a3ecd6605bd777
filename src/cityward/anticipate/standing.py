"""Which model speaks for which group of series, and how sure it is that it is better than the floor. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from cityward.anticipate.engine import FLOOR, Ahead
from cityward.anticipate.features import Counts
from cityward.core.clock import rng
from cityward.core.records import Standing
from cityward.core.words import percent

DRAWS: Final = 400
_ENDS: Final = (0.1, 0.9)


def standings(found: Ahead, counts: Counts, seed: int) -> tuple[Standing, ...]:
    """Tell of each group, those that bring most first, what is in use there and why.

    Parameters
    ----------
    found : Ahead
        Tried; without windows there is nothing to tell.
    counts : ndarray of float, shape (series, steps)
        The history.

    Notes
    -----
    The interval of the gain is that of a bootstrap over the series of the group, 80 %.
    Source: Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    if not found.tested:
        return ()
    names = [one.model for one in found.tested]
    losses = np.array([one.loss.sum(axis=1) for one in found.tested])
    per_step = np.nanmean(np.where(np.isfinite(counts[:, -365:]), counts[:, -365:], np.nan), axis=1)
    last = int(found.groups.max())
    told = []
    for group in range(last, -1, -1):
        members = np.flatnonzero(found.groups == group)
        used = str(found.model[members[0]])
        rivals = losses[1:, members].sum(axis=1)
        tried = names.index(used) if used != FLOOR else 1 + int(np.argmin(rivals))
        mine, floor = losses[tried, members], losses[0, members]
        low, high = _bootstrap(mine, floor, seed, group)
        came = max(float(found.came[members].sum()), 1.0)
        gain = _gain(float(mine.sum()), float(floor.sum()))
        told.append(
            Standing(
                group=_name(members.size, group, last),
                series=int(members.size),
                least=round(float(per_step[members].min()), 4),
                most=round(float(per_step[members].max()), 4),
                model=used,
                tried=names[tried],
                loss=round(float(losses[names.index(used), members].sum()) / came, 6),
                floor_loss=round(float(floor.sum()) / came, 6),
                gain=round(gain, 6),
                gain_low=round(low, 6),
                gain_high=round(high, 6),
                because=_because(used, names[tried], gain, low),
            )
        )
    return tuple(told)


def _gain(mine: float, floor: float) -> float:
    """By what share the loss is smaller than the floor's."""
    return 1 - mine / floor if floor > 0 else 0.0


def _bootstrap(mine: Counts, floor: Counts, seed: int, group: int) -> tuple[float, float]:
    drawn = rng(seed, "standing", group).multinomial(len(mine), np.full(len(mine), 1 / len(mine)), DRAWS)
    gains = [_gain(float(draw @ mine), float(draw @ floor)) for draw in drawn]
    low, high = np.quantile(gains, _ENDS)
    return float(low), float(high)


def _name(size: int, group: int, last: int) -> str:
    if last == 0:
        return "all series" if size > 1 else "the one series"
    where = "with most" if group == last else "with least" if group == 0 else "between"
    return f"the {size:,} series {where}" if where != "between" else f"{size:,} series between (group {group + 1})"


def _because(used: str, tried: str, gain: float, low: float) -> str:
    if used == FLOOR:
        return f"No model clearly lost less than last week again; the nearest, {tried}, lost {_less(gain)}."
    sure = "" if low > 0 else " It may be chance."
    return f"On days that it had not seen it lost {_less(gain)} than last week again.{sure}"


def _less(gain: float) -> str:
    return f"{percent(abs(gain))} {'less' if gain >= 0 else 'more'}"
