"""What a need counts can be named and checked; what became of a need that rests is told everywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from cityward.api.app import create_app
from cityward.city import City, open_city
from cityward.city.turn import HISTORY_COLUMNS, tell_apart
from cityward.cli.main import group
from cityward.core.clock import end_of_day
from cityward.core.errors import Refused, StoreError
from cityward.core.records import Need, from_json
from cityward.know.evidence import evidence_digest


@pytest.fixture(scope="module")
def rested(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The demonstration city a month after its turn."""
    copy = tmp_path_factory.mktemp("rested") / "city"
    shutil.copytree(demo_folder, copy)
    with open_city(copy) as city:
        city.run(as_of=city.turn().as_of + timedelta(days=31))  # type: ignore[union-attr]
        yield city


def test_every_need_names_as_many_reports_as_it_counts(demo_copy: City) -> None:
    for need in demo_copy.need_list():
        found = demo_copy.evidence.of(need.id, limit=1000)
        assert need.observed == need.evidence_count == found.count == found.present == len(found.items)
        assert found.changed == 0
        assert {item.territory for item in found.items} <= set(need.territories)
        assert all(need.starts <= item.day <= need.ends for item in found.items)
        pages = [demo_copy.evidence.of(need.id, 7, at).items for at in range(0, found.count, 7)]
        assert tuple(item for page in pages for item in page) == found.items


def test_the_digest_can_be_computed_again_from_history(demo_copy: City) -> None:
    need, zone = demo_copy.need_list()[0], demo_copy.time_zone
    known = demo_copy.read("cityward-turn", "incident-recognition").frame(
        HISTORY_COLUMNS,
        as_of=end_of_day(demo_copy.turn().as_of, zone),  # type: ignore[union-attr]
    )
    days = known.with_columns(day=pl.col("occurred_at").dt.convert_time_zone(zone).dt.date())
    reports, _ = tell_apart(days, demo_copy.settings)
    rows = reports.filter(
        "first_report",
        pl.col("territory").is_in(need.territories),
        pl.col("day").is_between(need.starts, need.ends),
        pl.lit(need.service == "all services") | (pl.col("service") == need.service),
    )
    assert evidence_digest(rows) == need.evidence_sha256
    assert evidence_digest(rows.sample(fraction=1.0, shuffle=True, seed=1)) == need.evidence_sha256
    assert evidence_digest(rows.tail(-1)) != need.evidence_sha256


def test_a_list_that_was_changed_is_not_shown(demo_copy: City) -> None:
    need = demo_copy.need_list()[0]
    path = demo_copy.folder.turns / "evidence" / f"{need.evidence_sha256}.parquet"
    pl.read_parquet(path).tail(-1).write_parquet(path)
    with pytest.raises(StoreError, match="lost or was changed"):
        demo_copy.evidence.of(need.id)
    path.unlink()
    with pytest.raises(StoreError, match="lost or was changed"):
        demo_copy.evidence.of(need.id)


def test_the_purpose_covers_nothing_of_a_person(demo_copy: City) -> None:
    for column in ("person", "text", "address", "lon", "lat"):
        with pytest.raises(Refused):
            demo_copy.read("cityward-evidence", "need-evidence").frame((column,))


def test_page_command_and_api_name_the_reports(demo_copy: City) -> None:
    need = demo_copy.need_list()[0]
    first = demo_copy.evidence.of(need.id, 1).items[0]
    assert first.id in dict(demo_copy.explain(need.id).evidence)["reports counted"]
    client = TestClient(create_app(demo_copy))
    told = client.get(f"/api/needs/{need.id}/evidence", params={"limit": 3}).json()
    assert (len(told["items"]), told["count"], told["sha256"]) == (3, need.observed, need.evidence_sha256)
    assert client.get("/api/needs/N-0000000000/evidence").status_code == 404
    demo_copy.close()
    done = CliRunner().invoke(group, ["explain", need.id, "--city", str(demo_copy.path)], catch_exceptions=False)
    assert first.id in done.stdout
    assert need.evidence_sha256 in done.stdout


def test_a_need_that_rests_is_told_in_its_present_state(rested: City) -> None:
    turn = rested.turn()
    assert turn is not None
    assert turn.resting
    for need in turn.resting:
        assert need.state in ("fading", "answered", "closed")
        assert rested.need(need.id) == need
        assert rested.receipt_of(need.id) is not None
        entry = rested.ledger_entries(rested.receipt_of(need.id) or 0, 1)[0]
        assert entry["facts"]["turn"] == turn.id
        assert need.state in dict(rested.explain(need.id).evidence)["state"]
    client = TestClient(create_app(rested))
    one = turn.resting[0]
    assert from_json(client.get(f"/api/needs/{one.id}").content, Need) == one


def test_a_need_of_before_there_was_evidence_is_still_told(demo_copy: City) -> None:
    old = msgspec.structs.replace(demo_copy.need_list()[0], id="N-00000000aa", evidence_count=0, evidence_sha256="")
    demo_copy.registers.put_findings([old], [], [])
    assert demo_copy.evidence.of(old.id).items == ()
    assert "reports counted" not in dict(demo_copy.explain(old.id).evidence)
    assert old.ends > date(2000, 1, 1)
