"""Style as a test: what CONTRIBUTING asks of every file, and that the door is the only way into history."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "cityward"
MODULES = sorted(SOURCE.rglob("*.py"))
PYTHON = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
LINES_MAX = 600
FUNCTION_LINES_MAX = 70
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imported(tree: ast.Module) -> set[str]:
    """Full names of everything that a module imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _called(tree: ast.Module) -> set[str]:
    """Dotted names of everything that is called or referred to: ``datetime.now``, ``np.random.seed``."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function; its docstring does not count, so that nobody is tempted to shorten one."""
    told = len((ast.get_docstring(function, clean=False) or "").splitlines())
    return (function.end_lineno or 0) - function.lineno + 1 - told


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_fits_a_screen(path: Path) -> None:
    functions = [node for node in ast.walk(_tree(path)) if isinstance(node, FUNCTION)]
    assert not {node.name for node in functions if _lines(node) > FUNCTION_LINES_MAX}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(_tree(path))


@pytest.mark.parametrize(
    "package", sorted(path.parent for path in SOURCE.glob("*/__init__.py")), ids=lambda path: path.name
)
def test_a_folder_says_what_enters_what_leaves_and_what_it_never_does(package: Path) -> None:
    told = ast.get_docstring(_tree(package / "__init__.py")) or ""
    missing = [word for word in ("Enters", "Leaves") if word not in told]
    assert not missing
    assert re.search(r"\b[Nn]ever\b", told)


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "clock.py"], ids=_name)
def test_time_and_chance_come_from_the_clock_alone(path: Path) -> None:
    called = _called(_tree(path))
    forbidden = {
        name
        for name in called
        if re.search(r"(^|\.)(datetime|date)\.(now|today|utcnow)$|^time\.(time|sleep|monotonic)$", name)
        or re.search(r"(^|\.)random\.(seed|random|shuffle|choice|default_rng|rand|randint|normal|poisson)$", name)
    }
    assert not forbidden
    assert not _imported(_tree(path)) & {"random", "secrets.SystemRandom"}


@pytest.mark.parametrize("path", [path for path in MODULES if "cli" not in path.parts], ids=_name)
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_no_note_to_self_is_left(path: Path) -> None:
    assert not re.search(r"#\s*(TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=_name)
def test_no_test_is_skipped_or_expected_to_fail(path: Path) -> None:
    excused = r"^pytest\.(mark\.)?(skip|skipif|xfail|importorskip)$"
    assert not [name for name in _called(_tree(path)) if re.search(excused, name)]


def test_only_the_door_can_write_history() -> None:
    writer = "cityward.store.history_writer"
    importers = {path.relative_to(SOURCE).as_posix() for path in MODULES if writer in _imported(_tree(path))}
    outside = {path for path in importers if not path.startswith("store/")}
    assert outside == {"guard/admit.py", "guard/decided.py"}


def test_nobody_else_makes_a_writer() -> None:
    makers = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("HistoryWriter")
    }
    assert makers == {"guard/admit.py", "guard/decided.py"}


def test_only_the_door_of_decisions_writes_decisions() -> None:
    makers = {
        (path.relative_to(SOURCE).as_posix(), ast.unparse(node))
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("HistoryWriter")
    }
    assert {path for path, call in makers if "DECISIONS" in call} == {"guard/decided.py"}
    assert all("DECISIONS" in call for path, call in makers if path == "guard/decided.py")
    assert "DECISIONS" not in (SOURCE / "guard" / "admit.py").read_text(encoding="utf-8")


def test_only_the_store_knows_the_tables() -> None:
    users = {
        path.relative_to(SOURCE).parts[0]
        for path in MODULES
        if any(name.split(".")[0] == "deltalake" for name in _imported(_tree(path)))
    }
    assert users == {"store"}


def test_the_layers_that_are_drawn_are_the_layers_that_are_checked() -> None:
    drawn = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    checked = re.search(r"\nlayers =\n((?:    .+\n)+)", (ROOT / ".importlinter").read_text(encoding="utf-8"))
    assert checked
    assert " > ".join(line.strip() for line in checked[1].splitlines()) in " ".join(drawn.split())
