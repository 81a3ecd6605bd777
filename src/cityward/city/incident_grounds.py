"""What security incidents are judged by: the city's inventory and scenarios, read anew when their files change."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cityward.core.errors import CitywardError
from cityward.secure.incidents.expecting import Scenarios, simulated
from cityward.secure.risk.cast import prepare_city
from cityward.secure.risk.graph import Graph, make_graph
from cityward.secure.risk.inventory import SCENARIOS_FILE, read_inventory, read_scenarios
from cityward.secure.risk.inventory_check import require_sound
from cityward.secure.risk.records import Asset, Inventory

_Stamp = tuple[tuple[str, int, int], ...]


@dataclass
class Grounds:
    """An inventory; its graph and what its scenarios come to, where they can be worked with; and what is missing."""

    folder: Path
    stamp: _Stamp
    inventory: Inventory
    graph: Graph | None
    _missing: list[str] = field(default_factory=list)

    @property
    def assets(self) -> dict[str, Asset]:
        """Assets by their identifier."""
        return {asset.id: asset for asset in self.inventory.assets}

    @cached_property
    def scenarios(self) -> Scenarios | None:
        """Scenarios, simulated once; None where there are none, or none that can be worked with."""
        if self.graph is None:
            return None
        if not (self.folder / SCENARIOS_FILE).is_file():
            self._missing.append(f"The inventory has no {SCENARIOS_FILE}, so nothing is said of what it may cost.")
            return None
        try:
            return simulated(prepare_city(self.inventory, read_scenarios(self.folder)))
        except CitywardError as error:
            self._missing.append(f"The scenarios cannot be worked with: {error}")
            return None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is missing, in plain words."""
        return tuple(self._missing)


def grounds_of(folder: Path, before: Grounds | None) -> Grounds:
    """Read what lies in ``folder``; ``before`` where no file has changed since. Never raises for what lies there."""
    stamp = _stamp(folder)
    if before is not None and before.stamp == stamp:
        return before
    none = Inventory((), {})
    if not stamp:
        return Grounds(folder, stamp, none, None, ["The city has no inventory (inventory/), so hosts are no assets."])
    try:
        inventory = read_inventory(folder)
    except (CitywardError, OSError) as error:
        return Grounds(folder, stamp, none, None, [f"The inventory cannot be read: {error}"])
    try:
        require_sound(inventory)
        return Grounds(folder, stamp, inventory, make_graph(inventory))
    except CitywardError as error:
        return Grounds(folder, stamp, inventory, None, [f"{error}"])


def _stamp(folder: Path) -> _Stamp:
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        held = path.stat()
        found.append((path.name, held.st_mtime_ns, held.st_size))
    return tuple(found)
