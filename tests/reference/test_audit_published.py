"""Published audits, from their own rows: COMPAS (ProPublica), Sweden and Amsterdam (Lighthouse Reports)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cityward.answerable.audit.counts_form import counted_request, unfold
from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.gate import band_of, judge
from cityward.answerable.audit.report import Audit, Group
from cityward.answerable.audit.rows import Request
from cityward.cli.tables import read_any, where
from cityward.cli.workbook import read_workbook

ERRORS = ("Errors Found", "Control Investigation", "No Control Investigation")


def value(group: Group, rate: str) -> float:
    found = group.rates[f"{rate}_rate"].value
    assert found is not None
    return 100 * found


def named(audit: Audit, name: str) -> Group:
    return next(one for one in audit.groups if one.group == (name,))


@pytest.fixture(scope="module")
def compas(shared_data: Path) -> pl.DataFrame:
    return read_any(shared_data / "audit" / "compas_two_years.csv")


@pytest.fixture(scope="module")
def told(compas: pl.DataFrame) -> Audit:
    asked = Request(groups=("race", "sex"), prediction="score_text", outcome="two_year_recid", score="decile_score")
    return examine(compas, asked)


@pytest.mark.parametrize(
    ("who", "positives", "negatives"),
    [("everybody", 32.35, 37.40), ("African-American", 44.85, 27.99), ("Caucasian", 23.45, 47.72)],
)
def test_compas_error_rates_are_those_published(told: Audit, who: str, positives: float, negatives: float) -> None:
    group = told.everybody if who == "everybody" else named(told, who)
    assert told.taken_as["prediction"] == "score_text is not Low"
    assert value(group, "false_positive") == pytest.approx(positives, abs=0.005)
    assert value(group, "false_negative") == pytest.approx(negatives, abs=0.005)


def test_the_leak_of_compas_is_found_without_being_told_where(told: Audit) -> None:
    leak = next(one for one in told.checks if one.kind == "one outcome")
    assert (leak.column, leak.rows, leak.severity) == ("compas_screening_date", 998, "leak")
    assert str(leak.begins) == "2014-04-02"
    assert told.finding.startswith("All 998 rows after 1 April 2014")
    assert told.without
    assert told.without.rows == 6_216
    assert value(told.without.everybody, "base") == pytest.approx(36.2, abs=0.05)
    assert value(told.everybody, "base") == pytest.approx(45.1, abs=0.05)
    assert {one.column for one in told.checks if one.kind == "tells the outcome"} == {"is_recid"}


def test_compas_without_the_days_says_no_leak_in_time(compas: pl.DataFrame) -> None:
    asked = Request(groups=("race",), prediction="score_text", outcome="two_year_recid")
    found = examine(compas.drop("compas_screening_date", "is_recid", "id"), asked)
    assert not [one for one in found.checks if one.severity == "leak"]


@pytest.mark.parametrize(
    ("sheet", "column", "group", "edges", "ratio"),
    [
        ("Foreign 1 Decimal", "Foreign Background", "1", (), 1.82),
        ("Income 1 Decimal", "Income", "under 290000", (290_000.0,), 1.98),
        ("Gender 1 Decimal", "Gender", "K", (), 1.20),
        ("Education 1 Decimal", "Education", "4 and over", (4.0,), 0.45),
    ],
)
def test_sweden_picks_groups_as_often_as_published(
    shared_data: Path, sheet: str, column: str, group: str, edges: tuple[float, ...], ratio: float
) -> None:
    table = read_workbook(shared_data / "audit" / "sweden_benefit_controls.xlsx", sheet)
    cut = {column: edges} if edges else {}
    asked = Request(groups=(column,), outcome="Result", positive=ERRORS, arm="Selection Method=Random", edges=cut)
    found = examine(table, asked)
    assert value(found.everybody, "base") == pytest.approx(29.6, abs=0.05)
    picked = found.everybody.rates["positive_predictive_value"]
    assert (picked.count, picked.out_of) == (2_504, 5_082)
    assert picked.value == pytest.approx(0.493, abs=0.0005)
    assert not found.identifiable
    assert found.everybody.rates["false_positive_rate"].status == "not identifiable"
    represented = named(found, group).representation
    assert represented
    assert represented.compared
    assert represented.compared.ratio == pytest.approx(ratio, abs=0.005)


def amsterdam(shared_data: Path, stage: str) -> Audit:
    file = shared_data / "audit" / "amsterdam_smart_check_confusion.csv"
    table, notes = unfold(where(read_any(file), [f"stage={stage}", "Feature_EN=gender"]))
    assert notes
    return examine(table, counted_request(Request(groups=("Feature_Value_EN",))))


def test_the_gate_stops_the_amsterdam_pilot(shared_data: Path) -> None:
    before, live = amsterdam(shared_data, "Prepilot/AR"), amsterdam(shared_data, "Pilot/AR")
    for group, was, now in (("M", 23.8, 66.7), ("F", 19.0, 73.6)):
        assert value(named(before, group), "false_positive") == pytest.approx(was, abs=0.05)
        assert value(named(live, group), "false_positive") == pytest.approx(now, abs=0.05)
    band = band_of(before)
    gate = judge(band, live)
    assert gate.state == "suspend"
    outside = {one.edge.group: one for one in gate.watched if one.side == "worse"}
    assert set(outside) == {(), ("M",), ("F",)}
    assert (outside["F",].after or 999) <= 30  # of 72 without the outcome: long before the pilot was over
    assert judge(band, before).state == "open"
