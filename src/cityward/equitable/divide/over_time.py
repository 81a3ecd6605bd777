"""The gap over time: what changed, who advanced, whether those behind catch up, and when to raise an alarm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.equitable.divide.inequality import Floats, deviation, gini, over_draws, quantiles, variation
from cityward.equitable.divide.measured import Drawn, Wanted
from cityward.equitable.divide.report import (
    Alarm,
    Boundaries,
    Change,
    Convergence,
    Estimate,
    Mobility,
    Moved,
    OverTime,
    Trend,
)

SHOWN: Final = 10
FIFTHS: Final = 5
PLACES_MIN: Final = 10
PEOPLE_CHANGED: Final = 1.5
_YEARS: Final = (1900, 2200)

TOO_FEW: Final = "too few places are above zero at both times"

CAVEAT: Final = (
    "A start that is measured with error makes those behind seem to catch up (regression to the mean); the change of "
    "the spread is free of that."
)


@dataclass(frozen=True)
class End:
    """One of two times: its label, its rows (``place``, ``value``, ``weight``), and its drawn figures."""

    label: str
    frame: pl.DataFrame
    drawn: Drawn


def over_time(
    before: End, after: End, counts: NDArray[np.uint16], universe: NDArray[np.str_], wanted: Wanted
) -> OverTime:
    """Compare two times.

    Parameters
    ----------
    before, after : End
    counts : ndarray of shape (draws, N)
        How often each place of ``universe`` is drawn; the figures of both ends were drawn by the same.
    universe : ndarray of shape (N,)
        All places in order.
    wanted : Wanted
    """
    both = before.frame.join(after.frame, on="place", suffix="_after").sort("place")
    at = np.searchsorted(universe, both["place"].to_numpy().astype(universe.dtype))
    shared = counts[:, at]
    change = _change(before, after, wanted)
    first, last = both["value"].to_numpy(), both["value_after"].to_numpy()
    advanced, fell_back = _moved(both["place"].to_list(), first, last)
    return OverTime(
        change=change,
        alarm=_alarm(before, after, change),
        convergence=_convergence(first, last, shared, years_between(before.label, after.label), wanted.level),
        mobility=_mobility(first, last, shared, wanted.level) if len(first) >= PLACES_MIN else None,
        rose=int((last > first).sum()),
        fell=int((last < first).sum()),
        advanced=advanced,
        fell_back=fell_back,
        boundaries=_boundaries(before.frame, after.frame, both),
    )


def years_between(before: str, after: str) -> float | None:
    """Years from one label to the other, where both begin with a year; a second number is a quarter or a month."""
    ends = [_moment(label) for label in (before, after)]
    if ends[0] is None or ends[1] is None or ends[1] <= ends[0]:
        return None
    return ends[1] - ends[0]


def _moment(label: str) -> float | None:
    numbers = [int(part) for part in "".join(c if c.isdigit() else " " for c in label).split()][:2]
    if not numbers or not _YEARS[0] <= numbers[0] <= _YEARS[1]:
        return None
    part = numbers[1] if len(numbers) > 1 else 1
    return numbers[0] + (part - 1) / (4 if part <= 4 else 12)


def trend(
    figures: Sequence[tuple[Floats, Floats, NDArray[np.int64]]], counts: NDArray[np.uint16], level: float
) -> Trend:
    """Slope of Gini by least squares over the periods; each is ``(values, people, places in the universe)``."""
    whole = np.array([gini(values, people[None, :])[0] for values, people, _ in figures])
    drawn = np.stack([_drawn_gini(values, people, counts[:, at]) for values, people, at in figures], axis=1)
    time = np.arange(len(figures)) - (len(figures) - 1) / 2
    slopes = (drawn @ time) / (time @ time)
    low, high = quantiles(slopes, level)
    return Trend(
        periods=len(figures),
        gini_per_period=Estimate(value=float(whole @ time / (time @ time)), low=low, high=high),
    )


def _drawn_gini(values: Floats, people: Floats, counts: NDArray[np.uint16]) -> Floats:
    return over_draws(lambda times: gini(values, people * times), counts)


def _change(before: End, after: End, wanted: Wanted) -> Change:
    def told(name: str, why: str = "it has no value at one of the two times") -> Estimate:
        value = after.drawn.point[name] - before.drawn.point[name]
        if not np.isfinite(value):
            return Estimate(value=None, low=None, high=None, why=why)
        low, high = quantiles(after.drawn.draws[name] - before.drawn.draws[name], wanted.level)
        return Estimate(value=value, low=low, high=high)

    return Change(
        before=before.label,
        after=after.label,
        mean=told("mean"),
        gini=told("gini"),
        theil_t=told("theil_t"),
        fifths_gap=told("gap"),
        fifths_ratio=told("ratio"),
        under_floor=told("under") if wanted.floor is not None else None,
        between_share=told("between_share") if "between_share" in before.drawn.point else None,
    )


def _alarm(before: End, after: End, change: Change) -> Alarm:
    relative, absolute = ((one.low or 0.0) > 0 for one in (change.gini, change.fifths_gap))
    first, last = before.drawn.point, after.drawn.point
    gap = f"from {first['gap']:,.3g} to {last['gap']:,.3g} between the fifth with most and the fifth with least"
    by_gini = f"Gini from {first['gini']:.3f} to {last['gini']:.3f}"
    while_ = "while the mean rose" if last["mean"] > first["mean"] else "while the mean did not rise"
    if relative and absolute:
        says = f"The gap widened {while_}: {by_gini}, and the distance {gap}."
    elif relative:
        says = f"The gap widened relative to the mean ({by_gini}) {while_}; the distance went {gap}."
    elif absolute:
        beside = "though inequality fell" if (change.gini.high or 0.0) < 0 else "and inequality did not clearly change"
        says = f"The distance widened {while_}, {gap}, {beside} ({by_gini})."
    elif (change.gini.high or 0.0) < 0:
        says = f"The gap did not widen: {by_gini}, and the distance went {gap}."
    else:
        says = f"Whether the gap widened cannot be told from chance: {by_gini}; the distance went {gap}."
    return Alarm(raised=relative or absolute, relative=relative, absolute=absolute, says=says)


def _convergence(
    first: Floats, last: Floats, counts: NDArray[np.uint16], years: float | None, level: float
) -> Convergence:
    """Places count the same here: it is about places that catch up and not about people.

    Notes
    -----
    **Source**: Barro and Sala-i-Martin 1992, "Convergence", Journal of Political Economy 100, equation 11 (beta) and
    section II.D (sigma); Friedman 1992, "Do old fallacies ever die?", Journal of Economic Literature 30 (the caveat).
    """
    positive = (first > 0) & (last > 0)
    with np.errstate(divide="ignore"):
        logs = np.log(first), np.log(last)
    logs_first, logs_last = logs[0][positive], logs[1][positive]
    span = years or 1.0

    def growth(weights: Floats) -> Floats:
        return _slope(logs_first, (logs_last - logs_first) / span, weights)

    def spread(weights: Floats) -> Floats:
        return deviation(logs_last, weights) - deviation(logs_first, weights)

    def relative(weights: Floats) -> Floats:
        return variation(last, weights) - variation(first, weights)

    def level_growth(weights: Floats) -> Floats:
        return _slope(first, last - first, weights)

    beta = _told(growth, counts[:, positive], level, TOO_FEW)
    sigma = _told(spread, counts[:, positive], level, TOO_FEW)
    inside = 1 + (beta.value or 0.0) * span
    speed = -np.log(inside) / span if years and (beta.high or 0.0) < 0 < inside else None
    return Convergence(
        places=len(first),
        places_in_logs=int(positive.sum()),
        sigma_log=sigma,
        sigma_variation=_told(relative, counts, level, "the mean is zero"),
        beta=beta,
        beta_level=_told(level_growth, counts, level, "all start alike"),
        years=years,
        half_life_years=None if speed is None else float(np.log(2) / speed),
        verdict=_verdict(beta, sigma),
        caveat=CAVEAT,
    )


def _told(figure: Callable[[Floats], Floats], counts: NDArray[np.uint16], level: float, why: str) -> Estimate:
    """A figure of places that count the same, with its interval; with ``why`` where it has no value."""
    point = float(figure(np.ones((1, counts.shape[1])))[0])
    if not np.isfinite(point):
        return Estimate(value=None, low=None, high=None, why=why)
    low, high = quantiles(over_draws(figure, counts), level)
    return Estimate(value=point, low=low, high=high)


def _verdict(beta: Estimate, sigma: Estimate) -> str:
    if beta.low is None or beta.high is None or sigma.low is None or sigma.high is None:
        return "cannot tell"
    if beta.high < 0 and sigma.high < 0:
        return "those behind catch up, and the spread shrinks"
    if beta.high < 0:
        return "those behind grow faster, but the spread does not clearly shrink"
    if beta.low > 0 or sigma.low > 0:
        return "those behind fall further behind"
    return "cannot tell"


def _slope(x: Floats, y: Floats, weights: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = weights / weights.sum(axis=1, keepdims=True)
        mean_x, mean_y = shares @ x, shares @ y
        variance = shares @ x**2 - mean_x**2
        found: Floats = np.where(variance > 0, (shares @ (x * y) - mean_x * mean_y) / variance, np.nan)
    return found


def _mobility(first: Floats, last: Floats, counts: NDArray[np.uint16], level: float) -> Mobility:
    """Fifths of places by rank; equal values are in one fifth. Shorrocks's index is ``(5 − trace) / 4``.

    Notes
    -----
    **Source**: Shorrocks 1978, "The measurement of mobility", Econometrica 46, equation 1 (M̂ of a transition matrix).
    """
    start, end = _fifth(first), _fifth(last)
    table = np.zeros((FIFTHS, FIFTHS), np.int64)
    np.add.at(table, (start, end), 1)
    stayed = start == end

    def shorrocks(weights: Floats) -> Floats:
        in_fifth = [weights[:, start == one] for one in range(FIFTHS)]
        remain = [weights[:, (start == one) & stayed].sum(axis=1) for one in range(FIFTHS)]
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [kept / all_.sum(axis=1) for kept, all_ in zip(remain, in_fifth, strict=True) if all_.shape[1]]
        used = len(shares)
        found: Floats = (used - np.sum(shares, axis=0)) / max(used - 1, 1)
        return found

    def share(weights: Floats) -> Floats:
        found: Floats = weights[:, stayed].sum(axis=1) / weights.sum(axis=1)
        return found

    return Mobility(
        table=tuple(tuple(int(cell) for cell in row) for row in table),
        stayed_share=_told(share, counts, level, TOO_FEW),
        up=int((end > start).sum()),
        down=int((end < start).sum()),
        shorrocks=_told(shorrocks, counts, level, TOO_FEW),
    )


def _fifth(values: Floats) -> NDArray[np.int64]:
    ranks = pl.Series(values).rank("average").to_numpy()
    found: NDArray[np.int64] = np.minimum((FIFTHS * (ranks - 0.5) / len(values)).astype(np.int64), FIFTHS - 1)
    return found


def _moved(places: Sequence[str], first: Floats, last: Floats) -> tuple[tuple[Moved, ...], tuple[Moved, ...]]:
    """Those whose rank rose and fell most."""
    ranks = [pl.Series(-values).rank("min").to_numpy().astype(np.int64) for values in (first, last)]
    climbed = ranks[0] - ranks[1]
    order = np.argsort(-climbed, kind="stable")

    def told(at: int) -> Moved:
        return Moved(
            place=places[at],
            before=float(first[at]),
            after=float(last[at]),
            rank_before=int(ranks[0][at]),
            rank_after=int(ranks[1][at]),
        )

    up = tuple(told(int(at)) for at in order[:SHOWN] if climbed[at] > 0)
    down = tuple(told(int(at)) for at in order[::-1][:SHOWN] if climbed[at] < 0)
    return up, down


def _boundaries(before: pl.DataFrame, after: pl.DataFrame, both: pl.DataFrame) -> Boundaries:
    gone = before.join(after, on="place", how="anti")["place"].sort().to_list()
    new = after.join(before, on="place", how="anti")["place"].sort().to_list()
    ratio = pl.max_horizontal("weight", "weight_after") / pl.min_horizontal("weight", "weight_after")
    changed = both.filter(ratio >= PEOPLE_CHANGED)["place"].to_list()
    return Boundaries(
        both=both.height,
        only_before=tuple(gone[:SHOWN]),
        only_after=tuple(new[:SHOWN]),
        only_before_count=len(gone),
        only_after_count=len(new),
        people_changed=tuple(changed[:SHOWN]),
        people_changed_count=len(changed),
    )
