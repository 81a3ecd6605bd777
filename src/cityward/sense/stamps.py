"""Times of a source as UTC: many ways to write them, daylight saving, impossible dates."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, Literal

import polars as pl

from cityward.core.frames import UTC_TIME

NAIVE: Final = pl.Datetime("us")
_HEAD: Final = 16
_SHAPES: Final = 1_000
"""Most different ways of writing a time that are tried in one column; a column with more is not one of times."""

_DATES: Final = (
    (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "slash/"),
    (r"\d{1,2}-\d{1,2}-\d{4}", "slash-"),
    (r"\d{8}", "%Y%m%d"),
    (r"\d{1,2} [A-Za-z]{3} \d{4}", "%d %b %Y"),
    (r"\d{1,2} [A-Za-z]{4,9} \d{4}", "%d %B %Y"),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", "%b %d, %Y"),
    (r"[A-Za-z]{4,9} \d{1,2}, \d{4}", "%B %d, %Y"),
)
_TIMES: Final = (
    (r"", ""),
    (r"\d{1,2}:\d{2}", "%H:%M"),
    (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
    (r"\d{1,2}:\d{2}:\d{2}[.]\d+", "%H:%M:%S%.f"),
    (r"\d{1,2}:\d{2} [AaPp][Mm]", "%I:%M %p"),
    (r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]", "%I:%M:%S %p"),
)
_ZONES: Final = ((r"", ""), (r"Z", "Z"), (r"[+-]\d{2}:?\d{2}", "%z"), (r" [+-]\d{2}:?\d{2}", " %z"), (r" UTC", " UTC"))
_PATTERN: Final = re.compile(r"([^T:]*?\d)(?:(T|, | )(\d{1,2}:.*?))?(Z| UTC| ?[+-]\d{2}:?\d{2})?$")
AMBIGUOUS: Final = r"^(0?[1-9]|1[0-2])[/-](0?[1-9]|1[0-2])[/-]\d{4}"
"""A date that is good both day first and month first."""


def to_utc(
    values: pl.Series, time_zone: str, *, order: Literal["day", "month"] | None = None, formats: tuple[str, ...] = ()
) -> pl.Series:
    """Return times in UTC (microseconds); what cannot be read becomes null.

    Parameters
    ----------
    values : polars.Series
        Text, dates, datetimes, or numbers: ``20140630``, or seconds, milliseconds, micro- or nanoseconds
        since 1970 (told apart by size).
    time_zone : str
        IANA zone of stamps without an offset. A day is its local midnight. A time that occurs twice
        is the first of both; one that clocks skip is read with the offset before the gap.
    order : {"day", "month"}, optional
        What comes first in 03/04/2014. Without it, such a date is read only if one way is possible.
    formats : tuple of str
        strptime formats, tried in order, instead of the automatic reading.
    """
    kind = values.dtype
    if kind == pl.String:
        return _from_text(values, time_zone, order, formats)
    if isinstance(kind, pl.Datetime):
        return values.cast(UTC_TIME) if kind.time_zone else localise(values.cast(NAIVE), time_zone)
    if kind == pl.Date:
        return localise(values.cast(NAIVE), time_zone)
    if kind.is_numeric():
        return _from_number(values, time_zone)
    return pl.Series(values.name, [None] * len(values), dtype=UTC_TIME)


def first_way(values: pl.Series, time_zone: str) -> pl.Expr | None:
    """Return the expression that reads times as the first of ``values`` is written, if that is plain.

    What it cannot read becomes null: the caller compares null counts and falls back on `to_utc`.
    """
    column, kind = pl.col(values.name), values.dtype
    if isinstance(kind, pl.Datetime):
        return column.cast(UTC_TIME) if kind.time_zone else _local(column.cast(NAIVE), time_zone)
    if kind == pl.Date:
        return _local(column.cast(NAIVE), time_zone)
    if kind != pl.String or not len(values):
        return None
    first = values[0] if values[0] is not None else next(iter(values.drop_nulls().head(1)), "")
    form = format_of(first)
    if form is None or "slash" in form:
        return None
    if "%z" in form:
        return column.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    naive = column.str.to_datetime(form, time_unit="us", strict=False)
    return _local(naive, "UTC" if form.endswith(("Z", " UTC")) else time_zone)


def _local(naive: pl.Expr, time_zone: str) -> pl.Expr:
    if time_zone == "UTC":
        return naive.dt.replace_time_zone("UTC")
    aware = naive.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC")


def localise(values: pl.Series, time_zone: str) -> pl.Series:
    """Return naive local times of ``time_zone`` as UTC, through every change of the clocks."""
    if time_zone == "UTC":
        return values.dt.replace_time_zone("UTC")
    aware = values.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    found = aware.dt.convert_time_zone("UTC")
    if found.null_count() == values.null_count():
        return found
    before = values.dt.offset_by("-1d").dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    skipped = before.dt.convert_time_zone("UTC") + timedelta(days=1)
    return skipped.zip_with(found.is_null(), found)


def _from_number(values: pl.Series, time_zone: str) -> pl.Series:
    number = pl.col("n")
    digits = number.cast(pl.Int64, strict=False)
    day = digits.is_between(19_000_101, 22_001_231)
    scale = (
        pl.when(number.abs() < 1e11).then(1e6).when(number.abs() < 1e14).then(1e3).when(number.abs() < 1e17).then(1.0)
    ).otherwise(1e-3)
    found = values.to_frame("n").select(
        day=pl.when(day).then(digits.cast(pl.String)).str.to_datetime("%Y%m%d", strict=False, time_unit="us"),
        moment=pl.when(~day & number.cast(pl.Float64).is_finite()).then(
            (number.cast(pl.Float64) * scale).cast(pl.Int64, strict=False)
        ),
    )
    moments = found["moment"].cast(NAIVE).dt.replace_time_zone("UTC")
    days = localise(found["day"], time_zone)
    return days.zip_with(days.is_not_null(), moments).alias(values.name)


def _from_text(values: pl.Series, time_zone: str, order: str | None, formats: tuple[str, ...]) -> pl.Series:
    text = values.str.strip_chars()
    found = pl.Series(values.name, [None], dtype=UTC_TIME).new_from_index(0, len(text))
    if formats:
        return _try(text, found, formats, time_zone, order)
    head = text.drop_nulls().head(_HEAD).to_list()
    found = _try(text, found, _formats_of(head), time_zone, order)
    left = text.filter(found.is_null() & text.is_not_null())
    if not len(left):
        return found
    spoken = _plain(text)
    if (spoken != text).any():
        return _from_text(spoken, time_zone, order, formats)
    shapes = left.str.replace_all(r"\d", "9")
    kinds = pl.DataFrame({"shape": shapes, "example": left}).group_by("shape").agg(pl.col("example").first(), pl.len())
    common = kinds.sort("len", "shape", descending=[True, False]).head(_SHAPES)["example"].to_list()
    found = _try(text, found, _formats_of(common), time_zone, order)
    digits = text.str.extract(r"^(\d{9,19})$").cast(pl.Int64, strict=False)
    if digits.null_count() == len(digits):
        return found
    return found.zip_with(found.is_not_null(), _from_number(digits, time_zone))


def _plain(text: pl.Series) -> pl.Series:
    """Times as Spanish, Portuguese and French programs write them, in the way of the others."""
    half = text.str.replace(r"(?i)(:\d\d)\s*([ap])\.?\s?m\.?$", "$1 ${2}M")
    return half.str.replace(r"(?i)\b(\d{1,2}) ?h ?(\d{2})(?: ?min)?$", "$1:$2")


def _try(text: pl.Series, found: pl.Series, formats: tuple[str, ...], time_zone: str, order: str | None) -> pl.Series:
    """Fill what is still null in ``found`` by each format in turn."""
    for form in formats:
        missing = found.is_null() & text.is_not_null()
        if missing.all():
            found = _parse(text, form, time_zone, order)
        elif missing.any():
            places = missing.arg_true()
            found = found.clone().scatter(places, _parse(text.gather(places), form, time_zone, order))
    return found


def _parse(text: pl.Series, form: str, time_zone: str, order: str | None) -> pl.Series:
    if "slash" not in form:
        return _parse_one(text, form, time_zone)
    mark = form[5]
    day_first, month_first = (form.replace(f"slash{mark}", f"%{a}{mark}%{b}{mark}%Y") for a, b in ("dm", "md"))
    if order:
        return _parse_one(text, day_first if order == "day" else month_first, time_zone)
    one, other = _parse_one(text, day_first, time_zone), _parse_one(text, month_first, time_zone)
    clear = pl.Series([None], dtype=UTC_TIME).new_from_index(0, len(text))
    clear = one.zip_with(other.is_null() | (one == other), clear)
    return other.zip_with(one.is_null(), clear).alias(text.name)


def _parse_one(text: pl.Series, form: str, time_zone: str) -> pl.Series:
    if "%z" in form:
        aware = text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        return aware.cast(UTC_TIME)
    naive = text.str.to_datetime(form, time_unit="us", strict=False)
    return localise(naive, "UTC" if form.endswith(("Z", " UTC")) else time_zone)


def _formats_of(examples: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for form in map(format_of, examples) if form))


def format_of(example: str) -> str | None:
    """Return the format in which ``example`` is written (``slash/`` stands for either order), or None."""
    match = _PATTERN.match(example)
    if not match or len(example) > 64:
        return None
    day, gap, time, zone = match[1], match[2] or "", match[3] or "", match[4] or ""
    parts = (_named(_DATES, day), gap, _named(_TIMES, time), _named(_ZONES, zone))
    if parts[0] is None or parts[2] is None or parts[3] is None:
        return None
    return "".join(part for part in parts if part)


def _named(kinds: tuple[tuple[str, str], ...], value: str) -> str | None:
    return next((form for pattern, form in kinds if re.fullmatch(pattern, value)), None)
