"""Compiled draws from counters: the same names and numbers give the same chance, in any order and on any machine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numba.core.cpu import CPUTargetOptions

from cityward.core.compiled import njit
from cityward.secure.risk.quantities import FIXED, LOGNORMAL, SEEN, STEPS, Columns

Key = int | np.uint64
"""What chance is drawn from."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def bare(*, inline: Literal["never", "always"] = "never", nogil: bool = False) -> Callable[[_Function], _Function]:
    """Compile a function that allocates nothing, without counting references to its arrays.

    Counting them took five sixths of the time of a cascade. Numba has no public way to leave it out; one without the
    private one gives the same results, later.
    """
    compiler: Any = njit
    decorated: Callable[[_Function], _Function] = compiler(
        cache=True, inline=inline, nogil=nogil, **uncounted(CPUTargetOptions)
    )
    return decorated


def uncounted(known: object) -> dict[str, bool]:
    """The options that leave out counting of references, as far as a compiler knows them."""
    return {"_nrt": False} if hasattr(known, "_nrt") else {}


_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_UNIT: Final = 1.0 / 9007199254740992.0


@bare(inline="always")
def mixed(key: Key, with_: Key) -> np.uint64:
    """A key from two; **Source**: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 16)."""
    at = np.uint64(key) + np.uint64(with_) * _GOLDEN + _GOLDEN
    at = (at ^ (at >> np.uint64(30))) * _FIRST
    at = (at ^ (at >> np.uint64(27))) * _SECOND
    return at ^ (at >> np.uint64(31))


@bare(inline="always")
def uniform(key: Key, with_: Key) -> float:
    """A number between 0 and 1, never either of them."""
    return (np.float64(mixed(key, with_) >> np.uint64(11)) + 0.5) * _UNIT


@bare()
def normal(u: float) -> float:
    """Quantile of the normal distribution, to 1.2e-9; **Source**: P. J. Acklam's rational approximation (2003)."""
    if 0.02425 <= u <= 0.97575:
        q = u - 0.5
        r = q * q
        above = (-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02
        above = ((above * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239
        below = (-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02
        below = ((below * r + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0
        return float(above * q / below)
    q = math.sqrt(-2.0 * math.log(min(u, 1.0 - u)))
    above = (-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838
    above = ((above * q - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783
    below = (7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996
    below = (below * q + 3.754408661907416) * q + 1.0
    return above / below if u < 0.5 else -above / below


@bare()
def quantile(estimates: Columns, at: int, u: float) -> float:
    """Value of an estimate below which it lies with probability ``u``."""
    kinds, firsts, seconds, begins, tables = estimates
    kind = kinds[at]
    if kind == FIXED:
        return float(firsts[at])
    if kind == LOGNORMAL:
        return math.exp(firsts[at] + seconds[at] * normal(u))
    begin = begins[at]
    if kind == SEEN:
        count = int(firsts[at])
        rank = int(np.searchsorted(tables[begin : begin + count], u))
        return float(tables[begin + count + min(rank, count - 1)])
    step = u * (STEPS - 1)
    low = int(step)
    return float(tables[begin + low] + (step - low) * (tables[begin + low + 1] - tables[begin + low]))


@bare(inline="always")
def draw(estimates: Columns, at: int, key: Key, with_: Key) -> float:
    """Draw from an estimate; what is fixed costs no chance."""
    if estimates[0][at] == FIXED:
        return float(estimates[1][at])
    return quantile(estimates, at, uniform(key, with_))


@bare(inline="always")
def quantile_together(estimates: Columns, at: int, shared: float, together: float, u: float) -> float:
    """As `quantile`, with the normal score of ``u`` correlated by ``together`` with a score that others share."""
    if together == 0.0 or estimates[0][at] == FIXED:
        return quantile(estimates, at, u)
    score = math.sqrt(together) * shared + math.sqrt(1.0 - together) * normal(u)
    if estimates[0][at] == LOGNORMAL:
        return math.exp(estimates[1][at] + estimates[2][at] * score)
    below = 0.5 * math.erfc(-score / math.sqrt(2.0))
    return quantile(estimates, at, min(max(below, _UNIT), 1.0 - _UNIT))
