"""An audit, a gate and proxies as lines in a terminal."""

from __future__ import annotations

import click

from cityward.answerable.audit.gate import Gate
from cityward.answerable.audit.proxies import Proxies
from cityward.answerable.audit.report import Audit, Group, Rate
from cityward.core.words import percent

SHOWN_GROUPS = 60
SHOWN_PROXIES = 30
_COLUMNS = (
    ("selected", "selection_rate"),
    ("outcome", "base_rate"),
    ("false positives", "false_positive_rate"),
    ("missed", "false_negative_rate"),
    ("right if selected", "positive_predictive_value"),
)


def tell(found: Audit) -> None:
    """Print an audit, what matters first."""
    click.echo(found.finding)
    click.echo("")
    for role, how in found.taken_as.items():
        click.echo(f"Yes as {role}: {how}.")
    for what, count in found.left_out.items():
        click.echo(f"{count:,} of {found.rows:,} rows are {what}.")
    picked = any(one.representation for one in found.groups)
    head = f"{'group':<34}{'people':>9}" + "".join(f"{name:>26}" for name, _ in _COLUMNS)
    click.echo(head + (f"{'times as often picked':>26}" if picked else ""))
    for group in (found.everybody, *found.groups[:SHOWN_GROUPS]):
        click.echo(_row(group, picked=picked))
    more = len(found.groups) - SHOWN_GROUPS
    if more > 0:
        click.echo(f"and {more:,} more groups (--json has all), {len(found.intersections):,} intersections")
    for gap in found.gaps:
        low, high = (f"{100 * (limit or 0):.1f}" for limit in gap.difference_interval)
        click.echo(
            f"Largest difference in {gap.rate.replace('_', ' ')} by {' and '.join(gap.by)}: "
            f"{100 * gap.difference:.1f} points ({low} to {high}; chance alone gives up to "
            f"{100 * gap.by_chance:.1f}), {gap.lowest} to {gap.highest}."
        )
    for check in found.checks:
        click.echo(f"{'Leak' if check.severity == 'leak' else 'Check'}: {check.says}")
    for note in found.notes:
        click.echo(f"Note: {note}")


def _row(group: Group, *, picked: bool) -> str:
    name = f"{' and '.join(group.by)} {group.name}".strip()
    name = name if len(name) <= 33 else f"{name[:32]}…"
    line = f"{name:<34}{group.people:>9,}" + "".join(f"{_rate(group.rates[key]):>26}" for _, key in _COLUMNS)
    compared = group.representation.compared if picked and group.representation else None
    if compared and compared.ratio is not None:
        low, high = compared.ratio_interval
        told = f"{compared.ratio:.2f} ({low or 0:.2f} to {'∞' if high is None else f'{high:.2f}'})"
        line += f"{told:>26}"
    return line


def _rate(rate: Rate) -> str:
    low, high = rate.interval
    if rate.value is None or low is None or high is None:
        return "not known" if rate.status == "not identifiable" else "of nobody"
    flag = " few" if rate.status == "small" else ""
    return f"{percent(rate.value, 1)} ({100 * low:.1f}–{100 * high:.1f}){flag}"


def tell_gate(gate: Gate) -> None:
    """Print what the gate says."""
    click.echo(gate.says)
    for one in gate.watched:
        mark = {"worse": "OUTSIDE", "better": "IMPROBABLY LOW"}.get(one.side, "inside")
        click.echo(
            f"{one.edge.name[:58]:<60}{percent(one.edge.count / one.edge.out_of, 1):>9} at approval, "
            f"band {percent(one.edge.floor, 1):>7} to {percent(one.edge.limit, 1):>7}, now {percent(one.value, 1):>7} "
            f"of {one.out_of:,}: {mark}"
        )
    click.echo("")


def tell_proxies(found: Proxies) -> None:
    """Print which columns give a group away."""
    click.echo(found.finding)
    click.echo(f"{'column':<34}{'group':<40}{'tells (0.5: nothing)':>26}{'tells the outcome':>20}  verdict")
    for one in found.proxies[:SHOWN_PROXIES]:
        low, high = one.auc_interval
        told = f"{one.auc:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else "")
        outcome = "" if one.outcome_auc is None else f"{one.outcome_auc:.3f}"
        click.echo(f"{one.column[:33]:<34}{f'{one.by} {one.group}'[:39]:<40}{told:>26}{outcome:>20}  {one.verdict}")
    if len(found.proxies) > SHOWN_PROXIES:
        click.echo(f"and {len(found.proxies) - SHOWN_PROXIES:,} more (--json has all)")
    for name, why in found.not_examined.items():
        click.echo(f"Not examined: {name} {why}.")
    for note in found.notes:
        click.echo(f"Note: {note}")
