"""``cityward respond`` as a person types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.secure.respond.books import action, document, named, written
from tests.typed import typed

ROOT = Path(__file__).resolve().parents[2]
A, B = named("action", "a"), named("action", "b")


@pytest.fixture
def city(plain: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "city"
    shutil.copytree(plain, folder)
    (folder / "playbooks").mkdir()
    steps = [action("a", then=B, marks={"destructive": True}), action("b")]
    (folder / "playbooks" / "mine.json").write_bytes(written(document(A, steps, name="mine")))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    from cityward.city import init

    folder = tmp_path_factory.mktemp("respond") / "city"
    return init(folder, name="Chicago", territories=chicago / "community_areas.geojson")


def test_a_run_from_its_beginning_to_its_end(city: Path) -> None:
    at = ("--city", city)
    assert "mine" in typed("respond", "list", *at).stdout
    dry = typed("respond", "run", "mine", "--for", "mail-server", *at).stdout
    assert "Dry: nothing is done" in dry
    assert "two persons approve first" in dry
    assert "No playbook runs" in typed("respond", "show", *at).stdout
    assert "Nobody is named" in typed("respond", "run", "mine", "--for", "x", "--for-real", *at, code=2).stderr
    begun = typed("respond", "run", "mine", "--for", "mail-server", "--for-real", "--by", "Ana Gomez", *at).stdout
    name = re.findall(r"PR-[0-9a-f]{10}", begun)[0]
    assert f"cityward respond approve {name} 1" in begun
    typed("respond", "approve", name, "1", "--by", "Ana Gomez", *at)
    assert "already" in typed("respond", "approve", name, "1", "--by", "Ana Gómez", *at, code=1).stderr
    assert "waits for person" in typed("respond", "approve", name, "1", "--by", "Bo Li", *at).stdout
    said = ("--by", "Bo Li", "--evidence", "It was done at noon")
    assert "done by Bo Li" in typed("respond", "done", name, "1", *said, *at).stdout
    shown = json.loads(typed("respond", "show", name, "--json", *at).stdout)
    assert [one["state"] for one in shown["steps"]] == ["done", "waits"]
    assert "waits for a person" in typed("respond", "resume", name, *at).stdout
    stopped = typed("respond", "stop", name, "--by", "Bo Li", "--because", "It was a false alarm", *at).stdout
    assert "was stopped" in stopped
    assert "false alarm" in typed("explain", name, *at).stdout
    assert name in typed("respond", "show", "--all", *at).stdout
    assert "whole, in order" in typed("verify", *at).stdout


def test_check_says_all_problems_and_ends_with_one(tmp_path: Path) -> None:
    bad, good, odd = tmp_path / "bad.json", tmp_path / "good.json", tmp_path / "odd.json"
    good.write_bytes(written(document(A, [action("a")])))
    bad.write_bytes(written(document(A, [action("a", {"type": "bash", "command": "id"}, timeout=0)])))
    odd.write_bytes(b"\xff\xfe")
    told = typed("respond", "check", good, bad, odd, "--city", tmp_path, code=1).stdout
    assert "good.json: no problem" in told
    assert "commands/0: Commands of type 'bash'" in told
    assert "has no time-out" in told
    assert "not UTF-8" in told
    found = json.loads(typed("respond", "check", bad, "--json", "--city", tmp_path, code=1).stdout)
    assert {"place", "what", "remedy"} == set(found[str(bad)][0])
    assert "cannot be read" in typed("respond", "check", tmp_path / "none.json", code=2).stderr


def test_every_playbook_runs_dry_on_the_example_city() -> None:
    inventory = ROOT / "docs" / "examples" / "city-systems"
    listed = json.loads(typed("respond", "list", "--json", "--city", inventory).stdout)["playbooks"]
    assert len(listed) == 7
    for one in listed:
        told = typed(
            "respond", "run", one["key"], "--for", "file-shares", "--inventory", inventory, "--city", inventory
        )
        assert "Not possible here: 0" in told.stdout
        assert "File" in told.stdout.splitlines()[0]
    none = typed("respond", "run", "ransomware", "--for", "no-such", "--inventory", inventory, code=2)
    assert "in no file of the inventory" in none.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "no-such", "--for", "x"), "no playbook"),
        (("run", "ransomware", "--for", "two words"), "no identifier"),
        (("run", "ransomware", "--for", "x", "--set", "nonsense"), "NAME=VALUE"),
        (("run", "stolen-password", "--for", "x", "--set", "attacker=1;2"), "no ipv4-addr"),
    ],
)
def test_mistakes_are_told(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    assert says in typed("respond", *words, "--city", tmp_path, code=2).stderr
