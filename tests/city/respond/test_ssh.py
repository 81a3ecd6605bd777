"""Commands over SSH against a real server: only what is allowed, only where the machine is known, never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
import pytest
from tests.city.respond.servers import A, B, Make, SshServer, U, begin
from tests.secure.respond.books import SERVER, action, document, ssh, variable

from cityward.city import City
from cityward.core.errors import UserError
from cityward.secure.respond.records import Run


def machine(shell: SshServer, *, more: str = "", timeout: float = 3.0) -> str:
    return (
        f'[[target]]\nid = "{SERVER}"\nname = "Server"\nby = "ssh"\nhost = "127.0.0.1"\nport = {shell.port}\n'
        'user = "respond"\nkey_file = "../ssh.key"\nknown_hosts = "../known_hosts"\nallow_private = true\n'
        f"timeout_seconds = {timeout}\n{more}"
        '[[target.allow]]\ncommand = "sudo /usr/local/sbin/block-address {address} {reason}"\n'
        'parameters = { address = "ipv4-addr", reason = "string" }\n'
    )


KINDS = {"__attacker__": variable("ipv4-addr", external=True), "__n__": variable("integer"),
         "__reason__": variable("string", "brute-force", external=True)}  # fmt: skip
LINE = "sudo /usr/local/sbin/block-address __attacker__:value __reason__:value"


def on_server(command: str = LINE) -> dict[str, Any]:
    first = action("a", ssh(command), to=SERVER, then=B, marks={"undo": U}, out_args=["__n__"])
    return document(A, [first, action("b"), action("u")], variables=KINDS)


def approved(city: City, **given: str) -> Run:
    run = begin(city, **{"attacker": "203.0.113.9", **given})
    assert (run.steps[0].waits_for, run.steps[0].needs) == ("approval", 1)
    return city.responses.approve(run.id, "1", "Bo Li")


def test_an_allowed_command_is_run_as_it_is_written(make: Make, shell: SshServer) -> None:
    city = make(on_server(), toml=machine(shell))
    run = approved(city)
    assert shell.ran == ["sudo /usr/local/sbin/block-address 203.0.113.9 brute-force"]
    assert (run.steps[0].state, run.steps[0].outputs) == ("done", {"__n__": "42"})


@pytest.mark.parametrize(
    "reason",
    ["a b", "x;id", "$(id)", "`id`", "a|b", "a&b", ">f", "-rf", "'", '"', "a\\b", "*", "~", "{a}", "a\tb", "é"],
)
def test_no_value_becomes_more_than_one_word(make: Make, shell: SshServer, reason: str) -> None:
    with pytest.raises(UserError, match="no plain string") as refused:
        begin(make(on_server(), toml=machine(shell)), attacker="203.0.113.9", reason=reason)
    assert reason not in str(refused.value) or len(reason) < 3
    assert shell.ran == []


@pytest.mark.parametrize(
    "command",
    [
        "reboot",
        "sudo /usr/local/sbin/block-address 203.0.113.9",
        "sudo /usr/local/sbin/block-address 203.0.113.9 x; id",
        "sudo  /usr/local/sbin/block-address 203.0.113.9 x",
        "sudo /usr/local/sbin/block-address 999.1.1.1 x",
        "sudo /usr/local/sbin/block-address __about__:value__about__:value x",
    ],
)
def test_every_other_command_is_refused_before_anything_begins(make: Make, shell: SshServer, command: str) -> None:
    with pytest.raises(UserError, match="allows 'Server' no such command"):
        begin(make(on_server(command), toml=machine(shell)), attacker="203.0.113.9")
    assert shell.ran == []


@pytest.mark.parametrize(
    ("mode", "state", "says"),
    [
        ("hangs", "unclear", "did not end in time"),
        ("drops", "unclear", "broke off after the command was sent"),
        ("mute", "failed", ""),
        ("fails", "failed", "ended with status 3"),
        ("floods", "done", "printed 65,536 bytes"),
    ],
)
def test_a_bad_server_is_bounded_and_told(make: Make, shell: SshServer, mode: str, state: str, says: str) -> None:
    shell.mode = mode
    city = make(on_server(), toml=machine(shell, timeout=0.8))
    run = approved(city)
    one = run.steps[0]
    assert (one.state, says in one.told) == (state, True), one.told
    if state == "unclear":
        shell.mode = "yes"
        assert city.responses.resume(run.id).steps[0].state == "unclear"
        assert len(shell.ran) == 1  # it may have happened, and is not done again
        run = city.responses.done(run.id, "1", "Bo Li", "The firewall has no such rule", happened=False)
        assert (run.steps[0].state, len(shell.ran)) == ("done", 2)


def test_a_machine_that_is_not_known_or_a_key_of_many_is_not_used(make: Make, shell: SshServer, tmp_path: Path) -> None:
    known, key = tmp_path / "known_hosts", tmp_path / "ssh.key"
    right = known.read_text()
    known.write_text("")
    assert "not in known_hosts" in approved(make(on_server(), toml=machine(shell))).steps[0].told
    other = paramiko.ECDSAKey.generate()
    known.write_text(f"[127.0.0.1]:{shell.port} {other.get_name()} {other.get_base64()}\n")
    assert "another key" in approved(make(on_server(), toml=machine(shell))).steps[0].told
    known.write_text(right)
    key.chmod(0o644)
    assert "opens to others" in approved(make(on_server(), toml=machine(shell))).steps[0].told
    key.chmod(0o600)
    paramiko.ECDSAKey.generate().write_private_key_file(str(key))
    assert "does not take the key" in approved(make(on_server(), toml=machine(shell))).steps[0].told
    private = machine(shell).replace("allow_private = true\n", "")
    assert "private network" in approved(make(on_server(), toml=private)).steps[0].told
    assert shell.ran == []
