"""The batch: what moves along the data path between a source and the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from cityward.core.errors import Defect
from cityward.core.frames import QUARANTINE


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded and validated rows of one source, before the door.

    Parameters
    ----------
    source : str
        Name of the source.
    origin : str
        Where the rows came from, for people: a file name or ``http``. Never a full path.
    received : int
        Rows read; always ``frame.height + quarantine.height``.
    frame : polars.DataFrame
        Rows that passed validation, with `cityward.core.frames.INTERACTION` (then ``PLACED``) columns.
    quarantine : polars.DataFrame
        Rows that did not, with `cityward.core.frames.QUARANTINE` columns. ``raw`` holds public columns only.
    classes : mapping of str to str
        Field class of each column of ``frame`` and ``extra``.
    extra : polars.DataFrame
        Declared columns that history has no place for, row by row beside ``frame``. Only the door
        looks at them; they go no further.
    """

    source: str
    origin: str
    received: int
    frame: pl.DataFrame
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE))
    classes: Mapping[str, str] = field(default_factory=dict)
    extra: pl.DataFrame = field(default_factory=pl.DataFrame)

    def __post_init__(self) -> None:
        if self.received != self.frame.height + self.quarantine.height:
            raise Defect(
                f"Batch of {self.source}: received {self.received} is not "
                f"{self.frame.height} valid plus {self.quarantine.height} quarantined."
            )
        if self.extra.width and self.extra.height != self.frame.height:
            raise Defect(f"Batch of {self.source}: extra columns are not beside the frame.")
