"""A small city with playbooks, and the servers that it may reach."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from tests.city.respond.servers import SECRET, Answers, Make, SshServer
from tests.secure.respond.books import written

from cityward.city import City, open_city
from cityward.core.clock import Clock


@pytest.fixture
def server() -> Iterator[Answers]:
    found = Answers()
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found
    found.free.set()
    found.shutdown()
    found.server_close()


@pytest.fixture
def make(plain_city: Path, tmp_path: Path) -> Iterator[Make]:
    """A small city with playbooks and a ``respond.toml``."""
    opened: list[City] = []

    def made(*books: dict[str, Any], toml: str = "", clock: Clock | None = None) -> City:
        folder = tmp_path / "city"
        if not folder.exists():
            shutil.copytree(plain_city, folder)
            (folder / "playbooks").mkdir()
            (folder / "keys" / "hook.secret").write_text(SECRET)
            (folder / "keys" / "hook.secret").chmod(0o600)
        for book in books:
            (folder / "playbooks" / f"{book['name']}.json").write_bytes(written(book))
        (folder / "respond.toml").write_text(toml)
        for city in opened:
            city.close()
        opened.append(open_city(folder, clock))
        return opened[-1]

    yield made
    for city in opened:
        city.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[SshServer]:
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "ssh.key"))
    (tmp_path / "ssh.key").chmod(0o600)
    found = SshServer(key)
    line = f"[127.0.0.1]:{found.port} {found.key.get_name()} {found.key.get_base64()}\n"
    (tmp_path / "known_hosts").write_text(line)
    yield found
    found.close()
