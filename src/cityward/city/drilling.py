"""Drills of a city: run on a copy, measured, kept in the registers and the ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cityward.city.drill_ransomware import Plan, ransomware
from cityward.core.disk import durable
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.secure.drill.report import DrillReport
from cityward.secure.drill.strike import writable

if TYPE_CHECKING:
    from cityward.city.city import City

RANSOMWARE = "ransomware"


class Drilling:
    """Drills of ``city``; reached as ``city.drills``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def ransomware(
        self, plan: Plan, *, work: Path | None = None, by: str = "", say: Callable[[str], None] = lambda _: None
    ) -> DrillReport:
        """Let an emulation loose on a copy, and restore it; see `cityward.city.drill_ransomware.ransomware`.

        Parameters
        ----------
        plan : Plan
            How it is done.
        work : pathlib.Path, optional
            Folder for the copy, its backup and what is restored, three times the size of the city; default beside
            the city. It is emptied afterwards.
        """
        return self.run(RANSOMWARE, lambda box, name: ransomware(self._city, box, name, plan, say), work=work, by=by)

    def run(
        self, kind: str, drill: Callable[[Path, str], DrillReport], *, work: Path | None = None, by: str = ""
    ) -> DrillReport:
        """Run a drill in a working folder of its own, and keep its report."""
        name = make_id("drill", kind, self._city.clock.now().isoformat())
        with _working(work or self._city.path.resolve().parent, self._city.path) as box:
            report = drill(box, name)
        return self._keep(msgspec.structs.replace(report, by=by))

    def _keep(self, report: DrillReport) -> DrillReport:
        facts: dict[str, str | int] = {
            "drill": report.kind,
            "variant": report.variant,
            "passed": "yes" if report.passed else "no",
        }
        kept = self._city.keep("drill", report, facts, state="passed" if report.passed else "missed")
        self._city.alerts.drill_ended(kept)
        return kept

    def all(self) -> Sequence[DrillReport]:
        """Newest first."""
        found: list[DrillReport] = self._city.registers.list_of("drill", DrillReport)
        return found[::-1]

    def get(self, identifier: str) -> DrillReport:
        """One report; raises `UnknownId`."""
        return self._city.kept("drill", DrillReport, identifier, "drill", "cityward drill list")

    def last(self, kind: str = RANSOMWARE) -> DrillReport | None:
        """The newest of a kind."""
        return next((one for one in self.all() if one.kind == kind), None)

    def stale_days(self) -> float | None:
        """Days by which the next drill of ransomware is overdue; None when it is not. Without any, the whole span."""
        last, every = self.last(), timedelta(days=self._city.settings.drill.every_days)
        if last is None:
            return every / timedelta(days=1)
        late = self._city.clock.now() - last.ended_at - every
        return late / timedelta(days=1) if late > timedelta() else None


@contextmanager
def _working(parent: Path, city: Path) -> Iterator[Path]:
    """A new folder for a drill, removed at the end whatever the drill did to it."""
    if parent.resolve().is_relative_to(city.resolve()):
        raise UserError("The working folder of a drill lies in the city.", "Choose one elsewhere with --work.")
    with durable("making the working folder of a drill"):
        parent.mkdir(parents=True, exist_ok=True)
        box = Path(tempfile.mkdtemp(prefix=".cityward-drill-", dir=parent.resolve()))
    try:
        yield box
    finally:
        for folder in box.iterdir():
            if folder.is_dir():
                writable(folder)
        shutil.rmtree(box)
