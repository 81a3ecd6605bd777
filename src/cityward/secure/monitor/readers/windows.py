"""Windows events: EVTX files, their JSON as evtx and others write it, and XML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cityward.secure.monitor import logsources
from cityward.secure.monitor.readers.reading import Reading, micros

if TYPE_CHECKING:
    from typing import BinaryIO

    from cityward.secure.monitor.batches import Gatherer
    from cityward.secure.monitor.logsources import Fields, Kind

EVTX: Final = b"ElfFile\0"
_DEPTH: Final = 8
_FAULTS_MOST: Final = 10_000
"""Damaged records in a row after which the rest of a file is given up."""


class NotAnEvent(Exception):
    """What was read is no event; the message says why."""


def read_evtx(file: BinaryIO, source: int, to: Gatherer, told: Reading) -> None:
    """Read an EVTX file; damaged and cut-off records are counted."""
    from evtx import PyEvtxParser

    try:
        records = PyEvtxParser(file, number_of_threads=1).records_json()
    except (RuntimeError, OSError):
        told.refuse("the file is damaged at its beginning")
        return
    for record in _records(records, told):
        try:
            decoded = msgspec.json.decode(record["data"])
            kind, at_us, fields = event_of(decoded["Event"])
        except (msgspec.MsgspecError, NotAnEvent, KeyError, TypeError, AttributeError, RecursionError):
            told.refuse("a record is no event")
            continue
        told.received += 1
        told.no_time += at_us is None
        to.add(kind, at_us, source, int(record["event_record_id"]), fields)


def _records(records: Any, told: Reading) -> Iterator[dict[str, Any]]:
    faults = 0
    while faults < _FAULTS_MOST:
        try:
            yield next(records)
            faults = 0
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError):
            faults += 1
            told.refuse("a record or a chunk is damaged or cut off")


def event_of(event: dict[str, Any]) -> tuple[Kind, int | None, Fields]:
    """Kind, time and fields of an event in the form of Windows' own XML (``System``, ``EventData``, ``UserData``).

    Raises
    ------
    NotAnEvent
        It has no number.
    """
    system = event.get("System")
    if not isinstance(system, dict):
        raise NotAnEvent("it has no System part")
    number = _number(system.get("EventID"))
    channel = str(_text(system.get("Channel")) or "")
    provider = str(_attribute(system.get("Provider"), "Name") or "")
    fields: Fields = {"eventid": str(number), "channel": channel, "provider_name": provider}
    for name in ("Computer", "Level", "Task", "Opcode", "Keywords", "Version"):
        if (value := _text(system.get(name))) is not None:
            fields[name.lower()] = value
    for part in ("EventData", "UserData", "ProcessingErrorData", "RenderingInfo"):
        if held := event.get(part):
            _data(held, fields)
    at_us = micros(_attribute(system.get("TimeCreated"), "SystemTime"))
    if provider.lower().startswith("linux-sysmon"):
        return logsources.SYSMON_LINUX.get(number, logsources.kind("linux")), at_us, fields
    fields = logsources.windows_fields(channel, number, fields)
    return logsources.windows(channel, number, provider), at_us, fields


def _number(value: Any) -> int:
    text = _text(value)
    if text is None or not text.strip().isdecimal() or len(text) > 10:
        raise NotAnEvent("it has no number")
    return int(text)


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("#text")
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, dict):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _attribute(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value if name == "SystemTime" else None
    held = value.get("#attributes")
    return (held if isinstance(held, dict) else {}).get(name) or value.get(f"@{name}") or value.get(name)


def _data(held: Any, fields: Fields, depth: int = 0) -> None:
    """Fields of EventData, or of whatever UserData holds: the names of the innermost elements."""
    if isinstance(held, list):
        for one in held:
            _data(one, fields, depth)
    elif not isinstance(held, dict):
        _put(fields, "data", held)
    # EventData itself can have a name, which is not that of a field.
    elif depth and isinstance(named := held.get("@Name") or (held.get("#attributes") or {}).get("Name"), str):
        _put(fields, named.lower(), held.get("#text"))
    elif depth <= _DEPTH:
        for name, value in held.items():
            if name not in ("#attributes", "xmlns", "@xmlns"):
                _element(name, value, fields, depth)


def _element(name: str, value: Any, fields: Fields, depth: int) -> None:
    if name == "Data" and isinstance(value, dict | list):
        _data(value, fields, depth + 1)
    elif isinstance(value, dict):
        if value.keys() <= {"#text", "#attributes"}:
            _put(fields, name.lower(), value.get("#text"))
        else:
            _data(value, fields, depth + 1)
    else:
        _put(fields, "data" if name == "#text" else name.lower(), value)


def _put(fields: Fields, name: str, value: Any) -> None:
    if isinstance(value, list):
        texts = [str(one) for one in value if one is not None and not isinstance(one, dict | list)]
        before = fields.get(name, [])
        fields[name] = [*([before] if isinstance(before, str) else before), *texts]
    elif value is None:
        fields.setdefault(name, "")
    elif not isinstance(value, dict):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        held = fields.get(name)
        if name == "data" and held:
            fields[name] = [*([held] if isinstance(held, str) else held), text]
        else:
            fields[name] = text


_DATA: Final = re.compile(r"<Data(?:\s+Name\s*=\s*(?:'([^']*)'|\"([^\"]*)\"))?\s*(?:/>|>([^<]*)</Data>)")
_SIMPLE: Final = re.compile(r"<([A-Za-z][\w.-]*)(?:\s[^<>]*)?>([^<]*)</\1>")
_NAME: Final = re.compile(r"<Provider\s[^<>]*?Name\s*=\s*['\"]([^'\"]*)['\"]")
_TIME: Final = re.compile(r"SystemTime\s*=\s*['\"]([^'\"]*)['\"]")


def xml_events(text: str) -> Iterator[str]:
    """The events in a text, each as its XML; in time that grows with the text alone, whatever it holds."""
    at = 0
    while (end := text.find("</Event>", at)) >= 0:
        begin = max(text.rfind("<Event ", at, end), text.rfind("<Event>", at, end))
        if begin >= 0:
            yield text[begin:end]
        at = end + len("</Event>")


def event_of_xml(text: str) -> tuple[Kind, int | None, Fields]:
    """The same as `event_of`, of an event's XML. Read by patterns: no entity is expanded, nothing is fetched.

    Raises
    ------
    NotAnEvent
        It has no number.
    """
    head, _, rest = text.partition("</System>")
    simple = {name: html.unescape(value) for name, value in _SIMPLE.findall(head)}
    data: dict[str, Any] = {"Data": []}
    for single, double, value in _DATA.findall(rest):
        name, told = html.unescape(single or double), html.unescape(value)
        if name:
            data[name] = told
        else:
            data["Data"].append(told)
    if "<UserData" in rest:
        data |= {name: html.unescape(value) for name, value in _SIMPLE.findall(rest) if name != "Data"}
    provider, moment = _NAME.search(head), _TIME.search(head)
    system: dict[str, Any] = {
        **simple,
        "Provider": {"Name": html.unescape(provider[1]) if provider else ""},
        "TimeCreated": {"SystemTime": moment[1] if moment else None},
    }
    return event_of({"System": system, "EventData": data})
