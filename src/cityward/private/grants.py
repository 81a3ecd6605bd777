"""Grants: who may read which fields, for what, on which lawful basis, how finely, and until when. Default: nothing.

A grant is a file for people to review. This module reads and checks texts; it opens no file and asks no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.errors import SettingsError
from cityward.core.frames import DECIDED, HISTORY, OBSERVED, ORDERED
from cityward.core.records import Record
from cityward.core.toml_text import decode_toml_text, line_of
from cityward.core.words import day
from cityward.private.purposes import ARTICLE_6, ARTICLE_9, PURPOSES, STAYS_INSIDE

QUARANTINE_FIELDS: Final = ("source", "origin", "row", "column", "reason", "raw", "state")

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "interactions": tuple(HISTORY),
    "observations": tuple(OBSERVED),
    "quarantine": QUARANTINE_FIELDS,
    "orders": tuple(ORDERED),
    "decisions": tuple(DECIDED),
}
"""Tables that can be read, with their fields."""

ROW_IDS: Final = frozenset({"id", "key", "digest"})
"""Fields that name a row, so that it is found again elsewhere."""

SPECIAL: Final = frozenset({"text", "raw", "words", "inputs", "because"})
"""Free text and what a rule asks of a case: illness and belief stand there, and no rule takes all of it out."""

PLACES: Final = frozenset({"lon", "lat", "address"})
AREAS: Final = ("territory", "stated_territory")
WHERE: Final = PLACES.union(AREAS)
"""Fields that tell where, however coarsely."""

SAME_THING: Final = "incident-recognition"
OWN: Final = "cityward-"
"""How the readers begin that are programs of cityward. For `SAME_THING` they alone read who reported beside where and
when, since one person who writes often is no crowd; what they find says nothing of who."""

PERSONAL: Final = frozenset({"person", "people", "case", "by", *ROW_IDS, *SPECIAL, *PLACES})
"""Fields of interactions, quarantine, orders and decisions that are of a person, or lead to one."""

TIMES: Final = frozenset({"occurred_at", "closed_at", "received_at", "observed_at", "decided_at", "changed_at"})
ORDERING: Final = frozenset({"sequence", "received_at", "steps", "messages"})
"""Fields that tell moments, or the order in which rows came, more finely than a coarse time."""

DAYS: Final = frozenset({"waiting_since", "day"})
"""Fields of orders that tell a day."""

ALL: Final = "*"
UNREVIEWED: Final = (
    "A proposal of cityward that nobody of the city has reviewed yet: whoever does writes their name as granted_by."
)
RETENTION_DAYS_MAX: Final = 3_660

Term = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]
Words = Annotated[str, msgspec.Meta(min_length=10, max_length=1_000)]
Metres = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One grant.

    ``space`` is ``exact`` (as held), a number of metres, ``territory`` (the level in which rows are placed) or
    ``group`` (the level above); ``time`` is how finely moments are seen. ``since`` to ``until`` is the period of
    the rows, ``valid_until`` the last day of the grant itself. ``pseudonyms`` is how long a person keeps a name;
    ``row_ids`` whether a row keeps its identifiers, by which it is found in what others read.
    """

    reader: Name
    purpose: str
    because: Words
    granted_by: Term
    fields: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    services: Annotated[tuple[Term, ...], msgspec.Meta(min_length=1)]
    territories: Annotated[tuple[Term, ...], msgspec.Meta(min_length=1)]
    valid_until: date
    retention_days: Annotated[int, msgspec.Meta(ge=0, le=RETENTION_DAYS_MAX)]
    replaces: str
    table: Literal["interactions", "observations", "quarantine", "orders", "decisions"] = "interactions"
    lawful_basis: str | None = None
    special_basis: str | None = None
    law: str = ""
    space: Literal["exact", "territory", "group"] | Metres = "territory"
    time: Literal["exact", "hour", "day", "week", "month"] = "day"
    since: date | None = None
    until: date | None = None
    valid_from: date | None = None
    pseudonyms: Literal["day", "month", "year"] = "day"
    row_ids: Literal["renamed", "kept"] = "renamed"

    @property
    def sees_persons(self) -> bool:
        """Whether it shows who did what, under whatever name."""
        return "person" in self.fields

    @property
    def may_trace(self) -> bool:
        """Whether persons may be shown beside where and when: to programs that hand on neither."""
        return self.purpose in STAYS_INSIDE or (self.purpose == SAME_THING and self.reader.startswith(OWN))

    @property
    def is_proposal(self) -> bool:
        """Whether it is as cityward wrote it: nobody of the city has put a name under it."""
        return self.granted_by.casefold().startswith("proposed by cityward")

    @property
    def is_fine(self) -> bool:
        """Whether its rows can be told apart, so that they are found again in what another purpose reads."""
        kept = self.row_ids == "kept" and bool(ROW_IDS & set(self.fields))
        return kept or self.time in ("exact", "hour") or bool((PLACES | SPECIAL) & set(self.fields))


class Problem(Record, frozen=True, kw_only=True):
    """What is wrong with a grant: file, line, what, and what to do."""

    file: str
    line: int
    what: str
    remedy: str


class Checked(Record, frozen=True, kw_only=True):
    """Grants by name of file (without ``.toml``), and problems. One with a problem is not in force."""

    grants: dict[str, Grant]
    problems: tuple[Problem, ...]

    def problem_of(self, name: str) -> Problem | None:
        """The first problem of a grant, or None."""
        return next((one for one in self.problems if one.file == f"{name}.toml"), None)

    def in_force(self) -> dict[str, Grant]:
        """Grants without a problem that no other one in force replaces."""
        sound = {name: grant for name, grant in self.grants.items() if self.problem_of(name) is None}
        gone = {grant.replaces for grant in sound.values()}
        return {name: grant for name, grant in sound.items() if name not in gone}


def check_grants(texts: Mapping[str, str], today: date) -> Checked:
    """Read and check grants.

    Parameters
    ----------
    texts : mapping of str to str
        TOML by name of grant: the name of its file without ``.toml``.
    today : datetime.date
        For what has expired.

    Notes
    -----
    Never raises for what a file says: a broken grant grants nothing and the others stand.
    """
    grants: dict[str, Grant] = {}
    problems: list[Problem] = []
    for name, text in texts.items():
        try:
            grants[name] = decode_toml_text(text, Grant, f"{name}.toml")
        except SettingsError as error:
            problems.append(_unreadable(name, error))
    for name, grant in grants.items():
        problems += _alone(name, texts[name], grant, today)
    problems += _together(texts, grants, {one.file.removesuffix(".toml") for one in problems})
    return Checked(grants=grants, problems=tuple(sorted(problems, key=lambda one: (one.file, one.line))))


_MISSING: Final = {
    "retention_days": "Say for how many days the reader may keep what it reads: retention_days = 30.",
    "valid_until": "Say on which day the grant ends: valid_until = 2028-12-31.",
    "replaces": 'Name the grant that it replaces, or replaces = "" for none.',
    "services": 'List services, or ["*"] for all.',
    "territories": 'List territories, or ["*"] for all.',
}


def _unreadable(name: str, error: SettingsError) -> Problem:
    line = re.search(r"line (\d+)", error.what)
    missing = re.search(r"missing required field `(\w+)`", error.what)
    if missing:
        key = missing[1]
        what, remedy = f"{name}.toml, line 1: it does not say '{key}'.", _MISSING.get(key, f"Add the key '{key}'.")
    else:
        what, remedy = error.what, error.remedy
    return Problem(file=f"{name}.toml", line=int(line[1]) if line else 1, what=what, remedy=remedy)


_Found = tuple[str, str, str]
"""Key that is wrong, what, and what to do."""


def _alone(name: str, text: str, grant: Grant, today: date) -> Iterator[Problem]:
    """What is wrong with a grant by itself."""
    fields = set(grant.fields)
    for key, what, remedy in (
        *_named(grant),
        *_lawful(grant, fields),
        *_dated(grant, today),
        *_finer(grant, fields),
        *_tracing(grant, fields),
    ):
        line = line_of(text, f".{key}")
        yield Problem(file=f"{name}.toml", line=line, what=f"{name}.toml, line {line}: {what}", remedy=remedy)


def _named(grant: Grant) -> Iterator[_Found]:
    """Words that nobody knows."""
    known = FIELDS[grant.table]
    unknown = [field for field in grant.fields if field not in known]
    if unknown:
        yield "fields", f"{grant.table} have no field '{unknown[0][:60]}'.", f"Fields: {', '.join(known)}."
    for key, field, some in (("services", "service", grant.services), ("territories", "territory", grant.territories)):
        if field not in known and ALL not in some:
            yield key, f"{grant.table} have no {field} by which rows could be left out.", f'Write {key} = ["*"].'
    if grant.purpose not in PURPOSES:
        yield "purpose", f"'{grant.purpose[:60]}' is not a purpose.", f"Purposes: {', '.join(PURPOSES)}."
    if grant.lawful_basis is not None and grant.lawful_basis not in ARTICLE_6:
        yield "lawful_basis", "this is no clause of article 6(1).", f"Clauses: {', '.join(ARTICLE_6)}."
    if grant.special_basis is not None and grant.special_basis not in ARTICLE_9:
        yield "special_basis", "this is no clause of article 9(2).", f"Clauses: {', '.join(ARTICLE_9)}."


def _lawful(grant: Grant, fields: set[str]) -> Iterator[_Found]:
    """Bases that are missing; measured values say nothing of persons."""
    if grant.table == "observations":
        return
    personal, special = (", ".join(sorted(fields & part)) for part in (PERSONAL, SPECIAL))
    if personal and grant.lawful_basis is None:
        yield (
            "fields",
            f"{personal} lead to persons, and no lawful basis is named.",
            'Name a clause of article 6 of the GDPR: lawful_basis = "6(1)(e)".',
        )
    if special and grant.special_basis is None:
        yield (
            "fields",
            f"{special} can hold special categories, and no exception is named.",
            'Name a clause of article 9 of the GDPR: special_basis = "9(2)(g)", or leave the field out.',
        )


def _dated(grant: Grant, today: date) -> Iterator[_Found]:
    """Days that cannot be."""
    if grant.valid_until < today:
        yield "valid_until", f"it expired on {day(grant.valid_until)}.", "Review it; set a later day if it is to stay."
    if grant.valid_from and grant.valid_from > grant.valid_until:
        yield "valid_from", "it begins after it ends.", "Exchange the two days."
    if grant.since and grant.until and grant.since > grant.until:
        yield "since", "the period of its rows begins after its end.", "Exchange the two days."


def _finer(grant: Grant, fields: set[str]) -> Iterator[_Found]:
    """Fields that say more than the precision allows."""
    if grant.space in ("territory", "group") and fields & PLACES and grant.table in ("interactions", "orders"):
        told = ", ".join(sorted(fields & PLACES))
        yield "fields", f"{told} are finer than space = '{grant.space}'.", "Leave them out, or set space in metres."
    if isinstance(grant.space, int) and "address" in fields:
        yield "fields", "an address cannot be coarsened to metres.", "Leave it out; lon and lat are coarsened."
    if grant.space == "group" and "stated_territory" in fields:
        yield "fields", "stated_territory is finer than space = 'group'.", "Leave it out; territory becomes the group."
    if grant.time != "exact" and fields & ORDERING:
        told = ", ".join(sorted(fields & ORDERING))
        yield "fields", f"{told} tell the order of rows more finely than time = '{grant.time}'.", "Leave them out."
    if grant.time in ("week", "month") and fields & DAYS:
        told = ", ".join(sorted(fields & DAYS))
        yield "fields", f"{told} are finer than time = '{grant.time}'.", "Leave them out."
    if grant.time == "week" and "month" in fields:
        yield "fields", "month splits a week.", "Leave it out."


def _tracing(grant: Grant, fields: set[str]) -> Iterator[_Found]:
    """What would show where a person goes, or whom he meets: never granted, whatever the basis."""
    if not grant.sees_persons or grant.may_trace:
        return
    if grant.pseudonyms != "day" and (grant.is_fine or fields & WHERE):
        told = "beside a place" if fields & WHERE else "in rows that can be told apart, whose places others see"
        yield (
            "pseudonyms",
            f"a pseudonym that lasts a {grant.pseudonyms} {told} shows where a person goes and whom he meets.",
            "Write pseudonyms = 'day'. For trips and stays: 'cityward release make trips' or 'dwell'.",
        )
    elif grant.is_fine and fields & WHERE:
        yield (
            "fields",
            f"person beside {', '.join(sorted(fields & WHERE))} in rows that can be told apart shows who was where "
            "with whom.",
            "Leave out person or where; or give it time = 'day', space = 'territory', renamed row_ids and neither "
            "place nor text.",
        )


def _together(texts: Mapping[str, str], grants: Mapping[str, Grant], broken: set[str]) -> Iterator[Problem]:
    """What is wrong with grants beside each other."""
    sound = [(name, grant) for name, grant in sorted(grants.items()) if name not in broken]
    replaced = {grant.replaces for _, grant in sound}
    standing = [(name, grant) for name, grant in sound if name not in replaced]
    for at, (name, grant) in enumerate(standing):
        for other, beside in standing[:at]:
            if not (_same_days(grant, beside) and grant.table == beside.table):
                continue
            for here, there in ((name, other), (other, name)):
                found = _clash(grants[here], grants[there], there)
                if found:
                    key, what, remedy = found
                    line = line_of(texts[here], f".{key}")
                    yield Problem(
                        file=f"{here}.toml", line=line, what=f"{here}.toml, line {line}: {what}", remedy=remedy
                    )


def _clash(grant: Grant, beside: Grant, other: str) -> _Found | None:
    """Why a grant cannot stand beside another."""
    if (grant.reader, grant.purpose) == (beside.reader, beside.purpose):
        return (
            "purpose",
            f"it overlaps with {other}.toml: same reader, purpose and days.",
            f'Join the two, part their days, or write replaces = "{other}".',
        )
    return _joined(grant, beside, other)


def _joined(grant: Grant, beside: Grant, other: str) -> _Found | None:
    """What somebody who holds the rows of two grants would learn of persons."""
    if _completes(grant, beside):
        return (
            "fields",
            f"it shows persons in rows that can be told apart, and {other}.toml shows where these rows are: whoever "
            "holds both sees who was where with whom.",
            "In this one leave out person; or give it time = 'day', renamed row_ids and no text.",
        )
    if not (grant.sees_persons and beside.sees_persons) or grant.purpose == beside.purpose:
        return None
    if STAYS_INSIDE & {grant.purpose, beside.purpose}:
        return None  # nobody holds the rows of one of them
    if grant.is_fine and beside.is_fine:
        return (
            "fields",
            f"it shows persons in rows that can be told apart, as {other}.toml does for another purpose: whoever "
            "holds both joins their pseudonyms row by row.",
            "In one of the two leave out person; or give it time = 'day', space = 'territory', renamed row_ids and "
            "neither place nor text.",
        )
    if not grant.is_fine and grant.pseudonyms != "day":
        return (
            "pseudonyms",
            f"a pseudonym that lasts a {grant.pseudonyms} shows a trail, by which persons are found in {other}.toml.",
            "Write pseudonyms = 'day'.",
        )
    return None


def _completes(grant: Grant, beside: Grant) -> bool:
    """Whether rows of persons get their places from another grant, row by row."""
    if not grant.sees_persons or grant.may_trace or beside.purpose in STAYS_INSIDE:
        return False
    return grant.is_fine and beside.is_fine and bool(WHERE & set(beside.fields))


def _same_days(one: Grant, other: Grant) -> bool:
    """Whether both are in force on some day."""
    begins = max(one.valid_from or date.min, other.valid_from or date.min)
    return begins <= min(one.valid_until, other.valid_until)


def sentences(grant: Grant) -> list[str]:
    """A grant in plain words, for people who did not write it."""
    purpose = PURPOSES.get(grant.purpose)
    what = f"{grant.reader} reads {', '.join(grant.fields)} of {grant.table}, to {purpose.words if purpose else '?'}."
    told = [what, grant.because]
    told.append(f"Services: {_listed(grant.services)}; territories: {_listed(grant.territories)}.")
    if grant.since or grant.until:
        since, until = (day(one) if one else None for one in (grant.since, grant.until))
        told.append(f"Rows from {since or 'the first'} to {until or 'the last'}.")
    if grant.table in ("interactions", "orders"):
        space = f"{grant.space} m" if isinstance(grant.space, int) else grant.space
        told.append(f"Places are seen at this precision: {space}; moments: {grant.time}.")
    if grant.sees_persons:
        told.append(f"Persons appear under a pseudonym of this purpose alone, another one each {grant.pseudonyms}.")
    if grant.lawful_basis:
        law = f" ({grant.law})" if grant.law else ""
        told.append(f"Lawful because {ARTICLE_6.get(grant.lawful_basis, '?')}: GDPR {grant.lawful_basis}{law}.")
    if grant.special_basis:
        told.append(f"Free text may hold special categories: GDPR {grant.special_basis}.")
    told.append(f"It ends on {day(grant.valid_until)}; what was read is kept {grant.retention_days} days at most.")
    told.append(UNREVIEWED if grant.is_proposal else f"Granted by {grant.granted_by}.")
    return told


def _listed(names: Sequence[str]) -> str:
    return "all" if ALL in names else ", ".join(names)
