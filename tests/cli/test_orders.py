"""Work orders on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.approved import give as give_out

from cityward.city import init, open_city
from cityward.cli import main
from cityward.core.work import Job

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, chicago: Path) -> Path:
    return init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as a person types it; returns the exit code and both outputs."""

    def typed(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cityward", *arguments, "--city", str(folder)])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return typed


def give(folder: Path) -> str:
    job = Job(
        id="J-0000000001", about="N-0000000001", service="Garbage", title="Empty the carts", territory="64",
        lon=-87.77, lat=41.78, minutes=20, skill="s", waiting_since=NOW.date(),
    )  # fmt: skip
    with open_city(folder) as city:
        return give_out(city, [job])[0].id


def test_from_given_out_to_confirmed(folder: Path, run: Run) -> None:
    assert "No orders" in run("orders")[1]
    assert "no [[send]] table" in run("dispatch")[1]
    name = give(folder)
    assert name in run("orders", "--state", "planned")[1]
    assert run("order", name, "--done", "--by", "Ben Okri")[0] == 0
    code, out, _ = run(
        "order", name, "--confirm", "--by", "Ana Gómez", "--because", "I went there and looked", "--json"
    )
    assert (code, json.loads(out)["order"]["state"]) == (0, "confirmed")
    assert "confirmed by Ana Gómez" in run("explain", name)[1]
    assert [order["id"] for order in json.loads(run("orders", "--json")[1])] == [name]
    assert "/r/" in run("order", name)[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("order", "W-0000000000"), "no order"),
        (("order", "W", "--done", "--by", "boss"), "first and a last name"),
        (("order", "W", "--by", "Ana Gómez"), "Which step"),
        (("order", "W", "--confirm", "--by", "Ana Gómez", "--because", "I went there and looked"), "cannot become"),
        (("order", "W", "--send", "--by", "Ana Gómez"), "No [[send]] table"),
        (("orders", "--state", "lost"), "lost"),
    ],
)
def test_mistakes_are_told(folder: Path, run: Run, arguments: tuple[str, ...], told: str) -> None:
    name = give(folder)
    code, _, error = run(*(name if word == "W" else word for word in arguments))
    assert code == 2
    assert told in error


def test_one_pass_sends_files_and_takes_states_in(folder: Path, run: Run) -> None:
    with (folder / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[[send]]\nname = "files"\nadapter = "csv"\n')
    name = give(folder)
    assert json.loads(run("dispatch", "--json")[1])["dispatch"]["delivered"] == 1
    (folder / "orders" / "in" / "a.csv").write_text(f"order,state,by\n{name},done,Crew 4\n", encoding="utf-8")
    assert "1 reports taken in" in run("dispatch")[1]
    assert "waits for a resident" in run("order", name)[1]
