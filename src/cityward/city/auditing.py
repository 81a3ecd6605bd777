"""Audits of a city's systems: kept in the register with a receipt; the gate suspends what has left its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from cityward.answerable.audit.gate import Gate
from cityward.answerable.audit.kept import kept_audit, kept_proxies, written
from cityward.answerable.audit.proxies import Proxies
from cityward.answerable.audit.report import Audit
from cityward.answerable.audit.rows import Request
from cityward.city.folder import area_figures
from cityward.core.errors import UserError
from cityward.core.systems import SystemEvent

if TYPE_CHECKING:
    from cityward.city.city import City

GATE: Final = "the drift gate"
AREA_GROUPS: Final = ("area income", "area internet", "area hardship")
THIRDS: Final = ("lower", "middle", "higher")
AREAS_MIN: Final = 6
"""Fewer areas with a figure are not cut into thirds."""

_KEPT_CHARS: Final = 2_000


def keep_audit(city: City, system: str, found: Audit, verdict: Gate | None, by: str) -> list[SystemEvent]:
    """Keep an audit of a registered system, and suspend it when the gate says so.

    Raises
    ------
    cityward.core.errors.UserError, cityward.core.errors.UnknownId
        Nobody is named, or there is no such system.
    """
    figures = written(kept_audit(found, verdict))
    said = verdict.says if verdict else found.finding
    with city.writing():
        kept = [city.systems.audited(system, by, said[:_KEPT_CHARS], figures)]
        suspended = city.systems.get(system).suspended
        if verdict and verdict.state == "suspend" and not suspended:
            kept.append(city.systems.suspend(system, GATE, verdict.says[:_KEPT_CHARS]))
    return kept


def keep_proxies(city: City, system: str, found: Proxies, by: str) -> SystemEvent:
    """Keep which columns of a registered system's data give a group away; raises as `keep_audit`."""
    return city.systems.audited(system, by, found.finding[:_KEPT_CHARS], written(kept_proxies(found)))


def with_areas(city: City, table: pl.DataFrame, lon: str, lat: str) -> pl.DataFrame:
    """Add the area of each row, and its third of all areas by what the city knows: income, internet, hardship.

    Every column of the areas' file with 'hardship' in its name counts as such a figure.

    Raises
    ------
    UserError
        A column is missing, or none of the points is in the city.
    """
    for name in (lon, lat):
        if name not in table.columns:
            raise UserError(f"The table has no column '{name}'.", "Name longitude and latitude with --place LON,LAT.")
    index, _ = city.level(None)
    points = (table[name].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy() for name in (lon, lat))
    at = index.locate(*points)
    if not (at >= 0).any():
        raise UserError("No row lies in an area of this city.", "Check the order of --place: longitude, then latitude.")
    return _with_thirds(city, table, at.tolist())


def _with_thirds(city: City, table: pl.DataFrame, at: list[int]) -> pl.DataFrame:
    """Add the area of each row, by its place among the city's areas (-1: none), and its thirds."""
    index, _ = city.level(None)
    groups = {"area": [index.names[place] if place >= 0 else None for place in at]}
    for name, thirds in area_thirds(city).items():
        groups[name] = [thirds[place] if place >= 0 else None for place in at]
    return table.with_columns([pl.Series(name, values, dtype=pl.String) for name, values in groups.items()])


def area_thirds(city: City) -> dict[str, list[str | None]]:
    """The third of each area among all, in their order, by each figure that is known: income, internet, hardship."""
    index, territories = city.level(None)
    figures: dict[str, list[float | None]] = {
        "area income": [one.income for one in territories],
        "area internet": [one.internet_share for one in territories],
    }
    section = city.settings.territories[0]
    for name, values in area_figures(city.path, section, "hardship").items():
        figures["area hardship" if "area hardship" not in figures else f"area {name}"] = [
            values.get(identifier) for identifier in index.ids
        ]
    return {name: _thirds(known, name.removeprefix("area ")) for name, known in figures.items()}


def _thirds(values: list[float | None], noun: str) -> list[str | None]:
    known = [one for one in values if one is not None]
    if len(known) < AREAS_MIN:
        return [None] * len(values)
    cuts = np.quantile(known, (1 / 3, 2 / 3))
    return [None if one is None else f"{THIRDS[int(np.searchsorted(cuts, one))]} {noun}" for one in values]


def table_of_decisions(city: City, system: str) -> pl.DataFrame:
    """Decisions of cases on a system's proposals, as a table to audit, split by the version of the rule that decided.

    Columns: ``case``, ``rule version`` (with the identifier of its publication, if any), ``system version``,
    ``recommended``, ``decided`` (null while a person has not), ``day``, and, where the territory of the case is one
    of the city's areas, what `with_areas` adds.

    Raises
    ------
    UserError
        Nothing was decided on its proposals.
    cityward.core.errors.UnknownId
        There is no such system.
    """
    identifier = city.systems.get(system).system.id
    rule = ("rule", "rule_version", "rule_digest")
    named = ("system", "case", *rule, "version", "recommended", "outcome", "territory", "decided_at")
    published = {one.digest: f" ({one.id})" for one in city.drafting.published()}
    rows = city.deciding.frame(named).filter(pl.col("system") == identifier)
    if not rows.height:
        raise UserError(
            f"Nothing was decided on proposals of '{identifier}'.", "See 'cityward decisions list', or audit a file."
        )
    table = rows.select(
        "case",
        pl.concat_str(
            "rule",
            pl.lit(" "),
            "rule_version",
            pl.col("rule_digest").replace_strict(published, default="", return_dtype=pl.String),
        ).alias("rule version"),
        pl.col("version").alias("system version"),
        "recommended",
        pl.col("outcome").alias("decided"),
        pl.col("decided_at").dt.convert_time_zone(city.time_zone).dt.date().alias("day"),
    )
    places = {one: at for at, one in enumerate(city.level(None)[0].ids)}
    at = [places.get(one, -1) if one else -1 for one in rows["territory"].to_list()]
    return _with_thirds(city, table, at) if max(at) >= 0 else table


def audit_of_cases(city: City, kind: str, min_n: int = 30) -> tuple[pl.DataFrame, Request]:
    """The visits that a ranking of cases was tried on, as a table to audit, and what is asked of it.

    A visit counts as selected when it is in the first half of its list; the score is the probability that was told
    before it. Judged are visits that the ranking had not learned from.

    Raises
    ------
    UserError
        The city has no turn yet, no place is known, or the table is unusable.
    cityward.core.errors.UnknownId
        There is no such type of case.
    """
    tried, settings = city.cases.tried(kind)
    if not settings.lon or not settings.lat:
        raise UserError(f"The cases of '{kind}' have no place.", "Name 'lon' and 'lat' in its file.")
    placed = with_areas(city, tried, settings.lon, settings.lat)
    groups = tuple(name for name in ("area", *AREA_GROUPS) if name in placed.columns)
    asked = Request(
        groups=groups,
        prediction="in the first half",
        outcome="found",
        score="told",
        time=settings.time,
        min_n=min_n,
        depth=1,
    )
    columns = [*groups, "in the first half", "found", "told", settings.time]
    return placed.select(columns), asked
