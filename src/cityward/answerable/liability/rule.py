"""Which version of a rule was applied, what its row says, and whether it was valid at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from cityward.answerable.table import Table
from cityward.core import words
from cityward.core.clock import local_day
from cityward.core.liability import RuleThen

SKEW = timedelta(minutes=5)
"""By how much clocks of machines may differ before it is told."""


def rule_then(
    table: Table,
    text: str,
    row: int | None,
    moment: datetime,
    zone: str,
    *,
    uses: Sequence[str] = (),
    kept: bool,
) -> RuleThen:
    """The version as the file tells it.

    Parameters
    ----------
    table : Table
        The version.
    text : str
        Its canonical text (TOML).
    row : int or None
        Number from 1 of the row that decided.
    moment : datetime.datetime
        Of the decision.
    uses : sequence of str
        Texts of rules that it uses.
    kept : bool
        Whether the text was kept with the decision; else it is that of the rule's file today.
    """
    sheet, day = table.sheet, local_day(moment, zone)
    says = []
    if not kept:
        says.append("The decision keeps the rule's name and version, not its text: this is the text of its file today.")
    if sheet.valid_from and day < sheet.valid_from:
        says.append(f"The decision is of {words.day(day)}; this version is valid from {words.day(sheet.valid_from)}.")
    if sheet.valid_until and day > sheet.valid_until:
        says.append(
            f"The decision is of {words.day(day)}; this version was valid until {words.day(sheet.valid_until)}."
        )
    law = sheet.reference
    if row is not None and 1 <= row <= len(sheet.rows):
        one = sheet.rows[row - 1]
        law = one.law or law
        says += [f"Row {row} decided: {one.because}."] if one.because else [f"Row {row} decided."]
    elif row is not None:
        says.append(f"The decision names row {row}, which this text does not have.")
    else:
        says.append("No row of the rule decided.")
    return RuleThen(
        id=table.id,
        version=table.version,
        digest=sha256("\x1e".join((*uses, text)).encode()).hexdigest(),
        text=text,
        uses=tuple(uses),
        row=row,
        law=law,
        says=tuple(says),
        valid_from=sheet.valid_from,
        valid_until=sheet.valid_until,
    )


def skew(moment: datetime, before: datetime | None, after: datetime | None) -> str:
    """What is odd about the moment of a decision beside its neighbours in the ledger; empty where nothing is."""
    if before is not None and moment < before - SKEW:
        return (
            f"The decision gives {words.moment(moment)} as its moment, and the entry before it in the ledger is of "
            f"{words.moment(before)}: clocks differed."
        )
    if after is not None and moment > after + SKEW:
        return (
            f"The decision gives {words.moment(moment)} as its moment, and the entry after it in the ledger is of "
            f"{words.moment(after)}: clocks differed."
        )
    return ""
