"""Records of an inventory, of scenarios and of controls, as they are written in TOML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from cityward.secure.risk.quantities import Quantity


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an asset needs: ``at_least`` of the assets ``of`` (all where it is not said), for want of which it fails.

    ``buffer_hours`` is how long it works on without: batteries, a tank, paper.
    """

    of: tuple[str, ...]
    at_least: int | None = None
    buffer_hours: Quantity = 0.0
    kind: str = "service"


class Asset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that can fail: a machine, a program, a supplier, a building, a service to residents.

    ``serves`` gives people by territory who use it; ``fallback`` is the share of the service that goes on while it
    is down; ``repair_hours`` is drawn when it is hit itself, ``restart_hours`` pass after what it needs is back.

    For plans that are printed: ``manual`` says how people work on without it, ``minimum`` what must go on whatever
    happens, ``contact`` an office and its telephone, never a person. ``drilled_by`` names the drills that measure how
    long it takes to come back.
    """

    id: str
    name: str = ""
    kind: str = ""
    owner: str = ""
    supplier: str = ""
    vendor: str = ""
    product: str = ""
    version: str = ""
    address: str = ""
    exposure: Literal["", "none", "internal", "partner", "internet"] = ""
    data: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    serves: dict[str, float] = {}
    fallback: float = 0.0
    repair_hours: Quantity = 0.0
    restart_hours: float = 0.0
    repair_cost: float = 0.0
    cost_per_hour: float = 0.0
    manual: str = ""
    minimum: str = ""
    contact: str = ""
    drilled_by: tuple[str, ...] = ()


class InventoryFile(msgspec.Struct, forbid_unknown_fields=True):
    """One TOML file of an inventory."""

    assets: tuple[Asset, ...] = ()
    territories: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Inventory:
    """All assets, and people by territory where they are stated."""

    assets: tuple[Asset, ...]
    territories: dict[str, float]


class Hit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an event does to assets: each of them fails with probability ``share``, which is drawn once an event."""

    assets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    share: Quantity = 1.0
    hours: Quantity | None = None
    after_hours: float = 0.0


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that may happen: how often it is tried, how often that succeeds, what it costs, what it hits.

    ``frequency`` is drawn for each year; ``success`` too. Instead of ``success`` there may be ``capability`` and
    ``resistance``, drawn for each try: it succeeds when the first is above the mean of the second.
    ``together`` (0 to 1) is how far the times of repair in one event are long or short together.
    """

    id: str
    name: str = ""
    techniques: tuple[str, ...] = ()
    frequency: Quantity = 0.0
    count: Literal["poisson", "rounded"] = "poisson"
    success: Quantity = 1.0
    capability: Quantity | None = None
    resistance: tuple[Quantity, ...] = ()
    loss: Quantity = 0.0
    hits: tuple[Hit, ...] = ()
    together: float = 0.0


class Shock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A common cause: when it comes, each of its scenarios is tried with its probability in the same year."""

    id: str
    frequency: Quantity
    scenarios: dict[str, float]
    name: str = ""


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that can be bought: factors from 0 to 1 on what it acts on.

    It acts on ``scenarios``, or on those with one of ``techniques``, or where neither is said on those with a
    technique that its ``mitigation`` is listed against in ATT&CK.
    """

    id: str
    name: str = ""
    cost_per_year: float = 0.0
    function: str = ""
    mitigation: str = ""
    techniques: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    frequency: float = 1.0
    success: float = 1.0
    spread: float = 1.0
    loss: float = 1.0
    restore: float = 1.0
    present: bool = False


class ScenarioFile(msgspec.Struct, forbid_unknown_fields=True):
    """One TOML file of scenarios; controls may stand in it or in a file of their own."""

    scenarios: tuple[Scenario, ...] = ()
    shocks: tuple[Shock, ...] = ()
    controls: tuple[Control, ...] = ()
    currency: str = "$"
    value_of_citizen_hour: float = 0.0
