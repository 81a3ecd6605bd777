"""Liability files from the command line: assembled, sealed, checked elsewhere, and what is typed wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.city.deciding import small_city

from cityward.cli.main import group
from cityward.core.errors import LedgerError, UnknownId, UserError

BY = ("--by", "Marta Ruiz", "--because", "A claim was announced by letter.")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["liability", *map(str, arguments)])


def cityward(*arguments: str | Path) -> str:
    """What is printed; an error is raised, as the program's own ``main`` tells it."""
    done = run(*arguments)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_a_file_is_sealed_and_checked_without_its_city(tmp_path: Path) -> None:
    home, trees = small_city(tmp_path)
    city, tree, file = ("--city", home), trees["tree 1"], tmp_path / "tree.zip"
    told = cityward(tree, *city)
    assert "Every duty had been accepted at that moment." in told
    assert "What this file cannot say" in told
    assert json.loads(cityward("file", tree, *city, "--json"))["decision"] == tree
    held = json.loads(cityward("hold", tree, *BY, *city, "--json"))
    assert f"{held['id']}  {tree}  stands" in cityward("holds", *city)
    opened = cityward("incident", "open", tree, "--kind", "death", "--what", "A branch fell.", *BY[:2], *city)
    assert "10 days are left." in opened
    name = json.loads(cityward("incident", "list", *city, "--json"))[0]["incident"]["id"]
    assert "with an incomplete report" in cityward("incident", "report", name, "--incomplete", *BY[:2], *city)
    assert "The authority was told" in cityward("incident", "close", name, *BY, *city)
    assert "liability verify" in cityward(tree, "--to", file, *city)
    with pytest.raises(UserError, match="never written over"):
        cityward(tree, "--to", file, *city)
    assert "released by Marta Ruiz" in cityward("release", held["id"], *BY, *city)

    key = tmp_path / "city.pub"
    key.write_bytes(next((home / "keys").glob("*.pub")).read_bytes())
    home.rename(tmp_path / "elsewhere")
    assert "is whole: every byte is as it was sealed. It was checked with the key that it brings" in cityward(
        "verify", file
    )
    told = json.loads(cityward("verify", file, "--key", key, "--json"))
    assert (told["ok"], told["trusted"], told["decision"]) == (True, True, tree)

    data = bytearray(file.read_bytes())
    data[data.index(b"Some Owner")] ^= 1
    bad = tmp_path / "bad.zip"
    bad.write_bytes(data)
    done = run("verify", bad)
    assert done.exit_code == 1
    assert "This file is not as it was sealed: " in done.stdout
    assert ".html was changed" in done.stdout or ".json was changed" in done.stdout


def test_what_is_typed_wrongly_is_told(tmp_path: Path) -> None:
    home, trees = small_city(tmp_path)
    city, tree = ("--city", home), trees["tree 1"]
    for arguments, kind in (
        (("D-0123456789", *city), UnknownId),
        (("hold", "D-0123456789", *BY, *city), UnknownId),
        (("release", "Z-0123456789", *BY, *city), UnknownId),
        (("hold", tree, "--by", "Marta", "--because", "A long enough reason.", *city), UserError),
        ((tree, "--to", tmp_path / "no" / "such.zip", *city), UserError),
        (("verify", tmp_path / "none.zip"), UserError),
        (("verify", home / "city.toml"), UserError),
    ):
        with pytest.raises(kind):
            cityward(*arguments)
    assert "No evidence is held." in cityward("holds", *city)
    assert "No serious incident is noted." in cityward("incident", "list", *city)
    sealed = tmp_path / "tree.zip"
    cityward(tree, "--to", sealed, *city)
    with pytest.raises(LedgerError):
        cityward("verify", sealed, "--key", tmp_path / "none.pub")
    assert isinstance(run("incident", "open", tree, "--kind", "grave").exception, (SystemExit, click.ClickException))
