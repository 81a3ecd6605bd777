"""Scripts of exercises: what is told when, to whom, and what is asked."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.errors import SettingsError, UserError
from cityward.core.toml_text import decode_toml_text

Kind = Literal["", "contain", "manual", "restore", "inform", "decide"]
"""What an inject asks for; empty when it only tells something."""

SCRIPT_BYTES: Final = 256 * 2**10
INJECTS_MOST: Final = 200
MINUTES_MOST: Final = 60 * 24 * 60
"""Longest time that a scenario tells of: sixty days."""

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
_Short = Annotated[str, msgspec.Meta(max_length=120)]


class WrittenInject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is told ``at_minutes`` to an office, and what it ``asks``, to be decided within minutes."""

    at_minutes: Annotated[float, msgspec.Meta(ge=0, le=MINUTES_MOST)]
    to: _Short
    says: _Text
    asks: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    kind: Kind = ""
    within_minutes: Annotated[float, msgspec.Meta(gt=0, le=MINUTES_MOST)] | None = None
    technique: _Short = ""


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exercise: injects that are written, around the cascade of a scenario of the inventory.

    ``severity`` is the share of simulated events that are milder than the one that is played.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,60}$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    scenario: _Short = ""
    techniques: tuple[_Short, ...] = ()
    severity: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8
    injects: Annotated[tuple[WrittenInject, ...], msgspec.Meta(max_length=INJECTS_MOST)] = ()


def shipped() -> dict[str, Script]:
    """The exercises that ship, by identifier."""
    folder = files(__package__) / "scripts"
    found = [one for one in folder.iterdir() if one.name.endswith(".toml")]
    made = [_checked(decode_toml_text(one.read_text("utf-8"), Script, one.name), one.name) for one in found]
    return {one.id: one for one in sorted(made, key=lambda one: one.id)}


def read_script(path: Path) -> Script:
    """Read a script that a city wrote.

    Raises
    ------
    UserError
        Too large.
    SettingsError
        Names the file, the line, and what to write instead.
    """
    try:
        if path.stat().st_size > SCRIPT_BYTES:
            raise UserError(f"{path.name} is larger than {SCRIPT_BYTES:,} bytes.", "Write a shorter exercise.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__}).", "Check it.") from None
    return _checked(decode_toml_text(text, Script, path.name), path.name)


def _checked(script: Script, name: str) -> Script:
    for number, one in enumerate(script.injects, start=1):
        words = (one.says, one.asks, one.to)
        if not all(" ".join(each.split()).isprintable() for each in words):
            raise SettingsError(f"{name}: inject {number} holds signs that cannot be printed.", "Write plain text.")
        if bool(one.asks) != bool(one.kind):
            raise SettingsError(
                f"{name}: inject {number} asks without a kind, or has a kind and asks nothing.",
                'Write asks = "…" and kind = "contain", "manual", "restore", "inform" or "decide".',
            )
    if not script.injects and not script.scenario:
        raise SettingsError(f"{name} has neither injects nor a scenario.", 'Write [[injects]], or scenario = "…".')
    return script
