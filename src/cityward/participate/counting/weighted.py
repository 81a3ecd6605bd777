"""The same ballots with weights: what the same rule would fund if every group of areas had its share of the vote.

It never replaces the result. It answers one question alone: does the outcome hang on who voted?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from cityward.core.clock import rng
from cityward.core.limits import COUNT_AMOUNT
from cityward.participate.counting.count import Way, count
from cityward.participate.counting.election import Election, Floats, Ints

PARTS: Final = 1_000
"""A weight is told to a thousandth."""

STRATUM_LEAST: Final = 30
"""Ballots that a group of areas needs for a weight of its own; below, it is put together with another."""

UNTOLD_MOST: Final = 0.2
"""Share of ballots without an area above which nothing is told: they could turn any of it."""

_DRAWS: Final = {"greedy": 200, "greedy-no-skip": 200, "equal-shares": 40, "phragmen": 40}
_MARKS_DRAWN: Final = 60_000
"""With more marks on all distinct ballots the count is not repeated with ballots drawn anew."""

_DECIDES: Final = 0.95


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """Groups of areas that have one weight: what each of their ballots counts, 1 being a ballot as it is."""

    groups: tuple[str, ...]
    ballots: int
    weight: float


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A project that is funded by one count and not by the other.

    ``sure`` is how often it comes out so with ballots drawn anew within the groups; None where none were drawn.
    """

    project: str
    name: str
    cost: int | float
    sure: float | None = None


class Reweighted(msgspec.Struct, frozen=True, kw_only=True):
    """The count with weights beside the result. ``told`` says whether it can be told; where not, ``says`` why.

    ``effective`` is how many ballots of equal weight would be as sure (Kish 1965).
    """

    told: bool
    says: str
    strata: tuple[Stratum, ...] = ()
    effective: float | None = None
    would_win: tuple[Moved, ...] = ()
    would_lose: tuple[Moved, ...] = ()
    draws: int = 0


@dataclass(frozen=True, slots=True)
class Strata:
    """Ballots by group: ``number`` (voters,) of each counted voter's stratum, -1 for none; ``share`` of the people."""

    names: tuple[tuple[str, ...], ...]
    number: Ints
    share: Floats


def strata_of(groups: Sequence[str], share: Floats, number: Ints) -> Strata:
    """Put groups together until each stratum has `STRATUM_LEAST` ballots, the smallest two first.

    Parameters
    ----------
    groups : sequence of str
    share : array of float, shape (groups,)
        Of the people.
    number : array of int, shape (voters,)
        Group of each counted voter; -1 for none.
    """
    sizes = np.bincount(number[number >= 0], minlength=len(groups))
    held = [([at], int(sizes[at])) for at in range(len(groups))]
    while len(held) > 1 and min(count for _, count in held) < STRATUM_LEAST:
        held.sort(key=lambda one: (one[1], one[0]))
        first, second = held[0], held[1]
        held = [(sorted(first[0] + second[0]), first[1] + second[1]), *held[2:]]
    held.sort()
    place = np.full(len(groups) + 1, -1)
    for at, (members, _) in enumerate(held):
        place[members] = at
    return Strata(
        tuple(tuple(groups[one] for one in members) for members, _ in held),
        place[number],
        np.array([share[members].sum() for members, _ in held]),
    )


def with_weights(known: Election, weights: Ints, parts: int) -> Election:
    """The election in which the ballot of each voter counts ``weights / parts`` times.

    Each ballot becomes as many as its weight says, and costs and budget grow by ``parts``: a voter of weight 1 then
    has, and gives, exactly what he had before, also where a rule deals the budget out or adds one of the currency.
    """
    copies = np.bincount(known.ballot_of, weights=weights, minlength=len(known.copies)).astype(np.int64)
    return replace(
        known,
        copies=copies,
        costs=tuple(cost * parts for cost in known.costs),
        budget=known.budget * parts,
        weight_unit=known.weight_unit * parts,
    )


def reweigh(election: Election, way: Way, funded: Sequence[int], strata: Strata, seed: int = 1) -> Reweighted:
    """Count with each stratum weighted to its share of the people; ballots without an area keep the weight 1.

    Parameters
    ----------
    funded : sequence of int
        What the result funds.

    Notes
    -----
    A ballot of stratum h of n ballots weighs (share of the people in h) * n / n_h (post-stratification: Holt and Smith
    1979, Post Stratification, Journal of the Royal Statistical Society A 142). It puts right who voted by where they
    live, and supposes that those who did not vote would choose as their neighbours who did.
    """
    number, sizes = strata.number, np.bincount(strata.number[strata.number >= 0], minlength=len(strata.names))
    placed = int(sizes.sum())
    if not election.voters or placed < (1 - UNTOLD_MOST) * election.voters:
        share = 1 - placed / max(election.voters, 1)
        return _untold(f"{100 * share:.0f} % of ballots tell no area of the list; above {100 * UNTOLD_MOST:.0f} % "
                       "they could turn the outcome either way.")  # fmt: skip
    if len(strata.names) < 2:
        return _untold(f"Only one group of areas has the {STRATUM_LEAST} ballots that a weight needs.")
    parts = _parts(election)
    if not parts:
        return _untold("The amounts are too large to be weighed.")
    weight = strata.share * placed / sizes
    whole = np.maximum(np.rint(weight * parts).astype(np.int64), 1)
    own = np.append(whole, parts)[number]
    after = set(count(with_weights(election, own, parts), way).funded)
    before = set(funded)
    sure = _drawn(election, way, strata, whole, parts, seed) if before != after else None
    told = own / parts
    return Reweighted(
        told=True,
        says=_says(changed=before != after),
        strata=tuple(
            Stratum(groups=names, ballots=int(sizes[at]), weight=float(weight[at]))
            for at, names in enumerate(strata.names)
        ),
        effective=float(told.sum() ** 2 / (told**2).sum()),
        would_win=tuple(_moved(election, one, sure, wins=True) for one in sorted(after - before)),
        would_lose=tuple(_moved(election, one, sure, wins=False) for one in sorted(before - after)),
        draws=0 if sure is None else _DRAWS[way.rule],
    )


def _untold(why: str) -> Reweighted:
    return Reweighted(told=False, says=f"Whether the outcome hangs on who voted cannot be told. {why}")


def _says(*, changed: bool) -> str:
    if not changed:
        return "With each group of areas at its share of the people the same projects win."
    return (
        "With each group of areas at its share of the people other projects would win. It does not replace the result: "
        "that is the count of the ballots as they were cast."
    )


def _parts(election: Election) -> int:
    """How fine a weight can be told; 0 where not at all."""
    largest = max(election.budget, sum(election.costs), int(np.abs(election.scores).sum()), 1)
    # Strata are at least STRATUM_LEAST ballots, so no weight is above the number of ballots by that.
    room = COUNT_AMOUNT // largest
    return next((parts for parts in (PARTS, 100, 10) if room >= 100 * parts), 0)


def _drawn(election: Election, way: Way, strata: Strata, whole: Ints, parts: int, seed: int) -> Floats | None:
    """How often each project is funded with as many ballots drawn anew within each stratum; None: not drawn."""
    if len(election.project) > _MARKS_DRAWN:
        return None
    chance, draws = rng(seed, "voice", "ballots drawn anew"), _DRAWS[way.rule]
    funded = np.zeros(len(election.ids))
    size = len(whole)
    kinds = len(election.copies)
    cells = np.zeros((size + 1, kinds), dtype=np.int64)
    np.add.at(cells, (np.where(strata.number < 0, size, strata.number), election.ballot_of), 1)
    weights = np.append(whole, parts)
    for _ in range(draws):
        copies = np.zeros(kinds, dtype=np.int64)
        for row, weight in zip(cells, weights, strict=True):
            if voters := int(row.sum()):
                copies += weight * chance.multinomial(voters, row / voters)
        kept = copies > 0
        funded[list(count(_only(election, copies, kept, parts), way).funded)] += 1
    return funded / draws


def _only(known: Election, copies: Ints, kept: np.ndarray, parts: int) -> Election:
    """The election with the ballots that were drawn, as often as they were."""
    lengths = np.diff(known.begins)
    marks = np.repeat(kept, lengths)
    begins = np.zeros(int(kept.sum()) + 1, dtype=np.int64)
    np.cumsum(lengths[kept], out=begins[1:])
    return replace(
        known,
        begins=begins,
        project=known.project[marks],
        weight=known.weight[marks],
        copies=copies[kept],
        ballot_of=np.empty(0, dtype=np.int64),
        costs=tuple(cost * parts for cost in known.costs),
        budget=known.budget * parts,
        weight_unit=known.weight_unit * parts,
    )


def _moved(election: Election, project: int, sure: Floats | None, *, wins: bool) -> Moved:
    return Moved(
        project=election.ids[project],
        name=election.names[project],
        cost=election.amount(election.costs[project]),
        sure=None if sure is None else float(sure[project] if wins else 1 - sure[project]),
    )


def is_sure(moved: Moved) -> bool:
    """Whether a project changes sides in nearly all draws."""
    return moved.sure is not None and moved.sure >= _DECIDES
