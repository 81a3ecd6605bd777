"""Many cities side by side, from nothing but their published figures and the noise that these state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from cityward.core import words
from cityward.core.clock import rng
from cityward.equitable.divide.ranking import half_width, rank

CAVEAT: Final = "More reports are not more need: how readily residents report differs between cities, and is not in it."


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A published total of one city: what it answers, its value, and the standard deviation of its noise.

    ``cells`` figures were added; ``suppressed`` ones are in no sum.
    """

    city: str
    question: str
    value: float
    error: float
    cells: int
    suppressed: int
    release: str
    source: str


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A city in one table. ``rate`` is per 1,000 people where their number is given; limits are of the noise alone."""

    city: str
    value: float
    low: float
    high: float
    people: float | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    rank_low: int | None
    rank_high: int | None
    tier: int | None
    cells: int
    suppressed: int
    release: str
    source: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Cities that answer one question, the highest first; places of one tier are not ordered."""

    question: str
    by: str
    says: str
    ordered_share: float | None
    cities: tuple[Beside, ...]


class Nation(msgspec.Struct, frozen=True, kw_only=True):
    """All tables."""

    finding: str
    level: float
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def side_by_side(
    figures: Sequence[Published], people: Mapping[str, float], notes: Sequence[str] = (), *, level: float = 0.95
) -> Nation:
    """Put figures of equal questions beside each other; only where errors allow it is one said to be higher.

    Parameters
    ----------
    figures : sequence of Published
    people : mapping of str to float
        People of each city, where known; rates are compared only if all are.
    notes : sequence of str
        What was said while reading.
    level : float
        Joint level of ranks, and of each interval.
    """
    best: dict[tuple[str, str], Published] = {}
    for one in figures:
        key = (one.question, one.city)
        if key not in best or one.error < best[key].error:
            best[key] = one
    if len(best) < len(figures):
        notes = [*notes, "Of releases of one city that answer one question the one with least noise counts."]
    by_question: dict[str, list[Published]] = {}
    for one in best.values():
        by_question.setdefault(one.question, []).append(one)
    tables = [_table(question, some, people, level) for question, some in by_question.items()]
    tables.sort(key=lambda table: (-len(table.cities), table.question))
    alone = sum(len(table.cities) == 1 for table in tables)
    finding = tables[0].says if tables else "No release was found, so nothing can be put side by side."
    more = [f"{alone:,} questions are answered by one city alone."] if alone and alone < len(tables) else []
    return Nation(finding=finding, level=level, tables=tuple(tables), notes=(*notes, *more, CAVEAT))


def _table(question: str, figures: Sequence[Published], people: Mapping[str, float], level: float) -> Table:
    width = half_width(level)
    rated = all(people.get(one.city) for one in figures)
    scale = np.array([1000 / people[one.city] if rated else 1.0 for one in figures])
    values = np.array([one.value for one in figures]) * scale
    errors = np.array([one.error for one in figures]) * scale
    several = len(figures) > 1
    ranked = rank(values, errors, level=level, random=rng(1, "nation", question)) if several else None
    cities = []
    for at in np.argsort(-values, kind="stable"):
        one, crowd = figures[at], people.get(figures[at].city)
        cities.append(
            Beside(
                city=one.city,
                value=one.value,
                low=max(one.value - width * one.error, 0.0),
                high=one.value + width * one.error,
                people=crowd,
                rate=1000 * one.value / crowd if crowd else None,
                rate_low=1000 * max(one.value - width * one.error, 0.0) / crowd if crowd else None,
                rate_high=1000 * (one.value + width * one.error) / crowd if crowd else None,
                rank_low=int(ranked.low[at]) if ranked else None,
                rank_high=int(ranked.high[at]) if ranked else None,
                tier=int(ranked.tier[at]) if ranked else None,
                cells=one.cells,
                suppressed=one.suppressed,
                release=one.release,
                source=one.source,
            )
        )
    by = "per 1,000 people" if rated else "as counted, for people are not known of all"
    return Table(
        question=question,
        by=by,
        says=_says(question, cities, by, None if ranked is None else ranked.ordered_share),
        ordered_share=ranked.ordered_share if ranked else None,
        cities=tuple(cities),
    )


def _says(question: str, cities: Sequence[Beside], by: str, ordered_share: float | None) -> str:
    if ordered_share is None:
        return f"{question}: {cities[0].city} alone answers it, so there is nothing to put beside it."
    top = [one.city for one in cities if one.tier == 1]
    if len(top) == len(cities):
        return f"{question}: which of {len(cities):,} cities has more cannot be told through the noise ({by})."
    led = f"{top[0]} has most" if len(top) == 1 else f"{', '.join(top[:5])} cannot be ordered at the top"
    return f"{question}: {led}; {words.percent(ordered_share)} of all pairs can be ordered through the noise ({by})."
