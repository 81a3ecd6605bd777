"""``city.toml`` as it is read: what contradicts itself is told with its file and line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.city.settings import load_settings
from cityward.core.errors import SettingsError

CITY = """
[city]
name = "C"

[[territories]]
level = "area"
file = "territories/area.geojson"
"""
FIRST_LINE = CITY.count("\n") + 1


def written(folder: Path, more: str) -> Path:
    (folder / "city.toml").write_text(CITY + more, encoding="utf-8")
    return folder


def group(name: str, sources: str = "") -> str:
    return f"[release.groups.{name}]\nepsilon = 1.0\n" + (f"sources = [{sources}]\n" if sources else "")


@pytest.mark.parametrize(
    ("groups", "line", "said"),
    [
        (group("one", '"lamps"') + group("two", '"roads", "lamps"'), 6, "'lamps', as release.groups.one does"),
        (group("one", '"lamps", "lamps"'), 3, "'lamps' twice"),
        (group("one") + group("two"), 3, "no other group names, as release.groups.one does"),
        (group("one", '"lamps"') + group('"the others"') + group("three"), 6, "as release.groups.the others does"),
    ],
    ids=["shared", "twice in one", "all others twice", "quoted name"],
)
def test_two_groups_never_share_a_source(tmp_path: Path, groups: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError, match="Name each source once") as told:
        load_settings(written(tmp_path, groups))
    assert f"city.toml, line {FIRST_LINE + line - 1}: " in str(told.value)
    assert said in str(told.value)


def test_groups_that_share_nothing_are_read(tmp_path: Path) -> None:
    read = load_settings(written(tmp_path, group("one", '"lamps"') + group("two", '"roads"') + group("others")))
    assert list(read.release.groups) == ["one", "two", "others"]


@pytest.mark.parametrize("contact", ['""', '"   "', '"a\\nb"', '"a\\u0000b"', f'"{"x" * 301}"', "7"])
def test_a_contact_that_nobody_can_read_is_told(tmp_path: Path, contact: str) -> None:
    with pytest.raises(SettingsError, match=rf"line {FIRST_LINE + 1}: privacy\.contact"):
        load_settings(written(tmp_path, f"[privacy]\ncontact = {contact}\n"))
