"""A shortcut for small messages: it may only say yes.

A frame of one row costs as much as one of ten thousand, nearly all of it set-up. Messages whose every
value is plainly fine become one batch here, without expressions; at the least doubt `decode` returns None
and `cityward.sense.validate` decides. Where both answer, they answer the same (a property test holds it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from cityward.core.batch import Batch
from cityward.core.frames import INTERACTION, QUARANTINE, UTC_TIME
from cityward.core.limits import CLOCK_SKEW_HOURS, ID_CHARS, TEXT_CHARS, YEAR_MIN
from cityward.sense.mapping import Mapping, Reading
from cityward.sense.sources import Decoded, ndjson, numbered
from cityward.sense.validate import validate

MESSAGE_BYTES: Final = 128 * 2**10
"""Largest message that is worth the shortcut."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?"
).fullmatch
_WHITE: Final = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space as Unicode defines it; ``str.strip`` without it would strip control characters too."""

_TEXTS: Final = {
    "id": ID_CHARS,
    "service": ID_CHARS,
    "status": ID_CHARS,
    "stated_territory": ID_CHARS,
    "address": TEXT_CHARS,
    "text": TEXT_CHARS,
    "person": ID_CHARS,
    "channel": ID_CHARS,
}
_EMPTY: Final = pl.DataFrame(schema=QUARANTINE)
_NOTHING: Final = pl.DataFrame()
_KEPT: Final = 64


class _Doubt(Exception):
    """Something that `cityward.sense.validate` has to look at."""


@dataclass(frozen=True, slots=True)
class _Plan:
    mapping: Mapping
    sources: dict[str, str]
    extras: dict[str, str]
    classes: dict[str, str]
    states: dict[str, str]
    duplicates: frozenset[str]
    names: dict[str, str]
    domains: dict[str, str]
    zone: tzinfo
    first: int


_plans: dict[int, _Plan] = {}


def decode(bodies: Sequence[bytes], mapping: Reading, now: datetime, origin: str) -> tuple[Batch, list[int]] | None:
    """Return the batch of small messages of NDJSON with the rows of each.

    None when anything about any of them is not plain. Messages of observations become one batch by the
    usual way: sensors send so many that a group of them is worth its expressions.
    """
    if mapping.date_formats or mapping.encoding:
        return None
    if any(len(body) > MESSAGE_BYTES or ndjson.NUL in body for body in bodies):
        return None
    try:
        names, values, heights = ndjson.columns_of(bodies, mapping)
        if 0 in heights:
            return None
        if not isinstance(mapping, Mapping):
            return _observations(names, values, mapping, now, origin), heights
        return _batch(dict(zip(names, values, strict=True)), _plan_of(mapping), now, origin), heights
    except (_Doubt, msgspec.DecodeError, ValueError, OverflowError, RecursionError):
        return None


def _observations(names: list[str], values: list[list[Any]], mapping: Reading, now: datetime, origin: str) -> Batch:
    if any({dict, list} & set(map(type, column)) for column in values):
        raise _Doubt
    frame = ndjson.table(names, values)
    batch = validate(Decoded(frame, numbered(1, frame.height)), mapping, now, origin, from_file=False)
    if batch.quarantine.height:
        raise _Doubt  # whose row it is can only be told message by message
    return batch


def _plan_of(mapping: Mapping) -> _Plan:
    plan = _plans.get(id(mapping))
    if plan is None or plan.mapping is not mapping:
        if len(_plans) >= _KEPT:
            _plans.clear()
        zone, first = ZoneInfo(mapping.time_zone), date(YEAR_MIN, 1, 1)
        first = max(first, mapping.not_before or first)
        words = mapping.status
        plan = _plans[id(mapping)] = _Plan(
            mapping=mapping,
            sources=mapping.sources(),
            extras=mapping.extras(),
            classes=mapping.all_classes(),
            states={word.strip().lower(): "open" for word in words.open}
            | {word.strip().lower(): "closed" for word in words.closed},
            duplicates=frozenset(word.strip().lower() for word in words.duplicate),
            names={raw: entry.name for raw, entry in mapping.service.names.items()},
            domains={raw: entry.domain for raw, entry in mapping.service.names.items() if entry.domain},
            zone=zone,
            first=_microseconds(datetime(first.year, first.month, first.day, tzinfo=zone)),
        )
    return plan


def _batch(given: dict[str, list[Any]], plan: _Plan, now: datetime, origin: str) -> Batch:
    height = len(next(iter(given.values())))
    mapping, none = plan.mapping, [None] * height

    def column(name: str) -> list[Any]:
        return given[plan.sources[name]] if name in plan.sources else none

    texts = {name: _text(column(name), chars) for name, chars in _TEXTS.items()}
    latest = _microseconds(now.astimezone(UTC)) + CLOCK_SKEW_HOURS * 3_600_000_000
    occurred = _times(column("occurred_at"), plan, latest)
    closed = _times(column("closed_at"), plan, latest)
    if None in occurred or None in texts["id"]:
        raise _Doubt
    if any(end is not None and end < start for start, end in zip(occurred, closed, strict=True)):  # type: ignore[operator]
        raise _Doubt
    if any(code is not None and "." in code for code in texts["stated_territory"]):
        raise _Doubt
    service, domain = _services(texts["service"], plan)
    status, duplicate = _states(texts["status"], closed, plan)
    lon, lat = _points(column("lon"), column("lat"))
    data: dict[str, list[Any]] = {
        "source": [mapping.source] * height,
        "kind": [mapping.kind] * height,
        "domain": domain,
        "service": service,
        "occurred_at": occurred,
        "closed_at": closed,
        "status": status,
        "marked_duplicate": duplicate,
        "lon": lon,
        "lat": lat,
        **{name: texts[name] for name in ("id", "stated_territory", "address", "text", "person", "channel")},
    }
    frame = pl.DataFrame([_SERIES[name](name, data[name]) for name in INTERACTION])
    extra = ndjson.table(list(plan.extras.values()), [given[name] for name in plan.extras]) if plan.extras else _NOTHING
    return Batch(mapping.source, origin, height, frame, _EMPTY, plan.classes, extra)


def _series(dtype: Any) -> Callable[[str, list[Any]], pl.Series]:
    if dtype == UTC_TIME:
        return lambda name, values: pl.Series(name, values, dtype=pl.Int64).cast(UTC_TIME)
    return lambda name, values: pl.Series(name, values, dtype=dtype)


_SERIES: Final = {name: _series(dtype) for name, dtype in INTERACTION.items()}


def _text(values: list[Any], most_chars: int) -> list[str | None]:
    """Text without the blanks around it; whole numbers become text if all are such."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int}:
        if any(value is not None and abs(value) >= 2**63 for value in values):
            raise _Doubt
        return [None if value is None else str(value) for value in values]
    if kinds and kinds != {str}:
        raise _Doubt
    if not kinds:
        return values
    texts = [None if value is None else value.strip(_WHITE) or None for value in values]
    if any(text is not None and len(text) > most_chars for text in texts):
        raise _Doubt
    return texts


def _times(values: list[Any], plan: _Plan, latest: int) -> list[int | None]:
    """ISO 8601 stamps as microseconds since 1970."""
    found: list[int | None] = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        if type(value) is not str or not _STAMP(value):
            raise _Doubt
        moment = datetime.fromisoformat(value)
        at = _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=plan.zone))
        if not plan.first <= at <= latest:
            raise _Doubt
        found.append(at)
    return found


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _services(values: list[str | None], plan: _Plan) -> tuple[list[str], list[str]]:
    default, own = plan.mapping.service.default, plan.mapping.domain
    if default is None and None in values:
        raise _Doubt
    names = [default if value is None else plan.names.get(value, value) for value in values]
    domains = [own if value is None else plan.domains.get(value, own) for value in values]
    return names, domains  # type: ignore[return-value]


def _states(values: list[str | None], closed: list[int | None], plan: _Plan) -> tuple[list[str], list[bool]]:
    states, duplicates = [], []
    for value, end in zip(values, closed, strict=True):
        word = None if value is None else value.lower()
        state = plan.states.get(word) if word else None
        marked = word in plan.duplicates
        if word and state is None and not marked:
            raise _Doubt
        states.append(state or ("open" if end is None else "closed"))
        duplicates.append(marked)
    return states, duplicates


def _points(lons: list[Any], lats: list[Any]) -> tuple[list[float | None], list[float | None]]:
    places: list[tuple[float | None, float | None]] = []
    for lon, lat in zip(lons, lats, strict=True):
        if {type(lon), type(lat)} - {float, int, type(None)}:
            raise _Doubt
        if lon is None or lat is None:
            if lon is not None or lat is not None:
                raise _Doubt
            places.append((None, None))
        elif not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise _Doubt
        else:
            places.append((None, None) if lon == 0 and lat == 0 else (float(lon), float(lat)))
    return [place[0] for place in places], [place[1] for place in places]
