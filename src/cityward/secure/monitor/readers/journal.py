"""The journal of systemd: ``journalctl -o json`` and its export format, as lines of the system log.

An entry becomes a line with the fields of one, so that the same rules look at it.

**Source**: systemd, Journal Export Formats and Journal JSON Format; systemd.journal-fields(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from cityward.core.limits import MONITOR_FIELDS, MONITOR_LINE_BYTES
from cityward.secure.monitor.batches import BATCH_EVENTS, LINE
from cityward.secure.monitor.readers.documents import decoded_lines
from cityward.secure.monitor.readers.lines import by_program, hand_on

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer
    from cityward.secure.monitor.readers.reading import Reading

_TIMES: Final = ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
_DIGITS: Final = 18
"""Most digits of a time in microseconds: more are no time of this world."""

_NAME: Final = re.compile(rb"[A-Z0-9_]{1,64}")
_FIELDS: Final = {"_EXE": "image", "_CMDLINE": "commandline", "_SYSTEMD_UNIT": "unit", "PRIORITY": "priority"}
_Entry = tuple[int, dict[str, Any]]


def read_lines(chunks: Iterator[list[bytes]], source: int, to: Gatherer, told: Reading) -> None:
    """Read what ``journalctl -o json`` writes: one entry a line."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    _hand_on(decoded_lines(chunks, decoder, told, "a line is no entry of the journal"), source, to, told)


def read_export(content: bytes, source: int, to: Gatherer, told: Reading) -> None:
    """Read the export format: fields line by line, binary ones with their length, an empty line between entries."""
    _hand_on(_exported(content, told), source, to, told)


def _hand_on(entries: Iterator[_Entry], source: int, to: Gatherer, told: Reading) -> None:
    rows: list[dict[str, Any]] = []
    for number, entry in entries:
        told.received += 1
        row = _row(entry)
        told.no_time += row["at_us"] is None
        rows.append({"number": number, **row})
        if len(rows) >= BATCH_EVENTS:
            _hand_on_rows(rows, source, to)
            rows = []
    if rows:
        _hand_on_rows(rows, source, to)


def _hand_on_rows(rows: list[dict[str, Any]], source: int, to: Gatherer) -> None:
    texts = [LINE, "hostname", "program", "pid", "message", *_FIELDS.values()]
    schema: dict[str, Any] = {"number": pl.UInt32, "at_us": pl.Int64, **dict.fromkeys(texts, pl.String)}
    hand_on(by_program(pl.DataFrame(rows, schema=schema)), source, to)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    times = (_text(entry.get(name)) for name in _TIMES)
    host, message = _text(entry.get("_HOSTNAME")), _text(entry.get("MESSAGE"))
    program = _text(entry.get("SYSLOG_IDENTIFIER")) or _text(entry.get("_COMM"))
    pid = _text(entry.get("SYSLOG_PID")) or _text(entry.get("_PID"))
    return {
        "at_us": next((int(one) for one in times if one.isascii() and one.isdecimal() and len(one) <= _DIGITS), None),
        LINE: f"{host} {program}{f'[{pid}]' if pid else ''}: {message}",
        "hostname": host,
        "program": program,
        "pid": pid or None,
        "message": message,
        **{ours: _text(entry.get(theirs)) or None for theirs, ours in _FIELDS.items()},
    }


def _text(value: Any) -> str:
    """A value as text: what is binary comes as a list of bytes, and a name that is there twice as a list of values."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value).decode("utf-8", "replace")
        return ", ".join(one for one in value[:MONITOR_FIELDS] if isinstance(one, str))
    return "" if value is None or isinstance(value, dict) else str(value)


def _exported(content: bytes, told: Reading) -> Iterator[_Entry]:
    at, number = 0, 0
    while at < len(content):
        entry, at, wrong = _entry(content, at)
        if wrong:
            told.refuse(wrong)
        elif entry:
            number += 1
            yield number, entry


def _entry(content: bytes, at: int) -> tuple[dict[str, Any], int, str]:
    """One entry, where the next begins, and what is wrong with it."""
    entry: dict[str, Any] = {}
    wrong = ""
    while at < len(content):
        end = content.find(b"\n", at)
        line = content[at : end if end >= 0 else len(content)]
        at = end + 1 if end >= 0 else len(content)
        if not line:
            break
        name, equals, value = line.partition(b"=")
        if not _NAME.fullmatch(name):
            wrong = "an entry of the journal has a field without a name"
            continue
        if not equals:
            size = int.from_bytes(content[at : at + 8], "little")
            if size > MONITOR_LINE_BYTES or at + 8 + size > len(content):
                found = content.find(b"\n\n", at)
                after = len(content) if found < 0 else found + 2
                return {}, after, "an entry of the journal is cut off, or has a field that is too long"
            value, at = content[at + 8 : at + 8 + size], at + 8 + size + 1
        if len(value) > MONITOR_LINE_BYTES or len(entry) > MONITOR_FIELDS:
            wrong = "an entry of the journal is too long"
            continue
        entry[name.decode()] = value.decode("utf-8", "replace")
    return entry, at, wrong
