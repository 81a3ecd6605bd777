"""What a row must satisfy, each check with its sentence for people.

Sentences name the column; they show a value only when its field class is public.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cityward.core.limits import CLOCK_SKEW_HOURS, ID_CHARS, TEXT_CHARS, YEAR_MIN
from cityward.sense.mapping import ObservationMapping, Reading
from cityward.sense.stamps import AMBIGUOUS

RAW = "raw:"
"""Prefix of the source's own value of a canonical column, beside a row that failed."""

_SHOWN_CHARS = 60
"""Longest value that is shown; what is longer in a column of codes or dates has strayed into it."""

_UNSEEN = r"[\p{Cc}\p{Cf}]"
"""Characters that could drive a terminal or turn a text round."""

_LENGTHS = {
    "stated_territory": ID_CHARS,
    "channel": ID_CHARS,
    "person": ID_CHARS,
    "address": TEXT_CHARS,
    "text": TEXT_CHARS,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over canonical columns: ``fails`` is true where it is broken, ``says`` the sentence for it."""

    column: str
    fails: pl.Expr
    says: pl.Expr


def checks_of(mapping: Reading) -> list[Check]:
    """Every check that does not depend on the time now, worst first."""
    if isinstance(mapping, ObservationMapping):
        return _of_observation(mapping)
    checks = [*_identity(mapping), *_times(mapping), *_position(mapping), *_words(mapping)]
    return [check for check in checks if check.column in mapping.sources() or check.column == "service"]


def checks_now(mapping: Reading, now: datetime) -> list[Check]:
    """Checks against the time now: stamps from the future are not believed."""
    return [
        Check(name, pl.col(name) > latest(now), _say(mapping, name, "{day}lies in the future."))
        for name in mapping.times
        if name in mapping.sources()
    ]


def latest(now: datetime) -> datetime:
    """The last time that is believed: a little after now, because clocks differ."""
    return now.astimezone(UTC) + timedelta(hours=CLOCK_SKEW_HOURS)


def with_remedy(says: pl.Expr, origin: str, from_file: bool) -> pl.Expr:
    """Add to a reason what to do next."""
    if from_file:
        return says + f" Correct the row and run 'cityward sense --replay {origin}'."
    return says + " Correct the row and send it again."


def _identity(mapping: Reading) -> list[Check]:
    column = pl.col("id")
    empty = "is empty; without it the same row could be counted twice."
    return [
        Check("id", column.is_null(), _say(mapping, "id", empty)),
        Check("id", column.str.len_chars() > ID_CHARS, _too_long(mapping, "id", ID_CHARS)),
    ]


def _times(mapping: Reading) -> list[Check]:
    occurred, closed = pl.col("occurred_at"), pl.col("closed_at")
    unread = {name: pl.col(f"@{name}_given") & pl.col(name).is_null() for name in ("occurred_at", "closed_at")}
    start, because = _earliest(mapping)
    before = pl.concat_str(
        _say(mapping, "closed_at", "{day}is before occurred_at"), _day(mapping, "occurred_at"), ignore_nulls=True
    ) + pl.lit(".")
    return [
        Check(
            "occurred_at",
            ~pl.col("@occurred_at_given"),
            _say(mapping, "occurred_at", "is empty; an interaction needs a time."),
        ),
        Check("occurred_at", unread["occurred_at"], _unreadable(mapping, "occurred_at")),
        Check("occurred_at", occurred < start, _say(mapping, "occurred_at", "{day}lies " + because)),
        Check("closed_at", unread["closed_at"], _unreadable(mapping, "closed_at")),
        Check("closed_at", closed < occurred, before),
    ]


def _earliest(mapping: Reading) -> tuple[datetime, str]:
    """The first moment that is believed, and why."""
    first, because = date(YEAR_MIN, 1, 1), f"before the year {YEAR_MIN}."
    if mapping.not_before and mapping.not_before > first:
        first, because = mapping.not_before, f"before {mapping.not_before}, its first day (not_before)."
    return datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(mapping.time_zone)).astimezone(UTC), because


def _of_observation(mapping: ObservationMapping) -> list[Check]:
    sensor, at, value = pl.col("sensor"), pl.col("observed_at"), pl.col("@value")
    start, because = _earliest(mapping)
    shown = "{value}" if "unit" in mapping.sources() else ""
    no_unit = f"is none in which that property can be given{shown}; correct it, or the mapping."
    checks = [
        Check("sensor", sensor.is_null(), _say(mapping, "sensor", "is empty; a value needs the sensor it comes from.")),
        Check("sensor", sensor.str.len_chars() > ID_CHARS, _too_long(mapping, "sensor", ID_CHARS)),
        Check("property", pl.col("property").is_null(), _say(mapping, "property", "is empty and has no default.")),
        Check("property", pl.col("property").str.len_chars() > ID_CHARS, _too_long(mapping, "property", ID_CHARS)),
        Check("unit", pl.col("@unit").is_null(), _say(mapping, "unit", "is empty and has no default.")),
        Check("unit", pl.col("@unit").is_not_null() & ~pl.col("@unit_fits"), _say(mapping, "unit", no_unit)),
        Check("observed_at", ~pl.col("@observed_at_given"), _say(mapping, "observed_at", "is empty; it needs a time.")),
        Check("observed_at", pl.col("@observed_at_given") & at.is_null(), _unreadable(mapping, "observed_at")),
        Check("observed_at", at < start, _say(mapping, "observed_at", "{day}lies " + because)),
        Check(
            "value",
            ~pl.col("@value_given"),
            _say(mapping, "value", "is empty; without it nothing was observed."),
        ),
        Check(
            "value",
            pl.col("@value_given") & ~value.is_finite().fill_null(value=False),
            _say(mapping, "value", "is not a number{value}."),
        ),
        *_position(mapping),
        Check(
            "stated_territory",
            pl.col("stated_territory").str.len_chars() > ID_CHARS,
            _too_long(mapping, "stated_territory", ID_CHARS),
        ),
    ]
    always = {"property", "unit"}
    return [check for check in checks if check.column in mapping.sources() or check.column in always]


def _position(mapping: Reading) -> list[Check]:
    lon, lat = pl.col("@lon"), pl.col("@lat")
    outside = (lon.abs() > 180) | (lat.abs() > 90)
    swapped = (lat.abs() > 90) & (lat.abs() <= 180) & (lon.abs() <= 90)
    says = (
        pl.when(swapped)
        .then(_say(mapping, "lat", "is beyond a pole: lon and lat look swapped. Exchange them in the mapping."))
        .otherwise(_say(mapping, "lat", "or lon lies outside the globe; degrees (WGS 84) are expected."))
    )
    numbers = [
        Check(
            name,
            pl.col(f"@{name}_given") & ~pl.col(f"@{name}").is_finite().fill_null(value=False),
            _say(mapping, name, "is not a number{value}; decimal degrees are expected."),
        )
        for name in ("lon", "lat")
    ]
    return [*numbers, Check("lat", outside & lon.is_finite() & lat.is_finite(), says)]


def _words(mapping: Reading) -> list[Check]:
    service, status = pl.col("service"), pl.col("@status")
    unknown = "says a word{value} that the mapping does not list under [status]; add it there or mend the row."
    no_service = 'is empty and the mapping has no default; add [service] default = "...".'
    return [
        Check("service", service.is_null(), _say(mapping, "service", no_service)),
        Check("service", service.str.len_chars() > ID_CHARS, _too_long(mapping, "service", ID_CHARS)),
        Check("status", status.is_not_null() & pl.col("@status_unknown"), _say(mapping, "status", unknown)),
        *(
            Check(name, pl.col(name).str.len_chars() > chars, _too_long(mapping, name, chars))
            for name, chars in _LENGTHS.items()
        ),
    ]


def _unreadable(mapping: Reading, name: str) -> pl.Expr:
    plain = _say(mapping, name, "is no date or time that can be read{value}.")
    either = 'may be day first or month first{value}; write date_order = "day" or "month" in the mapping.'
    if mapping.date_order or mapping.date_formats:
        return plain
    doubtful = pl.col(RAW + name).str.contains(AMBIGUOUS).fill_null(value=False)
    return pl.when(doubtful).then(_say(mapping, name, either)).otherwise(plain)


def _too_long(mapping: Reading, name: str, chars: int) -> pl.Expr:
    length = pl.col(name).str.len_chars().cast(pl.String)
    return pl.concat_str(
        pl.lit(f"{_label(mapping, name)} has "), length, pl.lit(f" characters; at most {chars:,} fit.")
    )


def _say(mapping: Reading, name: str, sentence: str) -> pl.Expr:
    """``sentence`` after the column's name; ``{value}`` and ``{day}`` show its value if it is public."""
    parts = [pl.lit(f"{_label(mapping, name)} ")]
    before, mark, after = sentence.partition("{value}")
    if not mark:
        before, mark, after = sentence.partition("{day}")
    parts.append(pl.lit(before))
    if mark == "{value}" and mapping.class_of(name) == "public":
        value = pl.col(RAW + name)
        shown = pl.concat_str(pl.lit(" ('"), value.str.replace_all(_UNSEEN, "\ufffd"), pl.lit("')"))
        parts.append(pl.when(value.str.len_chars() <= _SHOWN_CHARS).then(shown))
    elif mark == "{day}":
        parts.append(_day(mapping, name))
    return pl.concat_str(*parts, pl.lit(after), ignore_nulls=True)


def _day(mapping: Reading, name: str) -> pl.Expr:
    if mapping.class_of(name) != "public":
        return pl.lit("")
    return pl.col(name).dt.convert_time_zone(mapping.time_zone).dt.strftime("%Y-%m-%d ")


def _label(mapping: Reading, name: str) -> str:
    source = mapping.sources().get(name)
    return name if source in (None, name) else f"{name} (column '{source}')"
