"""Fixtures that many tests share. A missing service fails with what to do; nothing is skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sql
from hypothesis import settings

from cityward.city import City
from cityward.city.demo import run_demo

ROOT = Path(__file__).resolve().parents[1]

# How long one example takes says how busy the machine is, or that something is compiled the first time.
settings.register_profile("cityward", deadline=None)
settings.load_profile("cityward")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Published data and reference figures beside the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.exists():
        pytest.fail("The reference data is not beside the project, in ../shared/data.")
    return folder


@pytest.fixture(scope="session")
def chicago() -> Path:
    """Folder of the demonstration's data."""
    return ROOT / "src" / "cityward" / "city" / "demo" / "chicago"


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make a folder of a name once for all workers: the first that asks makes it, the others wait and share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, unfinished = shared / name, shared / f"{name}-unfinished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def demo_folder(once: Once) -> Path:
    """A demonstration city, made once; tests that write to it work on a copy."""
    return once("demo", lambda folder: run_demo(folder).close())


@pytest.fixture(scope="session")
def acted_folder(demo_folder: Path, once: Once) -> Path:
    """The demonstration six weeks on: of its needs two were inspected, one left alone; tests write to copies."""
    return once("acted", lambda folder: _act(shutil.copytree(demo_folder, folder)))


def _act(folder: Path) -> None:
    from cityward.city import open_city

    toml = folder / "city.toml"
    toml.write_text(toml.read_text().replace("replicates = 9999", "replicates = 99"))
    with open_city(folder) as city:
        needs = [one for one in city.proposals("waiting") if one.about.startswith("N-")]
        for proposal, option in zip(needs[:3], (1, 1, len(needs[2].options)), strict=True):
            city.decide(proposal.id, "approved", "Ana Gómez", "A crew is free on Tuesday", option)
        city.run(as_of=date(2014, 8, 15))


@pytest.fixture
def demo_copy(demo_folder: Path, tmp_path: Path) -> Iterator[City]:
    """An open copy of the demonstration city."""
    from cityward.city import open_city

    copy = tmp_path / "copy"
    shutil.copytree(demo_folder, copy)
    with open_city(copy) as city:
        yield city


def _service(name: str, default: str) -> str:
    return os.environ.get(name, default)


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    """URL of a PostgreSQL database for tests, one for each worker; 'make test' finds or starts the server."""
    url = _service("CITYWARD_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        return url
    own = f"cityward_test_{worker}"
    server = sql.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sql.text(f"drop database if exists {own} with (force)"))
        connection.execute(sql.text(f"create database {own}"))
    server.dispose()
    return sql.make_url(url).set(database=own).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def nats_url() -> str:
    """URL of a NATS server with JetStream."""
    return _service("CITYWARD_TEST_NATS", "nats://127.0.0.1:4222")


@pytest.fixture(scope="session")
def mqtt_url() -> str:
    """URL of an MQTT broker."""
    return _service("CITYWARD_TEST_MQTT", "mqtt://127.0.0.1:1883")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.fail("Chromium is not installed; 'make test' installs it.")
    return found
