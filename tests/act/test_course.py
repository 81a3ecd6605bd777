"""How past surges faded: found without looking ahead, and shared out right."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cityward.act.counterfactual import alike, left
from cityward.act.course import (
    HORIZON_DAYS,
    STRONG,
    Daily,
    Surges,
    daily,
    log_likelihood_ratio,
    neighbour_groups,
    past_surges,
)
from cityward.core.clock import rng
from cityward.core.frames import CUBE
from cityward.know.scan import Design, Study, scan

FIRST = date(2012, 1, 2)
AREAS, DAYS = 12, 800
LON, LAT = np.arange(AREAS) % 4 / 100, np.arange(AREAS) // 4 / 100
GROUPS = neighbour_groups(LON, LAT)


def quiet(seed: int = 1, rate: float = 0.4) -> Daily:
    """Two services, no surge."""
    counts = rng(seed, "quiet").poisson(rate, size=(2, DAYS, AREAS))
    return Daily(("A", "B"), tuple(str(at) for at in range(AREAS)), FIRST, counts.astype(np.int64))


def with_surge(known: Daily, day: int, areas: list[int], size: int, kept: float, length: int = 14) -> Daily:
    """``size`` more a day for ``length`` days up to ``day``, of which ``kept`` goes on for four weeks."""
    counts = known.counts.copy()
    counts[0, day - length + 1 : day + 1, areas] += size
    goes_on = (np.arange(HORIZON_DAYS) * kept % 1 < kept) * size
    counts[0, day + 1 : day + 1 + HORIZON_DAYS, areas] += goes_on
    return Daily(known.services, known.territories, known.first, counts)


def test_the_cube_becomes_an_array_with_its_empty_days() -> None:
    rows = [("B", "1", FIRST, 5, 3), ("A", "2", FIRST + timedelta(days=2), 1, 1), ("A", "9", FIRST, 1, 1)]
    cube = pl.DataFrame(rows, schema=CUBE, orient="row")
    known = daily(cube, ["1", "2"], until=FIRST + timedelta(days=4))
    assert known.services == ("A", "B")
    assert known.days == 5
    assert known.of("B")[0].tolist() == [3, 0]
    assert known.of("A")[2].tolist() == [0, 1]
    assert known.of("all services").sum() == 4
    assert known.of("C").sum() == 0
    assert known.members(["2", "9"]) == [1]
    assert daily(cube.clear(), ["1"], until=FIRST).days == 1


def test_the_statistic_is_that_of_the_scan() -> None:
    """Chicago's Clearing: 34 against 4.4 among 1,170 (docs/how-needs-are-found.md)."""
    found = log_likelihood_ratio(np.array([34.0]), np.array([52 * 98 / 1170]), np.array([1170.0]))
    assert found[0] == pytest.approx(40.6, abs=0.3)
    counts = quiet().counts[:1, -365:].copy()
    counts[0, -7:, 5] += 3
    cluster = scan(Study(LON, LAT, counts), Design(max_intervals=28, replicates=99), rng(1)).clusters[0]
    inside = counts[0, cluster.first :, list(cluster.members)].sum()
    total = float(counts.sum())
    assert cluster.statistic == pytest.approx(
        float(log_likelihood_ratio(np.array(float(inside)), np.array(cluster.expected), np.array(total)))
    )


def test_groups_are_areas_with_their_neighbours_up_to_half_of_the_city() -> None:
    sizes = set(GROUPS.sum(axis=1).tolist())
    assert sizes == {1, 2, 3, 5}
    assert (GROUPS.sum(axis=1) == 1).sum() == AREAS
    assert neighbour_groups(np.zeros(1), np.zeros(1)).tolist() == [[True]]


def test_chance_alone_gives_hardly_a_surge_and_a_planted_one_is_found() -> None:
    assert past_surges(quiet(), GROUPS, until=DAYS - 1).size <= 2
    known = with_surge(quiet(), 520, [5, 6], 2, 0.5)
    found = past_surges(known, GROUPS, until=DAYS - 1)
    near = found.only((np.abs(found.day - 520) <= 14) & (found.service == 0))
    assert near.size >= 1
    assert near.strength.min() >= STRONG
    assert GROUPS[near.group[0]][[5, 6]].any()


def test_nothing_is_known_of_days_that_had_not_come() -> None:
    known = with_surge(with_surge(quiet(), 420, [1, 2], 2, 0.5), 600, [9], 3, 0.5)
    early, late = past_surges(known, GROUPS, until=500), past_surges(known, GROUPS, until=DAYS - 1)
    assert early.size < late.size
    for name in ("day", "group", "observed", "after", "after_expected"):
        assert np.array_equal(getattr(late.by(500), name), getattr(early, name))
    assert (early.day + HORIZON_DAYS <= 500).all()
    changed = known.counts.copy()
    changed[:, 501:] = 99
    again = past_surges(Daily(known.services, known.territories, FIRST, changed), GROUPS, until=500)
    assert np.array_equal(again.after, early.after)


def followed(kept: np.ndarray, seed: int = 1) -> Surges:
    """Surges of two weeks, 30 above 10, of each of which a share of the excess goes on."""
    size, days = kept.size, np.arange(1, HORIZON_DAYS + 1)
    usual = np.tile(10 / 14 * days, (size, 1))
    after = rng(seed, "followed").poisson(10 / 14 + 30 / 14 * kept[:, None], (size, HORIZON_DAYS)).cumsum(axis=1)
    same = {name: np.full(size, value) for name, value in (("service", 0), ("group", 0), ("length_days", 14))}
    same |= {name: np.full(size, value) for name, value in (("observed", 40.0), ("expected", 10.0), ("strength", 20.0))}
    return Surges(day=np.arange(size), after=after.astype(float), after_expected=usual, **same)


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_what_is_left_is_what_was_planted(kept: float) -> None:
    surges = followed(np.full(80, kept))
    for first, last in ((1, 14), (15, 28), (1, 28)):
        drawn = left(surges, first, last, rng(1))
        assert drawn.mean() == pytest.approx(kept, abs=0.06)
        assert drawn.min() >= 0


def test_surges_that_differ_give_a_wide_answer_and_chance_alone_does_not() -> None:
    """What small counts add by chance is taken off: it comes again when the future is drawn."""
    alike_ones = left(followed(np.full(200, 0.5)), 1, 28, rng(1))
    mixed = left(followed(rng(2).gamma(1, 0.5, 200)), 1, 28, rng(1))
    assert alike_ones.std() < 0.15
    assert mixed.std() == pytest.approx(0.5, abs=0.12)


def test_short_surges_are_compared_with_short_ones() -> None:
    surges = followed(np.full(4, 0.5))
    assert alike(surges, 8).size == 4
    assert alike(surges, 7).size == 0


@pytest.mark.parametrize("counts", [np.zeros((1, 400, 3)), np.zeros((0, 400, 3)), np.ones((1, 5, 3))])
def test_an_empty_or_short_history_has_no_surges(counts: np.ndarray) -> None:
    names = ("A",)[: counts.shape[0]]
    known = Daily(names, ("1", "2", "3"), FIRST, counts.astype(np.int64))
    groups = neighbour_groups(np.arange(3.0), np.zeros(3))
    assert past_surges(known, groups, until=known.days - 1).size == 0
