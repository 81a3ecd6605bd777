"""Presets of the index: small TOML files that say which columns count, in which direction, and how much."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import msgspec

from cityward.core.errors import SettingsError, UserError

Normalise = Literal["z", "min-max", "share"]

_FOLDER: Final = files("cityward.equitable.divide") / "presets"
_FILE_BYTES: Final = 2**20
_INDICATORS: Final = 200


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column of an index.

    ``columns`` are names that it may have, the first that is there counts; ``error`` the same for its error, by
    default the column's name with ``_moe``, ``_error``, ``_sd`` or ``_se`` after it. ``of`` are columns that it is
    divided by. Where no error is stated, ``households`` times ``answered_share`` households are taken to have been
    asked for a share. Errors of indicators of one ``survey`` are taken to go together fully, those of different ones
    not at all.
    """

    id: str
    group: str
    columns: tuple[str, ...]
    label: str = ""
    of: tuple[str, ...] = ()
    normalise: Normalise = "z"
    more_is_better: bool = False
    weight: float = 1.0
    error: tuple[str, ...] = ()
    households: tuple[str, ...] = ()
    answered_share: float | None = None
    survey: str = ""


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An index: its indicators, and whether it ends as it is (``none``) or from 0 to 100 (``min-max``)."""

    title: str
    indicator: tuple[Indicator, ...]
    source: str = ""
    scale: Literal["none", "min-max"] = "none"


def shipped() -> list[str]:
    """Names of the presets that come with cityward."""
    return sorted(one.name.removesuffix(".toml") for one in _FOLDER.iterdir() if one.name.endswith(".toml"))


def load_preset(name: str) -> Preset:
    """Read a preset by its name, or from a TOML file.

    Raises
    ------
    UserError, cityward.core.errors.SettingsError
        There is none, or it has a mistake.
    """
    if name in shipped():
        return read_preset((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)
    path = Path(name)
    try:
        with path.open("rb") as opened:
            body = opened.read(_FILE_BYTES + 1)
        text = body.decode()
    except (OSError, UnicodeDecodeError, ValueError):
        raise UserError(
            f"There is no index '{name[:80]}', and no such file can be read.", f"Indices are {', '.join(shipped())}."
        ) from None
    if len(body) > _FILE_BYTES:
        raise UserError(f"{path.name} is too large for an index.", "An index is a small TOML file.")
    return read_preset(text, path.name)


def read_preset(text: str, name: str) -> Preset:
    """Read a preset; raises SettingsError."""
    try:
        preset = msgspec.convert(tomllib.loads(text), Preset)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise SettingsError(f"{name} is no index: {error}.", "See docs/the-divide.md for the form.") from None
    ids = [one.id for one in preset.indicator]
    wrong = (
        "it has no indicator"
        if not ids
        else f"it has more than {_INDICATORS} indicators"
        if len(ids) > _INDICATORS
        else "two indicators have one id"
        if len(set(ids)) < len(ids)
        else next((_wrong_in(one) for one in preset.indicator if _wrong_in(one)), "")
    )
    if wrong:
        raise SettingsError(f"{name} is no index: {wrong}.", "See docs/the-divide.md for the form.")
    return preset


def _wrong_in(one: Indicator) -> str:
    if not one.columns:
        return f"'{one.id[:60]}' names no column"
    if not 0 < one.weight < float("inf"):
        return f"the weight of '{one.id[:60]}' is not above zero; a direction is told by more_is_better"
    if one.answered_share is not None and not 0 < one.answered_share <= 1:
        return f"answered_share of '{one.id[:60]}' is not above 0, up to 1"
    return ""


def reweighted(preset: Preset, factors: Mapping[str, float]) -> Preset:
    """Multiply weights by factors, named by an indicator or by a group; zero leaves it out.

    Raises
    ------
    UserError
        A name is neither, or nothing is left.
    """
    names = {one.id for one in preset.indicator} | {one.group for one in preset.indicator}
    unknown = sorted(set(factors) - names)
    if unknown:
        raise UserError(
            f"'{unknown[0][:60]}' is no indicator or group of the index.", f"It has {', '.join(sorted(names))}."
        )
    if any(not 0 <= factor < float("inf") for factor in factors.values()):
        raise UserError("A weight is zero or more.", "Write --weight access=2.")
    kept = [
        msgspec.structs.replace(one, weight=one.weight * factors.get(one.id, 1.0) * factors.get(one.group, 1.0))
        for one in preset.indicator
    ]
    kept = [one for one in kept if one.weight > 0]
    if not kept:
        raise UserError("No indicator is left.", "Leave at least one weight above zero.")
    return msgspec.structs.replace(preset, indicator=tuple(kept))
