"""A hold on evidence stands before retention and erasure, and both say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.city.test_persons import ANA, BEN, NOW, TEXT_OF_ANA, everything, held
from tests.city.test_persons import small_city as a_small_city

from cityward.city import City, open_city
from cityward.core.clock import Clock
from cityward.core.errors import Refused, StoreError
from cityward.guard import holds
from cityward.private.restrictions import RESTRICTIONS

small_city = a_small_city
OFFICER, HOLD = "Olga Officer", "Z-0000000001"


@pytest.fixture
def city(small_city: Path, tmp_path: Path) -> Iterator[City]:
    import shutil

    with open_city(shutil.copytree(small_city, tmp_path / "city"), Clock.fixed(NOW)) as opened:
        yield opened


def keep(city: City, *rows: str, name: str = HOLD) -> None:
    """Hold the reports with these numbers."""
    keys = held(city).filter(pl.col("id").is_in(rows))["key"]
    assert keys.len() == len(rows)
    holds.hold(city.folder.history, name, [], [], keys)


def test_erasure_spares_what_is_held_says_so_and_finishes_later(city: City) -> None:
    who = city.persons.by_identifier(ANA)
    keep(city, "L-00004", "L-00001")
    with pytest.raises(Refused, match=r"All was erased but 1 reports and 0 orders.*17\(3\)\(e\)") as refused:
        city.persons.erase(who, OFFICER)
    assert ANA not in str(refused.value)
    (request,) = city.persons.requests(only_open=True)
    assert request.counts["held_interactions"] == 1
    assert request.counts["interactions"] == 9
    left = held(city).filter(pl.col("person") == who.pseudonyms["lamps"])
    assert left["id"].to_list() == ["L-00004"]
    # Meanwhile nothing reads it but what serves legal claims.
    assert city.persons.by_identifier(ANA).pseudonyms == who.pseudonyms
    seen = city.read("cityward-replay", "need-detection").frame(("occurred_at",))
    assert seen.height == held(city).height - 1
    city.close()
    holds.let_go(city.folder.history, HOLD)
    done = city.persons.erase(city.persons.by_identifier(ANA), OFFICER)
    assert (done.id, done.state, done.subject) == (request.id, "done", None)
    assert not [name for name in done.counts if name.startswith("held")]
    city.close()
    after = everything(city.path)
    assert [one for one in (ANA, who.pseudonyms["lamps"], TEXT_OF_ANA) if one.encode() in after] == []


def test_others_are_erased_as_ever(city: City) -> None:
    keep(city, "L-00004")
    assert city.persons.erase(city.persons.by_identifier(BEN), OFFICER).state == "done"


def test_what_two_hold_stays_until_both_let_go(city: City) -> None:
    keep(city, "L-00004")
    keep(city, "L-00004", "L-00008", name="Z-0000000002")
    holds.let_go(city.folder.history, HOLD)
    now = holds.holding(city.folder.history)
    assert now.interactions.len() == 2
    assert now.by(keys=now.interactions.to_list()) == ["Z-0000000002"]
    holds.let_go(city.folder.history, "Z-0000000002")
    assert holds.holding(city.folder.history).interactions.is_empty()


@pytest.mark.parametrize(("limit", "column"), [("interactions", "id"), ("free_text", "text"), ("location", "address")])
def test_retention_spares_what_is_held_and_counts_it(city: City, limit: str, column: str) -> None:
    keep(city, "L-00000")
    toml = city.path / "city.toml"
    toml.write_text(f"{toml.read_text('utf-8')}\n[retention]\n{limit} = 10\n", encoding="utf-8")
    city.close()
    with open_city(city.path, Clock.fixed(NOW + timedelta(days=400))) as later:
        done = later.persons.retain()
        assert done is not None
        assert done.held == {limit: 1}
        assert done.oldest[limit] == "nothing is left"
        assert held(later).filter(pl.col(column).is_not_null())["id"].to_list() == ["L-00000"]
        (entry,) = later.ledger_entries(done.receipt or 0, 1)
        assert entry["facts"][f"held_{limit}"] == 1


def test_a_damaged_list_deletes_nothing(city: City) -> None:
    keep(city, "L-00004")
    before = held(city)
    (city.folder.history / "holds.parquet").write_bytes(b"nothing")
    city.close()
    with pytest.raises(StoreError, match="list of holds is damaged"):
        city.persons.erase(city.persons.by_identifier(ANA), OFFICER)
    city.close()
    assert held(city).equals(before)


def test_a_restriction_leaves_liability_to_be_read() -> None:
    from cityward.private.restrictions import without

    rows = pl.LazyFrame({"source": ["a"], "person": ["p"]})
    gone = pl.DataFrame([("a", "p", "restriction")], schema=RESTRICTIONS, orient="row")
    assert without(rows, gone, "liability").collect().height == 1
    assert without(rows, gone, "forecasting").collect().height == 0
