"""Unicity: the share of persons whom a few of their points single out, at a precision of space and time.

Source: de Montjoye, Hidalgo, Verleysen and Blondel, Unique in the crowd: the privacy bounds of human mobility (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.compiled import njit, prepare
from cityward.core.errors import UserError

TRIALS: Final = 2_000
"""Persons drawn for one figure: its standard error is then at most 1.1 points of a hundred."""

DEGREE_M: Final = 111_320.0


@dataclass(frozen=True, slots=True)
class Precision:
    """Sides of a square of space in metres, and hours of a slot of time.

    Raises
    ------
    UserError
        Not above 0, or no number.
    """

    metres: float
    hours: float

    def __post_init__(self) -> None:
        if not (0 < self.metres < 1e8 and 0 < self.hours < 1e6):
            raise UserError("A precision needs metres and hours above 0.", "Usual ones are 1000 and 1.")


def spots(points: pl.DataFrame, precision: Precision) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each distinct (person, square, slot) once, as codes of persons and of spots, both (n,).

    Parameters
    ----------
    points : polars.DataFrame
        ``person``, ``lon`` and ``lat`` (degrees), ``at`` (a moment). Rows that lack one are left out.
    """
    known = points.select("person", "lon", "lat", "at").drop_nulls()
    if not known.height:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    middle = float(np.cos(np.radians(np.clip(known["lat"].to_numpy(), -89, 89).mean())))
    slot = int(precision.hours * 3_600_000_000)
    codes = known.select(
        person=pl.col("person").rank("dense").cast(pl.Int64) - 1,
        x=(pl.col("lon") * (DEGREE_M * middle / precision.metres)).floor().cast(pl.Int64),
        y=(pl.col("lat") * (DEGREE_M / precision.metres)).floor().cast(pl.Int64),
        t=pl.col("at").cast(pl.Datetime("us")).to_physical() // slot,
    )
    x, y, t = (_from_zero(codes[name].to_numpy()) for name in "xyt")
    if (int(x.max()) + 1) * (int(y.max()) + 1) * (int(t.max()) + 1) < 2**62:
        spot = (x * (int(y.max()) + 1) + y) * (int(t.max()) + 1) + t
    else:
        spot = codes.select(pl.struct("x", "y", "t").rank("dense")).to_series().cast(pl.Int64).to_numpy()
    _, spot = np.unique(spot, return_inverse=True)
    persons = int(codes["person"].max()) + 1  # type: ignore[arg-type]
    pairs = np.unique(spot.astype(np.int64) * persons + codes["person"].to_numpy())
    return pairs % persons, pairs // persons


def unicity(
    person: NDArray[np.int64], spot: NDArray[np.int64], points: int, *, seed: int = 1, trials: int = TRIALS
) -> float:
    """Return the share (0 to 1) of drawn persons whom ``points`` of their spots, drawn at random, single out.

    Parameters
    ----------
    person, spot : numpy.ndarray, shape (n,)
        As `spots` returns them: sorted by spot, each pair once, codes from 0.
    points : int
        How much is known of a person: 1 or more. Who has fewer spots is not drawn.

    Notes
    -----
    0 when nobody has so many spots: nothing is then known to single anybody out by them.
    """
    if points < 1 or trials < 1:
        raise UserError("Unicity needs at least one point and one trial.", "Usual are 1 to 4 points.")
    if not person.size:
        return 0.0
    prepare()
    by_person = np.argsort(person, kind="stable")
    begin = np.searchsorted(person[by_person], np.arange(int(person.max()) + 2))
    able = np.flatnonzero(np.diff(begin) >= points)
    if not able.size:
        return 0.0
    chance = rng(seed, "unicity", points)
    drawn = able[chance.integers(able.size, size=trials)]
    places = chance.random((trials, points))
    starts = np.searchsorted(spot, np.arange(int(spot.max()) + 2))
    return float(_unique(drawn, places, begin, spot[by_person], starts, person).mean())


@njit(cache=True)
def _unique(drawn: Any, places: Any, begin: Any, spots_of: Any, starts: Any, persons: Any) -> Any:
    found = np.zeros(drawn.size, dtype=np.bool_)
    points = places.shape[1]
    chosen = np.empty(points, dtype=np.int64)
    for trial in range(drawn.size):
        who = drawn[trial]
        first, size = begin[who], begin[who + 1] - begin[who]
        # Without replacement (Floyd): each set of places is equally likely.
        for one in range(points):
            top = size - points + one
            at = int(places[trial, one] * (top + 1))
            for before in range(one):
                if chosen[before] == at:
                    at = top
            chosen[one] = at
        rarest, fewest = 0, persons.size + 1
        for one in range(points):
            spot = spots_of[first + chosen[one]]
            if starts[spot + 1] - starts[spot] < fewest:
                rarest, fewest = one, starts[spot + 1] - starts[spot]
        home = spots_of[first + chosen[rarest]]
        found[trial] = True
        for other in range(starts[home], starts[home + 1]):
            them = persons[other]
            if them != who and _shares(spots_of, begin[them], begin[them + 1], first, chosen):
                found[trial] = False
                break
    return found


@njit(cache=True)
def _shares(spots_of: Any, low: int, high: int, first: int, chosen: Any) -> bool:
    """Whether another person's spots hold all that were chosen."""
    for one in range(chosen.size):  # noqa: SIM110 - a loop is what the compiler takes
        if not _has(spots_of, low, high, spots_of[first + chosen[one]]):
            return False
    return True


@njit(cache=True)
def _has(spots_of: Any, low: int, high: int, wanted: int) -> bool:
    """Whether a person's sorted spots hold ``wanted``."""
    while low < high:
        middle = (low + high) // 2
        if spots_of[middle] < wanted:
            low = middle + 1
        elif spots_of[middle] > wanted:
            high = middle
        else:
            return True
    return False


def _from_zero(values: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = values - values.min()
    return found
