"""Correlations against windows counted one by one, and what the shipped rules find in traces of guessing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.monitor.rule_files import compiled, monitored, rule

from cityward.secure.monitor.correlating import AT, correlate
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load
from cityward.secure.monitor.terms import Correlation

BASE = [rule({"s": {"f": name}, "condition": "s"}, name) for name in ("a", "b", "c")]


def correlation(kind: str, rules: tuple[str, ...] = ("a",), condition: Any = None, **more: Any) -> Correlation:
    told = {"type": kind, "rules": list(rules), "group-by": ["who"], "timespan": "10s"} | more
    if condition is not None:
        told["condition"] = condition
    made = compiled(*BASE, {"title": "over", "name": "over", "correlation": told})
    assert made.refused == ()
    return made.correlations[0]


def frame(rows: list[tuple[int | None, str | None, str]]) -> pl.DataFrame:
    """Matches from seconds, who, and a value."""
    return pl.DataFrame(
        [(None if at is None else at * 1_000_000, who, value) for at, who, value in rows],
        schema={AT: pl.Int64, "who": pl.String, "value": pl.String},
        orient="row",
    )


_ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("xy"), st.sampled_from("1234")), max_size=25)


@settings(max_examples=100, deadline=None)
@given(_ROWS, st.integers(1, 4))
def test_windows_are_those_counted_one_by_one(rows: list[tuple[int, str, str]], least: int) -> None:
    counted = correlate(correlation("event_count", condition={"gte": least}), {"a": frame(rows)})
    distinct = correlate(correlation("value_count", condition={"gte": least, "field": "value"}), {"a": frame(rows)})
    for hits, size in ((counted, len), (distinct, lambda held: len({value for _, value in held}))):
        expected = {}
        for who in sorted({who for _, who, _ in rows}):
            own = sorted((at, value) for at, one, value in rows if one == who)
            ends = [at for at, _ in own if size([(t, v) for t, v in own if at - 10 <= t <= at]) >= least]
            if ends:
                expected[who] = ends[0]
        first: dict[str, float] = {}
        for hit in hits:
            first.setdefault(hit.group[0], hit.found_us / 1e6)
        assert first == expected


@settings(max_examples=100, deadline=None)
@given(_ROWS, _ROWS)
def test_orders_are_those_found_one_by_one(one: list[tuple[int, str, str]], other: list[tuple[int, str, str]]) -> None:
    matches = {"a": frame(one), "b": frame(other)}
    for kind, low in (("temporal", -10), ("temporal_ordered", 0)):
        hits = correlate(correlation(kind, ("a", "b")), matches)
        expected = {
            who
            for who in "xy"
            if any(low <= t - s <= 10 for s, w, _ in one if w == who for t, v, _ in other if v == who)
        }
        assert {hit.group[0] for hit in hits} == expected


def test_boolean_expressions_and_numbers() -> None:
    matches = {"a": frame([(0, "x", "5"), (1, "x", "7"), (30, "y", "1")]), "b": frame([(2, "x", "no number")])}
    without = correlation("temporal", ("a", "b"), "a and not b")
    assert {hit.group for hit in correlate(without, matches)} == {("x",), ("y",)}
    for kind, condition, found in (
        ("value_sum", {"gte": 12, "field": "value"}, {("x",)}),
        ("value_avg", {"gt": 5.5, "field": "value"}, {("x",)}),
        ("value_median", {"lt": 2, "field": "value"}, {("y",)}),
        ("value_percentile", {"gte": 7, "field": "value", "percentile": 100}, {("x",)}),
    ):
        made = correlation(kind, ("a", "b"), condition)
        assert {hit.group for hit in correlate(made, matches)} == found, kind


def test_aliases_nesting_and_who_shows(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    lines = [f'{{"f":"a","ip":"1.1.1.1","Image":"x","CommandLine":"y","@timestamp":{at}}}' for at in range(1, 6)]
    lines.append('{"f":"b","addr":"1.1.1.1","Image":"x","CommandLine":"y","@timestamp":9}')
    log.write_text("\n".join(lines))
    windows = {"logsource": {"product": "windows"}}
    documents = [one | windows for one in BASE]
    many = {"type": "event_count", "rules": ["a"], "group-by": ["ip"], "timespan": "1m", "condition": {"gte": 5}}
    then = {
        "type": "temporal_ordered",
        "rules": ["many", "b"],
        "group-by": ["source"],
        "aliases": {"source": {"many": "ip", "b": "addr"}},
        "timespan": "1m",
    }
    late = {"title": "then", "name": "then", "correlation": then}
    rules = compiled(late, *documents, {"title": "many", "name": "many", "correlation": many})
    found = monitored(rules, log).findings
    assert [(one.rule, one.hits[0].group) for one in found] == [("then", {"source": "1.1.1.1"})]
    then["generate"] = True
    shown = monitored(compiled(late, *documents, {"title": "many", "name": "many", "correlation": many}), log).findings
    assert {one.rule for one in shown} == {"then", "many", "b"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"rules": ["nobody"]}, "not here"),
        ({"rules": ["over"]}, "circle"),
        ({"timespan": "10 parsecs"}, "imespan"),
        ({"type": "seance"}, "type"),
        ({"condition": {"gte": "many"}}, "count"),
    ],
)
def test_wrong_correlations_are_refused_by_name(told: dict[str, Any], why: str) -> None:
    usual = {"type": "event_count", "rules": ["a"], "group-by": ["f"], "timespan": "1m", "condition": {"gte": 5}}
    made = compiled(*BASE, {"title": "over", "name": "over", "correlation": usual | told})
    assert made.correlations == ()
    assert why in made.refused[0].why


def test_matches_without_time_or_group_take_no_part() -> None:
    rows = [(None, "x", "1"), (1, None, "1"), (1, "x", "1")]
    assert correlate(correlation("event_count", condition={"gte": 2}), {"a": frame(rows)}) == []


@pytest.fixture(scope="module")
def shipped() -> Any:
    return load(files_of(SHIPPED), None)


def test_every_shipped_rule_compiles(shipped: Any) -> None:
    assert shipped.refused == ()
    assert len(shipped.correlations) > 20


def _ssh(at: int, what: str, pid: int = 0) -> str:
    return f"Jun  1 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02} gate sshd[{pid or at}]: {what}"


def test_guessing_over_ssh_is_found_by_what_it_is(shipped: Any, tmp_path: Path) -> None:
    lines = [_ssh(at, "Failed password for root from 203.0.113.9 port 1 ssh2") for at in range(0, 60, 10)]
    lines += [_ssh(70, "Accepted password for root from 203.0.113.9 port 1 ssh2")]
    lines += [_ssh(100 + at, f"Invalid user name{at} from 203.0.113.20") for at in range(9)]
    lines += [_ssh(200 + 700 * at, "Failed password for ann from 203.0.113.30 port 1 ssh2") for at in range(12)]
    lines += [_ssh(20_000 + 60 * at, f"Failed password for bob from 198.51.100.{at} port 1 ssh2") for at in range(12)]
    lines += [_ssh(30_000, "message repeated 5 times: [ Failed password for root from 203.0.113.50 port 1 ssh2]")]
    log = tmp_path / "auth.log"
    log.write_text("\n".join(lines))
    came = monitored(shipped, log)
    found = {one.rule: {next(iter(hit.group.values())) for hit in one.hits} for one in came.findings}
    assert found["cityward_ssh_brute_force"] == {"203.0.113.9", "203.0.113.20", "203.0.113.50"}
    assert found["cityward_ssh_success_after_guessing"] == {"203.0.113.9"}
    assert found["cityward_ssh_spraying"] == {"203.0.113.20"}
    assert "203.0.113.30" in found["cityward_ssh_low_and_slow"]
    assert len(found["cityward_ssh_distributed"]) == 1
    assert came.received == came.read == len(lines)


def test_people_who_mistype_are_no_finding(shipped: Any, tmp_path: Path) -> None:
    lines = []
    for person in range(30):
        start = person * 600
        lines += [_ssh(start + at, f"Failed password for p{person} from 10.0.0.{person} port 1 ssh2") for at in (0, 9)]
        lines += [_ssh(start + 20, f"Accepted password for p{person} from 10.0.0.{person} port 1 ssh2")]
    log = tmp_path / "auth.log"
    log.write_text("\n".join(lines))
    assert monitored(shipped, log).findings == ()


def test_many_files_renamed_and_copies_deleted(shipped: Any, tmp_path: Path) -> None:
    event = '{"EventID":%d,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"pc","@timestamp":%d,%s}'
    lines = [event % (11, 1_700_000_000 + at, f'"TargetFilename":"C:\\\\d\\\\f{at}.docx.locked"') for at in range(25)]
    lines += [event % (1, 1_700_000_100, '"Image":"x","CommandLine":"vssadmin delete shadows /all"')]
    log = tmp_path / "sysmon.json"
    log.write_text("\n".join(lines))
    found = {one.rule for one in monitored(shipped, log).findings}
    assert found == {"cityward_mass_rename", "cityward_shadow_copies_deleted"}


def test_whom_a_correlation_is_grouped_by_is_not_named(shipped: Any, tmp_path: Path) -> None:
    event = (
        '{"EventID":4648,"Channel":"Security","Computer":"pc","@timestamp":%d,'
        '"SubjectUserName":"jdoe","TargetUserName":"name%d"}'
    )
    log = tmp_path / "security.json"
    log.write_text("\n".join(event % (1_700_000_000 + at, at) for at in range(8)))
    found = monitored(shipped, log).findings
    assert [one.rule for one in found] == ["cityward_explicit_spraying"]
    assert "jdoe" not in str(found)
    assert "jdoe" in str(monitored(shipped, log, shown=True).findings)
