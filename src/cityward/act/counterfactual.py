"""What would have been reported without an action: from the days before it, and from how past surges fade.

Two answers, because one misleads. An interrupted time series says what would have come had the days before the
action gone on. But a need is acted upon just when it is high, and would have fallen by itself; so the second answer
lets it fade as past surges of this city did.

Source: Bernal, Cummins, Gasparrini (2017), International Journal of Epidemiology 46(1) (interrupted time series,
with a control: the same authors, 2018, 47(6)); Brodersen and others (2015), Annals of Applied Statistics 9(1) (a
counterfactual simulated from a model of the days before and of series that the action does not reach);
McCullagh and Nelder (1989), Generalized Linear Models, section 2.5 (iterated weighted least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.act.course import BACKGROUND_DAYS, HORIZON_DAYS, Surges

Floats = NDArray[np.float64]

LEVEL: Final = 0.9
"""Coverage of the intervals."""

DRAWS: Final = 4_000
"""Simulated futures: their 5 % quantile is then sure to within a third of a percentage point."""

SHORT_DAYS: Final = 7
"""Surges of up to a week fade otherwise than longer ones, so each is compared with its kind."""

FEWEST_SURGES: Final = 5
"""With fewer past surges of its kind nothing is said of how a need fades by itself."""

MOST_SURGES: Final = 400
"""More would change nothing but the memory that drawing from them takes (4,000 draws of each)."""

_SPANS: Final = (7, 15, 29, 57)
_SPAN_CASES: Final = 5.0
_WEEKDAY_SD, _TREND_SD = 0.3, 0.3
_STEPS: Final = 25


@dataclass(frozen=True, slots=True)
class Expected:
    """A number of reports that was expected: its mean and the interval of `LEVEL`; ``draws`` are its futures."""

    mean: float
    low: float
    high: float
    draws: Floats

    @classmethod
    def of(cls, mean: float, draws: Floats) -> Expected:
        """From simulated counts."""
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
        return cls(mean, float(low), float(high), draws)


@dataclass(frozen=True, slots=True)
class Case:
    """Days before and after an action: ``inside`` the areas and ``outside`` them (None when there is no outside).

    ``action`` is the position of the last day before it takes effect, ``starts`` the first day of the need.
    ``wander`` is how much areas stray from their share over four weeks, as a squared coefficient of variation.
    """

    inside: NDArray[np.int64]
    outside: NDArray[np.int64] | None
    starts: int
    action: int
    horizon_days: int
    weekday: int  # of day 0
    wander: float = 0.0

    @property
    def begin(self) -> int:
        """First day of the background."""
        return max(0, self.action + 1 - BACKGROUND_DAYS)

    @property
    def after(self) -> slice:
        """The days that are judged."""
        return slice(self.action + 1, self.action + 1 + self.horizon_days)

    @property
    def length_days(self) -> int:
        """Days of the need before the action."""
        return self.action - self.starts + 1


def wander(counts: NDArray[np.int64], groups: NDArray[np.bool_], size: int, action: int) -> float:
    """Return how much groups of about ``size`` areas stray from their share of the city over four weeks.

    Parameters
    ----------
    counts : ndarray, shape (days, areas)
        Of the service.
    groups : ndarray of bool, shape (groups, areas)
        `cityward.act.course.neighbour_groups`.
    size, action : int
        Number of areas; last day before the action.

    Returns
    -------
    float
        Variance of the true rate beside the expected one, beyond chance (method of moments, ≥ 0).
    """
    sizes = groups.sum(axis=1)
    if not groups.size or groups.shape[1] < 2:
        return 0.0
    same = groups[sizes == sizes[np.abs(sizes - size).argmin()]]
    blocks = min(action + 1, BACKGROUND_DAYS) // HORIZON_DAYS
    if blocks < 3:
        return 0.0
    recent = counts[action + 1 - blocks * HORIZON_DAYS : action + 1]
    sums = (recent @ same.T.astype(np.float64)).reshape(blocks, HORIZON_DAYS, -1).sum(axis=1)
    city = recent.sum(axis=1).reshape(blocks, HORIZON_DAYS).sum(axis=1)[:, None]
    if not city.sum():
        return 0.0
    share = sums.sum(axis=0) / city.sum()
    expected = city * share
    # A share that is read off the same blocks takes one block's worth of spread away.
    spread = (sums - expected) ** 2 * blocks / (blocks - 1) - expected * (1 - share)
    return float(max(0.0, spread.sum() / max(1e-12, (expected**2).sum())))


def going_on(case: Case, generator: np.random.Generator) -> tuple[Expected, Floats]:
    """Expected reports had the days before the action gone on, and its futures by day, shape (draws, days).

    Poisson regression of the daily count on the rest of the city, the weekday, a trend and a step at the need's
    first day: ``log mean = log(outside) + level + step·[need] + weekday + trend·t``. Weekdays and the trend are
    held near zero by normal priors (standard deviations 0.3, and 0.3 a year), as counts are small. Futures
    are drawn from the normal approximation of the coefficients, with the spread of the days before, the chance in
    the rest of the city's count, and the wandering of areas around their share.
    """
    offset = _offset(case)
    days = np.arange(case.begin, case.after.stop)
    design = _design(case, days)
    past = slice(0, case.action + 1 - case.begin)
    counts = case.inside[case.begin : case.action + 1].astype(np.float64)
    weights, covariance, spread = _fit(design[past], counts, offset[past])
    drawn = generator.multivariate_normal(weights, covariance * spread, size=DRAWS, method="cholesky")
    future = slice(case.action + 1 - case.begin, None)
    means = np.exp(np.clip(drawn @ design[future].T + offset[future], -20, 15))
    factor = _strayed(case, generator)
    if case.outside is not None:
        heard = float(case.outside[case.after].sum()) + 0.5
        factor = factor * generator.gamma(heard, 1 / heard, DRAWS)
    counts_drawn = _counts(means * factor[:, None], spread, generator)
    expected = float(np.exp(np.clip(design[future] @ weights + offset[future], -20, 15)).sum())
    return Expected.of(expected, counts_drawn.sum(axis=1)), counts_drawn


def usual(case: Case) -> Floats:
    """Reports a day that the areas' share of the year before would give, shape (horizon,), from the city's days."""
    background = slice(case.begin, case.action + 1)
    inside = float(case.inside[background].sum())
    if case.outside is None:
        return np.full(case.horizon_days, inside / (case.action + 1 - case.begin))
    outside = float(case.outside[background].sum())
    return np.asarray(case.outside[case.after] * inside / max(outside, 1.0), dtype=np.float64)


def excess_a_day(case: Case) -> float:
    """Reports a day above the usual, from the need's first day to the action (≥ 0)."""
    window = slice(case.starts, case.action + 1)
    background = slice(case.begin, case.action + 1)
    inside, total = float(case.inside[window].sum()), float(case.inside[background].sum())
    if case.outside is None:
        return 0.0
    expected = float(case.outside[window].sum()) * total / max(float(case.outside[background].sum()), 1.0)
    return max(0.0, (inside - expected) / case.length_days)


def alike(surges: Surges, length_days: int) -> Surges:
    """Past surges of the same kind, short ones or long ones; of very many, the latest `MOST_SURGES`."""
    kind = surges.only((surges.length_days <= SHORT_DAYS) == (length_days <= SHORT_DAYS))
    latest = np.argsort(-kind.day, kind="stable")[:MOST_SURGES]
    return kind.only(np.isin(np.arange(kind.size), latest))


def left(surges: Surges, first: int, last: int, generator: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Draw the share of its excess that a surge keeps on days ``first`` to ``last`` (from 1) after its window.

    A gamma distribution of shares, its mean and variance by the method of moments with the chance of small counts
    taken off, drawn anew from the surges (bootstrap) for each future. Shape (draws,); never negative.
    """
    days = last - first + 1
    scale = (surges.observed - surges.expected) / surges.length_days * days
    before = surges.after[:, first - 2] if first > 1 else 0.0
    before_expected = surges.after_expected[:, first - 2] if first > 1 else 0.0
    expected = surges.after_expected[:, last - 1] - before_expected
    above = surges.after[:, last - 1] - before - expected
    rows = generator.integers(0, surges.size, size=(draws, surges.size))
    scales, aboves = scale[rows], above[rows]
    weight = (scales**2).sum(axis=1)
    mean = np.maximum(aboves.sum(axis=1) / scales.sum(axis=1), 1e-3)
    noise = expected[rows] + mean[:, None] * scales
    variance = (((aboves - mean[:, None] * scales) ** 2 - noise).sum(axis=1)) / weight
    variance = np.maximum(variance, 1e-4 * mean**2)
    return np.asarray(generator.gamma(mean**2 / variance, variance / mean), dtype=np.float64)


def fading(case: Case, surges: Surges, generator: np.random.Generator) -> tuple[Expected, Floats] | None:
    """Expected reports had the need faded as past surges of its kind, or None when too few are known.

    Each future: the usual number, and the share of the excess that `left` draws. Shape of the futures by day as
    `going_on`.
    """
    kind = alike(surges, case.length_days)
    if kind.size < FEWEST_SURGES or case.outside is None:
        return None
    share = left(kind, 1, case.horizon_days, generator)
    base = usual(case)
    excess = excess_a_day(case)
    heard = float(case.inside[case.begin : case.action + 1].sum()) + 0.5
    sure = generator.gamma(heard, 1 / heard, DRAWS) * _strayed(case, generator)
    means = sure[:, None] * base + (share * excess)[:, None]
    drawn = generator.poisson(means).astype(np.float64)
    return Expected.of(float(base.sum() + share.mean() * excess * case.horizon_days), drawn.sum(axis=1)), drawn


def _strayed(case: Case, generator: np.random.Generator) -> Floats:
    if case.wander <= 0:
        return np.ones(DRAWS)
    return np.asarray(generator.gamma(1 / case.wander, case.wander, DRAWS), dtype=np.float64)


def _counts(means: Floats, spread: float, generator: np.random.Generator) -> Floats:
    """Counts with variance ``spread`` times the mean: negative binomial when it is above 1, else Poisson."""
    if spread <= 1.01:
        return generator.poisson(means).astype(np.float64)
    return generator.poisson(generator.gamma(means / (spread - 1) + 1e-9, spread - 1)).astype(np.float64)


def _offset(case: Case) -> Floats:
    """Logarithm of the rest of the city's daily count: its weekday, and its level smoothed over enough cases."""
    size = case.after.stop - case.begin
    if case.outside is None:
        return np.zeros(size)
    series = case.outside[case.begin : case.after.stop].astype(np.float64)
    weekday = (np.arange(case.begin, case.after.stop) + case.weekday) % 7
    past = slice(0, case.action + 1 - case.begin)
    totals = np.bincount(weekday[past], series[past], minlength=7)
    factor = ((totals + 1) / (totals.mean() + 1))[weekday]
    span = next((span for span in _SPANS if span * series.mean() >= _SPAN_CASES), _SPANS[-1])
    middle = slice(span // 2, span // 2 + size)
    counts, weights = (np.convolve(part, np.ones(span), "full")[middle] for part in (series, factor))
    return np.asarray(np.log((counts + 0.5) / weights * factor), dtype=np.float64)


def _design(case: Case, days: NDArray[np.int64]) -> Floats:
    """Level, step, trend (in years before the action, flat after it), and weekdays."""
    step = (days >= case.starts).astype(np.float64)
    trend = np.minimum(days - case.action, 0) / 365
    weekday = (days[:, None] + case.weekday) % 7 == np.arange(7)
    return np.column_stack([np.ones(days.size), step, trend, weekday.astype(np.float64)])


def _fit(design: Floats, counts: Floats, offset: Floats) -> tuple[Floats, Floats, float]:
    """Penalised Poisson regression: coefficients, their covariance, and the spread (Pearson, at least 1)."""
    # The level and the step have wide priors, so that a series of zeros has an answer too.
    precision = np.diag([1 / 25, 1 / 4, 1 / _TREND_SD**2, *[1 / _WEEKDAY_SD**2] * 7])
    weights = np.zeros(design.shape[1])
    level = np.log((counts.sum() + 0.5) / np.exp(offset).sum())
    centre = np.zeros(design.shape[1])
    centre[0] = weights[0] = level
    for _ in range(_STEPS):
        mean = np.exp(np.clip(design @ weights + offset, -20, 15))
        slope = design.T @ (counts - mean) - precision @ (weights - centre)
        change = np.linalg.solve(design.T @ (design * mean[:, None]) + precision, slope)
        weights = weights + np.clip(change, -2, 2)
        if np.abs(change).max() < 1e-8:
            break
    mean = np.exp(np.clip(design @ weights + offset, -20, 15))
    covariance: Floats = np.asarray(np.linalg.inv(design.T @ (design * mean[:, None]) + precision), dtype=np.float64)
    freedom = max(1.0, counts.size - np.trace(covariance @ (design.T @ (design * mean[:, None]))))
    spread = float(((counts - mean) ** 2 / np.maximum(mean, 1e-9)).sum() / freedom)
    return weights, covariance, float(np.clip(spread, 1.0, 10.0))
