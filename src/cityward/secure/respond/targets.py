"""``respond.toml``: where a city's playbooks may reach, by what way, and with which commands. What is not here is not
reached.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.errors import SettingsError, UserError
from cityward.core.toml_text import decode_toml_text, read_toml
from cityward.secure.respond.effects import Known
from cityward.secure.respond.limits import MACHINE_SECONDS, TARGETS_NAMED
from cityward.secure.respond.records import APPROVERS, Approval, Command
from cityward.secure.respond.values import REFERENCE, TYPES, fits

NAME: Final = "respond.toml"
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=,-]{0,199}")
"""What a text in a command may be: no blank, no quote, no sign that a shell understands, no leading dash."""

_PARAMETER: Final = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_IN_SHELL: Final = ("bool", "float", "hexstring", "integer", "long", "string", "ipv4-addr", "ipv6-addr", "mac-addr",
                    "hash", "md5-hash", "sha256-hash", "uuid")  # fmt: skip
_LITERAL: Final = re.compile(r"[A-Za-z0-9._/:@%+=,-]+")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of ``respond.toml``; a key that it does not name is an error."""


class Template(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that may be run: words with one blank between, ``{name}`` where a value stands, and their types."""

    command: Text
    parameters: dict[str, str] = {}


class Target(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[target]]``: the CACAO identifier of an agent or target, and how it is reached.

    ``webhook``: ``url``, the ``paths`` below it, ``secret_file`` or ``secret_environment``. ``ssh``: ``host``,
    ``port``, ``user``, ``key_file``, ``known_hosts``, and ``[[target.allow]]``. ``approval`` is the least it takes.
    """

    id: Text
    name: Text
    by: Literal["webhook", "ssh"]
    approval: Approval = "none"
    allow_private: bool = False
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=MACHINE_SECONDS)] = 10.0
    url: Text | None = None
    paths: tuple[Text, ...] = ()
    secret_file: Text | None = None
    secret_environment: Text | None = None
    host: Text | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 22
    user: Text | None = None
    key_file: Text | None = None
    known_hosts: Text | None = None
    allow: tuple[Template, ...] = ()


class Secret(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the value of a secret variable is read from, and the one target ``to`` which it is sent."""

    to: Text
    file: Text | None = None
    environment: Text | None = None


class Respond(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file; an empty one reaches nothing."""

    target: tuple[Target, ...] = ()
    secrets: dict[str, Secret] = {}

    def of(self, identifier: str) -> Target | None:
        """The target of an identifier."""
        return next((one for one in self.target if one.id == identifier), None)


def read_targets(folder: Path) -> Respond:
    """``respond.toml`` of a city folder; without the file nothing is reached.

    Raises
    ------
    SettingsError
        Names the file and what is wrong.
    """
    path = folder / NAME
    if not path.exists():
        return Respond()
    found = decode_toml_text(read_toml(path), Respond, NAME)
    if len(found.target) > TARGETS_NAMED:
        raise SettingsError(f"{NAME} names more than {TARGETS_NAMED} targets.", "Take those out that no playbook uses.")
    for at, target in enumerate(found.target):
        if any(other.id == target.id for other in found.target[:at]):
            raise SettingsError(f"{NAME} names {target.id} twice.", "Keep one of both.")
        _check(target)
    return found


def _check(target: Target) -> None:
    wanted = {"webhook": ("url",), "ssh": ("host", "user", "key_file", "known_hosts")}[target.by]
    missing = [name for name in wanted if not getattr(target, name)]
    if target.by == "webhook" and not (target.secret_file or target.secret_environment):
        missing.append("secret_file")
    if missing:
        raise SettingsError(f"{NAME}: the target '{target.name}' has no {missing[0]}.", f"Write {missing[0]} = …")
    for template in target.allow:
        _check_template(target, template)


def _check_template(target: Target, template: Template) -> None:
    where = f"{NAME}: '{template.command[:60]}' of '{target.name}'"
    for word in template.command.split(" "):
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None and not _LITERAL.fullmatch(word):
            raise SettingsError(
                f"{where} has a part that a shell could understand otherwise.",
                "Words of letters, digits and ._/:@%+=,- with one blank between, and {name} alone as a word.",
            )
        if parameter is not None and template.parameters.get(parameter[1]) not in _IN_SHELL:
            raise SettingsError(f"{where}: {word} has no type.", f"Types of parameters: {', '.join(_IN_SHELL)}.")
    unused = set(template.parameters) - set(_PARAMETER.findall(template.command))
    if unused or not set(template.parameters.values()) <= set(TYPES):
        raise SettingsError(f"{where} has a parameter that it does not use.", "Take it out.")


def known(settings: Respond, identifier: str, command: Command, values: Mapping[str, str]) -> Known | None:
    """What the file says of a receiver for a command; None when it does not name it."""
    target = settings.of(identifier)
    if target is None:
        return None
    needs = APPROVERS[target.approval]
    kind = {"http-api": "webhook", "ssh": "ssh"}[command.type]
    problem = "" if target.by == kind else f"{NAME} says that '{target.name}' is reached by {target.by}, not by {kind}."
    if not problem and kind == "webhook":
        path = command.command.removeprefix("POST ").split(" ")[0]
        allowed = path in target.paths or (path == "/" and not target.paths)
        problem = "" if allowed else f"{NAME} does not allow the path {path} of '{target.name}'."
    elif not problem:
        try:
            command_line(target, command.command, values, dry=True)
        except UserError as error:
            problem = error.what
    secrets = tuple(f"__{name}__" for name, held in settings.secrets.items() if held.to == identifier)
    return Known(kind=target.by, needs=needs, problem=problem, secrets=secrets)


def command_line(target: Target, text: str, values: Mapping[str, str], *, dry: bool = False) -> str:
    """The command of a playbook as it is run: the words of the template that allows it, each value quoted.

    Parameters
    ----------
    dry : bool
        Whether a variable may have no value yet.

    Raises
    ------
    UserError
        No template allows it, or a value is not what its parameter takes; the value is not repeated.
    """
    words = text.split(" ")
    wrong = ""
    for template in target.allow:
        line, why = _matched(template, words, values, dry)
        if not why:
            return line
        wrong = wrong or why
    raise UserError(
        f"{NAME} allows '{target.name}' no such command{f': {wrong}' if wrong and wrong != _OTHER else ''}.",
        "Write it in [[target.allow]] if it should be allowed.",
    )


_OTHER: Final = "another command"


def _matched(template: Template, words: list[str], values: Mapping[str, str], dry: bool) -> tuple[str, str]:
    """The line that a template makes of words, or why it does not fit."""
    patterns = template.command.split(" ")
    if len(patterns) != len(words):
        return "", _OTHER
    if any(pattern != word for pattern, word in zip(patterns, words, strict=True) if not _PARAMETER.fullmatch(pattern)):
        return "", _OTHER
    line = []
    for pattern, word in zip(patterns, words, strict=True):
        parameter = _PARAMETER.fullmatch(pattern)
        if parameter is None:
            line.append(pattern)
            continue
        # A reference is the whole word or no part of it: two values side by side could make a third.
        reference = REFERENCE.fullmatch(word)
        value = values.get(reference[1]) if reference else word
        if value is None:
            if dry:
                continue
            return "", f"{parameter[1]} has no value"
        kind = template.parameters[parameter[1]]
        if not fits(kind, value) or not PLAIN.fullmatch(value):
            return "", f"the value of {parameter[1]} is no plain {kind}"
        line.append(shlex.quote(value))
    return " ".join(line), ""


def secret_in(folder: Path, what: str, file: str | None, environment: str | None) -> str:
    """A secret from a file of its owner alone, or the environment; raises `SettingsError`, which does not tell it."""
    if environment:
        found = os.environ.get(environment)
        if not found:
            raise SettingsError(f"{NAME}: the variable {environment} of {what} is not set.", "Set it for this program.")
        return found.strip()
    if not file:
        raise SettingsError(f"{NAME} does not say where {what} is.", "Write file = … or environment = …")
    path = folder / file
    owned(path, what)
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{NAME}: {what} cannot be read ({type(error).__name__}).", f"Put it into {file}."
        ) from None


def owned(path: Path, what: str) -> None:
    """Raise `SettingsError` unless a file is there, belongs to who runs this program, and opens to nobody else."""
    try:
        stat = path.stat()
    except OSError as error:
        raise SettingsError(
            f"{NAME}: {what} cannot be read ({type(error).__name__}).", f"Look at {path.name}."
        ) from None
    if stat.st_uid != os.geteuid() or stat.st_mode & 0o077:
        raise SettingsError(
            f"{NAME}: {path.name} opens to others than its owner, so {what} is not used.", f"chmod 600 {path.name}"
        )
