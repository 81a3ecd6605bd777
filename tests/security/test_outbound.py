"""Where cityward connects to: what is refused, and that nothing connects past the one piece that refuses."""

from __future__ import annotations

import ast
import socket
from pathlib import Path

import pytest

from cityward.secure.outbound import NotAllowed, address_of, may

SOURCE = Path(__file__).resolve().parents[2] / "src" / "cityward"
CONNECTS = {"httpx", "requests", "http.client", "urllib.request", "smtplib", "ftplib", "telnetlib", "aiohttp", "nats"}
CONNECTS |= {"paho", "obstore", "paramiko", "socket", "xmlrpc"}
KNOWN = {
    "act/send/http.py": {"httpx"},  # by the address that secure.outbound gives
    "sense/sources/nats/__init__.py": {"nats"},  # checked by secure.outbound; the broker is the operator's own
    "sense/sources/mqtt/__init__.py": {"paho", "socket"},  # to the one address that secure.outbound looked up
    "secure/outbound.py": {"socket"},
    "cli/serving.py": {"socket"},  # listens
    # Parts of the promise "secure" that connect to what an operator names on the command line or in city.toml:
    "secure/standalone_verifier.py": {"urllib.request"},
    "secure/backup/places.py": {"obstore"},
    "city/drill_served.py": {"httpx", "socket"},
    "secure/respond/adapters/ssh.py": {"paramiko", "socket"},  # by the address that secure.outbound gives
    "city/respond_sending.py": {"httpx"},  # names its errors; what is sent goes through act/send/http.py
    "city/drill_login.py": {"httpx"},  # guesses at the copy that the drill serves on this machine
    "secure/drill/canary.py": {"httpx"},
}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",  # noqa: S104
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "192.0.0.1", "198.18.0.1", "240.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_nobody_outside_has_are_refused(address: str) -> None:
    assert not may(address, private=False)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"],  # noqa: S104
)
def test_where_clouds_keep_secrets_is_refused_even_to_who_may_use_a_private_network(address: str) -> None:
    assert not may(address, private=True)


def test_others_are_allowed() -> None:
    assert may("93.184.215.14", private=False)
    assert may("2606:2800:21f:cb07:6820:80da:af6b:8b2c", private=False)
    assert may("127.0.0.1", private=True)


@pytest.mark.parametrize(
    "name", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]", "a\0b", "é" * 70]
)
def test_other_ways_to_write_this_machine_are_the_same_machine(name: str) -> None:
    with pytest.raises(NotAllowed):
        address_of(name, 443, private=False)


def test_a_name_is_resolved_once_and_its_address_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that gives another answer the second time is not asked a second time."""
    answers = iter([[(0, 0, 0, "", ("93.184.215.14", 443))], [(0, 0, 0, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(answers))
    assert address_of("rebind.example", 443, private=False) == "93.184.215.14"
    assert next(answers)[0][4][0] == "127.0.0.1", "the second answer was not used up"


def test_nothing_else_connects() -> None:
    for path in SOURCE.rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module)
        used = {one for one in CONNECTS for name in imported if name == one or name.startswith(f"{one}.")}
        assert used <= KNOWN.get(str(path.relative_to(SOURCE)), set()), path
