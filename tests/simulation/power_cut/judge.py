"""Opens the city that a power cut or a death left, and says what it lost or doubled."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sql
from tests.simulation.power_cut.city_life import DAYS, START, reports
from tests.simulation.power_cut.disk_model import Tree

from cityward.city import City, open_city
from cityward.core.clock import Clock
from cityward.secure.merkle import leaf_hash, root_of
from cityward.store.history import HistoryReader
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS

LATER = START + timedelta(days=2 * DAYS)
"""After every life that is judged."""


@contextmanager
def laid_out(tree: Tree, folder: Path) -> Iterator[Path]:
    """``tree`` as files in ``folder``, which is removed afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, content in sorted(tree.items()):
        target = folder / path
        if content is None:
            target.mkdir(mode=0o700)
        elif not path.endswith("-shm"):  # SQLite makes its index anew: it was never on the disk
            target.write_bytes(content)
            target.chmod(0o600)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judge(folder: Path, told: Sequence[dict[str, Any]], *, closely: bool = True) -> list[str]:
    """Open the city in ``folder`` as after a restart; return what is wrong with it, empty when nothing is.

    Parameters
    ----------
    folder : pathlib.Path
        The city; it need not be there before it was acknowledged.
    told : sequence of dict
        Acknowledgements of `city_life`, of one life or of several.
    closely : bool
        Look before it is opened for writing too, and see that it goes on.
    """
    if not folder.exists() and not told:
        return []
    problems: list[str] = []
    if closely:
        with open_city(folder, Clock.fixed(LATER)) as city:
            problems += _rows_lost(_rows(city), told)  # as a reader sees it, before anybody writes
    with open_city(folder, Clock.fixed(LATER)) as city:
        with city.writing():
            city.writable_ledger()  # what the last process left half done is finished here
        rows = _rows(city)
        problems += _rows_lost(rows, told)
        problems += _sums_wrong(city, sum(held.len() for held in rows), told)
        problems += _ledger_wrong(city, told)
        problems += _records_lost(city, told)
        if closely and "streets" in {one.get("id") for one in told}:
            taken = city.take("streets", reports("after", 3, random.Random(1)))
            if taken.received != 3:
                problems.append("The city does not go on.")
    return problems


def _rows(city: City) -> tuple[pl.Series, pl.Series]:
    """Identifiers of the reports, and minutes of the readings."""
    history, first = city.folder.history, START + timedelta(days=DAYS - 1)
    reported = HistoryReader(history, INTERACTIONS).scan().select("id").collect()["id"]
    read = HistoryReader(history, OBSERVATIONS).scan().select((pl.col("observed_at") - first).dt.total_minutes())
    return reported, read.collect().to_series()


def _rows_lost(rows: tuple[pl.Series, pl.Series], told: Sequence[dict[str, Any]]) -> Iterator[str]:
    reported, minutes = rows
    for name, held in (("reports", reported), ("readings", minutes)):
        if held.n_unique() != held.len():
            yield f"{held.len() - held.n_unique()} {name} are there twice."
    if lost := {name for one in told if one["kind"] == "rows" for name in one["ids"]} - set(reported):
        yield f"{len(lost)} acknowledged reports are lost, {min(lost)} among them."
    read = (range(one["first"], one["first"] + one["count"]) for one in told if one["kind"] == "readings")
    if missing := {minute for some in read for minute in some} - set(minutes):
        yield f"{len(missing)} acknowledged readings are lost, that of minute {min(missing)} among them."


def _sums_wrong(city: City, held: int, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    total = city.conservation()
    if total["received"] != total["admitted"] + total["quarantined"] + total["refused"]:
        yield f"received is not the sum of its parts: {total}."
    if total["added"] != held:
        yield f"{total['added']} rows were added by the registers, {held} are in history."
    acknowledged = sum(one.get("received", 0) for one in told)
    if total["received"] < acknowledged:
        yield f"{acknowledged} rows were acknowledged, the registers know of {total['received']}."
    ((quarantined,),) = _asked(city, "select count(*) from quarantine")
    if quarantined < total["quarantined"]:
        yield f"{total['quarantined']} rows went into quarantine, {quarantined} are there."
    refused = sum(one.rows for one in city.refusals())
    if refused < total["refused"]:
        yield f"{total['refused']} rows were refused, refusals tell of {refused}."


def _asked(city: City, query: str) -> list[Any]:
    with city.registers._inside.engine.connect() as connection:
        return list(connection.execute(sql.text(query)))


def _ledger_wrong(city: City, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    verified = city.verify()
    if not verified.ok:
        yield verified.message
        return
    leaves = [leaf_hash(entry) for entry in city._reading_ledger().entries(0, city.ledger_size)]
    for size, root in {tuple(one["ledger"]) for one in told if "ledger" in one}:
        if size > len(leaves):
            yield f"The ledger was acknowledged with {size} entries and has {len(leaves)}."
        elif size and base64.b64decode(root) != root_of(leaves[:size]):
            yield f"The first {size} entries of the ledger are not those that were acknowledged."
    entries = city.ledger_entries(0, len(leaves))
    for name, entry in _asked(city, "select id, entry from receipts"):
        if entry >= len(entries) or name not in str(entries[entry]["subject"]):
            yield f"The receipt of {name} is entry {entry}, which is not about it."


def _records_lost(city: City, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    mappings = city.mappings()
    for one in told:
        if one["kind"] == "mapping" and one["id"] not in mappings:
            yield f"The mapping {one['id']} is lost."
        if one["kind"] == "decision":
            if one["id"] not in {decision.id for decision in city.decisions()}:
                yield f"The decision {one['id']} is lost."
            elif city.receipt_of(one["id"]) != one["entry"]:
                yield f"The receipt of {one['id']} is lost."
            elif not any(order.decision == one["id"] for order in city.orders.outbox.orders()):
                yield f"The orders of {one['id']} are lost."
    turn = city.turn()
    if turn is None and any(one["kind"] == "turn" for one in told):
        yield "The turn is lost."
    if turn is not None:
        for name in ("cube", "forecast", "outlook"):
            pl.read_parquet(city.folder.turns / turn.id / f"{name}.parquet")
