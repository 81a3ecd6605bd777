"""How many people a breach may concern: counts of distinct pseudonyms, never the pseudonyms."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from cityward.store.history import HistoryReader

CLASSES: Final = {"personal": "person", "free text": "text", "location of person": "address"}
"""Columns of history that can name or place a person, by field class."""

HOW: Final = (
    "Distinct pseudonyms by source among the reports held of the period. One person known to two sources is counted "
    "twice, because pseudonyms of different sources cannot be joined; people whom a report does not name are counted "
    "as reports only."
)


def count_affected(
    history: Path, since: datetime | None, until: datetime | None, sources: list[str] | None
) -> dict[str, int]:
    """Return people and reports, in all and by field class.

    Parameters
    ----------
    history : pathlib.Path
        The history folder.
    since, until : datetime.datetime, optional
        Moments of occurrence between which reports were exposed; both included.
    sources : list of str, optional
        Only these sources; default all.
    """
    rows = HistoryReader(history).scan()
    if since is not None:
        rows = rows.filter(pl.col("occurred_at") >= since)
    if until is not None:
        rows = rows.filter(pl.col("occurred_at") <= until)
    if sources:
        rows = rows.filter(pl.col("source").is_in(sources))
    person = pl.struct("source", "person")
    named = pl.col("person").is_not_null()
    counted = rows.select(
        person.filter(named).n_unique().alias("people"),
        pl.len().alias("reports"),
        (~named).sum().alias("reports that name nobody"),
        *(pl.col(column).is_not_null().sum().alias(f"reports with {name}") for name, column in CLASSES.items()),
        *(
            person.filter(named & pl.col(column).is_not_null()).n_unique().alias(f"people with {name}")
            for name, column in CLASSES.items()
            if column != "person"
        ),
    )
    return {name: int(count) for name, count in counted.collect().row(0, named=True).items()}
