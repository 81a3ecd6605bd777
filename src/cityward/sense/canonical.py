"""From the columns of a source to those of an interaction or observation: expressions only, no data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from cityward.core.frames import UTC_TIME
from cityward.core.properties import PROPERTIES, conversion, property_name, unit_sign
from cityward.sense.mapping import Mapping, ObservationMapping, Reading
from cityward.sense.stamps import first_way, to_utc

_CODE = r"^(-?\d+)\.0+$"
"""A whole number that a spreadsheet made a fraction: 61.0 is the code 61."""


def with_times(raw: pl.DataFrame, mapping: Reading) -> pl.DataFrame:
    """Add the mapping's times as ``@occurred_at`` and the like, in UTC; null where missing or unreadable.

    Each column is first read as its first value is written, both in one pass; only a column in which
    that leaves gaps is read in every way.
    """
    sources = {name: source for name, source in mapping.sources().items() if source in raw}
    times = {name: sources[name] for name in mapping.times if name in sources}
    firsts = {} if mapping.date_formats else {name: first_way(raw[at], mapping.time_zone) for name, at in times.items()}
    passes = [way.alias(f"@{name}") for name, way in firsts.items() if way is not None]
    frame = raw.with_columns(passes) if passes else raw
    slow = [
        to_utc(raw[source], mapping.time_zone, order=mapping.date_order, formats=mapping.date_formats).alias(f"@{name}")
        for name, source in times.items()
        if firsts.get(name) is None or frame[f"@{name}"].null_count() != raw[source].null_count()
    ]
    return frame.with_columns(slow) if slow else frame


def canonical(mapping: Reading, schema: pl.Schema) -> list[pl.Expr]:
    """Expressions over a source's columns that give those of an interaction or observation, and what checks need.

    The latter begin with ``@``: coordinates before they are judged, the status word, whether it is
    unknown, and whether times, coordinates and values were given at all.
    """
    source = Source({name: at for name, at in mapping.sources().items() if at in schema}, schema)
    if isinstance(mapping, ObservationMapping):
        return _observation(mapping, source)
    assert isinstance(mapping, Mapping)  # noqa: S101 - there is no third kind
    return _interaction(mapping, source)


@dataclass(frozen=True, slots=True)
class Source:
    """The columns of a source by what they are mapped to, and their types."""

    columns: dict[str, str]
    schema: pl.Schema

    def text(self, name: str) -> pl.Expr:
        """Text without blanks around it; null where there is none."""
        if name not in self.columns:
            return pl.lit(None, dtype=pl.String)
        return _text(self.columns[name], self.schema[self.columns[name]])

    def number(self, name: str) -> pl.Expr:
        """A number; what is none is null or NaN."""
        return _number(self.columns[name], self.schema[self.columns[name]])

    def given(self, name: str) -> pl.Expr:
        """Whether the cell holds anything, as ``@name_given``."""
        if name not in self.columns:
            return pl.lit(value=False).alias(f"@{name}_given")
        column, dtype = pl.col(self.columns[name]), self.schema[self.columns[name]]
        blank = column.str.strip_chars() == "" if dtype == pl.String else pl.lit(value=False)
        missing = column.is_nan() if dtype.is_float() else blank
        return (column.is_not_null() & ~missing).fill_null(value=False).alias(f"@{name}_given")

    def time(self, name: str) -> pl.Expr:
        """A time that `with_times` has read."""
        return pl.col(f"@{name}") if name in self.columns else pl.lit(None, dtype=UTC_TIME)

    def point(self) -> list[pl.Expr]:
        """Position, and what was given for it."""
        return _point({name: self.number(name) for name in ("lon", "lat") if name in self.columns})

    def code(self) -> pl.Expr:
        """The territory that the source states."""
        return self.text("stated_territory").str.replace(_CODE, "$1").alias("stated_territory")


def _interaction(mapping: Mapping, source: Source) -> list[pl.Expr]:
    return [
        pl.lit(mapping.source).alias("source"),
        source.text("id").alias("id"),
        pl.lit(mapping.kind).alias("kind"),
        *_service(mapping, source.text("service"), "service" in source.columns),
        *(source.time(name).alias(name) for name in mapping.times),
        *_status(mapping, source.text("status"), "status" in source.columns, source.time("closed_at")),
        *source.point(),
        source.code(),
        *(source.text(name).alias(name) for name in ("address", "text", "person", "channel")),
        *(source.given(name) for name in (*mapping.times, "lon", "lat")),
    ]


def _observation(mapping: ObservationMapping, source: Source) -> list[pl.Expr]:
    """The value is told in the unit of its property, if that is known and the unit can be converted."""
    given = mapping.property
    named = {word.casefold(): property_name(name) for word, name in given.names.items()}

    def own(word: str | None) -> str | None:
        return None if word is None else named.get(word.strip().casefold()) or property_name(word)

    name = source.text("property").fill_null(pl.lit(given.default, dtype=pl.String))
    # Words repeat: each is looked at once.
    name = name.map_batches(lambda words: _by_word(words, own), return_dtype=pl.String)
    unit = source.text("unit").fill_null(pl.lit(given.unit, dtype=pl.String))
    unit = unit.map_batches(
        lambda words: _by_word(words, lambda word: word and unit_sign(word)), return_dtype=pl.String
    )
    pair = pl.struct(name.alias("name"), unit.alias("unit")).map_batches(_scales, return_dtype=_SCALE)
    value = source.number("value") if "value" in source.columns else pl.lit(None, dtype=pl.Float64)
    return [
        pl.lit(mapping.source).alias("source"),
        source.text("sensor").alias("sensor"),
        name.alias("property"),
        pair.struct.field("unit").alias("unit"),
        source.time("observed_at").alias("observed_at"),
        (value * pair.struct.field("factor") + pair.struct.field("offset")).alias("value"),
        *source.point(),
        source.code(),
        value.alias("@value"),
        unit.alias("@unit"),
        pair.struct.field("factor").is_not_null().alias("@unit_fits"),
        *(source.given(name) for name in ("observed_at", "value", "lon", "lat")),
    ]


_SCALE: Final = pl.Struct({"unit": pl.String, "factor": pl.Float64, "offset": pl.Float64})


def _sign(unit: str | None) -> str | None:
    return None if unit is None else unit_sign(unit)


def _by_word(words: pl.Series, change: Callable[[str | None], str | None]) -> pl.Series:
    kinds = words.unique()
    changed = [change(word) for word in kinds]
    return words.replace_strict(kinds, pl.Series(changed, dtype=pl.String), return_dtype=pl.String)


def _scales(pairs: pl.Series) -> pl.Series:
    """Unit, factor and offset of each (property, unit); null factor where the unit is not one of the property."""
    kinds = pairs.struct.unnest().unique(maintain_order=True)
    rows = []
    for name, unit in kinds.iter_rows():
        found = conversion(name, unit) if name and unit else None
        own = PROPERTIES[name].unit if found and name in PROPERTIES else unit
        rows.append((own, *(found or (None, None))))
    table = pl.DataFrame(rows, schema={"own": pl.String, "factor": pl.Float64, "offset": pl.Float64}, orient="row")
    scaled = pairs.struct.unnest().join(
        kinds.hstack(table), on=["name", "unit"], how="left", nulls_equal=True, maintain_order="left"
    )
    return scaled.select(pl.struct(unit=pl.col("own"), factor="factor", offset="offset")).to_series()


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
