"""Audits in a city: kept with a receipt, a system that the gate stopped decides nothing, cases are audited by area."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from tests.city.deciding import CASES, RULE, TREES, decided, small_city

from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.gate import Gate, band_of, judge
from cityward.answerable.audit.kept import KeptAudit, kept_audit, read_kept, written
from cityward.answerable.audit.report import Audit
from cityward.answerable.audit.rows import Request
from cityward.api import create_app
from cityward.city import City, open_city
from cityward.city.auditing import GATE, audit_of_cases, keep_audit, table_of_decisions, with_areas
from cityward.cli.main import group
from cityward.console import mount_console
from cityward.core.clock import rng
from cityward.core.errors import Refused, UnknownId, UserError

SYSTEM = "cityward-need-scan"
BY = "Ana Gómez"


def audited(wrong: float, seed: int) -> Audit:
    random = rng(seed, "city audit")
    y = random.random(2_000) < 0.4
    p = random.random(2_000) < [0.7 if one else wrong for one in y]
    table = pl.DataFrame({"g": ["a", "b"] * 1_000, "p": p, "y": y})
    return examine(table, Request(groups=("g",), prediction="p", outcome="y"))


@pytest.fixture
def city(plain_city: Path, tmp_path: Path, watch) -> Iterator[City]:
    with open_city(shutil.copytree(plain_city, tmp_path / "city"), watch.clock()) as city:
        yield city


def drifted() -> tuple[Audit, Gate]:
    live = audited(0.6, 2)
    return live, judge(band_of(audited(0.2, 1)), live)


def test_an_audit_is_kept_and_the_gate_suspends(city: City) -> None:
    kept = keep_audit(city, SYSTEM, audited(0.2, 1), None, BY)
    assert [one.what for one in kept] == ["audited"]
    figures = read_kept(kept[0].note)
    assert isinstance(figures, KeptAudit)
    assert [one.group for one in figures.groups] == [(), ("a",), ("b",)]
    assert figures.groups[1].rates["false_positive_rate"].out_of > 500
    assert city.systems.answering(SYSTEM)[0] is not None

    live, gate = drifted()
    kept = keep_audit(city, SYSTEM, live, gate, BY)
    assert [(one.what, one.by) for one in kept] == [("audited", BY), ("suspended", GATE)]
    assert kept[1].because.startswith("Suspend the system: false positives")
    with pytest.raises(Refused, match="is suspended; nothing is decided") as refused:
        city.systems.answering(SYSTEM)
    assert refused.value.rule == "register-of-systems 3"
    assert [one.what for one in keep_audit(city, SYSTEM, live, gate, BY)] == ["audited"]  # it is suspended already
    assert city.verify().ok


def test_a_person_resumes_it_with_a_reason(city: City) -> None:
    keep_audit(city, SYSTEM, *drifted(), BY)
    with pytest.raises(UserError, match="Why"):
        city.systems.resume(SYSTEM, BY, "ok")
    city.systems.approve(SYSTEM, BY, "Read it line by line.")
    with pytest.raises(Refused, match="suspended"):  # an approval is no answer to why it was stopped
        city.systems.answering(SYSTEM)
    city.systems.resume(SYSTEM, BY, "The wrong address file was replaced.")
    assert city.systems.answering(SYSTEM)[0] is not None
    with pytest.raises(UserError, match="is not suspended"):
        city.systems.resume(SYSTEM, BY, "The wrong address file was replaced.")


def test_a_suspension_that_a_hand_writes_away_stands(city: City) -> None:
    keep_audit(city, SYSTEM, *drifted(), BY)
    events = [one for one in city.systems.events() if one.what == "suspended"]
    assert len(events) == 1
    assert city.systems.get(SYSTEM).suspended == events[0]


def page(city: City, identifier: str, rate: str = "") -> str:
    app = create_app(city)
    mount_console(app, city)
    answer = TestClient(app).get(f"/systems/{SYSTEM}/audits/{identifier}", params={"rate": rate})
    assert answer.status_code == 200
    return str(answer.text)


def test_an_improbable_improvement_alarms_on_the_page_and_suspends_nothing(city: City) -> None:
    live = audited(0.02, 2)
    (kept,) = keep_audit(city, SYSTEM, live, judge(band_of(audited(0.2, 1)), live), BY)
    assert kept.because.startswith("Alarm: improbably few errors: false positives")
    assert city.systems.answering(SYSTEM)[0] is not None
    told = page(city, kept.id, "false_positive_rate")
    assert "<h1>Alarm: improbably few errors</h1>" in told
    assert "improbably low" in told
    assert "at an unknown time" in told  # this band was made without a clock


def test_what_is_not_in_the_data_is_told_with_its_bounds_and_few_people_without_figures(city: City) -> None:
    random = rng(3, "page")
    p = random.random(900) < 0.4
    y = [bool(one) if picked else None for one, picked in zip(random.random(900) < 0.5, p, strict=True)]
    table = pl.DataFrame({"g": ["<b>few</b>"] * 5 + ["many"] * 895, "p": p, "y": y})
    (kept,) = keep_audit(city, SYSTEM, examine(table, Request(groups=("g",), prediction="p", outcome="y")), None, BY)
    told = page(city, kept.id, "false_negative_rate")
    assert "<h1>How often it is wrong is not in the data</h1>" in told
    assert "The outcome is known for the selected alone" in told
    assert "whatever is true of the others" in told
    assert "named and not told: &lt;b&gt;few&lt;/b&gt; (5)" in told
    assert "selected" in page(city, kept.id)


def test_decisions_are_audited_by_the_version_of_the_rule_that_decided(tmp_path: Path) -> None:
    home, _ = small_city(tmp_path)
    file = home / "rules" / "fell-a-tree.toml"
    later = RULE.replace('version = "2"', 'version = "3"').replace("2014-01-01", "2015-01-01")
    (home / "rules" / "fell-a-tree-3.toml").write_text(later, encoding="utf-8")
    file.write_text(RULE.replace("valid_from = 2014-01-01", "valid_from = 2014-01-01\nvalid_until = 2014-12-31"))
    with open_city(home) as city:
        decided(city, CASES.with_columns(pl.col("case") + " again"))
        table = table_of_decisions(city, TREES)
        assert sorted(table["rule version"]) == ["fell-a-tree 2"] * 4 + ["fell-a-tree 3"] * 4
        assert table["decided"].null_count() == 1  # tree 4 waits
        with pytest.raises(UserError, match="Nothing was decided"):
            table_of_decisions(city, SYSTEM)
    came = tmp_path / "came.csv"
    came.write_text("tree,fell\ntree 1,yes\ntree 3,no\n")
    arguments = ["audit", "decisions", TREES, "--positive", "allow", "--join", str(came), "--on", "tree"]
    done = CliRunner().invoke(group, [*arguments, "--outcome", "fell", "--city", str(home), "--by", BY, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["rows"] == 8
    assert found["left_out"] == {"without outcome": 6, "without prediction": 1}
    assert {one["group"][0] for one in found["groups"]} == {"fell-a-tree 2", "fell-a-tree 3"}


def test_many_groups_and_older_figures_are_kept_and_read() -> None:
    table = pl.DataFrame(
        {"g": [str(at % 400) for at in range(20_000)], "p": [1, 0, 0] * 6_666 + [1, 0], "y": [0, 1] * 10_000}
    )
    kept = kept_audit(examine(table, Request(groups=("g",), prediction="p", outcome="y", each=frozenset("g"))), None)
    assert (len(kept.groups), kept.groups_left_out) == (151, 250)
    assert len(written(kept)) < 100_000
    assert read_kept(written(kept)) == kept
    assert read_kept('{"finding": "x", "groups": []}') is None


def test_nobody_and_nothing_cannot_be_audited(city: City) -> None:
    with pytest.raises(UserError, match="Who does this"):
        keep_audit(city, SYSTEM, audited(0.2, 1), None, "")
    with pytest.raises(UnknownId):
        keep_audit(city, "zebra", audited(0.2, 1), None, BY)


def test_the_food_inspections_of_the_demonstration(demo_copy: City) -> None:
    table, asked = audit_of_cases(demo_copy, "food-inspection")
    found = examine(table, asked)
    assert found.identifiable  # every business is visited, so every outcome is known
    assert {one.by[0] for one in found.groups} == {"area", "area income", "area internet", "area hardship"}
    assert found.rows > 5_000
    share = found.everybody.rates["selection_rate"].value
    assert share is not None
    assert 0.48 <= share <= 0.5
    by = {one.group[0]: one.rates["false_positive_rate"].value or 0 for one in found.groups}
    assert by["higher internet"] > by["lower internet"] + 0.05  # docs/audits.md tells why
    assert not [one for one in found.checks if one.severity == "leak"]
    with pytest.raises(UnknownId, match="no type of case 'zebra'"):
        audit_of_cases(demo_copy, "zebra")
    model = pl.read_parquet(demo_copy.path / "cases" / "food_inspections.parquet")
    placed = with_areas(demo_copy, model, "longitude", "latitude")
    assert set(placed["area income"].drop_nulls().unique()) == {"lower income", "middle income", "higher income"}
    with pytest.raises(UserError, match="No row lies"):
        with_areas(demo_copy, model, "latitude", "longitude")
