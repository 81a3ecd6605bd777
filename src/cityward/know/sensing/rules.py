"""Rules of limits: TOML files that people read and the program executes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec

from cityward.core.errors import SettingsError
from cityward.core.properties import conversion, property_name
from cityward.core.toml_text import decode_toml_text, read_toml

USUAL = "who-2021"


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mean of a property over ``hours`` may not exceed ``level``; ``interim`` names higher levels."""

    property: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    hours: Annotated[int, msgspec.Meta(ge=1, le=24 * 31)]
    unit: str
    level: Annotated[float, msgspec.Meta(gt=0)]
    interim: dict[str, float] = {}

    def reached(self, value: float) -> str:
        """Name of the highest level that ``value`` exceeds."""
        names = {"guideline level": self.level, **self.interim}
        return max((level, name) for name, level in names.items() if level < value or name == "guideline level")[1]


class LimitRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of limits: the document that they stand in, and the share of hours that a mean needs."""

    document: str
    min_coverage: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.75
    limits: list[Limit]


def load_limits(path: Path | None = None) -> LimitRules:
    """Read limits from ``path``, or those of the World Health Organization.

    Levels are told in the unit that the property is told in here.

    Raises
    ------
    SettingsError
        The file, a key or a unit cannot be used.
    """
    name = str(path) if path else f"{USUAL}.toml"
    text = read_toml(path) if path else (files(__package__) / "limits" / name).read_text(encoding="utf-8")
    rules = decode_toml_text(text, LimitRules, name)
    limits = [_converted(limit, name) for limit in rules.limits]
    return msgspec.structs.replace(rules, limits=limits)


def _converted(limit: Limit, name: str) -> Limit:
    known = property_name(limit.property)
    scale = conversion(known, limit.unit)
    if scale is None:
        raise SettingsError(f"{name}: {limit.property} cannot be limited in '{limit.unit}'.", "Correct the unit.")
    factor, offset = scale
    interim = {title: level * factor + offset for title, level in limit.interim.items()}
    return msgspec.structs.replace(limit, property=known, level=limit.level * factor + offset, interim=interim)
