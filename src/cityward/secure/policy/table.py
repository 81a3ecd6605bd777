"""Which role may do what, as a table that people read."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.core.principal import Role
from cityward.secure.policy.policies import ROLES, TWO
from cityward.secure.policy.text import Action

_MARKS = {True: "●", False: "·"}


def matrix_text(rows: Sequence[tuple[Action, tuple[Role, ...]]]) -> str:
    """A table in Markdown: a row an action, a column a role; a star marks what takes a second person."""
    head = ["action", "what", *("anybody" if role == "resident" else role for role in ROLES)]
    lines = [_line(head), _line(["---", "---", *[":-:"] * len(ROLES)])]
    for action, may in rows:
        star = " *" if TWO in action.groups else ""
        lines.append(_line([f"`{action.id}`{star}", action.words, *(_MARKS[role in may] for role in ROLES)]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
