"""From the columns of a source to those of an interaction: expressions only, no data."""

from __future__ import annotations

import polars as pl

from cityward.core.frames import UTC_TIME
from cityward.sense.mapping import Mapping
from cityward.sense.stamps import first_way, to_utc

_CODE = r"^(-?\d+)\.0+$"
"""A whole number that a spreadsheet made a fraction: 61.0 is the code 61."""


def with_times(raw: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Add ``@occurred_at`` and ``@closed_at``, in UTC; null where missing or unreadable.

    Each column is first read as its first value is written, both in one pass; only a column in which
    that leaves gaps is read in every way.
    """
    sources = {name: source for name, source in mapping.sources().items() if source in raw}
    times = {name: sources[name] for name in ("occurred_at", "closed_at") if name in sources}
    firsts = {} if mapping.date_formats else {name: first_way(raw[at], mapping.time_zone) for name, at in times.items()}
    passes = [way.alias(f"@{name}") for name, way in firsts.items() if way is not None]
    frame = raw.with_columns(passes) if passes else raw
    slow = [
        to_utc(raw[source], mapping.time_zone, order=mapping.date_order, formats=mapping.date_formats).alias(f"@{name}")
        for name, source in times.items()
        if firsts.get(name) is None or frame[f"@{name}"].null_count() != raw[source].null_count()
    ]
    return frame.with_columns(slow) if slow else frame


def canonical(mapping: Mapping, schema: pl.Schema) -> list[pl.Expr]:
    """Expressions over a source's columns that give those of an interaction, and what checks need.

    The latter begin with ``@``: coordinates before they are judged, the status word, whether it is
    unknown, and whether times and coordinates were given at all.
    """
    sources = {name: source for name, source in mapping.sources().items() if source in schema}

    def text(name: str) -> pl.Expr:
        return _text(sources[name], schema[sources[name]]) if name in sources else pl.lit(None, dtype=pl.String)

    def given(name: str) -> pl.Expr:
        if name not in sources:
            return pl.lit(value=False).alias(f"@{name}_given")
        source = pl.col(sources[name])
        blank = source.str.strip_chars() == "" if schema[sources[name]] == pl.String else pl.lit(value=False)
        missing = source.is_nan() if schema[sources[name]].is_float() else blank
        return (source.is_not_null() & ~missing).fill_null(value=False).alias(f"@{name}_given")

    times = {
        name: pl.col(f"@{name}") if name in sources else pl.lit(None, dtype=UTC_TIME)
        for name in ("occurred_at", "closed_at")
    }
    axes = [name for name in ("lon", "lat") if name in sources]
    points: dict[str, pl.Expr] = {str(name): _number(sources[name], schema[sources[name]]) for name in axes}
    return [
        pl.lit(mapping.source).alias("source"),
        text("id").alias("id"),
        pl.lit(mapping.kind).alias("kind"),
        *_service(mapping, text("service"), "service" in sources),
        *(times[name].alias(name) for name in times),
        *_status(mapping, text("status"), "status" in sources, times["closed_at"]),
        *_point(points),
        text("stated_territory").str.replace(_CODE, "$1").alias("stated_territory"),
        *(text(name).alias(name) for name in ("address", "text", "person", "channel")),
        *(given(name) for name in ("occurred_at", "closed_at", "lon", "lat")),
    ]


def _text(source: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(source)
    if dtype == pl.String:
        stripped = column.str.strip_chars()
        return pl.when(stripped != "").then(stripped)
    if dtype.is_float():
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2**53)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .when(column.is_not_nan())
            .then(column.cast(pl.String))
        )
    return column.cast(pl.String)


def _number(source: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(source)
    if dtype == pl.String:
        return column.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if not dtype.is_numeric():  # true is no longitude, and neither is a date
        return pl.when(column.is_null()).then(None).otherwise(float("nan"))
    return column.cast(pl.Float64, strict=False)


def _service(mapping: Mapping, raw: pl.Expr, mapped: bool) -> list[pl.Expr]:
    """Name and domain of the service. Null stays null only when there is no default."""
    domain, names, default = pl.lit(mapping.domain), mapping.service.names, mapping.service.default
    if not mapped:
        return [domain.alias("domain"), pl.lit(default, dtype=pl.String).alias("service")]
    service = raw
    if names:
        service = raw.replace(list(names), [entry.name for entry in names.values()])
        own = {name: entry.domain for name, entry in names.items() if entry.domain}
        if own:
            domain = raw.replace_strict(
                list(own), list(own.values()), default=pl.lit(mapping.domain), return_dtype=pl.String
            )
    if default is not None:
        service = service.fill_null(default)
    return [domain.alias("domain"), service.alias("service")]


def _status(mapping: Mapping, raw: pl.Expr, mapped: bool, closed_at: pl.Expr) -> list[pl.Expr]:
    """State, duplicate mark, and the word behind them. Without a word, a closing time says closed."""
    derived = pl.when(closed_at.is_not_null()).then(pl.lit("closed")).otherwise(pl.lit("open"))
    if not mapped:
        return [
            derived.alias("status"),
            pl.lit(value=False).alias("marked_duplicate"),
            pl.lit(None, dtype=pl.String).alias("@status"),
            pl.lit(value=False).alias("@status_unknown"),
        ]
    words = mapping.status
    states = {word.strip().lower(): "open" for word in words.open}
    states |= {word.strip().lower(): "closed" for word in words.closed}
    duplicates = [word.strip().lower() for word in words.duplicate]
    known = [*states, *duplicates]
    word = raw.str.to_lowercase()
    if states:
        state = word.replace_strict(list(states), list(states.values()), default=None, return_dtype=pl.String)
        derived = pl.coalesce(state, derived)
    return [
        derived.alias("status"),
        word.is_in(duplicates).fill_null(value=False).alias("marked_duplicate"),
        word.alias("@status"),
        (~word.is_in(known)).fill_null(value=False).alias("@status_unknown"),
    ]


def _point(points: dict[str, pl.Expr]) -> list[pl.Expr]:
    """Position, or null for both: half a position is none, and 0, 0 is how software writes "unknown"."""
    none = pl.lit(None, dtype=pl.Float64)
    if len(points) < 2:
        return [none.alias(name) for name in ("lon", "lat", "@lon", "@lat")]
    lon, lat = points["lon"], points["lat"]
    known = lon.is_finite() & lat.is_finite() & ((lon != 0) | (lat != 0))
    return [
        pl.when(known).then(lon).alias("lon"),
        pl.when(known).then(lat).alias("lat"),
        lon.alias("@lon"),
        lat.alias("@lat"),
    ]
