"""What must be nowhere in the program, looked for in all of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City
from cityward.console import mount_console

ROOT = Path(__file__).resolve().parents[2]
SOURCE = sorted((ROOT / "src" / "cityward").rglob("*.py"))
KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
)
SECRET = re.compile(r"(^|_)(secret|password|passphrase|mac|hmac|seal|token)$")


def test_no_key_lies_in_the_repository() -> None:
    for folder in ("src", "docs", "scripts", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".toml", ".md", ".json", ".js", ".html", ".pem", ""):
                assert not KEY.search(path.read_text("utf-8", "replace")), path


def test_secrets_are_compared_in_constant_time() -> None:
    """Whoever compares something named like a secret uses `hmac.compare_digest`."""
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                continue
            for side in (node.left, *node.comparators):
                name = side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", "")
                other = [one for one in (node.left, *node.comparators) if one is not side]
                constant = all(isinstance(one, ast.Constant) for one in other)
                assert constant or not SECRET.search(name), f"{path}:{node.lineno}"


def test_no_weak_hash_is_used() -> None:
    for path in SOURCE:
        assert not re.search(r"\b(md5|sha1)\b\(", path.read_text("utf-8")), path


def test_secrets_come_from_the_generator_of_the_system() -> None:
    """`random` is no source of secrets, and is imported nowhere."""
    for path in SOURCE:
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*(import random|from random import)", text, re.MULTILINE), path


def test_no_query_is_written_from_what_was_sent() -> None:
    """Text of SQL is written by hand only where it holds no value: never by a formatted string with a field."""
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sql.text", "text", "sqlalchemy.text"):
                inner = [one for part in node.args if isinstance(part, ast.JoinedStr) for one in part.values]
                fields = [ast.unparse(one.value) for one in inner if isinstance(one, ast.FormattedValue)]
                assert all(one.isupper() or one.startswith("_") or "." in one or one == "ours" for one in fields), (
                    f"{path}:{node.lineno}"
                )


def test_scripts_store_nothing_in_the_browser() -> None:
    for path in (ROOT / "src/cityward/console/static").glob("*.js"):
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", path.read_text("utf-8")), path


def test_scripts_set_no_property_by_a_name_that_came_from_outside() -> None:
    """``object[name] = value`` with a name of data could set ``__proto__``; names of ours go into a Map."""
    for path in (ROOT / "src/cityward/console/static").glob("*.js"):
        text = path.read_text("utf-8")
        assert not re.search(r"\b[\w.]+\[[A-Za-z_$][\w.$]*\]\s*=[^=]", text), path
        assert not re.search(r"Object\.assign\(|__proto__|for \((const|let) \w+ in |innerHTML|\beval\(", text), path


@pytest.fixture(scope="module")
def client(small: City) -> TestClient:
    app = create_app(small)
    mount_console(app, small)

    @app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError("postgresql://name:secret@db/x")

    return TestClient(app, raise_server_exceptions=False)


def test_nothing_of_the_inside_is_shown_when_something_breaks(client: TestClient) -> None:
    answer = client.get("/breaks")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "RuntimeError" in answer.text


def test_no_folder_is_listed_and_no_method_is_echoed(client: TestClient) -> None:
    assert client.get("/static/").status_code == 404
    assert client.get("/static/../pages.py").status_code == 404
    assert client.request("TRACE", "/").status_code == 405
    assert "server" not in client.get("/api/health").headers


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"as_of":' + b"9" * 100_000 + b"}"])
def test_json_of_any_depth_is_answered(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/turns", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 5_000
