"""The door inside: a reader states a purpose and sees the columns that it covers, no others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from cityward.core.errors import Refused
from cityward.core.frames import HISTORY, OBSERVED
from cityward.private.restrictions import without
from cityward.store.history import HistoryReader

_PERSONAL = {"person", "text", "address"}
_COUNTING = frozenset(HISTORY) - _PERSONAL

PURPOSES: dict[str, frozenset[str]] = {
    # Tells which reports are one incident or one act; what comes of it are numbers, never the columns.
    "incident-recognition": frozenset(HISTORY),
    "need-detection": _COUNTING,
    # Names what a need counts by the source's own identifiers; not who, in which words, at which door.
    "need-evidence": _COUNTING - {"lon", "lat"},
    "forecasting": _COUNTING,
    "case-handling": frozenset(HISTORY) - {"person"},
    "audit": frozenset(HISTORY),
    # Measured values say nothing of persons.
    "sensing": frozenset(OBSERVED),
}
"""Columns of history that each purpose covers. Whoever is not in this table reads nothing."""


def history_frame(
    history: HistoryReader, purpose: str, columns: Sequence[str], *, as_of: datetime | None = None
) -> pl.LazyFrame:
    """Return ``columns`` of history for ``purpose``.

    Raises
    ------
    Refused
        The purpose is unknown, or does not cover a column.
    """
    covered = PURPOSES.get(purpose)
    if covered is None:
        raise Refused("consult-by-purpose 1", f"'{purpose}' is not a purpose.", f"Purposes: {', '.join(PURPOSES)}.")
    beyond = [name for name in columns if name not in covered]
    if beyond:
        raise Refused(
            "consult-by-purpose 1",
            f"The purpose '{purpose}' does not cover {', '.join(beyond)}.",
            "Ask the privacy officer for a purpose that does.",
        )
    return without(history.scan(as_of), history.restricted(), purpose).select(columns)
