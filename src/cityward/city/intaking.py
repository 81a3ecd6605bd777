"""Takes in files and messages, and accounts for every row."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from cityward.city.gathering import Gatherer
from cityward.city.opened import Opened
from cityward.city.reading import read_ahead
from cityward.core.batch import Batch
from cityward.core.disk import durable, make_folder, replace_file
from cityward.core.errors import UnknownId
from cityward.core.records import (
    Intake,
    Refusal,
)
from cityward.know.place import place
from cityward.sense.files import read_file
from cityward.sense.mapping import ObservationMapping, Reading, load_mapping
from cityward.sense.quick import MESSAGE_BYTES
from cityward.sense.sensor_list import load_sensor_list, with_places

R = TypeVar("R")


class Intaking(Opened):
    """What a city does with rows that reach it."""

    def mappings(self) -> dict[str, Reading]:
        """Mappings of this city's sources, by source name."""
        found = (load_mapping(path) for path in sorted(self.folder.sources.glob("*.toml")))
        return {mapping.source: mapping for mapping in found}

    @durable("keeping the mapping")
    def add_mapping(self, path: Path) -> Reading:
        """Check a mapping and keep it in the city folder.

        Raises
        ------
        cityward.core.errors.CityBusy
            It would change one that another process may be working with.
        """
        mapping = load_mapping(path)
        self._add_sensor_list(path.parent, mapping)
        target, content = self.folder.sources / f"{mapping.source}.toml", path.read_bytes()
        if not target.exists():
            make_folder(target.parent)
            replace_file(target, content)
        elif content != target.read_bytes():
            with self.writing():
                replace_file(target, content)
        return mapping

    def _add_sensor_list(self, folder: Path, mapping: Reading) -> None:
        """Keep the list of sensors that a mapping names, as the mapping is kept."""
        if not isinstance(mapping, ObservationMapping) or mapping.sensors is None:
            return
        load_sensor_list(folder, mapping)  # refuses before anything is written
        target, content = self.folder.sources / mapping.sensors.file, (folder / mapping.sensors.file).read_bytes()
        if not target.exists() or content != target.read_bytes():
            with self.writing():
                make_folder(target.parent)
                replace_file(target, content)
                self._sensor_lists.pop(mapping.source, None)

    def sense(
        self, path: Path, mapping: Reading, replay: bool = False, progress: Callable[[int], None] | None = None
    ) -> list[Intake]:
        """Take in a file; return what became of each batch.

        Parameters
        ----------
        path : pathlib.Path
            CSV, Parquet, NDJSON or GeoJSON, also gzipped.
        mapping : Reading
            Which column is what.
        replay : bool
            The file was mended: rows of it that are good now leave quarantine.
        progress : callable, optional
            Called with the number of rows received so far.
        """
        intakes: list[Intake] = []
        with self.writing() as door:
            if replay:
                self.registers.resolve_quarantine(mapping.source, path.name)
            batches = read_file(Path(path), mapping, self.clock.now())
            for treated in read_ahead(batches, lambda batch: door.treat(self._placed(batch))):
                intakes.append(door.admit(treated))
                if progress:
                    progress(sum(intake.received for intake in intakes))
            door.flush()
        return intakes

    def take(self, source: str, body: bytes, origin: str = "http") -> Intake:
        """Take in NDJSON that arrived as a message; returns when its rows are durable.

        Raises
        ------
        UnknownId
            No mapping of this city is for ``source``.
        """
        return self.take_soon(source, body, origin).result()

    def takes(self, body: bytes) -> bool:
        """Whether `take_soon` of ``body`` only hands it over: it is small, and the writer is at work already."""
        return self._gatherer is not None and len(body) <= MESSAGE_BYTES

    def take_soon(self, source: str, body: bytes, origin: str = "http") -> Future[Intake]:
        """Take in NDJSON that arrived as a message; the future ends when its rows are durable.

        Raises
        ------
        UnknownId
            No mapping of this city is for ``source``.
        """
        mapping = self._mapping_cache.get(source)
        if mapping is None:
            mapping = self.mappings().get(source)
            if mapping is None:
                raise UnknownId(
                    f"This city has no source '{source}'.", "Add its mapping with 'cityward sense FILE --map MAP.toml'."
                )
            self._mapping_cache[source] = mapping
        return self.take_as(mapping, body, origin)

    def take_as(self, mapping: Reading, body: bytes, origin: str) -> Future[Intake]:
        """As `take_soon`, by a mapping that the program brings along; the caller keeps it."""
        return (self._gatherer or self._start_gatherer()).take(body, mapping, origin)

    def _start_gatherer(self) -> Gatherer:
        # Senders that find it started never take the lock: the writer holds it while it writes.
        with self._lock:
            if self._gatherer is None:
                self._open_door()
                self._gatherer = Gatherer(self._admit_parts, self.clock)
            return self._gatherer

    @cached_property
    def _mapping_cache(self) -> dict[str, Reading]:
        return {}

    @cached_property
    def _sensor_lists(self) -> dict[str, pl.DataFrame]:
        return {}

    def _with_places(self, frame: pl.DataFrame, source: str) -> pl.DataFrame:
        """Observations with the place of their sensor, where a list of sensors tells it."""
        if "observed_at" not in frame.columns:
            return frame
        if source not in self._sensor_lists:
            mapping = self.mappings().get(source)
            none = frame.clear().select("sensor", "lon", "lat")
            self._sensor_lists[source] = (
                load_sensor_list(self.folder.sources, mapping) if isinstance(mapping, ObservationMapping) else none
            )
        return with_places(frame, self._sensor_lists[source])

    def _admit_parts(self, batch: Batch, heights: list[int]) -> list[Intake]:
        with self.writing() as door:
            return door.admit_parts(door.treat(self._placed(batch)), heights)

    def _placed(self, batch: Batch) -> Batch:
        return Batch(
            source=batch.source,
            origin=batch.origin,
            received=batch.received,
            frame=place(self._with_places(batch.frame, batch.source), self.level(None)[0]),
            quarantine=batch.quarantine,
            classes=batch.classes,
            extra=batch.extra,
        )

    def conservation(self) -> dict[str, Any]:
        """What became of every row ever received: ``received = admitted + quarantined + refused``."""
        return self.registers.conservation()

    def intakes(self, limit: int = 50, offset: int = 0) -> list[Intake]:
        """Batches, newest first."""
        return self.registers.list_intakes(limit, offset)

    def quarantine(self, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
        """Rows that wait to be mended: source, origin, row, column, reason, raw (public columns), state."""
        return self.keeper.quarantine("cityward-intake", "data-quality", limit, offset)

    def refusals(self) -> list[Refusal]:
        """What the door refused."""
        return self.registers.list_refusals()
