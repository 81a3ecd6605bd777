"""The pages on drills and on the watch are true: their commands run on a copy of the demonstration."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
from starlette.testclient import TestClient
from tests.typed import ended

from cityward.api import create_app
from cityward.city import City, open_city
from cityward.secure.drill import report
from cityward.secure.watch import files, sign_ins
from cityward.secure.watch.decoys import lay

DOCS = Path(__file__).resolve().parents[2] / "docs"
DRILLS, WATCH = ((DOCS / name).read_text(encoding="utf-8") for name in ("drills.md", "watch.md"))


@pytest.fixture(scope="module")
def done(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A copy of the demonstration in which everything on the pages was done, and what each command said."""
    work = tmp_path_factory.mktemp("drills")
    shutil.copytree(demo_folder, work / "city")
    lay(work / "city", b"as a city that was served lies")
    for name, text in re.findall(r"^```csv (\S+)\n(.*?)^```$", DRILLS, re.DOTALL | re.MULTILINE):
        (work / name).write_text(text, encoding="utf-8")
    told: dict[str, str] = {}
    for block in re.findall(r"^```sh\n(.*?)^```$", DRILLS + WATCH, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            with patch.dict(os.environ, {"CITYWARD_CITY": "city"}):
                ran = ended(*shlex.split(line)[1:], cwd=work)
            # A machine that is busy may miss a target of time, which says nothing of the program.
            missed = ran.code == 1 and "targets were missed" in ran.stdout
            assert ran.code == 0 or missed, f"{line}\n{ran.stdout}{ran.stderr}"
            told.setdefault(line, "")
            told[line] += ran.stdout
    return work, told


def test_a_small_drill_comes_back(done: tuple[Path, dict[str, str]]) -> None:
    with open_city(done[0] / "city") as city:
        last = city.drills.last()
        assert last is not None
        assert last.figures["files lost"] > 0
        assert last.figures["canaries changed"] == last.figures["canaries doubled"] == 0
        assert last.measured("RPO, acknowledged reports lost") == 0
        assert last.receipt is not None
        assert city.verify().ok
        assert [step.at for step in last.timeline] == sorted(step.at for step in last.timeline)
        assert city.drills.stale_days() is None
        assert any(step.what.startswith("First right answer") for step in last.timeline)
        guessed = [step.what for step in last.timeline if step.at < 0]
        for words in ("Guessing is slowed down", "Alert of the copy: spraying", "The guesser is in"):
            assert any(what.startswith(words) for what in guessed), guessed
    assert last.id in done[1]["cityward drill list"]


def test_nothing_of_a_drill_is_left_and_the_city_is_as_it_was(
    done: tuple[Path, dict[str, str]], demo_folder: Path
) -> None:
    assert sorted(path.name for path in done[0].iterdir()) == ["city", "paper.csv", "sheets"]
    for path in (demo_folder / "history" / "interactions").rglob("*.parquet"):
        copy = done[0] / "city" / path.relative_to(demo_folder)
        assert not copy.exists() or copy.read_bytes() == path.read_bytes()
    assert not (done[0] / "city" / "sources" / "drill-canary.toml").exists()


def test_sheets_count_once(done: tuple[Path, dict[str, str]]) -> None:
    told = done[1]["cityward continuity enter paper.csv"]
    assert "2 sheets: 2 new, 0 entered before" in told
    assert "2 sheets: 0 new, 2 entered before" in told


def test_figures_of_the_pages_are_those_of_the_program() -> None:
    for one in (report.DETECT_SECONDS, report.RTO_SECONDS, report.LOST_FILES_MIN):
        assert f"{one:g}" in DRILLS
    limits = files.Limits()
    for sign in ("decoy", "renamed", "strange", "ledger", "unknown suffix", "gone", "written"):
        assert f"| {limits.of(sign):,} |" in WATCH
    assert f"| {sign_ins.BRUTE_TRIES} wrong tries at one account from one network" in WATCH
    assert f"| {sign_ins.SPRAY_ACCOUNTS} accounts from one network" in WATCH
    assert f"| {sign_ins.SLOW_TRIES} wrong tries at one account on {sign_ins.SLOW_DAYS_ACTIVE} days" in WATCH


def test_figures_for_prometheus(demo_copy: City, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(demo_copy, gate=True, here=True, log=True)
    here = TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 1))
    asked = "N-0000000000"
    assert here.get(f"/api/needs/{asked}?q=hidden").status_code == 404
    told = here.get("/metrics")
    assert told.status_code == 200
    later = {"cityward_backup_copied_timestamp_seconds", "cityward_watch_looked_timestamp_seconds"}
    for name in set(re.findall(r"`(cityward_[a-z_]+)`", WATCH)) - later:
        assert name in told.text or name.startswith("cityward_drill"), name
    assert 'route="/api/needs/{identifier}"' in told.text
    written = capsys.readouterr().err
    assert '"route":"/api/needs/{identifier}"' in written
    assert asked not in told.text + written
    assert "hidden" not in told.text + written
    here.get("/nothing/of/that/name")
    assert "/nothing" not in here.get("/metrics").text
    elsewhere = TestClient(app, "http://127.0.0.1", client=("192.0.2.1", 1))
    assert elsewhere.get("/metrics").status_code == 401
    assert here.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"}).status_code == 401
    _, shown = demo_copy.access.tokens.issue("Prometheus", ["metrics:read"], 30, "machine")
    assert elsewhere.get("/metrics", headers={"authorization": f"Bearer {shown}"}).status_code == 200
