"""Cells of a release: the cross product of public keys, measured whether or not anybody is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.releases import Grain, ReleaseRequest
from cityward.private.bounding import CELLS_MAX, check_cells
from cityward.private.measuring import bucket_of

Whole = NDArray[np.int64]

ALL_SERVICES: Final = "all services"
_TRUNCATE: Final[dict[Grain, str]] = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
_DAYS_MAX: Final = 36_600


@dataclass(frozen=True, slots=True)
class Places:
    """Territories as the city knows them, from its own public files.

    ``names`` holds every territory of ``level``; ``parents`` the group of each, by territory; ``top`` names the city.
    """

    level: str
    names: dict[str, str]
    parents: dict[str, str]
    top: str


class Cells:
    """Cells of ``request`` over ``places``, in an order that follows from both alone.

    Raises
    ------
    UserError
        An unknown territory, an empty period, or too many cells.
    """

    def __init__(self, request: ReleaseRequest, places: Places) -> None:
        self.request, self.places = request, places
        unknown = [name for name in request.territories if name not in places.names]
        if unknown:
            raise UserError(
                f"There is no territory '{unknown[0][:60]}' of the level '{places.level}'.",
                "Territories are named by their identifiers in the city's GeoJSON.",
            )
        if not request.territories:
            raise UserError("A release needs at least one territory.", "Leave --territory out for all of them.")
        if not (request.last - request.first).days < _DAYS_MAX:
            raise UserError("The period is longer than a hundred years.", "Give a shorter one.")
        if request.first > request.last:
            raise UserError(
                f"The period {request.first} to {request.last} is empty.", "Give --from a day that is not after --to."
            )
        self.services = request.services or (ALL_SERVICES,)
        size = len(self.starts) * len(self.services) * len(self.origins) * len(request.territories) * self.buckets
        if size > CELLS_MAX:
            check_cells(size)
        self.size = size

    @cached_property
    def starts(self) -> list[date]:
        """First days of the cells in time; the first one begins with the period."""
        request = self.request
        if request.every == "whole":
            return [request.first]
        days = pl.DataFrame({"day": pl.date_range(request.first, request.last, eager=True)})
        found = days.select(pl.col("day").dt.truncate(_TRUNCATE[request.every])).to_series().unique().sort().to_list()
        return [max(day, request.first) for day in found]

    @property
    def origins(self) -> tuple[str, ...]:
        """Where trips begin; one nameless origin for everything else."""
        return self.request.territories if self.request.kind == "trips" else ("",)

    @property
    def buckets(self) -> int:
        """Buckets of a value in each cell."""
        return len(self.request.edges) - 1 if self.request.kind in ("histogram", "quantile") else 1

    def of(self, rows: pl.DataFrame) -> Whole:
        """Return the cell (n,) of each row, -1 for rows that lie in none."""
        request = self.request
        ends = [*(day - timedelta(days=1) for day in self.starts[1:]), request.last]
        time = np.searchsorted(np.asarray(self.starts, dtype="datetime64[D]"), rows["day"].to_numpy(), "right") - 1
        day = rows["day"].to_numpy().astype("datetime64[D]")
        good = (time >= 0) & (day <= np.asarray(ends, dtype="datetime64[D]")[-1])
        cell = np.maximum(time, 0).astype(np.int64)
        parts: list[tuple[str, tuple[str, ...]]] = [("territory", request.territories)]
        if request.kind == "trips":
            parts.insert(0, ("origin", request.territories))
        if request.services:
            parts.insert(0, ("service", request.services))
        for column, keys in parts:
            place = _place(rows[column], keys)
            good &= place >= 0
            cell = cell * len(keys) + np.maximum(place, 0)
        if self.buckets > 1 or request.edges:
            cell = cell * self.buckets + bucket_of(rows["value"].to_numpy(), request.edges)
        return np.where(good, cell, -1)

    def keys(self, *, buckets: bool) -> pl.DataFrame:
        """Return the keys of all cells in order, with or without their buckets."""
        request = self.request
        frame = pl.DataFrame({"period": self.starts}, schema={"period": pl.Date})
        frame = frame.join(pl.DataFrame({"service": list(self.services)}), how="cross")
        if request.kind == "trips":
            frame = frame.join(pl.DataFrame({"origin": list(request.territories)}), how="cross")
        names = [self.places.names[one] for one in request.territories]
        places = pl.DataFrame({"territory": list(request.territories), "name": names})
        frame = frame.join(places.with_columns(level=pl.lit(self.places.level)), how="cross")
        if buckets and request.edges:
            edges = pl.DataFrame({"from": request.edges[:-1], "to": request.edges[1:]}, schema_overrides=_EDGES)
            frame = frame.join(edges, how="cross")
        return frame

    def upper(self) -> tuple[list[Whole], list[list[str]]]:
        """Groups by level for totals, and the names of their members: groups of territories, then the city."""
        chosen = self.request.territories
        parents = [self.places.parents.get(one) for one in chosen]
        if self.places.parents and all(parents):
            names = sorted({str(one) for one in parents})
            first = np.array([names.index(str(one)) for one in parents], dtype=np.int64)
            return [first, np.zeros(len(names), dtype=np.int64)], [names, [self.places.top]]
        return [np.zeros(len(chosen), dtype=np.int64)], [[self.places.top]]


_EDGES: Final = {"from": pl.Float64, "to": pl.Float64}


def _place(column: pl.Series, keys: tuple[str, ...]) -> Whole:
    """Place (n,) of each value among ``keys``, -1 where it is none of them."""
    kinds = pl.Enum(list(keys))
    return column.cast(kinds, strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
