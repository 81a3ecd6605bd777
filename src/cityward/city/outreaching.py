"""How to hear the places of a city that are heard too little: channels of its folder, places of its last turn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core.errors import UserError
from cityward.core.toml_text import read_toml
from cityward.equitable.outreach.asking import Outreach, outreach, silent_places
from cityward.equitable.outreach.channels import Channels, parse_channels

if TYPE_CHECKING:
    from cityward.city.city import City

FILE: Final = "channels.toml"


def channels_of(city: City, file: Path | None = None) -> Channels:
    """The channels of ``file``, else of the city folder.

    Raises
    ------
    UserError
        There is no such file.
    cityward.core.errors.SettingsError
        It has a mistake, named with its line.
    """
    path = file or city.path / FILE
    if not path.is_file():
        raise UserError(
            f"What it costs to ask people is not known: there is no {path.name}.",
            f"'cityward outreach --example > {FILE}' writes one with made-up numbers; put in your own.",
        )
    return parse_channels(read_toml(path), path.name)


def outreach_of(city: City, file: Path | None = None, budget: float | None = None) -> Outreach:
    """Places that the last turn found silent, with the cheapest way to hear each.

    Raises
    ------
    UserError
        No turn was taken yet, or as `channels_of`.
    """
    known, turn = channels_of(city, file), city.turn()
    if turn is None:
        raise UserError("Who is heard is not known yet.", "Take a turn with 'cityward run'.")
    internet = {one.id: one.internet_share for one in city.territories()}
    return outreach(silent_places(turn.heard, internet), known, turn.seed, budget)
