"""What is wrong with an inventory, and what is missing from it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from cityward.core.errors import SettingsError
from cityward.core.limits import RISK_AMOUNT, RISK_GROUP
from cityward.secure.risk.inventory import shown
from cityward.secure.risk.quantities import Quantity, drawn
from cityward.secure.risk.records import Asset, Inventory

SUPPLIER: Final = "supplier"
MOST_TOLD: Final = 100
"""Problems of one kind beyond this are counted and not listed."""

TEXT_CHARS: Final = 600
CONTACT_CHARS: Final = 200
"""Longest manual mode or minimum, and longest contact, of a printed plan."""

_DRILL: Final = re.compile(r"[a-z0-9-]{1,60}")


@dataclass(frozen=True, slots=True)
class InventoryReport:
    """Problems stop an analysis; remarks do not.

    Attributes
    ----------
    problems : tuple of str
        Unknown references, circles, numbers that cannot be.
    ownerless, orphans : tuple of str
        Assets without an owner; assets that nothing needs and that serve nobody.
    exposed : tuple of str
        Assets that can be reached from the internet.
    alone : tuple of str
        Assets that many services stand or fall with, most first: no other can take their place.
    """

    problems: tuple[str, ...]
    ownerless: tuple[str, ...]
    orphans: tuple[str, ...]
    exposed: tuple[str, ...]
    alone: tuple[tuple[str, int], ...]


def check(inventory: Inventory) -> InventoryReport:
    """Look through an inventory.

    Notes
    -----
    All is linear in assets and needs but ``alone``, which follows each service once.
    """
    known = {asset.id: asset for asset in inventory.assets}
    problems: list[str] = []
    for asset in inventory.assets:
        problems += _of_asset(asset, known, inventory.territories)
        if len(problems) > MOST_TOLD:
            break
    circle = [] if problems else circle_of(inventory)
    if circle:
        problems.append(f"These need each other in a circle: {' → '.join(shown(one) for one in circle)}")
    needed = {other for asset in inventory.assets for need in asset.needs for other in need.of}
    needed |= {asset.supplier for asset in inventory.assets}
    return InventoryReport(
        tuple(problems[:MOST_TOLD]),
        tuple(asset.id for asset in inventory.assets if not asset.owner.strip()),
        tuple(asset.id for asset in inventory.assets if asset.id not in needed and not asset.serves),
        tuple(asset.id for asset in inventory.assets if asset.exposure == "internet"),
        () if problems else _alone(inventory, known),
    )


def _of_asset(asset: Asset, known: dict[str, Asset], territories: dict[str, float]) -> list[str]:
    name, found = shown(asset.id), []
    for need in asset.needs:
        unknown = [other for other in need.of if other not in known]
        found += [f"'{name}' needs '{shown(other)}', which is not in the inventory" for other in unknown]
        count = len(need.of)
        if not 0 < count <= RISK_GROUP or len(set(need.of)) < count:
            found.append(f"'{name}' has a need of no asset, of one twice, or of more than {RISK_GROUP}")
        elif need.at_least is not None and not 1 <= need.at_least <= count:
            found.append(f"'{name}' needs at least {need.at_least} of {count}")
        found += _bad(need.buffer_hours, f"'{name}': buffer_hours")
    return found + _numbers(asset, name, known, territories) + _texts(asset, name)


def _texts(asset: Asset, name: str) -> list[str]:
    """What is printed on a sheet has to fit there, and be letters."""
    found = []
    for field, most in (("manual", TEXT_CHARS), ("minimum", TEXT_CHARS), ("contact", CONTACT_CHARS)):
        text = " ".join(getattr(asset, field).split())
        if len(text) > most or not text.isprintable():
            found.append(f"'{name}': {field} is longer than {most} letters, or cannot be printed")
    if len(asset.drilled_by) > RISK_GROUP or not all(_DRILL.fullmatch(one) for one in asset.drilled_by):
        found.append(f"'{name}': drilled_by lists names such as 'ransomware', small letters and hyphens")
    return found


def _numbers(asset: Asset, name: str, known: dict[str, Asset], territories: dict[str, float]) -> list[str]:
    found: list[str] = []
    if asset.supplier and (asset.supplier not in known or known[asset.supplier].kind != SUPPLIER):
        found.append(f"'{name}' has the supplier '{shown(asset.supplier)}', which is no asset of kind '{SUPPLIER}'")
    found += _bad(asset.repair_hours, f"'{name}': repair_hours")
    if not 0 <= asset.fallback <= 1:
        found.append(f"'{name}': fallback is not a share from 0 to 1")
    for field in ("restart_hours", "repair_cost", "cost_per_hour"):
        if not 0 <= getattr(asset, field) <= RISK_AMOUNT:
            found.append(f"'{name}': {field} is no amount from 0 up")
    for territory, people in asset.serves.items():
        if not (math.isfinite(people) and 0 <= people <= RISK_AMOUNT):
            found.append(f"'{name}' serves no number of people in '{shown(territory)}'")
        if territories and territory not in territories:
            found.append(f"'{name}' serves '{shown(territory)}', which is not among [territories]")
    return found


def _bad(quantity: Quantity, where: str) -> list[str]:
    try:
        drawn(quantity, where)
    except SettingsError as error:
        return [error.what.rstrip(".")]
    return []


def circle_of(inventory: Inventory) -> list[str]:
    """A circle of needs, its first asset again at its end; empty where there is none.

    Without recursion: chains of 100,000 assets are followed.
    """
    needs = {asset.id: [other for need in asset.needs for other in need.of] for asset in inventory.assets}
    done: set[str] = set()
    for first, own in needs.items():
        if first in done:
            continue
        path, on_path = [first], {first}
        waiting = [iter(own)]
        while path:
            other = next(waiting[-1], None)
            if other is None:
                done.add(path[-1])
                on_path.discard(path.pop())
                waiting.pop()
            elif other in on_path:
                return [*path[path.index(other) :], other]
            elif other not in done:
                path.append(other)
                on_path.add(other)
                waiting.append(iter(needs[other]))
    return []


def _alone(inventory: Inventory, known: dict[str, Asset], most: int = 10) -> tuple[tuple[str, int], ...]:
    """Assets that cannot be replaced, by how many services need them."""
    counts: dict[str, int] = {}
    services = [asset for asset in inventory.assets if asset.serves]
    for service in services[:1_000]:
        seen, waiting = {service.id}, [service.id]
        while waiting:
            for need in known[waiting.pop()].needs:
                if need.at_least is not None and need.at_least < len(need.of):
                    continue
                for other in need.of:
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
                        counts[other] = counts.get(other, 0) + 1
    return tuple(
        sorted(((one, count) for one, count in counts.items() if count > 1), key=lambda row: (-row[1], row[0]))[:most]
    )


def require_sound(inventory: Inventory) -> None:
    """Raise `SettingsError` with the first problems of an inventory that cannot be worked with."""
    problems = check(inventory).problems
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise SettingsError(
            f"The inventory cannot be worked with: {'; '.join(problems[:3])}{more}.",
            "'cityward risk FOLDER --check' lists everything.",
        )
