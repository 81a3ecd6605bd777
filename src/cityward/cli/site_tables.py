"""Reads the tables of a choice of sites: places with people, candidate sites, and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.cli.tables import check_size, read_any, stripped
from cityward.core.errors import SourceError
from cityward.core.limits import ID_CHARS, SITE_FILE_BYTES, SITE_PLACES

STRAIGHT: Final = "straight-line"
_LARGEST: Final = 1e12
_YES: Final = ("yes", "true", "1", "open")
_NO: Final = ("no", "false", "0", "shut", "")


@dataclass(frozen=True, slots=True)
class Places:
    """Places where somebody lives: name, people (above 0) and group; ``empty`` had nobody and are left out."""

    name: list[str]
    people: NDArray[np.float64]
    group: list[str] | None
    lon: NDArray[np.float64] | None
    lat: NDArray[np.float64] | None
    empty: int


@dataclass(frozen=True, slots=True)
class Sites:
    """Candidate sites; capacity and cost where the table has them."""

    name: list[str]
    lon: NDArray[np.float64] | None
    lat: NDArray[np.float64] | None
    capacity: NDArray[np.float64] | None
    cost: NDArray[np.float64] | None
    kept: NDArray[np.int64]


def read_places(file: Path) -> Places:
    """Read ``place, people`` and where known ``group, lon, lat``.

    Raises
    ------
    SourceError
        Names the column and the line that cannot be used.
    """
    table = _table(file, ("place", "people"))
    people = _numbers(table, "people", file, 0.0, _LARGEST)
    name = _names(table, "place", file)
    some = people > 0
    if not some.any():
        raise SourceError(f"Nobody lives in the places of {file.name}.", "Write how many people each place has.")
    lon, lat = _position(table, file)
    group = [text or "not known" for text in _texts(table, "group")] if "group" in table.columns else None
    return Places(
        [one for one, there in zip(name, some, strict=True) if there],
        people[some],
        [one for one, there in zip(group, some, strict=True) if there] if group else None,
        None if lon is None else lon[some],
        None if lat is None else lat[some],
        int((~some).sum()),
    )


def read_sites(file: Path) -> Sites:
    """Read ``site`` and where known ``lon, lat, capacity, cost, open``; raises as `read_places`."""
    table = _table(file, ("site",))
    lon, lat = _position(table, file)
    capacity = _numbers(table, "capacity", file, 0.0, _LARGEST) if "capacity" in table.columns else None
    cost = _numbers(table, "cost", file, 0.0, _LARGEST) if "cost" in table.columns else None
    kept = []
    if "open" in table.columns:
        for at, text in enumerate(_texts(table, "open")):
            if text.casefold() not in (*_YES, *_NO):
                raise SourceError(f"{file.name} line {at + 2:,}: open is “{text[:20]}”.", "Write yes or no.")
            if text.casefold() in _YES:
                kept.append(at)
    return Sites(_names(table, "site", file), lon, lat, capacity, cost, np.array(kept, dtype=np.int64))


def everywhere(places: Places) -> Sites:
    """Every place as a candidate."""
    return Sites(places.name, places.lon, places.lat, None, None, np.empty(0, dtype=np.int64))


def ways(travel: str, places: Places, sites: Sites) -> NDArray[np.float64]:
    """Return the ways, sites × places: straight lines in km, or what a table says.

    A table has a line for each place and a column for each site, or the columns ``place, site`` and one of ways. What
    is empty or missing is no way.

    Raises
    ------
    SourceError
        Positions are missing, or the table cannot be used.
    """
    from cityward.equitable.siting.distances import straight_line_km

    if travel == STRAIGHT:
        if places.lon is None or places.lat is None or sites.lon is None or sites.lat is None:
            raise SourceError(
                "Straight lines need to know where places and sites are.",
                "Give both tables the columns lon and lat, or give a table of ways with --travel FILE.",
            )
        return straight_line_km(sites.lon, sites.lat, places.lon, places.lat)
    file = Path(travel)
    table = _table(file, ("place",))
    if {"place", "site"} < set(table.columns) and len(table.columns) == 3:
        table = _wide(table, file)
    missing = [name for name in sites.name if name not in table.columns]
    if missing:
        raise SourceError(
            f"{file.name} has no ways to {len(missing):,} sites, the first “{missing[0][:40]}”.",
            "Its columns are 'place' and the names of the sites, or 'place', 'site' and the way.",
        )
    row = {name: at for at, name in enumerate(_names(table, "place", file))}
    absent = [name for name in places.name if name not in row]
    if absent:
        raise SourceError(
            f"{file.name} has no ways of {len(absent):,} places, the first “{absent[0][:40]}”.",
            "Give it a line for each place.",
        )
    rows = np.array([row[name] for name in places.name])
    return np.stack([_numbers(table, name, file, 0.0, _LARGEST, empty=np.inf)[rows] for name in sites.name])


def _wide(table: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Ways of a line each as one line a place."""
    value = next(name for name in table.columns if name not in ("place", "site"))
    if table.select("place", "site").is_duplicated().any():
        raise SourceError(f"{file.name} tells the way of a place to a site twice.", "Leave one of them.")
    return table.with_columns(pl.col("site").cast(pl.String)).pivot("site", index="place", values=value)


def _table(file: Path, needed: tuple[str, ...]) -> pl.DataFrame:
    check_size(file, SITE_FILE_BYTES, "Take a part of it.")
    table = read_any(file)
    table = stripped(table, file.name)
    missing = [name for name in needed if name not in table.columns]
    if missing:
        known = ", ".join(f"'{name[:30]}'" for name in table.columns[:10])
        raise SourceError(f"{file.name} has no column '{missing[0]}'.", f"It has {known}; name the column so.")
    if not table.height:
        raise SourceError(f"{file.name} has no lines but the first.", "Write a line for each.")
    return table


def _names(table: pl.DataFrame, column: str, file: Path) -> list[str]:
    found = _texts(table, column)
    if len(found) > SITE_PLACES:
        raise SourceError(
            f"{file.name} has {len(found):,} lines; the limit is {SITE_PLACES:,}.", "Join those that lie close."
        )
    seen: set[str] = set()
    for at, name in enumerate(found):
        if not name or name in seen or len(name) > ID_CHARS:
            what = "is empty" if not name else "is too long" if len(name) > ID_CHARS else "stood there already"
            raise SourceError(f"{file.name} line {at + 2:,}: {column} {what}.", f"Give each {column} its own name.")
        seen.add(name)
    return found


def _texts(table: pl.DataFrame, column: str) -> list[str]:
    return [str(one).strip() if one is not None else "" for one in table[column].cast(pl.String).to_list()]


def _position(table: pl.DataFrame, file: Path) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    if "lon" not in table.columns or "lat" not in table.columns:
        return None, None
    return _numbers(table, "lon", file, -180, 180), _numbers(table, "lat", file, -90, 90)


def _numbers(
    table: pl.DataFrame, column: str, file: Path, low: float, high: float, empty: float | None = None
) -> NDArray[np.float64]:
    """A column of numbers between two bounds; ``empty`` stands for cells without one where that is allowed."""
    cells = table[column]
    numbers = cells.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    blank = cells.is_null().to_numpy()
    wrong = ~((numbers >= low) & (numbers <= high))
    if empty is not None:
        numbers = np.where(blank, empty, numbers)
        wrong &= ~blank
    if wrong.any():
        at = int(np.argmax(wrong))
        said = "empty" if blank[at] else f"“{str(cells[at])[:20]}”"
        raise SourceError(
            f"{file.name} line {at + 2:,}: {column[:40]} is {said}.", f"Write a number from {low:,g} to {high:,g}."
        )
    return numbers
