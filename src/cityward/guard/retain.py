"""Retention: what was kept for long enough goes, and what is left proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import polars as pl

from cityward.core.errors import StoreError
from cityward.core.work import WorkOrder, WorkPlan
from cityward.guard.erase import CLOSED, Place, roughly, without_words, words_of
from cityward.guard.holds import Holding, Spared, holding
from cityward.store.engine import compact
from cityward.store.erasure import columns_of, exclusive, rewrite, vacuum
from cityward.store.history_table import DECISIONS, INTERACTIONS, OBSERVATIONS, HistoryTable

RULE: Final = "retention-by-class 1"

_ROWS: Final = {"interactions": INTERACTIONS, "observations": OBSERVATIONS, "decisions": DECISIONS}
_COLUMNS: Final = {"personal": ("person",), "free_text": ("text",), "location": ("address", "lon", "lat")}
NOTHING_LEFT: Final = "nothing is left"


@dataclass(frozen=True, slots=True)
class Kept:
    """What `retain` deleted and the day of the oldest that it left, by what is limited.

    ``held`` counts what is older than its limit and stays as evidence; the oldest is told without it.
    """

    deleted: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, str] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


def retain(place: Place, limits: Mapping[str, int], now: datetime, quarantine_upto: int) -> Kept:
    """Delete what is older than its limit; the city must be closed. The same job again finishes one cut off.

    Parameters
    ----------
    place : Place
        Where things lie.
    limits : mapping of str to int
        Days, by ``interactions``, ``observations``, ``decisions``, ``personal``, ``free_text``, ``location``,
        ``quarantine`` and ``answers``; what is not named is not touched.
    now : datetime.datetime
        From which days are counted back.
    quarantine_upto : int
        Rows in quarantine up to this number are known to be old enough.

    Raises
    ------
    StoreError
        Something older than its limit is left, and no hold keeps it.
    """
    kept = Kept()
    with exclusive(place.history):
        held = holding(place.history)
        for name in (*_ROWS, *_COLUMNS):
            if name in limits:
                before = now - timedelta(days=limits[name])
                table, columns = _ROWS.get(name, INTERACTIONS), _COLUMNS.get(name, ())
                spared = held.of(table.name)
                kept.deleted[name] = _limit(place, table, columns, before, spared)
                oldest, kept.held[name] = _oldest(place, table, columns, before, spared)
                if oldest is not None and oldest < before:
                    raise StoreError(f"{name} older than its limit is left. Do the same again.")
                kept.oldest[name] = oldest.date().isoformat() if oldest else NOTHING_LEFT
        for table in _ROWS.values():
            vacuum(place.history, table)
        if "quarantine" in limits:
            kept.deleted["quarantine"] = place.registers._inside.delete_quarantine_upto(quarantine_upto)
        if "answers" in limits:
            kept.deleted["answers"] = _limit_answers(place, now - timedelta(days=limits["answers"]), held)
        if "location" in limits:
            before = now - timedelta(days=limits["location"])
            kept.deleted["order_places"] = _limit_order_places(place, before, held)
            kept.deleted["plan_places"] = _limit_plan_places(place, before.date())
        if any(kept.deleted.get(name) for name in ("quarantine", "answers", "order_places", "plan_places")):
            compact(place.registers._inside.engine)
    return kept


def _limit(place: Place, table: HistoryTable, columns: tuple[str, ...], before: datetime, held: Spared) -> int:
    """Delete rows that are not held, or empty columns of them; return of how many."""
    change: Callable[[pl.DataFrame], pl.DataFrame] = pl.DataFrame.clear
    if columns:
        # The digest stays that of what the row said, so that the same row read again is known and not taken in anew.
        # Its territory stays too: counts by territory are the same before and after.
        change = partial(_emptied, columns)

    def touches(part: pl.DataFrame) -> pl.Series:
        return part.select((pl.col(table.time) < before) & _says(columns) & ~held.those()).to_series()

    done = rewrite(
        place.history, table, touches, (table.time, held.column, *columns), change, upto=before.strftime("%Y-%m")
    )
    return int(done.removed + done.changed)


def _says(columns: tuple[str, ...]) -> pl.Expr:
    """Whether a row has anything in one of ``columns``; without columns every row is meant."""
    return pl.any_horizontal(pl.col(columns).is_not_null()) if columns else pl.lit(value=True)


def _emptied(columns: tuple[str, ...], rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None, dtype=rows.schema[column]).alias(column) for column in columns)


def _oldest(
    place: Place, table: HistoryTable, columns: tuple[str, ...], before: datetime, held: Spared
) -> tuple[datetime | None, int]:
    """The oldest of what no hold keeps, and how many rows older than ``before`` one does."""
    oldest: list[datetime] = []
    kept = set[object]()
    for part in columns_of(place.history, table, (table.time, held.column, *columns)):
        said = part.filter(_says(columns))
        kept.update(said.filter(held.those() & (pl.col(table.time) < before))[held.column])
        found = said.filter(~held.those())[table.time].min()
        oldest += [found] if isinstance(found, datetime) else []
    return min(oldest, default=None), len(kept)


def _limit_answers(place: Place, before: datetime, held: Holding) -> int:
    spared = held.orders

    def change(order: WorkOrder) -> WorkOrder:
        if order.id in spared:
            return order
        return without_words(order) if order.events[-1].at < before and words_of(order) else order

    return place.outbox._inside.rewrite_orders(change)


def _limit_order_places(place: Place, before: datetime, held: Holding) -> int:
    """Place closed orders roughly, and delete what was sent about them, which tells their place."""
    outbox, closed, spared = place.outbox._inside, set[str](), held.orders

    def change(order: WorkOrder) -> WorkOrder:
        if order.state not in CLOSED or order.events[-1].at >= before or order.id in spared:
            return order  # somebody still has to find the place, or to say what was done there
        closed.add(order.id)
        return msgspec.structs.replace(order, job=roughly(order.job))

    changed = outbox.rewrite_orders(change)
    if closed:
        outbox.delete_messages(lambda message: message.order in closed)
    for path in sorted((place.city / "orders").rglob("*")):
        if path.is_file() and path.name.split(".", maxsplit=1)[0] in closed:
            path.unlink()
    return changed


def _limit_plan_places(place: Place, before: date) -> int:
    """Place the jobs of plans roughly whose days are over."""

    def change(plan: WorkPlan) -> WorkPlan:
        if plan.first_day + timedelta(days=plan.days) >= before:
            return plan
        return msgspec.structs.replace(plan, jobs=tuple(map(roughly, plan.jobs)))

    return place.registers._inside.rewrite("plan", WorkPlan, change)
