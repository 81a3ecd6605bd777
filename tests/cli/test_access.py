"""The command access: the first person, a token, and that the ledger hears of both without a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.console.test_every_page import _empty

from cityward.cli.main import group
from cityward.core.errors import Refused


def run(home: Path, *words: str) -> str:
    done = CliRunner().invoke(group, ["access", *words, "--city", str(home)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_from_nobody_to_a_person_and_a_token(tmp_path: Path) -> None:
    home = _empty(tmp_path)
    assert "Nobody may come in yet" in run(home, "people")
    with pytest.raises(Refused, match="first person"):
        run(home, "invite", "Ana Gómez", "--role", "operator")
    told = json.loads(run(home, "invite", "Ana Gómez", "--role", "security officer", "--json"))
    assert told["link"].endswith(f"/sign-in/invited#{told['code']}")
    made = json.loads(run(home, "token", "311 feed", "--scope", "intake:write", "--source", "311", "--json"))
    assert made["token"]["scopes"] == ["intake:write", "source:311"]
    listed = run(home, "tokens") + run(home, "people") + run(home, "sessions")
    assert made["secret"] not in listed
    assert told["code"] not in listed
    assert "revoked" in run(home, "revoke", made["token"]["id"])
    ledger = b"".join(path.read_bytes() for path in (home / "ledger").rglob("*") if path.is_file())
    assert b"person invited" in ledger
    assert b"token revoked" in ledger
    assert "Gómez".encode() not in ledger
