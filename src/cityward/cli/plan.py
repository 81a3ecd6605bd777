"""The command 'plan': who goes where, from a city's open cases or from files."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from cityward.cli.main import as_json, city_option, json_option
from cityward.core import words
from cityward.core.clock import monotonic
from cityward.core.errors import UserError
from cityward.core.work import WorkPlan

_DATE = click.DateTime(["%Y-%m-%d"])
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--day", type=_DATE, help="First day of work; default: the day after the last turn's.")
@click.option("--days", type=int, default=1, show_default=True, help="How many days are planned.")
@click.option("--floor", type=float, help="Most times the city's mean that a group may wait; default from city.toml.")
@click.option("--no-floor", is_flag=True, help="Plan without a floor (only with --jobs).")
@click.option("--jobs", type=_FILE, help="Plan these jobs (CSV) and not a city's; nothing is kept.")
@click.option("--crews", type=_FILE, help="Crews (CSV) for --jobs.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the search, with --jobs.")
@city_option
@json_option
def plan(
    day: datetime | None,
    days: int,
    floor: float | None,
    no_floor: bool,
    jobs: Path | None,
    crews: Path | None,
    seed: int,
    folder: str,
    json_: bool,
) -> None:
    """Plan who goes where: least expected waiting, with a floor for fairness and its price.

    With --jobs FILE and --crews FILE it plans any data. Jobs: id, lon, lat, minutes, skill, and where known
    waiting_since or waiting_days, priority (0 to 1) and group. Crews: id, name, skills, lon, lat, begins, hours.
    """
    began = monotonic()
    first = day.date() if day else None
    if jobs or crews:
        if not (jobs and crews):
            raise UserError("A plan needs jobs and crews.", "Give both --jobs FILE and --crews FILE.")
        made = _of_files(jobs, crews, first, days, None if no_floor else floor, seed)
    else:
        made = _of_city(folder, first, days, floor)
    seconds = monotonic() - began
    if json_:
        as_json({**told(made), "seconds": round(seconds, 3)})
    else:
        _print(made, seconds)


def _of_files(jobs: Path, crews: Path, first: date | None, days: int, floor: float | None, seed: int) -> WorkPlan:
    from cityward.act.plan import Planner
    from cityward.city.plan_files import read_crews, read_jobs

    known, made_on = read_jobs(jobs, first - timedelta(days=1) if first else None)
    groups = {job.territory: job.territory for job in known if job.territory}
    planner = Planner(
        known,
        read_crews(crews),
        made_on=made_on,
        first_day=first or made_on + timedelta(days=1),
        days=days,
        groups=groups,
        seed=seed,
    )
    return planner.plan(floor)


def _of_city(folder: str, first: date | None, days: int, floor: float | None) -> WorkPlan:
    from cityward.city import open_city

    with open_city(folder) as city:
        return city.planning.make(first or city.planning.first_day(), days, floor)


def told(plan: WorkPlan) -> dict[str, Any]:
    """What is printed of a plan as JSON: its figures, visits, what waits on, groups and prices."""
    figures: dict[str, Any] = msgspec.to_builtins(plan)
    for name in ("jobs", "crews"):
        figures[name] = len(figures[name])
    return figures


def _print(plan: WorkPlan, seconds: float) -> None:
    gap = "not proven" if plan.gap is None else f"at most {words.percent(plan.gap, 2)} above the best that there can be"
    click.echo(
        f"{plan.id}: {plan.tours} of {len(plan.crews)} crews go out to {len(plan.visits):,} of {len(plan.jobs):,} jobs "
        f"from {words.day(plan.first_day)}; {gap}. {plan.travel_minutes:,} minutes on the way, {seconds:.1f} s."
    )
    for group in plan.groups:
        few = " (few jobs)" if group.small else ""
        click.echo(
            f"  {group.group}: waits {group.mean_days:,.1f} days, {group.ratio:.2f} times the mean; "
            f"{group.visited:,} of {group.jobs:,} visited{few}"
        )
    for price in plan.prices:
        name = "without a floor" if price.floor is None else f"floor {price.floor:g}"
        held = "" if price.met else "; cannot be held"
        click.echo(
            f"  {name}: {price.waiting_days:,.1f} days of waiting in all ({price.extra_days:+,.1f}), the longest "
            f"{price.worst_ratio:.2f} times the mean ({price.worst_group}), {price.visited:,} visits{held}"
        )
    for caveat in plan.caveats:
        click.echo(f"  Take care: {caveat}")
