"""A clock that runs backwards between two intakes: nothing is lost, order is kept, and the city still answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cityward.city import init, open_city
from cityward.core.clock import Clock, end_of_day
from cityward.store.history import HistoryReader

NOON = datetime(2014, 6, 30, 12, tzinfo=UTC)
BACK = {
    "an hour": timedelta(hours=1),
    "a year": timedelta(days=365),
    "to the epoch": NOON - datetime(1970, 1, 1, tzinfo=UTC),
}


class Watch:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def clock(self) -> Clock:
        return Clock(lambda: self.now)


@pytest.fixture
def folder(tmp_path: Path, chicago: Path) -> Path:
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    (folder / "sources" / "s.toml").write_text(
        'source = "s"\nkind = "complaint"\ndomain = "environment"\ntime_zone = "UTC"\n'
        '[columns]\nid = "id"\noccurred_at = "opened"\nclosed_at = "closed"\nstatus = "status"\n'
        'lon = "lon"\nlat = "lat"\n'
        '[status]\nopen = ["o"]\nclosed = ["c"]\n[service]\ndefault = "Report"\n',
        encoding="utf-8",
    )
    return folder


def line(identifier: str, opened: str, closed: str | None = None) -> bytes:
    row = {"id": identifier, "opened": opened, "closed": closed, "status": "c" if closed else "o"}
    return (json.dumps({**row, "lon": -87.65, "lat": 41.85}) + "\n").encode()


def take(folder: Path, watch: Watch, *bodies: bytes) -> None:
    """One process: opens the city, takes messages, and closes it."""
    with open_city(folder, watch.clock()) as city:
        for body in bodies:
            intake = city.take("s", body)
            assert (intake.received, intake.quarantined) == (1, 0)


def history(folder: Path, as_of: datetime | None = None) -> pl.DataFrame:
    return HistoryReader(folder / "history").scan(as_of).collect().sort("sequence")


@pytest.mark.parametrize("step", BACK.values(), ids=BACK)
def test_nothing_is_lost_and_the_last_version_wins(folder: Path, step: timedelta) -> None:
    """A revision that comes later is later, whatever the clock says."""
    watch = Watch(NOON)
    day = str(date(1970, 1, 1))  # old enough for every clock here: a stamp from the future waits in quarantine
    take(folder, watch, line("a", day), line("b", day))
    watch.now = NOON - step
    take(folder, watch, line("a", day, closed="1970-01-02"), line("c", day))
    watch.now = NOON + timedelta(days=1)
    take(folder, watch, line("d", day))
    rows = history(folder)
    assert rows["id"].to_list() == ["b", "a", "c", "d"]
    assert rows["sequence"].to_list() == [1, 2, 3, 4]
    assert rows.filter(id="a")["status"].item() == "closed"
    with open_city(folder, watch.clock()) as city:
        total = city.conservation()
        assert (total["received"], total["added"], total["revised"]) == (5, 4, 1)
        assert len({intake.batch for intake in city.intakes()}) == 5


def test_within_a_process_time_stands_still(folder: Path) -> None:
    watch = Watch(NOON)
    with open_city(folder, watch.clock()) as city:
        for at in range(3):
            city.take("s", line(f"r-{at}", "2014-06-29"))
            watch.now = NOON - timedelta(hours=at)
        assert city.conservation()["added"] == 3
        assert {intake.received_at for intake in city.intakes()} == {NOON}
    assert history(folder)["id"].to_list() == ["r-0", "r-1", "r-2"]


def test_as_of_answers_and_the_ledger_verifies(folder: Path) -> None:
    watch = Watch(NOON)
    days = [str(date(2014, 1, 1) + timedelta(days=at)) for at in range(0, 150, 3)]
    take(folder, watch, *(line(f"r-{at}", day) for at, day in enumerate(days)))
    with open_city(folder, watch.clock()) as city:
        first = city.run(as_of=date(2014, 3, 31))
    watch.now = NOON - timedelta(days=20)
    take(folder, watch, *(line(f"r-{at}", day, closed=day) for at, day in enumerate(days[:10])))
    with open_city(folder, watch.clock()) as city:
        assert city.run(as_of=date(2014, 3, 31)).interactions == first.interactions == 30
        # The clock says 10 June, the data ends before it: the turn is as of the last day heard of.
        assert city.run().as_of == date.fromisoformat(days[-1])
        entries = city.ledger_entries(0, 200)
        assert [entry["index"] for entry in entries] == list(range(city.ledger_size))
        stamps = [entry["at"] for entry in entries]
        assert stamps != sorted(stamps)  # it did run backwards, and order is that of the entries
        assert city.verify().ok, city.verify().message
    seen = history(folder, end_of_day(date(2014, 1, 4)))
    assert seen["id"].to_list() == ["r-0", "r-1"]


def test_a_stamp_from_the_future_waits_and_is_taken_when_the_clock_is_right(folder: Path) -> None:
    """A clock far behind sees good rows as slips: they are in quarantine, not lost, and come in again."""
    watch = Watch(NOON - timedelta(days=365))
    with open_city(folder, watch.clock()) as city:
        assert city.take("s", line("a", "2014-06-29")).quarantined == 1
        assert city.conservation()["received"] == 1
    watch.now = NOON
    take(folder, watch, line("a", "2014-06-29"))
    assert history(folder)["id"].to_list() == ["a"]


def test_a_clock_that_stands_still_counts_every_batch(folder: Path) -> None:
    watch = Watch(NOON)
    take(folder, watch, line("1", "2014-06-29"), line("1", "2014-06-29"))
    take(folder, watch, line("1", "2014-06-29"))
    with open_city(folder, watch.clock()) as city:
        sums = city.conservation()
    assert (sums["received"], sums["repeated"]) == (3, 2)
