"""Two processes, one city: the second is told in a sentence, nothing is lost, it works once the first is gone."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cityward.city import init, open_city
from cityward.store.history import HistoryReader

PROGRAM = [sys.executable, "-c", "from cityward.cli import main; main()"]
BUSY = "Another cityward process is writing to this city."
HOLDER = """
import sys
from pathlib import Path
from cityward.city import open_city
city = open_city(sys.argv[1])
city.sense(Path(sys.argv[2]), city.mappings()["s"])
print("holding", flush=True)
sys.stdin.read()
city.close()
"""
"""Takes in a file and keeps the door open until its input ends."""

MAPPING = """
source = "s"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
lon = "lon"
lat = "lat"

[service]
default = "Report"
"""


def write_rows(path: Path, name: str, count: int = 40) -> Path:
    rows = [f"{name}-{at},2014-06-{1 + at % 28:02d},{-87.65 - at / 1000},{41.80 + at / 1000}" for at in range(count)]
    path.write_text("\n".join(["id,opened,lon,lat", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, chicago: Path) -> Path:
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    (folder / "sources" / "s.toml").write_text(MAPPING, encoding="utf-8")
    return folder


def cityward(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def sense(folder: Path, file: Path) -> subprocess.CompletedProcess[str]:
    return cityward("sense", file, "--city", folder)


def identifiers(folder: Path) -> list[str]:
    return sorted(HistoryReader(folder / "history").scan().collect()["id"])


def state(folder: Path) -> dict[str, bytes]:
    """Every file of the city but those that a database keeps beside itself."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@contextmanager
def holding(folder: Path, file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has written and still has the door open."""
    command = [sys.executable, "-c", HOLDER, str(folder), str(file)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "holding\n"
        yield process
    finally:
        process.kill()
        process.wait(100)
        process.stdin.close()
        process.stdout.close()


def check_whole(folder: Path, expected: list[str]) -> None:
    assert identifiers(folder) == expected
    with open_city(folder) as city:
        total = city.conservation()
        assert total["received"] == total["admitted"] + total["quarantined"] + total["refused"]
        assert total["added"] == len(expected)
        assert city.verify().ok, city.verify().message


@pytest.mark.parametrize("killed", [False, True])
def test_the_second_writer_is_told_and_works_after_the_first(folder: Path, tmp_path: Path, killed: bool) -> None:
    first, second = write_rows(tmp_path / "first.csv", "a"), write_rows(tmp_path / "second.csv", "b")
    with holding(folder, first) as process:
        before = state(folder)
        for arguments in (("sense", second), ("run",)):
            told = cityward(*arguments, "--city", folder)
            assert told.returncode == 2
            assert told.stdout == ""
            assert told.stderr.startswith(BUSY)
            assert len(told.stderr.splitlines()) == 1
        assert state(folder) == before
        if killed:
            process.send_signal(signal.SIGKILL)
        else:
            process.stdin.close()
        process.wait(100)
    assert sense(folder, second).returncode == 0
    check_whole(folder, sorted(f"{name}-{at}" for name in "ab" for at in range(40)))


def test_a_second_writer_does_not_change_a_mapping(folder: Path, tmp_path: Path) -> None:
    """The mapping that it brings is the city's own, with another meaning; the first still works with the old one."""
    first = write_rows(tmp_path / "first.csv", "a")
    other = tmp_path / "other.toml"
    other.write_text(MAPPING.replace('"complaint"', '"request"'), encoding="utf-8")
    with holding(folder, first):
        told = cityward("sense", first, "--map", other, "--city", folder)
        assert (told.returncode, told.stderr.startswith(BUSY)) == (2, True)
        assert (folder / "sources" / "s.toml").read_text(encoding="utf-8") == MAPPING


def test_reading_needs_no_turn_at_the_door(folder: Path, tmp_path: Path) -> None:
    with holding(folder, write_rows(tmp_path / "first.csv", "a")):
        for command in ("needs", "verify"):
            assert cityward(command, "--city", folder).returncode == 0


def test_a_server_keeps_others_out_and_closes_its_city_when_it_is_stopped(folder: Path, tmp_path: Path) -> None:
    second = write_rows(tmp_path / "second.csv", "b")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with open_city(folder) as city:
        _, secret = city.access.tokens.issue("feed", ["intake:write"], 1, "machine", source="s")
    headers = {"content-type": "application/x-ndjson", "authorization": f"Bearer {secret}"}

    def post(identifier: str) -> dict[str, int]:
        row = {"id": identifier, "opened": "2014-06-30", "lon": -87.65, "lat": 41.85}
        address = f"http://127.0.0.1:{port}/api/sources/s/interactions"
        request = urllib.request.Request(address, json.dumps(row).encode(), headers)
        with urllib.request.urlopen(request, timeout=100) as answer:
            taken: dict[str, int] = json.load(answer)
        return taken

    server = subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(port), "--city", str(folder)], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health")
                break
            except OSError:
                time.sleep(0.1)
        assert post("a-0")["added"] == 1
        told = sense(folder, second)
        assert (told.returncode, told.stderr.startswith(BUSY)) == (2, True)
        assert post("a-1")["added"] == 1
        server.terminate()
        assert server.wait(100) == 0
        assert list((folder / "history" / "log").iterdir()) == []  # all of it is in the tables
    finally:
        server.kill()
        server.wait(100)
    assert sense(folder, second).returncode == 0
    check_whole(folder, sorted(["a-0", "a-1", *(f"b-{at}" for at in range(40))]))


def test_many_start_at_once_on_a_new_city(folder: Path, tmp_path: Path) -> None:
    """Who is told that the city is busy tries again; in the end every file is there once."""
    files = {name: write_rows(tmp_path / f"{name}.csv", name) for name in "abc"}
    waiting = dict(files)
    for _ in range(10):
        tries = {
            name: subprocess.Popen(
                [*PROGRAM, "sense", str(file), "--city", str(folder)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name, file in waiting.items()
        }
        for name, process in tries.items():
            told = process.communicate(timeout=200)[1]
            assert process.returncode in (0, 2), told
            assert process.returncode == 0 or told.startswith(BUSY), told
            if process.returncode == 0:
                del waiting[name]
        if not waiting:
            break
    assert not waiting
    check_whole(folder, sorted(f"{name}-{at}" for name in files for at in range(40)))
