"""What a turn foresees beyond the forecasts of areas: every level, what can be done, warnings, growth of needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cityward.act.prepare import Effort, prepare
from cityward.anticipate.early import grow, look_out, past, warn
from cityward.anticipate.reconcile import Tree, tree
from cityward.anticipate.together import together
from cityward.city.settings import Settings
from cityward.core.records import EarlyWarning, Growth, GrowthTest, LevelTest, Need, Proposal, Territory

WHOLE = "city"
WHOLE_OF_CITIES = "whole"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is coming: `FORECAST` of all levels and `OUTLOOK` as frames, and what was made of them."""

    forecast: pl.DataFrame
    outlook: pl.DataFrame
    tests: list[LevelTest]
    warnings: list[EarlyWarning]
    growth: list[Growth]
    growth_test: GrowthTest
    proposals: list[Proposal]


def city_tree(settings: Settings, territories: Sequence[Territory]) -> Tree:
    """The groups and the whole that the areas belong to; a group is called what the column of parents is."""
    section = settings.territories[0]
    group = section.parent or "group"
    whole = WHOLE if WHOLE not in (section.level, group) else WHOLE_OF_CITIES
    return tree([one.parent for one in territories], city=settings.city.name, group=group, whole=whole)


def foresee(
    counts: pl.DataFrame,
    reports: pl.DataFrame,
    areas_ahead: pl.DataFrame,
    territories: Sequence[Territory],
    needs: Sequence[Need],
    settings: Settings,
    *,
    as_of: date,
    before: Sequence[EarlyWarning] = (),
    answered: frozenset[str] | set[str] = frozenset(),
) -> Foreseen:
    """Make forecasts of all levels add up, and say what they mean for what can be done.

    Parameters
    ----------
    counts, reports : polars.DataFrame
        The cube, and history with ``day``, ``closed_at``, ``service`` and ``territory``.
    areas_ahead : polars.DataFrame
        Forecasts of areas.
    before : sequence of EarlyWarning
        Those of the last turn before.
    answered : set of str
        Warnings for which an action was approved: nothing more is proposed for them.
    """
    services = areas_ahead["service"].unique(maintain_order=True).to_list()
    areas = [one.id for one in territories]
    nodes = city_tree(settings, territories)
    zone = settings.city.time_zone
    cases = reports.select(
        "service",
        "territory",
        opened="day",
        closed=pl.col("closed_at").dt.convert_time_zone(zone).dt.date(),
    )
    known = past(counts, cases, services=services, areas=areas, as_of=as_of)
    level = settings.territories[0].level
    joined = together(areas_ahead, known.reports, nodes, services=services, level=level, as_of=as_of)
    stated = [settings.work.of(service).capacity_per_day for service in services]
    seen = look_out(known, joined.frame, nodes, services=services, stated=stated)
    warnings = warn(seen, before, as_of=as_of)
    growth, test = grow(needs, known.reports, services=services, areas=areas)
    open_now = [one for one in warnings if one.state == "open" and one.id not in answered]
    proposals = prepare(
        open_now,
        seen,
        efforts={service: _effort(settings, service) for service in services},
        members=_members(nodes, territories),
    )
    return Foreseen(joined.frame, seen, joined.tests, warnings, growth, test, proposals)


def _effort(settings: Settings, service: str) -> Effort:
    work = settings.work
    return Effort(work.of(service).minutes, work.hour_cost, work.currency)


def _members(nodes: Tree, territories: Sequence[Territory]) -> Mapping[str, tuple[tuple[str, ...], float | None]]:
    """Areas of each upper node and the people who live there; None when it is not known of all of them."""
    found = {}
    for identifier, row in zip(nodes.ids, nodes.members, strict=True):
        inside = [one for one, held in zip(territories, row, strict=True) if held]
        people = [one.population for one in inside if one.population is not None]
        found[identifier] = (tuple(one.id for one in inside), sum(people) if len(people) == len(inside) else None)
    return found
