"""Retention: what was kept for long enough goes on time, and the receipt proves it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.approved import give as give_out

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.identifiers import make_id
from cityward.core.work import Job, WorkPlan
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


# -- places --------------------------------------------------------------------------------------------

PLACED = MAPPING.replace('address = "street"', 'address = "street"\nlon = "lon"\nlat = "lat"')
WHERE = (-87.7712345, 41.7823456)
"""A point that nothing else has, in every file that may hold it as text or as bytes."""


def everywhere(folder: Path) -> list[str]:
    """Files that hold a coordinate of `WHERE`, as text or number, in the clear or in columns."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        marks = [form for value in WHERE for form in (str(value).encode(), struct.pack("<d", value), b"%.4f" % value)]
        columns = pl.read_parquet(path, hive_partitioning=False) if path.suffix == ".parquet" else pl.DataFrame()
        held = [name for name in ("lon", "lat") if name in columns.columns and columns[name].is_in(list(WHERE)).any()]
        if held or any(mark in data for mark in marks):
            found.append(str(path.relative_to(folder)))
    return found


JOB = Job(
    id=make_id("job", "N-0123456789", "64"), about="N-0123456789", service="Street light", title="Mend",
    territory="64", lon=WHERE[0], lat=WHERE[1], minutes=20, skill="general", waiting_since=date(2014, 4, 1),
)  # fmt: skip


def plan_of(made_on: date) -> WorkPlan:
    return WorkPlan(
        id="L-0000000001", made_on=made_on, first_day=made_on, days=5, way="least waiting", floor=None, jobs=(JOB,),
        crews=(), visits=(), unplanned=(), objective=1.0, bound=None, gap=None, waiting_days=1.0, travel_minutes=0,
        tours=0, exact_tours=0, groups=(),
    )  # fmt: skip


def closed_order(city: City) -> str:
    """An order for the place, sent, done and confirmed."""
    (order,) = give_out(city, [JOB])
    city.orders.dispatch()
    for state in ("done", "confirmed"):
        by = "Ben Okoro" if state == "done" else "Ana Gómez"
        city.orders.report(order.id, state, by, "I looked at it myself")
    return order.id


def test_after_its_days_no_place_is_held_precisely_and_counts_by_territory_stay(
    limited: Callable[..., City], tmp_path: Path
) -> None:
    (tmp_path / "placed.toml").write_text(PLACED.replace('"lamps"', '"placed"'), encoding="utf-8")
    ROWS.with_columns(lon=pl.lit(WHERE[0]), lat=pl.lit(WHERE[1])).write_csv(tmp_path / "placed.csv")
    send = '\n[[send]]\nname = "crews"\nadapter = "csv"\n'
    city = limited(f"location = 400{send}")
    city.sense(tmp_path / "placed.csv", city.add_mapping(tmp_path / "placed.toml"))
    order = closed_order(city)
    city.registers.put("plan", [plan_of(date(2014, 7, 1))], update=("body",))
    city.persons.retain()
    before = rows(city).group_by("territory").len().sort("territory")
    city.close()
    held = everywhere(city.path)
    assert any(name.startswith("history/") for name in held)
    assert any(name.startswith("registers") for name in held)
    assert any(name.startswith("orders/") for name in held)

    late = limited(f"location = 400{send}", days=500)
    done = late.persons.retain()
    assert done
    assert [done.deleted[name] for name in ("location", "order_places", "plan_places")] == [60, 1, 1]
    assert done.oldest["location"] == "nothing is left"
    after = late.orders.get(order).job
    assert (after.lon, after.lat, after.territory) == (-87.77, 41.78, "64")
    assert late.orders.outbox.messages() == []
    assert rows(late).group_by("territory").len().sort("territory").equals(before)
    assert rows(late).select("lon", "lat", "address").null_count().row(0) == (60, 60, 60)
    late.close()
    assert everywhere(late.path) == []


def test_the_place_of_work_that_is_not_closed_is_kept(limited: Callable[..., City]) -> None:
    city = limited("location = 400")
    order = closed_order(city)
    city.orders.report(order, "reopened", "Ana Gómez", "It is dark again")
    city.close()
    late = limited("location = 400", days=500)
    done = late.persons.retain()
    assert done
    assert done.deleted["order_places"] == 0
    assert late.orders.get(order).job.lon == WHERE[0]
