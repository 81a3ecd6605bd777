"""The register of systems: what proposes, and who answers for it."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import msgspec

from cityward.core.errors import Refused, SettingsError
from cityward.core.records import Party
from cityward.core.toml_text import decode_toml

DUTIES = ("designer", "manufacturer", "owner", "operator", "overseer")

FORBIDDEN = {
    "social-scoring": "5(1)(c)",
    "crime-prediction-by-profiling": "5(1)(d)",
    "untargeted-face-scraping": "5(1)(e)",
    "emotion-recognition-at-work-or-school": "5(1)(f)",
    "biometric-categorisation-of-sensitive-traits": "5(1)(g)",
    "real-time-remote-biometric-identification": "5(1)(h)",
}
"""Practices that cannot be registered, with the clause (Source: Regulation (EU) 2024/1689, article 5)."""

PRACTICES = (*FORBIDDEN, "need-detection", "forecasting", "reporting-differences", "case-priority", "other")


class PartySection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One party of a system: a duty, a name and a contact."""

    duty: str
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=200)]
    contact: str = ""


class System(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A technology in use, with its responsible parties. ``practice`` is one of `PRACTICES`."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,60}$")]
    name: str
    version: str
    purpose: Annotated[str, msgspec.Meta(min_length=10)]
    practice: str
    risk_class: str
    data_used: str
    oversight: str
    appeal: str
    parties: tuple[PartySection, ...]

    def named_parties(self) -> tuple[Party, ...]:
        """The parties as records."""
        return tuple(Party(duty=party.duty, name=party.name, contact=party.contact) for party in self.parties)


def load_systems(folder: Path) -> dict[str, System]:
    """Return the systems shipped with cityward, replaced and extended by the city's own in ``folder``.

    Raises
    ------
    Refused
        A file describes a practice that the law forbids.
    SettingsError
        A file has a mistake.
    """
    with as_file(files("cityward.answerable") / "systems") as shipped:
        paths = [*sorted(shipped.glob("*.toml")), *sorted(folder.glob("*.toml"))]
        systems = [load_system(path) for path in paths]
    return {system.id: system for system in systems}


def load_system(path: Path) -> System:
    """Read one system and check that it may be registered; raises as `load_systems`."""
    system = decode_toml(path, System)
    if system.practice in FORBIDDEN:
        raise Refused(
            f"ai-act-{FORBIDDEN[system.practice]}",
            f"'{system.id}' cannot be registered: {system.practice.replace('-', ' ')} is forbidden by "
            f"article {FORBIDDEN[system.practice]} of the EU AI Act.",
            "Nobody in the city can allow it; take the file away.",
        )
    if system.practice not in PRACTICES:
        raise SettingsError(f"{path.name}: practice '{system.practice}' is unknown.", f"Known: {', '.join(PRACTICES)}.")
    wrong = [party.duty for party in system.parties if party.duty not in DUTIES]
    if wrong:
        raise SettingsError(f"{path.name}: duty '{wrong[0]}' is unknown.", f"Known: {', '.join(DUTIES)}.")
    missing = set(DUTIES) - {party.duty for party in system.parties}
    if missing:
        raise SettingsError(
            f"{path.name}: nobody is named as {', '.join(sorted(missing))}.", "Add a [[parties]] table for each duty."
        )
    return system
