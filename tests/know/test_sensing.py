"""Sensors are watched: each kind of alert opens on what it is for, on nothing else, and lives one life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.know.sensors import START, frame, streams

from cityward.core.errors import SettingsError
from cityward.core.records import Alert
from cityward.know.sensing.hours import by_hour, grid
from cityward.know.sensing.life import BLOCKED, OVER, UNKNOWN, episodes
from cityward.know.sensing.rules import load_limits
from cityward.know.sensing.unusual import tail_quantile
from cityward.know.sensing.watch import Watched, running_mean, watch

RULES = load_limits()
DAYS = 40
FAULT = 32 * 24
ZONE = "Europe/Berlin"


def seen(values: np.ndarray, **more) -> Watched:
    until = START + timedelta(hours=values.shape[1])
    found = watch(frame(values, **more).lazy(), RULES, until, ZONE)
    assert found
    return found


def of(found: Watched, *kinds: str) -> list[Alert]:
    return [alert for alert in found.alerts if alert.kind in kinds]


@pytest.fixture(scope="module")
def calm() -> np.ndarray:
    return streams(DAYS) * 0.45


def test_a_calm_network_raises_no_fault(calm: np.ndarray) -> None:
    assert of(seen(calm), "silent", "stuck", "implausible", "moved") == []


def test_a_dead_sensor_is_silent_and_nothing_else(calm: np.ndarray) -> None:
    values = calm.copy()
    values[2, FAULT:] = np.nan
    values[2, FAULT - 12 : FAULT] = 60.0  # it dies while its mean is far above the level
    found = seen(values)
    (alert,) = of(found, "silent")
    last = START + timedelta(hours=FAULT - 1, minutes=5)
    assert alert.sensors == ("s2",)
    assert alert.opened_at == last + timedelta(hours=4)
    assert alert.cleared_at is None
    later = [one for one in found.alerts if "s2" in one.sensors and one.kind != "silent"]
    assert all(one.opened_at <= alert.opened_at for one in later)
    assert all(one.cleared_at is not None for one in later)
    assert found.sensors.filter(sensor="s2")["state"].to_list() == ["silent"]


def test_a_sensor_that_flickers_is_one_silence(calm: np.ndarray) -> None:
    values = calm.copy()
    values[1, FAULT : FAULT + 60] = np.nan
    values[1, [FAULT + 20, FAULT + 40, FAULT + 41]] = 9.0
    (alert,) = of(seen(values), "silent")
    assert alert.cleared_at == START + timedelta(hours=FAULT + 62, minutes=5)


def test_the_rhythm_of_each_sensor_is_its_own(calm: np.ndarray) -> None:
    values = calm.copy()
    values[3, np.arange(values.shape[1]) % 6 != 0] = np.nan  # every six hours is its way
    assert of(seen(values), "silent") == []
    values[3, FAULT:] = np.nan
    (alert,) = of(seen(values), "silent")
    assert alert.opened_at - (START + timedelta(hours=FAULT - 6, minutes=5)) == timedelta(hours=24)


def test_one_stream_of_a_sensor_may_be_silent_alone(calm: np.ndarray) -> None:
    other = calm.copy()
    other[0, FAULT:] = np.nan
    both = pl.concat([frame(calm), frame(other, name="no2")])
    found = watch(both.lazy(), RULES, START + timedelta(days=DAYS), ZONE)
    assert found
    (alert,) = of(found, "silent")
    assert (alert.sensors, alert.measured) == (("s0",), "no2")
    states = dict(found.sensors.filter(sensor="s0").select("property", "state").iter_rows())
    assert states == {"no2": "silent", "pm2_5": "alive"}


def test_a_stuck_sensor_counts_for_nothing(calm: np.ndarray) -> None:
    values = calm.copy()
    values[4, FAULT:] = 33.0
    found = seen(values)
    (alert,) = of(found, "stuck")
    assert alert.sensors == ("s4",)
    assert timedelta(0) < alert.opened_at - (START + timedelta(hours=FAULT)) <= timedelta(hours=12)
    open_limits = [one for one in of(found, "limit") if one.sensors == ("s4",) and one.cleared_at is None]
    assert open_limits == []


def test_a_saturated_sensor_is_implausible_and_enters_no_mean(calm: np.ndarray) -> None:
    values = calm.copy()
    values[5, FAULT : FAULT + 48] = 999.9
    found = seen(values)
    (alert,) = of(found, "implausible")
    assert alert.cleared_at == START + timedelta(hours=FAULT + 48 + 6)
    assert [one for one in of(found, "limit") if one.sensors == ("s5",)] == []


def test_one_sensor_that_jumps_is_to_be_checked(calm: np.ndarray) -> None:
    values = calm.copy()
    values[2, FAULT : FAULT + 2] = 180.0
    (alert,) = of(seen(values), "unusual", "event")
    assert (alert.kind, alert.sensors) == ("unusual", ("s2",))
    assert "none of 5 neighbours" in alert.sentence


def test_neighbours_that_jump_together_are_one_event(calm: np.ndarray) -> None:
    values = calm.copy()
    values[:, FAULT : FAULT + 3] *= 9
    (alert,) = of(seen(values), "unusual", "event")
    assert alert.kind == "event"
    assert len(alert.sensors) == values.shape[0]
    assert alert.opened_at == START + timedelta(hours=FAULT + 1)
    assert alert.cleared_at


def test_a_sensor_that_leaves_its_neighbours_has_shifted(calm: np.ndarray) -> None:
    values = calm.copy()
    values[1, FAULT:] *= 2.2
    shifts = of(seen(values), "shift")
    assert [alert.sensors for alert in shifts] == [("s1",)]


def test_a_limit_opens_once_and_clears_a_tenth_below(calm: np.ndarray) -> None:
    values = np.full_like(calm, 10.0) + np.arange(calm.shape[1]) % 2 / 10
    values[0, 480:528] += 20.0
    values[0, 528:600] = np.where(np.arange(72) % 2, 15.4, 14.4)  # about the level: no flicker
    limits = of(seen(values), "limit")
    assert len(limits) == 1
    assert limits[0].level == 15
    assert limits[0].peak == pytest.approx(30.05, abs=0.01)
    assert limits[0].cleared_at
    assert limits[0].cleared_at > START + timedelta(hours=600)
    assert ("highest so far", "30.1 µg/m³: above the interim target 4") in limits[0].evidence


def test_a_mean_needs_three_quarters_of_its_hours() -> None:
    values = np.full((1, 48), 40.0)
    values[0, 24:][np.arange(24) % 3 != 0] = np.nan
    hours = grid(by_hour(frame(values).lazy()), START + timedelta(hours=48))
    limit = next(limit for limit in RULES.limits if limit.property == "pm2_5")
    mean, enough = running_mean(hours, limit, 0.75)
    assert not enough[0, :17].any()
    assert enough[0, 17:24].all()
    assert not enough[0, 36:].any()
    assert mean[0, 23] == 40.0


def test_a_sensor_that_moves_is_told_and_learned_anew(calm: np.ndarray) -> None:
    away = frame(calm).with_columns(
        pl.when((pl.col("sensor") == "s0") & (pl.col("observed_at") >= START + timedelta(hours=FAULT)))
        .then(9.3)
        .otherwise(pl.col("lon"))
        .alias("lon")
    )
    found = watch(away.lazy(), RULES, START + timedelta(days=DAYS), ZONE)
    assert found
    (alert,) = of(found, "moved")
    assert (alert.sensors, alert.cleared_at is not None) == (("s0",), True)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_sensor_with_few_values_is_new(count: int) -> None:
    found = watch(frame(np.full((1, count), 8.0)).lazy(), RULES, START + timedelta(days=2), ZONE)
    assert found
    assert found.sensors["state"].to_list() == ["new" if count < 5 else "silent"]


def test_no_observation_is_no_watch() -> None:
    assert watch(frame(np.full((1, 3), 8.0)).lazy(), RULES, START - timedelta(days=1), ZONE) is None


def test_clocks_that_change_move_no_rhythm() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)  # the clocks change on 29 March
    found = watch(frame(streams(40), start=start).lazy(), RULES, start + timedelta(days=40), ZONE)
    assert found
    assert of(found, "silent", "stuck", "event") == []
    assert np.isfinite(found.scores.base[:, 14 * 24 :]).all()


def test_a_life_opens_once_keeps_and_ends() -> None:
    opens = np.zeros((1, 60), dtype=bool)
    holds, known, blocked = opens.copy(), ~opens, opens.copy()
    opens[0, [3, 4, 6]] = True
    holds[0, 3:8] = True
    assert [(one.opened, one.cleared, one.because) for one in episodes(opens, holds, known, blocked)] == [(3, 13, OVER)]
    blocked[0, 9:12] = True
    assert [(one.cleared, one.because) for one in episodes(opens, holds, known, blocked)] == [(9, BLOCKED)]
    known[0, 5:] = False
    blocked[:] = False
    assert [(one.cleared, one.because) for one in episodes(opens, holds, known, blocked)] == [(28, UNKNOWN)]


def test_the_tail_of_a_known_distribution_is_found() -> None:
    """Of exponential scores, one in 100,000 exceeds 11.5."""
    scores = np.random.Generator(np.random.PCG64(3)).exponential(size=60_000)
    assert tail_quantile(scores, 1e-5) == pytest.approx(11.5, rel=0.15)


def test_the_limits_are_those_of_the_guidelines() -> None:
    """WHO 2021, Table 0.1."""
    levels = {limit.property: (limit.hours, limit.level) for limit in RULES.limits}
    assert levels == {
        "pm2_5": (24, 15), "pm10": (24, 45), "no2": (24, 25), "o3": (8, 100), "so2": (24, 40), "co": (24, 4),
    }  # fmt: skip
    assert RULES.min_coverage == 0.75


def test_a_limit_in_another_unit_is_converted_or_refused(tmp_path: Path) -> None:
    rule = 'document = "Ours"\n[[limits]]\nproperty = "PM2.5"\nhours = 24\nunit = "{}"\nlevel = 0.015\n'
    path = tmp_path / "ours.toml"
    path.write_text(rule.format("mg/m3"), encoding="utf-8")
    assert load_limits(path).limits[0].level == pytest.approx(15)
    path.write_text(rule.format("ppb"), encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be limited in 'ppb'"):
        load_limits(path)
