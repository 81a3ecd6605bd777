"""Groups of voters who answer alike: two directions, k-means from fixed beginnings, as many groups as fit best.

All of it is deterministic: directions have a fixed sign, and k-means begins with voters who lie farthest apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.participate.opinions.answers import NONE

Cells = NDArray[np.int8]
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

GROUPS_MOST: Final = 5
LEAST: Final = 5
"""No group of fewer voters is made."""

_ROUNDS: Final = 100
_JUDGED: Final = 400
"""Voters on whom the fit of groups is measured, evenly spaced."""


@dataclass(frozen=True, slots=True)
class Map:
    """Where voters lie: positions of shape (voters, 2), and what leads there from answers."""

    positions: Floats
    means: Floats
    directions: Floats


def place(cells: Cells) -> Map:
    """Put voters on a plane by the two directions in which answers differ most.

    What a voter did not answer is taken as the mean of those who did; who answered little would lie near the middle
    for that alone, so positions are stretched by the root of the share that was answered.

    Source: Small et al. 2021, section 3.2.
    """
    told = cells != NONE
    counts = np.maximum(told.sum(axis=0), 1)
    means = np.where(told, cells, 0).sum(axis=0) / counts
    gaps = np.where(told, cells - means, 0.0)
    _, vectors = np.linalg.eigh(gaps.T @ gaps)
    directions = vectors[:, ::-1][:, :2]
    if directions.shape[1] < 2:
        directions = np.hstack([directions, np.zeros((len(directions), 1))])
    largest = np.abs(directions).round(9).argmax(axis=0)
    signs = np.sign(directions[largest, [0, 1]])
    directions = directions * np.where(signs == 0, 1.0, signs)
    return Map(_positions(cells, means, directions), means, directions)


def _positions(cells: Cells, means: Floats, directions: Floats) -> Floats:
    told = cells != NONE
    gaps = np.where(told, cells - means, 0.0)
    stretch = np.sqrt(cells.shape[1] / np.maximum(told.sum(axis=1), 1))
    return np.asarray(gaps @ directions * stretch[:, None])


def divide(positions: Floats, count: int) -> tuple[Labels, Floats]:
    """Divide points into ``count`` groups by k-means; the first group is the largest.

    Returns
    -------
    labels : (points,)
    centres : (count, 2)
    """
    centres = _far_apart(positions, count)
    labels = np.full(len(positions), -1)
    for _ in range(_ROUNDS):
        following = nearest(positions, centres)
        if (following == labels).all():
            break
        labels = following
        sizes = np.bincount(labels, minlength=count)
        sums = np.stack([np.bincount(labels, positions[:, axis], count) for axis in (0, 1)], axis=1)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    sizes = np.bincount(labels, minlength=count)
    order = np.lexsort((centres[:, 1], centres[:, 0], -sizes))
    return np.argsort(order)[labels], centres[order]


def _far_apart(positions: Floats, count: int) -> Floats:
    """The point farthest from the middle, then always the one farthest from those chosen."""
    gaps = ((positions - positions.mean(axis=0)) ** 2).sum(axis=1)
    chosen = [int(gaps.argmax())]
    gaps = ((positions - positions[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, ((positions - positions[chosen[-1]]) ** 2).sum(axis=1))
    return positions[chosen]


def nearest(positions: Floats, centres: Floats) -> Labels:
    """Which centre is nearest to each point."""
    gaps = [np.subtract.outer(positions[:, axis], centres[:, axis]) for axis in (0, 1)]
    found: Labels = np.argmin(gaps[0] ** 2 + gaps[1] ** 2, axis=1)
    return found


def distances(points: Floats) -> Floats:
    """Distances between all points, of shape (points, points)."""
    # One axis after the other: an array of (points, points, 2) takes several times as long.
    first, second = (np.subtract.outer(axis, axis) for axis in points.T)
    return np.asarray(np.sqrt(first * first + second * second))


def silhouette(apart: Floats, own: Labels) -> float:
    """How much nearer points are to their own group than to the next, -1 to 1.

    Parameters
    ----------
    apart : (points, points)
    own : (points,)
        Group of each point.

    Source: Rousseeuw 1987, Silhouettes, equation (3).
    """
    count = int(own.max()) + 1
    sizes = np.bincount(own, minlength=count)
    if (sizes < 2).any():
        return -1.0
    sums = apart @ np.eye(count)[own]
    inside = sums[np.arange(len(own)), own] / (sizes[own] - 1)
    means = sums / sizes
    means[np.arange(len(own)), own] = np.inf
    outside = means.min(axis=1)
    larger = np.maximum(np.maximum(inside, outside), 1e-12)
    return float(((outside - inside) / larger).mean())


def best(positions: Floats, most: int = GROUPS_MOST) -> tuple[Labels, Floats, float] | None:
    """Groups in the number that fits best, with their centres and their fit; None where all would be too small."""
    found: list[tuple[float, int, Labels, Floats]] = []
    step = max(1, len(positions) // _JUDGED)
    apart = distances(positions[::step])
    for count in range(2, most + 1):
        if len(positions) < count * LEAST:
            break
        labels, centres = divide(positions, count)
        if np.bincount(labels, minlength=count).min() >= LEAST:
            found.append((silhouette(apart, labels[::step]), -count, labels, centres))
    if not found:
        return None
    fit, _, labels, centres = max(found, key=lambda one: (round(one[0], 9), one[1]))
    return labels, centres, fit


def shuffled(cells: Cells, seed: int, number: int) -> Cells:
    """The same answers to each statement, given by other voters who answered it: no groups are left."""
    chance = rng(seed, "opinions without groups", number)
    made = cells.copy()
    for column in range(cells.shape[1]):
        told = np.flatnonzero(cells[:, column] != NONE)
        made[told, column] = chance.permutation(cells[told, column])
    return made


def again(cells: Cells, labels: Labels, seed: int, number: int) -> float:
    """How alike the groups are that as many voters, drawn anew, would make; see `alike`."""
    drawn = rng(seed, "opinions once more", number).integers(0, len(cells), len(cells))
    where = place(cells[drawn])
    _, centres = divide(where.positions, int(labels.max()) + 1)
    return alike(labels, nearest(_positions(cells, where.means, where.directions), centres))


def alike(first: Labels, second: Labels) -> float:
    """Adjusted Rand index of two divisions: 1 where they are the same, about 0 where chance made one.

    Source: Hubert & Arabie 1985, Comparing Partitions, equation (5).
    """
    table = np.zeros((int(first.max()) + 1, int(second.max()) + 1))
    np.add.at(table, (first, second), 1.0)
    pairs, rows, columns = (
        float((counts * (counts - 1) / 2).sum()) for counts in (table, table.sum(axis=1), table.sum(axis=0))
    )
    expected = rows * columns / (len(first) * (len(first) - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (pairs - expected) / (most - expected)
