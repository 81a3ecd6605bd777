"""Which rule counts an election, and the count by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np

from cityward.core.errors import UserError
from cityward.participate.counting.amounts import amount
from cityward.participate.counting.election import Election, Ints
from cityward.participate.counting.greedy import Greedy, greedy
from cityward.participate.counting.outcome import Outcome
from cityward.participate.counting.phragmen import phragmen
from cityward.participate.counting.shares import Completion, Satisfaction, equal_shares

Rule: TypeAlias = Literal["greedy", "greedy-no-skip", "equal-shares", "phragmen"]

RULES: Final[tuple[Rule, ...]] = ("greedy", "greedy-no-skip", "equal-shares", "phragmen")
COMPLETIONS: Final[tuple[Completion, ...]] = ("add1", "add1u", "greedy", "none")
SATISFACTIONS: Final[tuple[Satisfaction, ...]] = ("cost", "cardinality", "points")

_SHARES: Final = re.compile(r"equalshares(?:/(add1u|add1|greedy))?(-comparison)?")
_COMPLETED: Final[Mapping[str | None, Completion]] = {None: "none", **{one: one for one in COMPLETIONS}}
_SHARE_OF_LAST: Final = re.compile(r"at least (\d{1,2}) ?%")


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with what it leaves open.

    Parameters
    ----------
    threshold, last_share : Fraction, optional
        See `Greedy`.
    compared : bool
        Equal shares gives way to greedy where more voters have more funded projects under greedy than the reverse.
    """

    rule: Rule
    completion: Completion = "add1"
    satisfaction: Satisfaction | None = None
    threshold: Fraction | None = None
    last_share: Fraction | None = None
    compared: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """The rule in a word or two."""
        if self.rule != "equal-shares":
            return self.rule if self.last_share is None else f"greedy-last-share-{float(self.last_share):g}"
        named = self.rule if self.completion == "none" else f"{self.rule}/{self.completion}"
        named += f" ({self.satisfaction})" if self.satisfaction else ""
        return f"{named}-comparison" if self.compared else named

    @property
    def pabulib(self) -> str:
        """The rule as Pabulib names it."""
        if self.rule != "equal-shares":
            return self.rule
        done = "equalshares" if self.completion == "none" else f"equalshares/{self.completion}"
        return f"{done}-comparison" if self.compared else done


class Preferred(msgspec.Struct, frozen=True):
    """How many voters have more funded projects under one outcome than under the other."""

    first: int
    second: int
    alike: int


def other_way(way: Way, meta: Mapping[str, str]) -> Way:
    """The way to hold a count against: greedy for equal shares, equal shares for all others."""
    if way.rule == "equal-shares":
        return Way(rule="greedy", threshold=threshold_of(meta))
    return Way(rule="equal-shares")


def own_way(meta: Mapping[str, str]) -> Way:
    """The rule that the file names.

    Raises
    ------
    UserError
        It names none that can be followed.
    """
    written = meta.get("rule", "").lower()
    threshold = threshold_of(meta)
    if written in ("greedy", "greedy-threshold"):
        return Way(rule="greedy", threshold=threshold)
    if written == "greedy-no-skip":
        return Way(rule="greedy-no-skip", threshold=threshold)
    if written == "greedy-exclusive":
        note = "Which projects exclude each other the file does not say; this is the count as if none did."
        return Way(rule="greedy", threshold=threshold, note=note)
    if written == "greedy-custom" and (share := _SHARE_OF_LAST.search(meta.get("comment", ""))):
        note = f"As its comment says, the first that does not fit is funded too if {share[1]} % of its cost is left."
        return Way(rule="greedy-no-skip", threshold=threshold, last_share=Fraction(int(share[1]), 100), note=note)
    if written == "phragmen":
        return Way(rule="phragmen")
    if found := _SHARES.fullmatch(written):
        return Way(rule="equal-shares", completion=_COMPLETED[found[1]], compared=bool(found[2]))
    told = f"The file's own rule ({written[:40]}) cannot be followed" if written else "The file names no rule"
    raise UserError(f"{told}.", f"Name one with --rule: {', '.join(RULES)}.")


def threshold_of(meta: Mapping[str, str]) -> Fraction | None:
    """Fewest votes or points of a project that may be funded, where the file asks for some."""
    return amount(meta.get("min_project_score_threshold", ""))


def count(election: Election, way: Way) -> Outcome:
    """Count an election."""
    if way.rule == "phragmen":
        return phragmen(election)
    by_votes = greedy(election, Greedy(way.rule == "greedy", way.threshold, way.last_share))
    if way.rule != "equal-shares":
        return by_votes
    made = equal_shares(election, satisfaction=way.satisfaction, completion=way.completion)
    if way.compared:
        voters = preferred(election, made, by_votes)
        return by_votes if voters.second > voters.first else made
    return made


def preferred(election: Election, first: Outcome, second: Outcome) -> Preferred:
    """Under which of two outcomes voters have more funded projects that they asked for."""
    more = has(election, first) - has(election, second)
    return Preferred(*(int(election.copies[where].sum()) for where in (more > 0, more < 0, more == 0)))


def has(election: Election, outcome: Outcome) -> Ints:
    """How many funded projects each distinct ballot asked for, of shape (ballots,)."""
    funded = np.zeros(len(election.ids), dtype=np.bool_)
    funded[list(outcome.funded)] = True
    ballot = np.repeat(np.arange(len(election.copies)), np.diff(election.begins))
    hit = funded[election.project] & (election.weight > 0)
    return np.bincount(ballot[hit], minlength=len(election.copies)).astype(np.int64)
