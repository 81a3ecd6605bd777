"""A count as a document that a city publishes: what was counted, who won, who is represented, every tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from cityward.core.errors import UserError
from cityward.participate.counting.count import Preferred, Way, own_way, preferred
from cityward.participate.counting.election import Election
from cityward.participate.counting.outcome import Outcome
from cityward.participate.counting.pabulib import Document
from cityward.participate.counting.receive import Received
from cityward.participate.counting.represent import GROUPS, Represented, represent


class Ballots(msgspec.Struct, frozen=True, kw_only=True):
    """``received`` is ``counted`` and ``not_counted`` together; ``blank`` ones count but ask for nothing."""

    received: int
    counted: int
    not_counted: int
    reasons: dict[str, int]
    blank: int


class Winner(msgspec.Struct, frozen=True, kw_only=True):
    """A funded project, its place in the order of funding, and what it got."""

    id: str
    name: str
    cost: int | float
    votes: int
    score: int | float
    place: int
    by_completion: bool = False


class ToldTie(msgspec.Struct, frozen=True):
    """Projects that the rule does not tell apart, which came first, and by what."""

    projects: tuple[str, ...]
    first: str
    by: str
    decided: bool
    """Whether some of them are funded and others are not."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The winners that the file itself names, beside those of this count."""

    winners: int
    agrees: bool
    only_in_file: tuple[str, ...]
    only_here: tuple[str, ...]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One way of counting and what came of it. Amounts are in the currency of the file."""

    rule: str
    winners: tuple[Winner, ...]
    total_cost: int | float
    budget: int | float
    left: int | float
    voter_share: float | None
    ties: tuple[ToldTie, ...]
    representation: Represented
    notes: tuple[str, ...] = ()


class Beside(Result, frozen=True, kw_only=True):
    """A second way of counting; ``voters`` are those who have more funded projects by the first, or by the second."""

    voters: Preferred


class Report(Result, frozen=True, kw_only=True):
    """A count. ``caveats`` are of the file, ``notes`` of the way."""

    election: str
    currency: str
    vote_type: str
    ballots: Ballots
    digest: str
    published: Published | None = None
    compare: Beside | None = None
    caveats: tuple[str, ...] = ()


def report(
    document: Document,
    received: Received,
    way: Way,
    outcome: Outcome,
    other: tuple[Way, Outcome] | None = None,
) -> Report:
    """Put a count, and another one beside it, into a document."""
    election = received.election
    attributes = _attributes(document, received.kept)
    meta = document.meta
    beside = None
    if other is not None:
        voters = preferred(election, outcome, other[1])
        beside = Beside(**_fields(election, *other, attributes, meta), voters=voters)
    return Report(
        election=meta.get("description") or meta.get("unit", ""),
        currency=meta.get("currency", ""),
        vote_type=meta.get("vote_type", ""),
        ballots=Ballots(
            received=received.received,
            counted=election.voters,
            not_counted=received.received - election.voters,
            reasons=received.reasons,
            blank=received.blank,
        ),
        digest=election.digest,
        **_fields(election, way, outcome, attributes, meta),
        published=_published(election, outcome, received.published),
        compare=beside,
        caveats=received.notes,
    )


def selected(document: Document, election: Election, way: Way, outcome: Outcome) -> Document:
    """The file with the winners of a count in its column ``selected``, and their rule; what it says already stays."""
    fields = document.project_fields
    has = "selected" in fields
    at = fields.index("selected") if has else len(fields)
    funded = {election.ids[one] for one in outcome.funded}
    own = fields.index("project_id")

    def cell(row: Sequence[str]) -> str:
        won = row[own] in funded
        said = row[at] if has else ""
        return said if said and (said != "0") == won else str(int(won))

    rows = tuple((*row[:at], cell(row), *row[at + 1 :]) for row in document.projects)
    meta = document.meta if way == _own(document) else {**document.meta, "rule": way.pabulib}
    return replace(document, meta=meta, project_fields=fields if has else (*fields, "selected"), projects=rows)


def _own(document: Document) -> Way | None:
    try:
        return own_way(document.meta)
    except UserError:
        return None


def _fields(
    election: Election, way: Way, outcome: Outcome, attributes: Mapping[str, Sequence[str]], meta: Mapping[str, str]
) -> dict[str, Any]:
    """What `Result` holds."""
    cost = outcome.cost(election)
    funded = set(outcome.funded)
    notes = [way.note] if way.note else []
    asked = meta.get("min_project_score_threshold", "")
    if way.rule not in ("greedy", "greedy-no-skip") and asked:
        notes.append(f"The file asks for a score of at least {asked[:20]} of every project; this rule does not.")
    if outcome.rest is not None:
        notes.append(f"Part of the cost of {election.ids[outcome.rest]} comes from elsewhere.")
    return msgspec.structs.asdict(
        Result(
            rule=way.name,
            winners=tuple(_winner(election, outcome, one, place) for place, one in enumerate(outcome.funded, 1)),
            total_cost=election.amount(cost),
            budget=election.amount(election.budget),
            left=election.amount(election.budget - cost),
            voter_share=None if outcome.share is None else float(outcome.share / election.unit),
            ties=tuple(
                ToldTie(
                    tuple(election.ids[one] for one in tie.projects),
                    election.ids[tie.first],
                    tie.by,
                    0 < len(funded & set(tie.projects)) < len(tie.projects),
                )
                for tie in outcome.ties
            ),
            representation=represent(election, outcome, attributes),
            notes=tuple(notes),
        )
    )


def _winner(election: Election, outcome: Outcome, project: int, place: int) -> Winner:
    return Winner(
        id=election.ids[project],
        name=election.names[project],
        cost=election.amount(election.costs[project]),
        votes=int(election.votes[project]),
        score=election.points(int(election.scores[project])),
        place=place,
        by_completion=project in outcome.completed,
    )


def _attributes(document: Document, kept: Sequence[int]) -> dict[str, list[str]]:
    """What the file tells of each counted voter that makes a group."""
    at = {name: place for place, name in enumerate(document.vote_fields) if name in GROUPS}
    return {name: [document.votes[row][place] for row in kept] for name, place in at.items()}


def _published(election: Election, outcome: Outcome, said: Mapping[str, int]) -> Published | None:
    """Compare with the file; what it marks otherwise than by 0 or 1 has a reason of its own and agrees with both."""
    if not said:
        return None
    here = {election.ids[one] for one in outcome.funded}
    in_file = {one for one, mark in said.items() if mark == 1}
    only_file = sorted(in_file - here)
    only_here = sorted(one for one in here if said.get(one, 0) == 0)
    return Published(
        winners=len(in_file),
        agrees=not only_file and not only_here,
        only_in_file=tuple(only_file),
        only_here=tuple(only_here),
    )
