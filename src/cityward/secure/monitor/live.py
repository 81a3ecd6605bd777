"""The monitor over logs that are being written: parts in, sightings out, within bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from cityward.core.limits import MONITOR_MATCHES
from cityward.secure.monitor.batches import Gatherer
from cityward.secure.monitor.correlating import AT
from cityward.secure.monitor.monitoring import FUTURE_US, Monitor
from cityward.secure.monitor.readers.files import read_part
from cityward.secure.monitor.sightings import DAY_US, SCHEMA, Sightings, joined

if TYPE_CHECKING:
    from cityward.secure.monitor.findings import Names
    from cityward.secure.monitor.readers.reading import Reading, Reckoning
    from cityward.secure.monitor.terms import RuleSet

SPAN_MOST_US: Final = 7 * DAY_US
"""Longest time span of a correlation that is looked at live; a longer one sees the last week."""


class LiveMonitor(Monitor):
    """Holds parts of logs against rules as they come.

    It remembers matches of rules that correlations refer to, for as long as the longest of their time spans, and
    what was seen today and yesterday. Events of an earlier year than the newest are looked at, and forgotten.
    """

    def __init__(self, rules: RuleSet, names: Names) -> None:
        super().__init__(rules, names)
        self._to = Gatherer(self._take)
        spans = [one.span_seconds * 1_000_000 for one in rules.correlations]
        self.span_us = min(SPAN_MOST_US, max([DAY_US, *spans]))
        self._sent = pl.DataFrame(schema=SCHEMA)
        self.newest_us: int | None = None
        self.reported = 0

    def take_part(self, name: str, content: bytes, form: str, reckoning: Reckoning, now_us: int) -> Reading:
        """Read whole lines of a log; ``received = read + not read``."""
        self._latest_us = now_us + FUTURE_US
        self._files = [name]
        before = self._in_future.total()
        told = read_part(name, content, form, 0, self._to, reckoning)
        self._to.finish()
        told.in_future = self._in_future.total() - before
        return told

    def look(self) -> pl.DataFrame:
        """Sightings (`SCHEMA`) that are new, or that grew, since the last `sent`."""
        self._tallies.clear()
        seen = self._seen.frame(self._names)
        hits, self._seen = self._seen, Sightings()
        self._correlated()
        both = joined(pl.concat([seen, self._seen.frame(self._names)]))
        self._seen = hits
        self._forget(both)
        self._looked = both
        return both.join(self._sent, on=list(SCHEMA), how="anti", nulls_equal=True, maintain_order="left")

    def sent(self) -> None:
        """Say that what `look` returned was kept."""
        self._sent = self._looked

    def _forget(self, seen: pl.DataFrame) -> None:
        times = pl.concat([seen["last_us"], *(frame[AT] for frames in self._kept.values() for frame in frames)])
        newest = max(int(times.max() or 0), self.newest_us or 0)  # type: ignore[arg-type]
        self.newest_us = newest or None
        for rule, frames in self._kept.items():
            kept = pl.concat(frames).filter(pl.col(AT) >= newest - self.span_us).sort(AT).tail(MONITOR_MATCHES // 2)
            self._kept[rule] = [kept]
            self._kept_rows[rule] = kept.height
        self._seen.forget(newest - self.span_us - DAY_US)
