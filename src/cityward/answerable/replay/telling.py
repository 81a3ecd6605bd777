"""A replay in plain words."""

from __future__ import annotations

from cityward.answerable.replay.shape import Replay, Share
from cityward.core.words import percent


def headline(found: Replay) -> str:
    """The finding in one sentence."""
    whole = found.whole
    if whole.changed.cases == 0:
        return f"Nobody of {found.cases:,} {_cases(found.cases)} would be decided otherwise"
    if not found.order:
        return f"{_who(whole.changed)} of {found.cases:,} {_cases(found.cases)} would be decided otherwise"
    parts = [f"{_who(whole.worse)} would lose and {_who(whole.better)} would gain"]
    if whole.undecided.cases != 0:
        parts.append(f"{_who(whole.undecided)} would not be decided any more")
    return f"Of {found.cases:,} {_cases(found.cases)} {', and '.join(parts)}"


def _cases(count: int) -> str:
    return "case" if count == 1 else "cases"


def _who(share: Share) -> str:
    if share.cases is None:
        return "an untold number"
    return "nobody" if share.cases == 0 else f"{share.cases:,}"


def told_share(share: Share) -> str:
    """A share with its interval: ``7.1 % (6.2 to 8.0 %)``."""
    if share.share is None or share.low is None or share.high is None:
        return "too few to tell"
    return f"{percent(share.share, 1)} ({100 * share.low:.1f} to {percent(share.high, 1)})"
