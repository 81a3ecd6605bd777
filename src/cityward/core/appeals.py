"""Records of appeals: who contests which decision, what was added, who decided it, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from cityward.core.records import Party, Record

AppealState = Literal["open", "assigned", "upheld", "changed", "withdrawn"]
"""``upheld``: the decision stands. ``changed``: another takes its place. ``withdrawn``: the appeal was taken back."""

AppealOutcome = Literal["upheld", "changed"]
OUTCOMES: Final[tuple[AppealOutcome, ...]] = ("upheld", "changed")
CLOSED: Final = ("upheld", "changed", "withdrawn")

PERSON: Final = "person"
"""To whom the notice of an appeal goes that is no party of the system."""

RESIDENT: Final = "a resident"
"""Who took a step that came by a secret link: nobody by name."""


class Said(Record, frozen=True, kw_only=True):
    """Something that was said in an appeal.

    ``words`` are redacted, and emptied when they are erased; ``digest`` is keyed, so that the receipt outlives them and
    nobody can guess them from it. ``about`` is the fact that they are about, by its name in the rule, or empty.
    """

    at: datetime
    by: str
    words: str
    digest: str
    about: str = ""


class AppealStep(Record, frozen=True, kw_only=True):
    """One step in the life of an appeal, and the ledger entry that proves it."""

    what: Literal["opened", "added", "assigned", "upheld", "changed", "withdrawn", "erased"]
    at: datetime
    by: str
    receipt: int = -1


class Appeal(Record, frozen=True, kw_only=True):
    """An appeal against the decision of a case.

    The person was told of the decision on ``told_on`` and could contest it until ``appeal_by``; the answer is due on
    ``due_on``. One that came ``late`` was taken in by a person, who said why. ``contests`` names the facts that are
    said to be wrong, ``wrong`` those that were found to be, by their names in the rule: never their values. ``like`` is
    the appeal because of which a person reopened this decision. ``made_by`` is who made the decision (empty: the
    rule alone), ``before`` and ``after`` are its outcomes; ``parties`` are those who answer for the system and are told
    of a change; ``register_event`` is its entry in the register of systems; ``similar`` how many decisions rested on
    the same row and fact when it was decided.
    """

    id: str
    decision: str
    system: str
    version: str
    rule: str
    rule_version: str
    row: int | None
    territory: str | None
    state: AppealState
    opened_at: datetime
    told_on: date
    appeal_by: date
    due_on: date
    by: str
    made_by: str
    before: str
    late: bool = False
    like: str = ""
    contests: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    assigned_to: str = ""
    closed_at: datetime | None = None
    because: str = ""
    after: str = ""
    wrong: tuple[str, ...] = ()
    parties: tuple[Party, ...] = ()
    register_event: str = ""
    similar: int | None = None
    steps: tuple[AppealStep, ...] = ()
    receipt: int = -1


class AppealNotice(Record, frozen=True, kw_only=True):
    """That somebody was told of the outcome of an appeal: the person himself, or a party that answers for the system.

    ``to`` is `PERSON`, or the duty of the party; ``name`` and ``contact`` are the party's and empty for the person.
    ``by`` is who sent it, ``way`` how (by letter, by e-mail), ``sent_at`` None while nobody did.
    """

    id: str
    appeal: str
    to: str
    name: str = ""
    contact: str = ""
    sent_at: datetime | None = None
    by: str = ""
    way: str = ""
    receipt: int = -1


class AppealFigures(Record, frozen=True, kw_only=True):
    """Figures of the appeals of one system (or of all), as published; None where a small count could be told.

    ``share_changed`` is out of those decided, with its exact 95 % interval; ``median_days`` from coming in to answer.
    """

    system: str
    opened: int | None
    open: int | None
    upheld: int | None
    changed: int | None
    withdrawn: int | None
    share_changed: float | None
    share_low: float | None
    share_high: float | None
    median_days: float | None


class AppealStatistics(Record, frozen=True, kw_only=True):
    """What is published of appeals that came in between two days, as they stood at the end of ``until``.

    ``below`` is the smallest count that is told. ``all`` is over every system.
    """

    since: date
    until: date
    below: int
    all: AppealFigures
    systems: tuple[AppealFigures, ...]
