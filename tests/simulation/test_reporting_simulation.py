"""Cities with planted readiness: intervals hold what they promise, and no gap is found where none is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cityward.core.records import Territory
from cityward.equitable.reporting import Reporting, corrected, expose, fit

PLACES = 60
EDGES_DAYS = (0, 1, 2, 4, 8, 15, 31, 101)
PER_DAY = (0.08, 0.03, 0.02, 0.012, 0.008, 0.006, 0.003)
"""Further reports come on the first day above all."""
SERVICES = np.array(["bins", "lights", "trees"])
LEVELS = np.array([0.6, 1.0, 1.8])
DAY_US = 86_400_000_000


def places(rng: np.random.Generator, number: int = PLACES) -> list[Territory]:
    people = rng.integers(5_000, 80_000, number)
    return [
        Territory(
            id=str(at),
            name=f"Place {at}",
            level="area",
            population=float(people[at]),
            households=float(people[at] / rng.uniform(1.8, 3.2)),
            internet_share=float(rng.uniform(0.5, 0.95)),
            income=float(np.exp(rng.normal(10.8, 0.4))),
        )
        for at in range(number)
    ]


def internet(city: list[Territory]) -> np.ndarray:
    share = np.array([place.internet_share for place in city])
    return (share - share.mean()) / share.std()


def reports(
    rng: np.random.Generator,
    readiness: np.ndarray,
    *,
    life_days: np.ndarray,
    clustering: float = 2.0,
    cases: tuple[int, int] = (50, 500),
    first_day: np.ndarray | None = None,
    by_day: bool = False,
) -> pl.DataFrame:
    """Reports of incidents: a gamma factor each, a life of its own, and further reports while it is open."""
    place = np.repeat(np.arange(len(readiness)), rng.integers(*cases, len(readiness)))
    service = rng.integers(0, 3, place.size)
    life = rng.gamma(0.7, life_days[place] / 0.7)
    factor = LEVELS[service] * readiness[place] * (rng.gamma(1 / clustering, clustering, place.size))
    who, ages = [], []
    for at, per_day in enumerate(PER_DAY):
        width = np.clip(life - EDGES_DAYS[at], 0, EDGES_DAYS[at + 1] - EDGES_DAYS[at])
        more = first_day[place] if first_day is not None and at == 0 else 1.0
        again = np.repeat(np.arange(place.size), rng.poisson(factor * per_day * more * width))
        who.append(again)
        ages.append(EDGES_DAYS[at] + rng.random(again.size) * width[again])
    again, age = np.concatenate(who), np.concatenate(ages)
    start = rng.uniform(0, 1000, place.size)
    if by_day:
        start, life, age = np.floor(start), np.floor(life), np.floor(age)
    incident = np.r_[np.arange(place.size), again]
    times = np.r_[start, start[again] + age]
    stamps = {"occurred_at": np.floor(times * DAY_US), "closed_at": np.ceil((start + life)[incident] * DAY_US)}
    return pl.DataFrame(
        {"incident": incident, "service": SERVICES[service[incident]], "territory": place[incident].astype(str)}
        | {name: pl.Series(value.astype(np.int64)).cast(pl.Datetime("us", "UTC")) for name, value in stamps.items()}
    )


def judge(frame: pl.DataFrame, city: list[Territory], *, only_internet: bool = False) -> Reporting:
    covariates = {"internet": internet(city)} if only_internet else None
    return fit(expose(frame, city), city, covariates=covariates, draws=400)


def inside(found: Reporting, readiness: np.ndarray) -> np.ndarray:
    truth = readiness / readiness.mean()
    return (found.territories["low"].to_numpy() <= truth) & (truth <= found.territories["high"].to_numpy())


# Spread of log readiness, gap per deviation of internet, clustering, and whether only the day is known.
CITIES = [(0.3, 0.0, 2.0, False), (0.3, 0.3, 6.0, True), (0.15, 0.2, 2.0, False), (0.6, 0.2, 0.5, False)]


def test_ninety_percent_intervals_hold_ninety_percent_of_planted_rates() -> None:
    held = []
    for number, (spread, gap, clustering, by_day) in enumerate(CITIES):
        for seed in range(6):
            rng = np.random.default_rng([seed, number])
            city = places(rng)
            x = internet(city)
            readiness = np.exp(gap * x + spread * rng.standard_normal(PLACES))
            frame = reports(rng, readiness, life_days=6 * np.exp(-0.5 * x), clustering=clustering, by_day=by_day)
            held.append((number, inside(judge(frame, city, only_internet=True), readiness).mean()))
    shares = np.array(held)
    assert 0.88 <= shares[:, 1].mean() <= 0.92
    for number in range(len(CITIES)):
        assert 0.86 <= shares[shares[:, 0] == number, 1].mean() <= 0.94


@pytest.mark.parametrize("by_day", [False, True], ids=["to the second", "to the day"])
def test_no_gap_is_found_where_none_is_though_cases_of_the_poor_stay_open_longer(by_day: bool) -> None:
    for seed in range(4):
        rng = np.random.default_rng([seed, 7])
        city = places(rng)
        life = 6 * np.exp(-0.5 * internet(city))
        found = judge(reports(rng, np.ones(PLACES), life_days=life, by_day=by_day), city)
        assert "gap" not in found.coefficients["gap"].to_list()
        assert not set(found.verdicts.values()) & {"less readily", "more readily"}
        raw = found.windows.filter(covariate="internet", window_days=100)["raw"].item()
        assert raw > 0.15  # the trap is there: counted naively, places with internet report more readily


def test_a_gap_that_is_there_is_found_and_published() -> None:
    published = []
    for seed in range(4):
        rng = np.random.default_rng([seed, 11])
        city = places(rng)
        x = internet(city)
        readiness = np.exp(0.3 * x + 0.1 * rng.standard_normal(PLACES))
        found = judge(reports(rng, readiness, life_days=6 * np.exp(-0.3 * x)), city, only_internet=True)
        published.append(found.publishable and found.coefficients["gap"].item() == "gap")
        if published[-1]:
            assert "internet" in found.because
            quiet = {place for place, verdict in found.verdicts.items() if verdict == "less readily"}
            assert quiet
            assert all(readiness[int(place)] < readiness.mean() for place in quiet)
    assert sum(published) >= 3


def test_a_gap_on_the_first_day_alone_is_not_published() -> None:
    for seed in range(3):
        rng = np.random.default_rng([seed, 13])
        city = places(rng)
        x = internet(city)
        # An application that sends twice, say: more same-day reports, but no more later.
        frame = reports(rng, np.ones(PLACES), life_days=np.full(PLACES, 6.0), first_day=np.exp(0.5 * x))
        found = judge(frame, city)
        assert not found.publishable
        assert found.because.startswith("We cannot tell")
        assert set(found.verdicts.values()) == {"cannot tell"}


def test_corrected_counts_hold_what_happens() -> None:
    held = []
    for seed in range(5):
        rng = np.random.default_rng([seed, 17])
        city = places(rng)
        readiness = np.exp(0.3 * rng.standard_normal(PLACES))
        found = judge(reports(rng, readiness, life_days=np.full(PLACES, 6.0)), city, only_internet=True)
        happens = rng.uniform(20, 200, PLACES)
        answer = corrected(rng.poisson(happens * readiness / readiness.mean()), found)
        if answer.corrected:
            held.append(((answer.low <= happens) & (happens <= answer.high)).mean())
    assert len(held) >= 4
    assert 0.87 <= np.mean(held) <= 0.93
