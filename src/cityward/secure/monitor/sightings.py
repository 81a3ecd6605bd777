"""Sightings: which rule saw whom at which host, from when to when, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cityward.core.limits import MONITOR_SIGHTINGS
from cityward.secure.monitor.correlating import AT, WHO, hits_of_rows, rows_of
from cityward.secure.monitor.findings import GROUPED, Names, what_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cityward.secure.monitor.correlating import Hit
    from cityward.secure.monitor.terms import Correlation

SCHEMA: Final[dict[str, Any]] = {
    "rule": pl.String,
    "host": pl.String,
    "source": pl.String,
    "account": pl.String,
    "first_us": pl.Int64,
    "last_us": pl.Int64,
    "events": pl.Int64,
}
"""Columns of sightings. ``host``, ``source`` (an address) and ``account`` may be null, and so may both times.

One sighting reaches over one day (UTC) at most: what comes back a month later was not there in between.
"""

KEYS: Final = ("rule", "host", "source", "account")
DAY_US: Final = 86_400 * 1_000_000
_SPREAD: Final = 100_000
"""Rows that are gathered before equal ones become one."""


class Sightings:
    """Gathers sightings while files are read; at most `MONITOR_SIGHTINGS` different ones are kept."""

    def __init__(self) -> None:
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self.left_out = 0

    def add(self, rule: str, at_us: Sequence[int | None], who: dict[str, list[str | None]]) -> None:
        """Take in matches of a rule about single events; ``who`` has a value of `GROUPED` for each match."""
        columns = {name: pl.Series(who[name], dtype=pl.String) for name in GROUPED}
        frame = pl.DataFrame({"at": pl.Series(at_us, dtype=pl.Int64), **columns})
        self._take(rule, _by_day(frame, "at", tuple(GROUPED)))

    def add_hits(self, rule: Correlation, hits: list[Hit], matches: dict[str, pl.DataFrame]) -> None:
        """Take in hits of a correlation, by who took part in the matches behind each."""
        rows = hits_of_rows(rows_of(rule, matches), hits)
        for position, name in enumerate(rule.group_by):
            what = what_groups({rule.field_of(name, key) for key in rule.rules} | {name}, name)
            if what in GROUPED:
                rows = rows.with_columns(pl.coalesce(f"@{what}", f"g{position}").alias(f"@{what}"))
        # Of a correlation of correlations only the single events tell a host.
        hit = [name for name in rows.columns if name in ("first", "last") or (name[:1] == "g" and name[1:].isdigit())]
        told = pl.col("@host").is_not_null()
        rows = rows.filter(told | told.any().over(hit).not_())
        self._take(rule.told.id, _by_day(rows, AT, WHO).rename({name: name.removeprefix("@") for name in WHO}))

    def _take(self, rule: str, found: pl.DataFrame) -> None:
        made = found.with_columns(
            pl.lit(rule).alias("rule"),
            pl.col("host", "source").str.to_lowercase().str.strip_chars(),
            pl.col("events").cast(pl.Int64),
        ).select(*SCHEMA)
        self._held.append(made)
        self._rows += made.height
        if self._rows > _SPREAD:
            self._gather()

    def _gather(self) -> pl.DataFrame:
        if not self._held:
            return pl.DataFrame(schema=SCHEMA)
        one = joined(pl.concat(self._held))
        self.left_out += max(0, one.height - MONITOR_SIGHTINGS)
        self._held = [one.head(MONITOR_SIGHTINGS)]
        self._rows = 0
        return self._held[0]

    def forget(self, before_us: int) -> None:
        """Forget what was seen before a moment, and what has no time."""
        kept = self._gather().filter(pl.col("last_us") >= before_us)
        self._held, self._rows = [kept], kept.height

    def frame(self, names: Names) -> pl.DataFrame:
        """All sightings so far (`SCHEMA`), by time; accounts are replaced as ``names`` replaces them."""
        found = self._gather().select(*SCHEMA)
        known = {name: names.one(name) for name in found["account"].unique().drop_nulls().to_list()}
        if not known:
            return found
        account = pl.col("account").replace_strict(known, default=None, return_dtype=pl.String)
        return joined(found.with_columns(account))


def _by_day(frame: pl.DataFrame, at: str, who: tuple[str, ...]) -> pl.DataFrame:
    first, last = pl.col(at).min().alias("first_us"), pl.col(at).max().alias("last_us")
    return frame.group_by(*who, (pl.col(at) // DAY_US).alias("day")).agg(first, last, pl.len().alias("events"))


def joined(frame: pl.DataFrame) -> pl.DataFrame:
    """Equal sightings of one day as one, by time."""
    parts = (pl.col("first_us").min(), pl.col("last_us").max(), pl.col("events").sum())
    found = frame.group_by(*KEYS, (pl.col("first_us") // DAY_US).alias("day")).agg(*parts)
    return found.sort("first_us", *KEYS).select(*SCHEMA)
