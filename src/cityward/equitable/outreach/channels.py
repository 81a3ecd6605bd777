"""Channels of outreach as their file ``channels.toml`` says them, checked."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final, Literal

import msgspec

from cityward.core.errors import SettingsError
from cityward.core.toml_text import decode_toml_text, line_of

CHANNELS_MAX: Final = 50

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z", max_length=120)]
Money = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Rate = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Part = Annotated[float, msgspec.Meta(gt=0, le=1)]
Need = Literal["internet", "phone"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not name is an error."""


class Channel(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way of asking people.

    It costs ``fixed`` in each place and ``per_contact`` for each person asked. ``answers`` is answers for each person
    asked, with its 90 % interval; ``reach`` the share of residents whom it can reach, of those who have what it
    ``needs``.
    """

    id: Id
    name: Line
    fixed: Money
    per_contact: Money
    answers: Rate
    answers_low: Rate
    answers_high: Rate
    reach: Part = 1.0
    needs: tuple[Need, ...] = ()


class Channels(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All channels; ``source`` is where their numbers come from, ``phone_share`` the share of residents with one."""

    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
    source: Line
    phone_share: Part | None = None
    channel: list[Channel]


def parse_channels(text: str, name: str) -> Channels:
    """Read and check the text of a file of channels called ``name``.

    Raises
    ------
    SettingsError
        Names the line, what is wrong and what to write instead.
    """
    found = decode_toml_text(text, Channels, name)
    if not 1 <= len(found.channel) <= CHANNELS_MAX:
        raise SettingsError(f"{name} has {len(found.channel)} channels.", f"Write 1 to {CHANNELS_MAX} [[channel]].")
    ids = [one.id for one in found.channel]
    for at, one in enumerate(found.channel):
        slips = (
            (one.id in ids[:at], "id", f"two channels are called '{one.id}'.", "Give each an id of its own."),
            (
                not one.answers_low <= one.answers <= one.answers_high,
                "answers",
                "answers lie outside answers_low and answers_high.",
                "Write the interval around it.",
            ),
            (
                not one.fixed + one.per_contact,
                "fixed",
                f"'{one.id}' costs nothing.",
                "Write what it takes, working hours too.",
            ),
        )
        for wrong, key, what, remedy in slips:
            if wrong:
                raise SettingsError(f"{name}, line {line_of(text, f'.channel[{at}].{key}')}: {what}", remedy)
    return found


def example() -> str:
    """The file that comes with the program; its numbers are made up, and it says so."""
    return (files("cityward.equitable.outreach") / "example.toml").read_text("utf-8")
