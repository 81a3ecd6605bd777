"""From a file to an election: which ballots count, which do not, and why; nothing is dropped silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, TypeAlias

import numpy as np

from cityward.core.errors import SourceError
from cityward.core.limits import ID_CHARS
from cityward.participate.counting.amounts import amount, unit_of
from cityward.participate.counting.dates import day_of, first_and_last
from cityward.participate.counting.election import Ballot, Election, Kind, election
from cityward.participate.counting.pabulib import Document, Row

KINDS: Final[Mapping[str, Kind]] = {
    "approval": "approval",
    "choose-1": "approval",
    "ordinal": "ranked",
    "cumulative": "points",
    "scoring": "points",
}
_DATES: Final = ("date", "vote_date", "voted_on", "voted_at", "timestamp")
_LEAST: Final = {"min_length": "length", "min_sum_points": "sum_points", "min_sum_cost": "sum_cost"}
_MOST: Final = {"max_length": "length", "max_sum_points": "sum_points", "max_sum_cost": "sum_cost"}

_MARKS: Final = tuple("0123456789")
"""What a file can say of whether a project won."""

_BEYOND: Final = "beyond the limits of the ballot"
_UNKNOWN: Final = "name a project that does not stand for election"
_TWICE: Final = "name a project twice"


Number: TypeAlias = int | Fraction


@dataclass(frozen=True, slots=True)
class Received:
    """An election, and what became of each row of its ballots.

    ``kept`` are the rows of the file that were counted, in the order of `Election.ballot_of`. ``reasons`` say why the
    others were not, and how many; ``stated`` are the scores that the file itself gives, where it does for all.
    """

    election: Election
    received: int
    kept: tuple[int, ...]
    reasons: dict[str, int]
    blank: int
    notes: tuple[str, ...]
    published: dict[str, int] = field(default_factory=dict)
    """What the file says of each project: 0 is not selected, 1 is, and more is for a reason of its own."""


@dataclass(slots=True)
class _Projects:
    ids: list[str]
    names: list[str]
    costs: list[Number]
    published: dict[str, int]
    stated: dict[str, list[Number | None]]


@dataclass(slots=True)
class _Marks:
    """What a ballot asks for: projects by number, ascending, with points, and what has to be said of it."""

    points: tuple[tuple[int, Number], ...]
    length: int
    beyond: bool = False
    remark: str = ""


def receive(document: Document) -> Received:
    """Read projects and ballots of a file.

    A ballot that names a project twice, or one that does not stand for election, counts without that mark where it
    says yes or gives points, and does not count where it ranks, since places would move.

    Raises
    ------
    SourceError
        The file lacks what is needed, or an amount cannot be read; names the line. Also where no ballot counts.
    """
    kind = _kind(document.meta)
    projects = _projects(document)
    budget = _of_meta(document.meta, "budget")
    if budget is None or budget < 0:
        raise SourceError("META has no budget of at least 0.", "Write the line 'budget;AMOUNT'.")
    rows = _Rows(document, kind, projects)
    made: list[tuple[int, _Marks]] = []
    reasons: Counter[str] = Counter()
    remarks: Counter[str] = Counter()
    beyond: list[int] = []
    for at, cells in enumerate(document.votes):
        found = rows.marks(cells)
        if isinstance(found, str):
            reasons[found] += 1
            continue
        if found.beyond:
            beyond.append(len(made))
        if found.remark:
            remarks[found.remark] += 1
        made.append((at, found))
    notes = _remarks(document, remarks, budget, projects)
    if beyond:
        made = _without_beyond(made, beyond, rows, reasons, notes)
    if not made:
        told = "; ".join(f"{count:,} {why}" for why, count in reasons.items()) or "there are none"
        raise SourceError(f"No ballot counts ({told}), so nothing can be decided.", "Check section VOTES.")
    return _received(document, kind, projects, budget, made, dict(reasons), notes)


def _received(
    document: Document,
    kind: Kind,
    projects: _Projects,
    budget: Number,
    made: list[tuple[int, _Marks]],
    reasons: dict[str, int],
    notes: list[str],
) -> Received:
    unit = unit_of([budget, *projects.costs])
    weight_unit = unit_of({points for _, marks in made for _, points in marks.points})
    ballots: list[Ballot] = [
        tuple((project, int(points * weight_unit)) for project, points in marks.points) for _, marks in made
    ]
    found = election(
        projects.ids,
        [int(cost * unit) for cost in projects.costs],
        int(budget * unit),
        ballots,
        names=projects.names,
        kind=kind,
        unit=unit,
        weight_unit=weight_unit,
    )
    return Received(
        election=found,
        received=len(document.votes),
        kept=tuple(at for at, _ in made),
        reasons=reasons,
        blank=sum(not marks.length for _, marks in made),
        notes=(*notes, *_stated(found, projects)),
        published=projects.published,
    )


class _Rows:
    """Reads rows of VOTES."""

    def __init__(self, document: Document, kind: Kind, projects: _Projects) -> None:
        self.kind = kind
        self.projects, self.costs = projects, projects.costs
        self.number = {one: at for at, one in enumerate(projects.ids)}
        at = {name: place for place, name in enumerate(document.vote_fields)}
        if "vote" not in at:
            raise SourceError("Section VOTES has no column 'vote'.", "It says which projects a ballot names.")
        if kind == "points" and "points" not in at:
            raise SourceError("Section VOTES has no column 'points'.", "Ballots of this type give points.")
        self.voter, self.vote, self.given = at["voter_id"], at["vote"], at.get("points")
        self.width = len(document.vote_fields)
        self.date = next((at[name] for name in _DATES if name in at), None)
        self.first, self.last = first_and_last(document.meta)
        meta = {name: _of_meta(document.meta, name) for name in (*_LEAST, *_MOST, "min_points", "max_points")}
        self.least = {of: value for name, of in _LEAST.items() if (value := meta[name]) is not None}
        self.most = {of: value for name, of in _MOST.items() if (value := meta[name]) is not None}
        self.each = meta["min_points"], meta["max_points"]
        self.rest = (_of_meta(document.meta, "default_score") or 0) if kind == "points" else 0
        places = int(self.most.get("length", len(projects.ids)))
        self.places = min(places, len(projects.ids)) or 1
        self.seen: set[str] = set()
        self._numbers: dict[str, Number | None] = {}
        self._read: dict[tuple[str, str], _Marks | str] = {}

    def marks(self, cells: Row) -> _Marks | str:
        """What a row asks for, or why it does not count."""
        if len(cells) != self.width:
            return "with more values than the heading names"
        voter = cells[self.voter]
        if not voter:
            return "without a voter"
        if voter in self.seen:
            return "of a voter who had voted before"
        late = self._late(cells)
        if late:
            return late
        written = cells[self.vote], "" if self.given is None else cells[self.given]
        found = self._read.get(written)
        if found is None:
            found = self._read[written] = self._of(*written)
        if isinstance(found, _Marks):
            self.seen.add(voter)
        return found

    def _late(self, cells: Row) -> str:
        if self.date is None or not (self.first or self.last):
            return ""
        day = day_of(cells[self.date])
        if day is None:
            return "whose date cannot be read"
        if self.last and day > self.last:
            return "after the close of voting"
        return "before voting began" if self.first and day < self.first else ""

    def _of(self, vote: str, written: str) -> _Marks | str:
        named = [one.strip() for one in vote.split(",")] if vote else []
        if not named:
            return _Marks(self._all({}), 0)
        given = self._points(len(named), written)
        if isinstance(given, str):
            return given
        numbers = [self.number.get(one, -1) for one in named]
        unknown, twice = -1 in numbers, len(set(named)) < len(named)
        if self.kind == "ranked" and (unknown or twice):
            return "that rank a project twice, or one that does not stand for election"
        if self.kind == "points" and twice:
            return "that give points to a project twice"
        points = {one: value for one, value in zip(numbers, given, strict=True) if one >= 0}
        if not points:
            return "that name no project of this election"
        remark = (
            "name a project that does not stand for election" if unknown else "name a project twice" if twice else ""
        )
        return _Marks(self._all(points), len(points), self._beyond(points), remark)

    def _points(self, length: int, written: str) -> list[Number] | str:
        """Points of each project that is named; places of a ranking are worth the most places, then one less each."""
        if self.kind == "approval":
            return [1] * length
        if self.kind == "ranked" and not written:
            return [max(self.places - place, 0) for place in range(length)]
        given = [self._number(one.strip()) for one in written.split(",")]
        if len(given) != length or None in given:
            return "whose points cannot be read"
        return [one for one in given if one is not None]

    def _number(self, text: str) -> Number | None:
        if text not in self._numbers:
            self._numbers[text] = _short(amount(text))
        return self._numbers[text]

    def _all(self, points: dict[int, Number]) -> tuple[tuple[int, Number], ...]:
        """Points that are not nothing; where projects that are not named get some, those too."""
        every = {at: points.get(at, self.rest) for at in range(len(self.number))} if self.rest else points
        return tuple(sorted((at, value) for at, value in every.items() if value))

    def _beyond(self, points: dict[int, Number]) -> bool:
        """Whether a ballot breaks the limits that META states."""
        own = points.values()
        if self.kind == "points":
            least, most = self.each
            if (least is not None and min(own) < least) or (most is not None and max(own) > most):
                return True
        for of in {*self.least, *self.most}:
            value = (
                len(points)
                if of == "length"
                else sum(own if of == "sum_points" else map(self.costs.__getitem__, points))
            )
            if value < self.least.get(of, value) or value > self.most.get(of, value):
                return True
        return False


def _short(value: Fraction | None) -> Number | None:
    """Whole numbers as such: they are quick."""
    return int(value) if value is not None and value.denominator == 1 else value


def _kind(meta: Mapping[str, str]) -> Kind:
    written = meta.get("vote_type", "").lower()
    if written not in KINDS:
        raise SourceError(
            f"META says no vote_type that is known here{f' ({written[:40]})' if written else ''}.",
            f"Write the line 'vote_type;TYPE' with one of {', '.join(KINDS)}.",
        )
    return KINDS[written]


def _of_meta(meta: Mapping[str, str], name: str) -> Number | None:
    written = meta.get(name, "")
    if not written:
        return None
    value = _short(amount(written))
    if value is None:
        raise SourceError(f"META: {name} is no number ({written[:40]}).", "Write it as 1234 or 1234.50.")
    return value


def _projects(document: Document) -> _Projects:
    at = {name: place for place, name in enumerate(document.project_fields)}
    if "cost" not in at:
        raise SourceError("Section PROJECTS has no column 'cost'.", "It says what each project costs.")
    found = _Projects([], [], [], {}, {name: [] for name in ("score", "votes") if name in at})
    known: set[str] = set()
    for line, cells in zip(document.project_lines, document.projects, strict=True):
        one, cost = cells[at["project_id"]], _short(amount(cells[at["cost"]]))
        if len(cells) != len(document.project_fields):
            raise SourceError(f"Line {line:,} has more values than the heading of PROJECTS.", "Quote semicolons.")
        if not one or len(one) > ID_CHARS or "," in one:
            raise SourceError(f"Line {line:,}: a project needs an identifier without commas.", "Give it one.")
        if one in known:
            raise SourceError(f"Line {line:,} names project {one} a second time.", "Leave one of the two lines.")
        if cost is None or cost < 0:
            raise SourceError(
                f"Line {line:,}: the cost of project {one} is no amount of at least 0.", "Write it as 1234 or 1234.50."
            )
        known.add(one)
        found.ids.append(one)
        found.names.append(cells[at["name"]] if "name" in at else "")
        found.costs.append(cost)
        for name, values in found.stated.items():
            values.append(_short(amount(cells[at[name]])))
        if "selected" in at and cells[at["selected"]] in _MARKS:
            found.published[one] = int(cells[at["selected"]])
    if not known:
        raise SourceError("Section PROJECTS names no project.", "Give each a line with its identifier and cost.")
    return found


def _remarks(document: Document, remarks: Counter[str], budget: Number, projects: _Projects) -> list[str]:
    """What people should know of a file that could be counted all the same."""
    notes = [
        f"Ballots that {what}: {count:,}. They count without that mark." for what, count in sorted(remarks.items())
    ]
    for name, rows in (("num_votes", len(document.votes)), ("num_projects", len(projects.ids))):
        stated = document.meta.get(name, "")
        if stated and stated != str(rows):
            notes.append(f"META says {name} {stated[:20]}; the file has {rows:,}.")
    free = sum(cost == 0 for cost in projects.costs)
    dear = sum(cost > budget for cost in projects.costs)
    if free:
        notes.append(f"Projects that cost nothing: {free:,}.")
    if dear:
        notes.append(f"Projects that cost more than the whole budget: {dear:,}.")
    return notes


def _without_beyond(
    made: list[tuple[int, _Marks]], beyond: list[int], rows: _Rows, reasons: Counter[str], notes: list[str]
) -> list[tuple[int, _Marks]]:
    """Leave out ballots beyond the limits, unless the file's own totals show that the city counted them."""
    if _totals_agree(made, rows):
        notes.append(f"Ballots {_BEYOND}: {len(beyond):,}. The file's own totals include them, so they count here.")
        return made
    reasons[_BEYOND] += len(beyond)
    out = set(beyond)
    return [one for at, one in enumerate(made) if at not in out]


def _totals_agree(made: list[tuple[int, _Marks]], rows: _Rows) -> bool:
    stated = rows.projects.stated.get("votes")
    if not stated or None in stated:
        return False
    votes = Counter(one for _, marks in made for one, points in marks.points if points > 0)
    return all(votes[at] == value for at, value in enumerate(stated))


def _stated(found: Election, projects: _Projects) -> list[str]:
    """Where totals that the file states are others than those of its ballots."""
    notes = []
    for name, values in projects.stated.items():
        if None in values or (name == "score" and found.kind == "approval"):
            continue
        own = found.votes if name == "votes" else found.scores
        unit = 1 if name == "votes" else found.weight_unit
        other = np.flatnonzero(
            [int(mine) != value * unit for mine, value in zip(own, values, strict=True) if value is not None]
        )
        if len(other):
            named = ", ".join(found.ids[one] for one in other[:5])
            notes.append(f"The file states other {name} of {len(other):,} projects than its ballots give: {named}.")
    return notes
