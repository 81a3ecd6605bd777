"""The whole answer about one value: figures, change, trend and ranks, with the finding first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core import words
from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.core.limits import TERRITORIES
from cityward.equitable.divide.inequality import bootstrap_counts
from cityward.equitable.divide.measured import UNGROUPED, Drawn, Wanted, draw_figures, figures_of
from cityward.equitable.divide.over_time import PLACES_MIN, End, over_time, trend
from cityward.equitable.divide.ranking import Law, half_width, rank
from cityward.equitable.divide.reading import Unit, Values, period_of
from cityward.equitable.divide.report import Divide, Figures, OverTime, Place, Ranking, Trend

DRAWS: Final = 1_000
TREND_PERIODS_MIN: Final = 4
HALF: Final = 0.5
LIMITS: Final[dict[Unit, tuple[float, float]]] = {
    "share": (0.0, 1.0),
    "percent": (0.0, 100.0),
    "number": (0.0, float("inf")),
}
"""What a value can be; its interval goes no further."""

INTERVALS: Final = (
    "places are drawn again with replacement, {draws:,} times, the same at every time; limits are quantiles of these"
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked beside the columns: times, floor, level, and whether a higher value is better."""

    at: tuple[str, ...] = ()
    floor: float | None = None
    level: float = 0.95
    epsilons: tuple[float, ...] = (0.5, 1.0)
    law: Law = "normal"
    higher_is_better: bool = True
    draws: int = DRAWS
    seed: int = 1


def examine(values: Values, name: str, question: Question) -> Divide:
    """Return everything about one value.

    Parameters
    ----------
    values : Values
    name : str
        What the value is called.
    question : Question
        Times default to the first and the last.

    Raises
    ------
    UserError
        A time does not exist, or there are too many places.
    """
    ends, notes = _ends(values, question.at)
    wanted = Wanted(question.level, question.floor, values.per, question.epsilons)
    universe = np.unique(values.frame["place"].to_numpy().astype(np.str_))
    if len(universe) > TERRITORIES:
        raise UserError(f"There are more than {TERRITORIES:,} places.", "Choose some with --where, or add them up.")
    counts = bootstrap_counts(len(universe), question.draws, rng(question.seed, "divide", "places"))
    by_period = values.frame.partition_by("period", as_dict=True)
    periods = {at: by_period[(at,)] for at in range(len(values.periods))}
    drawn = {at: _drawn(periods[at], universe, counts, wanted) for at in ends}
    figures = tuple(
        figures_of(
            values.periods[at],
            periods[at],
            drawn[at][0],
            wanted,
            without_value=values.without_value.get(values.periods[at], 0),
            numbers=drawn[at][1],
        )
        for at in ends
    )
    time = None
    if len(ends) > 1:
        first, last = (End(values.periods[at], periods[at], drawn[at][0]) for at in (ends[0], ends[-1]))
        time = over_time(first, last, counts, universe, wanted)
    ranking = _ranking(values, periods[ends[-1]], ends[-1], question)
    return Divide(
        finding=_finding(name, figures, time, ranking),
        value=name,
        unit=values.unit,
        rows=values.rows,
        periods=values.periods if values.periods != ("",) else (),
        set_aside=values.set_aside,
        notes=(*values.notes, *notes, *_warnings(figures, time)),
        level=question.level,
        intervals=INTERVALS.format(draws=question.draws),
        figures=figures,
        over_time=time,
        trend=_trend(periods, universe, counts, question.level),
        ranking=ranking,
    )


def _ends(values: Values, at: Sequence[str]) -> tuple[list[int], list[str]]:
    last = len(values.periods) - 1
    if not at:
        return sorted({0, last}), []
    found = [period_of(label, values.periods) for label in at]
    ends = sorted({number for number, _ in found})
    return ends, [note for _, note in found if note]


def _at(frame: pl.DataFrame, universe: NDArray[np.str_]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.searchsorted(universe, frame["place"].to_numpy().astype(universe.dtype))
    return found


def _drawn(
    frame: pl.DataFrame, universe: NDArray[np.str_], counts: NDArray[np.uint16], wanted: Wanted
) -> tuple[Drawn, list[str]]:
    numbers: list[str] = []
    groups = None
    if frame["group"].null_count() < frame.height:
        named = frame["group"].fill_null(UNGROUPED)
        numbers = sorted(named.unique())
        groups = named.replace_strict(numbers, list(range(len(numbers))), return_dtype=pl.Int64).to_numpy()
    figures = draw_figures(
        frame["value"].to_numpy(), frame["weight"].to_numpy(), counts[:, _at(frame, universe)], groups, wanted
    )
    return figures, numbers


def _trend(
    periods: dict[int, pl.DataFrame], universe: NDArray[np.str_], counts: NDArray[np.uint16], level: float
) -> Trend | None:
    if len(periods) < TREND_PERIODS_MIN:
        return None
    each = [(frame["value"].to_numpy(), frame["weight"].to_numpy(), _at(frame, universe)) for frame in periods.values()]
    return trend(each, counts, level)


def _ranking(read: Values, frame: pl.DataFrame, at_period: int, question: Question) -> Ranking | None:
    """Ranks of places whose error is stated; None when none is."""
    known = frame.filter(pl.col("error").is_not_null())
    if not known.height:
        return None
    values, errors = known["value"].to_numpy(), known["error"].to_numpy()
    signed = values if question.higher_is_better else -values
    found = rank(signed, errors, level=question.level, random=rng(question.seed, "ranks"), law=question.law)
    width = half_width(question.level, question.law) * errors
    least, most = LIMITS[read.unit]
    lows, highs = np.maximum(values - width, least), np.minimum(values + width, most)
    order = np.lexsort((np.arange(len(signed)), -signed))
    names = known["place"].to_list()
    return Ranking(
        period=read.periods[at_period],
        level=question.level,
        method=found.method,
        errors=question.law,
        tiers=int(found.tier.max()),
        ordered_share=found.ordered_share,
        without_error=frame.height - known.height,
        places=tuple(
            Place(
                place=names[at],
                value=float(values[at]),
                low=float(lows[at]),
                high=float(highs[at]),
                rank=position,
                rank_low=int(found.low[at]),
                rank_high=int(found.high[at]),
                tier=int(found.tier[at]),
            )
            for position, at in enumerate(order, 1)
        ),
    )


def _finding(name: str, figures: Sequence[Figures], time: OverTime | None, ranking: Ranking | None) -> str:
    last = figures[-1]
    if time:
        first = figures[0]
        return (
            f"{name} went from {first.mean.value:,.3g} to {last.mean.value:,.3g} on average "
            f"({first.period} to {last.period}). {time.alarm.says}"
        )
    told = f"{name} is {last.mean.value:,.3g} on average over {last.places:,} places"
    if last.gini.value is not None and last.fifths.ratio.value is not None:
        told += (
            f"; the fifth with most has {last.fifths.ratio.value:,.3g} times that of the fifth with least "
            f"(Gini {last.gini.value:.3f})"
        )
    elif last.gini.value is not None:
        told += f" (Gini {last.gini.value:.3f}); the fifth with least has nothing"
    if ranking:
        told += (
            f". Of all pairs of places {words.percent(ranking.ordered_share)} can be ordered, in {ranking.tiers} tiers"
        )
    return told + "."


def _warnings(figures: Sequence[Figures], time: OverTime | None) -> list[str]:
    found = []
    for one in figures:
        when = f" ({one.period})" if one.period else ""
        if one.without_value > HALF * (one.without_value + one.places):
            found.append(
                f"More than half of the places have no value{when}: {one.without_value:,} of "
                f"{one.without_value + one.places:,}. The figures are of the others alone."
            )
        if one.few:
            found.append(f"There are only {one.places} places{when}; intervals of so few are too short.")
    if time:
        edges = time.boundaries
        if edges.only_before_count or edges.only_after_count:
            found.append(
                f"{edges.only_before_count:,} places are there only before and {edges.only_after_count:,} only after; "
                f"who advanced and who caught up is told of the {edges.both:,} that are there at both times."
            )
        if edges.people_changed_count:
            found.append(
                f"In {edges.people_changed_count:,} places the people changed by half or more: their boundaries may "
                "have changed."
            )
        if edges.both < PLACES_MIN:
            found.append(f"Only {edges.both} places are there at both times: too few to say who moved.")
    return found
