"""From the cube, the history and the forecast to what is asked beside what can be done, and to warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec
import numpy as np
import polars as pl

from cityward.anticipate.chance import Numbers
from cityward.anticipate.growth import WEEK, WINDOW_DAYS, GrowthModel, features, learn, likely, past_surges
from cityward.anticipate.reconcile import Tree
from cityward.anticipate.warning import outlook, standing
from cityward.core.frames import OUTLOOK, conform
from cityward.core.identifiers import make_id
from cityward.core.records import ALL_SERVICES, EarlyWarning, Growth, GrowthTest, Need

HISTORY_DAYS: Final = 4 * 365 + 1
"""As far back as forecasts look."""

OPENS: Final = 0.5
CLOSES: Final = 0.3
"""A warning opens when it is more likely than not, and stays open until it is clearly not: it does not flicker."""

FEWEST_EXPECTED: Final = 10.0
"""Fewer reports a week are looked at one by one; no warning is needed for them."""

MOMENTS: Final = 60
MONTH: Final = 28
ESTIMATED, STATED, UNKNOWN = "estimated", "stated", "not known"

_NORMAL_80: Final = 1.2815515655446004


class Past(NamedTuple):
    """What was reported and closed by day, arrays (services, areas, days), and how many were open at the end."""

    reports: Numbers
    closings: Numbers
    waiting: Numbers


def past(
    counts: pl.DataFrame, cases: pl.DataFrame, *, services: Sequence[str], areas: Sequence[str], as_of: date
) -> Past:
    """Lay out the past of every service and area.

    Parameters
    ----------
    counts : polars.DataFrame
        `cityward.core.frames.CUBE` columns.
    cases : polars.DataFrame
        ``service``, ``territory``, ``opened`` and ``closed`` (local dates; null: not closed), one row a report.
        A closing after ``as_of`` is not known then: the case counts as open.
    """
    earliest = counts["day"].min()
    days = (as_of - earliest).days + 1 if isinstance(earliest, date) else 1
    days = int(np.clip(days, 1, HISTORY_DAYS))
    first = as_of - timedelta(days=days - 1)
    reports = _laid_out(counts.select("service", "territory", "day", "interactions"), services, areas, first, days)
    known = cases.filter(pl.col("opened") <= as_of)
    done = known.filter(pl.col("closed") <= as_of)
    closed = done.group_by("service", "territory", day="closed").agg(pl.len().alias("interactions"))
    closings = _laid_out(closed, services, areas, first, days)
    waits = known.filter(pl.col("closed").is_null() | (pl.col("closed") > as_of))
    open_now = waits.group_by("service", "territory").agg(pl.len().alias("interactions"))
    waiting = _laid_out(open_now.with_columns(day=pl.lit(as_of)), services, areas, as_of, 1)
    return Past(reports, closings, waiting[:, :, 0])


def _laid_out(rows: pl.DataFrame, services: Sequence[str], areas: Sequence[str], first: date, days: int) -> Numbers:
    found = np.zeros((len(services), len(areas), days))
    placed = (
        rows.join(
            pl.DataFrame({"service": list(services)}, schema={"service": pl.String}).with_row_index("_service"),
            on="service",
        )
        .join(
            pl.DataFrame({"territory": list(areas)}, schema={"territory": pl.String}).with_row_index("_area"),
            on="territory",
        )
        .with_columns((pl.col("day") - first).dt.total_days().alias("_day"))
        .filter(pl.col("_day").is_between(0, days - 1))
    )
    at = tuple(placed[name].to_numpy() for name in ("_service", "_area", "_day"))
    np.add.at(found, at, placed["interactions"].to_numpy())
    return found


def look_out(
    known: Past, forecasts: pl.DataFrame, tree: Tree, *, services: Sequence[str], stated: Sequence[float | None]
) -> pl.DataFrame:
    """Set what is asked in the next week beside what can be done, for each service and upper node.

    Parameters
    ----------
    known : Past
    forecasts : polars.DataFrame
        `cityward.core.frames.FORECAST` of all levels.
    tree : Tree
    services : sequence of str
        As in ``known``.
    stated : sequence of float or None
        Reports a day that each service can do in the whole city, where the city says so. A group's part of it
        is its part of the last year's reports.

    Returns
    -------
    polars.DataFrame
        `cityward.core.frames.OUTLOOK`.
    """
    if not services:
        return pl.DataFrame(schema=OUTLOOK)
    upper = len(tree.ids)
    reports, closings = tree.sums(known.reports), tree.sums(known.closings)
    year = reports[:, :, -365:].sum(axis=2)
    part = year / np.maximum(year[:, :1], 1.0)
    said = np.array([np.nan if one is None else one for one in stated])[:, None] * part
    said = np.where(said > 0, said, np.nan)
    means = _expected(forecasts, tree, services)
    week = _whole_week(means)
    kinds = np.tile(np.minimum(np.arange(upper), 1), len(services))
    days = reports.shape[2]
    found = outlook(reports.reshape(-1, days), closings.reshape(-1, days), said.ravel(), week.ravel(), kinds)
    stands = [
        standing(found.tried, (np.arange(len(kinds)) // upper == at) & (kinds == kind))
        for at in range(len(services))
        for kind in kinds[:upper]
    ]
    deviation = _NORMAL_80 * np.sqrt(week.ravel() + found.wide * week.ravel() ** 2)
    unknown = np.isnan(found.capacity)
    source = np.where(unknown, UNKNOWN, np.where(found.estimated, ESTIMATED, STATED))
    frame = pl.DataFrame(
        {
            "service": [name for name in services for _ in range(upper)],
            "territory": list(tree.ids) * len(services),
            "level": list(tree.levels) * len(services),
            "name": [one.split(":", 1)[1] for one in tree.ids] * len(services),
            "open_cases": tree.members.dot(known.waiting.T).T.ravel().astype(np.int64),
            "expected": week.ravel().round(2),
            "low": np.floor(np.maximum(week.ravel() - deviation, 0.0)),
            "high": np.ceil(week.ravel() + deviation),
            "expected_month": means[:, :, :MONTH].sum(axis=2).ravel().round(2),
            "capacity": found.capacity.round(2),
            "capacity_from": source,
            "probability": found.chance.round(4),
            "climatology": np.where(unknown, np.nan, found.climatology).round(4),
            "weeks": [one.weeks for one in stands],
            "brier": [round(one.brier, 5) for one in stands],
            "brier_climatology": [round(one.climatology, 5) for one in stands],
            "warns": [one.warns for one in stands],
        }
    )
    return conform(frame.with_columns(pl.selectors.float().fill_nan(None)), OUTLOOK)


def _expected(forecasts: pl.DataFrame, tree: Tree, services: Sequence[str]) -> Numbers:
    """Means of upper nodes, (services, nodes, days)."""
    rows = forecasts.filter(pl.col("territory").is_in(list(tree.ids)))
    horizon = rows.height // max(len(services) * len(tree.ids), 1)
    return rows["mean"].to_numpy().reshape(len(services), len(tree.ids), horizon)


def _whole_week(means: Numbers) -> Numbers:
    """Reports of the next week; a shorter forecast is taken as if the rest of the week were like it."""
    days = means.shape[2]
    week: Numbers = means[:, :, :WEEK].sum(axis=2)
    return week * (WEEK / days) if 0 < days < WEEK else week


def warn(seen: pl.DataFrame, before: Sequence[EarlyWarning], *, as_of: date) -> list[EarlyWarning]:
    """Open, keep and close warnings.

    Parameters
    ----------
    seen : polars.DataFrame
        `cityward.core.frames.OUTLOOK`.
    before : sequence of EarlyWarning
        Those open at the last turn before ``as_of``.

    Returns
    -------
    list of EarlyWarning
        Open ones, the most likely first, then those closed by this turn. A warning of the same service and
        place is the same warning until its probability falls below `CLOSES`, or nothing supports it any more.
    """
    waiting = {(one.service, one.territory): one for one in before if one.state == "open"}
    found: list[EarlyWarning] = []
    for row in seen.iter_rows(named=True):
        old = waiting.pop((row["service"], row["territory"]), None)
        likely_now = row["warns"] and row["probability"] is not None and row["expected"] >= FEWEST_EXPECTED
        if likely_now and row["probability"] >= (CLOSES if old else OPENS):
            found.append(_warning(row, old, as_of))
        elif old:
            found.append(_closed(old, row["probability"], as_of))
    found += [_closed(old, None, as_of) for old in waiting.values()]
    return sorted(found, key=lambda one: (one.state != "open", -one.probability, one.service, one.territory))


def _warning(row: Mapping[str, object], old: EarlyWarning | None, as_of: date) -> EarlyWarning:
    opened = old.opened if old else as_of
    identifier = old.id if old else make_id("warning", row["service"], row["territory"], opened)
    facts = {name: row[name] for name in EarlyWarning.__struct_fields__ if name in row}
    facts = {**facts, "capacity": float(row["capacity"])}  # type: ignore[arg-type]
    moments = (*(old.moments if old else ()), (as_of, float(row["probability"])))[-MOMENTS:]  # type: ignore[arg-type]
    return EarlyWarning(
        **facts,  # type: ignore[arg-type]
        id=identifier,
        opened=opened,
        as_of=as_of,
        horizon_days=WEEK,
        sentence=_sentence(row),
        moments=moments,
    )


def _closed(old: EarlyWarning, probability: float | None, as_of: date) -> EarlyWarning:
    now = old.probability if probability is None else probability
    return msgspec.structs.replace(
        old, state="closed", as_of=as_of, probability=now, moments=(*old.moments, (as_of, now))[-MOMENTS:]
    )


def _sentence(row: Mapping[str, object]) -> str:
    return (
        f"{row['name']} will probably send more reports of “{row['service']}” in the next {WEEK} days than can be "
        f"done: about {row['expected']:,.0f} ({row['low']:,.0f} to {row['high']:,.0f}), where {row['capacity']:,.0f} "
        "can be done."
    )


def grow(
    needs: Sequence[Need], reports: Numbers, *, services: Sequence[str], areas: Sequence[str]
) -> tuple[list[Growth], GrowthTest]:
    """Say how likely each need is to grow within a week, from what became of past surges.

    Where the model is not clearly better than climatology, every need gets the rate, and its interval.
    """
    model = learn(past_surges(reports))
    told = likely(model, _as_surges(needs, reports, services, areas)) if needs else []
    method = "model" if model.used else "climatology"
    found = [
        Growth(need=need.id, probability=round(rate, 4), low=round(low, 4), high=round(high, 4), method=method)
        for need, (rate, low, high) in zip(needs, told, strict=True)
    ]
    return found, _test(model)


def _test(model: GrowthModel) -> GrowthTest:
    known = model.weeks > 0
    return GrowthTest(
        surges=model.surges,
        weeks=model.weeks,
        rate=round(model.grew / model.surges, 4) if model.surges else 0.0,
        brier=round(model.brier, 5) if known else 0.0,
        brier_climatology=round(model.climatology, 5) if known else 0.0,
        used=model.used,
    )


def _as_surges(needs: Sequence[Need], reports: Numbers, services: Sequence[str], areas: Sequence[str]) -> Numbers:
    """The features that past surges have, of needs."""
    rows = []
    for need in needs:
        some = [at for at, area in enumerate(areas) if area in set(need.territories)]
        own = reports.sum(axis=0) if need.service == ALL_SERVICES else reports[list(services).index(need.service)]
        last = float(own[some, -WEEK:].sum())
        length = max((need.ends - need.starts).days + 1, 1)
        usual = need.expected * min(WEEK / length, 1.0)
        fresh = (last - usual) / max(need.observed - need.expected, 1e-9)
        scale = WINDOW_DAYS / max(length, WINDOW_DAYS)
        rows.append((max(need.observed, 1) * scale, max(need.expected, 0.1) * scale, fresh))
    table = np.array(rows)
    return features(table[:, 0], table[:, 1], table[:, 2])
