"""What is to be planned, as arrays: measures, places, budgets and rules between measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LOW, MIDDLE, HIGH = 0, 1, 2
"""Columns of `Task.effect`."""

NEVER: Final = -1
"""Year of a measure that is not chosen."""


def sums(index: Ints, weights: Floats, size: int) -> Floats:
    """Sums of weights by index, shape (size,)."""
    total: Floats = np.bincount(index, weights=weights, minlength=size).astype(np.float64, copy=False)
    return total


@dataclass(frozen=True, slots=True)
class Task:
    """Measures, the places that they reach, and what may be spent.

    Attributes
    ----------
    measures, kinds : tuple of str, shape (measures,)
    cost : ndarray, shape (measures,)
        Not negative, in any currency.
    effect : ndarray, shape (measures, 3)
        Share of the people in need, of those reached, whose need ends: low, middle, high; 0 to 1.
    of, place : ndarray of int, shape (pairs,)
        Positions of a measure and of a place that it reaches, ordered by measure; each measure has a pair.
    share : ndarray, shape (pairs,)
        Share of the place's people that it reaches, 0 to 1.
    places, names : tuple of str, shape (places,)
    people, need : ndarray, shape (places,)
        People, and the share of them in need now, 0 to 1.
    group : ndarray of int, shape (places,)
        Position in ``groups``.
    groups : tuple of str
    budgets : ndarray, shape (years,)
        What may be spent in each year; what is left over lapses.
    exclusive : tuple of ndarray of int
        Sets of measures of which at most one is taken.
    requires : ndarray of int, shape (n, 2)
        The first of each pair needs the second, begun in the same year or before.
    """

    measures: tuple[str, ...]
    kinds: tuple[str, ...]
    cost: Floats
    effect: Floats
    of: Ints
    place: Ints
    share: Floats
    places: tuple[str, ...]
    names: tuple[str, ...]
    people: Floats
    need: Floats
    group: Ints
    groups: tuple[str, ...]
    budgets: Floats
    exclusive: tuple[Ints, ...] = ()
    requires: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @property
    def years(self) -> int:
        """Number of years."""
        return int(self.budgets.size)

    @property
    def in_need(self) -> Floats:
        """People in need now, shape (places,)."""
        return self.people * self.need

    @property
    def starts(self) -> Ints:
        """Where the pairs of each measure begin, shape (measures,)."""
        return np.searchsorted(self.of, np.arange(len(self.measures)))

    def by_group(self, values: Floats) -> Floats:
        """Sums over the places of each group, shape (groups,)."""
        return sums(self.group, values, len(self.groups))


@dataclass(frozen=True, slots=True)
class Equity:
    """What is asked beside the benefit.

    Attributes
    ----------
    kind : {"none", "floor", "gap", "max-min"}
        ``floor``: of the people in need in each group (or place) at least the share ``level`` is helped. ``gap``: the
        shares of people in need of any two groups differ at the end by ``level`` at most. ``max-min``: the least
        helped share of any group (or place) is as high as it can be, then the benefit is.
    level : float
        0 to 1.
    by : {"group", "place"}
        Whom a floor or max-min holds for.
    """

    kind: Literal["none", "floor", "gap", "max-min"] = "none"
    level: float = 0.0
    by: Literal["group", "place"] = "group"
