"""What is asked and answered: the ways, people and terms of a choice of sites, and the sites that were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Objective = Literal["p-median", "p-centre", "covering"]
OBJECTIVES: Final[tuple[Objective, ...]] = ("p-median", "p-centre", "covering")


@dataclass(frozen=True, slots=True)
class Task:
    """A choice of sites.

    Parameters
    ----------
    objective : str
        ``p-median``: the least sum over people of the way to their site. ``p-centre``: the least longest way of a
        place. ``covering``: the most people with a site within ``radius``.
    way : array, sites × places
        Minutes, km or what else is told; at least 0, infinite where there is no way.
    people : array of places
        Above 0.
    price : array of sites
        All 1 where a number of sites is asked.
    most : float
        What prices may sum to: the number of sites, or the budget.
    kept : array
        Sites that are open already; they stay, and their price is spent.
    capacity : array of sites, optional
        Most people of a site.
    radius : float, optional
        Of covering.
    whole : bool
        With capacities: whether all people of a place go to one site.
    unit : float
        Every way is a whole multiple of it; 0 where that is not known.
    """

    objective: Objective
    way: NDArray[np.float64]
    people: NDArray[np.float64]
    price: NDArray[np.float64]
    most: float
    kept: NDArray[np.int64]
    capacity: NDArray[np.float64] | None = None
    radius: float | None = None
    whole: bool = False
    unit: float = 0.0

    @property
    def counted(self) -> bool:
        """Whether a number of sites is asked and not a budget."""
        return bool((self.price == 1).all())


@dataclass(frozen=True, slots=True)
class Served:
    """Who goes where: ``people`` of ``place`` to ``site``, one entry each."""

    place: NDArray[np.int64]
    site: NDArray[np.int64]
    people: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """The sites, who goes where, the value, and a bound that no choice is better than.

    ``bound`` is below the value where less is better, above it for covering. ``optimal`` says that it is proven that
    no choice is better, for values without a step by more than a millionth.
    """

    sites: NDArray[np.int64]
    served: Served
    value: float
    bound: float
    optimal: bool

    @property
    def gap(self) -> float:
        """How far the best that there can be is from the value at most, as a share of the larger of both."""
        largest = max(abs(self.value), abs(self.bound))
        return abs(self.value - self.bound) / largest if largest else 0.0
