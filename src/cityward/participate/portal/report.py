"""One report as a form says it: read without ever failing, with what is missing told by field."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec

from cityward.core.errors import UserError
from cityward.core.records import Record

OTHER: Final = "Something else"
"""The service of what no service of the city is for: what a resident calls it stands in the text, not in a name."""

CHANNELS: Final = ("web", "phone", "paper", "counter")
"""Ways by which a report comes; no report counts more or less for its way."""

WORDS_CHARS_MAX: Final = 2_000
LINE_CHARS_MAX: Final = 200
TYPED_CHARS: Final = 4_000
"""What a form shows again of what was typed: more than is taken, so that it can be shortened."""

FIELDS: Final = ("service", "what", "area", "address", "point", "words")

_NUMBER = r"[+-]?\d{1,3}(?:\.\d{1,15})?"
_POINT = re.compile(rf"(?:geo:)?\s*({_NUMBER})\s*[,; ]\s*({_NUMBER})")
_HIDDEN = frozenset("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Signs that turn the direction of text round, or cannot be seen."""


class Said(Record, frozen=True, kw_only=True):
    """What a form says. ``area`` is the identifier of a territory; degrees are WGS 84."""

    service: str
    what: str = ""
    area: str = ""
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    words: str = ""


class NoReport(UserError):
    """A form that is no report; ``problems`` names, by field, what is wrong."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__("This form is not filled in.", f"Look at: {', '.join(problems)}.")


def clean(text: str, most: int, *, lines: bool = False) -> str:
    """Text in composed signs, without control characters, cut at ``most``; line breaks stay where ``lines``."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(
        sign if (sign == "\n" and lines) else " " if unicodedata.category(sign) == "Cc" else sign
        for sign in text
        if sign not in _HIDDEN and unicodedata.category(sign) != "Cs"
    )
    if not lines:
        kept = " ".join(kept.split())
    return kept.strip()[:most]


def read(
    fields: Mapping[str, str], services: Collection[str], areas: Mapping[str, str]
) -> tuple[Said | None, dict[str, str]]:
    """Read a form.

    Parameters
    ----------
    fields : mapping of str to str
        `FIELDS`, as they were typed; one that is missing is empty.
    services : collection of str
        Names of services that the city knows; `OTHER` is always one.
    areas : mapping of str to str
        Names of areas by their identifiers; an area is given by either.

    Returns
    -------
    said : Said or None
        None when something is wrong.
    problems : dict of str to str
        By field, the name of what is wrong with it.
    """
    problems: dict[str, str] = {}
    service = clean(fields.get("service", ""), LINE_CHARS_MAX)
    what, address = (clean(fields.get(name, ""), LINE_CHARS_MAX) for name in ("what", "address"))
    words = clean(fields.get("words", ""), WORDS_CHARS_MAX + 1, lines=True)
    if service not in services and service != OTHER:
        problems["service"] = "no_service"
    if len(words) > WORDS_CHARS_MAX:
        problems["words"] = "words_long"
    if service == OTHER and not what and not words:
        problems["what"] = "no_what"
    area = area_of(fields.get("area", ""), areas)
    if area is None:
        problems["area"] = "no_area"
    point = point_of(fields.get("point", ""))
    if point is None:
        problems["point"] = "no_point"
    if not (problems or area or address or point):
        problems["area"] = "no_where"
    if problems or point is None or area is None:
        return None, problems
    lat, lon = point or (None, None)
    return Said(service=service, what=what, area=area, address=address, lon=lon, lat=lat, words=words), {}


def read_proposal(fields: Mapping[str, str], service: str, areas: Mapping[str, str]) -> Said:
    """Read a proposal of a project: a name, perhaps an area, and words; raises `NoReport`."""
    what = clean(fields.get("what", ""), LINE_CHARS_MAX)
    words = clean(fields.get("words", ""), WORDS_CHARS_MAX + 1, lines=True)
    area = area_of(fields.get("area", ""), areas)
    problems = {
        field: name
        for field, name, wrong in (
            ("what", "no_what", not what),
            ("words", "words_long", len(words) > WORDS_CHARS_MAX),
            ("area", "no_area", area is None),
        )
        if wrong
    }
    if problems:
        raise NoReport(problems)
    return Said(service=service, what=what, area=area or "", words=words)


def area_of(typed: str, areas: Mapping[str, str]) -> str | None:
    """The identifier of an area that is given by identifier or name; empty when none is, None when it is no area."""
    typed = clean(typed, LINE_CHARS_MAX)
    if not typed or typed in areas:
        return typed
    named = [identifier for identifier, name in areas.items() if name.casefold() == typed.casefold()]
    return named[0] if len(named) == 1 else None


def point_of(typed: str) -> tuple[float, float] | tuple[()] | None:
    """Latitude and longitude in degrees, in the order in which phones show them; empty when nothing was typed.

    Returns None when it is no place on Earth.
    """
    typed = clean(typed, LINE_CHARS_MAX)
    if not typed:
        return ()
    # Where a comma is for decimals, something else parts the two.
    plain = typed if "." in typed or typed.count(",") < 2 else typed.replace(", ", " ").replace(",", ".")
    found = _POINT.fullmatch(plain)
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    return (lat, lon) if math.fabs(lat) <= 90 and math.fabs(lon) <= 180 else None


def content_of(said: Said, channel: str) -> bytes:
    """What makes a report this one and no other: all that it says, in one way of writing."""
    return msgspec.json.encode([msgspec.to_builtins(said), channel])


def row_of(said: Said, *, number: str, secret: str, at: datetime, channel: str) -> dict[str, object]:
    """A report as a row for the door in.

    The secret stands in the column of the person: what is kept of it is a pseudonym, by which whoever knows the secret
    can have the report shown or erased, and nobody else can find whose it is.
    """
    about = f"{said.what}\n{said.words}" if said.what else said.words
    row = {
        "id": number,
        "occurred_at": at.isoformat(),
        "service": said.service,
        "area": said.area,
        "address": said.address,
        "lon": said.lon,
        "lat": said.lat,
        "text": about.strip(),
        "person": secret,
        "channel": channel,
    }
    return {name: value for name, value in row.items() if value not in (None, "")}
