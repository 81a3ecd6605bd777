"""What attacks on the city's systems cost, computed ahead and kept; and what drills and exercises measured for it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core import words
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Record
from cityward.secure.risk.drawing import Drawing, draw_service
from cityward.secure.risk.graph import Graph, make_graph
from cityward.secure.risk.inventory import read_inventory, read_scenarios, shown
from cityward.secure.risk.inventory_check import require_sound
from cityward.secure.risk.measured import Trial
from cityward.secure.risk.plan import ServicePlan, service_plan
from cityward.secure.risk.restore_order import RestoreOrder, restore_order
from cityward.secure.risk.standing import Standing, stand

if TYPE_CHECKING:
    from cityward.city.city import City

KIND: Final = "risk"
YEARS: Final = 100_000
_NEWEST: Final = make_id(KIND, "newest")
"""There is one computed risk; the ledger proves those before it."""


class Kept(Record, frozen=True, kw_only=True):
    """A computed risk: of which day, seed and inventory; ``stale`` says what drills are overdue."""

    id: str
    at: datetime
    seed: int
    years: int
    inventory: str
    standing: Standing
    stale: tuple[str, ...]
    receipt: int | None = None


class Risks:
    """The risk of ``city``; reached as ``city.risks``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._digest: tuple[tuple[tuple[str, int, int], ...], str] | None = None
        self._planned: tuple[str, Graph, RestoreOrder] | None = None

    def any(self) -> bool:
        """Whether the city has an inventory."""
        return self._city.folder.inventory.is_dir()

    def compute(self, years: int = YEARS, seed: int = 1) -> Kept:
        """Simulate the inventory of the city, with what was measured, and keep what is told.

        Raises
        ------
        UserError
            There is no inventory, or it cannot be worked with.
        """
        folder = self._city.folder.inventory
        if not self.any():
            raise UserError(
                "The city has no inventory of its systems.",
                f"Write one in {folder.name}/ of the city folder; docs/risk.md says how.",
            )
        held, file = read_inventory(folder), read_scenarios(folder)
        standing = stand(held, file, self.trials(), years=years, seed=seed)
        now = self._city.clock.now()
        kept = Kept(
            id=_NEWEST,
            at=now,
            seed=seed,
            years=years,
            inventory=self.digest(),
            standing=standing,
            stale=self.stale(),
        )
        return self._city.keep(KIND, kept, {"seed": seed, "years": years, "assets": standing.assets}, update=("body",))

    def last(self) -> Kept | None:
        """What was computed last."""
        return self._city.registers.get(_NEWEST, Kept)

    def changed(self, kept: Kept) -> bool:
        """Whether the inventory is another since."""
        return kept.inventory != self.digest()

    def digest(self) -> str:
        """What the inventory is told apart by; read again only when a file has another size or time."""
        folder = self._city.folder.inventory
        files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        seen = tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
        if self._digest is None or self._digest[0] != seen:
            whole = sha256()
            for path in files:
                whole.update(f"{path.name}\0{path.stat().st_size}\0".encode(errors="replace"))
                whole.update(path.read_bytes())
            self._digest = (seen, whole.hexdigest())
        return self._digest[1]

    def plan(self, service: str) -> tuple[ServicePlan, Drawing]:
        """The plan of one service of the inventory as it is now; what all share is worked out once an inventory.

        Raises
        ------
        UnknownId
            There is no such service, or no inventory.
        """
        digest = self.digest()
        if not self.any():
            raise UnknownId("The city has no inventory of its systems.", "docs/risk.md says how one is written.")
        if self._planned is None or self._planned[0] != digest:
            held = read_inventory(self._city.folder.inventory)
            require_sound(held)
            graph = make_graph(held)
            self._planned = (digest, graph, restore_order(graph))
        _, graph, order = self._planned
        at = graph.place.get(service)
        if at is None or not graph.assets[at].serves:
            raise UnknownId(f"There is no service '{shown(service)}'.", "The page Risk lists them.")
        return service_plan(graph, at, order), draw_service(graph, at)

    # -- what was measured -------------------------------------------------------------------------

    def trials(self) -> tuple[Trial, ...]:
        """Hours until all worked again, of each drill: deciding, as exercises measured it, and restoring.

        A drill begins with the alarm and waits for nobody. So the mean time that exercises took to decide the order of
        restore is added to each; without an exercise nothing is.
        """
        deciding = self.deciding_hours() or 0.0
        return tuple(
            Trial(
                kind=one.kind,
                at=one.ended_at,
                hours=None if one.back_seconds is None else one.back_seconds / 3600 + deciding,
                met=one.passed,
            )
            for one in reversed(self._city.drills.all())
        )

    def deciding_hours(self) -> float | None:
        """Mean hours that exercises took to decide in which order is restored; None when none asked."""
        told = [one.told.decide_minutes for one in self._city.exercises.all() if one.told]
        known = [one for one in told if one is not None]
        return sum(known) / len(known) / 60 if known else None

    def stale(self) -> tuple[str, ...]:
        """What was measured too long ago, or never."""
        late, last = self._city.drills.stale_days(), self._city.drills.last()
        found = []
        if last is None:
            found.append("No drill of ransomware was run: nothing is known of how long a restore takes.")
        elif late is not None:
            found.append(
                f"The last drill of ransomware was on {words.day(last.ended_at.date())} and is overdue: what it "
                "measured may hold no more."
            )
        if last is not None and self.deciding_hours() is None:
            found.append("No exercise was played: the time that people take to decide is not in the hours of drills.")
        return tuple(found)


def city_of(inventory: Path) -> Path | None:
    """The city folder that an inventory lies in, if it lies in one."""
    above = inventory.resolve().parent
    return above if inventory.resolve().name == "inventory" and (above / "city.toml").is_file() else None
