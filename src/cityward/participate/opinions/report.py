"""What a consultation says: groups with their stability, statements that bridge them, and where we do not know."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from cityward.core.beta import beta_quantile
from cityward.core.clock import rng
from cityward.participate.opinions.answers import AGREE, DISAGREE, NONE, Answers
from cityward.participate.opinions.groups import Cells, Floats, Labels, again, best, place, shuffled

VOTERS_LEAST: Final = 50
"""With fewer voters who answered enough, groups are not looked for."""

ANSWERS_LEAST: Final = 7
"""Whoever answered fewer statements (of as many) is counted, but belongs to no group."""

_STABLE: Final = 0.75
_CHANCE: Final = 0.05
_DRAWS: Final = 2_000
_SMALL: Final = 500_000
"""Cells up to which 99 trials are made, and 19 beyond."""

_LEVEL: Final = 0.9


class Interval(msgspec.Struct, frozen=True):
    """A share with the limits between which it lies with 90 %."""

    share: float
    low: float
    high: float


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement: how many agree of those who answered, and what groups say of it.

    ``bridge`` is the product over groups of the probability to agree, ``least`` the lowest of them; both only where
    there are groups.
    """

    statement: str
    answers: int
    agree: Interval
    disagree: Interval
    bridge: Interval | None = None
    least: Interval | None = None
    by_group: tuple[Interval, ...] = ()


class Opinions(msgspec.Struct, frozen=True, kw_only=True):
    """A consultation. ``known`` says whether there are groups; where not, ``finding`` says why.

    ``fit`` is the silhouette, ``chance`` how often answers without groups fit as well; ``stability`` is the adjusted
    Rand index between these groups and those of voters drawn anew: its mean and the value that 5 % fall below.
    """

    finding: str
    known: bool
    voters: int
    voters_grouped: int
    statements_count: int
    answers_received: int
    answers_counted: int
    reasons: dict[str, int]
    groups: tuple[int, ...] = ()
    fit: float | None = None
    chance: float | None = None
    stability: float | None = None
    stability_low: float | None = None
    statements: tuple[Statement, ...] = ()


class _Tested(msgspec.Struct, frozen=True):
    """Groups as found, and whether they can be told of."""

    labels: Labels
    fit: float
    chance: float
    stability: float
    stability_low: float

    @property
    def known(self) -> bool:
        return self.chance <= _CHANCE and self.stability >= _STABLE


def opinions(given: Answers, seed: int = 1) -> Opinions:
    """Find groups of opinion, and the statements that bridge them.

    Source: Small et al. 2021, section 4.2 (group-aware consensus: the product over groups of the probability to
    agree, each with a prior of one agreeing and one other answer).
    """
    cells = given.cells
    told = (cells != NONE).sum(axis=1)
    enough = told >= min(ANSWERS_LEAST, cells.shape[1])
    grouped = cells[enough]
    tested = _tested(grouped, seed) if len(grouped) >= VOTERS_LEAST and cells.shape[1] > 1 else None
    labels = tested.labels if tested and tested.known else None
    return Opinions(
        finding=_finding(len(grouped), tested),
        known=labels is not None,
        voters=len(cells),
        voters_grouped=len(grouped),
        statements_count=cells.shape[1],
        answers_received=given.received,
        answers_counted=int(told.sum()),
        reasons=given.reasons,
        groups=() if labels is None else tuple(np.bincount(labels).tolist()),
        fit=None if tested is None else tested.fit,
        chance=None if tested is None else tested.chance,
        stability=None if tested is None else tested.stability,
        stability_low=None if tested is None else tested.stability_low,
        statements=_statements(given, grouped, labels, seed),
    )


def _tested(cells: Cells, seed: int) -> _Tested | None:
    found = best(place(cells).positions)
    if found is None:
        return None
    labels, _, fit = found
    times = 99 if cells.size <= _SMALL else 19
    without = [best(place(shuffled(cells, seed, one)).positions) for one in range(times)]
    as_good = sum(one is not None and one[2] >= fit for one in without)
    drawn = np.array([again(cells, labels, seed, one) for one in range(times + 1)])
    return _Tested(labels, fit, (1 + as_good) / (1 + times), float(drawn.mean()), float(np.quantile(drawn, 0.05)))


def _finding(voters: int, tested: _Tested | None) -> str:
    if voters < VOTERS_LEAST:
        return (
            f"We do not know whether there are groups: {voters:,} voters answered enough, and fewer than "
            f"{VOTERS_LEAST} do not show it."
        )
    if tested is None:
        return "We do not know whether there are groups: any division would have a group of fewer than five voters."
    if tested.chance > _CHANCE:
        return f"No groups show: answers without any groups look as divided in {100 * tested.chance:.0f} % of trials."
    likeness = f"{tested.stability:.2f} of 1"
    if not tested.known:
        return f"Groups do not hold: with voters drawn anew they come out otherwise (likeness {likeness})."
    return f"{int(tested.labels.max()) + 1} groups hold: with voters drawn anew they come out alike ({likeness})."


def _statements(given: Answers, grouped: Cells, labels: Labels | None, seed: int) -> tuple[Statement, ...]:
    """Statements, those that bridge groups best first; without groups, those that most agree with."""
    agree = (given.cells == AGREE).sum(axis=0)
    disagree = (given.cells == DISAGREE).sum(axis=0)
    answered = (given.cells != NONE).sum(axis=0)
    yes, no = _shares(agree, answered), _shares(disagree, answered)
    by_group = [] if labels is None else [grouped[labels == one] for one in range(int(labels.max()) + 1)]
    own = [((cells == AGREE).sum(axis=0), (cells != NONE).sum(axis=0)) for cells in by_group]
    each = [_shares(*counts) for counts in own]
    bridges, leasts = _bridges(own, seed) if own else ([None] * len(answered), [None] * len(answered))
    made = [
        Statement(
            statement=name,
            answers=int(answered[at]),
            agree=yes[at],
            disagree=no[at],
            bridge=bridges[at],
            least=leasts[at],
            by_group=tuple(shares[at] for shares in each),
        )
        for at, name in enumerate(given.statements)
    ]
    return tuple(sorted(made, key=lambda one: -(one.bridge or one.agree).share))


def _shares(counts: Labels, of: Labels) -> list[Interval]:
    """Shares with a prior of one answer of each kind, and their 90 % limits."""
    first: Floats = np.asarray(counts + 1.0)
    second: Floats = np.asarray(of - counts + 1.0)
    low, high = (beta_quantile(first, second, at) for at in ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    return [Interval(*map(float, one)) for one in zip(first / (first + second), low, high, strict=True)]


def _bridges(own: list[tuple[Labels, Labels]], seed: int) -> tuple[list[Interval | None], list[Interval | None]]:
    """Product and least of the groups' probabilities to agree, of each statement."""
    chance = rng(seed, "bridging statements")
    products: list[Interval | None] = []
    leasts: list[Interval | None] = []
    for at in range(len(own[0][0])):
        first = np.array([counts[at] + 1.0 for counts, _ in own])
        second = np.array([of[at] - counts[at] + 1.0 for counts, of in own])
        drawn = chance.beta(first, second, (_DRAWS, len(own)))
        middle = first / (first + second)
        products.append(_limits(float(middle.prod()), drawn.prod(axis=1)))
        leasts.append(_limits(float(middle.min()), drawn.min(axis=1)))
    return products, leasts


def _limits(value: float, drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    # The least of draws lies below the least of means on average; what is told lies within its limits.
    return Interval(value, min(float(low), value), max(float(high), value))
