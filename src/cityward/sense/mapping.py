"""A mapping says which column of a source is what; one TOML file a source."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import zoneinfo
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import polars as pl

from cityward.core.clock import is_time_zone
from cityward.core.errors import SettingsError
from cityward.core.frames import INTERACTION, OBSERVATION
from cityward.core.properties import PROPERTIES, conversion, property_name
from cityward.core.toml_text import decode_toml_text, line_of, read_toml

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
SourceName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
Kind = Literal["request", "complaint", "visit", "vote", "appeal"]
Domain = Literal[
    "health",
    "education",
    "culture",
    "environment",
    "mobility",
    "construction",
    "security",
    "energy",
    "public space",
    "participation",
]
FieldClass = Literal["public", "personal", "sensitive", "biometric", "location-of-person", "free-text"]

_SOME_DAY = pl.Series([datetime(2014, 12, 31, 13, 45, 56)])  # noqa: DTZ001 - has no zone on purpose
_OWN = ("@occurred_at", "@closed_at", "@observed_at")
_USUAL_CLASS = {"person": "personal", "text": "free-text", "address": "location-of-person"}


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a mapping; a key that it does not name is an error."""


class Columns(_Section, frozen=True, kw_only=True):
    """Column of the source behind each column of an interaction; ``id`` and ``occurred_at`` must be given."""

    id: Text
    occurred_at: Text
    closed_at: Text | None = None
    status: Text | None = None
    service: Text | None = None
    lon: Text | None = None
    lat: Text | None = None
    stated_territory: Text | None = None
    address: Text | None = None
    text: Text | None = None
    person: Text | None = None
    channel: Text | None = None


class StatusWords(_Section, frozen=True, kw_only=True):
    """Words of the source for each state, in any letter case.

    A word under ``duplicate`` marks a duplicate and may stand under ``open`` or ``closed`` too; when it
    does not, a row with a closing time is closed.
    """

    open: tuple[Text, ...] = ()
    closed: tuple[Text, ...] = ()
    duplicate: tuple[Text, ...] = ()


class ServiceName(_Section, frozen=True, kw_only=True):
    """What a service of the source is called here, and its domain when that differs."""

    name: Text
    domain: Domain | None = None


class Services(_Section, frozen=True, kw_only=True):
    """Names of services; one that is not listed keeps the name that the source gives it."""

    default: Text | None = None
    names: dict[str, ServiceName] = {}


class Reading(_Section, frozen=True, kw_only=True):
    """How one source is read, whatever its rows are.

    ``time_zone`` (IANA) is that of stamps without an offset. Rows before ``not_before`` (a local day) go
    to quarantine. ``date_order`` decides what 03/04/2014 means; ``date_formats`` (strptime) replaces the
    automatic reading of times. ``encoding`` and ``delimiter`` are found out when not given.
    """

    frame: ClassVar[pl.Schema] = INTERACTION
    times: ClassVar[tuple[str, ...]] = ("occurred_at", "closed_at")

    source: SourceName
    columns: Any
    time_zone: Text = "UTC"
    not_before: date | None = None
    encoding: Text | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    date_order: Literal["day", "month"] | None = None
    date_formats: tuple[Text, ...] = ()
    classes: dict[str, FieldClass] = {}

    def sources(self) -> dict[str, str]:
        """Canonical column → column of the source, of the columns that are mapped."""
        named = {name: getattr(self.columns, name) for name in self.columns.__struct_fields__}
        return {name: source for name, source in named.items() if source is not None}

    def wanted(self) -> list[str]:
        """Columns of the source that are read at all: those mapped, then those only classed."""
        return list(dict.fromkeys([*self.sources().values(), *self.classes]))

    def extras(self) -> dict[str, str]:
        """Column of the source → its name beside the frame, of columns that are classed but not mapped."""
        mapped = set(self.sources().values())
        extra = [name for name in self.classes if name not in mapped]
        return {name: f"{name} (column of the source)" if name in self.frame else name for name in extra}

    def class_of(self, name: str) -> FieldClass:
        """Field class of a canonical column."""
        source = self.sources().get(name)
        declared = self.classes.get(source) if source else None
        usual: Any = _USUAL_CLASS.get(name, "public")
        return declared or usual

    def all_classes(self) -> dict[str, str]:
        """Field class of every column of the frame and of the extra columns."""
        own: dict[str, str] = {name: self.class_of(name) for name in self.frame}
        return own | {name: self.classes[source] for source, name in self.extras().items()}


class Mapping(Reading, frozen=True, kw_only=True):
    """How a source of interactions is read."""

    kind: Kind
    domain: Domain
    columns: Columns
    status: StatusWords = StatusWords()
    service: Services = Services()


class ObservationColumns(_Section, frozen=True, kw_only=True):
    """Column of the source behind each column of an observation; the first three must be given."""

    sensor: Text
    observed_at: Text
    value: Text
    property: Text | None = None
    unit: Text | None = None
    lon: Text | None = None
    lat: Text | None = None
    stated_territory: Text | None = None


class Measured(_Section, frozen=True, kw_only=True):
    """What is measured and in which unit, of rows that do not say so; ``names`` are the source's own names."""

    default: Text | None = None
    unit: Text | None = None
    names: dict[str, Text] = {}


class SensorList(_Section, frozen=True, kw_only=True):
    """Where sensors stand, of a source whose rows do not say so: a file beside the mapping, and its columns."""

    file: Text
    sensor: Text
    lon: Text
    lat: Text


class ObservationMapping(Reading, frozen=True, kw_only=True):
    """How a source of observations is read."""

    frame: ClassVar[pl.Schema] = OBSERVATION
    times: ClassVar[tuple[str, ...]] = ("observed_at",)

    kind: Literal["observation"]
    columns: ObservationColumns
    property: Measured = Measured()
    sensors: SensorList | None = None


class SensorColumns(_Section, frozen=True, kw_only=True):
    """Columns of a list of sensors."""

    sensor: Text
    lon: Text
    lat: Text

    def given(self) -> dict[str, str]:
        """Canonical column → column of the list."""
        return {"sensor": self.sensor, "lon": self.lon, "lat": self.lat}


class SensorReading(Reading, frozen=True, kw_only=True):
    """How a list of sensors is read."""

    columns: SensorColumns


class _Kind(msgspec.Struct):
    kind: str = ""


def load_mapping(path: Path) -> Reading:
    """Read and check a mapping.

    Raises
    ------
    SettingsError
        Names the file, the line, what is wrong and what to write instead.
    """
    text = read_toml(path)
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str) -> Reading:
    """As `load_mapping`, for a text whose origin is called ``name``."""
    kind: type[Reading] = Mapping
    with contextlib.suppress(SettingsError):  # told below, beside what else is wrong
        if decode_toml_text(text, _Kind, name).kind == "observation":
            kind = ObservationMapping
    mapping = decode_toml_text(text, kind, name)
    for key, what, remedy in _slips(mapping):
        raise SettingsError(f"{name}, line {line_of(text, key)}: {what}", remedy)
    return mapping


def _slips(mapping: Reading) -> list[tuple[str, str, str]]:
    """What is wrong beyond types: (key path, what, remedy), worst first."""
    found = [*_slips_of_time(mapping), *_slips_of_text(mapping), *_slips_of_columns(mapping)]
    if isinstance(mapping, Mapping):
        found += [*_slips_of_service(mapping), *_slips_of_status(mapping)]
    if isinstance(mapping, ObservationMapping):
        found += _slips_of_property(mapping)
    return found


def _slips_of_time(mapping: Reading) -> list[tuple[str, str, str]]:
    found = []
    if not is_time_zone(mapping.time_zone):
        close = difflib.get_close_matches(mapping.time_zone, zoneinfo.available_timezones() - {mapping.time_zone}, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else "Write an IANA name such as 'America/Bogota'."
        found.append((".time_zone", f"there is no time zone '{mapping.time_zone}'.", hint))
    found += [
        (".date_formats", f"'{form}' is no format of a whole date.", "Write one such as '%d/%m/%Y %H:%M'.")
        for form in mapping.date_formats
        if not _is_format(form)
    ]
    return found


def _is_format(form: str) -> bool:
    """Whether a day that is written in a format can be read from it again."""
    try:
        written = _SOME_DAY.dt.replace_time_zone("UTC").dt.strftime(form)
        read = written.str.to_datetime(form, time_unit="us", time_zone="UTC" if "%z" in form else None, strict=False)
    except pl.exceptions.PolarsError:
        return False
    return read.dt.date().to_list() == _SOME_DAY.dt.date().to_list()


def _slips_of_text(mapping: Reading) -> list[tuple[str, str, str]]:
    found = []
    if mapping.encoding and not _is_encoding(mapping.encoding):
        remedy = "Write 'utf-8', 'cp1252', 'utf-16', or leave it out."
        found.append((".encoding", f"there is no encoding '{mapping.encoding}'.", remedy))
    mark = mapping.delimiter
    if mark and (mark.isalnum() or not mark.isascii() or mark in "\"'" or (mark != "\t" and not mark.isprintable())):
        remedy = "Write ',', ';', '|' or '\\t', or leave it out."
        found.append((".delimiter", "that character cannot part columns.", remedy))
    return found


def _is_encoding(name: str) -> bool:
    try:
        encoded = "a".encode(name)  # knows texts alone: zlib and the like end here
        codecs.getincrementaldecoder(name)("replace").decode(encoded, final=True)
        b"a".decode(name, errors="ignore")
    except (LookupError, ValueError):
        return False
    return True


def _slips_of_columns(mapping: Reading) -> list[tuple[str, str, str]]:
    columns, found = mapping.columns, []
    found += [
        (".columns", f"a column called '{name}' cannot be told from a pattern.", "Rename it in the file and here.")
        for name in mapping.wanted()
        if name == "*" or (name.startswith("^") and name.endswith("$")) or name in _OWN
    ]
    if (columns.lon is None) != (columns.lat is None):
        given, missing = ("lon", "lat") if columns.lat is None else ("lat", "lon")
        found.append((f".columns.{given}", f"{given} is given without {missing}.", f"Add {missing}, or take both out."))
    return found


def _slips_of_service(mapping: Mapping) -> list[tuple[str, str, str]]:
    if mapping.columns.service is not None or mapping.service.default is not None:
        return []
    remedy = 'Add the column, or [service] with default = "what people ask for".'
    return [(".columns", "neither a service column nor a default service is given.", remedy)]


def _slips_of_property(mapping: ObservationMapping) -> list[tuple[str, str, str]]:
    """A property and a unit are needed; a unit in which the property cannot be given is told at once."""
    given, found = mapping.property, []
    if mapping.columns.property is None and given.default is None:
        remedy = 'Add the column, or [property] with default = "pm2_5".'
        found.append((".columns", "neither a property column nor a default property is given.", remedy))
    if mapping.columns.unit is None and given.unit is None:
        found.append((".columns", "no unit is given.", 'Add the column, or [property] with unit = "µg/m³".'))
    if mapping.columns.property is None and given.default and given.unit:
        name = property_name(given.default)
        if conversion(name, given.unit) is None:
            remedy = f"It is told in {PROPERTIES[name].unit}."
            found.append((".property.unit", f"{name} cannot be given in '{given.unit}'.", remedy))
    if mapping.sensors and mapping.columns.lon is not None:
        remedy = "Take [sensors] out, or lon and lat under [columns]."
        found.append((".sensors", "positions are given twice: by columns and by a list of sensors.", remedy))
    if mapping.sensors and Path(mapping.sensors.file).name != mapping.sensors.file:
        remedy = "Put it beside the mapping and write its name only."
        found.append((".sensors.file", "the list of sensors is not a file beside the mapping.", remedy))
    return found


def _slips_of_status(mapping: Mapping) -> list[tuple[str, str, str]]:
    words, found = mapping.status, []
    if mapping.columns.status and not (words.open or words.closed or words.duplicate):
        remedy = 'Add [status] with open = ["..."] and closed = ["..."].'
        found.append((".columns.status", "a status column is given but none of its words.", remedy))
    both = {word.casefold() for word in words.open} & {word.casefold() for word in words.closed}
    found += [
        (".status", f"'{word}' stands under both open and closed.", "Keep it under one of them.")
        for word in sorted(both)
    ]
    return found
