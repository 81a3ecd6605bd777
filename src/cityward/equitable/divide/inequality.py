"""Inequality between territories, weighed by people: many weightings of the same places at once.

Every function takes ``values`` of shape (n,) and ``weights`` of shape (b, n), of which each row is one weighting (the
people of the places, or these times a bootstrap's counts), and returns shape (b,). Weights need not add up to one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIFTH = 0.2
_ROUNDING = 1e-12
_CELLS = 400_000
"""Values that are weighed at once: more do not fit into a processor's own memory, and take twice as long."""


def mean(values: Floats, weights: Floats) -> Floats:
    """Weighted mean."""
    shares: Floats = _shares(weights) @ values
    return shares


def gini(values: Floats, weights: Floats) -> Floats:
    """Gini coefficient, 0 to 1; NaN where the mean is not positive.

    Half the mean absolute difference of two people drawn with replacement, over the mean; no correction for few places.

    Notes
    -----
    **Source**: Lerman and Yitzhaki 1989, "Improving the accuracy of estimates of Gini coefficients", Journal of
    Econometrics 42, equation 4: covariance of the value and the middle rank of equal ones.
    """
    order = np.argsort(values, kind="stable")
    ascending, shares = values[order], _shares(weights[:, order])
    middle = np.cumsum(shares, axis=1) - shares / 2
    centre = shares @ ascending
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(centre > 0, 2 * ((shares * middle) @ ascending) / centre - 1, np.nan)
    return np.where(found < 0, 0.0, found)


def theil_t(values: Floats, weights: Floats) -> Floats:
    """Theil's T (generalised entropy of order 1), from 0; a place at zero adds nothing. NaN without a positive mean."""
    shares = _shares(weights)
    centre = shares @ values
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (shares @ _x_log_x(values)) / centre - np.log(centre)
    return _known(found, centre)


def theil_l(values: Floats, weights: Floats) -> Floats:
    """Theil's L, the mean log deviation (order 0), from 0; NaN when somebody is at zero, where it has no value."""
    shares = _shares(weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(values)
        centre = shares @ values
        at_zero = (shares[:, values <= 0] > 0).any(axis=1)
        found: Floats = np.log(centre) - shares @ np.where(values > 0, logs, 0.0)
    return np.where(at_zero, np.nan, _known(found, centre))


def atkinson(values: Floats, weights: Floats, epsilon: float) -> Floats:
    """Atkinson's index at an aversion ``epsilon`` > 0: the share of all that equality would allow to give up, 0 to 1.

    One when somebody is at zero and ``epsilon`` is 1 or more.

    Notes
    -----
    **Source**: Atkinson 1970, "On the measurement of inequality", Journal of Economic Theory 2, equation 10.
    """
    shares = _shares(weights)
    centre = shares @ values
    at_zero = (shares[:, values <= 0] > 0).any(axis=1)
    positive = np.where(values > 0, values, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if epsilon == 1:
            equal = np.exp(shares @ np.log(positive))
        else:
            power = np.where(values > 0, positive ** (1 - epsilon), 0.0)
            equal = (shares @ power) ** (1 / (1 - epsilon))
        found: Floats = 1 - equal / centre
    if epsilon >= 1:
        found = np.where(at_zero, 1.0, found)
    return _known(found, centre)


def fifths(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Mean of the fifth of people who have least, and of the fifth who have most; a place on the edge is split."""
    order = np.argsort(values, kind="stable")
    ascending, shares = values[order], _shares(weights[:, order])
    upper = np.cumsum(shares, axis=1)
    lower = upper - shares
    least = np.clip(np.minimum(upper, FIFTH) - lower, 0, None)
    most = np.clip(upper - np.maximum(lower, 1 - FIFTH), 0, None)
    return (least @ ascending) / least.sum(axis=1), (most @ ascending) / most.sum(axis=1)


def variation(values: Floats, weights: Floats) -> Floats:
    """Coefficient of variation: standard deviation over mean."""
    centre = _shares(weights) @ values
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(centre > 0, deviation(values, weights) / centre, np.nan)
    return found


def deviation(values: Floats, weights: Floats) -> Floats:
    """Weighted standard deviation."""
    shares = _shares(weights)
    around = values - (values.mean() if values.size else 0.0)  # or squares of large values would cancel each other
    spread: Floats = np.sqrt(np.clip(shares @ around**2 - (shares @ around) ** 2, 0, None))
    return spread


@dataclass(frozen=True)
class Parts:
    """Theil's T and L as parts within and between groups; both pairs add up to the whole. Shapes (b,)."""

    t_within: Floats
    t_between: Floats
    l_within: Floats
    l_between: Floats


def decompose(values: Floats, weights: Floats, groups: NDArray[np.int64]) -> Parts:
    """Split Theil's T and L by ``groups`` (n,), numbered from 0.

    Notes
    -----
    **Source**: Shorrocks 1980, "The class of additively decomposable inequality measures", Econometrica 48, equations
    27 and 28.
    """
    order = np.argsort(groups, kind="stable")
    ordered, shares = values[order], _shares(weights[:, order])
    starts = np.unique(groups[order], return_index=True)[1]
    people = np.add.reduceat(shares, starts, axis=1)
    sums = np.add.reduceat(shares * ordered, starts, axis=1)
    whole = sums.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centres = sums / people
        relative = np.where(people > 0, centres, 0) / whole[:, None]
        t_between = (people * _x_log_x(relative)).sum(axis=1)
        logs = np.where(people > 0, -np.log(relative), 0.0)
        l_between = (people * logs).sum(axis=1)
    t_all, l_all = theil_t(values, weights), theil_l(values, weights)
    l_between = np.where(np.isnan(l_all), np.nan, l_between)
    return Parts(t_all - t_between, t_between, l_all - l_between, l_between)


@dataclass(frozen=True)
class Below:
    """Under a floor: how many places, their share of people, and the people-weighted sum that is missing."""

    places: NDArray[np.int64]
    people_share: Floats
    missing: Floats


def below(values: Floats, weights: Floats, floor: float) -> Below:
    """How many are under ``floor`` (strictly), and what it takes to bring them there."""
    under = values < floor
    return Below(
        places=(weights[:, under] > 0).sum(axis=1),
        people_share=_shares(weights)[:, under].sum(axis=1),
        missing=weights[:, under] @ (floor - values[under]),
    )


def bootstrap_counts(places: int, draws: int, random: np.random.Generator) -> NDArray[np.uint16]:
    """How often each place is drawn, (draws, places), when as many places are drawn again with replacement."""
    if places == 0:
        return np.zeros((draws, 0), np.uint16)
    counts = np.empty((draws, places), np.uint16)
    for draw in range(draws):
        counts[draw] = np.bincount(random.integers(0, places, places), minlength=places)
    return counts


def over_draws(figure: Callable[[Floats], Floats], counts: NDArray[np.uint16]) -> Floats:
    """Return ``figure`` of every draw, shape (draws,), a block at a time.

    Parameters
    ----------
    figure : callable
        Takes weights of shape (b, n) and returns shape (b,).
    counts : ndarray of shape (draws, n)
    """
    step = draws_at_once(counts.shape[1])
    return np.concatenate([figure(counts[begin : begin + step].astype(float)) for begin in range(0, len(counts), step)])


def draws_at_once(places: int) -> int:
    """How many draws of so many places are weighed at once."""
    return max(1, _CELLS // max(places, 1))


def quantiles(draws: Floats, level: float) -> tuple[float | None, float | None]:
    """Limits at both ends of ``draws`` (b,), without those that have no value; None when most have none."""
    known = draws[np.isfinite(draws)]
    if known.size * 2 <= draws.size:
        return None, None
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def only(values: Floats, weights: Sequence[float] | Floats | None = None) -> Floats:
    """One weighting as the functions here take it, (1, n); each place counts the same when no weights are given."""
    plain = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    return plain[None, :]


def _shares(weights: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _x_log_x(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(values > 0, values * np.log(values), 0.0)
    return found


def _known(found: Floats, centre: Floats) -> Floats:
    """Rounding may leave a trifle below zero; without a positive mean there is no value."""
    tidy = np.where((found < 0) & (found > -_ROUNDING), 0.0, found)
    return np.where(centre > 0, tidy, np.nan)
