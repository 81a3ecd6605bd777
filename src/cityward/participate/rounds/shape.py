"""A round as its file ``rounds/NAME.toml`` says it, checked."""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.errors import SettingsError
from cityward.core.toml_text import decode_toml_text, line_of

PROJECTS_MAX: Final = 150
"""A page of more, in 50 kB, would not reach an old phone."""

COST_MAX: Final = 10**12
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,23}\Z")]
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z", max_length=120)]
Cost = Annotated[int, msgspec.Meta(ge=1, le=COST_MAX)]
Vote = Literal["approval", "cumulative", "ranked"]
Rule = Literal["greedy", "equalshares/add1"]
"""How ballots are counted, in the words of Pabulib."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a round; a key that it does not name is an error."""


class Project(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that can be built; ``cost`` in whole units of the round's currency, ``area`` in words."""

    id: Id
    title: Line
    cost: Cost
    area: Line | None = None


class Round(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round. Votes are taken from ``opens`` to ``closes``, both days included; proposals to ``proposals_until``.

    ``most`` is how many projects a ballot may name (approval, ranked), or how many points it may give (cumulative).
    ``rule`` is how ballots are counted: it stands in the ledger before anybody votes. With ``ask_area`` a voter
    may say where he lives; it is published of areas with enough ballots alone.
    """

    title: Line
    budget: Cost
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
    country: Line
    vote: Vote
    most: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    rule: Rule = "greedy"
    opens: date
    closes: date
    proposals_until: date | None = None
    ask_area: bool = False
    projects: list[Project] = []

    def takes_votes(self, day: date) -> bool:
        """Whether ``day`` is one of its days."""
        return self.opens <= day <= self.closes

    def takes_proposals(self, day: date) -> bool:
        """Whether residents can still propose projects."""
        return self.proposals_until is not None and day <= self.proposals_until


def parse_round(text: str, name: str) -> Round:
    """Read and check the text of a round whose file is called ``name``.

    Raises
    ------
    SettingsError
        Names the line, what is wrong and what to write instead.
    """
    found = decode_toml_text(text, Round, name)
    ids = [one.id for one in found.projects]
    twice = next((one for at, one in enumerate(ids) if one in ids[:at]), None)
    slips = [
        (found.closes < found.opens, ".closes", "the round closes before it opens.", "Write a later day."),
        (
            found.proposals_until is not None and found.proposals_until >= found.opens,
            ".proposals_until",
            "proposals would still come while people vote.",
            "End it before the round opens.",
        ),
        (len(ids) > PROJECTS_MAX, ".projects", f"there are {len(ids)} projects.", f"At most {PROJECTS_MAX}; part it."),
        (twice is not None, ".projects", f"two projects are called '{twice}'.", "Give each an id of its own."),
    ]
    for wrong, key, what, remedy in slips:
        if wrong:
            raise SettingsError(f"{name}, line {line_of(text, key)}: {what}", remedy)
    return found


def digest_of(found: Round) -> str:
    """SHA-256 of all that a round says: what the ledger holds of it, so that nothing is changed under the voters."""
    return sha256(msgspec.json.encode(found, order="deterministic")).hexdigest()
