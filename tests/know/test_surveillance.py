"""Daily surveillance: how many alarms chance gives, what is seen, and how signals become alarms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numba
import numpy as np
import pytest

from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.know.scan import Design, scan
from cityward.know.surveillance import (
    WEEKDAY_CASES,
    Lookout,
    Signal,
    Watch,
    false_alarms_per_year,
    join,
    look,
    study_of,
    threshold_days,
)

FIRST = date(2024, 1, 1)
AREAS, DAYS = 25, 120
LON = np.repeat(np.arange(5), 5) * 0.02 - 87.7
LAT = np.tile(np.arange(5), 5) * 0.015 + 41.8
NAMES = [f"area {at}" for at in range(AREAS)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small scans: threads would mostly wait for each other."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)


def chance(seed: int, days: int, mean: float = 0.1) -> np.ndarray:
    return rng(seed, "surveillance").poisson(mean, (days, AREAS)).astype(np.int64)


def replayed(counts: np.ndarray, watch: Watch, days: range) -> list[Signal]:
    lookout = Lookout("pipes", NAMES, LON, LAT, watch)
    found: list[Signal] = []
    for day in days:
        found += lookout.signals(FIRST + timedelta(days=day), counts[day + 1 - DAYS : day + 1]) or []
    return found


def test_chance_alone_gives_no_more_signals_than_promised():
    """300 independent days at a threshold of 20 days: 15 expected; 28 would come once in 1,000 times."""
    watch = Watch(min_recurrence_days=20, max_days=7, seed=1)
    lookouts = (Lookout(f"service {at}", NAMES, LON, LAT, watch) for at in range(300))
    days = sum(bool(lookout.signals(FIRST, chance(at, DAYS))) for at, lookout in enumerate(lookouts))
    assert 3 <= days <= 28


def test_day_after_day_chance_keeps_its_promise_too():
    """The yardstick of earlier days skips replicates, not signals: still at most 1 in 20."""
    days = range(DAYS, DAYS + 200)
    signals = replayed(chance(7, days.stop), Watch(min_recurrence_days=20, max_days=3, seed=1), days)
    assert len({signal.day for signal in signals}) <= 22


def test_an_outbreak_is_seen_where_and_when_it_is():
    counts = chance(3, DAYS + 20)
    counts[DAYS + 10 : DAYS + 13, [12, 13]] += 3
    signals = replayed(counts, Watch(min_recurrence_days=365, max_days=14, seed=1), range(DAYS, DAYS + 16))
    alarm = join(signals)[0]
    assert FIRST + timedelta(days=DAYS + 10) <= alarm.begins <= FIRST + timedelta(days=DAYS + 12)
    assert {"area 12", "area 13"} <= set(alarm.strongest.territories)
    assert alarm.strongest.recurrence_days > 10_000
    assert alarm.strongest.extrapolated
    assert alarm.first.starts == FIRST + timedelta(days=DAYS + 10)


def test_skipping_quiet_days_changes_no_signal(monkeypatch: pytest.MonkeyPatch):
    counts = chance(4, DAYS + 40)
    counts[DAYS + 20 : DAYS + 22, 5] += 4
    watch = Watch(min_recurrence_days=30, max_days=7, seed=2)
    quick = replayed(counts, watch, range(DAYS, DAYS + 40))
    monkeypatch.setattr(Lookout, "_is_quiet", lambda *_: False)
    assert replayed(counts, watch, range(DAYS, DAYS + 40)) == quick
    assert quick


def test_the_same_seed_gives_the_same_signals():
    counts = chance(5, DAYS)
    counts[-1, 3] += 5
    watch = Watch(min_recurrence_days=50, max_days=7, seed=3)
    assert replayed(counts, watch, range(DAYS - 1, DAYS)) == replayed(counts, watch, range(DAYS - 1, DAYS)) != []


def test_a_threshold_beyond_the_replicates_is_told_by_the_tail():
    counts = chance(6, DAYS)
    counts[-2:, 8] += 8
    watch = Watch(min_recurrence_days=36_500, max_days=7, replicates=199, seed=1)
    (signal, *_) = replayed(counts, watch, range(DAYS - 1, DAYS))
    assert signal.extrapolated
    assert signal.recurrence_days > 36_500
    assert replayed(chance(6, DAYS), watch, range(DAYS - 1, DAYS)) == []


def test_weekdays_of_areas_are_no_news():
    """One half reports on weekdays only, the other at weekends: by weekday there is nothing to find on a Sunday."""
    weekday = np.array([day.weekday() for day in (FIRST + timedelta(days=at) for at in range(DAYS))])
    mean = np.where((weekday >= 5)[:, None] == (np.arange(AREAS) < 12)[None, :], 1.5, 0.1)
    counts = rng(8, "weekdays").poisson(mean).astype(np.int64)
    assert counts.sum() > WEEKDAY_CASES
    sunday = max(at for at in range(DAYS) if weekday[at] == 6) + 1
    begin = sunday - 112
    study = study_of(counts[begin:sunday], LON, LAT)
    assert study.cases.shape[0] == 7
    assert (study.cases.sum(axis=0) == counts[begin:sunday]).all()
    assert ((study.cases.sum(axis=2) > 0).sum(axis=0) <= 1).all()
    design = Design(max_intervals=2, replicates=99)
    adjusted = scan(study, design, rng(1)).clusters[0].p_value
    plain = scan(type(study)(LON, LAT, counts[None, begin:sunday]), design, rng(1)).clusters[0].p_value
    assert plain == pytest.approx(0.01)
    assert adjusted > 0.05


def test_few_cases_are_not_split_by_weekday():
    assert study_of(chance(9, DAYS, 0.05), LON, LAT).cases.shape[0] == 1


@pytest.mark.parametrize("mean", [0.05, 1.0])
def test_a_look_is_the_scan_without_replicates(mean: float):
    study = study_of(chance(10, DAYS, mean), LON, LAT)
    design = Design(max_intervals=14, replicates=0)
    told = scan(study, design, rng(1)).clusters
    found = look(study, design)
    assert [(one.members, one.first) for one in found] == [(one.members, one.first) for one in told]
    np.testing.assert_allclose([one.statistic for one in found], [one.statistic for one in told])


def test_too_few_cases_are_not_scanned():
    counts = np.zeros((DAYS, AREAS), dtype=np.int64)
    assert Lookout("pipes", NAMES, LON, LAT, Watch(min_recurrence_days=100)).signals(FIRST, counts) is None
    counts[-1, 4] = 3
    assert Lookout("pipes", NAMES, LON, LAT, Watch(min_recurrence_days=100)).signals(FIRST, counts) is None


def signal(day: int, places: str, service: str = "pipes", recurrence: float = 100.0) -> Signal:
    return Signal(
        service=service,
        day=FIRST + timedelta(days=day),
        territories=tuple(places),
        starts=FIRST,
        observed=5,
        expected=1.0,
        statistic=recurrence / 100,
        recurrence_days=recurrence,
        extrapolated=False,
        one_day_share=0.5,
    )


def test_signals_that_share_places_are_one_alarm():
    alarms = join([signal(0, "ab"), signal(1, "bc", recurrence=900), signal(3, "cd"), signal(3, "x")])
    assert [(alarm.begins.day, alarm.last.day, alarm.days) for alarm in alarms] == [(1, 4, 3), (4, 4, 1)]
    assert alarms[0].first.territories == ("a", "b")
    assert alarms[0].strongest.territories == ("b", "c")


def test_a_cluster_that_splits_stays_one_alarm():
    (alarm,) = join([signal(0, "abcd"), signal(1, "ab"), signal(1, "cd"), signal(2, "d")])
    assert alarm.days == 3


def test_other_places_other_services_and_long_silence_begin_anew():
    assert len(join([signal(0, "a"), signal(1, "b")])) == 2
    assert len(join([signal(0, "a"), signal(1, "a", "lights")])) == 2
    assert len(join([signal(0, "a"), signal(7, "a")])) == 1
    assert len(join([signal(0, "a"), signal(8, "a")])) == 2


def test_the_order_of_signals_does_not_matter():
    given = [signal(0, "ab"), signal(0, "cd", recurrence=300), signal(2, "bc", recurrence=250), signal(4, "e")]
    assert join(given) == join(given[::-1])


def test_thresholds_and_alarms_a_year_are_each_others_inverse():
    assert threshold_days(9, 6) == pytest.approx(547.5)
    assert false_alarms_per_year(9, threshold_days(9, 6)) == pytest.approx(6)


@pytest.mark.parametrize("limit", [100, 365, 1000, 547.5])
def test_the_chance_of_a_signal_is_at_most_what_the_threshold_says(limit: float):
    watch = Watch(min_recurrence_days=limit)
    assert 0 < watch.chance <= 1 / limit
    assert 2 <= watch.stop_first <= 99


@pytest.mark.parametrize("rate", [0, -1, 400, float("nan"), float("inf")])
def test_alarms_a_year_that_cannot_be_held_are_refused(rate: float):
    with pytest.raises(UserError, match="cannot be held"):
        threshold_days(2, rate)


@pytest.mark.parametrize("limit", [0, 1, -5, float("nan"), float("inf")])
def test_a_threshold_that_is_none_is_refused(limit: float):
    with pytest.raises(UserError, match="threshold"):
        Watch(min_recurrence_days=limit)


def test_too_few_replicates_are_refused():
    with pytest.raises(UserError, match="replicates"):
        Watch(min_recurrence_days=100, replicates=20)
