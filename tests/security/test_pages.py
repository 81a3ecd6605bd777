"""The pages of requirements and threats say what there is: every requirement, and tests that exist."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PER_LEVEL = {1: 70, 2: 183}


def _written() -> Any:
    spec = importlib.util.spec_from_file_location("write_security", ROOT / "docs" / "write_security.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _tests_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_requirement_has_an_answer() -> None:
    all_ = _written().told("asvs.toml")
    ids = [one["id"] for one in all_]
    assert len(set(ids)) == len(ids) == 253
    assert {level: sum(one["level"] == level for one in all_) for level in (1, 2)} == PER_LEVEL
    for one in all_:
        if one["state"] == "met":
            assert one["tests"], one["id"]
        else:
            assert one["state"] in ("not met", "not applicable")
            assert one["reason"].strip(), one["id"]


def test_every_named_test_exists() -> None:
    module = _written()
    for one in (*module.told("asvs.toml"), *module.told("threats.toml")):
        for test in one.get("tests", ()):
            path, _, name = test.partition("::")
            assert name.startswith("test_")
            assert name in _tests_of(path), test


def test_every_threat_has_a_test_or_is_open() -> None:
    for one in _written().told("threats.toml"):
        assert bool(one.get("tests")) != bool(one.get("open")), one


def test_the_pages_are_current() -> None:
    for name, text in _written().pages().items():
        assert (ROOT / "docs" / "security" / name).read_text("utf-8") == text, "Run: python docs/write_security.py"


def test_every_bound_stands_on_the_page_of_limits() -> None:
    from cityward.core import limits

    page = (ROOT / "docs" / "security" / "limits.md").read_text("utf-8")
    names = [name for name in vars(limits) if name.isupper()]
    assert len(names) > 60
    assert all(f"| `{name}` |" in page for name in names)


def test_the_inventory_of_cryptography_names_every_algorithm_that_is_imported() -> None:
    page = (ROOT / "docs" / "security" / "cryptography.md").read_text("utf-8").replace("-", "").lower()
    others = {"Encoding", "NoEncryption", "PrivateFormat", "PublicFormat"}
    for path in (ROOT / "src" / "cityward").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            module = getattr(node, "module", None) or ""
            if not isinstance(node, ast.ImportFrom) or not module.startswith(
                ("cryptography.hazmat.primitives", "hashlib")
            ):
                continue
            for alias in node.names:
                name = alias.name.removesuffix("PrivateKey").removesuffix("PublicKey")
                if (name[0].isupper() and name not in others) or name in ("sha256", "blake2b"):
                    assert name.lower() in page, (path, name)


def test_what_the_documents_promise_is_written() -> None:
    folder = ROOT / "docs" / "security"
    wanted = {
        "cryptography.md": ("Policy of keys", "SP 800-57", "When an algorithm falls"),
        "components.md": ("Times to mend", "NOT AUDITED", "costs much"),
        "logs.md": ("turned-away/", "standard error", "never says"),
        "data-classes.md": ("rows of persons", "secrets", "backups"),
        "../access.md": ("How the two ends meet",),
    }
    for name, texts in wanted.items():
        page = (folder / name).read_text("utf-8")
        assert all(text in page for text in texts), name
