"""The wheel: built as ``make wheel`` builds it, complete, small when installed, and the demonstration runs from it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
UV = ROOT / ".tools" / "bin" / "uv"

INSTALLED_MB_MAX = 700
"""As installed; the bytecode that Python writes at first use comes on top (25 MB)."""

EXTRAS = ("duckdb", "opendp", "psycopg", "nats", "paho", "pyspark", "pytest", "hypothesis", "mypy")


def run(*command: str | Path, cwd: Path, **around: str) -> str:
    """Run a command that knows nothing of this checkout's environment; return what it prints."""
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MAKE", "UV_COMPILE"))
    }
    environment = {**keep, "UV_PYTHON_DOWNLOADS": "never", **around}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not UV.exists():
        pytest.fail("There is no .tools/bin/uv; 'make test' installs it.")
    folder = tmp_path_factory.mktemp("wheel")
    recipe = run("make", "--dry-run", "wheel", cwd=ROOT).splitlines()[-1]
    run(*shlex.split(recipe), "--quiet", "--out-dir", folder, cwd=ROOT)
    return next(folder.glob("cityward-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what its core needs, in the versions of the lock file."""
    folder = tmp_path_factory.mktemp("installed")
    locked = run(UV, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", cwd=ROOT)
    (folder / "locked.txt").write_text(locked, encoding="utf-8")
    environment = folder / "environment"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment, cwd=folder)
    python = environment / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraints", "locked.txt", wheel, cwd=folder)
    return environment


def package(environment: Path) -> Path:
    return next((environment / "lib").glob("python3*/site-packages/cityward"))


def disk_bytes(folder: Path) -> int:
    """What a folder takes on disk; a file of two names is counted once."""
    files = {(stat.st_dev, stat.st_ino): stat.st_blocks * 512 for stat in map(os.lstat, folder.rglob("*"))}
    return sum(files.values())


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for path in (SOURCE / "cityward").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    # Translations are read as they are compiled; their source is for translators.
    assert held == {path.relative_to(SOURCE).as_posix() for path in files if path.suffix != ".po"}
    wanted = ("py.typed", "console/templates/now.html", "console/static/console.css", "city/demo/chicago/city.toml")
    assert {f"cityward/{name}" for name in wanted} <= held
    assert {Path(name).suffix for name in held} >= {".parquet", ".geojson", ".ndjson", ".csv", ".toml", ".mjs"}


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    named = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "/licenses/" in name}
    assert {"LICENSE", "NOTICE"} <= named


def test_the_core_alone_is_small(installed: Path) -> None:
    assert [name for name in EXTRAS if (package(installed).parent / name).exists()] == []
    assert disk_bytes(installed) <= INSTALLED_MB_MAX * 10**6


def test_the_demonstration_runs_in_a_foreign_folder(installed: Path, demo_folder: Path, tmp_path: Path) -> None:
    # What the fixture above compiled serves here too: it is known by a hash of its source. Compiling takes a minute.
    for compiled in (SOURCE / "cityward").rglob("__pycache__/*.nb[ci]"):
        target = package(installed) / compiled.relative_to(SOURCE / "cityward")
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(compiled, target)
    told = run(installed / "bin" / "cityward", "demo", "--no-serve", cwd=tmp_path, HOME=str(tmp_path))
    assert "Need     34 reports of overflowing carts where 4.4 were expected, in 5 areas around Clearing" in told
    assert "Read     cityward-cases, to rank places for a visit by what is reported near them, saw lon, lat" in told
    assert "74,414 received = 74,218 admitted + 184 quarantined + 12 refused" in told
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["demo-city"]
    python = installed / "bin" / "python"
    origin = run(python, "-c", "import cityward; print(cityward.__file__)", cwd=tmp_path).strip()
    assert Path(origin).is_relative_to(installed)
