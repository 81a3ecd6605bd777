"""Needs: what the scan finds, in words, with its uncertainty and its caveats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.identifiers import make_id
from cityward.core.records import ALL_SERVICES, Need
from cityward.know.scan import Cluster, Design, Study, scan

SMALL_N = 10
"""Below so many reports the page says that the number is small."""

BATCH_SHARE = 0.5
"""A cluster with more than this share of its reports on one day may be a data-entry batch."""

FEWEST_CASES = 20
"""Services with fewer incidents in the background are not scanned: there is nothing to compare with."""

SERIES_DAYS = 60


def detect(
    cube: pl.DataFrame,
    places: pl.DataFrame,
    *,
    as_of: date,
    days_history: int = 365,
    max_days: int = 30,
    replicates: int = 999,
    seed: int,
    services: Mapping[str, str],
    min_recurrence_days: float = 100.0,
) -> list[Need]:
    """Scan each service, and all together, for places and days with more than chance explains.

    Parameters
    ----------
    cube : polars.DataFrame
        `cityward.core.frames.CUBE` columns; incidents are scanned, so that duplicates do not count twice.
    places : polars.DataFrame
        ``territory``, ``name``, ``lon``, ``lat`` (degrees), ``population`` (people, may be null).
    as_of : datetime.date
        The last day that is known; every need is alive on it.
    days_history, max_days : int
        Days of background and longest duration of a need.
    replicates : int
        Monte Carlo replicates of each scan.
    seed : int
        Of the run; each service has its own stream.
    services : mapping
        Domain of each service.
    min_recurrence_days : float
        Findings that chance would show more often are left out.

    Returns
    -------
    list of Need
        The rarest by chance first, then the strongest.
    """
    design = Design(max_intervals=max_days, replicates=replicates)
    lon, lat = (places[name].cast(pl.Float64).to_numpy() for name in ("lon", "lat"))
    window = cube.filter(pl.col("day").is_between(as_of - timedelta(days=days_history - 1), as_of))
    needs: list[Need] = []
    for service in [*sorted(services), ALL_SERVICES] if len(services) > 1 else sorted(services):
        rows = window if service == ALL_SERVICES else window.filter(pl.col("service") == service)
        counts = _matrix(rows, places, as_of, days_history)
        if counts.sum() < FEWEST_CASES:
            continue
        found = scan(Study(lon, lat, counts[None]), design, rng(seed, "scan", service))
        domain = services.get(service, "participation" if service != ALL_SERVICES else "public space")
        needs += [
            _need(cluster, counts, places, service, domain, as_of, replicates)
            for cluster in found.clusters
            if cluster.recurrence >= min_recurrence_days
        ]
    return sorted(
        needs, key=lambda need: (need.service == ALL_SERVICES, -need.recurrence_days, -need.statistic, need.id)
    )


def _matrix(rows: pl.DataFrame, places: pl.DataFrame, as_of: date, days: int) -> NDArray[np.int64]:
    """Incidents as (days, places), the last row being ``as_of``."""
    first = as_of - timedelta(days=days - 1)
    positions = places.select("territory").with_row_index("_place")
    sums = (
        rows.join(positions, on="territory", how="inner")
        .group_by((pl.col("day") - pl.lit(first)).dt.total_days().alias("_day"), "_place")
        .agg(pl.col("incidents").sum())
    )
    counts = np.zeros((days, places.height), dtype=np.int64)
    counts[sums["_day"].to_numpy(), sums["_place"].to_numpy()] = sums["incidents"].to_numpy()
    return counts


def _need(
    cluster: Cluster,
    counts: NDArray[np.int64],
    places: pl.DataFrame,
    service: str,
    domain: str,
    as_of: date,
    replicates: int,
) -> Need:
    members = list(cluster.members)
    inside = places[members]
    ids = inside["territory"].to_list()
    starts = as_of - timedelta(days=cluster.last - cluster.first)
    low, high = poisson_interval(cluster.observed)
    known = inside["population"].null_count() == 0
    people = float(inside["population"].to_numpy().sum()) if known else None
    daily = counts[cluster.first :, members].sum(axis=1)
    names = inside["name"].to_list()
    return Need(
        id=make_id("need", service, *sorted(ids), starts, as_of),
        service=service,
        domain=domain,
        territories=tuple(ids),
        names=tuple(names),
        starts=starts,
        ends=as_of,
        observed=cluster.observed,
        expected=cluster.expected,
        relative_risk=cluster.observed / cluster.expected,
        relative_risk_low=low / cluster.expected,
        relative_risk_high=high / cluster.expected,
        statistic=cluster.statistic,
        p_value=cluster.p_value,
        p_tail=cluster.p_gumbel,
        recurrence_days=cluster.recurrence,
        replicates=replicates,
        population=people,
        sentence=_sentence(service, cluster, names, starts, as_of),
        caveats=_caveats(cluster, daily, replicates),
        series=_series(counts, members, as_of),
    )


def _sentence(service: str, cluster: Cluster, names: list[str], starts: date, as_of: date) -> str:
    where = f"in {names[0]}" if len(names) == 1 else f"in {len(names)} areas around {names[0]}"
    when = f"on {as_of:%-d %B}" if starts == as_of else f"since {starts:%-d %B}"
    expected = f"{cluster.expected:.0f}" if cluster.expected >= 10 else f"{cluster.expected:.1f}"
    were = "was" if expected in ("1", "1.0") else "were"
    subject = "across all services" if service == ALL_SERVICES else f"of {service[0].lower()}{service[1:]}"
    return f"{cluster.observed:,} reports {subject} where {expected} {were} expected, {where} {when}."


def _caveats(cluster: Cluster, daily: NDArray[np.int64], replicates: int) -> tuple[str, ...]:
    caveats = []
    if cluster.observed < SMALL_N:
        caveats.append(f"Only {cluster.observed} reports: a small number, easily moved by chance.")
    if (daily.size > 1 or cluster.observed >= SMALL_N) and daily.max() > BATCH_SHARE * daily.sum():
        caveats.append("More than half of the reports came on one day: it may be a batch of data entry, not a need.")
    if cluster.p_value * (replicates + 1) < 1.5:
        caveats.append(f"None of {replicates:,} shuffles was as strong: the true recurrence is longer than shown.")
    return tuple(caveats)


def _series(counts: NDArray[np.int64], members: list[int], as_of: date) -> tuple[tuple[date, int, float], ...]:
    """Observed and expected per day: the day's total, shared as the places share all cases."""
    days = min(SERIES_DAYS, counts.shape[0])
    observed = counts[-days:, members].sum(axis=1)
    share = counts[:, members].sum() / counts.sum()
    expected = counts[-days:].sum(axis=1) * share
    first = as_of - timedelta(days=days - 1)
    return tuple((first + timedelta(days=at), int(observed[at]), round(float(expected[at]), 3)) for at in range(days))


def poisson_interval(count: int, level: float = 0.9) -> tuple[float, float]:
    """Exact interval of a Poisson mean (Source: Garwood 1936), by bisection.

    Parameters
    ----------
    count : int
        Observed count (≥ 0).
    level : float
        Coverage, 0 to 1.
    """
    tail = (1 - level) / 2
    top = count + 10 * math.sqrt(count + 1) + 10
    low = 0.0 if count == 0 else _bisect(lambda mean: 1 - _poisson_cdf(count - 1, mean) < tail, 0.0, top)
    return low, _bisect(lambda mean: _poisson_cdf(count, mean) > tail, 0.0, top)


def _bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    """Largest value for which ``below`` holds, between ``low`` (it does) and ``high`` (it does not)."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _poisson_cdf(count: int, mean: float) -> float:
    if mean <= 0:
        return 1.0
    terms = np.arange(count + 1)
    logs = terms * math.log(mean) - mean - np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    return float(min(1.0, np.exp(logs).sum()))
