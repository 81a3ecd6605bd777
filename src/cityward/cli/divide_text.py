"""How a divide is told in a terminal: the finding, its figures, and what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cityward.cli.main import some
from cityward.core import words

if TYPE_CHECKING:
    from cityward.city.dividing import CityDivide
    from cityward.equitable.divide.index import Index
    from cityward.equitable.divide.reading import SetAside
    from cityward.equitable.divide.report import Divide, Estimate, Figures, Moved, OverTime, Ranking


def told(one: Estimate, digits: int = 3) -> str:
    """``0.395 (0.341 to 0.420)``."""
    if one.value is None:
        return f"none: {one.why}"
    if one.low is None or one.high is None:
        return f"{one.value:,.{digits}f}"
    return f"{one.value:,.{digits}f} ({one.low:,.{digits}f} to {one.high:,.{digits}f})"


def tell(found: Divide, show: int) -> None:
    """Print it."""
    click.echo(found.finding)
    for one in found.figures:
        _tell_figures(one)
    if found.over_time:
        _tell_over_time(found.over_time, show)
    if found.trend:
        slope = told(found.trend.gini_per_period, 5)
        click.echo(f"Over all {found.trend.periods} periods Gini changed by {slope} a period.")
    if found.ranking:
        _tell_ranking(found.ranking, show)
    _tell_rest(found.set_aside, found.notes)
    click.echo(f"In brackets {words.percent(found.level)} intervals: {found.intervals}.")


def _tell_figures(one: Figures) -> None:
    click.echo(f"{one.period or 'All'}: {one.places:,} places, {one.people:,.0f} people or households")
    atkinson = ", ".join(f"at {index.epsilon:g} {told(index.index)}" for index in one.atkinson)
    lines = [
        ("mean", told(one.mean, 2)),
        ("mean and median of places", f"{told(one.mean_of_places, 2)}; {one.median_of_places:,.2f}"),
        ("Gini", told(one.gini)),
        ("Theil T, Theil L", f"{told(one.theil_t)}; {told(one.theil_l)}"),
        ("Atkinson", atkinson),
        ("fifth with least, with most", f"{told(one.fifths.least, 2)}; {told(one.fifths.most, 2)}"),
        ("ratio of these", told(one.fifths.ratio, 2)),
    ]
    if one.floor:
        under = one.floor
        needed = f"; {told(under.needed, 0)} are needed to bring them there" if under.needed else ""
        lines.append((f"under {under.floor:g}", f"{told(under.places, 0)} places, {under.people:,.0f} people{needed}"))
    if one.decomposed:
        lines.append(("of Theil T between groups", told(one.decomposed.between_share)))
    if one.noise_share is not None:
        lines.append(("of the variance is error", words.percent(one.noise_share, 1)))
    for name, text in lines:
        click.echo(f"  {name}: {text}")


def _tell_over_time(time: OverTime, show: int) -> None:
    change, converged = time.change, time.convergence
    if time.alarm.raised:
        click.echo(f"Alarm: {time.alarm.says}")
    click.echo(f"Change {change.before} to {change.after}: mean {told(change.mean, 2)}, Gini {told(change.gini)}.")
    click.echo(
        f"Of {converged.places:,} places {time.rose:,} rose and {time.fell:,} fell: {converged.verdict} "
        f"(beta {told(converged.beta)}, spread of logarithms {told(converged.sigma_log)})."
    )
    if time.mobility:
        moved = time.mobility
        click.echo(
            f"Between fifths {moved.up:,} went up and {moved.down:,} down; the share that stayed is "
            f"{told(moved.stayed_share)}."
        )
    for name, places in (("Advanced most", time.advanced), ("Fell back most", time.fell_back)):
        if places and show:
            click.echo(f"{name} in rank: {'; '.join(map(_moved, places[:show]))}.")


def _moved(one: Moved) -> str:
    return f"{one.place} {one.before:,.2f} to {one.after:,.2f} (rank {one.rank_before:,} to {one.rank_after:,})"


def _tell_ranking(ranking: Ranking, show: int) -> None:
    click.echo(
        f"Ranks with limits that hold together ({words.percent(ranking.level)}): {some(ranking.tiers, 'tier')}; "
        f"{words.percent(ranking.ordered_share)} of all pairs can be ordered. Places of one tier are not."
    )
    if ranking.without_error:
        click.echo(f"  Without a stated error, and so without a rank: {some(ranking.without_error, 'place')}.")
    for one in ranking.places[:show]:
        click.echo(f"  tier {one.tier}: {one.place} {one.value:,.3f}, rank {one.rank_low:,} to {one.rank_high:,}")
    if len(ranking.places) > show:
        click.echo(f"  … and {len(ranking.places) - show:,} more; --json has all.")


def tell_index(found: Index, show: int) -> None:
    """Print an index: tiers first, and what moves them."""
    click.echo(found.finding)
    click.echo(f"{found.title}. {found.source}")
    for one in found.indicators:
        if one.column is not None:
            moves = "" if one.moves_ranks is None else f"; without it a place moves {one.moves_ranks:.1f} ranks"
            click.echo(f"  {one.label}: {words.percent(one.weight_share)} of the weight, error {one.error}{moves}")
    click.echo(
        f"{some(found.tiers, 'tier')}, by {found.method}. Places of one tier are not ordered; rank 1 is the deepest "
        "divide."
    )
    for place in found.places[:show]:
        if place.index is None:
            click.echo(f"  {place.name or place.place}: cannot tell, {words.percent(place.known_share)} is known")
            continue
        span = "" if place.low is None else f" ({place.low:,.2f} to {place.high:,.2f})"
        click.echo(
            f"  tier {place.tier}: {place.name or place.place} {place.index:,.2f}{span}, rank {place.rank_low:,} to "
            f"{place.rank_high:,}; with other weights {place.weights_low:,} to {place.weights_high:,}"
        )
    if len(found.places) > show:
        click.echo(f"  … and {len(found.places) - show:,} more; --json has all.")
    _tell_rest(found.set_aside, found.notes)


def tell_city(found: CityDivide, show: int) -> None:
    """Print the divide within a city: what differs first, then its index and the inequality of access."""
    click.echo(found.finding)
    for one in found.symmetry:
        if one.verdict != "few":
            click.echo(f"  By {one.by}: {one.says}")
    few = sorted({one.name for one in found.symmetry if one.verdict == "few"})
    if few:
        click.echo(f"  Too few to compare: {'; '.join(few)}.")
    if found.inequality:
        click.echo(found.inequality.finding)
    if found.index:
        tell_index(found.index, show)
    for note in found.notes:
        click.echo(f"Note: {note}")


def _tell_rest(set_aside: tuple[SetAside, ...], notes: tuple[str, ...]) -> None:
    for aside in set_aside:
        examples = ", ".join(aside.examples[:3])
        click.echo(f"Set aside, in no figure: {aside.rows:,} rows: {aside.reason}{': ' * bool(examples)}{examples}.")
    for note in notes:
        click.echo(f"Note: {note}")
