"""Retention: what was kept for long enough goes, and what is left proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import polars as pl

from cityward.core.errors import StoreError
from cityward.core.work import WorkOrder
from cityward.guard.erase import Place, without_words, words_of
from cityward.store.engine import compact
from cityward.store.erasure import columns_of, exclusive, rewrite, vacuum
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS, HistoryTable

RULE: Final = "retention-by-class 1"

_ROWS: Final = {"interactions": INTERACTIONS, "observations": OBSERVATIONS}
_COLUMNS: Final = {"personal": "person", "free_text": "text", "location": "address"}
NOTHING_LEFT: Final = "nothing is left"


@dataclass(frozen=True, slots=True)
class Kept:
    """What `retain` deleted and the day of the oldest that it left, by what is limited."""

    deleted: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, str] = field(default_factory=dict)


def retain(place: Place, limits: Mapping[str, int], now: datetime, quarantine_upto: int) -> Kept:
    """Delete what is older than its limit; the city must be closed. The same job again finishes one cut off.

    Parameters
    ----------
    place : Place
        Where things lie.
    limits : mapping of str to int
        Days, by ``interactions``, ``observations``, ``personal``, ``free_text``, ``location``, ``quarantine`` and
        ``answers``; what is not named is not touched.
    now : datetime.datetime
        From which days are counted back.
    quarantine_upto : int
        Rows in quarantine up to this number are known to be old enough.

    Raises
    ------
    StoreError
        Something older than its limit is left.
    """
    kept = Kept()
    with exclusive(place.history):
        for name in (*_ROWS, *_COLUMNS):
            if name in limits:
                before = now - timedelta(days=limits[name])
                table, column = _ROWS.get(name, INTERACTIONS), _COLUMNS.get(name)
                kept.deleted[name] = _limit(place, table, column, before)
                oldest = _oldest(place, table, column)
                if oldest is not None and oldest < before:
                    raise StoreError(f"{name} older than its limit is left. Do the same again.")
                kept.oldest[name] = oldest.date().isoformat() if oldest else NOTHING_LEFT
        for table in _ROWS.values():
            vacuum(place.history, table)
        if "quarantine" in limits:
            kept.deleted["quarantine"] = place.registers._inside.delete_quarantine_upto(quarantine_upto)
        if "answers" in limits:
            kept.deleted["answers"] = _limit_answers(place, now - timedelta(days=limits["answers"]))
        if kept.deleted.get("quarantine") or kept.deleted.get("answers"):
            compact(place.registers._inside.engine)
    return kept


def _limit(place: Place, table: HistoryTable, column: str | None, before: datetime) -> int:
    """Delete rows, or empty a column of them; return of how many."""
    looked_at = (table.time,) if column is None else (table.time, column)
    change: Callable[[pl.DataFrame], pl.DataFrame] = pl.DataFrame.clear
    if column is not None:
        # The digest stays that of what the row said, so that the same row read again is known and not taken in anew.
        change = partial(_emptied, column)

    def touches(part: pl.DataFrame) -> pl.Series:
        old = part[table.time] < before
        return old if column is None else old & part[column].is_not_null()

    done = rewrite(place.history, table, touches, looked_at, change, upto=before.strftime("%Y-%m"))
    return int(done.removed + done.changed)


def _emptied(column: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None, dtype=rows.schema[column]).alias(column))


def _oldest(place: Place, table: HistoryTable, column: str | None) -> datetime | None:
    looked_at = (table.time,) if column is None else (table.time, column)
    oldest = [
        part.filter(True if column is None else pl.col(column).is_not_null())[table.time].min()
        for part in columns_of(place.history, table, looked_at)
    ]
    return min((one for one in oldest if isinstance(one, datetime)), default=None)


def _limit_answers(place: Place, before: datetime) -> int:
    def change(order: WorkOrder) -> WorkOrder:
        return without_words(order) if order.events[-1].at < before and words_of(order) else order

    return place.outbox._inside.rewrite_orders(change)
