"""Silent places: territories that are heard less, per resident, than comparable ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.identifiers import make_id
from cityward.core.records import Silence, Territory
from cityward.equitable.gamma_poisson import ratio_bounds

Floats = NDArray[np.float64]

PEERS: Final = 10
"""Territories compared with: enough for a spread, few enough to be alike."""

FEWEST_TERRITORIES: Final = 2 * PEERS
"""In a smaller city the peers of a place would be most of the city."""

FEWEST_EXPECTED: Final = 10.0
"""With fewer reports expected in a year nothing can be told."""

CLEARLY_BELOW: Final = 0.8
"""A place is listed when even the upper end of its 90 % interval is below this ratio."""

LEAST_SPREAD: Final = 0.05
"""No two places are more alike than this share of their rate, however alike their counts look."""

MOST_LISTED: Final = 5


def silences(
    heard: Mapping[str, int], territories: Sequence[Territory], *, beside: Beside | None = None
) -> list[Silence]:
    """Return the places that are clearly quieter than places like them, the clearest first.

    Parameters
    ----------
    heard : mapping of str to int
        Incidents of a year by territory; one that is missing was not heard at all.
    territories : sequence of Territory
        Those without a population are neither judged nor compared with, and neither are those of which
        nothing is known to compare them by (income, internet access, people per home).
    beside : Beside, optional
        What `beside_peers` answers for the same counts and territories, where it is there already.

    Returns
    -------
    list of Silence
        At most `MOST_LISTED`, by the upper end of their 90 % interval. Empty with fewer than
        `FEWEST_TERRITORIES` that can be compared.

    Notes
    -----
    The peers of a place are the `PEERS` nearest in what is known of both, standardised; people per home
    stands for how densely people live. Expected is the peers' common rate per resident times its
    residents. The count is gamma-Poisson around it: Poisson noise, the spread between peers beyond Poisson
    (by moments, and at least the spread that is typical in the city, because ten peers estimate it badly),
    and the uncertainty of the peers' own rate. A place is not called silent for differing as its peers
    differ among themselves.

    It is a question, not a finding of need: population counts residents, and places where few report may
    have little to report. Source of the moments: Marshall (1991), Mapping disease and mortality rates using
    empirical Bayes estimators, Journal of the Royal Statistical Society C 40(2).
    """
    beside = beside_peers(heard, territories) if beside is None else beside
    expected, high = beside.expected, beside.high
    at = np.flatnonzero(beside.judged & (beside.counts < CLEARLY_BELOW * expected) & (high < CLEARLY_BELOW))
    return [
        _silence(
            beside.known[place],
            int(beside.counts[place]),
            float(expected[place]),
            (float(beside.low[place]), float(high[place])),
            tuple(beside.known[peer].name for peer in beside.peers[place]),
        )
        for place in at[np.lexsort((at, high[at]))][:MOST_LISTED]
    ]


@dataclass(frozen=True, slots=True)
class Beside:
    """Territories beside those like them; without any when too few can be compared.

    Attributes
    ----------
    known : list of Territory
        Those of which enough is known to compare them.
    counts, expected : ndarray, shape (known,)
        Heard, and what is expected by the rate of the peers.
    low, high : ndarray, shape (known,)
        Bounds (90 %) of heard over expected.
    peers : ndarray of int, shape (known, PEERS)
        Positions of the peers.
    judged : ndarray of bool, shape (known,)
        Whether there are peers and expectation enough for a verdict.
    """

    known: list[Territory]
    counts: Floats
    expected: Floats
    low: Floats
    high: Floats
    peers: NDArray[np.int64]
    judged: NDArray[np.bool_]


def beside_peers(heard: Mapping[str, int], territories: Sequence[Territory]) -> Beside:
    """Compare territories with those like them; none of them when fewer than `FEWEST_TERRITORIES` can be.

    See `silences` for what is compared and how. It compares all pairs of territories: who needs it twice in one
    turn takes it once and hands it on.
    """
    known = [territory for territory in territories if territory.population and territory.population > 0]
    features = _features(known)
    comparable = np.flatnonzero(np.isfinite(features).any(axis=1))
    known = [known[place] for place in comparable]
    if len(known) < FEWEST_TERRITORIES:
        return _nobody()
    people = np.array([territory.population for territory in known], dtype=float)
    counts = np.array([heard.get(territory.id, 0) for territory in known], dtype=float)
    peers = _peers(features[comparable])
    expected, variance = _expectation(counts, people, peers)
    judged = (expected >= FEWEST_EXPECTED) & (peers[:, -1] >= 0)
    low, high = np.full((2, len(known)), np.nan)
    low[judged], high[judged] = ratio_bounds(counts[judged], expected[judged], variance[judged])
    return Beside(known, counts, expected, low, high, peers, judged)


def _nobody() -> Beside:
    none = np.empty(0)
    return Beside([], none, none, none, none, np.empty((0, PEERS), np.int64), np.empty(0, np.bool_))


def _features(known: Sequence[Territory]) -> Floats:
    """What territories are compared by, standardised, shape (n, 3); unknown values are not finite."""
    income = _column([territory.income for territory in known])
    homes = _column([territory.households for territory in known])
    people = _column([territory.population for territory in known])
    internet = _column([territory.internet_share for territory in known])
    with np.errstate(divide="ignore", invalid="ignore"):
        features = np.column_stack([np.log(income), internet, np.log(people / homes)])
    features[~np.isfinite(features)] = np.nan
    seen = np.isfinite(features)
    amount = np.maximum(seen.sum(axis=0), 1)
    centred = features - np.where(seen, features, 0.0).sum(axis=0) / amount
    deviation = np.sqrt(np.where(seen, centred**2, 0.0).sum(axis=0) / amount)
    # What is the same everywhere tells nobody apart, and by rounding would tell them apart at random.
    standardised: Floats = np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), centred * 0.0)
    return standardised


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _peers(features: Floats) -> NDArray[np.int64]:
    """Positions of the `PEERS` most similar territories of each, shape (n, PEERS); -1 where there are fewer."""
    seen = np.isfinite(features)
    values = np.where(seen, features, 0.0)
    peers = np.full((len(features), PEERS), -1)
    for place in range(len(features)):  # one row at a time: all pairs at once would not fit for a whole country
        shared = seen & seen[place]
        amount = shared.sum(axis=1)
        squares = np.where(shared, (values - values[place]) ** 2, 0.0).sum(axis=1)
        distance = np.divide(squares, amount, out=np.full(len(features), np.inf), where=amount > 0)
        distance[place] = np.inf
        nearest = np.argsort(distance, kind="stable")[:PEERS]
        peers[place] = np.where(np.isfinite(distance[nearest]), nearest, -1)
    return peers


def _expectation(counts: Floats, people: Floats, peers: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Expected count of each place, and the relative variance around it beyond Poisson noise."""
    heard, residents = counts[peers], people[peers]
    total, everyone = heard.sum(axis=1), residents.sum(axis=1)
    rate = total / everyone
    around = (residents * (heard / residents - rate[:, None]) ** 2).sum(axis=1) / everyone
    beyond = np.maximum(around - rate / residents.mean(axis=1), 0.0)
    spread = np.divide(beyond, rate**2, out=np.zeros(len(rate)), where=rate > 0)
    typical = max(float(np.median(spread)), LEAST_SPREAD**2)
    variance = np.maximum(spread, typical) * (1 + 1 / PEERS) + 1 / (total + 0.5)
    return rate * people, variance


def _silence(
    territory: Territory, heard: int, expected: float, bounds: tuple[float, float], peers: tuple[str, ...]
) -> Silence:
    low, high = bounds
    ratio = heard / expected
    hear = (
        f"we hear {ratio:.1f} times what we would expect ({low:.1f} to {high:.1f})"
        if heard
        else f"in a year we heard nothing, where we would expect {expected:.0f} reports"
    )
    return Silence(
        id=make_id("silence", territory.id, heard, round(expected, 3)),
        territory=territory.id,
        name=territory.name,
        heard=heard,
        expected=expected,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        population=float(territory.population or 0),
        compared_with=peers,
        sentence=f"{territory.name} is quieter than places like it: {hear}. Ask there; do not assume that all is well.",
    )
