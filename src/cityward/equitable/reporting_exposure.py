"""What the reports of each incident tell: how long it was open, and when it was reported again.

From a frame of reports to columns of numbers, without looking at places or people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.records import Territory
from cityward.equitable.reporting_fit import Floats, Integers

EDGES_DAYS: Final = (0, 1, 2, 4, 8, 15, 31, 101)
"""Ages of a case at which the city's baseline may change: day 0, 1, 2-3, 4-7, 8-14, 15-30, 31-100."""

UNKNOWN_CLOSING_DAYS: Final = 30
"""A case without a closing day is taken to live this long after its last report, as incidents are."""

_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Exposure:
    """Cases, how long each was open, and the further reports of each.

    Attributes
    ----------
    territories, services : tuple of str
    territory, service : ndarray of int, shape (incidents,)
        Positions in these.
    open_days : ndarray of float, shape (incidents,)
        From the first report to closing, or to the last moment that is known.
    incident, age_days : ndarray of int, shape (further reports,)
        The incident of each further report, and its age in whole days.
    left_out : dict of str to int
        Reports and incidents that cannot be used, by reason.
    """

    territories: tuple[str, ...]
    services: tuple[str, ...]
    territory: Integers
    service: Integers
    open_days: Floats
    incident: Integers
    age_days: Integers
    left_out: dict[str, int]

    def cube(self) -> tuple[Floats, Floats]:
        """Further reports and open days, each of shape (territories, services, ages)."""
        shape = (len(self.territories), len(self.services), len(EDGES_DAYS) - 1)
        cell = self.territory * shape[1] + self.service
        age = np.searchsorted(EDGES_DAYS, self.age_days, side="right") - 1
        seen = age < shape[2]
        events = np.bincount(cell[self.incident[seen]] * shape[2] + age[seen], minlength=int(np.prod(shape)))
        days = [
            np.bincount(cell, np.clip(self.open_days - low, 0, high - low), minlength=shape[0] * shape[1])
            for low, high in pairwise(EDGES_DAYS)
        ]
        return events.reshape(shape).astype(np.float64), np.column_stack(days).reshape(shape).astype(np.float64)

    def table(self) -> pl.DataFrame:
        """``territory, service, from_day, to_day, reports, open_days``: one row for each that was ever open."""
        events, days = self.cube()
        where = np.nonzero(days > 0)
        edges = np.array(EDGES_DAYS)
        return pl.DataFrame(
            {
                "territory": np.array(self.territories, dtype=object)[where[0]].astype(str),
                "service": np.array(self.services, dtype=object)[where[1]].astype(str),
                "from_day": edges[where[2]],
                "to_day": edges[where[2] + 1] - 1,
                "reports": events[where].astype(np.int64),
                "open_days": days[where],
            }
        )


def expose(reports: pl.DataFrame, territories: Sequence[Territory], *, until: datetime | None = None) -> Exposure:
    """Count further reports and the days on which they could have come.

    Parameters
    ----------
    reports : polars.DataFrame
        With ``incident``, ``service``, ``territory``, ``occurred_at`` and ``closed_at``. With ``person`` (a
        pseudonym), a person's second report of an incident is left out: calling again is not being heard.
    territories : sequence of Territory
        Those to compare; reports elsewhere are left out.
    until : datetime, optional
        Up to when everything is known; by default the last report.

    Returns
    -------
    Exposure

    Raises
    ------
    UserError
        A column is missing, or a territory is there twice.

    Notes
    -----
    A case is open until the latest closing of its reports. A source that knows only the day, as seen by
    all its stamps having one time of day (or two, in summer and winter), is taken to close cases at midday.
    A case that was closed before it was opened is left out: how long it was open is not known.
    """
    missing = [name for name in ("incident", "service", "territory", "occurred_at", "closed_at") if name not in reports]
    if missing:
        raise UserError(f"Reports have no column {', '.join(missing)}.", "Collapse reports into incidents first.")
    ids = tuple(territory.id for territory in territories)
    if len(set(ids)) < len(ids):
        raise UserError("Two territories have the same identifier.", "Give each territory once.")
    rows, left_out = _usable(reports)
    by_day = _by_day(rows["time"])
    last = _last(rows["time"]) if until is None else int(pl.Series([until]).cast(pl.Datetime("us")).to_physical()[0])
    ends = (
        pl.when(pl.col("closed").is_null())
        .then(pl.col("time") + UNKNOWN_CLOSING_DAYS * _DAY_US)
        .when(pl.col("closed") >= pl.col("time"))
        .then(pl.col("closed") + (_DAY_US // 2 if by_day else 0))
    )
    cases = rows.group_by("incident", maintain_order=True).agg(
        pl.first("service", "territory"),
        pl.col("time").first().alias("first"),
        ends.first().is_not_null().alias("timed"),
        ends.max().alias("ends"),
    )
    place = pl.DataFrame({"territory": ids, "place": np.arange(len(ids))}, schema_overrides={"territory": pl.String})
    cases = cases.join(place, on="territory", how="left", maintain_order="left")
    here = cases.filter("timed", pl.col("place").is_not_null()).with_row_index("at")
    left_out["incidents closed before they were opened"] = cases.filter(~pl.col("timed")).height
    left_out["incidents elsewhere"] = cases.filter("timed", pl.col("place").is_null()).height
    stop = pl.min_horizontal("ends", pl.lit(last + (_DAY_US if by_day else 0)))
    open_days = here.select((stop - pl.col("first")) / _DAY_US).to_series().clip(lower_bound=0.0)
    further = rows.filter(~pl.col("leads")).join(here.select("incident", "at", "first", "ends"), on="incident")
    within = further.filter(pl.col("time") <= pl.min_horizontal("ends", pl.lit(last, dtype=pl.Int64)))
    left_out["reports after closing"] = further.height - within.height
    age = (pl.col("time") - pl.col("first")) / _DAY_US
    ages = within.select((age.round() if by_day else age.floor()).cast(pl.Int64)).to_series()
    services = here["service"].unique().sort()
    return Exposure(
        territories=ids,
        services=tuple(services),
        territory=here["place"].to_numpy().astype(np.int64),
        service=services.search_sorted(here["service"]).to_numpy().astype(np.int64)
        if here.height
        else np.empty(0, np.int64),
        open_days=open_days.to_numpy().astype(float),
        incident=within["at"].to_numpy().astype(np.int64),
        age_days=ages.to_numpy().astype(np.int64),
        left_out={reason: rows for reason, rows in left_out.items() if rows},
    )


def _usable(reports: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Reports of an incident in the order of their times, without repeated callers; ``leads`` marks the first."""
    stamps = [
        pl.col(name).cast(pl.Datetime("us")).to_physical().alias(short)
        for name, short in (("occurred_at", "time"), ("closed_at", "closed"))
    ]
    people = ["person"] if "person" in reports.columns else []
    texts = [pl.col(name).cast(pl.String).fill_null("") for name in ("service", "territory")]
    rows = reports.select("incident", *texts, *stamps, *people)
    known = rows.filter(pl.col("time").is_not_null(), pl.col("incident").is_not_null())
    known = known.sort("incident", "time", "territory", "service", "closed", *people)
    left_out = {"reports without a time": rows.height - known.height}
    if people:
        anew = pl.col("person").is_null() | pl.struct("incident", "person").is_first_distinct()
        once = known.filter(anew)
        left_out["second reports of a person"] = known.height - once.height
        known = once
    return known.with_columns(leads=pl.col("incident").is_first_distinct()), left_out


def _last(times: pl.Series) -> int:
    return int(times.to_numpy().max()) if len(times) else 0


def _by_day(times: pl.Series) -> bool:
    """Whether all stamps have one time of day, or two that are an hour apart, as local midnight has in UTC."""
    clock = (times % _DAY_US).unique().sort().to_numpy()
    return len(clock) <= 1 or (len(clock) == 2 and (clock[1] - clock[0]) // (_DAY_US // 24) in (1, 23))
