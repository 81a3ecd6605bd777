"""No way around the doors: nothing above guard reaches the store, by import, by name, or through what it is given."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType, MethodType, ModuleType

import polars as pl
import pytest
from tests.guard.granted import COARSE, fill, grant, keeper, rows

import cityward
from cityward.city import City
from cityward.guard.keeper import Keeper

ROOT = Path(cityward.__file__).parent
GUARD_AND_BELOW = {"guard", "secure", "private", "answerable", "equitable", "store", "core"}
ABOVE = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in GUARD_AND_BELOW)
STORES = re.compile(r"cityward\.store\b|\bcityward/store\b")


def _names(tree: ast.Module) -> set[str]:
    """Everything that a module imports, also inside functions, and relatively."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = "cityward" if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def ways_around(source: str) -> list[str]:
    """What in a module's text would lead to the store past the doors."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = [name for name in _names(tree) if STORES.search(name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found += STORES.findall(node.value)
        # The names of what leads on inside a guarded object, and of the ways to ask for them by text.
        if isinstance(node, ast.Attribute) and node.attr in {"_inside", "engine", "_mro", "__globals__"}:
            found.append(node.attr)
        if isinstance(node, ast.Constant) and node.value == "_inside":
            found.append("_inside")
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in {"sys.modules", "__import__"}:
            found.append(ast.unparse(node))
    return found


def test_there_is_something_above() -> None:
    assert len(ABOVE) > 100


@pytest.mark.parametrize("path", ABOVE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_above_guard_leads_to_the_store(path: Path) -> None:
    assert not ways_around(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "import cityward.store.history",
        "from cityward.store.history import HistoryReader",
        "from cityward import store",
        "from ..store import history",
        "def f():\n    from cityward.store import registers",
        "import importlib\nimportlib.import_module('cityward.store.history')",
        "__import__('cityward.' + 'store')",
        "city.registers._inside.engine",
        "getattr(city.keeper, '_inside')",
        "import sys\nsys.modules['cityward']",
    ],
)
def test_the_test_itself_finds_each_way(source: str) -> None:
    assert ways_around(source)


def _public(thing: object) -> dict[str, object]:
    """What can be had from an object by the names that are meant for others; nothing is called."""
    names = [name for name in dir(thing) if not name.startswith("_")]
    return {name: getattr(thing, name) for name in names}


def _of_store(thing: object) -> bool:
    if isinstance(thing, ModuleType):
        return thing.__name__.startswith("cityward.store")
    owner = thing.__func__ if isinstance(thing, MethodType) else thing
    module = owner.__module__ if isinstance(owner, FunctionType | type) else type(owner).__module__
    return str(module).startswith(("cityward.store", "sqlalchemy"))


def handed_up(start: object, depth: int = 3) -> list[str]:
    """Paths of public names from an object to anything that the store made."""
    found, seen, waiting = [], set(), [(type(start).__name__, start)]
    for _ in range(depth):
        further = []
        for path, thing in waiting:
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            for name, value in _public(thing).items():
                if _of_store(value):
                    found.append(f"{path}.{name}")
                elif str(type(value).__module__).startswith("cityward"):
                    further.append((f"{path}.{name}", value))
        waiting = further
    return found


def test_guarded_objects_hand_out_nothing_that_the_store_made(tmp_path: Path) -> None:
    kept, _ = keeper(tmp_path, one=grant())
    fill(kept, rows(50, 5))
    reading = kept.reading("reader-one", "research")
    look = reading.over(COARSE, until=datetime(2014, 7, 1, tzinfo=UTC))
    for thing in (kept, kept.registers, kept.outbox("reader-one", "research"), reading, look):
        assert handed_up(thing) == []


def test_a_city_hands_out_nothing_that_the_store_made(demo_copy: City) -> None:
    assert handed_up(demo_copy) == []


def test_the_walk_itself_finds_what_the_store_made(tmp_path: Path) -> None:
    kept, _ = keeper(tmp_path)
    assert "Registers.engine" in handed_up(kept.registers._inside)


def test_what_leaves_is_a_frame_of_values(tmp_path: Path) -> None:
    kept, _ = keeper(tmp_path, one=grant())
    fill(kept, rows(50, 5))
    reading = kept.reading("reader-one", "research")
    for found in (reading.frame(COARSE), reading.counts(("service",))):
        assert type(found) is pl.DataFrame
    plan = reading.frame(COARSE).lazy().explain()
    assert "text" not in plan
    assert "PARQUET" not in plan.upper()
    for method in (Keeper.reading, Keeper.quarantine):
        assert "LazyFrame" not in inspect.signature(method).return_annotation
