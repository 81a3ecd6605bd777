"""Reads a file of logs of whatever form."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core.errors import UserError
from cityward.core.limits import MONITOR_DOCUMENT_BYTES
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.readers import documents, journal, lines, tables, windows
from cityward.secure.monitor.readers.opening import Opened, opened
from cityward.secure.monitor.readers.reading import Reading, Reckoning

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer


def read_file(path: Path, source: int, to: Gatherer, reckoning: Reckoning) -> Reading:
    """Read a file, hand its events on, and say what became of it.

    Raises
    ------
    UserError
        It is not there, cannot be read, or is one document that is too large.
    """
    told = Reading(printable(str(path)))
    if path.is_dir():
        raise UserError(f"{told.file} is a folder.", "Name the files of logs that lie in it.")
    with opened(path) as file:
        told.form = _form(file)
        _read(file, path, source, to, told, reckoning)
        if file.cut:
            told.refuse(file.cut)
    return told


def form_of(begin: bytes, name: str) -> str:
    """The form of a log, from its first bytes."""
    return _form(Opened.of_bytes(name, begin))


def read_part(name: str, content: bytes, form: str, source: int, to: Gatherer, reckoning: Reckoning) -> Reading:
    """Read whole lines of a log that is being written; its form was told from its beginning (`form_of`)."""
    told = Reading(printable(name), form)
    reckoned = reckoning if reckoning.year else _reckoned(iter([content]), reckoning)
    _read(Opened.of_bytes(name, content), Path(name), source, to, told, reckoned)
    return told


_BEGINNINGS: Final = (
    ("<Event ", "windows xml"),
    ("<Event>", "windows xml"),
    ("<Events", "windows xml"),
    ("<?xml", "windows xml"),
    ("{", "json"),
    ("[{", "json"),
    ("#separator", "zeek"),
    ("#fields", "zeek"),
    ("__CURSOR=", "journal export"),
    ("__REALTIME_TIMESTAMP=", "journal export"),
)
_LINES: Final = (("audit", tables.is_audit), ("access log", tables.is_access), ("syslog", lines.is_line))


def _form(file: Opened) -> str:
    if file.head.startswith(windows.EVTX):
        return "evtx"
    first = file.first_lines()
    if not first:
        return "empty"
    begin = first[0].lstrip()
    if begin.startswith("{") and '"__REALTIME_TIMESTAMP"' in begin:
        return "journal"
    found = next((form for sign, form in _BEGINNINGS if begin.startswith(sign)), "json" if begin == "[" else "")
    if not found and "<Event " in begin:
        found = "windows xml"
    found = found or next((form for form, fits in _LINES if any(fits(line[:4_000]) for line in first)), "")
    return found or ("binary" if file.head.count(b"\0") > len(file.head) // 100 else "syslog")


def _read(file: Opened, path: Path, source: int, to: Gatherer, told: Reading, reckoning: Reckoning) -> None:
    match told.form:
        case "evtx":
            windows.read_evtx(io.BytesIO(file.whole(MONITOR_DOCUMENT_BYTES)), source, to, told)
        case "windows xml":
            _read_xml(file, source, to, told)
        case "json":
            _read_json(file, source, to, told)
        case "zeek":
            tables.zeek(file.lines(), source, to, told)
        case "audit":
            tables.audit(file.lines(), source, to, told)
        case "access log":
            tables.access(file.lines(), source, to, told)
        case "journal" | "journal export":
            _read_journal(file, source, to, told)
        case "syslog":
            reckoned = reckoning if reckoning.year else _reckoned_file(path, reckoning)
            lines.read(file.chunks(), source, to, told, reckoned)
        case "binary":
            told.refuse("the file is of no form that is known here")


def _read_xml(file: Opened, source: int, to: Gatherer, told: Reading) -> None:
    text = file.whole(MONITOR_DOCUMENT_BYTES).decode(file.encoding, "replace")
    for number, one in enumerate(windows.xml_events(text), 1):
        try:
            kind, at_us, fields = windows.event_of_xml(one)
        except windows.NotAnEvent as error:
            told.refuse(f"an event: {error}")
            continue
        told.received += 1
        told.no_time += at_us is None
        to.add(kind, at_us, source, number, fields)


def _read_journal(file: Opened, source: int, to: Gatherer, told: Reading) -> None:
    if told.form == "journal":
        journal.read_lines(file.lines(), source, to, told)
    else:
        journal.read_export(file.whole(MONITOR_DOCUMENT_BYTES), source, to, told)


def _read_json(file: Opened, source: int, to: Gatherer, told: Reading) -> None:
    first = file.head.decode(file.encoding, "replace").lstrip("\ufeff").lstrip().partition("\n")[0]
    if first.startswith("{") and first.rstrip().endswith("}"):
        documents.lines(file.lines(), source, to, told, file.name)
    else:
        text = file.whole(MONITOR_DOCUMENT_BYTES).decode(file.encoding, "replace")
        documents.whole(text, source, to, told, file.name)


def _reckoned_file(path: Path, reckoning: Reckoning) -> Reckoning:
    with opened(path) as file:
        return _reckoned(file.chunks(), reckoning)


def _reckoned(chunks: Iterator[bytes], reckoning: Reckoning) -> Reckoning:
    """The year of the first line, so that the last line is not later than the file was written."""
    gone, last = lines.years_gone(chunks)
    year = reckoning.last.year - gone
    if last and last > (reckoning.last.month, reckoning.last.day + 1):
        year -= 1
    return Reckoning(reckoning.zone, year, reckoning.last)
