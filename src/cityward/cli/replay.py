"""The command 'replay': daily surveillance of a past period, as it would have been."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cityward.city.replay import RaisedAlarm, Replay

_DATE = click.DateTime(["%Y-%m-%d"])
_SHOWN = 6  # places of an alarm in a line


@click.command()
@click.option("--from", "start", type=_DATE, required=True, help="First day to look at.")
@click.option("--to", "end", type=_DATE, required=True, help="Last day to look at.")
@click.option("--services", help="Names, separated by ';'. Default: each service, and all services together.")
@click.option("--min-recurrence", type=float, help="Days; rarer by chance is an alarm. Default from city.toml.")
@click.option("--alarms-per-year", type=float, help="Instead: false alarms a year, at most, of all scans together.")
@click.option("--replicates", type=click.IntRange(99, 1_000_000), default=999, show_default=True, help="Of each scan.")
@click.option("--seed", type=click.IntRange(0), help="Seed of all randomness; default from city.toml.")
@city_option
@json_option
def replay(
    start: datetime,
    end: datetime,
    services: str | None,
    min_recurrence: float | None,
    alarms_per_year: float | None,
    replicates: int,
    seed: int | None,
    folder: str,
    json_: bool,
) -> None:
    """Show the alarms that daily surveillance would have raised, each day with what was known on it."""
    from cityward.city.replay import Plan

    plan = Plan(
        start=start.date(),
        end=end.date(),
        services=[name.strip() for name in (services or "").split(";") if name.strip()],
        min_recurrence_days=min_recurrence,
        alarms_per_year=alarms_per_year,
        replicates=replicates,
        seed=seed,
    )
    days = max((plan.end - plan.start).days + 1, 1)
    with open_city(folder) as city, _bar(days) as progress:
        found = city.replay(plan, progress)
    if json_:
        as_json(found)
        return
    for raised in found.alarms:
        click.echo(_line(raised))
    click.echo(_summary(found))


def _bar(days: int) -> Any:
    return _terminal_bar(days) if sys.stderr.isatty() else nullcontext()


@contextmanager
def _terminal_bar(days: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=days, label="Days", file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.pos)


def _line(raised: RaisedAlarm) -> str:
    alarm, first = raised.alarm, raised.alarm.first
    more = len(raised.names) - _SHOWN
    places = ", ".join(raised.names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    lasted = f"until {alarm.last}" if alarm.last > alarm.begins else "that day only"
    batch = "; most on one day, perhaps a batch" if first.one_day_share > 0.5 and alarm.begins > first.starts else ""
    rare = "over a million" if first.recurrence_days > 1e6 else f"{first.recurrence_days:,.0f}"
    if first.extrapolated and first.recurrence_days <= 1e6:
        rare = f"about {rare}"
    return (
        f"{alarm.begins}  {alarm.service}: {places}; {first.observed:,} observed, {first.expected:.1f} expected since "
        f"{first.starts}; once in {rare} days; "
        f"{lasted}{batch}"
    )


def _summary(found: Replay) -> str:
    lines = [
        f"{some(found.days, 'day')}, {some(len(found.services), 'service')}, {some(found.scans, 'scan')} in "
        f"{found.seconds:.0f} s: {some(len(found.alarms), 'alarm')} began ({some(found.signals, 'daily signal')}).",
        f"A signal is what chance shows at most once in {found.min_recurrence_days:,.0f} days of one service. Chance "
        f"alone gives at most {_few(found.false_alarms_here)} in these scans; over all services "
        f"{found.false_alarms_per_year:,.1f} a year.",
    ]
    if found.not_scanned:
        lines.append(f"Not scanned, with too few incidents before: {some(found.not_scanned, 'time')}.")
    if found.too_quiet:
        lines.append(f"Too few incidents on all days: {', '.join(found.too_quiet)}.")
    if found.days_without_reports:
        lines.append(f"Days without any report: {found.days_without_reports:,}.")
    return "\n".join(lines)


def _few(amount: float) -> str:
    return f"{amount:,.1f}" if amount >= 1 else f"{amount:.1g}"
