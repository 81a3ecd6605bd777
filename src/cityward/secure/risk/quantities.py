"""Calibrated estimates: a number, an interval that holds with 90 %, least-likely-most, values seen, or a proportion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.core.beta import incomplete_beta
from cityward.core.errors import SettingsError
from cityward.core.limits import RISK_AMOUNT, RISK_VALUES

FIXED, LOGNORMAL, TABLE, SEEN = 0, 1, 2, 3
STEPS: Final = 2_048
"""Points of a table of quantiles; what lies between is interpolated, which moves a mean by less than 1 in 100,000."""


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One estimate as it is written: exactly one of ``interval``, ``mode``, ``values`` or ``alpha`` says its kind."""

    interval: tuple[float, float] | None = None
    level: float = 0.9
    min: float | None = None
    mode: float | None = None
    max: float | None = None
    shape: float = 4.0
    values: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None
    alpha: float | None = None
    beta: float | None = None


Quantity = float | Estimate


@dataclass(frozen=True, slots=True)
class Drawn:
    """An estimate that can be drawn from.

    Attributes
    ----------
    kind : int
        `FIXED`, `LOGNORMAL`, `TABLE` or `SEEN`.
    first, second : float
        The number; or mean and standard deviation of the logarithm; or how many values were seen.
    table : ndarray
        Quantiles at `STEPS` equal steps of probability; or of values seen the probability up to each, then each.
    mean, variance : float
        Closed forms, not those of the table.
    least, most : float
        What can be drawn; ``most`` may be infinite.
    """

    kind: int
    first: float
    second: float
    table: NDArray[np.float64]
    mean: float
    variance: float
    least: float
    most: float


_NONE: Final = np.empty(0)


def drawn(quantity: Quantity, where: str, *, probability: bool = False) -> Drawn:
    """Make an estimate ready to be drawn from.

    Parameters
    ----------
    quantity : float or Estimate
        At least 0; with ``probability`` at most 1.
    where : str
        What it is an estimate of, for errors.

    Raises
    ------
    SettingsError
        Not finite, negative, above 1, upside down, or of no or two kinds.

    Notes
    -----
    **Source**: an interval is read as lognormal with its ends at the quantiles (1 ∓ level)/2 (Hubbard, How to Measure
    Anything in Cybersecurity Risk, 2016, ch. 6); the mean is exp(μ + σ²/2). Least, likely, most is the PERT
    distribution of Vose (Risk Analysis, 3rd ed., 2008): mean (min + shape·mode + max)/(shape + 2), not the mode.
    """
    made = _fixed(quantity) if isinstance(quantity, float | int) else _made(quantity, where)
    top = 1.0 if probability else RISK_AMOUNT
    shown = (made.least, made.most if math.isfinite(made.most) else made.mean, made.mean)
    if not all(math.isfinite(number) for number in shown):
        raise SettingsError(f"{where} is not a finite number.", "Write a number.")
    if made.least < 0 or max(shown) > top or (probability and made.most > 1):
        what = "a probability from 0 to 1" if probability else f"from 0 to {RISK_AMOUNT:.0e}"
        raise SettingsError(f"{where} is not {what}.", "Correct the estimate.")
    return made


_LOW: Final = 0.05


def low_and_usual(quantity: Quantity) -> tuple[float, float]:
    """What an estimate is below one time in twenty, and every other time; raises as `drawn`."""
    low, middle = quantiles(drawn(quantity, "the estimate"), np.array([_LOW, 0.5])).tolist()
    return low, middle


def quantiles(made: Drawn, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values below which an estimate lies with the probabilities ``at``, each between 0 and 1; shape as ``at``."""
    if made.kind == FIXED:
        return np.full(at.shape, made.first)
    if made.kind == LOGNORMAL:
        scores = [NormalDist().inv_cdf(one) for one in at.ravel().tolist()]
        return np.exp(made.first + made.second * np.array(scores).reshape(at.shape))
    if made.kind == SEEN:
        count = int(made.first)
        rank = np.searchsorted(made.table[:count], at)
        seen: NDArray[np.float64] = made.table[count + np.minimum(rank, count - 1)]
        return seen
    return np.interp(at, np.linspace(0, 1, STEPS), made.table)


def _fixed(number: float) -> Drawn:
    return Drawn(FIXED, float(number), 0.0, _NONE, float(number), 0.0, float(number), float(number))


def _made(given: Estimate, where: str) -> Drawn:
    kinds = [
        name
        for name, value in (
            ("interval", given.interval),
            ("mode", given.mode),
            ("values", given.values),
            ("alpha", given.alpha),
        )
        if value is not None
    ]
    if len(kinds) != 1:
        raise SettingsError(
            f"{where} has {'no kind' if not kinds else 'several kinds: ' + ' and '.join(kinds)}.",
            "Write { interval = [low, high] }, { min, mode, max }, { values = [...] } or { alpha, beta }.",
        )
    numbers = [value for value in msgspec.structs.astuple(given) if isinstance(value, float | int)]
    if not all(math.isfinite(value) for value in numbers):
        raise SettingsError(f"{where} is not a finite number.", "Write a number.")
    if given.interval is not None:
        return _lognormal(given.interval, given.level, where)
    if given.mode is not None:
        return _pert(given, given.mode, where)
    if given.values is not None:
        return _values(given.values, given.weights, where)
    return _beta(given, where)


def _lognormal(interval: tuple[float, float], level: float, where: str) -> Drawn:
    low, high = interval
    if not 0 < low < high < math.inf:
        raise SettingsError(
            f"{where}: the interval [{low:g}, {high:g}] does not go from a number above 0 up to a greater one.",
            "Write the lower end first; a number without doubt is written without interval.",
        )
    if not 0.01 <= level <= 0.9999:
        raise SettingsError(f"{where}: level {level:g} is not from 0.01 to 0.9999.", "Leave it out for 0.9.")
    half = NormalDist().inv_cdf(0.5 + level / 2)
    mu, sigma = (math.log(low) + math.log(high)) / 2, math.log(high / low) / (2 * half)
    if sigma > 10:
        raise SettingsError(f"{where}: the interval is so wide that its mean says nothing.", "Narrow it.")
    mean = math.exp(mu + sigma**2 / 2)
    return Drawn(LOGNORMAL, mu, sigma, _NONE, mean, mean**2 * math.expm1(sigma**2), 0.0, math.inf)


def _pert(given: Estimate, mode: float, where: str) -> Drawn:
    low, high, shape = given.min, given.max, given.shape
    if low is None or high is None or not low <= mode <= high:
        raise SettingsError(f"{where} is not in the order min, mode, max.", "Write all three, the least first.")
    if low == high:
        return _fixed(low)
    if not 0 < shape <= 1_000:
        raise SettingsError(f"{where}: shape {shape:g} is not above 0 and at most 1,000.", "Leave it out for 4.")
    width = high - low
    first, second = 1 + shape * (mode - low) / width, 1 + shape * (high - mode) / width
    mean = (low + shape * mode + high) / (shape + 2)
    variance = width**2 * first * second / ((shape + 2) ** 2 * (shape + 3))
    table = low + width * _beta_table(first, second)
    return Drawn(TABLE, low, high, table, mean, variance, low, high)


def _values(seen: tuple[float, ...], weighed: tuple[float, ...] | None, where: str) -> Drawn:
    values = np.asarray(seen, np.float64)
    weights = np.ones(values.size) if weighed is None else np.asarray(weighed, np.float64)
    if not 0 < values.size <= RISK_VALUES or weights.size != values.size:
        raise SettingsError(f"{where}: values and weights are not as many, or none, or too many.", "Write one for one.")
    if not (np.isfinite(values).all() and np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise SettingsError(f"{where} has a value or weight that is no number from 0 up.", "Correct it.")
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order] / weights.sum()
    mean = float(values @ weights)
    table = np.concatenate([np.minimum(np.cumsum(weights), 1.0), values])
    variance = float(weights @ (values - mean) ** 2)
    return Drawn(SEEN, float(values.size), 0.0, table, mean, variance, float(values[0]), float(values[-1]))


def _beta(given: Estimate, where: str) -> Drawn:
    first, second = given.alpha, given.beta
    if first is None or second is None or not (0 < first < 1e9 and 0 < second < 1e9):
        raise SettingsError(f"{where}: alpha and beta are not both above 0.", "Write both, as successes and failures.")
    both = first + second
    mean, variance = first / both, first * second / (both**2 * (both + 1))
    return Drawn(TABLE, 0.0, 1.0, _beta_table(first, second), mean, variance, 0.0, 1.0)


@lru_cache(maxsize=256)
def _beta_table(first: float, second: float) -> NDArray[np.float64]:
    """Quantiles of a beta distribution, from its distribution function on a grid that is dense at both ends."""
    at = np.sin(np.linspace(0, np.pi / 2, 4 * STEPS)) ** 2
    centre, spread = first / (first + second), 1 / math.sqrt(first + second)
    near = np.clip(centre + spread * np.linspace(-8, 8, 4 * STEPS), 0, 1)
    at = np.unique(np.concatenate([at, near]))[1:-1]
    below = incomplete_beta(np.full(at.size, first), np.full(at.size, second), at)
    below, at = np.concatenate([[0.0], below, [1.0]]), np.concatenate([[0.0], at, [1.0]])
    below = np.maximum.accumulate(below)
    table: NDArray[np.float64] = np.interp(np.linspace(0, 1, STEPS), below, at)
    # The far ends are hardly ever reached: the first and last point are set so that their steps have the right mean.
    inside = (np.arange(1_000) + 0.5) / 1_000 / (STEPS - 1)
    table[0] = max(0.0, 2 * np.interp(inside, below, at).mean() - table[1])
    table[-1] = min(1.0, 2 * np.interp(1 - inside, below, at).mean() - table[-2])
    return table


Columns = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]


def columns(made: list[Drawn]) -> Columns:
    """Put estimates side by side for compiled code: kind, first, second, where the table begins, and all tables.

    Equal tables are kept once.
    """
    begins: dict[bytes, int] = {}
    tables: list[NDArray[np.float64]] = []
    size = 0
    begin = np.zeros(len(made), np.int64)
    for at, one in enumerate(made):
        if not one.table.size:
            continue
        key = one.table.tobytes()
        if key not in begins:
            begins[key] = size
            tables.append(one.table)
            size += one.table.size
        begin[at] = begins[key]
    return (
        np.array([one.kind for one in made], np.int64),
        np.array([one.first for one in made], np.float64),
        np.array([one.second for one in made], np.float64),
        begin,
        np.concatenate(tables) if tables else np.zeros(1),
    )
