"""The page on sensors is true: its mappings and commands run on the files that it names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.typed import typed

from cityward.city import open_city

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sensors.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def done(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder in which everything on the page was done, and what each command said."""
    folder = tmp_path_factory.mktemp("sensors")
    for file in (shared_data / "stuttgart").glob("*.json"):
        shutil.copy(file, folder)
    for name, text in re.findall(r"^```toml (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        (folder / name).write_text(text, encoding="utf-8")
    told = []
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        told += [typed(*shlex.split(line)[1:], cwd=folder).stdout for line in block.splitlines()]
    return folder, told


def test_nothing_is_lost_on_the_way_in(done: tuple[Path, list[str]]) -> None:
    assert "6,480 received = 6,480 admitted + 0 quarantined + 0 refused" in done[1][1]
    assert "2,040 received = 2,040 admitted + 0 quarantined + 0 refused" in done[1][2]


def test_the_findings_are_those_of_the_page(done: tuple[Path, list[str]]) -> None:
    assert "fell at 4 neighbouring sensors at once down to 0.0 µg/m³" in done[1][3]
    with open_city(done[0] / "stuttgart") as city:
        told = city.observing.watch(datetime(2026, 3, 8, 12, tzinfo=UTC))
        kinds = Counter(alert.kind for alert in told.alerts)
        assert f"**{kinds['implausible']} streams of residents' sensors" in PAGE
        assert f", {kinds['limit']} times in all" in PAGE
        assert kinds["silent"] == kinds["stuck"] == 0
        assert told.states["new"] == 967
        assert len({(one.sensors, one.measured) for one in told.alerts if one.kind == "limit"}) == 9
        assert len({one.sensors for one in told.open if one.kind == "limit"}) == 5
        residents = city.observing.sensors().filter(source="community").unique("sensor")
        assert f"{residents['territory'].null_count()} of the {residents.height} stand outside" in PAGE
        assert city.verify().ok


def test_the_past_is_looked_at_as_it_was(done: tuple[Path, list[str]]) -> None:
    told = json.loads(done[1][4])
    assert told["streams"] == 9
    assert {alert["kind"] for alert in told["alerts"]} == {"limit"}
