"""What the commands print of whose voice a vote is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cityward.cli.count_text import money, say, tell
from cityward.core import words

if TYPE_CHECKING:
    from cityward.city.voices import Counted
    from cityward.participate.counting.voice import Share, Voice, Voiced
    from cityward.participate.counting.weighted import Moved, Reweighted

_SHOWN = 20
_WIDE = 28


def tell_counted(counted: Counted) -> None:
    """Print the count of a round of a city, and whose voice it is."""
    tell(counted.report)
    if counted.voice is None:
        say()
        say(f"Whose voice it is cannot be told. {counted.untold}")
        return
    tell_voice(counted.voice, counted.report.currency)


def tell_voice(found: Voice, currency: str = "") -> None:
    """Print whose voice a vote is, the finding first."""
    say()
    say(f"Whose voice it is, by {found.by.replace('_', ' ')}: {found.finding}")
    if found.groups:
        _table(found.groups, found.grouping, found.base)
    _table(found.areas, "areas", found.base)
    _tell_weighted(found.reweighted, currency)
    for note in found.notes:
        say(f"  {note}")


def _table(rows: Sequence[Voiced], what: str, base: str) -> None:
    proposals = any(one.proposals is not None for one in rows)
    head = f"  {what[:_WIDE]:<{_WIDE}}{base:>24}{'ballots':>9}{'turnout':>23}{'share / share of people':>26}"
    say(head + ("  proposals" if proposals else ""))
    for one in rows[:_SHOWN]:
        if one.ballots is None:
            say(f"  {one.name[: _WIDE - 1]:<{_WIDE}}{one.people:>24,.0f}  left out, so that few voters are not shown")
            continue
        line = f"  {one.name[: _WIDE - 1]:<{_WIDE}}{one.people:>24,.0f}{one.ballots:>9,}{_percents(one.turnout):>23}"
        line += f"{_times(one.ratio):>26}"
        line += f"{'' if one.proposals is None else one.proposals:>11}" if proposals else ""
        say(line + f"  {one.verdict}" + (", few ballots" if one.few else ""))
    if len(rows) > _SHOWN:
        say(f"  {len(rows) - _SHOWN:,} more; --json lists them.")


def _percents(found: Share | None) -> str:
    if found is None:
        return "not known"
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _times(found: Share | None) -> str:
    return "not known" if found is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _tell_weighted(found: Reweighted, currency: str) -> None:
    say(f"  {found.says}")
    if not found.told:
        return
    told = "; ".join(f"{', '.join(one.groups)[:60]} {one.weight:.2f}" for one in found.strata[:_SHOWN])
    say(f"  What a ballot would weigh: {told}. As sure as {found.effective or 0:,.0f} ballots of one weight.")
    for heading, moved in (("would win", found.would_win), ("would lose", found.would_lose)):
        for one in moved:
            say(f"    {one.project} {heading}: {one.name[:60]}, {money(one.cost, currency)}{_sure(one)}")


def _sure(one: Moved) -> str:
    return "" if one.sure is None else f" (so in {words.percent(one.sure)} of counts with ballots drawn anew)"
