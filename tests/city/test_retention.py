"""Retention: what was kept for long enough goes on time, and the receipt proves it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.store.history import HistoryReader

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\n[columns]\nid = "number"\n'
    'occurred_at = "created"\nservice = "type"\naddress = "street"\ntext = "words"\nperson = "mail"\n'
)
ROWS = pl.DataFrame(
    {
        "number": [f"L-{at}" for at in range(30)],
        "created": [f"2014-{4 + at // 10:02}-{1 + at % 10:02}" for at in range(30)],
        "type": ["Street light"] * 30,
        "street": ["4853 S WOOD ST"] * 30,
        "words": [f"the lamp is dark, number {at}" for at in range(30)],
        "mail": [f"p{at}@example.org" for at in range(30)],
    }
)


@pytest.fixture
def limited(tmp_path: Path, chicago: Path) -> Iterator[Callable[[str], City]]:
    folder = init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    (tmp_path / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    ROWS.write_csv(tmp_path / "lamps.csv")
    ROWS.head(3).with_columns(created=pl.lit("never")).write_csv(tmp_path / "broken.csv")
    with open_city(folder, Clock.fixed(NOW)) as city:
        mapping = city.add_mapping(tmp_path / "lamps.toml")
        city.sense(tmp_path / "lamps.csv", mapping)
        city.sense(tmp_path / "broken.csv", mapping)
    base = (folder / "city.toml").read_text(encoding="utf-8")
    opened: list[City] = []

    def make(toml: str, days: int = 0) -> City:
        (folder / "city.toml").write_text(f"{base}\n[retention]\n{toml}\n", encoding="utf-8")
        opened.append(open_city(folder, Clock.fixed(NOW + timedelta(days=days))))
        return opened[-1]

    yield make
    for city in opened:
        city.close()
    shutil.rmtree(folder)


def rows(city: City) -> pl.DataFrame:
    return HistoryReader(city.folder.history).scan().collect()


def test_old_rows_go_and_the_receipt_tells_the_oldest_left(limited: Callable[..., City]) -> None:
    city = limited("interactions = 40")
    done = city.persons.retain()
    assert done
    assert done.deleted == {"interactions": 20, "quarantine": 0}
    assert done.oldest["interactions"] == "2014-06-01"
    assert rows(city)["occurred_at"].min() == datetime(2014, 6, 1, tzinfo=UTC)
    files = list((city.folder.history / "interactions").rglob("*.parquet"))
    assert {path.parent.name for path in files} == {"month=2014-06"}
    (entry,) = city.ledger_entries(done.receipt or 0, 1)
    assert (entry["facts"]["deleted_interactions"], entry["facts"]["oldest_interactions"]) == (20, "2014-06-01")
    assert city.verify().ok


def test_a_column_of_a_class_is_emptied_and_the_row_stays(limited: Callable[..., City], tmp_path: Path) -> None:
    city = limited("free_text = 26\npersonal = 85")
    done = city.persons.retain()
    assert done
    assert done.deleted == {"personal": 7, "free_text": 25, "quarantine": 0}
    assert rows(city).height == 30
    assert rows(city)["text"].null_count() == 25
    assert rows(city)["person"].null_count() == 7
    city.close()
    stored = b"".join(
        pl.read_parquet(path, hive_partitioning=False).write_ndjson().encode()
        for path in (city.folder.history / "interactions").rglob("*.parquet")
    )
    assert (b"number 0" in stored, b"number 29" in stored) == (False, True)
    (intake,) = city.sense(tmp_path / "lamps.csv", city.mappings()["lamps"])
    assert intake.repeated == 30
    assert rows(city)["text"].null_count() == 25


def test_rows_in_quarantine_go_after_their_days(limited: Callable[..., City]) -> None:
    first = limited("quarantine = 10")
    first.persons.retain()
    assert len(first.quarantine()) == 3
    first.close()
    early = limited("quarantine = 10", 9)
    early.persons.retain()
    assert len(early.quarantine()) == 3
    early.close()
    late = limited("quarantine = 10", 10)
    done = late.persons.retain()
    assert done
    assert done.deleted["quarantine"] == 3
    assert late.quarantine() == []
    assert [one.deleted["quarantine"] for one in late.persons.retentions()] == [0, 0, 3]


def test_nothing_but_quarantine_is_limited_unless_the_city_says_so(limited: Callable[..., City]) -> None:
    city = limited("")
    done = city.persons.retain()
    assert done
    assert done.limits == {"quarantine": 365}
    assert rows(city).height == 30
