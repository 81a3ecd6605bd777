"""What is wrong with a playbook: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.core.errors import UserError
from cityward.core.records import Record
from cityward.secure.respond.limits import PROBLEMS_SHOWN


class Problem(Record, frozen=True, kw_only=True):
    """One problem: ``place`` is a path in the document (``workflow/action--…/timeout``), empty for all of it."""

    place: str
    what: str
    remedy: str = ""

    @property
    def told(self) -> str:
        """In one line."""
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what} {self.remedy}".strip()


class BadPlaybook(UserError):
    """A playbook that cannot be used; ``problems`` has all of them."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:PROBLEMS_SHOWN])
        more = len(problems) - 1
        others = f" (and {more} more)" if more > 0 else ""
        super().__init__(
            f"{name} is no playbook that can be used: {problems[0].told}{others}",
            "'cityward respond check FILE' says all of them.",
        )
