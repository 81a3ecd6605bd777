"""The door inside: what a grant does not cover does not exist, and every look is noted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from tests.guard.granted import COARSE, FINE, fill, grant, keeper, rows

from cityward.core.errors import Refused
from cityward.guard.keeper import Keeper


@pytest.fixture
def kept(tmp_path: Path) -> Keeper:
    found, _ = keeper(tmp_path)
    fill(found, rows())
    return found


def read(tmp_path: Path, columns: tuple[str, ...] = COARSE, **changed: object) -> pl.DataFrame:
    found, _ = keeper(tmp_path, one=grant(**changed))
    return found.reading("reader-one", str(changed.get("purpose", "research"))).frame(columns)


def test_without_a_grant_nothing_is_read(kept: Keeper) -> None:
    with pytest.raises(Refused, match="No grant lets reader-one read interactions for 'research'"):
        kept.reading("reader-one", "research").frame(["service"])


def test_an_unknown_purpose_reads_nothing(kept: Keeper) -> None:
    with pytest.raises(Refused, match="is not a purpose"):
        kept.reading("reader-one", "curiosity").frame(["service"])


def test_a_grant_is_for_its_reader_and_purpose_alone(kept: Keeper, tmp_path: Path) -> None:
    found, _ = keeper(tmp_path, one=grant())
    assert found.reading("reader-one", "research").frame(["service"]).height == 4_000
    for reader, purpose in (("reader-two", "research"), ("reader-one", "audit")):
        with pytest.raises(Refused, match="No grant lets"):
            found.reading(reader, purpose).frame(["service"])


def test_a_field_that_is_held_and_one_that_never_was_are_refused_in_the_same_words(kept: Keeper, tmp_path) -> None:
    found, _ = keeper(tmp_path, one=grant(fields=["service"]))
    told = []
    for name in ("text", "nope"):
        with pytest.raises(Refused) as caught:
            found.reading("reader-one", "research").frame(["service", name])
        told.append(str(caught.value).replace(name, "…"))
    assert told[0] == told[1]


def test_rows_outside_of_the_grant_do_not_exist(kept: Keeper, tmp_path: Path) -> None:
    fine = {"time": "exact", "lawful_basis": "6(1)(e)", "fields": ["service", "territory", "occurred_at"]}
    since, until = date(2014, 5, 1), date(2014, 5, 31)
    columns = ("service", "territory", "occurred_at")
    found = read(tmp_path, columns, **fine, services=["light"], territories=["area-1"], since=since, until=until)
    days = found["occurred_at"].dt.convert_time_zone("America/Chicago").dt.date()
    assert found.height > 0
    assert set(found["service"]) == {"light"}
    assert set(found["territory"]) == {"area-1"}
    assert since <= days.min() <= days.max() <= until  # type: ignore[operator]
    whole = rows().with_columns(pl.col("occurred_at").dt.convert_time_zone("America/Chicago").dt.date().alias("day"))
    assert found.height == whole.filter(
        pl.col("day").is_between(since, until), service="light", territory="area-1"
    ).height  # fmt: skip


def test_a_reader_may_give_moments_in_the_zone_of_the_city(kept: Keeper, tmp_path: Path) -> None:
    found, _ = keeper(tmp_path, one=grant())
    reading, zone = found.reading("reader-one", "research"), ZoneInfo("America/Chicago")
    first, last = datetime(2014, 5, 1, tzinfo=zone), datetime(2014, 5, 31, 23, 59, tzinfo=zone)
    here = reading.frame(["service"], since=first, until=last)
    there = reading.frame(["service"], since=first.astimezone(UTC), until=last.astimezone(UTC))
    assert 0 < here.height == there.height < 4_000


def test_moments_and_places_are_as_coarse_as_granted(kept: Keeper, tmp_path: Path) -> None:
    found = read(tmp_path, ("occurred_at", "lon", "lat"), fields=["occurred_at", "lon", "lat"], space=500, time="day")
    local = found["occurred_at"].dt.convert_time_zone("America/Chicago")
    assert set(local.dt.hour()) == {0}
    metres = found.select(lat=pl.col("lat").unique().sort().diff().drop_nulls().min() * 111_320)["lat"].item()
    assert metres == pytest.approx(500, rel=0.01)
    assert found.select("lon", "lat").n_unique() < 60


def test_territories_become_groups(kept: Keeper, tmp_path: Path) -> None:
    assert set(read(tmp_path, ("territory",), fields=["territory"], space="group")["territory"]) == {"north", "south"}


def test_counts_add_up_to_the_rows(kept: Keeper, tmp_path: Path) -> None:
    found, _ = keeper(tmp_path, one=grant())
    counts = found.reading("reader-one", "research").counts(("service", "territory"))
    assert counts["rows"].sum() == 4_000
    assert counts.height == 20
    with pytest.raises(Refused, match="cannot be counted by"):
        found.reading("reader-one", "research").counts(("person",))


def test_each_look_is_a_receipt_without_values(tmp_path: Path) -> None:
    found, entries = keeper(tmp_path, one=grant())
    fill(found, rows(50, 5))
    seen = found.reading("reader-one", "research").frame(COARSE)
    with pytest.raises(Refused):
        found.reading("reader-one", "research").frame(["text"])
    granted, refused = (json.loads(entry) for entry in entries)
    assert granted["kind"] == "consult"
    assert granted["facts"]["rows"] == seen.height == 50
    assert granted["facts"]["fields"] == "service, territory, occurred_at, person"
    assert "does not cover" in refused["facts"]["refused"]
    for name in ("area-1", "light", *seen["person"].drop_nulls()):
        assert name not in b"".join(entries).decode()
    assert [one.refused != "" for one in found.consults()] == [True, False]


def test_a_program_that_does_not_write_leaves_its_receipts_to_the_next(tmp_path: Path) -> None:
    found, entries = keeper(tmp_path, one=grant())
    writing = found._inside.append
    object.__setattr__(found._inside, "append", lambda _: None)
    for _ in range(3):
        found.reading("reader-one", "research").frame(["service"])
    assert not entries
    object.__setattr__(found._inside, "append", writing)
    assert found.settle() == 3
    assert found.settle() == 0
    assert len(entries) == 3


def test_a_look_that_cannot_be_noted_shows_nothing(tmp_path: Path) -> None:
    found, _ = keeper(tmp_path, one=grant())

    def full(_: object) -> None:
        raise OSError("no space")

    object.__setattr__(found._inside, "append", full)
    with pytest.raises(OSError, match="no space"):
        found.reading("reader-one", "research").frame(["service"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"valid_until": date(2014, 6, 30)}, "it expired on 30 June 2014"),
        ({"valid_from": date(2014, 7, 2)}, "No grant lets"),
        ({"purpose": "research", "fields": ["service", "nope"]}, "have no field 'nope'"),
    ],
)
def test_a_grant_that_is_not_in_force_grants_nothing(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        read(tmp_path, ("service",), **changed)


def test_a_look_over_time_is_one_consult(kept: Keeper, tmp_path: Path) -> None:
    fields = [name for name in FINE if name != "person"]
    found, entries = keeper(tmp_path, one=grant(time="exact", fields=fields, space="exact", special_basis="9(2)(j)"))
    until = datetime(2014, 6, 1, tzinfo=UTC)
    look = found.reading("reader-one", "research").over(("service",), until=until)
    sizes = [look.known(until - timedelta(days=days)).height for days in (20, 10, 0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    assert len(entries) == 1
    with pytest.raises(Refused, match="was opened for"):
        look.known(until + timedelta(microseconds=1))
