"""The command 'plan' on files: what it prints, and what it says of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.typed import Told, typed

CREWS = "id,name,skills,lon,lat,begins,hours\nc1,One,a b,0,0,08:00,2\nc2,Two,b,0.02,0.02,08:00,2\n"
JOBS = "id,lon,lat,minutes,skill,waiting_days,group\n" + "".join(
    f"j{at},{at / 500},0.01,{20 + at},{'ab'[at % 2]},{3 * at},{'xy'[at % 2]}\n" for at in range(8)
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "jobs.csv").write_text(JOBS, encoding="utf-8")
    (tmp_path / "crews.csv").write_text(CREWS, encoding="utf-8")
    return tmp_path


def run(files: Path, *more: str, code: int = 0) -> Told:
    return typed("plan", *more, code=code, cwd=files)


def test_a_plan_of_files_is_one_json_document(files: Path) -> None:
    done = run(files, "--jobs", "jobs.csv", "--crews", "crews.csv", "--floor", "1.5", "--json")
    told = json.loads(done.stdout)
    assert (told["jobs"], told["crews"], told["floor"]) == (8, 2, 1.5)
    assert len(told["visits"]) + len(told["unplanned"]) == 8
    assert told["bound"] <= told["objective"] + 1e-6
    assert {group["group"] for group in told["groups"]} == {"x", "y"}
    assert told["prices"][-1]["floor"] is None
    again = json.loads(run(files, "--jobs", "jobs.csv", "--crews", "crews.csv", "--floor", "1.5", "--json").stdout)
    assert {**told, "seconds": 0} == {**again, "seconds": 0}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--jobs", "jobs.csv"), "A plan needs jobs and crews."),
        (("--jobs", "jobs.csv", "--crews", "crews.csv", "--floor", "0.5"), "A floor of 0.5 cannot be held"),
        (("--jobs", "jobs.csv", "--crews", "crews.csv", "--floor", "1"), "nearest floor that can be held is"),
        (("--jobs", "jobs.csv", "--crews", "crews.csv", "--days", "99"), "A plan of 99 days"),
        (("--jobs", "none.csv", "--crews", "crews.csv"), "none.csv cannot be read"),
    ],
)
def test_a_mistake_is_said_in_one_line(files: Path, more: tuple[str, ...], said: str) -> None:
    done = run(files, *more, code=2)
    assert said in done.stderr
    assert done.stdout == ""
