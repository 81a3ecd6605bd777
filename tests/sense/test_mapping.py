"""A slip in a mapping is told with its line and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.core.errors import SettingsError
from cityward.sense.mapping import load_mapping, parse_mapping

GOOD = """source = "calls"
kind = "request"
domain = "energy"
time_zone = "America/Bogota"
delimiter = ";"
encoding = "latin-1"
date_formats = ["%d/%m/%Y %H:%M"]

[columns]
id = "folio"
occurred_at = "fecha"
lon = "x"
lat = "y"
status = "estado"

[status]
open = ["abierto"]
closed = ["cerrado"]

[service]
default = "street light"
"""


def test_a_good_mapping_is_taken():
    mapping = parse_mapping(GOOD, "map.toml")
    assert mapping.wanted() == ["folio", "fecha", "estado", "x", "y"]
    assert mapping.class_of("text") == "free-text"


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("time_zone", "timezone", 4, "Did you mean 'time_zone'?"),
        ("occurred_at", "occured_at", 11, "Did you mean 'occurred_at'?"),
        ("[service]", "[services]", 20, "Did you mean 'service'?"),
        ('"request"', '"wish"', 2, "Correct the value"),
        ('"energy"', "5", 3, "Correct the value"),
        ('"calls"', '"Calls of May"', 1, "Correct the value"),
        ('"America/Bogota"', '"America/Bogotá"', 4, "Did you mean 'America/Bogota'?"),
        ('"America/Bogota"', '"localtime"', 4, "IANA name"),
        ('"America/Bogota"', '"posix/America/Bogota"', 4, "Did you mean"),
        ('"America/Bogota"', '"America"', 4, "time zone"),
        ('";"', '";;"', 5, "Correct the value"),
        ('";"', '"\\n"', 5, "leave it out"),
        ('";"', '"é"', 5, "leave it out"),
        ('";"', "'\"'", 5, "leave it out"),
        ('"latin-1"', '"latin-99"', 6, "Write 'utf-8'"),
        ('"latin-1"', '"undefined"', 6, "Write 'utf-8'"),
        ('"latin-1"', '"zlib"', 6, "Write 'utf-8'"),
        ('"latin-1"', '"a\\u0000b"', 6, "Write 'utf-8'"),
        ('"%d/%m/%Y %H:%M"', '"dd/mm/yyyy"', 7, "%d/%m/%Y"),
        ('"%d/%m/%Y %H:%M"', '"%d/%m %H:%M"', 7, "%d/%m/%Y"),
        ('"%d/%m/%Y %H:%M"', '"%Q"', 7, "%d/%m/%Y"),
        ('lat = "y"', "", 12, "Add lat"),
        ('id = "folio"', "", 9, "Correct the value"),
        ('id = "folio"', 'id = "*"', 9, "Rename it"),
        ('id = "folio"', 'id = "^.*$"', 9, "Rename it"),
        ('["abierto"]', '["Cerrado"]', 16, "Keep it under one of them"),
        ('open = ["abierto"]\nclosed = ["cerrado"]', "", 14, "Add [status]"),
        ('default = "street light"', "", 9, "[service] with default"),
        ('default = "street light"', 'default = "a"\n[classes]\nfolio = "secret"', 22, "Correct the value"),
        ('"calls"', '"calls', 1, "strings need quotes"),
    ],
)
def test_a_slip_names_its_line_and_its_remedy(old: str, new: str, line: int, told: str):
    assert old in GOOD
    with pytest.raises(SettingsError) as error:
        parse_mapping(GOOD.replace(old, new, 1), "map.toml")
    assert "map.toml" in error.value.what
    assert f"line {line}" in error.value.what
    assert told in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"source = \xe9"])
def test_a_mapping_that_is_no_text_is_told(tmp_path: Path, content: bytes):
    path = tmp_path / "map.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="UTF-8"):
        load_mapping(path)


def test_a_missing_mapping_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match="does not exist"):
        load_mapping(tmp_path / "map.toml")
