"""Areas that voters come from: how many people live there, and how many of their homes have internet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.records import Territory
from cityward.equitable.columns import AMOUNT_MAX, Table, shown

NAME: Final = ("area", "name", "territory", "group", "neighborhood", "neighbourhood", "district")
ADULTS: Final = ("voting_age", "residents_of_voting_age", "adults")
INTERNET: Final = ("internet_share", "internet")
NO_INTERNET: Final = ("no_internet_share",)
THIRDS: Final = ("least internet", "middle internet", "most internet")

_AREAS_LEAST: Final = 3
"""Fewer areas are not cut into thirds."""

_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Places:
    """Areas, each with its people.

    Parameters
    ----------
    names : tuple of str
    people : tuple of float
        Residents of voting age, or all residents: ``base`` says which; above 0.
    group : tuple of str
        What areas are put together by: ``grouping`` says what that is.
    internet : tuple of float or None
        Share of homes with internet, 0 to 1.
    """

    names: tuple[str, ...]
    people: tuple[float, ...]
    base: str
    group: tuple[str, ...]
    grouping: str
    internet: tuple[float | None, ...]

    def number_of(self, values: Sequence[str]) -> np.ndarray:
        """Position of the area of each value, -1 where it is none of them; capitals and blanks do not matter."""
        known = {_plain(name): at for at, name in enumerate(self.names)}
        return np.fromiter((known.get(_plain(one), -1) for one in values), dtype=np.int64, count=len(values))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def read_places(frame: pl.DataFrame, file: str) -> Places:
    """Read a table of areas.

    Parameters
    ----------
    frame : polars.DataFrame
        One row an area: its name in the first column of `NAME` that is there, ``population``; optionally one of
        `ADULTS`, ``internet_share`` (0 to 1), and ``group``.
    file : str
        Its name, for messages.

    Raises
    ------
    UserError
        A column is missing, or a cell cannot be right; it names the row.
    """
    table = Table(frame, file)
    if not 1 <= frame.height <= _MOST:
        raise UserError(f"{file} has {frame.height:,} areas.", f"Give 1 to {_MOST:,}, one a row.")
    named = table.needed(*NAME)
    names = table.names(named)
    adults = table.column(*ADULTS)
    column = adults or table.needed("population", "people")
    people = table.numbers(column, 1, AMOUNT_MAX)
    internet = _internet(table)
    own = table.column("group", "part", "parent")
    own = None if own == named else own
    return _places(
        names,
        people.tolist(),
        "residents of voting age" if adults else "residents",
        internet,
        [one or "(not stated)" for one in table.texts(own)] if own else None,
    )


def _internet(table: Table) -> list[float | None]:
    for names, turned in ((INTERNET, False), (NO_INTERNET, True)):
        if column := table.column(*names):
            shares = table.numbers(column, 0, 1, float("nan"))
            return [None if np.isnan(one) else float(1 - one if turned else one) for one in shares]
    return [None] * table.frame.height


def places_of(territories: Sequence[Territory], adults: Sequence[float | None] | None = None) -> Places:
    """The same of territories; those without a population are left out.

    Raises
    ------
    UserError
        None has a population.
    """
    of_age = list(adults) if adults is not None else [None] * len(territories)
    known = [at for at, one in enumerate(territories) if one.population and one.population >= 1]
    if not known:
        raise UserError(
            "How many people live in which area is not known.", "Add a file of areas with 'population' to city.toml."
        )
    all_adults = all(of_age[at] for at in known)
    people = [float((of_age[at] if all_adults else territories[at].population) or 0) for at in known]
    parents = [territories[at].parent for at in known]
    return _places(
        [territories[at].name for at in known],
        people,
        "residents of voting age" if all_adults else "residents",
        [territories[at].internet_share for at in known],
        [one or "(not stated)" for one in parents] if any(parents) else None,
    )


def _places(
    names: Sequence[str],
    people: Sequence[float],
    base: str,
    internet: Sequence[float | None],
    own: Sequence[str] | None,
) -> Places:
    """Put areas together: by internet where it is known of all, else by their own groups, else each alone."""
    plain = [_plain(one) for one in names]
    twice = next((one for at, one in enumerate(plain) if one in plain[:at]), None)
    if twice is not None:
        raise UserError(f"Two areas are called {shown(twice)}.", "Give each a name of its own.")
    shares = [one for one in internet if one is not None]
    if len(shares) == len(names) and len(set(shares)) >= _AREAS_LEAST:
        group, grouping = _thirds(shares, people), "thirds of the people by internet at home"
    elif own is not None and len(set(own)) > 1:
        group, grouping = list(own), "groups of areas"
    else:
        group, grouping = list(names), "areas"
    return Places(tuple(names), tuple(people), base, tuple(group), grouping, tuple(internet))


def _thirds(shares: Sequence[float], people: Sequence[float]) -> list[str]:
    """The third of each area; areas are not divided, so a third ends with the area in which it is reached."""
    values, weight = np.array(shares), np.array(people)
    order = np.argsort(values, kind="stable")
    middle = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    third = np.empty(len(values), dtype=np.int64)
    third[order] = np.minimum((middle * len(THIRDS)).astype(np.int64), len(THIRDS) - 1)
    return [THIRDS[one] for one in third]
