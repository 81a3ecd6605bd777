"""The door inside: a reader states a purpose, and sees what its grant covers; the rest does not exist for it.

What leaves is a frame of values, never a plan: a lazy frame would lead back to the columns that were left out.
Every look, granted or refused, is noted before its rows are handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from cityward.core.clock import Clock, local_day
from cityward.core.consults import Consult
from cityward.core.errors import Refused
from cityward.core.identifiers import make_id
from cityward.guard.coarse import coarsened, in_no_order, rename_rows, whole
from cityward.private.grants import ALL, FIELDS, ROW_IDS, Checked, Grant
from cityward.private.pseudonym import Pseudonyms
from cityward.private.purposes import PURPOSES, STAYS_INSIDE

RULE: Final = "consult-by-grant 1"
"""Identifier and version of the rule that this module executes, as refusals quote it."""

DRAFT: Final = "'cityward grants draft' writes those that the city's own parts need, for people to review."


@dataclass(frozen=True, slots=True)
class Access:
    """What a reading needs of the keeper. For this layer alone: ``scan`` gives everything.

    Parameters
    ----------
    table : str
        Name of the table.
    time : str
        Its column of the moment that a row tells of.
    scan : callable
        Rows as known at a moment, all columns.
    grants : callable
        The grants as they stand today.
    note : callable
        Notes a consult; raises when it cannot be kept.
    next_number : callable
        A number that no consult had.
    pseudonyms, groups : callable
        The city's pseudonyms; the group of each territory.
    zone : str
        IANA time zone of its days.
    clock : Clock
        The time.
    """

    table: str
    time: str
    scan: Callable[[datetime | None], pl.LazyFrame]
    grants: Callable[[], Checked]
    note: Callable[[Consult], None]
    next_number: Callable[[], int]
    pseudonyms: Callable[[], Pseudonyms]
    groups: Callable[[], dict[str, str]]
    zone: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Verdict:
    """A grant and its name, or why there is none and who can change it."""

    grant: Grant | None = None
    name: str = ""
    what: str = ""
    remedy: str = ""


class Reading:
    """One table as one reader may see it for one purpose; made by `cityward.guard.keeper.Keeper.reading`."""

    __slots__ = ("_behind", "_inside", "_purpose", "_reader")

    def __init__(self, access: Access, reader: str, purpose: str, *, behind: bool = False) -> None:
        self._behind = behind  # whether what is read stays behind the doors
        self._inside = access
        self._reader = reader
        self._purpose = purpose

    def frame(
        self,
        columns: Sequence[str],
        *,
        as_of: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        ids: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return ``columns`` of the rows that the grant covers, as finely as it allows.

        Parameters
        ----------
        columns : sequence of str
            Fields, in this order.
        as_of : datetime, optional
            Only what had happened by then (aware), in whole hours, days, weeks or months where the grant sees no finer.
        since, until : datetime, optional
            Only rows of these moments (aware, both included), compared as finely as the grant sees them.
        ids : sequence of str, optional
            Only rows with these ``id``; for a grant that keeps them.

        Raises
        ------
        Refused
            No grant, or it does not cover a column.
        """
        grant, name = self._granted(columns, as_of, (since, until))
        if ids is not None and (grant.row_ids != "kept" or "id" not in grant.fields):
            raise self._refuse(columns, as_of, f"The grant {name} knows no row by its id.", "A person can widen it.")
        found = self._rows(grant, columns, as_of, (since, until), ids)
        self._note(columns, as_of, grant=name, rows=found.height)
        return found

    def counts(
        self,
        by: Sequence[str],
        *,
        as_of: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pl.DataFrame:
        """Return how many rows there are (``rows``, UInt32) for each combination of ``by``, sorted.

        Rows are counted where they lie and never gathered: for large histories. Arguments and errors as `frame`;
        persons and identifiers of rows cannot be counted by.
        """
        grant, name = self._granted(by, as_of, (since, until))
        named = [field for field in by if field == "person" or field in ROW_IDS]
        if named:
            raise self._refuse(by, as_of, f"{named[0]} cannot be counted by.", "Ask for other fields.")
        rows = self._lazily(grant, by, as_of, (since, until))
        found = rows.group_by(list(by)).agg(pl.len().alias("rows")).collect().sort(list(by))
        self._note(by, as_of, grant=name, rows=int(found["rows"].sum()))
        return found

    def over(self, columns: Sequence[str], *, until: datetime) -> Look:
        """Open a look that is read as of several moments, none after ``until``; it is one consult.

        Raises
        ------
        Refused
            As `frame`.
        """
        grant, name = self._granted(columns, until, (None, None))
        self._note(columns, until, grant=name)
        return Look(lambda as_of: self._rows(grant, columns, as_of, (None, None)), until)

    # -- what is granted ---------------------------------------------------------------------------

    def why(self, columns: Sequence[str]) -> Verdict:
        """Say whether ``columns`` may be read, and by which grant or why not; nothing is read, so nothing is noted."""
        return self._verdict(columns, (None, None))

    def covered(self) -> tuple[str, ...]:
        """Fields that the grant covers, in its order.

        Raises
        ------
        Refused
            There is no grant.
        """
        found = self._standing()
        if found.grant is None:
            raise self._refuse((), None, found.what, found.remedy)
        return found.grant.fields

    def opened(self, least: Sequence[str]) -> Opened:
        """Open a look at all that the grant covers, ``least`` among it, for what guard itself finds; one consult.

        Raises
        ------
        Refused
            As `frame`.
        """
        grant, name = self._granted(least, None, (None, None))
        self._note(grant.fields, None, grant=name)

        def shown(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
            return self._shown(self._shaped(rows, grant, columns), grant, columns, columns)

        return Opened(shown, grant)

    def _granted(
        self, columns: Sequence[str], as_of: datetime | None, between: tuple[datetime | None, datetime | None]
    ) -> tuple[Grant, str]:
        found = self._verdict(columns, (as_of, *between), within=any(between))
        if found.grant is None:
            raise self._refuse(columns, as_of, found.what, found.remedy)
        return found.grant, found.name

    def _verdict(self, columns: Sequence[str], moments: Sequence[datetime | None], *, within: bool = False) -> Verdict:
        found = self._standing()
        return (
            found if found.grant is None else self._covering(found.grant, found.name, columns, moments, within=within)
        )

    def _standing(self) -> Verdict:
        """The grant of this reader and purpose that is in force today, or why there is none."""
        if self._purpose not in PURPOSES:
            return Verdict(what=f"'{self._purpose[:60]}' is not a purpose.", remedy=f"Purposes: {', '.join(PURPOSES)}.")
        if self._purpose in STAYS_INSIDE and not self._behind:
            what = f"Rows for '{self._purpose}' are handed to nobody: figures leave, with noise."
            return Verdict(what=what, remedy="Use 'cityward release'.")
        inside = self._inside
        checked, today = inside.grants(), local_day(inside.clock.now(), inside.zone)
        mine = {
            name: grant
            for name, grant in checked.grants.items()
            if (grant.reader, grant.purpose, grant.table) == (self._reader, self._purpose, inside.table)
        }
        for name, grant in checked.in_force().items():
            if name in mine and (grant.valid_from or today) <= today:
                return Verdict(grant=grant, name=name)
        what = f"No grant lets {self._reader[:60]} read {inside.table} for '{self._purpose}'."
        troubles = [found.what for name in mine if (found := checked.problem_of(name))]
        remedy = "Mend it, then 'cityward grants check'." if troubles else f"Write one in grants/. {DRAFT}"
        return Verdict(what=" ".join([what, *troubles[:1]]), remedy=remedy)

    def _covering(
        self, grant: Grant, name: str, columns: Sequence[str], moments: Sequence[datetime | None], *, within: bool
    ) -> Verdict:
        # The same words whether a column is held and not granted, or never was: who may not see it learns neither.
        beyond = [column for column in columns if column not in grant.fields]
        if within and self._inside.time not in grant.fields:
            beyond.append(self._inside.time)
        if beyond or not columns:
            told = ", ".join(str(column)[:60] for column in beyond[:10]) or "nothing"
            what = f"The grant {name} of {self._reader} for '{self._purpose}' does not cover {told}."
            return Verdict(what=what, remedy=f"It covers {', '.join(grant.fields)}. A person can widen it.")
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            return Verdict(what="A moment without a time zone is not one.", remedy="Give it with its zone.")
        return Verdict(grant=grant, name=name)

    def _refuse(self, columns: Sequence[str], as_of: datetime | None, what: str, remedy: str) -> Refused:
        known = set(FIELDS[self._inside.table])
        self._note([name for name in columns if name in known], as_of, refused=what, remedy=remedy)
        return Refused(RULE, what, remedy)

    def _note(
        self,
        columns: Sequence[str],
        as_of: datetime | None,
        *,
        grant: str = "",
        rows: int | None = None,
        refused: str = "",
        remedy: str = "",
    ) -> None:
        held, fields = self._inside, tuple(dict.fromkeys(columns))
        at, number = held.clock.now(), held.next_number()
        held.note(
            Consult(
                id=make_id("consult", self._reader, self._purpose, held.table, fields, as_of, at, number),
                reader=self._reader[:60],
                purpose=self._purpose[:60],
                table=held.table,
                fields=fields,
                at=at,
                grant=grant,
                as_of=as_of.astimezone(UTC) if as_of else None,
                rows=rows,
                rule=RULE,
                refused=refused,
                remedy=remedy,
            )
        )

    # -- what is seen ------------------------------------------------------------------------------

    def _lazily(
        self,
        grant: Grant,
        columns: Sequence[str],
        as_of: datetime | None,
        between: tuple[datetime | None, datetime | None],
        ids: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        held = self._inside
        rows = held.scan(whole(as_of, grant, held.zone))
        rows = rows if ids is None else rows.filter(pl.col("id").is_in(list(ids)))
        rows = self._shaped(rows, grant, columns)
        since, until = between
        moments = pl.col(held.time)
        rows = rows.filter(moments >= since.astimezone(UTC)) if since else rows
        return rows.filter(moments <= until.astimezone(UTC)) if until else rows

    def _shaped(self, rows: pl.LazyFrame, grant: Grant, columns: Sequence[str]) -> pl.LazyFrame:
        """Those of ``rows`` that the grant covers, with ``columns`` as finely as it allows."""
        held = self._inside
        covered = _covered(grant, held.time, held.zone)
        rows = rows.filter(*covered) if covered else rows
        groups = held.groups() if grant.space == "group" and "territory" in columns else {}
        return coarsened(rows, grant, columns, held.zone, groups)

    def _rows(
        self,
        grant: Grant,
        columns: Sequence[str],
        as_of: datetime | None,
        between: tuple[datetime | None, datetime | None],
        ids: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        if self._behind:  # a person must be one person, or no bound on what counts of him would hold
            return self._lazily(grant, columns, as_of, between).select(columns).collect()
        hides = "person" in columns and not grant.is_fine
        needed = list(dict.fromkeys((*columns, *(grant.fields if hides else ()))))
        return self._shown(self._lazily(grant, needed, as_of, between, ids), grant, needed, columns)

    def _shown(self, rows: pl.LazyFrame, grant: Grant, needed: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
        held = self._inside
        found = rename_rows(rows, needed, grant, held.time, held.zone, held.pseudonyms)
        return in_no_order(found.select(columns), grant)


@dataclass(frozen=True, slots=True)
class Opened:
    """A look that was opened once: what its grant lets be seen of rows and columns. For this layer alone."""

    shown: Callable[[pl.LazyFrame, Sequence[str]], pl.DataFrame]
    grant: Grant


class Look:
    """A look that was opened once and is read as of several moments."""

    __slots__ = ("_inside", "_until")

    def __init__(self, rows: Callable[[datetime], pl.DataFrame], until: datetime) -> None:
        self._inside = rows
        self._until = until

    def known(self, as_of: datetime) -> pl.DataFrame:
        """The rows as known at ``as_of``.

        Raises
        ------
        Refused
            It is later than what the look was opened for.
        """
        if as_of > self._until:
            raise Refused(RULE, f"This look was opened for what was known on {self._until:%Y-%m-%d}.", "Open another.")
        return self._inside(as_of)


def _covered(grant: Grant, time: str, zone: str) -> list[pl.Expr]:
    """Which rows a grant covers, on their exact values."""
    found: list[pl.Expr] = []
    if grant.since:
        begins = datetime(grant.since.year, grant.since.month, grant.since.day, tzinfo=ZoneInfo(zone))
        found.append(pl.col(time) >= begins.astimezone(UTC))
    if grant.until:
        after = grant.until + timedelta(days=1)
        ends = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone))
        found.append(pl.col(time) < ends.astimezone(UTC))
    if ALL not in grant.services:
        found.append(pl.col("service").is_in(list(grant.services)))
    if ALL not in grant.territories:
        found.append(pl.col("territory").is_in(list(grant.territories)))
    return found
