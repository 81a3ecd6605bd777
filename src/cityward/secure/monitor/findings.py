"""Findings: what rules matched, grouped, with evidence, and without the names of people unless they are asked for."""

from __future__ import annotations

import hashlib
import hmac
import re
import statistics
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from cityward.core.records import Record
from cityward.secure.monitor.correlating import Hit
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.terms import Told

LEVELS: Final = ("critical", "high", "medium", "low", "informational")
SAMPLES: Final = 3
GROUPS: Final = 20
"""Values shown of each field that a finding is grouped by; the rest is counted."""

HITS: Final = 1_000
"""Hits of a correlation that are told one by one."""

GROUPED: Final[dict[str, tuple[str, ...]]] = {
    "source": (
        "src_ip",
        "sourceip",
        "ipaddress",
        "sourcenetworkaddress",
        "sourceipaddress",
        "clientip",
        "calleripaddress",
        "client.ipaddress",
        "c-ip",
        "id.orig_h",
    ),
    "host": ("computer", "hostname", "host"),
    "account": ("user", "targetusername", "accountname", "username", "userid", "useridentity.arn", "userprincipalname"),
}
"""What findings are grouped by, and the fields that say it."""

_PEOPLE: Final = re.compile(
    r"(?:^|[._-])(?:\w*user(?:name|id)?|\w*account(?:name)?|\w*user_?name|userprincipalname|email|membername|logname|"
    r"useridentity\.(?:arn|username)|src_user|caller|samaccountname|auid|acct)$"
)
_NOBODY: Final = frozenset(
    {"", "-", "system", "local service", "network service", "nt authority\\system", "root", "anonymous logon", "n/a"}
)
_HOME: Final = re.compile(r"(?i)(\\users\\|/home/|/users/)([^\\/\s\"':;,]+)")
_SHOWN: Final = (
    "@line",
    "image",
    "commandline",
    "parentimage",
    "parentcommandline",
    "targetobject",
    "details",
    "targetfilename",
    "imageloaded",
    "destinationip",
    "queryname",
    "scriptblocktext",
    "targetusername",
    "src_ip",
    "ipaddress",
    "eventname",
    "cs-uri",
    "servicename",
    "user",
    "data",
)


class Evidence(Record, frozen=True, kw_only=True):
    """One event behind a finding: its file, its line or record, its time, and some of its fields."""

    file: str
    record: int
    at: datetime | None
    fields: dict[str, str]


class Fulfilled(Record, frozen=True, kw_only=True):
    """A group that fulfilled a correlation, ``seconds`` after the first event of its window."""

    group: dict[str, str]
    count: int
    first: datetime | None
    found: datetime | None
    last: datetime | None
    seconds: float


class Finding(Record, frozen=True, kw_only=True):
    """What a rule matched. ``count`` counts events.

    ``groups`` holds, by source, host and account, the values with the most events. Of a correlation, ``hits`` holds
    the groups that fulfilled it, and ``seconds_median`` how long it took until the first hit of a group was found.
    """

    rule: str
    title: str
    level: str
    techniques: tuple[str, ...]
    rule_file: str
    correlation: bool
    count: int
    first: datetime | None
    last: datetime | None
    groups: dict[str, dict[str, int]]
    evidence: tuple[Evidence, ...]
    hits: tuple[Fulfilled, ...] = ()
    hits_left_out: int = 0
    seconds_median: float | None = None


def _of_people(field: str) -> bool:
    return _PEOPLE.search(field[-100:]) is not None


class Names:
    """Replaces names of people by names that mean the same person within one run, and nothing beyond it."""

    def __init__(self, key: bytes, *, shown: bool) -> None:
        self._key, self._shown = key, shown

    def one(self, value: str) -> str:
        """A name, or what stands for it."""
        if self._shown or value.strip().lower() in _NOBODY:
            return printable(value)
        name = value.rpartition("\\")[2].partition("@")[0].strip().lower()
        return f"person-{hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:10]}"

    def event(self, fields: dict[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
        """Some fields of an event, with the names in them replaced."""
        names = {
            part
            for field, value in fields.items()
            if _of_people(field)
            for part in (value, value.rpartition("\\")[2], value.partition("@")[0])
            if len(part) > 1 and part.strip().lower() not in _NOBODY
        }
        held: dict[str, str] = {}
        for field in wanted:
            if value := fields.get(field, ""):
                held[field.lstrip("@")] = self.one(value) if _of_people(field) else self._told(value, names)
        return held

    def _told(self, text: str, names: set[str]) -> str:
        if self._shown:
            return printable(text)
        cut = _HOME.sub(lambda found: found[1] + self.one(found[2]), text[:4_000])
        for name in sorted(names, key=len, reverse=True)[:50]:
            cut = re.sub(rf"(?i)(?<![\w-]){re.escape(name)}(?![\w-])", self.one(name), cut)
        return printable(cut)


def moment(micros: int | None) -> datetime | None:
    """A moment from microseconds since 1970; None where there is none, or none that a calendar has."""
    if micros is None:
        return None
    try:
        return datetime.fromtimestamp(micros / 1e6, UTC)
    except (OverflowError, ValueError, OSError):
        return None


class Tally(msgspec.Struct):
    """What is gathered of one rule while files are read."""

    told: Told
    count: int = 0
    first_us: int | None = None
    last_us: int | None = None
    groups: dict[str, Counter[str]] = msgspec.field(default_factory=dict)
    evidence: list[Evidence] = msgspec.field(default_factory=list)
    hits: list[Hit] = msgspec.field(default_factory=list)

    def times(self, *moments: int | None) -> None:
        """Widen first and last to some moments."""
        known = [one for one in (*moments, self.first_us, self.last_us) if one is not None]
        if known:
            self.first_us, self.last_us = min(known), max(known)

    def finding(self, names: Names, what: tuple[str, ...] = (), *, correlation: bool = False) -> Finding:
        """The finding that this comes to; ``what`` says what the groups of its hits are."""
        shown: dict[str, dict[str, int]] = {}
        for group, counts in self.groups.items():
            most = counts.most_common(GROUPS)
            told = {names.one(value) if _of_people(group) else printable(value, 200): count for value, count in most}
            rest = counts.total() - sum(count for _, count in most)
            shown[group] = told | ({"others": rest} if rest else {})
        return Finding(
            rule=self.told.id,
            title=self.told.title,
            level=self.told.level,
            techniques=self.told.techniques,
            rule_file=self.told.file,
            correlation=correlation,
            count=self.count,
            first=moment(self.first_us),
            last=moment(self.last_us),
            groups=shown,
            evidence=tuple(self.evidence),
            hits=tuple(_fulfilled(hit, what, names) for hit in self.hits[:HITS]),
            hits_left_out=max(0, len(self.hits) - HITS),
            seconds_median=_median_seconds(self.hits),
        )


def _fulfilled(hit: Hit, what: tuple[str, ...], names: Names) -> Fulfilled:
    told = zip(what, hit.group, strict=True)
    return Fulfilled(
        group={name: names.one(value) if _of_people(name) else printable(value, 200) for name, value in told},
        count=hit.events,
        first=moment(hit.first_us),
        found=moment(hit.found_us),
        last=moment(hit.last_us),
        seconds=(hit.found_us - hit.first_us) / 1e6,
    )


def _median_seconds(hits: list[Hit]) -> float | None:
    first: dict[tuple[str, ...], float] = {}
    for hit in hits:
        first.setdefault(hit.group, (hit.found_us - hit.first_us) / 1e6)
    return statistics.median(first.values()) if first else None


def what_groups(fields: set[str], name: str) -> str:
    """What a correlation is grouped by, in plain words where its fields say it."""
    return next((what for what, known in GROUPED.items() if fields & set(known)), name)


def evidence(
    file: str, record: int, at_us: int | None, fields: dict[str, str], names: Names, more: Any = ()
) -> Evidence:
    """One event as evidence; ``more`` are fields of interest beside the usual ones."""
    wanted = tuple(dict.fromkeys((*more, *_SHOWN)))
    held = names.event(fields, wanted)
    return Evidence(file=file, record=record, at=moment(at_us), fields=dict(list(held.items())[:10]))
