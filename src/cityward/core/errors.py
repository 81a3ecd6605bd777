"""Errors: a user's mistake and a defect are different types.

A message says what happened, why, and what to do next. It never carries personal data:
it may name a row, a column or a file, not the value of a personal field.
"""

from __future__ import annotations


class CitywardError(Exception):
    """Anything that cityward raises on purpose."""


class UserError(CitywardError):
    """Something that the person at the keyboard can mend; the CLI exits with 2.

    Parameters
    ----------
    what : str
        What happened and why, in one or two sentences.
    remedy : str
        What to do next, often a command.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} {remedy}".strip())


class SettingsError(UserError):
    """A key or value of a TOML file (city, mapping, rule) is wrong; names the line."""


class SourceError(UserError):
    """A file or message cannot be read as a source at all (a bad *row* goes to quarantine)."""


class TerritoryError(UserError):
    """A territory file cannot be used, or a territory is unknown."""


class UnknownId(UserError):
    """No need, proposal, refusal, decision or batch has this identifier."""


class CityBusy(UserError):
    """Another process is writing to this city folder."""


class CityIsolated(CityBusy):
    """The files of the city look attacked: nothing is written until a person lifts that."""


class Refused(CitywardError):
    """A door said no. This is the system working, not failing.

    Parameters
    ----------
    rule : str
        Identifier of the rule that refused.
    what : str
        The refusal in plain words.
    remedy : str
        Who could change it, and how.
    """

    def __init__(self, rule: str, what: str, remedy: str = "") -> None:
        self.rule = rule
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} (rule {rule}) {remedy}".strip())


class Unproved(Refused):
    """Work was to be given out or sent, and no decision that the ledger proves allows it."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__("no-action-without-a-decision", what, remedy)


class StoreError(CitywardError):
    """The disk or the database did not do what it was asked; nothing was acknowledged."""


class LedgerError(CitywardError):
    """The ledger does not add up: tampering, truncation or a foreign key."""


class Defect(CitywardError):
    """A bug in cityward: an invariant of ours does not hold."""
