"""Versions of a system: their digest, and what is different between two.

Source: Regulation (EU) 2024/1689, articles 3(23) (substantial modification) and 25(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from cityward.answerable.register.shape import System
from cityward.core.records import to_json

_PURPOSE: Final = "article 25(1)(c), its intended purpose was changed"
_HEART: Final = "article 25(1)(b), what it must fulfil (chapter III, section 2) may have been changed"
SUBSTANTIAL: Final = {
    "purpose": _PURPOSE,
    "practice": _PURPOSE,
    "annex_iii": _PURPOSE,
    "risk_class": _PURPOSE,
    "rights_affecting": _PURPOSE,
    "profiles_people": _PURPOSE,
    "selects": _PURPOSE,
    "affected": _PURPOSE,
    "data_used": f"{_HEART}: data, article 10",
    "model": f"{_HEART}: the model, article 15",
    "oversight": f"{_HEART}: human oversight, article 14",
    "logs": f"{_HEART}: logs, article 12",
    "random_arm": f"{_HEART}: accuracy, article 15",
    "derogation": _PURPOSE,
    "name": "article 25(1)(a), another name was put on it",
    "manufacturer": "article 25(1)(a), another name was put on it",
}
"""Parts of a system whose change is substantial, with the reason in law."""

FORESEEN: Final = frozenset({"version", "learnt_until", "foreseen"})
"""Parts of a model card that may change without being substantial, where the version before had foreseen it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of two versions; ``reason`` says why it is substantial, and is empty where it is not."""

    part: str
    says: str
    reason: str = ""


def canonical(system: System) -> str:
    """A system as text that is equal for equal systems: sorted keys, no spaces, nothing that was left out."""
    return to_json(system).decode()


def digest(system: System) -> str:
    """SHA-256 (hex) of the canonical text; comments and layout of the file do not change it."""
    return sha256(canonical(system).encode()).hexdigest()


def read_canonical(text: str) -> System:
    """The system of a canonical text."""
    return msgspec.json.decode(text, type=System)


def differences(old: System, new: System) -> tuple[Change, ...]:
    """What is different, in plain words; the substantial first."""
    changes = []
    for field in System.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before == after or field in ("version", "parties"):
            continue
        if field == "model" and _foreseen(old, new):
            changes.append(Change("model", "the model was renewed as its card had foreseen"))
            continue
        changes.append(Change(field, _told(field, before, after), SUBSTANTIAL.get(field, "")))
    changes += _parties(old, new)
    return tuple(sorted(changes, key=lambda change: not change.reason))


def substantial(changes: tuple[Change, ...]) -> bool:
    """Whether any of them is."""
    return any(change.reason for change in changes)


def _foreseen(old: System, new: System) -> bool:
    if old.model is None or new.model is None or not old.model.foreseen:
        return False
    names = old.model.__struct_fields__
    changed = {name for name in names if getattr(old.model, name) != getattr(new.model, name)}
    return changed <= FORESEEN - {"foreseen"}


def _parties(old: System, new: System) -> list[Change]:
    def makers(system: System) -> set[str]:
        return {one.name for one in system.parties if one.duty == "manufacturer"}

    if old.parties == new.parties:
        return []
    if makers(old) != makers(new):
        told = f"its manufacturer was {_list(makers(old))} and is {_list(makers(new))}"
        return [Change("manufacturer", told, SUBSTANTIAL["manufacturer"])]
    before = {(one.duty, one.name) for one in old.parties}
    after = {(one.duty, one.name) for one in new.parties}
    gone, come = sorted(before - after), sorted(after - before)
    says = [f"{name} is no longer named as {duty}" for duty, name in gone]
    says += [f"{name} is named as {duty}" for duty, name in come]
    return [Change("parties", "; ".join(says) or "contact, key or competence of a party was changed")]


def _told(field: str, before: Any, after: Any) -> str:
    name = field.replace("_", " ")
    if not before:
        return f"{name} was added"
    if not after:
        return f"{name} was taken away"
    short = isinstance(before, str) and isinstance(after, str) and len(before) + len(after) <= 120
    return f"{name} was “{before}” and is “{after}”" if short else f"{name} was changed"


def _list(names: set[str]) -> str:
    return " and ".join(sorted(names)) or "nobody"
