"""SSH: one allowed command on one known machine, with a key of its owner alone, within a time and a size.

Source: RFC 4252 (public keys), RFC 4254, section 6.5 (exec); the machine's own key must stand in ``known_hosts``.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from cityward.core.clock import monotonic, pause
from cityward.core.errors import SettingsError, UserError
from cityward.secure.outbound import NotAllowed, address_of
from cityward.secure.respond.engine import Failed, NotDone, Result, Unclear
from cityward.secure.respond.limits import ANSWER_BYTES, TOLD_CHARS
from cityward.secure.respond.records import Command, Step
from cityward.secure.respond.targets import Target, command_line, owned

_POLL_SECONDS: Final = 0.02
_BROKEN: Final = "The connection broke off after the command was sent."
_LOG: Final = "cityward.respond.ssh"


def run_command(target: Target, folder: Path, command: Command, step: Step, values: Mapping[str, str]) -> Result:
    """Run a command that ``respond.toml`` allows; its exit status counts, and what it prints may set one variable.

    Raises
    ------
    NotDone
        The machine was not reached, is not the known one, or does not take the key; nothing was run.
    Failed
        The command ended with another status than 0.
    Unclear
        The command was sent and no status came back.
    """
    until = monotonic() + min(step.timeout_seconds, target.timeout_seconds)
    try:
        line = command_line(target, command.command, values)
        owned(folder / str(target.key_file), "the key")
    except (UserError, SettingsError) as error:
        raise NotDone(error.what) from None
    with closing(_connected(target, folder, until)) as client:
        return _ran(client, line, step, until)


def _library() -> Any:
    try:
        import paramiko
    except ImportError:
        raise NotDone("SSH needs a library that is not here: install cityward[respond].") from None
    return paramiko


def _connected(target: Target, folder: Path, until: float) -> Any:
    paramiko = _library()

    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    # The library would write addresses and names of users into the log of the house.
    logging.getLogger(_LOG).addHandler(logging.NullHandler())
    logging.getLogger(_LOG).propagate = False
    client.set_log_channel(_LOG)
    left = max(0.1, until - monotonic())
    try:
        client.load_host_keys(str(folder / str(target.known_hosts)))
        key = paramiko.PKey.from_path(folder / str(target.key_file))
        address = address_of(str(target.host), target.port, private=target.allow_private)
        line = socket.create_connection((address, target.port), timeout=left)
        client.connect(
            str(target.host), target.port, username=target.user, pkey=key, sock=line, look_for_keys=False,
            allow_agent=False, timeout=left, banner_timeout=left, auth_timeout=left, channel_timeout=left,
        )  # fmt: skip
    except NotAllowed as error:
        client.close()
        raise NotDone(str(error)) from None
    except paramiko.BadHostKeyException:
        client.close()
        raise NotDone("The machine shows another key than the one in known_hosts: it may be another one.") from None
    except paramiko.AuthenticationException:
        client.close()
        raise NotDone("The machine does not take the key.") from None
    except (paramiko.SSHException, OSError, ValueError, EOFError) as error:
        client.close()
        raise NotDone(_why(error), again=isinstance(error, OSError)) from None
    return client


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "The machine did not answer in time."
    if isinstance(error, ConnectionRefusedError):
        return "Nobody answers at its address."
    if "not found in known_hosts" in str(error):
        return "The machine is not in known_hosts, so it is not known which one answers."
    return f"The connection could not be made ({type(error).__name__})."


def _ran(client: Any, line: str, step: Step, until: float) -> Result:
    paramiko = _library()

    try:
        channel = client.get_transport().open_session(timeout=max(0.1, until - monotonic()))
    except (paramiko.SSHException, OSError, EOFError):
        raise NotDone("The machine opens no session.", again=True) from None
    with closing(channel):
        channel.settimeout(max(0.1, until - monotonic()))
        try:
            channel.exec_command(line)
            said, status = _read(channel, until)
        except (paramiko.SSHException, OSError, EOFError):
            raise Unclear(_BROKEN) from None
        if status is None:
            raise Unclear(_BROKEN if channel.closed else "The command was sent, and did not end in time.")
    if status != 0:
        raise Failed(f"The command ended with status {status}.")
    text = said.decode("utf-8", "replace").strip()
    outputs = {step.out_args[0]: text} if len(step.out_args) == 1 and text else {}
    # What it printed may hold names of people: it is kept only where the playbook asks for it.
    return Result(told=f"The command ended well and printed {len(said):,} bytes."[:TOLD_CHARS], outputs=outputs)


def _read(channel: Any, until: float) -> tuple[bytes, int | None]:
    """What is printed, as far as it is kept, and the status; None when there was none in time."""
    said = bytearray()
    while monotonic() < until:
        moved = False
        while channel.recv_ready() and monotonic() < until:
            part = channel.recv(ANSWER_BYTES)
            said += part[: max(0, ANSWER_BYTES - len(said))]
            moved = moved or bool(part)
        while channel.recv_stderr_ready() and monotonic() < until:
            moved = bool(channel.recv_stderr(ANSWER_BYTES)) or moved
        if channel.exit_status_ready() and not channel.recv_ready():
            status = channel.recv_exit_status()
            return bytes(said), None if status < 0 else status
        if channel.closed and not moved:
            return bytes(said), None
        if not moved:
            pause(_POLL_SECONDS)
    return bytes(said), None
