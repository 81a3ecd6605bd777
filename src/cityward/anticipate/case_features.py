"""Makes the features of visits from a table of visits, each as known on the day on which its list was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.anticipate.case_history import Floats, Ints, near, neighbours, own_past, plane

NEAR: Final = ((90, 0.5), (90, 1.5))
"""Windows (days) and reaches (km) in which neighbours' results are read; chosen on Chicago before its test period."""


BEYOND: Final = "findings beyond its neighbours'"


@dataclass(frozen=True, slots=True)
class Sources:
    """Which columns of a table of visits features are made of.

    ``results`` are known only after a visit and are used for later visits alone. ``same`` names, in plain words,
    columns that make two visits belong together (``{"this business": "license"}``).
    """

    results: tuple[str, ...]
    same: Mapping[str, str] = field(default_factory=dict)
    lon: str | None = None
    lat: str | None = None
    plain: tuple[str, ...] = ()
    windows: tuple[tuple[int, float], ...] = NEAR


def epoch_days(column: pl.Series) -> Ints:
    """Days since 1970-01-01."""
    found: Ints = column.cast(pl.Date).cast(pl.Int32).cast(pl.Int64).to_numpy()
    return found


def outcomes(column: pl.Series) -> Floats:
    """1 where something was found (a count above 0, or true), else 0; null counts as 0."""
    found: Floats = (column.cast(pl.Float64, strict=False).fill_null(0) > 0).cast(pl.Float64).to_numpy()
    return found


def features(
    table: pl.DataFrame,
    days: Ints,
    known: Ints,
    outcome: Floats,
    sources: Sources,
    events: tuple[Floats, Floats, Ints] | None = None,
) -> pl.DataFrame:
    """Return one row of features a visit.

    Parameters
    ----------
    table : polars.DataFrame
    days, known : ndarray of int, shape (rows,)
        Day of the visit, and the day before which everything must have happened that is used.
    outcome : ndarray of 0 and 1, shape (rows,)
    sources : Sources
    events : tuple of ndarray, optional
        Degrees east and north, and day, of events near which it may be worse (complaints).
    """
    results = {"found": outcome} | {
        name: table[name].cast(pl.Float64, strict=False).fill_null(0).to_numpy() for name in sources.results
    }
    around: dict[str, Floats] = {}
    if sources.lon and sources.lat:
        around = _around(table, days, known, results, sources, events)
        # A strict inspector finds more everywhere he goes: what counts of a place is what goes beyond its neighbours.
        results[BEYOND] = outcome - next(iter(around.values()))
    made: dict[str, Floats] = {}
    for words, column in sources.same.items():
        keys = table[column].cast(pl.String).fill_null("").str.strip_chars().str.to_uppercase().to_numpy()
        past = own_past(keys.astype(str), days, known, results)
        made |= {f"{words}: {name}": values for name, values in past.items()}
    made |= around
    plain = table.select(sources.plain)
    return plain.with_columns(pl.Series(name, values, dtype=pl.Float64) for name, values in made.items())


def _around(
    table: pl.DataFrame,
    days: Ints,
    known: Ints,
    results: Mapping[str, Floats],
    sources: Sources,
    events: tuple[Floats, Floats, Ints] | None,
) -> dict[str, Floats]:
    lon, lat = (
        table[name or ""].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        for name in (sources.lon, sources.lat)
    )
    at = plane(lon, lat)
    made: dict[str, Floats] = {}
    for window, reach in sources.windows:
        around = neighbours(at, days, known, results, window, reach)
        made |= {f"{name} ({reach:g} km, {window} days)": values for name, values in around.items()}
    if events is not None and len(events[2]):
        where = plane(np.concatenate([lon, events[0]]), np.concatenate([lat, events[1]]))
        both = [(axis[: len(lon)], axis[len(lon) :]) for axis in where]
        _, made["complaints near (0.5 km, 90 days)"] = near(
            (both[0][0], both[1][0]), known, (both[0][1], both[1][1], events[2]), np.ones((len(events[2]), 1)), 90, 0.5
        )
    return made


def list_days(days: Ints, first: int, length_days: int) -> NDArray[np.int64]:
    """Day on which each visit's list was made: the first of its round; rounds begin on ``first`` and before."""
    found: Ints = first + (days - first) // length_days * length_days
    return found
