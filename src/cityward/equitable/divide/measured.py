"""All figures of one time with their intervals, from one set of draws of the places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.equitable.divide import inequality
from cityward.equitable.divide.inequality import Floats, quantiles
from cityward.equitable.divide.report import AtEpsilon, Decomposed, Estimate, Fifths, Figures, Floor, Group

FEW_PLACES = 10
"""Intervals of fewer places are too short, and say so."""

UNGROUPED = "(no group)"

NO_VALUE = "it has no value where somebody is at zero"
NO_MEAN = "the mean is zero"
NO_LEAST = "the fifth with least has nothing"


@dataclass(frozen=True)
class Wanted:
    """What is to be measured, and how sure."""

    level: float = 0.95
    floor: float | None = None
    per: float | None = None
    epsilons: tuple[float, ...] = (0.5, 1.0)


@dataclass(frozen=True)
class Drawn:
    """One figure by name: of the places as they are, and of each draw."""

    point: dict[str, float]
    draws: dict[str, Floats]


def draw_figures(
    values: Floats, people: Floats, counts: NDArray[np.uint16], groups: NDArray[np.int64] | None, wanted: Wanted
) -> Drawn:
    """Every figure of the places, and of each draw of them.

    Parameters
    ----------
    values, people : ndarray of shape (n,)
    counts : ndarray of shape (draws, n)
        How often each place is drawn.
    groups : ndarray of shape (n,), optional
        Numbers from 0.
    wanted : Wanted
    """

    # What is sorted already is sorted again in no time, in each of the measures and draws.
    order = np.argsort(values, kind="stable")
    values, people, counts = values[order], people[order], counts[:, order]
    groups = None if groups is None else groups[order]

    def measured(weights: Floats, times: Floats) -> dict[str, Floats]:
        return _every(values, weights, times, groups, wanted)

    ones = np.ones((1, len(values)))
    point = {name: float(found[0]) for name, found in measured(people[None, :] * ones, ones).items()}
    block = inequality.draws_at_once(len(values))
    parts = [
        measured(people * (some := counts[begin : begin + block].astype(float)), some)
        for begin in range(0, len(counts), block)
    ]
    return Drawn(
        point, {name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0) for name in point}
    )


def _every(
    values: Floats, weights: Floats, times: Floats, groups: NDArray[np.int64] | None, wanted: Wanted
) -> dict[str, Floats]:
    # A draw without anybody has no figures.
    with np.errstate(divide="ignore", invalid="ignore"):
        least, most = inequality.fifths(values, weights)
        found = {
            "mean": inequality.mean(values, weights),
            "mean_of_places": inequality.mean(values, times),
            "gini": inequality.gini(values, weights),
            "theil_t": inequality.theil_t(values, weights),
            "theil_l": inequality.theil_l(values, weights),
            "variation": inequality.variation(values, weights),
            "least": least,
            "most": most,
            "ratio": np.where(least > 0, most / least, np.nan),
            "gap": most - least,
        }
    for epsilon in wanted.epsilons:
        found[f"atkinson {epsilon}"] = inequality.atkinson(values, weights, epsilon)
    if wanted.floor is not None:
        under = inequality.below(values, weights, wanted.floor)
        found["under"] = times[:, values < wanted.floor].sum(axis=1)
        found["under_share"], found["missing"] = under.people_share, under.missing
    if groups is not None:
        parts = inequality.decompose(values, weights, groups)
        found |= {"t_within": parts.t_within, "t_between": parts.t_between}
        found |= {"l_within": parts.l_within, "l_between": parts.l_between}
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = parts.t_within + parts.t_between
            found["between_share"] = np.where(whole > 0, parts.t_between / whole, np.nan)
    return found


def estimate(drawn: Drawn, name: str, level: float, why: str | None = None, scale: float = 1.0) -> Estimate:
    """A figure with its interval; with ``why`` where it has no value."""
    point = drawn.point[name]
    if not np.isfinite(point):
        return Estimate(value=None, low=None, high=None, why=why or NO_MEAN)
    low, high = quantiles(drawn.draws[name], level)
    return Estimate(
        value=point * scale,
        low=None if low is None else low * scale,
        high=None if high is None else high * scale,
    )


def figures_of(
    period: str, frame: pl.DataFrame, drawn: Drawn, wanted: Wanted, *, without_value: int, numbers: Sequence[str]
) -> Figures:
    """The record of one time.

    Parameters
    ----------
    frame : polars.DataFrame
        ``place``, ``value``, ``weight``, ``group`` and ``error`` of the time.
    numbers : sequence of str
        Names of groups, in the order of their numbers in the draws; empty without groups.
    """

    def told(name: str, why: str | None = None, scale: float = 1.0) -> Estimate:
        return estimate(drawn, name, wanted.level, why, scale)

    values = frame["value"].to_numpy()
    return Figures(
        period=period,
        places=frame.height,
        without_value=without_value,
        people=float(frame["weight"].sum()),
        mean=told("mean"),
        mean_of_places=told("mean_of_places"),
        median_of_places=float(np.median(values)),
        gini=told("gini"),
        theil_t=told("theil_t"),
        theil_l=told("theil_l", NO_VALUE),
        atkinson=tuple(AtEpsilon(epsilon=epsilon, index=told(f"atkinson {epsilon}")) for epsilon in wanted.epsilons),
        variation=told("variation"),
        fifths=Fifths(least=told("least"), most=told("most"), ratio=told("ratio", NO_LEAST), gap=told("gap")),
        floor=_floor(frame, told, wanted),
        decomposed=_decomposed(frame, told, numbers, wanted) if numbers else None,
        noise_share=_noise_share(frame),
        few=frame.height < FEW_PLACES,
    )


def _floor(frame: pl.DataFrame, told: Callable[..., Estimate], wanted: Wanted) -> Floor | None:
    if wanted.floor is None:
        return None
    under = frame.filter(pl.col("value") < wanted.floor)
    return Floor(
        floor=wanted.floor,
        places=told("under"),
        people=float(under["weight"].sum()),
        people_share=told("under_share"),
        needed=told("missing", scale=1 / wanted.per) if wanted.per else None,
    )


def _decomposed(
    frame: pl.DataFrame, told: Callable[..., Estimate], numbers: Sequence[str], wanted: Wanted
) -> Decomposed:
    groups = []
    parts = frame.with_columns(pl.col("group").fill_null(UNGROUPED)).partition_by("group", as_dict=True)
    for name in numbers:
        part = parts[(name,)]
        values, people = part["value"].to_numpy(), part["weight"].to_numpy()
        weights = inequality.only(values, people)
        gini = float(inequality.gini(values, weights)[0])
        groups.append(
            Group(
                group=name,
                places=part.height,
                people=float(people.sum()),
                mean=mean_of_group(values, people, wanted.level),
                gini=gini if np.isfinite(gini) else None,
                small=part.height < FEW_PLACES,
            )
        )
    return Decomposed(
        theil_t_within=told("t_within"),
        theil_t_between=told("t_between"),
        between_share=told("between_share", "there is no inequality"),
        theil_l_within=told("l_within", NO_VALUE),
        theil_l_between=told("l_between", NO_VALUE),
        groups=tuple(sorted(groups, key=lambda one: (one.mean.value or 0.0, one.group))),
        ungrouped=int(frame["group"].null_count()),
    )


def mean_of_group(values: Floats, people: Floats, level: float) -> Estimate:
    """Weighted mean with the interval of a ratio of two sums over places, drawn from many like them (linearised)."""
    n, whole = len(values), people.sum()
    centre = float(people @ values / whole)
    if n < 2:
        return Estimate(value=centre, low=None, high=None, why="it is a single place")
    spread = float(np.sqrt(n / (n - 1) * ((people * (values - centre)) ** 2).sum()) / whole)
    width = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Estimate(value=centre, low=centre - width, high=centre + width)


def _noise_share(frame: pl.DataFrame) -> float | None:
    known = frame.filter(pl.col("error").is_not_null())
    variance = float(np.var(known["value"].to_numpy())) if known.height > 1 else 0.0
    return min(float((known["error"] ** 2).mean() or 0.0) / variance, 1.0) if variance > 0 else None  # type: ignore[arg-type]
