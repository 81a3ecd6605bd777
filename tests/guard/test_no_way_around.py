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


# -- open data ---------------------------------------------------------------------------------------

EVERY = sorted(ROOT.rglob("*.py"))
OPEN_DATA = ROOT / "guard" / "open_data.py"
WRITES = re.compile(
    r"^(replace_file|write_all|open|fdopen|write|write_text|write_bytes|write_csv|write_parquet|write_json|write_ndjson|"
    r"sink_csv|sink_parquet|save|copy|copy2|copyfile|copytree|move|rename|replace|mkdir|makedirs|touch|symlink_to|"
    r"hardlink_to|unlink|rmtree)$"
)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _names_open(node: ast.AST) -> bool:
    """Whether an expression is a part of a path into ``open/``."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"open(/|$)", node.value) is not None
    )


def ways_into_open_data(source: str) -> list[str]:
    """What in a module's text makes a path into ``open/``, or writes to one that it was given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _names_open(node.right):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call):
            given = [*node.args, *(named.value for named in node.keywords)]
            if _called(node) in {"Path", "PurePath", "joinpath", "join"} and any(map(_names_open, given)):
                found.append(ast.unparse(node))
            told = [*given, node.func.value] if isinstance(node.func, ast.Attribute) else given
            if WRITES.match(_called(node)) and any("open_folder" in ast.unparse(one) for one in told):
                found.append(ast.unparse(node))
        if isinstance(node, ast.JoinedStr):
            told = [str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values]
            # An address on a page begins with it; a path on disk has a folder before.
            if any("/open/" in one for one in told) and not told[0].startswith("/open/"):
                found.append(ast.unparse(node))
    return found


OF_OTHERS = ROOT / "city" / "nation.py"
"""Reads what other cities published."""


@pytest.mark.parametrize(
    "path", [path for path in EVERY if path not in {OPEN_DATA, OF_OTHERS}], ids=lambda path: str(path.relative_to(ROOT))
)
def test_only_the_way_out_writes_open_data(path: Path) -> None:
    assert not ways_into_open_data(path.read_text(encoding="utf-8"))


def test_who_reads_open_data_of_others_writes_nothing() -> None:
    calls = [node for node in ast.walk(ast.parse(OF_OTHERS.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert [_called(call) for call in calls if WRITES.match(_called(call)) and _called(call) != "open"] == []
    opened = [ast.unparse(call) for call in calls if _called(call) == "open"]
    assert opened == ["file.open('rb')"]


@pytest.mark.parametrize(
    "source",
    [
        "replace_file(city.path / 'open' / 'data.csv', data)",
        "(city.path / 'open/data.csv').write_text(rows)",
        "Path(folder, 'open').mkdir()",
        "os.path.join(folder, 'open', name)",
        "frame.write_csv(city.releases.open_folder / 'rows.csv')",
        "shutil.copy(found, target=open_folder(city.path))",
        "open(f'{folder}/open/data.csv', 'w')",
    ],
)
def test_the_test_itself_finds_each_way_into_open_data(source: str) -> None:
    assert ways_into_open_data(source)


def test_the_way_out_is_found_by_the_test_too() -> None:
    assert ways_into_open_data(OPEN_DATA.read_text(encoding="utf-8"))


# -- orders ------------------------------------------------------------------------------------------


def test_only_who_moves_an_order_is_handed_it_without_a_grant() -> None:
    """What a step needs of an order is no way to read orders."""
    movers = {"city/orders.py", "city/sending.py"}
    users = {
        str(path.relative_to(ROOT))
        for path in ABOVE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and (node.attr in {"held_of", "held_by_token"} or (node.attr == "held" and "order" in ast.unparse(node.value)))
    }
    assert "city/orders.py" in users
    assert users <= movers


# -- what is handed up -------------------------------------------------------------------------------


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
