"""Reads places and locations of services from tables that people wrote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import REACH_SERVICES, TERRITORIES
from cityward.equitable.columns import AMOUNT_MAX, Table, grouped
from cityward.equitable.reach.telling import Residents
from cityward.equitable.reach.walking import Floats

Locations = dict[str, tuple[Floats, Floats]]
"""Longitudes and latitudes by service."""


@dataclass(frozen=True, slots=True)
class Where:
    """Places with their residents, and what was taken for what."""

    table: Table
    lon: Floats
    lat: Floats
    residents: Residents
    notes: tuple[str, ...]


def read_where(frame: pl.DataFrame, file: str, *, people: str | None, group: str | None) -> Where:
    """Read places: ``place`` (or ``id``), ``lon``, ``lat``, ``people`` (or ``population``), where known ``group``.

    Raises
    ------
    UserError
        Names the row and what to write.
    """
    table = Table(frame, file)
    if not 0 < frame.height <= TERRITORIES:
        raise UserError(f"{file} has {frame.height:,} places.", f"Give from one to {TERRITORIES:,}.")
    ids = table.names(table.needed("place", "id", "territory"))
    lon, lat = _position(table)
    column = table.needed(people) if people else table.needed("people", "population", option="--people")
    amount = table.numbers(column, 0, AMOUNT_MAX)
    if amount.sum() <= 0:
        raise UserError(f"Nobody lives in the places of {file}.", f"Check the column '{column}'.")
    labels, order, notes = grouped(table, group, amount)
    groups = [one for one in order if one in set(labels)]
    at = {one: position for position, one in enumerate(groups)}
    residents = Residents(ids, amount, np.array([at[label] for label in labels], np.int64), groups)
    return Where(table, lon, lat, residents, tuple(notes))


def _position(table: Table) -> tuple[Floats, Floats]:
    lon = table.numbers(table.needed("lon", "longitude"), -180, 180)
    return lon, table.numbers(table.needed("lat", "latitude"), -89, 89)


def locations_of_column(where: Where, column: str) -> Locations:
    """Places where a column of the places says that there is some of a service, at their middle.

    Raises
    ------
    UserError
        There is no such column, or it says so of no place.
    """
    name = where.table.needed(column)
    there = where.table.numbers(name, 0, AMOUNT_MAX, 0.0) > 0
    if not there.any():
        raise UserError(f"No place of {where.table.file} has any {name}.", "Name another column with --services.")
    return {name: (where.lon[there], where.lat[there])}


def read_locations(frame: pl.DataFrame, file: str) -> Locations:
    """Read locations: ``lon``, ``lat``, and ``service`` where there are several; raises UserError."""
    table = Table(frame, file)
    if not 0 < frame.height <= REACH_SERVICES:
        raise UserError(f"{file} has {frame.height:,} locations.", f"Give from one to {REACH_SERVICES:,}.")
    lon, lat = _position(table)
    column = table.column("service", "kind")
    names = np.array(table.texts(column) if column else [file.rpartition(".")[0] or file] * frame.height)
    return {str(name) or "(not stated)": (lon[names == name], lat[names == name]) for name in dict.fromkeys(names)}
