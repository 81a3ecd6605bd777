"""The scan on a year of Chicago's requests, beside a plain vectorised NumPy scan of the same windows."""

from __future__ import annotations

import statistics
import time
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.know.needs import detect
from cityward.know.scan import Design, Study, scan
from cityward.know.territory import TerritoryIndex
from measure import CHICAGO

EPOCH = date(1970, 1, 1).toordinal()
LAST, DAYS = date(2014, 12, 31), 365
ROUNDS = 7
PEER_REPLICATES = 20
"""Of the peer, whose time is proportional to them."""

LEVELS = {"77 areas": ("community_areas.geojson", "area"), "789 tracts": ("census_tracts.geojson", "census_tract")}
CASES = {
    ("77 areas", None): "≤ 0.1",
    ("789 tracts", 3.0): "≤ 0.2",
    ("789 tracts", None): "≤ 0.8",
}


def study(level: str, days: int = DAYS) -> Study:
    """Requests of the last ``days`` days by place."""
    file, name = LEVELS[level]
    index = TerritoryIndex.from_geojson(CHICAGO / file, id_property=name, name_property=name, level="place")
    rows = pl.read_parquet(CHICAGO / "sanitation_requests.parquet").filter(pl.col("longitude").is_not_null())
    begin = LAST - timedelta(days=days - 1)
    rows = rows.with_columns(day=pl.col("creation_date").cast(pl.Date)).filter(pl.col("day").is_between(begin, LAST))
    place = index.locate(rows["longitude"].to_numpy(), rows["latitude"].to_numpy())
    counts = np.zeros((1, days, len(index.ids)), dtype=np.int64)
    day = (rows["day"] - begin).dt.total_days().to_numpy()
    np.add.at(counts[0], (day[place >= 0], place[place >= 0]), 1)
    return Study(index.centroids[:, 0].copy(), index.centroids[:, 1].copy(), counts)


def numpy_scan(one: Study, design: Design, replicates: int, seed: int) -> NDArray[np.float64]:
    """Largest statistic of each replicate, by sums over sorted neighbours in NumPy."""
    from cityward.know.scan.places import neighbours

    cases, rng = one.cases[0], np.random.default_rng(seed)
    total, longest = cases.sum(), design.max_intervals or 1
    by_place, by_day = cases.sum(axis=0), cases.sum(axis=1)
    order, reach = neighbours(
        one.x, one.y, one.weights(), most_weight=design.max_share * float(total), max_km=design.max_km
    )
    tail = np.cumsum(by_day[::-1])[:longest]
    place_of_case = np.repeat(np.arange(by_place.size), by_place)
    day_of_case = np.repeat(np.arange(by_day.size), by_day)
    best = np.zeros(replicates)
    for replicate in range(replicates):
        dealt = np.zeros(cases.shape, dtype=np.int64)
        np.add.at(dealt, (rng.permutation(day_of_case), place_of_case), 1)
        recent = np.cumsum(dealt[::-1], axis=0)[:longest].T
        for centre in range(by_place.size):
            near = order[centre, : reach[centre]]
            observed = np.cumsum(recent[near], axis=0).astype(float)
            expected = np.outer(np.cumsum(by_place[near]), tail / total)
            outside, rest = total - observed, total - expected
            with np.errstate(divide="ignore", invalid="ignore"):
                value = observed * np.log(observed / expected) + outside * np.log(outside / rest)
            value[(observed <= expected) | (observed < design.min_cases)] = 0.0
            best[replicate] = max(best[replicate], float(np.nanmax(value, initial=0.0)))
    return best


def decade(cases: int = 40_000_000, tracts: int = 2_500, years: int = 10) -> float:
    """Seconds of one day's detection from the cube of a large city: a grid of tracts, ten years, one service."""
    rng = np.random.default_rng(0)
    days = 365 * years
    shape = (days, tracts)
    side = int(np.sqrt(tracts))
    names = [f"{tract:05}" for tract in range(tracts)]
    first = LAST - timedelta(days=days - 1)
    cube = pl.DataFrame(
        {
            "service": pl.repeat("reports", days * tracts, eager=True),
            "territory": pl.Series(names * days),
            "day": pl.Series(np.repeat(np.arange(days), tracts)).cast(pl.Int32) + first.toordinal() - EPOCH,
            "incidents": rng.poisson(cases / (days * tracts), shape).ravel(),
        }
    ).with_columns(pl.col("day").cast(pl.Date))
    at = np.arange(tracts)
    places = pl.DataFrame(
        {"territory": names, "name": names, "lon": at % side * 0.01, "lat": at // side * 0.01, "population": 4_000.0}
    )
    began = time.perf_counter()
    detect(
        cube,
        places,
        as_of=LAST,
        days_history=DAYS,
        max_days=30,
        replicates=999,
        seed=1,
        services={"reports": "environment"},
        min_recurrence_days=100,
    )
    return time.perf_counter() - began


def main() -> dict[str, tuple[float, str]]:
    """Print the figures and return them with their targets."""
    figures: dict[str, tuple[float, str]] = {}
    for (level, max_km), target in CASES.items():
        one = study(level)
        design = Design(max_intervals=30, max_km=max_km, replicates=999)
        scan(one, design, np.random.default_rng(0))  # compiled, and pages touched
        seconds = []
        for at in range(ROUNDS):
            began = time.perf_counter()
            found = scan(one, design, np.random.default_rng(at))
            seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        peer = numpy_scan(one, design, PEER_REPLICATES, 0)
        of_peer = (time.perf_counter() - began) / PEER_REPLICATES * design.replicates
        assert abs(np.median(peer) - np.median(found.maxima)) < 3 * peer.std() / np.sqrt(PEER_REPLICATES), (
            "not the same"
        )
        ours = statistics.median(seconds)
        name = f"{level}, up to {f'{max_km:g} km' if max_km else 'half the cases'}"
        print(
            f"scan of {name}: {one.total:,} cases, {ours:.3f} s ({', '.join(f'{s:.3f}' for s in seconds)}); "
            f"plain NumPy {of_peer:.1f} s, {of_peer / ours:,.0f} times as long"
        )
        figures[f"scan of {name}, s"] = (ours, target)
        figures[f"scan of {name}, times faster than NumPy"] = (of_peer / ours, "")
    large = decade()
    print(f"last year of 40 M cases, 2,500 tracts, from the cube: {large:.1f} s")
    figures["scan of the last year of 40 M cases, 2,500 tracts, s"] = (large, "≤ 60")
    return figures


if __name__ == "__main__":
    main()
