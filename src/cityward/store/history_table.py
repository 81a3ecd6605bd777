"""The tables of history: what a row of each is, what makes it that row, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from cityward.core.frames import DECIDED, DECISION, HISTORY, OBSERVED, PLACED, PLACED_OBSERVATION


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """One table.

    Parameters
    ----------
    name : str
        Name of its folder, a Delta table partitioned by month.
    placed : polars.Schema
        Rows as the door hands them over.
    kept : polars.Schema
        Rows as they are kept: ``placed`` and the columns of bookkeeping.
    identity : tuple of str
        Columns that make a row itself; the same identity with other content is a revision.
    time : str
        Column of the moment that a row tells of.
    """

    name: str
    placed: pl.Schema
    kept: pl.Schema
    identity: tuple[str, ...]
    time: str

    @property
    def _suffix(self) -> str:
        # The first table had the log to itself; cities that exist keep theirs where it is.
        return "" if self.name == "interactions" else f"-{self.name}"

    @property
    def lock(self) -> str:
        """Name of the lock of its writer."""
        return f"writer{self._suffix}.lock"

    def path(self, folder: Path) -> Path:
        """Where the Delta table lies."""
        return folder / self.name

    def log(self, folder: Path) -> Path:
        """Where its segment log lies."""
        return folder / f"log{self._suffix}"

    def begun(self, folder: Path) -> bool:
        """Whether anything was ever written to it."""
        # A backup that is opened brings the table back, and no log.
        return self.log(folder).exists() or self.path(folder).exists()


INTERACTIONS: Final = HistoryTable("interactions", PLACED, HISTORY, ("source", "id"), "occurred_at")
OBSERVATIONS: Final = HistoryTable(
    "observations",
    PLACED_OBSERVATION,
    OBSERVED,
    ("source", "sensor", "property", "observed_at"),
    "observed_at",
)
DECISIONS: Final = HistoryTable("decisions", DECISION, DECIDED, ("id",), "decided_at")
"""Written by `cityward.guard.decided` alone."""


def table_of(frame: pl.DataFrame) -> HistoryTable:
    """Return the table that rows with these columns belong to."""
    return OBSERVATIONS if OBSERVATIONS.time in frame.columns else INTERACTIONS
