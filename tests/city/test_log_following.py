"""Logs followed into a city: found while they are written, once, through a kill, and silent when they fall silent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cityward.city import init, open_city
from cityward.city.log_following import LogFollowing
from cityward.core.clock import Clock
from cityward.core.errors import CityBusy, UserError
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load
from cityward.secure.monitor.terms import RuleSet

BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.clock = Clock(lambda: self.now)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load(files_of(SHIPPED), None)


@pytest.fixture
def folder(tmp_path: Path, chicago: Path) -> Path:
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    return tmp_path / "city"


@pytest.fixture
def hands() -> Hands:
    return Hands()


Begin = Callable[[], tuple[LogFollowing, list[str]]]


@pytest.fixture
def begin(folder: Path, hands: Hands, rules: RuleSet, tmp_path: Path) -> Begin:
    def made() -> tuple[LogFollowing, list[str]]:
        told: list[str] = []

        def file_(*found: object) -> object:
            with open_city(folder, hands.clock) as city:
                return city.incidents.file(*found)  # type: ignore[arg-type]

        names = Names(b"key", shown=False)
        kept, log = folder / "monitor", tmp_path / "auth.log"
        return LogFollowing(kept, [log], rules, names, file_, UTC, told.append, hands.clock), told  # type: ignore[arg-type]

    return made


def failures(path: Path, at: datetime, count: int, address: str = "203.0.113.9") -> None:
    with path.open("a") as file:
        for number in range(count):
            moment = at + timedelta(seconds=number)
            file.write(f"{moment:%b %e %H:%M:%S} gate sshd[7]: Failed password for erika from {address} port 1 ssh2\n")


def events(folder: Path, clock: Clock) -> list[int]:
    with open_city(folder, clock) as city:
        return [one.events for one in city.incidents.all()]


def look(following: LogFollowing) -> None:
    following._waits_until = 0.0
    following.step()


def test_what_needs_two_parts_is_found_and_a_kill_counts_nothing_twice(
    begin: Begin, folder: Path, hands: Hands, tmp_path: Path
) -> None:
    log = tmp_path / "auth.log"
    first, told = begin()
    failures(log, BEGIN - timedelta(minutes=9), 3)
    look(first)
    assert events(folder, hands.clock) == []
    failures(log, BEGIN - timedelta(minutes=4), 3)
    look(first)
    assert events(folder, hands.clock) == [6]
    assert told[0].startswith("Opened SI-")
    # The program is killed; the window is read again, so that what follows is still part of the same.
    second, _ = begin()
    failures(log, BEGIN - timedelta(minutes=2), 2)
    look(second)
    assert events(folder, hands.clock) == [8]
    (state,) = second.followed()
    assert (state.received, state.read) == (8, 8)
    assert "erika" not in "".join(path.read_text() for path in (folder / "monitor").iterdir())


def test_a_busy_city_is_asked_again_and_nothing_is_forgotten(
    begin: Begin, folder: Path, hands: Hands, tmp_path: Path
) -> None:
    following, told = begin()
    failures(tmp_path / "auth.log", BEGIN - timedelta(minutes=9), 6)
    with open_city(folder, hands.clock) as other, other.writing():
        look(following)
        assert told == ["Another program writes the city; what was found waits until it ends."]
        assert not (folder / "monitor").exists()
    look(following)
    assert events(folder, hands.clock) == [6]


def test_what_is_dated_in_the_future_moves_no_window(begin: Begin, folder: Path, hands: Hands, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(
        f"{BEGIN + timedelta(days=3):%Y-%m-%dT%H:%M:%S}Z gate sshd[7]: Failed password for a from ::1 port 1\n"
    )
    failures(log, BEGIN - timedelta(minutes=9), 3)
    following, told = begin()
    look(following)
    failures(log, BEGIN - timedelta(minutes=4), 3)
    look(following)
    assert events(folder, hands.clock) == [6]
    assert following.followed()[0].in_future == 1
    assert "dated after now" in told[0]


def test_a_log_that_falls_silent_is_told_once(begin: Begin, folder: Path, hands: Hands, tmp_path: Path) -> None:
    following, told = begin()
    for _ in range(12):
        failures(tmp_path / "auth.log", hands.now, 1, "198.51.100.4" if hands.now.minute else "::1")
        look(following)
        hands.now += timedelta(minutes=2)
    hands.now += timedelta(minutes=1)
    look(following)
    assert not [text for text in told if "has said nothing" in text]
    hands.now += timedelta(minutes=9)
    look(following)
    look(following)
    assert len([text for text in told if "has said nothing" in text]) == 1
    with open_city(folder, hands.clock) as city:
        assert "log auth.log" in {place.id for one in city.incidents.all() for place in one.places}


def test_what_cannot_be_followed_is_counted_and_said(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_bytes(b"\0\1\2\n" * 500)
    following, told = begin()
    look(following)
    (state,) = following.followed()
    assert (state.received, state.read) == (500, 0)
    assert "not followed" in told[0]


def test_too_many_logs_are_refused(folder: Path, rules: RuleSet, hands: Hands) -> None:
    files = [Path(f"/{number}") for number in range(201)]
    with pytest.raises(UserError, match="too many"):
        LogFollowing(folder, files, rules, Names(b"k", shown=False), _never, UTC, print, hands.clock)


def _never(*_: object) -> None:  # type: ignore[misc]
    raise CityBusy("", "")


def test_the_command_survives_kill_9(folder: Path, tmp_path: Path) -> None:
    log, out = tmp_path / "auth.log", tmp_path / "out"
    failures(log, datetime.now(UTC) - timedelta(minutes=5), 6)
    program = "from cityward.cli.main import main; main()"
    command = [sys.executable, "-c", program, "monitor", "--follow", str(log), "--city", str(folder)]
    states = folder / "monitor"

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=out.open("ab"), stderr=subprocess.STDOUT, env=os.environ)

    def until(holds: Callable[[], bool]) -> None:
        for _ in range(1200):
            if holds():
                return
            time.sleep(0.1)
        pytest.fail(out.read_text())

    first = started()
    try:
        until(lambda: states.exists() and bool(list(states.glob("[0-9a-f]*.json"))))
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    failures(log, datetime.now(UTC) - timedelta(minutes=2), 2)
    second = started()
    try:
        until(lambda: "goes on" in out.read_text())
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait() == 0
    assert events(folder, Clock()) == [8]
    assert "8 of 8 read" in out.read_text()
