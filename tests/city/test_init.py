"""What 'cityward init' is given: territories and time zones that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cityward.city import init
from cityward.city.settings import load_settings
from cityward.core.errors import SettingsError, TerritoryError

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}


def territories(folder: Path, content: Any) -> Path:
    path = folder / "areas.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"features": [{"type": "Feature", "properties": None, "geometry": SQUARE}]},
        {"features": [{"type": "Feature", "properties": ["a"], "geometry": SQUARE}]},
        {"features": [{"type": "Feature", "geometry": SQUARE}]},
        {"features": []},
        {"features": "none"},
        [],
        "[" * 100_000,
        "no json",
        "",
    ],
    ids=["null", "list", "missing", "no features", "text", "array", "deep", "not json", "empty"],
)
def test_territories_that_are_none_are_told_and_nothing_is_made(tmp_path: Path, content: Any) -> None:
    with pytest.raises(TerritoryError):
        init(tmp_path / "city", name="C", territories=territories(tmp_path, content))
    assert not (tmp_path / "city").exists()


def test_a_new_city_shows_how_its_contact_is_named(tmp_path: Path) -> None:
    file = territories(tmp_path, {"features": [{"type": "Feature", "properties": {"id": "1"}, "geometry": SQUARE}]})
    home = init(tmp_path / "city", name="C", territories=file)
    assert load_settings(home).privacy.contact is None
    made = (home / "city.toml").read_text("utf-8")
    (home / "city.toml").write_text(made.replace("# [privacy]", "[privacy]").replace("# contact", "contact"), "utf-8")
    assert "privacy@example.org" in (load_settings(home).privacy.contact or "")


@pytest.mark.parametrize("name", ["localtime", "Mars/Base", "", "../UTC", "UTC\0"])
def test_a_time_zone_that_not_everybody_knows_is_told(tmp_path: Path, name: str) -> None:
    file = territories(tmp_path, {"features": [{"type": "Feature", "properties": {"id": "1"}, "geometry": SQUARE}]})
    with pytest.raises(SettingsError, match="time zone"):
        init(tmp_path / "city", name="C", territories=file, time_zone=name)
    assert not (tmp_path / "city").exists()
