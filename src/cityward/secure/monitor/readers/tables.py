"""Logs with fields in order: Zeek's TSV, access logs of web servers; and the audit log of Linux."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cityward.core.limits import MONITOR_FIELDS, MONITOR_LINE_BYTES
from cityward.secure.monitor import logsources
from cityward.secure.monitor.readers.reading import EPOCH, Reading, micros

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer
    from cityward.secure.monitor.logsources import Fields

_COMBINED: Final = re.compile(
    r'^(?:\S+:\d+ )?(\S+) (\S+) (\S+) \[([^\]]{1,64})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)'
    r'(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)
_NODE: Final = re.compile(r"node=(\S{1,253}) ")
_AUDIT: Final = re.compile(r"type=(\S+) msg=audit\((\d+)(?:\.(\d+))?:\d+\):\s?(.*)$")
_PAIR: Final = re.compile(r"(?<![\w-])([A-Za-z][\w-]{0,63})=(?:\"([^\"]*)\"|'([^']*)'|(\S*))")


def is_access(line: str) -> bool:
    """Whether a line is one of an access log (common or combined form)."""
    return _COMBINED.match(line) is not None


def is_audit(line: str) -> bool:
    """Whether a line is one of auditd."""
    return _audited(line[:200]) is not None


def _audited(line: str) -> re.Match[str] | None:
    # Only the first place is tried: a line of nothing but such places would be searched in quadratic time.
    return _AUDIT.match(line, max(line.find("type="), 0))


def _texts(lines: Iterator[list[bytes]], told: Reading) -> Iterator[tuple[int, str]]:
    number = 0
    for chunk in lines:
        for line in chunk:
            number += 1
            if len(line) > MONITOR_LINE_BYTES:
                told.refuse("a line is too long")
            elif line and not line.isspace():
                yield number, line.decode("utf-8", "replace").rstrip("\r")


def access(lines: Iterator[list[bytes]], source: int, to: Gatherer, told: Reading) -> None:
    """Read an access log."""
    for number, line in _texts(lines, told):
        found = _COMBINED.match(line)
        if found is None:
            told.refuse("a line is not of the form of an access log")
            continue
        client, _, user, moment, request, status, size, referer, agent = found.groups()
        method, _, rest = request.partition(" ")
        uri = rest.rpartition(" HTTP/")[0] or rest
        stem, _, query = uri.partition("?")
        fields: Fields = {
            "@line": line,
            "c-ip": client,
            "src_ip": client,
            "cs-method": method,
            "cs-uri": uri,
            "c-uri": uri,
            "cs-uri-stem": stem,
            "cs-uri-query": query,
            "sc-status": status,
            "sc-bytes": size,
        }
        for name, value in (("cs-username", user), ("cs-referer", referer)):
            if value and value != "-":
                fields[name] = value
        if agent is not None:
            fields["cs-user-agent"] = fields["c-useragent"] = agent
        told.received += 1
        at_us = _apache(moment)
        told.no_time += at_us is None
        to.add(logsources.WEB, at_us, source, number, fields)


def _apache(text: str) -> int | None:
    try:
        moment = datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
    return int((moment - EPOCH).total_seconds() * 1e6)


def audit(lines: Iterator[list[bytes]], source: int, to: Gatherer, told: Reading) -> None:
    """Read the audit log of Linux; values that it writes in hexadecimal are decoded."""
    for number, line in _texts(lines, told):
        found = _audited(line)
        if found is None:
            told.refuse("a line is not of the form of auditd")
            continue
        fields: Fields = {"@line": line, "type": found[1]}
        for name, double, single, plain in _PAIR.findall(found[4])[:MONITOR_FIELDS]:
            if single and "=" in single:
                fields |= {key.lower(): a or b or c for key, a, b, c in _PAIR.findall(single)[:MONITOR_FIELDS]}
            fields[name.lower()] = double or single or _decoded(name, plain)
        if node := _NODE.match(line):
            fields["hostname"] = node[1]
        told.received += 1
        at_us = int(found[2]) * 1_000_000 + int((found[3] or "0")[:6].ljust(6, "0"))
        to.add(logsources.AUDITD, at_us, source, number, fields)


def _decoded(name: str, value: str) -> str:
    if re.fullmatch(r"a\d+|exe|comm|name|cwd|proctitle|cmd|data", name) and re.fullmatch(r"(?:[0-9A-F]{2})+", value):
        return bytes.fromhex(value).replace(b"\0", b" ").decode("utf-8", "replace")
    return value


def zeek(lines: Iterator[list[bytes]], source: int, to: Gatherer, told: Reading) -> None:
    """Read a log of Zeek in its own form, with the header that names its fields."""
    names: list[str] = []
    path, unset, empty = "", "-", "(empty)"
    for number, line in _texts(lines, told):
        if line.startswith("#"):
            key, _, value = line[1:].partition("\t")
            if key == "fields":
                names = [name.lower() for name in value.split("\t")]
            path, unset, empty = (
                value.lower() if key == "path" else path,
                value if key == "unset_field" else unset,
                value if key == "empty_field" else empty,
            )
            continue
        values = line.split("\t")
        if len(values) != len(names):
            told.refuse("a line has not as many values as its header names")
            continue
        fields: Fields = {
            name: "" if value == empty else value for name, value in zip(names, values, strict=True) if value != unset
        }
        if isinstance(origin := fields.get("id.orig_h"), str):
            fields["src_ip"] = origin
        at_us = micros(fields.get("ts"))
        told.received += 1
        told.no_time += at_us is None
        to.add(logsources.zeek(path), at_us, source, number, fields)
