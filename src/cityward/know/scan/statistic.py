"""The likelihood ratio of a window, and the counts at which it reaches a given value.

A window is known by its size: for Poisson and permutation models the number of cases expected in it, for
the Bernoulli model the people (cases and controls) in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

POISSON, BERNOULLI = 0, 1
HIGH, LOW = 1, -1

NEVER = 1e300
"""Stands for a size that no window has."""

_HALVINGS = 80  # of an interval: far below the spacing of floating-point numbers


@njit(cache=True)
def _part(count: float, share: float) -> float:
    return float(count * np.log(share)) if count > 0 else 0.0


@njit(cache=True)
def likelihood_ratio(model: int, cases: float, size: float, total: float, people: float) -> float:
    """Logarithm of the likelihood ratio of a window (Kulldorff 1997, sections 4 and 5; 2005, equation 4).

    Parameters
    ----------
    model : int
        `POISSON` (also the permutation model) or `BERNOULLI`.
    cases, size : float
        Cases in the window, and its size.
    total, people : float
        All cases; all people (Bernoulli only).

    Returns
    -------
    float
        At least 0; `expectation` tells whether the rate is high or low.
    """
    outside = total - cases
    if model == POISSON:
        if size <= 0 or size >= total:
            return 0.0
        return max(_part(cases, cases / size) + _part(outside, outside / (total - size)), 0.0)
    rest = people - size
    if size <= 0 or rest <= 0:
        return 0.0
    inside = _part(cases, cases / size) + _part(size - cases, (size - cases) / size)
    beyond = _part(outside, outside / rest) + _part(rest - outside, (rest - outside) / rest)
    null = _part(total, total / people) + _part(people - total, (people - total) / people)
    return max(inside + beyond - null, 0.0)


@njit(cache=True)
def expectation(model: int, size: float, total: float, people: float) -> float:
    """Cases expected in a window of ``size``."""
    return size if model == POISSON else size * total / people


@njit(cache=True)
def critical_sizes(
    model: int, direction: int, most: int, total: float, people: float, bound: float
) -> NDArray[np.float64]:
    """Size of window up to which (high) or from which (low) each count reaches ``bound``.

    Returns
    -------
    ndarray, shape (most + 1,)
        By count, never falling. High: the largest size at which so many cases have a statistic of
        ``bound``, or -1 when none has. Low: the smallest size, or `NEVER`.
    """
    found = np.empty(most + 1)
    for count in range(most + 1):
        found[count] = _critical_size(model, direction, count, total, people, bound)
    if direction == HIGH:  # rounding must not break the order that the search of limits relies on
        for count in range(1, most + 1):
            found[count] = max(found[count], found[count - 1])
    else:
        for count in range(most - 1, -1, -1):
            found[count] = min(found[count], found[count + 1])
    return found


@njit(cache=True)
def _critical_size(model: int, direction: int, count: int, total: float, people: float, bound: float) -> float:
    never = -1.0 if direction == HIGH else NEVER
    near = float(count) if model == POISSON else count * people / total
    if direction == HIGH:
        far = 0.0 if model == POISSON else float(count)
    else:
        far = total if model == POISSON else people - (total - count)
    inner = far + (near - far) * 1e-15
    if (count == 0 and direction == HIGH) or (
        model == BERNOULLI and likelihood_ratio(model, count, inner, total, people) < bound
    ):
        return never
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if likelihood_ratio(model, count, middle, total, people) >= bound:
            far = middle
        else:
            near = middle
    return far
