"""What is unusual: jumps beside a stream's own rhythm, and shifts beside its neighbours.

Scores are residuals of a robust baseline by the hour of day, or of the median of neighbours. Thresholds come from
the tail of past scores, so that chance alone brings a stated number of alarms a sensor and year.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.core.properties import PROPERTIES
from cityward.know.sensing.faults import metres
from cityward.know.sensing.hours import Hours, Matrix

PAST_DAYS = 28
"""Days from which a baseline is learned: four whole weeks."""

VALUES_MIN = 12
"""Fewest values behind the baseline of an hour of day, of three hours in each past day."""

SCORES_MIN = 400
"""Fewest past scores of a property behind a threshold; with fewer nothing is called unusual."""

ALARMS_A_YEAR = 1.0
"""Alarms by chance that are accepted, for each sensor, property and kind in a year."""

LASTING_A_YEAR = 2_500
"""Looks at lasting values that count as one each in a year: their hours hang together, and an alarm must last six of
them. Chosen so that a year of 39 real streams keeps to `ALARMS_A_YEAR`; see ``benchmarks/bench_sensors.py``."""

TAIL = 0.02
"""Share of past scores that the tail is fitted to."""

SCORE_MIN = 4.0
"""No smaller score is unusual, however calm the past was."""

SHIFT_MIN = 0.2
"""No smaller shift of a concentration, in logarithms, is told: a fifth. Where neighbours hardly differ, one at fault
would otherwise move the median against which all others are held, and they would be blamed."""

NEIGHBOUR_METRES = 5_000.0
NEIGHBOURS_MIN, NEIGHBOURS_MAX = 2, 16
"""Sensors within 5 km are neighbours, the sixteen heard first: one that is new displaces none, so that what was
said before stays as it was. A shift beside fewer than two cannot be told."""

_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Scores:
    """Signed scores with their thresholds; matrices have shape (streams, hours), NaN where nothing can be told.

    ``base`` and ``scale`` are the baseline and its spread in the measure in which scores are taken (see
    `measure`); ``near`` lists the neighbours of each stream.
    """

    jump: Matrix
    jump_bound: Matrix
    shift: Matrix
    shift_bound: Matrix
    base: Matrix
    scale: Matrix
    near: list[NDArray[np.intp]]


def score(hours: Hours, usable: NDArray[np.bool_], moved: NDArray[np.intp], time_zone: str) -> Scores:
    """Return scores of every stream and hour, each from what was known by then.

    Parameters
    ----------
    hours : Hours
        The streams.
    usable : ndarray, shape (streams, hours)
        Values that count; those of a sensor at fault do not.
    moved : ndarray, shape (streams, hours)
        Hour of the sensor's last move: what came before tells nothing of its new place.
    time_zone : str
        Of the hours of day.
    """
    names = hours.streams["property"].to_list()
    values = np.where(usable, measure(hours.mean, names), np.nan)
    near = neighbours(hours)
    usable &= moved == 0  # neighbours are those of the first place
    placed = np.where(usable, _ratio_measure(hours.mean, names), np.nan)
    beside = placed - _beside(placed, near)
    days, clock = hours.local(time_zone)
    base, scale = _rhythm(values, days, clock, moved)
    residual = values - base
    step = residual - _previous(residual)
    jump = step / _spread(step, days)
    lasting = _running_median(beside, 24)
    centre, width = _centre(beside, lasting, days, moved)
    skewed = np.array([name in PROPERTIES and PROPERTIES[name].concentration for name in names])
    shift = (lasting - centre) / np.where(skewed[:, None], np.maximum(width, SHIFT_MIN / SCORE_MIN), width)
    group = np.array(names)
    return Scores(
        jump,
        _bounds(jump, group, days, ALARMS_A_YEAR / 8760),
        shift,
        _bounds(shift, group, days, ALARMS_A_YEAR / LASTING_A_YEAR),
        base,
        scale,
        near,
    )


def measure(values: Matrix, names: list[str]) -> Matrix:
    """Return values in the measure of scores: the square root of concentrations, which evens out their spread."""
    skewed = np.array([name in PROPERTIES and PROPERTIES[name].concentration for name in names])
    return np.where(skewed[:, None], np.sqrt(np.maximum(values, 0.0)), values)


def _ratio_measure(values: Matrix, names: list[str]) -> Matrix:
    """Return values in the measure in which a stream is held beside its neighbours: logarithms of concentrations.

    What one place has more of than another it mostly has as a share, whatever the weather. A little is added, so
    that next to nothing beside nothing is not a large ratio.
    """
    told = [PROPERTIES.get(name) for name in names]
    skewed = np.array([known is not None and known.concentration for known in told])
    little = np.array([0.1 if known is not None and known.unit == "mg/m³" else 5.0 for known in told])
    with np.errstate(invalid="ignore"):
        return np.where(skewed[:, None], np.log(np.maximum(values, 0.0) + little[:, None]), values)


def natural(values: Matrix, name: str) -> Matrix:
    """The way back from `measure`, of one property."""
    skewed = name in PROPERTIES and PROPERTIES[name].concentration
    return np.square(np.maximum(values, 0.0)) if skewed else values


def neighbours(hours: Hours) -> list[NDArray[np.intp]]:
    """Return of each stream others of its property within `NEIGHBOUR_METRES`, not its own sensor."""
    names = hours.streams["property"].to_numpy()
    sensors = (hours.streams["source"] + "\x1f" + hours.streams["sensor"]).to_numpy()
    lon, lat = (hours.streams[f"first_{name}"].cast(float).fill_null(np.nan).to_numpy() for name in ("lon", "lat"))
    heard = hours.streams["first_hour"].to_physical().to_numpy()
    found = []
    for at in range(len(names)):
        other = np.flatnonzero((names == names[at]) & (sensors != sensors[at]))
        far = metres(lon[at], lat[at], lon[other], lat[other])
        order = np.lexsort((far, heard[other]))
        order = order[far[order] <= NEIGHBOUR_METRES][:NEIGHBOURS_MAX]
        found.append(other[order])
    return found


def _beside(values: Matrix, near: list[NDArray[np.intp]]) -> Matrix:
    """Median of the neighbours at each hour; NaN with fewer than two."""
    found = np.full(values.shape, np.nan)
    for at, others in enumerate(near):
        if others.size >= NEIGHBOURS_MIN:
            some = values[others]
            enough = (~np.isnan(some)).sum(axis=0) >= NEIGHBOURS_MIN
            found[at, enough] = np.nanmedian(some[:, enough], axis=0)
    return found


def _rhythm(
    values: Matrix, days: NDArray[np.intp], clock: NDArray[np.intp], moved: NDArray[np.intp]
) -> tuple[Matrix, Matrix]:
    """Median and spread of the same hour of day, and the hours beside it, in the days before."""
    streams, count = values.shape
    cells = np.full((streams, days[-1] + 1, 24), np.nan)
    cells[:, days, clock] = values
    base, scale = (np.full((streams, count), np.nan) for _ in range(2))
    first = np.searchsorted(days, np.arange(days[-1] + 2))
    for day in range(7, days[-1] + 1):
        past = cells[:, max(day - PAST_DAYS, 0) : day].copy()
        settled = days[moved[:, first[day]]]
        past[np.arange(max(day - PAST_DAYS, 0), day)[None, :] < settled[:, None]] = np.nan
        around = np.concatenate([past, np.roll(past, 1, axis=2), np.roll(past, -1, axis=2)], axis=1)
        middle, spread = _median_and_spread(around)
        here = slice(first[day], first[day + 1])
        base[:, here], scale[:, here] = middle[:, clock[here]], spread[:, clock[here]]
    return base, scale


def _median_and_spread(past: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
    """Median and scaled median deviation over axis 1; NaN where `VALUES_MIN` are not there."""
    enough = (~np.isnan(past)).sum(axis=1) >= VALUES_MIN
    middle = np.where(enough, _median(past), np.nan)
    return middle, _MAD * np.where(enough, _median(np.abs(past - middle[:, None])), np.nan)


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over axis 1 without NaN: sorted, NaN come last."""
    order = np.sort(values, axis=1)
    count = (~np.isnan(values)).sum(axis=1, keepdims=True)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[1] - 1)
    pair = np.take_along_axis(order, low, axis=1) + np.take_along_axis(order, high, axis=1)
    return np.asarray(pair.squeeze(axis=1) / 2)


def _previous(values: Matrix) -> Matrix:
    """The value of the hour before, else of the two before that."""
    found = np.full(values.shape, np.nan)
    for back in (1, 2, 3):
        earlier = np.full(values.shape, np.nan)
        earlier[:, back:] = values[:, :-back]
        found = np.where(np.isnan(found), earlier, found)
    return found


def _spread(values: Matrix, days: NDArray[np.intp]) -> Matrix:
    """Scaled median size in the days before, of each stream."""
    return _by_day(np.abs(values), days, lambda past: _MAD * _floored(past))


def _floored(past: Matrix) -> NDArray[np.float64]:
    """Median over the past, but never nought: whole numbers often step by nothing."""
    size = _median(past)
    rest = np.nanmean(np.where(np.isnan(past), 0.0, past), axis=1)
    return np.where(_many(past) & (np.maximum(size, rest) > 0), np.maximum(size, rest / 2), np.nan)


def _centre(values: Matrix, lasting: Matrix, days: NDArray[np.intp], moved: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
    """Median of the days before, and the spread of lasting values about it, of each stream since its last move."""
    centre = _by_day(values, days, lambda past: np.where(_many(past), _median(past), np.nan), moved)
    return centre, _by_day(np.abs(lasting - centre), days, lambda past: _MAD * _floored(past), moved)


def _many(past: Matrix) -> NDArray[np.bool_]:
    """Whether a week was learned from: a spread of fewer hours, which hang together, is far too small."""
    return np.asarray((~np.isnan(past)).sum(axis=1) >= 7 * 18)


def _by_day(
    values: Matrix,
    days: NDArray[np.intp],
    summary: Callable[[Matrix], NDArray[np.float64]],
    moved: NDArray[np.intp] | None = None,
) -> Matrix:
    """Spread over each day a summary of the `PAST_DAYS` before it, of each stream since its last move."""
    found = np.full(values.shape, np.nan)
    first = np.searchsorted(days, np.arange(days[-1] + 2))
    for day in range(1, days[-1] + 1):
        start = first[max(day - PAST_DAYS, 0)]
        past = values[:, start : first[day]]
        if moved is not None and moved[:, first[day]].any():
            past = np.where(np.arange(start, first[day])[None, :] < moved[:, first[day]][:, None], np.nan, past)
        found[:, first[day] : first[day + 1]] = summary(past)[:, None]
    return found


def _running_median(values: Matrix, hours: int) -> Matrix:
    """Median of the last ``hours``; NaN where fewer than three quarters are there."""
    padded = np.concatenate([np.full((values.shape[0], hours - 1), np.nan), values], axis=1)
    found = np.full(values.shape, np.nan)
    for at in range(values.shape[0]):  # a stream at a time: the windows of all at once would fill the memory
        windows = np.lib.stride_tricks.sliding_window_view(padded[at], hours)
        enough = (~np.isnan(windows)).sum(axis=1) >= 0.75 * hours
        if enough.any():
            found[at, enough] = _median(windows[enough])
    return found


def _bounds(scores: Matrix, group: NDArray[np.str_], days: NDArray[np.intp], rate: float) -> Matrix:
    """Threshold of each property and day from the scores of all its streams in the days before."""
    found = np.full(scores.shape, np.inf)
    first = np.searchsorted(days, np.arange(days[-1] + 2))
    for name in np.unique(group):
        rows = np.flatnonzero(group == name)
        sizes = np.abs(scores[rows])
        for day in range(1, days[-1] + 1):
            past = sizes[:, first[max(day - PAST_DAYS, 0)] : first[day]]
            past = past[~np.isnan(past)]
            if past.size >= SCORES_MIN:
                bound = max(SCORE_MIN, tail_quantile(past, rate))
                here = slice(first[day], first[day + 1])
                found[rows, here] = bound
                # One fault must not raise the bar for the next: what was an alarm counts as its threshold.
                sizes[:, here] = np.minimum(sizes[:, here], bound)
    return found


def tail_quantile(scores: NDArray[np.float64], rate: float) -> float:
    """Return the size that a share ``rate`` of scores exceeds, beyond those seen if need be.

    A generalised Pareto distribution is fitted to the excesses over the quantile 1 - `TAIL` by
    probability-weighted moments, its shape held between 0 and 0.5.

    Source
    ------
    Hosking and Wallis 1987, Technometrics 29(3), equation for the moments; Siffer and others 2017, Anomaly
    detection in streams with extreme value theory, equation 1.
    """
    start = float(np.quantile(scores, 1 - TAIL))
    excess = np.sort(scores[scores > start] - start)
    count = excess.size
    if count < 8 or excess[-1] <= 0:
        return float(scores.max()) * 1.5
    mean = float(excess.mean())
    weighted = float(np.mean(excess * (1 - (np.arange(1, count + 1) - 0.35) / count)))
    shape = min(max(2 - mean / (mean - 2 * weighted), 0.0), 0.5)
    scale = mean * (1 - shape)
    ratio = rate / (count / scores.size)
    if ratio >= 1:
        return start
    return float(start + (scale * -np.log(ratio) if shape < 1e-6 else scale / shape * (ratio**-shape - 1)))
