"""How finely a grant lets rows be seen: moments, places, and names of persons and rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from cityward.core.frames import UTC_TIME
from cityward.private.grants import AREAS, ROW_IDS, TIMES, Grant
from cityward.private.pseudonym import Pseudonyms

EVERY: Final = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo", "year": "1y"}

METRES_A_DEGREE: Final = 111_320.0
"""Length of a degree of latitude, and of longitude at the equator (WGS 84, to a tenth of a percent)."""

ALIKE: Final = 5
"""Where rows are not told apart, a pseudonym is shown only if so many persons share all else that the grant shows:
with fewer, whoever sees the same rows for another purpose would match them one by one."""


def whole(as_of: datetime | None, grant: Grant, zone: str) -> datetime | None:
    """The last moment of the last whole hour, day, week or month that is over at ``as_of``.

    Otherwise a reader of days would find the minute of a report by asking as of one minute after another.
    """
    if as_of is None or grant.time == "exact":
        return as_of
    step = timedelta(microseconds=1)
    local = pl.Series([(as_of + step).astimezone(ZoneInfo("UTC"))], dtype=UTC_TIME).dt.convert_time_zone(zone)
    begins: datetime = local.dt.truncate(EVERY[grant.time]).dt.convert_time_zone("UTC").item()
    return begins - step


def coarsened(
    rows: pl.LazyFrame, grant: Grant, columns: Sequence[str], zone: str, groups: dict[str, str]
) -> pl.LazyFrame:
    """Rows with the moments, places and territories of ``columns`` as coarse as the grant says.

    The exact moment stays beside them for the pseudonyms, under a name that is never handed out.
    """
    changed: list[pl.Expr] = []
    if grant.time != "exact":
        changed += [
            _begins(pl.col(name), grant.time, zone)
            for name in rows.collect_schema().names()
            if name in TIMES and name in grant.fields
        ]
    if isinstance(grant.space, int) and {"lon", "lat"} & set(columns):
        lat = _grid(pl.col("lat"), pl.lit(grant.space / METRES_A_DEGREE))
        width = (lat * (math.pi / 180)).cos().clip(lower_bound=0.01) * METRES_A_DEGREE
        changed += [lat.alias("lat"), _grid(pl.col("lon"), grant.space / width).alias("lon")]
    if groups:
        changed.append(pl.col("territory").replace_strict(groups, default=None, return_dtype=pl.String))
    if "person" in columns:
        changed.append(pl.col("occurred_at").alias(_MOMENT))
    return rows.with_columns(changed) if changed else rows


_MOMENT: Final = "\x00moment"


def _begins(moment: pl.Expr, every: str, zone: str) -> pl.Expr:
    return moment.dt.convert_time_zone(zone).dt.truncate(EVERY[every]).dt.convert_time_zone("UTC")


def _grid(degrees: pl.Expr, step: pl.Expr) -> pl.Expr:
    """The middle of the cell of a grid."""
    return ((degrees / step).floor() + 0.5) * step


def rename_rows(
    rows: pl.LazyFrame,
    columns: Sequence[str],
    grant: Grant,
    time: str,
    zone: str,
    pseudonyms: Callable[[], Pseudonyms],
) -> pl.DataFrame:
    """Gather ``columns``, with persons and rows under the names that they have for this purpose alone."""
    extra = [_MOMENT] if "person" in columns else []
    if time in columns and extra and grant.time == "exact":
        extra = []  # the exact moment is there already; a second copy of it would only cost memory
    found = rows.select([*columns, *extra]).collect()
    if "person" in columns and found["person"].null_count() < found.height:
        found = _rename_persons(found, grant, zone, pseudonyms(), extra[0] if extra else time)
    found = found.drop(extra)
    if grant.row_ids == "renamed":
        ids = [name for name in columns if name in ROW_IDS]
        found = found.with_columns(_renamed(found[name], f"{name} of {grant.purpose}", pseudonyms()) for name in ids)
    return found


def _rename_persons(found: pl.DataFrame, grant: Grant, zone: str, pseudonyms: Pseudonyms, moment: str) -> pl.DataFrame:
    """Persons by pseudonyms of the purpose and the period of their row; beside an area, of that area alone.

    One name in two areas of a day would tell where its person went.
    """
    period = pl.col(moment).dt.convert_time_zone(zone).dt.truncate(EVERY[grant.pseudonyms]).dt.date()
    areas = () if grant.is_fine else [pl.col(name).fill_null("") for name in AREAS if name in grant.fields]
    here = pl.concat_str("person", *areas, separator="\x1f") if areas else pl.col("person")
    found = found.with_columns(period.alias(_PERIOD), here.alias(_WHO))
    pairs = found.select(_WHO, _PERIOD).drop_nulls().unique()
    parts = [
        part.with_columns(pseudonyms.derived(part[_WHO], f"consult for {grant.purpose} {key[0]}").alias(_PSEUDONYM))
        for key, part in pairs.partition_by(_PERIOD, as_dict=True).items()
    ]
    named = found.join(pl.concat(parts), on=[_WHO, _PERIOD], how="left", maintain_order="left")
    person = pl.col(_PSEUDONYM)
    if not grant.is_fine:
        told_apart = [name for name in grant.fields if name != "person" and name not in ROW_IDS]
        alike = person.n_unique().over(told_apart) if told_apart else person.n_unique()
        person = pl.when(alike >= ALIKE).then(person)
    return named.with_columns(person.alias("person")).drop(_PERIOD, _WHO, _PSEUDONYM)


_PERIOD, _WHO, _PSEUDONYM = "\x00period", "\x00who", "\x00pseudonym"


def _renamed(values: pl.Series, purpose: str, pseudonyms: Pseudonyms) -> pl.Series:
    """Identifiers of rows by others that only this purpose sees; numbers stay numbers."""
    unique = values.unique().drop_nulls()
    made = pseudonyms.derived(unique, purpose)
    if values.dtype == pl.UInt64:
        made = made.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    named = pl.DataFrame({values.name: unique, "name": made})
    joined = values.to_frame().join(named, on=values.name, how="left", maintain_order="left")
    return joined["name"].rename(values.name)


def in_no_order(found: pl.DataFrame, grant: Grant) -> pl.DataFrame:
    """Rows in the order of what they show, where the order in which they came would tell them apart."""
    shows = {"person", *ROW_IDS} & set(found.columns)
    kept = grant.row_ids == "kept" and bool(ROW_IDS & set(grant.fields))
    if grant.time == "exact" and (kept or not shows):
        return found
    return found.sort(found.columns, maintain_order=False)
