"""What is refused and what breaks is kept, counted and told, and says nothing of whoever asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.adversary.guarded import Guarded, guarded

from cityward.city.alerting import PROBING_TIMES
from cityward.core.clock import Clock
from cityward.secure.watch import turned_away as module
from cityward.secure.watch.turned_away import REST, Log, TurnedAway

SECRET = "resident-0815"  # noqa: S105 - what must be found nowhere


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path) as made:
        yield made


def _kept(world: Guarded) -> list[TurnedAway]:
    return list(world.city.turned_away.since(world.city.clock.now() - timedelta(hours=1)))


def _told(world: Guarded) -> set[tuple[str, str, str]]:
    return {(one.event, one.rule, one.route) for one in _kept(world)}


def _metrics(world: Guarded) -> str:
    return world.client().get("/metrics").text


def test_a_refused_access_is_kept_and_counted(world: Guarded) -> None:
    assert world.client("planner").get(f"/decisions/{SECRET}").status_code == 403
    assert world.client().get("/api/needs", headers={"authorization": f"Bearer {SECRET}"}).status_code == 401
    assert world.client().get("/needs/N-1").status_code == 303
    told = _told(world)
    assert ("refused access", "default-deny", "(none)") in {(event, rule, "(none)") for event, rule, _ in told}
    assert ("refused access", "token") in {(event, rule) for event, rule, _ in told}
    assert ("not signed in", "sign-in") in {(event, rule) for event, rule, _ in told}
    assert 'cityward_turned_away_total{event="refused access",rule="default-deny"} 1.0' in _metrics(world)


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "http://evil.example"}, "403"),
        ({"content-length": "99999999999"}, "413"),
        ({"content-type": "multipart/form-data"}, "415"),
        ({f"x-{at}": "1" for at in range(120)}, "431"),
    ],
)
def test_what_the_shield_turns_away_is_kept_and_counted(world: Guarded, headers: dict[str, str], rule: str) -> None:
    answer = world.client().post("/sign-in", content=f"name={SECRET}", headers=headers)
    assert answer.status_code == int(rule)
    assert ("around a control", rule) in {(event, kind) for event, kind, _ in _told(world)}
    assert f'cityward_turned_away_total{{event="around a control",rule="{rule}"}} 1.0' in _metrics(world)


def test_what_breaks_is_kept_and_told(world: Guarded) -> None:
    @world.app.get("/breaks/{who}")
    def breaks(who: str) -> None:
        raise RuntimeError(who)

    world.app.state.doors["GET /breaks/{who}"] = world.app.state.doors["GET /api/health"]
    assert world.client("operator").get(f"/breaks/{SECRET}").status_code == 500
    assert ("unexpected error", "RuntimeError", "/breaks/{who}") in _told(world)
    (alert,) = [one for one in world.city.alerts.check() if one.kind == "errors"]
    assert "1 request of the last day met a defect" in alert.sentence
    assert SECRET not in f"{alert}"


def test_nothing_of_whoever_asked_is_kept(world: Guarded) -> None:
    world.client("planner").get(f"/decisions/{SECRET}?q={SECRET}", headers={"user-agent": SECRET})
    world.client(client=("192.0.2.77", 1)).get(f"/needs/{SECRET}", headers={"x-forwarded-for": "192.0.2.78"})
    world.city.turned_away.flush()
    text = "".join(path.read_text() for path in world.city.folder.turned_away.iterdir())
    assert text.count("\n") >= 2
    for hidden in (SECRET, "192.0.2", "Pau", "Soler", "cookie"):
        assert hidden not in text


def test_many_refusals_within_an_hour_are_an_alert_and_a_few_are_none(world: Guarded) -> None:
    for _ in range(PROBING_TIMES - 1):
        world.city.turned_away.note("around a control", "403", "/x")
    world.city.turned_away.note("not signed in", "sign-in", "/x")
    assert not [one for one in world.city.alerts.check() if one.kind == "probing"]
    world.city.turned_away.note("refused access", "default-deny", "/x")
    (alert,) = [one for one in world.city.alerts.check() if one.kind == "probing"]
    assert alert.facts == {"refused access": 1, "around a control": PROBING_TIMES - 1}


def test_noise_fills_neither_memory_nor_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    log = Log(tmp_path / "away", Clock.fixed(now))
    monkeypatch.setattr(module, "WRITTEN_EVERY_SECONDS", 1e9)
    log._written = 1e18
    for at in range(2_000):
        log.note("around a control", "404", f"/{at}" + "x" * 500)
    kept = list(log.since(now - timedelta(hours=1)))
    assert sum(one.times for one in kept) == 2_000
    assert len(kept) == module.KINDS + 1
    assert next(one.times for one in kept if one.rule == REST) == 2_000 - module.KINDS
    assert all(len(one.route) <= 120 for one in kept)
    monkeypatch.setattr(module, "DAY_BYTES", 10)
    size = (tmp_path / "away" / "2026-03-01.ndjson").stat().st_size
    log.note("around a control", "404", "/y")
    log.flush()
    assert (tmp_path / "away" / "2026-03-01.ndjson").stat().st_size == size


def test_old_files_go_and_damaged_lines_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "away"
    folder.mkdir()
    (folder / "2025-01-01.ndjson").write_bytes(b"{}\n")
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    log = Log(folder, Clock.fixed(now))
    log.note("refused access", "r", "/x")
    with (folder / "2026-03-01.ndjson").open("ab") as file:
        file.write(b'\xff\xfe\n{"at": 1}\n{"half')
    assert [one.rule for one in log.since(now - timedelta(hours=1))] == ["r"]
    assert not (folder / "2025-01-01.ndjson").exists()


def test_a_disk_that_takes_nothing_stops_no_answer(tmp_path: Path) -> None:
    (tmp_path / "away").write_text("a file where the folder should be")
    log = Log(tmp_path / "away", Clock.fixed(datetime(2026, 3, 1, tzinfo=UTC)))
    log.note("refused access", "r", "/x")
    log.flush()
