"""A replay: daily surveillance of a past period, each day with what was known on it.

Reads history through the door inside and writes nothing. Each day is treated as `City.run` treats it: what
happened later is absent, what was closed later is still open, and reports are collapsed to incidents anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.city.reading import read_ahead
from cityward.city.settings import Settings
from cityward.city.turn import HISTORY_COLUMNS, tell_apart
from cityward.core.clock import end_of_day, monotonic
from cityward.core.errors import UserError
from cityward.core.records import ALL_SERVICES, Record
from cityward.guard.consult import Reading
from cityward.know.territory import TerritoryIndex

if TYPE_CHECKING:
    from cityward.know.surveillance import Alarm, Lookout, Signal

REPLICATES = 999
Reads = Callable[[str], Reading]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay.

    Parameters
    ----------
    start, end : datetime.date
        First and last day that is looked at.
    services : sequence of str
        Services to scan; empty: each one that was ever heard of, and all together when there are several.
    min_recurrence_days : float, optional
        Threshold of each scan; default from ``city.toml``.
    alarms_per_year : float, optional
        Most false alarms a year to expect from all scans together; takes the place of a threshold.
    replicates : int
        Of each scan.
    seed : int, optional
        Default from ``city.toml``.
    """

    start: date
    end: date
    services: Sequence[str] = ()
    min_recurrence_days: float | None = None
    alarms_per_year: float | None = None
    replicates: int = REPLICATES
    seed: int | None = None


class RaisedAlarm(Record, frozen=True, kw_only=True):
    """An alarm with the names of the places in which it began, the centre first."""

    names: tuple[str, ...]
    alarm: Alarm


class Replay(Record, frozen=True, kw_only=True):
    """What a replay found.

    Of ``services`` so many ``scans`` were done, and ``not_scanned`` left out because the background of the day
    had too few incidents; services that are ``too_quiet`` had too few on all days. ``false_alarms_per_year`` is
    the most to expect from chance alone, over all services; ``false_alarms_here`` the same for the scans done.
    """

    start: date
    end: date
    days: int
    days_without_reports: int
    services: tuple[str, ...]
    too_quiet: tuple[str, ...]
    scans: int
    not_scanned: int
    replicates: int
    seed: int
    min_recurrence_days: float
    false_alarms_per_year: float
    false_alarms_here: float
    signals: int
    alarms: tuple[RaisedAlarm, ...]
    seconds: float


def replay(
    reads: Reads,
    index: TerritoryIndex,
    settings: Settings,
    plan: Plan,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Scan each service as of each day of ``plan``, and join what lasts to alarms.

    Parameters
    ----------
    reads : callable
        Gives what is known for a purpose; each day sees only what was known then.
    index : TerritoryIndex
        The places.
    settings : Settings
        Time zone, background, longest window, and what the plan leaves open.
    plan : Plan
        What to replay.
    progress : callable, optional
        Called after each day with the number of days done.

    Raises
    ------
    UserError
        The plan cannot be done with this history; the message says why.
    """
    # The compiler behind the scan takes a second to load.
    from cityward.know.surveillance import Lookout, Watch, false_alarms_per_year, join, threshold_days

    began = monotonic()
    services, too_quiet = _check(reads, settings, plan)
    if plan.alarms_per_year is not None:
        limit = threshold_days(len(services), plan.alarms_per_year)
    else:
        limit = settings.needs.min_recurrence_days if plan.min_recurrence_days is None else plan.min_recurrence_days
    watch = Watch(
        min_recurrence_days=limit,
        max_days=settings.needs.max_days,
        replicates=plan.replicates,
        seed=settings.city.seed if plan.seed is None else plan.seed,
    )
    lon, lat = (np.ascontiguousarray(index.centroids[:, at]) for at in (0, 1))
    lookouts = {service: Lookout(service, index.ids, lon, lat, watch) for service in services}
    signals: list[Signal] = []
    scans, silent = dict.fromkeys(services, 0), 0
    days = [plan.start + timedelta(days=at) for at in range((plan.end - plan.start).days + 1)]
    for done, (day, counts) in enumerate(_counted(reads, index, settings, services, days), start=1):
        silent += not any(counts[service][-1].any() for service in counts)
        for service, found in _scan(lookouts, day, counts):
            scans[service] += 1
            signals += found
        if progress:
            progress(done)
    return Replay(
        start=plan.start,
        end=plan.end,
        days=len(days),
        days_without_reports=silent,
        services=tuple(services),
        too_quiet=tuple(too_quiet),
        scans=sum(scans.values()),
        not_scanned=len(days) * len(services) - sum(scans.values()),
        replicates=plan.replicates,
        seed=watch.seed,
        min_recurrence_days=limit,
        false_alarms_per_year=false_alarms_per_year(len(services), limit),
        false_alarms_here=sum(scans.values()) * watch.chance,
        signals=len(signals),
        alarms=tuple(_named(alarm, index) for alarm in join(signals)),
        seconds=monotonic() - began,
    )


def _scan(
    lookouts: dict[str, Lookout], day: date, counts: dict[str, NDArray[np.int64]]
) -> Iterator[tuple[str, list[Signal]]]:
    for service, lookout in lookouts.items():
        found = lookout.signals(day, counts[service])
        if found is not None:
            yield service, found


def _check(reads: Reads, settings: Settings, plan: Plan) -> tuple[list[str], list[str]]:
    """Services to scan and those with too few reports, if the plan fits what is known."""
    if plan.start > plan.end:
        raise UserError(f"The replay begins on {plan.start}, after its end on {plan.end}.", "Exchange --from and --to.")
    if plan.alarms_per_year is not None and plan.min_recurrence_days is not None:
        raise UserError("A number of alarms a year sets the threshold.", "Give --min-recurrence or --alarms-per-year.")
    known = (
        reads("need-detection")
        .frame(("service", "occurred_at", "territory"))
        .select(
            "service", "territory", day=pl.col("occurred_at").dt.convert_time_zone(settings.city.time_zone).dt.date()
        )
    )
    if not known.height:
        raise UserError("Nothing is known yet.", "Take in a file first: 'cityward sense FILE --map MAP.toml'.")
    reports, known = known.height, known.filter(pl.col("territory").is_not_null())
    if not known.height:
        raise UserError(
            f"None of {reports:,} reports lies in a territory of this city.",
            "Check their coordinates (longitude and latitude exchanged?) and the territories in city.toml.",
        )
    first, last = known.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    if plan.end > last:
        raise UserError(f"Nothing is known of days after {last}; silence would look like quiet.", f"Give --to {last}.")
    background = settings.needs.history_days
    seen = known.filter(pl.col("day").is_between(plan.start - timedelta(days=background - 1), plan.end))
    if not (seen["day"] < plan.start).any():
        raise UserError(
            f"Nothing is known of the {background} days before {plan.start}, with which it would be compared; "
            f"the first report is of {first}.",
            "Begin later, with --from.",
        )
    return _chosen(known["service"].unique().sort().to_list(), dict(seen["service"].value_counts().iter_rows()), plan)


def _chosen(known: list[str], heard: dict[str, int], plan: Plan) -> tuple[list[str], list[str]]:
    from cityward.know.surveillance import FEWEST_CASES

    heard[ALL_SERVICES] = sum(heard.values())
    asked = list(dict.fromkeys(plan.services)) or ([*known, ALL_SERVICES] if len(known) > 1 else known)
    for service in asked:
        if service not in (*known, ALL_SERVICES):
            raise UserError(f"There is no service '{service[:60]}'.", f"Services: {', '.join(known)}; {ALL_SERVICES}.")
    few = [service for service in asked if heard.get(service, 0) < FEWEST_CASES]
    if few and (plan.services or len(few) == len(asked)):
        raise UserError(
            f"'{few[0]}' has {heard.get(few[0], 0)} reports up to {plan.end} and in the background; with fewer than "
            f"{FEWEST_CASES} there is nothing to compare with.",
            "Leave it out, or choose other days.",
        )
    return [service for service in asked if service not in few], few


def _counted(
    reads: Reads, index: TerritoryIndex, settings: Settings, services: Sequence[str], days: Sequence[date]
) -> Iterator[tuple[date, dict[str, NDArray[np.int64]]]]:
    """Counts of incidents by service, shape (days of background, places), as known at the end of each day."""

    zone = settings.city.time_zone
    consulted = reads("incident-recognition").over(HISTORY_COLUMNS, until=end_of_day(days[-1], zone))

    def count(day: date) -> tuple[date, dict[str, NDArray[np.int64]]]:
        known = consulted.known(end_of_day(day, zone))
        return day, _matrices(tell_apart(known, settings)[0], index, settings, services, day)

    return read_ahead(iter(days), count)


def _matrices(
    collapsed: pl.DataFrame, index: TerritoryIndex, settings: Settings, services: Sequence[str], last: date
) -> dict[str, NDArray[np.int64]]:
    days = settings.needs.history_days
    first = last - timedelta(days=days - 1)
    collapsed = collapsed.filter(pl.col("first_report") & pl.col("territory").is_not_null())
    place = pl.Series(index.positions(collapsed["territory"]))
    day = pl.col("occurred_at").dt.convert_time_zone(settings.city.time_zone).dt.date()
    sums = (
        collapsed.select("service", day=(day - pl.lit(first)).dt.total_days(), place=place)
        .filter((pl.col("day") >= 0) & (pl.col("place") >= 0))
        .group_by("service", "day", "place")
        .agg(pl.len().alias("incidents"))
    )
    found: dict[str, NDArray[np.int64]] = {}
    for service in services:
        rows = sums if service == ALL_SERVICES else sums.filter(pl.col("service") == service)
        counts = np.zeros((days, len(index.ids)), dtype=np.int64)
        np.add.at(counts, (rows["day"].to_numpy(), rows["place"].to_numpy()), rows["incidents"].to_numpy())
        found[service] = counts
    return found


def _named(alarm: Alarm, index: TerritoryIndex) -> RaisedAlarm:
    at = index.positions(pl.Series(alarm.first.territories, dtype=pl.String))
    return RaisedAlarm(names=tuple(index.names[place] for place in at), alarm=alarm)
