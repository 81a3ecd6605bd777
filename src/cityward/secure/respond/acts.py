"""Acts: what this program itself can do as a step of a playbook; the city does them, here is what they ask and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cityward.core.records import Record


class Act(Record, frozen=True, kw_only=True):
    """One act.

    Attributes
    ----------
    words : str
        What it does, for whoever approves it.
    asks, gives : mapping of str to str
        Variables that it reads and sets, by name without underscores, with their type.
    destructive : bool
        Whether it takes two persons whatever the playbook says.
    again : bool
        Whether it can be done again when nobody knows whether it was done: the same key has the same effect.
    """

    words: str
    asks: Mapping[str, str] = {}
    gives: Mapping[str, str] = {}
    destructive: bool = False
    again: bool = True


ACTS: Final[dict[str, Act]] = {
    "back-up": Act(words="make a snapshot of this city in its repository of backups", gives={"snapshot": "string"}),
    "verify-ledger": Act(words="re-compute the ledger of this city", gives={"ledger_sound": "bool"}),
    "check-files": Act(words="check every file of this city for damage", gives={"files_sound": "bool"}),
    "check-alerts": Act(words="look at sign-ins, exports, privileges and sources of this city anew"),
    "take-alert": Act(words="say that somebody works on an alert of this city", asks={"alert": "string"}),
    "close-alert": Act(words="close an alert of this city", asks={"alert": "string"}),
    "print-sheets": Act(words="print numbered sheets for days without a computer", gives={"sheets": "string"}),
    "open-breach": Act(words="start the clock of 72 hours of a breach of personal data", gives={"breach": "string"}),
    "sign-out": Act(words="end every session of a person in this city", asks={"person": "string"}, destructive=True),
    "shut-out": Act(words="take a person's access to this city away", asks={"person": "string"}, destructive=True),
    "revoke-token": Act(words="take a token of a program back", asks={"token": "string"}, destructive=True),
}
