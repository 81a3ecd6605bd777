"""What is kept of a look into history or registers: who, for what, which fields, how many rows; never a value."""

from __future__ import annotations

from datetime import datetime

from cityward.core.records import Record


class Consult(Record, frozen=True, kw_only=True):
    """One consult, granted or refused.

    ``grant`` is the name of the grant's file; ``rows`` is None where a look was opened that is read from several
    times. ``refused`` and ``remedy`` say why nothing was shown, and who can change it.
    """

    id: str
    reader: str
    purpose: str
    table: str
    fields: tuple[str, ...]
    at: datetime
    grant: str = ""
    as_of: datetime | None = None
    rows: int | None = None
    rule: str = ""
    refused: str = ""
    remedy: str = ""
