"""A scan as one would do it by hand: slow, in plain Python, from rows to clusters; shares no code with the engine.

Windows are tried one by one, in the order and with the conventions of the reference program: places by
distance, then by coordinates; a centre keeps its first strongest window; clusters come by statistic, then by
the number of their places, then by their centre, and share no place.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Any


@dataclass
class Rows:
    """What the files say: cases (and controls) as (place, count, day, category), places as id: (x, y)."""

    places: dict[str, tuple[float, float]]
    cases: list[tuple[str, int, date, str]]
    start: date
    end: date
    controls: list[tuple[str, int, date]] = field(default_factory=list)
    people: list[tuple[str, date, float, str]] = field(default_factory=list)
    sphere: bool = False


@dataclass
class Window:
    statistic: float
    members: tuple[str, ...]
    first: date
    last: date
    observed: int
    expected: float
    high: bool


def days_of(rows: Rows) -> list[date]:
    return [rows.start + timedelta(days=at) for at in range((rows.end - rows.start).days + 1)]


def distance(one: tuple[float, float], other: tuple[float, float], sphere: bool) -> float:
    if not sphere:
        return math.hypot(one[0] - other[0], one[1] - other[1])
    (lon, lat), (east, north) = (map(math.radians, point) for point in (one, other))
    half = math.sin((north - lat) / 2) ** 2 + math.cos(lat) * math.cos(north) * math.sin((east - lon) / 2) ** 2
    return 2 * 6367 * math.asin(math.sqrt(half))


def sites(rows: Rows) -> list[tuple[tuple[float, float], list[str]]]:
    """Points with their identifiers, in the order of their first identifier."""
    at: dict[tuple[float, float], list[str]] = defaultdict(list)
    for name in sorted(rows.places):
        at[rows.places[name]].append(name)
    return sorted(at.items(), key=lambda site: site[1][0])


def person_days(rows: Rows, category: str, place: str, day: date) -> float:
    """People on a day: on the line between the counts around it, at noon; a count not given is of nobody."""
    counted = sorted({when for _, when, _, _ in rows.people})
    number = dict.fromkeys(counted, 0.0)
    for name, when, amount, kind in rows.people:
        if name == place and kind == category:
            number[when] += amount
    noon = day.toordinal() + 0.5
    if noon <= counted[0].toordinal():
        return number[counted[0]]
    for early, late in pairwise(counted):
        if early.toordinal() <= noon <= late.toordinal():
            share = (noon - early.toordinal()) / (late - early).days
            return number[early] * (1 - share) + number[late] * share
    return number[counted[-1]]


def sizes(rows: Rows, model: str, weekday: bool) -> dict[tuple[str, date], float]:  # noqa: C901, PLR0912
    """Expected cases by location and day; people when the model is Bernoulli."""
    days, names = days_of(rows), list(rows.places)
    inside = [(name, n, day, kind) for name, n, day, kind in rows.cases if name in rows.places and day in days]
    found: dict[tuple[str, date], float] = defaultdict(float)
    if model == "bernoulli":
        for name, n, day in [row[:3] for row in inside] + [c for c in rows.controls if c[0] in names and c[2] in days]:
            found[name, day] += n
    elif model == "poisson":
        for kind in {kind for *_, kind in rows.people}:
            risk_days = {(name, day): person_days(rows, kind, name, day) for name in names for day in days}
            ill = sum(n for _, n, _, own in inside if own == kind)
            for cell, amount in risk_days.items():
                found[cell] += ill * amount / sum(risk_days.values())
        if weekday:
            for which in range(7):
                cells = [cell for cell in found if cell[1].weekday() == which]
                had = sum(n for _, n, day, _ in inside if day.weekday() == which)
                whole = sum(found[cell] for cell in cells)
                for cell in cells:
                    found[cell] *= had / whole
    else:
        strata: dict[object, list[tuple[str, int, date]]] = defaultdict(list)
        for name, n, day, kind in inside:
            strata[kind, day.weekday() if weekday else 0].append((name, n, day))
        for members in strata.values():
            total, of_place, of_day = 0, defaultdict(int), defaultdict(int)
            for name, n, day in members:
                total, of_place[name], of_day[day] = total + n, of_place[name] + n, of_day[day] + n
            for name, one in of_place.items():
                for day, other in of_day.items():
                    found[name, day] += one * other / total if total else 0
    return found


def ratio(model: str, cases: float, size: float, total: float, people: float) -> float:
    def part(count: float, expected: float) -> float:
        return count * math.log(count / expected) if count > 0 else 0.0

    rest = (people if model == "bernoulli" else total) - size
    if size <= 1e-12 or rest <= 1e-9:
        return 0.0
    if model != "bernoulli":
        return part(cases, size) + part(total - cases, rest)
    got = part(cases, size) + part(size - cases, size) + part(total - cases, rest) + part(rest - total + cases, rest)
    return got - part(total, people) - part(people - total, people)


def spans(rows: Rows, shape: str, every: int, max_days: int | None) -> list[tuple[date, date]]:
    """First and last day of each window in time, the shortest first."""
    days = days_of(rows)
    if shape == "spatial":
        return [(rows.start, rows.end)]
    starts = sorted(rows.start if at < 0 else days[at] for at in range(len(days) - every, -every, -every))
    ends = [day - timedelta(days=1) for day in starts[1:]] + [rows.end]
    longest = max((max_days or len(days) // 2) // every, 1)
    found = []
    for length in range(1, min(longest, len(starts)) + 1):
        last = len(starts) - length
        begins = [last] if shape.endswith("prospective") else range(last + 1)
        found += [(starts[at], ends[at + length - 1]) for at in begins]
    return found


def up_to(table: Any, names: list[str], days: list[date]) -> dict[date, float]:
    """Sum of some locations up to each day, and 0 on the day before the first."""
    sums = accumulate([0.0, *(sum(table[name, day] for name in names) for day in days)])
    return dict(zip([days[0] - timedelta(days=1), *days], sums, strict=True))


def by_hand(  # noqa: C901
    rows: Rows,
    model: str,
    shape: str,
    *,
    rates: str = "high",
    max_share: float = 0.5,
    max_km: float | None = None,
    max_days: int | None = None,
    every: int = 1,
    min_cases: int = 2,
    weekday: bool = False,
) -> list[Window]:
    days, where = days_of(rows), sites(rows)
    if shape.startswith("temporal"):
        where, max_share, max_km = [((0.0, 0.0), sorted(rows.places))], 1.0, None
    expected, counted = sizes(rows, model, weekday), defaultdict(int)
    for name, n, day, _ in rows.cases:
        if name in rows.places and day in days:
            counted[name, day] += n
    total, people = float(sum(counted.values())), float(sum(expected.values()))
    weigh = counted if model == "space-time-permutation" else expected
    limit = max_share * sum(weigh.values()) * (1 + 1e-12)
    weights = [sum(weigh[name, day] for name in names for day in days) for _, names in where]
    cumulated = [(up_to(counted, names, days), up_to(expected, names, days)) for _, names in where]
    best: list[tuple[float, int, int, tuple[int, ...], tuple[date, date], int, float, bool]] = []
    for centre, (point, _) in enumerate(where):
        order = sorted(
            range(len(where)),
            key=lambda at: (round(distance(point, where[at][0], rows.sphere), 9), where[at][0]),
        )
        strongest = None
        weight = 0.0
        for taken, last_in in enumerate(order, start=1):
            weight += weights[last_in]
            if weight > limit or (
                max_km is not None and distance(point, where[last_in][0], rows.sphere) > max_km + 1e-9
            ):
                break
            inside = order[:taken]
            for first, last in spans(rows, shape, every, max_days):
                before = first - timedelta(days=1)
                cases = round(sum(cumulated[at][0][last] - cumulated[at][0][before] for at in inside))
                size = sum(cumulated[at][1][last] - cumulated[at][1][before] for at in inside)
                usual = size * total / people if model == "bernoulli" else size
                high, low = cases > usual + 1e-12, cases < usual - 1e-12
                if (high and (rates == "low" or cases < min_cases)) or (low and rates == "high") or not (high or low):
                    continue
                statistic = ratio(model, cases, size, total, people)
                if strongest is None or statistic > strongest[0] + 1e-10:
                    strongest = (statistic, taken, centre, tuple(inside), (first, last), cases, usual, high)
        if strongest and strongest[0] > 1e-12:
            best.append(strongest)
    chosen: list[Window] = []
    used: set[int] = set()
    for statistic, _, _, inside, (first, last), cases, usual, high in sorted(
        best, key=lambda one: (-round(one[0], 9), one[1], one[2])
    ):
        if not used & set(inside):
            used |= set(inside)
            names = tuple(name for at in inside for name in where[at][1])
            chosen.append(Window(statistic, names, first, last, cases, usual, high))
    return chosen
