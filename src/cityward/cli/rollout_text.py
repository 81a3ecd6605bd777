"""A roll-out as lines in a terminal."""

from __future__ import annotations

import click

from cityward.core.words import percent
from cityward.equitable.rollout.report import Choice, GapClosed, Rollout

SHOWN = 12
"""Measures and places of each list; ``--json`` has all."""


def print_rollout(told: Rollout) -> None:
    """Print a plan, the finding first."""
    click.echo(told.finding)
    for year in told.years:
        names = _few(year.begins)
        click.echo(
            f"  year {year.year}: {year.spent:,.0f} of {year.budget:,.0f} for {names}; {year.people_helped:,.0f} "
            f"people helped, {percent(year.need, 1)} in need, gap {100 * year.gap:.1f} points"
        )
    for group in told.groups:
        low, high = group.interval
        click.echo(
            f"  {group.group}: {percent(group.need_before, 1)} in need → {percent(group.need_after, 1)} "
            f"({100 * low:.1f} to {100 * high:.1f}); {percent(group.helped_share)} of them helped, "
            f"{group.spent:,.0f} spent"
        )
    _print_sides(told)
    _print_choices(told.choices)
    for note in told.notes:
        click.echo(f"Note: {note}")


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "") or "nothing"


def _print_sides(told: Rollout) -> None:
    if told.floor_price:
        price = told.floor_price
        click.echo(
            f"The equity costs {price.price:,.0f} person-years (between {price.at_least:,.0f} and "
            f"{price.at_most:,.0f})."
        )
    if told.more_budget:
        more = told.more_budget
        click.echo(
            f"{more.extra:,.0f} more would buy {more.gain:,.0f} person-years (between {more.at_least:,.0f} and "
            f"{more.at_most:,.0f}), {more.gain_per_unit:.3g} for each unit; the relaxation says "
            f"{more.relaxation_price:.3g}."
        )
    for point in told.frontier:
        click.echo(
            f"  least helped {percent(point.least_helped, 1)}: {point.benefit:,.0f} person-years, "
            f"gap {100 * point.group_gap:.1f} points"
        )
    if told.robust:
        robust = told.robust
        least = (
            f"; {robust.guaranteed:,.0f} while at most {robust.protected} measures fall to their low effect"
            if robust.guaranteed is not None
            else ""
        )
        click.echo(
            f"In 90 of 100 draws at least {robust.holds_at_90:,.0f} person-years hold, "
            f"{percent(robust.share_at_90)} of what is expected{least}."
        )
        click.echo(f"  sure in all {robust.scenarios} scenarios: {_few(robust.sure)}")
        click.echo(f"  in more than half: {_few(robust.likely)}; in fewer: {_few(robust.doubtful)}")


def _print_choices(told: tuple[Choice, ...]) -> None:
    chosen = [one for one in told if one.year is not None]
    others = [one for one in told if one.year is None]
    for title, some in (("Chosen:", chosen), ("Not chosen, the nearest first:", others)):
        if some:
            click.echo(title)
        for one in some[:SHOWN]:
            click.echo(
                f"  {one.measure} ({one.kind}, {one.cost:,.0f}): {one.because}{f' [{one.sure}]' if one.sure else ''}"
            )
        if len(some) > SHOWN:
            click.echo(f"  and {len(some) - SHOWN:,} more (--json has all)")


def print_closed(told: GapClosed) -> None:
    """Print what closing a share of the gap costs."""
    click.echo(told.finding)
    for at, (measure, where) in enumerate(zip(told.begin[:SHOWN], told.where, strict=False), start=1):
        click.echo(f"  {at}. {measure}: {_few(where)}")
    for group in told.plan.groups:
        click.echo(f"  {group.group}: {percent(group.need_before, 1)} in need → {percent(group.need_after, 1)}")
    for note in told.plan.notes:
        click.echo(f"Note: {note}")
