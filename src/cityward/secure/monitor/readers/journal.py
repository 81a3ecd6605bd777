"""The journal of systemd: ``journalctl -o json`` and its export format.

An entry becomes a line of the system log with the fields of one, so that the same rules look at it.

**Source**: systemd, Journal Export Formats and Journal JSON Format; systemd.journal-fields(7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cityward.core.limits import MONITOR_FIELDS, MONITOR_LINE_BYTES
from cityward.secure.monitor import logsources
from cityward.secure.monitor.batches import LINE

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer
    from cityward.secure.monitor.logsources import Fields, Kind
    from cityward.secure.monitor.readers.reading import Reading

_TIMES: Final = ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
_NAME: Final = re.compile(rb"[A-Z0-9_]{1,64}")
_PART: Final = 5_000
"""Entries whose sign-ins are told together."""


def event(document: dict[str, Any]) -> tuple[Kind, int | None, Fields]:
    """Kind, time and fields of an entry; what is binary, or several values, becomes text."""
    entry = {name: _text(value) for name, value in list(document.items())[:MONITOR_FIELDS]}
    program = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""
    host, pid = entry.get("_HOSTNAME", ""), entry.get("SYSLOG_PID") or entry.get("_PID", "")
    message = entry.get("MESSAGE", "")
    fields: Fields = {name.lower(): value for name, value in entry.items() if not name.startswith("__")}
    fields |= {"hostname": host, "program": program, "pid": pid, "message": message}
    fields[LINE] = f"{host} {program}{f'[{pid}]' if pid else ''}: {message}"
    for theirs, ours in (("_EXE", "image"), ("_CMDLINE", "commandline")):
        if entry.get(theirs):
            fields[ours] = entry[theirs]
    at_us = next(
        (int(entry[name]) for name in _TIMES if entry.get(name, "").isdecimal() and len(entry[name]) < 19), None
    )
    kind = logsources.linux(program)
    return kind, at_us, fields | _sign_in(program, message, pid)


def _sign_in(program: str, message: str, pid: str) -> Fields:
    """What sshd says of a sign-in, as in a line of the system log."""
    from cityward.secure.monitor.readers.lines import sign_ins

    if not program.startswith("sshd"):
        return {}
    told = sign_ins(pl.DataFrame({"hostname": [""], "pid": [pid], "message": [message]}))
    row = told.row(0, named=True)
    return {name: value for name in ("user", "src_ip", "outcome") if (value := row.get(name)) is not None}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value).decode("utf-8", "replace")
        return ", ".join(_text(one) for one in value[:MONITOR_FIELDS])
    return "" if value is None else str(value)


def read_export(content: bytes, source: int, to: Gatherer, told: Reading) -> None:
    """Read entries of the export format: fields line by line, binary ones with their length, an empty line between."""
    at, number = 0, 0
    while at < len(content):
        number += 1
        entry, at, wrong = _entry(content, at)
        if wrong:
            told.refuse(wrong)
        elif entry:
            kind, at_us, fields = event(entry)
            told.received += 1
            told.no_time += at_us is None
            to.add(kind, at_us, source, number, fields)


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
            if size > MONITOR_LINE_BYTES or at + 8 + size >= len(content) + 1:
                return {}, _next(content, at), "an entry of the journal is cut off, or has a field that is too long"
            value, at = content[at + 8 : at + 8 + size], at + 8 + size + 1
        if len(value) > MONITOR_LINE_BYTES or len(entry) > MONITOR_FIELDS:
            wrong = "an entry of the journal is too long"
            continue
        entry[name.decode()] = value.decode("utf-8", "replace")
    if entry and not wrong and "__REALTIME_TIMESTAMP" not in entry:
        wrong = "an entry of the journal has no time"
    return entry, at, wrong


def _next(content: bytes, at: int) -> int:
    found = content.find(b"\n\n", at)
    return len(content) if found < 0 else found + 2
