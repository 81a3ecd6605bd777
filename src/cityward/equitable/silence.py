"""Silent places: territories that are heard less, per resident, than comparable ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.core.identifiers import make_id
from cityward.core.records import Silence, Territory

PEERS = 10
"""Territories compared with: enough for a spread, few enough to be alike."""

FEWEST_TERRITORIES = 2 * PEERS
FEWEST_EXPECTED = 10.0
"""With fewer reports expected in a year nothing can be told."""

CLEARLY_BELOW = 0.8
"""A place is listed when even the upper end of its 90 % interval is below this ratio."""

MOST_LISTED = 5
_Z90 = 1.6448536269514722


def silences(heard: Mapping[str, int], territories: Sequence[Territory]) -> list[Silence]:
    """Return the places that are clearly quieter than places like them, the quietest first.

    Parameters
    ----------
    heard : mapping of str to int
        Incidents of a year by territory.
    territories : sequence of Territory
        Those without a population are neither judged nor compared with.

    Notes
    -----
    Peers are nearest in income and internet access (whichever is known of all). The ratio of heard to
    expected is log-normal: its variance adds the Poisson noise of the place and of its peers to the spread
    between peers beyond Poisson, so that a place is not called silent for differing as its peers differ.
    Population counts residents; places where many work or pass through are expected to report more.
    """
    known = [territory for territory in territories if territory.population]
    if len(known) < FEWEST_TERRITORIES:
        return []
    people = np.array([territory.population for territory in known], dtype=float)
    counts = np.array([heard.get(territory.id, 0) for territory in known], dtype=float)
    peers = _peers(known)
    found = []
    for at, territory in enumerate(known):
        expected, spread = _expectation(counts[peers[at]], people[peers[at]], float(people[at]))
        if expected < FEWEST_EXPECTED:
            continue
        ratio = float(counts[at] + 0.5) / expected
        error = math.sqrt(1 / (counts[at] + 0.5) + spread**2 * (1 + 1 / PEERS))
        low, high = ratio * math.exp(-_Z90 * error), ratio * math.exp(_Z90 * error)
        if high < CLEARLY_BELOW:
            names = tuple(known[peer].name for peer in peers[at])
            found.append(_silence(territory, int(counts[at]), expected, (ratio, low, high), names))
    return sorted(found, key=lambda silence: (silence.ratio_high, silence.territory))[:MOST_LISTED]


def _peers(known: Sequence[Territory]) -> NDArray[np.int64]:
    """Positions of the `PEERS` most similar territories of each, shape (n, PEERS)."""
    features = []
    for name in ("income", "internet_share"):
        values = [getattr(territory, name) for territory in known]
        if all(value is not None for value in values):
            column = np.array(values, dtype=float)
            column = np.log(np.maximum(column, 1.0)) if name == "income" else column
            features.append((column - column.mean()) / (column.std() or 1.0))
    if not features:
        features = [np.zeros(len(known))]
    points = np.column_stack(features)
    distance = np.linalg.norm(points[:, None, :] - points[None, :, :], axis=2)
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :PEERS]


def _expectation(counts: NDArray[np.float64], people: NDArray[np.float64], own: float) -> tuple[float, float]:
    """Expected count of a place, and the spread (log scale) between its peers beyond Poisson noise."""
    rates = np.log((counts + 0.5) / people)
    noise = (1 / (counts + 0.5)).mean()
    spread = math.sqrt(max(float(rates.var(ddof=1)) - noise, 0.0))
    return float(own * np.exp(rates.mean())), spread


def _silence(
    territory: Territory, heard: int, expected: float, ratio: tuple[float, float, float], peers: tuple[str, ...]
) -> Silence:
    middle, low, high = ratio
    return Silence(
        id=make_id("silence", territory.id, heard, round(expected, 3)),
        territory=territory.id,
        name=territory.name,
        heard=heard,
        expected=expected,
        ratio=middle,
        ratio_low=low,
        ratio_high=high,
        population=float(territory.population or 0),
        compared_with=peers,
        sentence=(
            f"{territory.name} is quieter than places like it: we hear {middle:.1f} times what we would expect "
            f"({low:.1f} to {high:.1f}). Ask there; do not assume that all is well."
        ),
    )
