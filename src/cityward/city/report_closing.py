"""Closes reports of the portal whose work was confirmed: of other sources the source itself says what is closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from cityward.core.batch import Batch
from cityward.core.errors import Refused
from cityward.core.frames import INTERACTION, PLACED, conform
from cityward.core.identifiers import make_id
from cityward.guard import erase as door
from cityward.know.place import place

if TYPE_CHECKING:
    from cityward.city.city import City

ORIGIN: Final = "confirmed work"


def close_confirmed(city: City, source: str, secret_of: Callable[[str], str]) -> int:
    """Close open reports of ``source`` for which an order was confirmed, on the day of that; return how many.

    A report is found by its secret, as a person would find it, and admitted again by the door as a revision.
    """
    if not any(one["source"] == source for one in city.conservation()["by_source"]):
        return 0
    try:
        rows = city.read("cityward-portal", "resident-information").frame(("id", "source", "status", "key"))
    except Refused:  # a city that grants residents no word of their reports closes them by hand
        return 0
    waiting = rows.filter((pl.col("source") == source) & (pl.col("status") == "open"))
    jobs = {make_id("job", key): number for number, key in waiting.select("id", "key").iter_rows()}
    confirmed = city.orders.confirmed_of(list(jobs))
    return sum(_close(city, source, jobs[job], secret_of(jobs[job]), at) for job, at in confirmed.items())


def _close(city: City, source: str, number: str, secret: str, at: datetime) -> int:
    held = door.held_rows(city.folder.history, city.persons.by_identifier(secret))
    mine = held.filter((pl.col("source") == source) & (pl.col("id") == number))
    if not mine.height:
        return 0
    # What is not changed was treated by the door already; the name in history is made anew of the secret.
    revised = mine.with_columns(
        closed_at=pl.lit(at).dt.cast_time_unit("us"), status=pl.lit("closed"), person=pl.lit(secret)
    )
    frame = place(conform(revised.drop("territory", "placed_by"), INTERACTION), city.level(None)[0])
    batch = Batch(source, ORIGIN, mine.height, conform(frame, PLACED), classes={"person": "personal"})
    with city.writing() as intake:
        return intake.admit(intake.treat(batch)).revised
