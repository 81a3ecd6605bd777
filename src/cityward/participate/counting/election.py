"""An election as arrays: what each project costs, and what each voter asked for, alike ballots held once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.limits import COUNT_AMOUNT, COUNT_CELLS

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Kind: TypeAlias = Literal["approval", "points", "ranked"]
Ballot: TypeAlias = tuple[tuple[int, int], ...]
"""Projects by number with their weights, in the order of their numbers."""

_OF_BALLOTS: Final = ("mark_copies", "scores", "votes", "supporters", "rank")
"""What follows from ballots and costs alone."""


@dataclass(frozen=True, slots=True)
class Supporters:
    """Who asked for each project; those of project ``p`` lie in ``begins[p]`` to ``begins[p + 1]``.

    ``ballot`` are numbers of distinct ballots, ``weight`` what each of them gives (at least 1), ``copies`` how many
    voters cast it.
    """

    begins: Ints
    ballot: Ints
    weight: Ints
    copies: Ints

    def of(self, project: int) -> slice:
        """Where the supporters of a project lie."""
        return slice(int(self.begins[project]), int(self.begins[project + 1]))


@dataclass(frozen=True)
class Election:
    """Projects, a budget and ballots.

    Parameters
    ----------
    ids, names : tuple of str
        Of the projects, in the order of the file.
    costs : tuple of int
        In units of 1 / ``unit`` of the currency; at least 0.
    budget : int
        In the same units; at least 0.
    unit : int
        Units of one of the currency: 1, or 100 where costs have cents.
    kind : {"approval", "points", "ranked"}
        What ballots say: yes, points, or an order (which is turned into points).
    begins, project, weight : array of int64
        Marks of each distinct ballot: those of ballot ``b`` lie in ``begins[b]`` to ``begins[b + 1]``.
    copies : array of int64, shape (ballots,)
        How many voters cast it.
    ballot_of : array of int64, shape (voters,)
        Which ballot each counted voter cast.
    weight_unit : int
        Units of one point.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    costs: tuple[int, ...]
    budget: int
    unit: int
    kind: Kind
    begins: Ints
    project: Ints
    weight: Ints
    copies: Ints
    ballot_of: Ints
    weight_unit: int = 1

    @property
    def voters(self) -> int:
        """Ballots that count, blank ones too; of ballots with weights their sum."""
        return int(self.copies.sum())

    @cached_property
    def mark_copies(self) -> Ints:
        """How many voters made each mark."""
        return np.repeat(self.copies, np.diff(self.begins))

    @cached_property
    def scores(self) -> Ints:
        """What each project got: votes, or points in units of a point."""
        found = np.zeros(len(self.ids), dtype=np.int64)
        np.add.at(found, self.project, self.weight * self.mark_copies)
        return found

    @cached_property
    def votes(self) -> Ints:
        """How many voters asked for each project."""
        found = np.zeros(len(self.ids), dtype=np.int64)
        np.add.at(found, self.project, self.mark_copies * (self.weight > 0))
        return found

    @cached_property
    def supporters(self) -> Supporters:
        """The same marks by project; only those that ask for it."""
        ballot = np.repeat(np.arange(len(self.copies)), np.diff(self.begins))
        given = np.flatnonzero(self.weight > 0)
        order = given[np.argsort(self.project[given], kind="stable")]
        begins = np.zeros(len(self.ids) + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.project[given], minlength=len(self.ids)), out=begins[1:])
        return Supporters(begins, ballot[order], self.weight[order], self.copies[ballot[order]])

    @cached_property
    def rank(self) -> tuple[int, ...]:
        """Place of each project where scores are alike: the cheaper first, then by its identifier."""
        order = sorted(range(len(self.ids)), key=lambda one: (self.costs[one], natural(self.ids[one])))
        places = [0] * len(order)
        for place, one in enumerate(order):
            places[one] = place
        return tuple(places)

    def better(self, project: int) -> tuple[int, int]:
        """By what a tie is broken: more votes (or points), then lower cost, then identifier."""
        return -int(self.scores[project]), self.rank[project]

    def amount(self, units: int | Fraction) -> int | float:
        """Units as an amount of the currency, for people."""
        found = Fraction(units) / self.unit
        return int(found) if found.denominator == 1 else float(found)

    def points(self, units: int) -> int | float:
        """Units of a point as points."""
        found = Fraction(int(units), self.weight_unit)
        return int(found) if found.denominator == 1 else float(found)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what was counted: budget, costs and ballots, without voters or their order.

        Its text has a line ``budget;unit``, a line ``project;cost`` for each project by identifier, an empty line,
        and a line for each counted ballot, sorted: ``project:points`` by identifier, with commas between.
        """
        order = sorted(range(len(self.ids)), key=lambda one: self.ids[one])
        lines = [f"{self.budget};{self.unit}", *(f"{self.ids[one]};{self.costs[one]}" for one in order), ""]
        place = {one: at for at, one in enumerate(order)}
        marks = list(zip(self.project.tolist(), self.weight.tolist(), strict=True))
        ends = self.begins.tolist()
        ballots: list[str] = []
        for at, copies in enumerate(self.copies.tolist()):
            own = sorted(marks[ends[at] : ends[at + 1]], key=lambda mark: place[mark[0]])
            ballots += [",".join(f"{self.ids[one]}:{weight}" for one, weight in own)] * copies
        return hashlib.sha256("\n".join([*lines, *sorted(ballots)]).encode()).hexdigest()


def with_budget(known: Election, budget: int) -> Election:
    """The same ballots with another budget, in units."""
    made = replace(known, budget=budget)
    made.__dict__.update({name: value for name, value in known.__dict__.items() if name in _OF_BALLOTS})
    return made


def with_more(known: Election, project: int, voters: int, weight: int) -> Election:
    """The same election with more voters, each of whom asks for one project alone."""
    return replace(
        known,
        begins=np.append(known.begins, known.begins[-1] + 1),
        project=np.append(known.project, project),
        weight=np.append(known.weight, weight),
        copies=np.append(known.copies, voters),
        ballot_of=np.append(known.ballot_of, np.full(voters, len(known.copies))),
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """By what identifiers are ordered: numbers in them by their value, so that ``c2`` comes before ``c10``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return (*((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts), (-1, 0, text))


def election(
    ids: Sequence[str],
    costs: Sequence[int],
    budget: int,
    ballots: Sequence[Ballot],
    *,
    names: Sequence[str] | None = None,
    kind: Kind = "approval",
    unit: int = 1,
    weight_unit: int = 1,
) -> Election:
    """Put an election into arrays.

    Parameters
    ----------
    ballots : sequence
        One for each counted voter: projects by number, ascending, each once, with whole weights.

    Raises
    ------
    UserError
        An amount or all marks together are beyond `cityward.core.limits`.
    """
    _bounded(costs, budget)
    known: dict[Ballot, int] = {}
    ballot_of = np.fromiter((known.setdefault(one, len(known)) for one in ballots), dtype=np.int64, count=len(ballots))
    begins = np.zeros(len(known) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in known], out=begins[1:])
    if begins[-1] > COUNT_CELLS:
        raise UserError(f"All ballots together have more than {COUNT_CELLS:,} marks.", "Count districts one by one.")
    marks = np.fromiter((part for one in known for mark in one for part in mark), dtype=np.int64).reshape(-1, 2)
    made = Election(
        ids=tuple(ids),
        names=tuple(ids if names is None else names),
        costs=tuple(costs),
        budget=budget,
        unit=unit,
        kind=kind,
        begins=begins,
        project=np.ascontiguousarray(marks[:, 0]),
        weight=np.ascontiguousarray(marks[:, 1]),
        copies=np.bincount(ballot_of, minlength=len(known)).astype(np.int64),
        ballot_of=ballot_of,
        weight_unit=weight_unit,
    )
    if len(marks) and float(np.abs(made.weight).astype(np.float64) @ made.mark_copies) > COUNT_AMOUNT:
        raise UserError("All points together are too large a number.", "Check the points of the ballots.")
    return made


def _bounded(costs: Sequence[int], budget: int) -> None:
    if budget < 0 or any(cost < 0 for cost in costs):
        raise UserError("A budget or a cost is below zero.", "Give amounts of at least 0.")
    if max(budget, sum(costs)) > COUNT_AMOUNT:
        raise UserError(
            f"The budget or all costs together are above {COUNT_AMOUNT:,} of their smallest unit.",
            "Check the amounts; give them in a larger unit if they are right.",
        )
