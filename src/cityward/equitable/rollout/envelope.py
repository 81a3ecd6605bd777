"""Linear limits of what measures do together, above and below: the facts that a solver of linear programs needs.

Above, for any set T of measures of a place (f is the helped share, R the share that T leaves in need):

    f(S) ≤ 1 − R + R · Σ chance_j x_j                    over j outside T,
    f(S) ≤ 1 − R · e^(−y) · (1 + y − Σ log_j x_j)        over j outside T, for any y, log_j = −log(1 − chance_j).

Below, for any order of the measures, the sum of the gains that each has when it comes after those before it.
**Source**: above, Nemhauser and Wolsey (1981), "Maximizing submodular set functions: formulations and analysis of
algorithms", eq. 3, and tangents of a concave function; below, Edmonds (1970), "Submodular functions, matroids, and
certain polyhedra" (the vertices of the base polytope); both touch f at every set that is asked about.
"""

from __future__ import annotations

import numpy as np

from cityward.core.compiled import njit
from cityward.equitable.rollout.task import Floats, Ints


@njit(cache=True, nogil=True)
def above(starts: Ints, measure: Ints, chance: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return for each place the lowest of the limits at ``x``: its constant, coefficients and value.

    Parameters
    ----------
    starts : ndarray of int, shape (places + 1,)
        Where the pairs of each place begin.
    measure, chance : ndarray, shape (pairs,)
        By place.
    x : ndarray, shape (measures,)
        How far each measure is taken, 0 to 1.

    Returns
    -------
    constant, coefficients, value : ndarray, shapes (places,), (pairs,), (places,)
    """
    places = starts.size - 1
    constant, value = np.zeros(places), np.zeros(places)
    coefficients = np.zeros(measure.size)
    for p in range(places):
        first, last = starts[p], starts[p + 1]
        order = first + np.argsort(-x[measure[first:last]])
        linear, log = 0.0, 0.0
        for i in order:
            linear += chance[i] * x[measure[i]]
            log -= np.log1p(-chance[i]) * x[measure[i]]
        least, at, by_log, left = 1.0, order.size, False, 1.0
        best_left, best_log = 0.0, 0.0
        for k in range(order.size):
            if 1 - left + left * linear < least:
                least, at, by_log, best_left = 1 - left + left * linear, k, False, left
            if 1 - left * np.exp(-log) < least:
                least, at, by_log, best_left, best_log = 1 - left * np.exp(-log), k, True, left, log
            i = order[k]
            linear -= chance[i] * x[measure[i]]
            log += np.log1p(-chance[i]) * x[measure[i]]
            left *= 1 - chance[i]
        if 1 - left < least:
            least, at, best_left, by_log = 1 - left, order.size, left, False
        value[p] = least
        scale = best_left * np.exp(-best_log) if by_log else best_left
        constant[p] = 1 - scale * (1 + best_log) if by_log else 1 - scale
        for k in range(at, order.size):
            i = order[k]
            coefficients[i] = -scale * np.log1p(-chance[i]) if by_log else scale * chance[i]
    return constant, coefficients, value


@njit(cache=True, nogil=True)
def below(starts: Ints, measure: Ints, chance: Floats, x: Floats) -> Floats:
    """Return coefficients of the highest limit below at ``x``, shape (pairs,); its constant is 0."""
    coefficients = np.zeros(measure.size)
    for p in range(starts.size - 1):
        first, last = starts[p], starts[p + 1]
        left = 1.0
        for i in first + np.argsort(-x[measure[first:last]]):
            coefficients[i] = left * chance[i]
            left *= 1 - chance[i]
    return coefficients
