"""Replicates under the null hypothesis: the margins stay, chance deals the rest anew.

Three ways, one for each model: times are dealt to the cases (permutation), cases to the cells in proportion
to what is expected there (Poisson), and being a case to the people (Bernoulli).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

TIMES, CELLS, LABELS = 0, 1, 2

_GAP = np.uint64(0x9E3779B97F4A7C15)  # of SplitMix64: states are this far apart


@dataclass(frozen=True, slots=True)
class Deal:
    """What a replicate is dealt from; made by `times`, `cells` or `labels`.

    Attributes
    ----------
    kind : int
        `TIMES`, `CELLS` or `LABELS`.
    deck : ndarray of int32
        Places of the cases, stratum after stratum (times); the other of each cell's two (cells); cells of the
        people (labels).
    starts : ndarray of int64
        Where each stratum of the deck begins, and its end.
    tickets : ndarray of int64, shape (strata, intervals)
        How many are dealt.
    odds : ndarray of float64
        Cells: how often a cell is itself and not its other.
    whole : ndarray of int64
        Labels: when controls are dealt and not cases, the people of each cell; else empty.
    """

    kind: int
    deck: NDArray[np.int32]
    starts: NDArray[np.int64]
    tickets: NDArray[np.int64]
    odds: NDArray[np.float64]
    whole: NDArray[np.int64]

    @property
    def most(self) -> int:
        """Most cases that a window can have in a replicate."""
        return int(self.whole.sum()) if self.whole.size else int(self.tickets.sum())


def times(by_place: NDArray[np.int64], by_time: NDArray[np.int64]) -> Deal:
    """Deal times to cases, within each stratum.

    Parameters
    ----------
    by_place : ndarray of int, shape (strata, places)
        All cases.
    by_time : ndarray of int, shape (strata, intervals)
        Cases of the intervals that windows can reach.
    """
    places = np.arange(by_place.shape[1], dtype=np.int32)
    deck = np.concatenate([np.repeat(places, row) for row in by_place])
    starts = np.concatenate([[0], np.cumsum(by_place.sum(axis=1))]).astype(np.int64)
    return Deal(TIMES, deck, starts, by_time.astype(np.int64), np.zeros(0), np.zeros(0, np.int64))


def cells(expected: NDArray[np.float64], total: int) -> Deal:
    """Deal ``total`` cases to cells.

    Parameters
    ----------
    expected : ndarray, shape (places, intervals)
        Cases expected in each cell that windows can reach; what is missing to ``total`` is elsewhere.
    total : int
        All cases.

    Notes
    -----
    Source: Walker (1977), alias method; Vose (1991) for its tables.
    """
    weights = np.append(expected.ravel(), max(total - expected.sum(), 0.0))
    odds, other = _alias(weights * (weights.size / weights.sum()))
    tickets = np.array([[total]], dtype=np.int64)
    return Deal(CELLS, other, np.zeros(0, np.int64), tickets, odds, np.zeros(0, np.int64))


def labels(people: NDArray[np.int64], elsewhere: int, total: int) -> Deal:
    """Deal being a case to people.

    Parameters
    ----------
    people : ndarray of int, shape (places, intervals)
        Cases and controls of each cell that windows can reach.
    elsewhere : int
        People in no such cell.
    total : int
        All cases.
    """
    everyone = int(people.sum()) + elsewhere
    deck = np.repeat(np.arange(people.size + 1, dtype=np.int32), np.append(people.ravel(), elsewhere))
    controls = total > everyone - total
    tickets = np.array([[everyone - total if controls else total]], dtype=np.int64)
    whole = people.ravel().astype(np.int64) if controls else np.zeros(0, np.int64)
    return Deal(LABELS, deck, np.array([0, everyone]), tickets, np.zeros(0), whole)


@njit(cache=True)
def _alias(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Tables of the alias method for weights whose mean is 1."""
    odds, other = np.ones(weights.size), np.arange(weights.size).astype(np.int32)
    left = weights.copy()
    # Two stacks, of cells with less than the mean and with more, grow towards each other in one array.
    cells = np.empty(weights.size, dtype=np.int64)
    small, large = 0, weights.size
    for cell in range(weights.size):
        if left[cell] < 1.0:
            cells[small] = cell
            small += 1
        else:
            large -= 1
            cells[large] = cell
    while small > 0 and large < weights.size:
        small -= 1
        little, much = cells[small], cells[large]
        odds[little], other[little] = left[little], much
        left[much] -= 1.0 - left[little]
        if left[much] < 1.0:
            large += 1
            cells[small] = much
            small += 1
    return odds, other


@njit(cache=True)
def _next(state: np.uint64) -> np.uint64:
    """Output of SplitMix64 for a state (Source: Steele, Lea, Flood 2014)."""
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@njit(cache=True)
def _below(mixed: np.uint64, bound: int) -> int:
    """A number below ``bound`` (at most 2^32) from 64 random bits, without a division."""
    return int(np.int64(((mixed >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)))


@njit(cache=True)
def deal(
    seed: np.uint64,
    kind: int,
    deck: NDArray[np.int32],
    starts: NDArray[np.int64],
    tickets: NDArray[np.int64],
    odds: NDArray[np.float64],
    whole: NDArray[np.int64],
    drawn: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    """Fill ``counts`` (shape (places, intervals)) with the replicate of ``seed``.

    Only what windows can reach is dealt: the first of a Fisher-Yates shuffle, which is undone at the end
    (``drawn`` remembers it), so that a replicate depends on its own seed alone.
    """
    counts[:] = 0
    if kind == CELLS:
        _draw_cells(seed, tickets[0, 0], odds, deck, counts.reshape(-1))
        return
    _shuffle(seed, kind, deck, starts, tickets, drawn, counts)
    _undo(deck, starts, tickets, drawn)
    flat = counts.reshape(-1)
    for cell in range(whole.size):
        flat[cell] = whole[cell] - flat[cell]


@njit(cache=True)
def _draw_cells(
    state: np.uint64, amount: int, odds: NDArray[np.float64], other: NDArray[np.int32], flat: NDArray[np.int32]
) -> None:
    """Draw cells by the alias method; the last one stands for everywhere else."""
    for _ in range(amount):
        state += _GAP
        mixed = _next(state)
        cell = _below(mixed, odds.size)
        if (mixed & np.uint64(0xFFFFFFFF)) >= np.uint64(odds[cell] * 4294967296.0):
            cell = other[cell]
        if cell < flat.size:
            flat[cell] += 1


@njit(cache=True)
def _shuffle(
    state: np.uint64,
    kind: int,
    deck: NDArray[np.int32],
    starts: NDArray[np.int64],
    tickets: NDArray[np.int64],
    drawn: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    flat, dealt = counts.reshape(-1), 0
    for stratum in range(tickets.shape[0]):
        at, end = starts[stratum], starts[stratum + 1]
        for interval in range(tickets.shape[1]):
            for _ in range(tickets[stratum, interval]):
                state += _GAP
                chosen = at + _below(_next(state), end - at)
                card = deck[chosen]
                deck[chosen] = deck[at]
                deck[at] = card
                drawn[dealt] = chosen
                at += 1
                dealt += 1
                if kind == TIMES:
                    counts[card, interval] += 1
                elif card < flat.size:
                    flat[card] += 1


@njit(cache=True)
def _undo(
    deck: NDArray[np.int32], starts: NDArray[np.int64], tickets: NDArray[np.int64], drawn: NDArray[np.int64]
) -> None:
    dealt = tickets.sum()
    for stratum in range(tickets.shape[0] - 1, -1, -1):
        at = starts[stratum] + tickets[stratum].sum()
        while at > starts[stratum]:
            at -= 1
            dealt -= 1
            card = deck[at]
            deck[at] = deck[drawn[dealt]]
            deck[drawn[dealt]] = card
