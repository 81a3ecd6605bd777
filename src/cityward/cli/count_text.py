"""What the command count prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cityward.cli.main import some
from cityward.core import words

if TYPE_CHECKING:
    from cityward.participate.counting.report import Beside, Report, Result
    from cityward.participate.counting.represent import Represented
    from cityward.participate.counting.why import Why

_TIES = 10


def money(value: float, currency: str) -> str:
    """An amount with its currency: ``995,079 PLN``."""
    written = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return f"{written} {currency}".rstrip()


def say(line: str = "") -> None:
    """Print a line; what files of others hold cannot steer the terminal."""
    click.echo("".join(sign if sign.isprintable() else " " for sign in line))


def tell(made: Report) -> None:
    """Print a count, the finding first."""
    _tell_result(made, made)
    if made.compare is not None:
        say()
        _tell_result(made.compare, made)
        _tell_both(made, made.compare)
    ballots = made.ballots
    say()
    say(
        f"{ballots.received:,} ballots were received: {ballots.counted:,} count ({ballots.blank:,} of them blank), "
        f"{ballots.not_counted:,} do not."
    )
    for why, number in ballots.reasons.items():
        say(f"  {number:,} {why}")
    if made.published is not None:
        _tell_published(made)
    for note in made.caveats:
        say(f"Take care: {note}")
    say(f"Digest of what was counted: {made.digest}")


def _tell_result(result: Result, made: Report) -> None:
    currency = made.currency
    say(
        f"{made.election}: by {result.rule}, funded {some(len(result.winners), 'project')} for "
        f"{money(result.total_cost, currency)} of {money(result.budget, currency)}."
    )
    width = max((len(one.id) for one in result.winners), default=0)
    for one in result.winners:
        added = " (by completion)" if one.by_completion else ""
        score = "" if one.score == one.votes else f", {one.score:,} points"
        cost = money(one.cost, currency)
        say(f"  {one.place:>3}. {one.id:<{width}}  {cost:>16}  {one.votes:,} votes{score}  {one.name[:70]}{added}")
    _tell_represented(result.representation, currency)
    told = [tie for tie in result.ties if tie.decided]
    for tie in told[:_TIES]:
        say(f"  Tie between {', '.join(tie.projects)}: {tie.first} came first by {tie.by}.")
    rest = len(result.ties) - len(told[:_TIES])
    if rest:
        say(f"  Ties that {'are not shown' if told[_TIES:] else 'changed nothing'}: {rest:,}; --json lists them.")
    for note in result.notes:
        say(f"  {note}")


def _tell_represented(found: Represented, currency: str) -> None:
    say(
        f"  {words.percent(found.share, 1)} of {found.voters:,} voters have a funded project that they asked for; "
        f"{found.mean_projects:.2f} on average."
    )
    for name, groups in found.groups.items():
        say(f"  By {name.replace('_', ' ')}:")
        for one in groups:
            if one.voters is None:
                say(f"    {one.group[:40]}: left out, so that few voters of this group or another are not shown")
                continue
            few = ", few voters" if one.few else ""
            ratio = "" if one.money_ratio is None else f" ({one.money_ratio:.2f} times the mean)"
            say(
                f"    {one.group[:40]}: {words.percent(one.share or 0.0, 1)} of {one.voters:,}, "
                f"{one.mean_projects:.2f} projects, {money(round(one.money_each or 0.0, 2), currency)} each{ratio}{few}"
            )


def _tell_both(first: Report, other: Beside) -> None:
    mine, theirs = {one.id for one in first.winners}, {one.id for one in other.winners}
    each = first.representation, other.representation
    rows = [
        ("", first.rule, other.rule),
        ("projects", f"{len(mine):,}", f"{len(theirs):,}"),
        ("cost", f"{first.total_cost:,}", f"{other.total_cost:,}"),
        ("voters with a funded project", *(words.percent(one.share, 1) for one in each)),
        ("funded projects a voter", *(f"{one.mean_projects:.2f}" for one in each)),
        ("voters who have more of them", f"{other.voters.first:,}", f"{other.voters.second:,}"),
    ]
    say()
    width = max(len(cell) for _, *cells in rows for cell in cells) + 2
    for name, left, right in rows:
        say(f"{name:<30}{left:>{width}}{right:>{width}}")
    say(f"Only by {first.rule}: {', '.join(sorted(mine - theirs)) or 'none'}.")
    say(f"Only by {other.rule}: {', '.join(sorted(theirs - mine)) or 'none'}.")


def _tell_published(made: Report) -> None:
    found = made.published
    if found is None:
        return
    if found.agrees:
        say("The file names the same winners.")
        return
    say(
        f"The file names other winners: only in the file {', '.join(found.only_in_file) or 'none'}; "
        f"only here {', '.join(found.only_here) or 'none'}."
    )


def tell_why(why: Why, currency: str) -> None:
    """Print why a project won or lost."""
    say()
    place = f", {why.place}. in order" if why.place else ""
    say(f"Project {why.project} ({why.name[:80]}) {'wins' if why.funded else 'does not win'}{place}.")
    for sentence in why.because:
        say(f"  {sentence}")
    if why.funded:
        return
    if why.enough_budget is not None and why.budget_step is not None:
        say(
            f"  A budget of {money(why.enough_budget, currency)} would have been enough; "
            f"{money(why.budget_step, currency)} less would not."
        )
    if why.enough_voters is not None:
        say(
            f"  {why.enough_voters:,} voters more who ask for it alone would have been enough; "
            f"{why.voters_step:,} fewer would not."
        )
