"""Opens the city that a power cut or a death left, and says what it lost or doubled."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sql
from tests.simulation.power_cut.city_life import DAYS, READINGS, START, reports
from tests.simulation.power_cut.disk_model import Tree

from cityward.city import City, open_city
from cityward.core.clock import Clock
from cityward.secure.merkle import leaf_hash, root_of
from cityward.store.history import HistoryReader
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS


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


def judge(folder: Path, told: Sequence[dict[str, Any]], hours: int = 50) -> list[str]:
    """Open the city in ``folder`` as after a restart; return what is wrong with it, empty when nothing is.

    Parameters
    ----------
    folder : pathlib.Path
        The city; it need not be there before it was acknowledged.
    told : sequence of dict
        Acknowledgements of `city_life`, of one life or of several.
    hours : int
        How many hours after the first life it is.
    """
    if not folder.exists() and not told:
        return []
    with open_city(folder, Clock.fixed(START)) as city:
        problems = list(_rows_lost(city, told))  # as a reader sees it, before anybody writes
    moment = Clock.fixed(START.replace(month=6, day=1, hour=hours % 24))
    with open_city(folder, moment) as city:
        with city.writing():
            pass  # what the last process left half done is finished here
        problems += _rows_lost(city, told)
        problems += _sums_wrong(city, told)
        problems += _ledger_wrong(city, told)
        problems += _records_lost(city, told)
        if (folder / "sources" / "streets.toml").exists():
            taken = city.take("streets", reports("after", 3, __import__("random").Random(1)))
            if taken.received != 3:
                problems.append("The city does not go on.")
    return problems


def _rows_lost(city: City, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    found = HistoryReader(city.folder.history, INTERACTIONS).scan().select("id").collect()["id"]
    values = HistoryReader(city.folder.history, OBSERVATIONS).scan().select("observed_at").collect()["observed_at"]
    for name, held in (("interactions", found), ("observations", values)):
        if held.n_unique() != held.len():
            yield f"{held.len() - held.n_unique()} rows of {name} are there twice."
    ids = {one for told_ in told if told_["kind"] == "rows" for one in told_["ids"]}
    if lost := ids - set(found):
        yield f"{len(lost)} acknowledged rows are lost, {min(lost)} among them."
    minutes = {
        told_["first"] + at for told_ in told if told_["kind"] == "readings" for at in range(told_["count"])
    }
    start = pl.Series([START]).dt.offset_by(f"{DAYS}d").item()
    there = {int(minute) for minute in ((values - start).dt.total_minutes()).to_list()}
    if missing := minutes - there:
        yield f"{len(missing)} acknowledged readings are lost, that of minute {min(missing)} among them."
    if there and max(there) >= READINGS * 10_000:
        yield "There are readings that nobody sent."


def _sums_wrong(city: City, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    total = city.conservation()
    if total["received"] != total["admitted"] + total["quarantined"] + total["refused"]:
        yield f"received is not the sum of its parts: {total}."
    held = sum(
        HistoryReader(city.folder.history, table).scan().select(pl.len()).collect().item()
        for table in (INTERACTIONS, OBSERVATIONS)
    )
    if total["added"] != held:
        yield f"{total['added']} rows were added by the registers, {held} are in history."
    acknowledged = sum(one.get("received", 0) for one in told)
    if total["received"] < acknowledged:
        yield f"{acknowledged} rows were acknowledged, the registers know of {total['received']}."
    quarantined = len({(row["origin"], row["row"], row["reason"]) for row in city.quarantine(100_000)})
    if total["quarantined"] and not quarantined:
        yield "Rows in quarantine are lost."
    refused = sum(one.rows for one in city.refusals())
    if refused < total["refused"]:
        yield f"{total['refused']} rows were refused, refusals tell of {refused}."


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
    receipts = sql.text("select id, entry from receipts")
    with city.registers._inside.engine.connect() as connection:
        for name, entry in connection.execute(receipts):
            if entry >= len(entries) or name not in str(entries[entry]["subject"]):
                yield f"The receipt of {name} is entry {entry}, which is not about it."


def _records_lost(city: City, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    decisions = {one.id for one in city.decisions()}
    for one in told:
        if one["kind"] == "mapping" and one["id"] not in city.mappings():
            yield f"The mapping {one['id']} is lost."
        if one["kind"] == "decision":
            if one["id"] not in decisions:
                yield f"The decision {one['id']} is lost."
            elif city.receipt_of(one["id"]) != one["entry"]:
                yield f"The receipt of {one['id']} is lost."
            elif not any(order.decision == one["id"] for order in city.orders.outbox.orders()):
                yield f"The orders of {one['id']} are lost."
    turns = [one["id"] for one in told if one["kind"] == "turn"]
    turn = city.turn()
    if turns and turn is None:
        yield f"The turn {turns[-1]} is lost."
    if turn is not None:
        where = city.folder.turns / turn.id
        for name in ("cube", "forecast", "outlook"):
            pl.read_parquet(where / f"{name}.parquet")
