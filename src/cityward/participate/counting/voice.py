"""Whose voice a vote is: turnout and proposals of areas against who lives there, and the count if all were heard alike.

Enters: an election, the area of each voter, areas with their people. Leaves: figures with intervals, those of few
people left out, and the weighted count beside the result. Never: a result in place of the one that was voted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.core.small_counts import Line, hide
from cityward.participate.counting.count import Way
from cityward.participate.counting.election import Election, Floats, Ints
from cityward.participate.counting.places import Places
from cityward.participate.counting.weighted import Reweighted, reweigh, strata_of

LEAST: Final = 5
"""Fewer ballots or proposals are not told."""

FEW: Final = 30
"""Fewer ballots are flagged: chance moves their figures."""

LEVEL: Final = 0.95
ALIKE: Final = (0.8, 1.25)
"""Ratios that count as alike, as on the page of the divide."""

Verdict = Literal["less", "a little less", "as its share", "a little more", "more", "cannot tell"]


class Share(msgspec.Struct, frozen=True):
    """A figure and the limits between which it lies with 95 %."""

    value: float
    low: float
    high: float


class Voiced(msgspec.Struct, frozen=True, kw_only=True):
    """An area, or a group of areas.

    ``turnout`` is ballots for each of its people. ``ratio`` is its share of the ballots that tell an area over its
    share of the people: 1 is as many as its people. ``ballots`` None: left out, so that few people are not told.
    """

    name: str
    people: float
    internet: float | None = None
    ballots: int | None = None
    turnout: Share | None = None
    ratio: Share | None = None
    proposals: int | None = None
    proposal_ratio: Share | None = None
    few: bool = False
    verdict: Verdict = "cannot tell"


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """Who voted. ``untold`` ballots tell no area, or none of the list; None where they are few."""

    finding: str
    by: str
    base: str
    grouping: str
    people: float
    ballots: int
    untold: int | None
    groups: tuple[Voiced, ...]
    areas: tuple[Voiced, ...]
    proposals: int | None
    reweighted: Reweighted
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose voice: the column ``by``, the value of each counted voter, and proposals by area, where they are known."""

    by: str
    values: Sequence[str]
    proposals: Mapping[str, int] | None = None


def voice(
    election: Election, way: Way, funded: Sequence[int], asked: Asked, places: Places, *, least: int = LEAST
) -> Voice:
    """Say whose voice an election is.

    Parameters
    ----------
    funded : sequence of int
        Projects that the result funds.
    least : int
        Counts from 1 to less than this are left out, and others from which they would follow.

    Notes
    -----
    Intervals are exact (Clopper and Pearson 1934). They say how far chance alone could have moved as many ballots;
    whether ballots without an area came from everywhere alike they cannot say.
    """
    number = places.number_of(asked.values)
    names = list(dict.fromkeys(places.group))
    of_area = np.array([names.index(one) for one in places.group])
    of_voter = np.append(of_area, -1)[number]
    people = np.array(places.people)
    group_people: Floats = np.bincount(of_area, weights=people, minlength=len(names)).astype(np.float64)
    strata = strata_of(names, group_people / people.sum(), of_voter)
    ballots = np.bincount(number[number >= 0], minlength=len(people))
    untold = int((number < 0).sum())
    hidden = _hidden(ballots, untold, of_area, [[names.index(one) for one in own] for own in strata.names], least)
    size = len(people)
    proposals = _proposals(asked, places)
    areas = _voiced(places.names, people, ballots, hidden[:size], proposals, places.internet, least)
    # Where the areas are the groups they are told once.
    alone = len(names) == size
    groups = () if alone else _voiced(
        names, group_people, np.bincount(of_area, weights=ballots, minlength=len(names)).astype(np.int64),
        hidden[size + 1 :], _summed(proposals, of_area, len(names)), _means(places, of_area, people, len(names)), least,
    )  # fmt: skip
    return Voice(
        finding=_finding(groups or areas, places.grouping),
        by=asked.by,
        base=places.base,
        grouping=places.grouping,
        people=float(people.sum()),
        ballots=election.voters,
        untold=None if hidden[size] else untold,
        groups=tuple(groups),
        areas=tuple(areas),
        proposals=None if proposals is None else int(proposals.sum()),
        reweighted=reweigh(election, way, funded, strata),
        notes=_notes(election.voters, untold, asked, places, ballots, people),
    )


def _hidden(ballots: Ints, untold: int, of_area: Ints, strata: Sequence[Sequence[int]], least: int) -> np.ndarray:
    """Which counts are left out: of areas, then of no area, then of groups. All of them add up to the ballots."""
    size, groups = len(ballots), int(of_area.max()) + 1
    sums = np.bincount(of_area, weights=ballots, minlength=groups).astype(np.int64)
    counts = np.concatenate([ballots, [untold], sums])
    first = size + 1
    # Groups first: what has to be left out beside a small area is left out in its own group, and all is then settled.
    lines: list[Line] = [(np.flatnonzero(of_area == one).tolist(), first + one) for one in range(groups)]
    lines += [(range(first), None), ([size, *range(first, first + groups)], None)]
    # A weight tells how many ballots a stratum has.
    lines += [([first + one for one in members], None) for members in strata]
    return hide(counts, lines, least)


def _voiced(
    names: Sequence[str],
    people: Floats,
    ballots: Ints,
    hidden: np.ndarray,
    proposals: Ints | None,
    internet: Sequence[float | None],
    least: int,
) -> list[Voiced]:
    counts, everyone = ballots.astype(np.float64), float(people.sum())
    placed = float(counts.sum())
    turnout = _shares(np.minimum(counts, people), people, 1.0)
    share = people / everyone
    ratio = _shares(counts, np.full_like(counts, placed), share)
    made = None if proposals is None else _shares(
        proposals.astype(np.float64), np.full_like(counts, float(proposals.sum())), share
    )  # fmt: skip
    quiet = None if proposals is None else hide(proposals, [(range(len(proposals)), None)], least)
    found = []
    for at, name in enumerate(names):
        known = not hidden[at] and placed > 0
        told = proposals is not None and made is not None and quiet is not None and not quiet[at] and proposals.sum()
        found.append(
            Voiced(
                name=name,
                people=float(people[at]),
                internet=internet[at],
                ballots=None if hidden[at] else int(ballots[at]),
                turnout=turnout[at] if known else None,
                ratio=ratio[at] if known else None,
                proposals=int(proposals[at]) if told and proposals is not None else None,
                proposal_ratio=made[at] if told and made is not None else None,
                few=bool(ballots[at] < FEW),
                verdict=_verdict(ratio[at]) if known else "cannot tell",
            )
        )
    return found


def _shares(count: Floats, of: Floats, by: Floats | float) -> list[Share]:
    """Shares with their exact limits, each divided by ``by``."""
    low, high = clopper_pearson(count, of, LEVEL)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.divide(count, of, out=np.zeros_like(count), where=of > 0)
        return [Share(*map(float, one)) for one in zip(value / by, low / by, high / by, strict=True)]


def _verdict(ratio: Share) -> Verdict:
    """What the whole interval says; where it says nothing it cannot be told."""
    if ratio.high < 1:
        return "less" if ratio.high < ALIKE[0] else "a little less"
    if ratio.low > 1:
        return "more" if ratio.low > ALIKE[1] else "a little more"
    return "as its share" if ratio.low >= ALIKE[0] and ratio.high <= ALIKE[1] else "cannot tell"


def _proposals(asked: Asked, places: Places) -> Ints | None:
    if asked.proposals is None:
        return None
    found = np.zeros(len(places.names), dtype=np.int64)
    at = places.number_of(list(asked.proposals))
    for place, amount in zip(at, asked.proposals.values(), strict=True):
        if place >= 0:
            found[place] += amount
    return found if found.sum() else None


def _summed(values: Ints | None, of_area: Ints, size: int) -> Ints | None:
    return None if values is None else np.bincount(of_area, weights=values, minlength=size).astype(np.int64)


def _means(places: Places, of_area: Ints, people: Floats, size: int) -> list[float | None]:
    """Share of homes with internet of each group, its areas weighed by their people; None where it is not known."""
    known = np.array([np.nan if one is None else one for one in places.internet])
    with np.errstate(invalid="ignore"):
        sums = np.bincount(of_area, weights=known * people, minlength=size)
    means = sums / np.bincount(of_area, weights=people, minlength=size)
    return [None if np.isnan(one) else float(one) for one in means]


def _finding(told: Sequence[Voiced], grouping: str) -> str:
    less = [one.name for one in told if one.verdict == "less"]
    more = [one.name for one in told if one.verdict == "more"]
    if less:
        return f"Clearly fewer ballots than its share of the people: {_listed(less)}."
    if more:
        return f"Clearly more ballots than its share of the people: {_listed(more)}."
    alike = ("as its share", "a little less", "a little more")
    if told and all(one.verdict in alike for one in told):
        return f"All {grouping} have about their share of the ballots."
    return "Whether some parts of the city had less than their share of the ballots cannot be told."


def _listed(names: Sequence[str], most: int = 8) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def _notes(voters: int, untold: int, asked: Asked, places: Places, ballots: Ints, people: Floats) -> tuple[str, ...]:
    notes = []
    if voters and untold >= LEAST:
        notes.append(
            f"{100 * untold / voters:.0f} % of ballots tell no area of the list. Turnout is of the others, so it is at "
            "least what is told, and ratios suppose that they came from everywhere alike."
        )
    over = [places.names[at] for at in np.flatnonzero((ballots > people) & (ballots >= FEW))]
    if over:
        notes.append(f"More ballots than {places.base}: {_listed(over)}. Check the figures of people.")
    if places.base == "residents":
        notes.append("The people are all residents, children too; where there are more of them turnout looks lower.")
    unknown = sorted({one for one in asked.values if one})
    strange = [one for one, at in zip(unknown, places.number_of(unknown), strict=True) if at < 0]
    if strange:
        notes.append(f"Values of {asked.by} that are no area of the list: {len(strange):,}.")
    return tuple(notes)
