"""The evidence of needs: which interactions were counted, read through the door, and whether they still are so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from cityward.core.clock import end_of_day
from cityward.core.errors import StoreError
from cityward.core.limits import PAGE_ROWS
from cityward.core.records import Evidence, EvidenceItem, Need
from cityward.know.evidence import evidence_digest

if TYPE_CHECKING:
    from cityward.city.city import City

_COLUMNS = ("source", "id", "service", "territory", "occurred_at", "status", "key", "digest")


class Evidencing:
    """What a need rests on.

    Parameters
    ----------
    city : City
        The open city.
    """

    def __init__(self, city: City) -> None:
        self._city = city

    def of(self, identifier: str, limit: int = 50, offset: int = 0) -> Evidence:
        """Interactions that a need counts, by day and identifier, a page at a time.

        Raises
        ------
        cityward.core.errors.UnknownId
            There is no such need.
        StoreError
            The list is not the one whose digest the need carries.
        """
        need = self._city.need(identifier)
        empty = Evidence(
            need=need.id,
            count=need.evidence_count,
            sha256=need.evidence_sha256,
            present=0,
            changed=0,
            offset=offset,
            items=(),
        )
        if not need.evidence_sha256:
            return empty
        counted = self._counted(need.evidence_sha256)
        zone = self._city.time_zone
        begin = end_of_day(need.starts - timedelta(days=1), zone)
        rows = (
            self._city.read("cityward-evidence", "need-evidence")
            .frame(_COLUMNS, since=begin, until=end_of_day(need.ends, zone))
            .filter(pl.col("key").is_in(counted["key"].implode()))
            .with_columns(day=pl.col("occurred_at").dt.convert_time_zone(zone).dt.date())
            .sort("day", "source", "id")
        )
        changed = rows.join(counted, on=["key", "digest"], how="anti").height
        page = rows.slice(offset, min(limit, PAGE_ROWS))
        items = page.select("source", "id", "service", "territory", "day", "status").iter_rows(named=True)
        named = tuple(EvidenceItem(**row) for row in items)
        return msgspec.structs.replace(empty, present=rows.height, changed=changed, items=named)

    def keys_of(self, need: Need) -> pl.Series:
        """Keys (UInt64) of the interactions that a need counts; raises StoreError as `of`."""
        return self._counted(need.evidence_sha256)["key"]

    def _counted(self, digest: str) -> pl.DataFrame:
        path = self._city.folder.turns / "evidence" / f"{digest}.parquet"
        try:
            rows = pl.read_parquet(path)
            found = evidence_digest(rows)
        except (OSError, pl.exceptions.PolarsError):
            found = ""
        if found != digest:
            raise StoreError(
                f"The list of evidence {digest[:12]}… is lost or was changed. Restore turns/evidence from a backup."
            )
        return rows
