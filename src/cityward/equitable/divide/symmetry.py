"""Whether every part of the city is served alike: each figure by groups of areas, and one group over another.

Areas are drawn again within their group, because what happens in one area goes together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.equitable.divide.inequality import Floats, bootstrap_counts, quantiles
from cityward.equitable.divide.report import Estimate

Better = Literal["lower", "higher", "neither"]
Verdict = Literal["alike", "differs", "differs little", "cannot tell", "few"]

EVENTS_MIN: Final = 30
AREAS_MIN: Final = 5
ALIKE: Final = (0.8, 1.25)
"""Ratios that count as alike."""

DRAWS: Final = 1_000


@dataclass(frozen=True)
class Grouping:
    """Groups of areas by one fact: ``number`` (n,) of each area's group, -1 where it is not known.

    ``names``, as in "areas with the least internet", go from the group that is worst off to the one that is best off.
    """

    by: str
    names: tuple[str, ...]
    number: NDArray[np.int64]


@dataclass(frozen=True)
class Rate:
    """A sum over areas divided by another: ``above`` and ``below`` (n,), and the ``events`` (n,) that it rests on."""

    name: str
    service: str
    better: Better
    above: Floats
    below: Floats
    events: Floats


@dataclass(frozen=True)
class Durations:
    """Days of events, of which some still last: ``area``, ``days`` (infinite: not over) and ``rows`` of shape (m,)."""

    name: str
    service: str
    better: Better
    area: NDArray[np.int64]
    days: Floats
    rows: Floats


Measure = Rate | Durations


class GroupFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one group; ``small`` says that it rests on too few events or areas to be compared."""

    group: str
    areas: int
    events: int
    figure: Estimate
    small: bool


class Symmetry(msgspec.Struct, frozen=True, kw_only=True):
    """One figure by groups: the ``ratio`` of the group that is worst off to the best off, and their ``difference``."""

    name: str
    service: str
    by: str
    better: str
    groups: tuple[GroupFigure, ...]
    ratio: Estimate
    difference: Estimate
    verdict: Verdict
    says: str


def symmetry(
    measures: Sequence[Measure], groupings: Sequence[Grouping], random: np.random.Generator, level: float = 0.95
) -> tuple[Symmetry, ...]:
    """Compare every measure between the groups of every grouping."""
    found = []
    for grouping in groupings:
        counts = _drawn(grouping, random)
        found += [_compared(measure, grouping, counts, level) for measure in measures]
    return tuple(found)


def _drawn(grouping: Grouping, random: np.random.Generator) -> Floats:
    """How often each area is drawn, (draws, n): every group keeps its number of areas."""
    counts = np.zeros((DRAWS, len(grouping.number)))
    for number in range(len(grouping.names)):
        at = np.flatnonzero(grouping.number == number)
        counts[:, at] = bootstrap_counts(at.size, DRAWS, random)
    return counts


def _compared(measure: Measure, grouping: Grouping, counts: Floats, level: float) -> Symmetry:
    figure: Callable[[Floats, NDArray[np.bool_]], Floats]
    figure = _median(measure) if isinstance(measure, Durations) else _rate(measure)
    ones = np.ones((1, counts.shape[1]))
    groups, points, draws = [], [], []
    for number, name in enumerate(grouping.names):
        inside = grouping.number == number
        point, drawn = figure(ones, inside), figure(counts, inside)
        events, areas = _events(measure, inside), int(inside.sum())
        points.append(float(point[0]))
        draws.append(drawn)
        groups.append(
            GroupFigure(
                group=name,
                areas=areas,
                events=events,
                figure=_estimate(float(point[0]), drawn, level),
                small=events < EVENTS_MIN or areas < AREAS_MIN,
            )
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _estimate(float(np.divide(points[0], points[-1])), draws[0] / draws[-1], level)
        difference = _estimate(points[0] - points[-1], draws[0] - draws[-1], level)
    verdict = _verdict(ratio, difference, few=groups[0].small or groups[-1].small)
    return Symmetry(
        name=measure.name,
        service=measure.service,
        by=grouping.by,
        better=measure.better,
        groups=tuple(groups),
        ratio=ratio,
        difference=difference,
        verdict=verdict,
        says=_says(measure, grouping, points, ratio, verdict),
    )


def _rate(measure: Rate) -> Callable[[Floats, NDArray[np.bool_]], Floats]:
    def figure(counts: Floats, inside: NDArray[np.bool_]) -> Floats:
        some = counts[:, inside]
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = (some @ measure.above[inside]) / (some @ measure.below[inside])
        return found

    return figure


def _median(measure: Durations) -> Callable[[Floats, NDArray[np.bool_]], Floats]:
    order = np.argsort(measure.days, kind="stable")
    area, days, rows = measure.area[order], measure.days[order], measure.rows[order]

    def figure(counts: Floats, inside: NDArray[np.bool_]) -> Floats:
        kept = inside[area]
        if not kept.any():
            return np.full(len(counts), np.nan)
        upper = np.cumsum(counts[:, area[kept]] * rows[kept], axis=1)
        at = (upper < upper[:, -1:] / 2).sum(axis=1)
        found: Floats = np.where(upper[:, -1] > 0, days[kept][np.minimum(at, kept.sum() - 1)], np.nan)
        return found

    return figure


def _events(measure: Measure, inside: NDArray[np.bool_]) -> int:
    if isinstance(measure, Durations):
        return round(float(measure.rows[inside[measure.area]].sum()))
    return round(float(measure.events[inside].sum()))


def _estimate(value: float, draws: Floats, level: float) -> Estimate:
    if not np.isfinite(value):
        why = "more than half are not over" if value == np.inf else "there is nothing to divide by"
        return Estimate(value=None, low=None, high=None, why=why)
    low, high = quantiles(draws, level)
    return Estimate(value=value, low=low, high=high)


def _verdict(ratio: Estimate, difference: Estimate, *, few: bool) -> Verdict:
    if few:
        return "few"
    if ratio.low is None or ratio.high is None:
        return "differs" if (difference.low or 0.0) > 0 or (difference.high or 0.0) < 0 else "cannot tell"
    inside = ratio.low >= ALIKE[0] and ratio.high <= ALIKE[1]
    if ratio.low > 1 or ratio.high < 1:
        return "differs little" if inside else "differs"
    return "alike" if inside else "cannot tell"


def _says(measure: Measure, grouping: Grouping, points: Sequence[float], ratio: Estimate, verdict: Verdict) -> str:
    worst, best = grouping.names[0], grouping.names[-1]
    what = f"{measure.name[:1].upper()}{measure.name[1:]}" + (f" ({measure.service})" if measure.service else "")
    if verdict == "few" or (ratio.value is None and verdict != "differs"):
        return f"{what}: too little is known to compare areas with the {worst} and areas with the {best}."
    sides = f"{what}: {_short(points[0])} in areas with the {worst}, {_short(points[-1])} in areas with the {best}"
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return f"{sides}; that is clear."
    ending = {
        "alike": "which is alike",
        "differs little": "which is clear, and little",
        "differs": "which is clear",
        "cannot tell": "which may be chance",
    }[verdict]
    return f"{sides}: {ratio.value:.2f} times ({ratio.low:.2f} to {ratio.high:.2f}), {ending}."


def _short(value: float) -> str:
    return f"{value:,.3g}"
