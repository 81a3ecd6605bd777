"""Style as a test: what CONTRIBUTING asks of every file, and that the door is the only way into history."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "cityward"
MODULES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PYTHON = [*MODULES, *TESTS, *sorted((ROOT / "benchmarks").rglob("*.py"))]
LINES_MAX = 600
FUNCTION_LINES_MAX = 70
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


@cache
def _imported(path: Path) -> set[str]:
    """Full names of everything that a module imports, inside functions too."""
    names: set[str] = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` of a chain of attributes; what does not begin with a name begins with a question mark."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


@cache
def _called(path: Path) -> set[str]:
    """Dotted names of everything that is called or referred to: ``datetime.now``, ``np.random.seed``."""
    return {_dotted(node) for node in _nodes(path) if isinstance(node, ast.Attribute)}


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """The trees of all files are large; the tests that come after do not need them."""
    yield
    for known in (_text, _tree, _nodes, _imported, _called):
        known.cache_clear()


def _breaches(paths: Iterable[Path], rule: Callable[[Path], object]) -> dict[str, object]:
    """What breaks ``rule``, by file: one test asks it of every file, or there would be thousands of tests."""
    return {_name(path): found for path in paths if (found := rule(path))}


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function; its docstring does not count, so that nobody is tempted to shorten one."""
    told = len((ast.get_docstring(function, clean=False) or "").splitlines())
    return (function.end_lineno or 0) - function.lineno + 1 - told


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 50
    assert len(TESTS) > 50


def test_a_file_can_be_read_in_one_sitting() -> None:
    lines = {_name(path): len(_text(path).splitlines()) for path in PYTHON}
    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}


def test_a_function_fits_a_screen() -> None:
    def long(path: Path) -> set[str]:
        functions = [node for node in _nodes(path) if isinstance(node, FUNCTION)]
        return {node.name for node in functions if _lines(node) > FUNCTION_LINES_MAX}

    assert _breaches(MODULES, long) == {}


def test_a_module_says_what_it_is() -> None:
    assert [_name(path) for path in MODULES if not ast.get_docstring(_tree(path))] == []


def test_a_folder_says_what_enters_what_leaves_and_what_it_never_does() -> None:
    def unsaid(package: Path) -> list[str]:
        told = ast.get_docstring(_tree(package)) or ""
        return [word for word in ("Enters", "Leaves", "[Nn]ever") if not re.search(rf"\b{word}\b", told)]

    assert _breaches(SOURCE.glob("*/__init__.py"), unsaid) == {}


def test_time_and_chance_come_from_the_clock_alone() -> None:
    forbidden = re.compile(
        r"(^|\.)(datetime|date)\.(now|today|utcnow)$|^time\.(time|sleep|monotonic)$"
        r"|(^|\.)random\.(seed|random|shuffle|choice|default_rng|rand|randint|normal|poisson)$"
    )

    def taken(path: Path) -> set[str]:
        called = {name for name in _called(path) if forbidden.search(name)}
        return called | _imported(path) & {"random", "secrets.SystemRandom"}

    assert _breaches((path for path in MODULES if path.name != "clock.py"), taken) == {}


def test_only_the_command_line_prints() -> None:
    def prints(path: Path) -> list[int]:
        calls = [node for node in _nodes(path) if isinstance(node, ast.Call)]
        return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]

    # The program for people elsewhere is a command line of its own, in one file.
    own = [path for path in MODULES if "cli" not in path.parts and path.name != "standalone_verifier.py"]
    assert _breaches(own, prints) == {}


def test_no_note_to_self_is_left() -> None:
    assert _breaches(PYTHON, lambda path: re.findall(r"#\s*(?:TODO|FIXME|XXX|HACK)\b", _text(path))) == {}


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    excused = re.compile(r"^pytest\.(mark\.)?(skip|skipif|xfail|importorskip)$")
    assert _breaches(TESTS, lambda path: {name for name in _called(path) if excused.search(name)}) == {}


def test_only_the_door_can_write_history() -> None:
    writer = "cityward.store.history_writer"
    importers = {path.relative_to(SOURCE).as_posix() for path in MODULES if writer in _imported(path)}
    outside = {path for path in importers if not path.startswith("store/")}
    assert outside == {"guard/admit.py", "guard/decided.py"}


def test_nobody_else_makes_a_writer() -> None:
    makers = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        for node in _nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("HistoryWriter")
    }
    assert makers == {"guard/admit.py", "guard/decided.py"}


def test_only_the_door_of_decisions_writes_decisions() -> None:
    makers = {
        (path.relative_to(SOURCE).as_posix(), ast.unparse(node))
        for path in MODULES
        for node in _nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("HistoryWriter")
    }
    assert {path for path, call in makers if "DECISIONS" in call} == {"guard/decided.py"}
    assert all("DECISIONS" in call for path, call in makers if path == "guard/decided.py")
    assert "DECISIONS" not in _text(SOURCE / "guard" / "admit.py")


def test_only_the_store_knows_the_tables() -> None:
    users = {
        path.relative_to(SOURCE).parts[0]
        for path in MODULES
        if any(name.split(".")[0] == "deltalake" for name in _imported(path))
    }
    assert users == {"store"}


def test_the_layers_that_are_drawn_are_the_layers_that_are_checked() -> None:
    drawn = _text(ROOT / "CONTRIBUTING.md")
    checked = re.search(r"\nlayers =\n((?:    .+\n)+)", _text(ROOT / ".importlinter"))
    assert checked
    assert " > ".join(line.strip() for line in checked[1].splitlines()) in " ".join(drawn.split())
