"""Outcomes on Chicago's history, in which nobody acted: how often an effect is told that was not there, how often a
planted one is found, and how often the intervals hold what came.

Placebos are of two kinds: surges as the scan finds them (what needs are), and areas and days drawn by chance.
A reduction is planted by taking each report after the action away with a probability of 25 or 50 %.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from cityward.act.counterfactual import Case, fading, going_on, wander
from cityward.act.course import HORIZON_DAYS, Daily, Surges, daily, neighbour_groups, past_surges
from cityward.act.outcome import FEWER, MORE, judge
from cityward.city.city import open_city
from cityward.city.demo import _fill, _sense
from cityward.city.turn import HISTORY_COLUMNS, tell_apart
from cityward.core.clock import rng
from cityward.core.frames import CUBE
from cityward.know.cube import cube
from measure import CHICAGO

SEED = 20140630
DRAWN = 400
PHASES = range(7)
PLANTED = (0.25, 0.5)
FALSE_MAX, COVERAGE_MIN = 5.0, 85.0
ENOUGH = 50.0
FIRST_ACTION = 500
"""Earlier there are too few past surges to compare with."""


def chicago(folder: Path) -> tuple[Daily, np.ndarray]:
    """Daily incidents of the whole history, and groups of neighbouring areas."""
    city = _fill(folder, CHICAGO, None, lambda _: None)
    _sense(city, CHICAGO, lambda _: None)
    city.close()
    with open_city(folder) as city:
        history = city.read("cityward-turn", "incident-recognition").frame(HISTORY_COLUMNS)
        history = history.with_columns(day=pl.col("occurred_at").dt.convert_time_zone(city.time_zone).dt.date())
        collapsed, _ = tell_apart(history, city.settings)
        index = city.level(None)[0]
    counts = cube(collapsed.filter(pl.col("territory").is_not_null())).cast(dict(CUBE))
    last = counts["day"].max()
    return daily(counts, index.ids, until=last), neighbour_groups(index.centroids[:, 0], index.centroids[:, 1])


def case(known: Daily, groups: np.ndarray, service: int, group: int, action: int, length: int) -> Case:
    """A need of ``length`` days that is acted upon at the end of day ``action``."""
    counts = known.counts[service]
    inside = counts[:, groups[group]].sum(axis=1)
    stray = wander(counts, groups, int(groups[group].sum()), action)
    weekday = known.first.weekday()
    return Case(inside, counts.sum(axis=1) - inside, action - length + 1, action, HORIZON_DAYS, weekday, stray)


def surge_placebos(known: Daily, groups: np.ndarray) -> list[Case]:
    """Every surge of the history, from looks on each day of the week."""
    found = []
    for phase in PHASES:
        shifted = replace(known, counts=known.counts[:, phase:])
        surges = past_surges(shifted, groups, until=shifted.days - 1)
        for at in np.flatnonzero(surges.day + phase >= FIRST_ACTION):
            where = int(surges.service[at]), int(surges.group[at]), int(surges.day[at]) + phase
            found.append(case(known, groups, *where, int(surges.length_days[at])))
    return found


def drawn_placebos(known: Daily, groups: np.ndarray, amount: int) -> list[Case]:
    """Areas, days and lengths by chance."""
    random = rng(SEED, "placebo")
    busy = np.flatnonzero(known.counts.sum(axis=(1, 2)) > 1_000)
    return [
        case(
            known,
            groups,
            int(random.choice(busy)),
            int(random.integers(len(groups))),
            int(random.integers(FIRST_ACTION, known.days - HORIZON_DAYS)),
            int(random.integers(3, 29)),
        )
        for _ in range(amount)
    ]


def judged(cases: list[Case], surges: Surges, reduced: float = 0.0) -> dict[str, np.ndarray]:
    """Verdict, the two counterfactuals' own verdicts, and what was expected, of each case."""
    rows = []
    for number, one in enumerate(cases):
        random = rng(SEED, "bench", number)
        going, faded = going_on(one, random)[0], fading(one, surges.by(one.action), random)
        if faded is None:
            continue
        count = int(random.binomial(int(one.inside[one.after].sum()), 1 - reduced))
        verdict = judge(count, going, faded[0])
        rows.append(
            (
                verdict == FEWER,
                verdict == MORE,
                count < going.low,
                going.low <= count <= going.high,
                faded[0].low <= count <= faded[0].high,
                faded[0].mean >= ENOUGH,
            )
        )
    names = ("fewer", "more", "fewer than going on", "inside going on", "inside fading", "enough")
    return dict(zip(names, np.array(rows).T, strict=True))


def main(drawn: int = DRAWN) -> dict[str, object]:
    """Return percentages, and seconds of one outcome."""
    with tempfile.TemporaryDirectory() as folder:
        known, groups = chicago(Path(folder) / "city")
    surges = past_surges(known, groups, until=known.days - 1)
    found, chance = surge_placebos(known, groups), drawn_placebos(known, groups, drawn)
    began = time.process_time()
    selected, random = judged(found, surges), judged(chance, surges)
    seconds = (time.process_time() - began) / (len(found) + len(chance))
    figures: dict[str, object] = {
        "outcome: surges nobody acted on": (float(selected["fewer"].size), ""),
        "outcome: 'fewer' told of them, %": (100 * selected["fewer"].mean(), f"≤ {FALSE_MAX}"),
        "outcome: 'more' told of them, %": (100 * selected["more"].mean(), f"≤ {FALSE_MAX}"),
        "outcome: 'fewer' by the days before alone, %": (100 * selected["fewer than going on"].mean(), ""),
        "outcome: 90 % interval of fading holds, %": (100 * selected["inside fading"].mean(), ""),
        "outcome: 'fewer' told of drawn areas, %": (100 * random["fewer"].mean(), f"≤ {FALSE_MAX}"),
        "outcome: 'more' told of drawn areas, %": (100 * random["more"].mean(), f"≤ {FALSE_MAX}"),
        "outcome: 90 % interval of going on holds, drawn areas, %": (
            100 * random["inside going on"].mean(),
            f"≥ {COVERAGE_MIN}",
        ),
        "outcome: 90 % interval of fading holds, drawn areas, %": (
            100 * random["inside fading"].mean(),
            f"≥ {COVERAGE_MIN}",
        ),
    }
    for share in PLANTED:
        planted = judged(found, surges, share)
        figures[f"outcome: {share:.0%} fewer planted, found, %"] = (100 * planted["fewer"].mean(), "")
        large = planted["fewer"][planted["enough"].astype(bool)]
        figures[f"outcome: {share:.0%} planted, {ENOUGH:.0f} or more expected, found, %"] = (100 * large.mean(), "")
    figures["outcome: CPU seconds of one"] = (seconds, "")
    return figures


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=1, ensure_ascii=False))
