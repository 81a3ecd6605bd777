"""The gate: it stops what drifts, and hardly ever what does not, however often one looks."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.gate import Band, band_of, evidence, judge, read_band, restarted
from cityward.answerable.audit.report import Audit
from cityward.answerable.audit.rows import Request, dated
from cityward.core.clock import rng
from cityward.core.errors import UserError

ASKED = Request(groups=("g",), prediction="p", outcome="y", time="day")


def people(rows: int, wrong: float, seed: int, later_wrong: float | None = None) -> pl.DataFrame:
    """People without and with the outcome; of those without in group a so many are selected, later maybe more."""
    random = rng(seed, "gate")
    y = random.random(rows) < 0.4
    late = np.arange(rows) >= rows // 2
    a = random.random(rows) < 0.5
    chance = np.where(late & a & (later_wrong is not None), later_wrong or wrong, wrong)
    p = np.where(y, random.random(rows) < 0.7, random.random(rows) < chance)
    days = [date(2024, 1, 1) + timedelta(days=at // 10) for at in range(rows)]
    return pl.DataFrame({"g": np.where(a, "a", "b"), "p": p, "y": y, "day": days})


def audited(table: pl.DataFrame) -> Audit:
    return examine(table, ASKED)


@pytest.fixture(scope="module")
def band() -> Band:
    return band_of(audited(people(4_000, 0.2, 1)))


def test_what_stays_as_it_was_goes_on(band: Band) -> None:
    live = people(6_000, 0.2, 2)
    gate = judge(band, audited(live), *dated(live, ASKED))
    assert gate.state == "open"
    assert len(gate.watched) == len(band.edges) == 9
    assert gate.says.startswith("The gate is open: none of 9")


def test_what_drifts_in_one_group_is_stopped_on_a_day_after_the_drift(band: Band) -> None:
    live = people(2_000, 0.2, 3, later_wrong=0.6)
    gate = judge(band, audited(live), *dated(live, ASKED))
    assert gate.state == "suspend"
    worst = max(gate.watched, key=lambda one: one.evidence)
    assert (worst.edge.rate, worst.edge.group) == ("false_positive_rate", ("a",))
    assert worst.on
    assert date(2024, 1, 1) + timedelta(days=100) <= worst.on <= date(2024, 1, 1) + timedelta(days=140)
    assert {one.edge.group for one in gate.watched if one.side == "worse"} == {("a",), ()}


def test_what_becomes_improbably_good_alarms_and_goes_on(band: Band) -> None:
    """Outcomes that are written down in another way look like a system that stopped making mistakes."""
    live = people(2_000, 0.2, 3, later_wrong=0.01)
    gate = judge(band, audited(live), *dated(live, ASKED))
    assert gate.state == "alarm"
    assert gate.says.startswith("Alarm: improbably few errors: false positives in g a ")
    assert "Look first whether outcomes went missing" in gate.says
    best = next(one for one in gate.watched if one.side == "better" and one.edge.group == ("a",))
    assert best.on
    assert date(2024, 1, 1) + timedelta(days=100) <= best.on <= date(2024, 1, 1) + timedelta(days=170)
    assert best.value > best.edge.floor / 4
    whole = judge(band, audited(people(2_000, 0.02, 3)))  # without days all rows are judged together
    assert whole.state == "alarm"
    assert all(one.after for one in whole.watched if one.side == "better")


def test_what_is_worse_stops_though_something_else_is_better(band: Band) -> None:
    live = people(2_000, 0.01, 3, later_wrong=0.7)
    gate = judge(band, audited(live), *dated(live, ASKED))
    assert gate.state == "suspend"
    assert "Improbably few errors, too: false positives in g b" in gate.says


def test_a_rate_near_zero_has_no_floor_and_an_older_band_none_at_all() -> None:
    band = band_of(audited(people(4_000, 0.01, 1)))
    assert {one.floor for one in band.edges if one.rate == "false_positive_rate"} == {0.0}
    old = msgspec.json.decode(msgspec.json.encode(band))
    old.pop("saved_at")
    for edge in old["edges"]:
        edge.pop("floor")
    assert judge(read_band(msgspec.json.encode(old)), audited(people(2_000, 0.01, 2))).state == "open"


def test_looking_every_time_alarms_no_more_often_than_promised() -> None:
    runs, steps, floor = 400, 60, 0.25
    count = np.cumsum(rng(12, "looks").binomial(20, floor, (runs, steps)), axis=1).astype(float)
    out_of = np.broadcast_to(np.arange(1, steps + 1) * 20.0, count.shape)
    ever = evidence((out_of - count).ravel(), out_of.ravel(), 1 - floor).reshape(runs, steps).max(axis=1)
    assert np.mean(ever >= 1) <= 0.1 + 3 * np.sqrt(0.09 / runs)


def test_the_gate_stops_for_good_what_was_outside_once(band: Band) -> None:
    """Good days after bad ones do not undo the day on which the gate stopped."""
    bad, good = people(400, 0.6, 4), people(8_000, 0.1, 5)
    good = good.with_columns(pl.col("day") + pl.duration(days=60))
    live = pl.concat([bad, good])
    assert judge(band, audited(live)).state != "suspend"
    assert judge(band, audited(live), *dated(live, ASKED)).state == "suspend"


def test_looking_every_time_stops_what_is_at_the_limit_no_more_often_than_promised() -> None:
    runs, steps, limit = 400, 60, 0.25
    random = rng(11, "looks")
    count = np.cumsum(random.binomial(20, limit, (runs, steps)), axis=1).astype(float)
    out_of = np.broadcast_to(np.arange(1, steps + 1) * 20.0, count.shape)
    ever = evidence(count.ravel(), out_of.ravel(), limit).reshape(runs, steps).max(axis=1)
    for chance in (0.2, 0.05):
        promised = chance + 3 * np.sqrt(chance * (1 - chance) / runs)
        assert np.mean(ever >= -np.log10(chance)) <= promised
    looks = np.arange(steps) * 5
    anew = np.array([restarted(*one, looks, limit).max() for one in zip(count[:80], out_of[:80], strict=True)])
    assert np.mean(anew >= 1) <= 0.1 + 3 * np.sqrt(0.09 / 80)
    worse = np.cumsum(random.binomial(20, 0.4, (runs, steps)), axis=1).astype(float)
    assert np.mean(evidence(worse[:, -1], out_of[:, -1], limit) >= 2) > 0.99


def test_evidence_grows_with_errors_and_is_nothing_before_the_first_case() -> None:
    count = np.arange(0.0, 101.0)
    found = evidence(count, np.full(101, 100.0), 0.3)
    assert np.all(np.diff(found) > 0)
    assert evidence(np.array([0.0]), np.array([0.0]), 0.3)[0] == pytest.approx(0, abs=1e-9)


def test_live_data_without_outcomes_of_others_are_not_called_fine(band: Band) -> None:
    live = people(500, 0.2, 6).with_columns(y=pl.when("p").then("y"))
    gate = judge(band, audited(live))
    assert any("false positives" in one for one in gate.missing)
    assert {one.edge.rate for one in gate.watched} == {"false_discovery_rate"}
    unseen = live.select("g", "p", "day")
    nothing = judge(band, examine(unseen, Request(groups=("g",), prediction="p")))
    assert nothing.state == "not judged"
    assert nothing.says.startswith("The gate cannot judge")


def test_a_group_that_was_never_evaluated_is_named(band: Band) -> None:
    live = people(600, 0.2, 7).with_columns(g=pl.when(pl.col("g") == "b").then(pl.lit("ñandú")).otherwise("g"))
    gate = judge(band, audited(live))
    assert gate.new_groups == ("g ñandú",)
    assert "Not evaluated before approval: g ñandú." in gate.says


def test_a_band_survives_its_file_and_a_bad_one_does_not(band: Band) -> None:
    assert read_band(msgspec.json.encode(band)) == band
    for broken in (b"", b"{}", b'{"form": "x"}', msgspec.json.encode(msgspec.structs.replace(band, false_stop=2.0))):
        with pytest.raises(UserError, match="no band"):
            read_band(broken)
    loose = msgspec.structs.replace(band.edges[0], limit=1.0)
    with pytest.raises(UserError, match="no band"):
        read_band(msgspec.json.encode(msgspec.structs.replace(band, edges=(loose,))))


def test_no_band_can_be_made_of_data_without_error_rates() -> None:
    with pytest.raises(UserError, match="no error rate"):
        band_of(examine(people(300, 0.2, 8), Request(groups=("g",), outcome="y")))
    with pytest.raises(UserError, match="too small"):
        band_of(audited(people(1, 0.2, 9)))
