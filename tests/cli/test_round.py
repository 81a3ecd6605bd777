"""The command 'round': codes are written once, and every mistake is told without a traceback."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.city.test_rounds import BY, ROUND, World
from tests.typed import Told, typed

from cityward.city import open_city
from cityward.core.clock import Clock


@pytest.fixture
def city(tmp_path: Path) -> Path:
    world = World(tmp_path, Clock())
    today = world.city.today
    dates = {"2026-03-02": f"{today - timedelta(3)}", "2026-03-04": f"{today + timedelta(3)}"}
    text = ROUND
    for old, new in dates.items():
        text = text.replace(old, new)
    world.file.write_text(text, "utf-8")
    world.city.close()
    return world.city.path


def run(city: Path, *more: str, code: int = 0) -> Told:
    return typed("round", *more, "--city", str(city), code=code, cwd=city.parent)


def test_from_the_file_to_the_list_of_ballots(city: Path) -> None:
    assert "draft" in run(city, "list").stdout
    assert "round open" in run(city, "codes", "parks", "--count", "3", "--into", "c.txt", "--by", BY, code=2).stderr
    assert json.loads(run(city, "open", "parks", "--by", BY, "--json").stdout)["receipt"] is not None
    run(city, "codes", "parks", "--count", "3", "--into", "c.txt", "--by", BY)
    file = city.parent / "c.txt"
    codes = file.read_text("utf-8").split()
    assert len(set(codes)) == 3
    assert file.stat().st_mode & 0o077 == 0
    assert "exists already" in run(city, "codes", "parks", "--count", "1", "--into", "c.txt", "--by", BY, code=2).stderr
    run(city, "codes", "parks", "--count", "1", "--into", "no/c.txt", "--by", BY, code=1)
    assert json.loads(run(city, "status", "parks", "--json").stdout)["codes"] == 3
    assert "nobody sees ballots" in run(city, "export", "parks", code=1).stderr
    with open_city(city, Clock(lambda: Clock().now() + timedelta(days=-1))) as early:
        token = early.portal.new_token()
    with open_city(city) as now:
        now.rounds.vote("parks", {"choice": ["p2"]}, codes[0], token)
    assert "1 used, 1 ballot, 0 wrong" in run(city, "status", "parks").stdout
    with open_city(city, Clock(lambda: Clock().now() + timedelta(days=9))) as later:
        ended = later.rounds.close("parks", BY)
        assert sha256(later.rounds.text("parks").encode()).hexdigest() == ended.file_sha256


def test_mistakes_are_told(city: Path) -> None:
    for given, code in (
        (["status", "../../etc/passwd"], 2),
        (["status", "none"], 2),
        (["open", "parks", "--by", "Olga"], 2),
        (["codes", "parks", "--count", "0", "--into", "c", "--by", BY], 2),
        (["codes", "parks", "--count", "x", "--into", "c", "--by", BY], 2),
        (["close", "parks", "--by", BY], 1),
        (["export", "é\ud7ff"], 2),
    ):
        assert "Traceback" not in run(city, *given, code=code).stderr
    (city / "rounds" / "parks.toml").write_bytes(b"title = \xff")
    assert "UTF-8" in run(city, "list", code=2).stderr
