"""JSON events: one a line, in an array, or one after the other over many lines.

What an event is, is read from its fields: Windows' own form, winlogbeat and other shippers, ECS, OCSF, Zeek, clouds.

**Source**: Elastic Common Schema 8; OCSF 1.3 (classes 1001, 1007, 3002, 4001, 4003); Sigma taxonomy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from cityward.core.limits import MONITOR_FIELDS, MONITOR_LINE_BYTES
from cityward.secure.monitor import logsources
from cityward.secure.monitor.readers.reading import Reading, micros
from cityward.secure.monitor.readers.windows import NotAnEvent, event_of

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer
    from cityward.secure.monitor.logsources import Fields, Kind

_DEPTH: Final = 24
_WRAPPERS: Final = ("Records", "records", "value", "events", "logEvents")
_TIMES: Final = (
    "@timestamp",
    "timecreated",
    "systemtime",
    "eventtime",
    "timestamp",
    "time",
    "ts",
    "_time",
    "utctime",
    "activitydatetime",
    "createddatetime",
    "creationtime",
    "published",
    "requestreceivedtimestamp",
    "local_time",
    "date",
    "datetime",
)

_OWN: Final = {
    "process.executable": "image",
    "process.command_line": "commandline",
    "process.parent.executable": "parentimage",
    "process.parent.command_line": "parentcommandline",
    "process.working_directory": "currentdirectory",
    "process.pe.original_file_name": "originalfilename",
    "process.file.path": "image",
    "process.cmd_line": "commandline",
    "process.parent_process.file.path": "parentimage",
    "process.parent_process.cmd_line": "parentcommandline",
    "actor.process.file.path": "image",
    "actor.process.cmd_line": "commandline",
    "actor.user.name": "user",
    "user.name": "user",
    "device.hostname": "computer",
    "host.name": "computer",
    "host.hostname": "computer",
    "hostname": "computer",
    "source.ip": "sourceip",
    "src_endpoint.ip": "sourceip",
    "destination.ip": "destinationip",
    "destination.port": "destinationport",
    "destination.domain": "destinationhostname",
    "dst_endpoint.ip": "destinationip",
    "dst_endpoint.port": "destinationport",
    "dst_endpoint.hostname": "destinationhostname",
    "dns.question.name": "queryname",
    "query.hostname": "queryname",
    "file.path": "targetfilename",
    "registry.path": "targetobject",
    "registry.data.strings": "details",
    "dll.path": "imageloaded",
    "url.original": "c-uri",
    "url.path": "cs-uri-stem",
    "url.query": "cs-uri-query",
    "http.request.method": "cs-method",
    "http.response.status_code": "sc-status",
    "user_agent.original": "c-useragent",
    "powershell.file.script_block_text": "scriptblocktext",
    "winlog.channel": "channel",
    "winlog.event_id": "eventid",
    "winlog.provider_name": "provider_name",
    "winlog.computer_name": "computer",
    "event_id": "eventid",
    "log_name": "channel",
    "source_name": "provider_name",
    "sourcename": "provider_name",
    "providername": "provider_name",
    "event.code": "eventid",
}
"""Names of others, and ours; a name that is there already stays."""

Decoded = TypeVar("Decoded")
_EVENT_DATA: Final = ("winlog.event_data.", "winlog.user_data.", "event_data.", "eventdata.", "event.eventdata.")


def lines(chunks: Iterator[list[bytes]], source: int, to: Gatherer, told: Reading, name: str) -> None:
    """Read events that stand one in each line."""
    decoder = msgspec.json.Decoder()
    for number, decoded in decoded_lines(chunks, decoder, told, "a line is no JSON"):
        take(decoded, source, number, to, told, name)


def decoded_lines(
    chunks: Iterator[list[bytes]], decoder: msgspec.json.Decoder[Decoded], told: Reading, not_one: str
) -> Iterator[tuple[int, Decoded]]:
    """Each line that ``decoder`` takes, with its number; the others are counted, those of no JSON as ``not_one``."""
    number = 0
    for chunk in chunks:
        for line in chunk:
            number += 1
            if not line or line.isspace():
                continue
            if len(line) > MONITOR_LINE_BYTES:
                told.refuse("a line is too long")
                continue
            try:
                yield number, decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                told.refuse(not_one)


def whole(text: str, source: int, to: Gatherer, told: Reading, name: str) -> None:
    """Read an array of events, or events one after the other over as many lines as they like."""
    for number, decoded in enumerate(_documents(text, told), 1):
        take(decoded, source, number, to, told, name)


def _documents(text: str, told: Reading) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        if text[at].isspace() or text[at] in ",\ufeff":
            at += 1
            continue
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            told.refuse("a document is no JSON")
            after = text.find("\n{", at + 1)
            at = len(text) if after < 0 else after + 1
            continue
        yield from found if isinstance(found, list) else (found,)


def take(decoded: Any, source: int, number: int, to: Gatherer, told: Reading, name: str) -> None:
    """Take in one decoded document: an event, or a wrapper of several."""
    for one in _unwrapped(decoded):
        try:
            kind, at_us, fields = read_event(one, name)
        except (NotAnEvent, TypeError, AttributeError, RecursionError) as error:
            told.refuse("a document is no event" if not isinstance(error, NotAnEvent) else f"an event: {error}")
            continue
        told.received += 1
        told.no_time += at_us is None
        to.add(kind, at_us, source, number, fields)


def _unwrapped(decoded: Any) -> list[Any]:
    if isinstance(decoded, dict):
        if isinstance(inner := decoded.get("_source"), dict) or isinstance(inner := decoded.get("result"), dict):
            return [inner]
        for key in _WRAPPERS:
            if isinstance(held := decoded.get(key), list) and held and all(isinstance(one, dict) for one in held):
                return held
        hits = decoded.get("hits")
        if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
            return [one.get("_source", one) if isinstance(one, dict) else one for one in hits["hits"]]
    return [decoded]


def read_event(document: Any, name: str = "") -> tuple[Kind, int | None, Fields]:
    """Kind, time and fields of a JSON event; ``name`` is that of its file, which can tell which log of Zeek it is.

    Raises
    ------
    NotAnEvent
        The document is no event, or one without end.
    """
    if not isinstance(document, dict):
        raise NotAnEvent("it is no object")
    inner = document.get("Event", document)
    if isinstance(inner, dict) and isinstance(inner.get("System"), dict):
        return event_of(inner)
    fields: Fields = {}
    _flatten(document, "", fields, 0)
    at_us = next((found for key in _TIMES if key in fields and (found := micros(fields[key])) is not None), None)
    return (*_named(fields, at_us, name),)


def _named(fields: Fields, at_us: int | None, name: str) -> tuple[Kind, int | None, Fields]:
    for key in list(fields):
        for prefix in _EVENT_DATA:
            if key.startswith(prefix):
                fields.setdefault(key[len(prefix) :], fields[key])
        if (ours := _OWN.get(key)) is not None:
            fields.setdefault(ours, fields[key])
    number, channel = fields.get("eventid"), fields.get("channel", "")
    provider = fields.get("provider_name", "")
    if isinstance(number, str) and number.isdecimal() and len(number) < 10 and (channel or provider):
        event_id = int(number)
        fields = logsources.windows_fields(str(channel), event_id, fields)
        return logsources.windows(str(channel), event_id, str(provider)), at_us, fields
    if "id.orig_h" in fields or "_path" in fields:
        path = str(fields.get("_path") or name.partition(".")[0])
        return logsources.zeek(path.lower()), at_us, fields
    kind = logsources.of_service(fields) or logsources.shaped(fields)
    if kind is None and "cs-uri-stem" in fields | {}:
        kind = logsources.WEB
    return kind or logsources.UNKNOWN, at_us, fields


def _flatten(value: Any, name: str, fields: Fields, depth: int) -> None:
    if depth > _DEPTH or len(fields) > MONITOR_FIELDS:
        raise NotAnEvent("it has too many fields, or too deep ones")
    if isinstance(value, dict):
        for key, one in value.items():
            _flatten(one, f"{name}.{key}".lower() if name else str(key).lower(), fields, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _flatten(one, name, fields, depth + 1)
    elif value is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        before = fields.get(name)
        if before is None:
            fields[name] = text
        elif isinstance(before, list):
            before.append(text)
        else:
            fields[name] = [before, text]
