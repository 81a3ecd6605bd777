"""TOML errors name the file, the line and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from cityward.core.errors import SettingsError
from cityward.core.toml_text import decode_toml, decode_toml_text, line_of


class Part(msgspec.Struct, forbid_unknown_fields=True):
    level: str
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    city: Part
    parts: list[Part] = []


GOOD = '[city]\nlevel = "area"\nsize = 3\n\n[[parts]]\nlevel = "a"\n\n[[parts]]\nlevel = "b"\nsize = 2\n'


def _wrong(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        decode_toml_text(text, Whole, "city.toml")
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text("\ufeff" + GOOD, encoding="utf-8")
    assert decode_toml(file, Whole).parts[1].size == 2


def test_an_unknown_key_is_named_with_its_line_and_the_key_that_was_meant() -> None:
    assert _wrong(GOOD.replace("size = 3", "sizes = 3")) == (
        "city.toml, line 3: unknown key 'sizes'. Did you mean 'size'?"
    )


def test_an_unknown_key_that_is_near_nothing_lists_what_is_known() -> None:
    assert "Known here: level, size." in _wrong(GOOD.replace("size = 3", "zzzz = 3"))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("size = 3", "size = 0", 3), ('level = "area"', "level = 1", 2), ("size = 2", 'size = "two"', 10)],
)
def test_a_bad_value_is_named_with_its_line(old: str, new: str, line: int) -> None:
    assert f"line {line}:" in _wrong(GOOD.replace(old, new))


def test_a_missing_table_is_named() -> None:
    assert "city" in _wrong('[[parts]]\nlevel = "a"\n')


def test_what_is_not_toml_says_so() -> None:
    message = _wrong("[city\n")
    assert "not valid TOML" in message
    assert "line 1" in message


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cityward init"):
        decode_toml(tmp_path / "city.toml", Whole)


def test_a_file_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_bytes(GOOD.replace("area", "\xe9rea").encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        decode_toml(file, Whole)


def test_a_folder_in_place_of_a_file_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        decode_toml(tmp_path, Whole)


@pytest.mark.parametrize(("key", "line"), [(".city.size", 3), (".parts[0].level", 6), (".parts[1].level", 9)])
def test_the_line_of_a_key(key: str, line: int) -> None:
    assert line_of(GOOD, key) == line
