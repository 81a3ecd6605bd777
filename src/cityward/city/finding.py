"""What the turns of a city found, as records and frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import polars as pl

from cityward.city.folder import neutral_csv
from cityward.city.opened import Opened
from cityward.city.turn import Turn
from cityward.core.errors import UnknownId
from cityward.core.frames import CUBE, FORECAST, OUTLOOK, conform
from cityward.core.records import (
    Backtest,
    EarlyWarning,
    Need,
    Proposal,
    Silence,
    from_json,
)

R = TypeVar("R")


class Finding(Opened):
    """What was found; everything is read from what the last turn wrote, or from the registers."""

    def turn(self) -> Turn | None:
        """The last turn, or None before the first."""
        folder = self.turn_folder()
        if folder is None:
            return None
        turn = from_json((folder / "turn.json").read_bytes(), Turn)
        return msgspec.structs.replace(turn, receipt=self.receipt_of(turn.id))

    def turn_folder(self) -> Path | None:
        """Folder of the last turn."""
        pointer = self.folder.turns / "current"
        return self.folder.turns / pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None

    def turn_frame(self, name: str, schema: pl.Schema) -> pl.DataFrame:
        """A frame that the last turn wrote; empty before the first."""
        folder = self.turn_folder()
        path = folder / f"{name}.parquet" if folder else None
        return pl.read_parquet(path) if path and path.exists() else pl.DataFrame(schema=schema)

    def need_list(self) -> list[Need]:
        """Needs of the last turn, best first."""
        turn = self.turn()
        return list(turn.needs) if turn else []

    def needs(self) -> pl.DataFrame:
        """Needs of the last turn as a frame, one row each."""
        rows = [msgspec.to_builtins(need, builtin_types=(date, datetime)) for need in self.need_list()]
        keep = [name for name in Need.__struct_fields__ if name not in ("series", "moments", "rank")]
        return pl.DataFrame([{name: row[name] for name in keep} for row in rows], infer_schema_length=None)

    def need(self, identifier: str) -> Need:
        """A need of this or an earlier turn."""
        return found(self.registers.get_need(identifier), identifier)

    def silences(self) -> list[Silence]:
        """Silent places of the last turn."""
        turn = self.turn()
        return list(turn.silences) if turn else []

    def proposals(self, state: str | None = None) -> list[Proposal]:
        """Proposals, optionally only those ``waiting``, ``approved`` or ``rejected``; the last turn's first."""
        turn = self.turn()
        order = {identifier: place for place, identifier in enumerate(turn.proposals if turn else ())}
        found = [proposal for proposal in self.registers.list_proposals() if state in (None, proposal.state)]
        current = [proposal for proposal in found if proposal.id in order or proposal.state != "waiting"]
        return sorted(current, key=lambda proposal: order.get(proposal.id, len(order)))

    def proposal(self, identifier: str) -> Proposal:
        """One proposal."""
        return found(self.registers.get_proposal(identifier), identifier)

    def forecast(
        self, service: str | None = None, territory: str | None = None, level: str | None = None
    ) -> pl.DataFrame:
        """Forecast of the last turn, optionally of one service, territory or level (``all`` for every level).

        Without a territory or level only areas are given: levels add up, so their sum would count twice.
        """
        frame = conform(self.turn_frame("forecast", FORECAST), FORECAST)
        # Turns of older versions have no interval of their own.
        frame = frame.with_columns(pl.col("low").fill_null(pl.col("q10")), pl.col("high").fill_null(pl.col("q90")))
        own = self.settings.territories[0].level
        wanted = [pl.col(name) == value for name, value in (("service", service), ("territory", territory)) if value]
        if level != "all" and (level or not territory):
            wanted.append(pl.col("level").fill_null(own) == (level or own))
        return frame.filter(wanted) if wanted else frame

    def outlook(self) -> pl.DataFrame:
        """What is asked in the next week beside what can be done, by service, for the city and its groups."""
        return conform(self.turn_frame("outlook", OUTLOOK), OUTLOOK)

    def warnings(self, *, closed: bool = False) -> list[EarlyWarning]:
        """Warnings that are open, the most likely first; with ``closed`` those that the last turn closed too."""
        turn = self.turn()
        return [one for one in (turn.warnings if turn else ()) if closed or one.state == "open"]

    def backtests(self) -> list[Backtest]:
        """How each model did on days it had not seen."""
        turn = self.turn()
        return list(turn.backtests) if turn else []

    def daily(self, service: str | None, territories: Sequence[str] | None, days: int = 90) -> pl.DataFrame:
        """Interactions and incidents per day up to the last turn's day, days without any included."""
        turn = self.turn()
        if turn is None:
            return pl.DataFrame(schema={"day": pl.Date, "interactions": pl.Int64, "incidents": pl.Int64})
        counts = self.turn_frame("cube", CUBE)
        if service and service != "all services":
            counts = counts.filter(pl.col("service") == service)
        if territories is not None:
            counts = counts.filter(pl.col("territory").is_in(list(territories)))
        first = turn.as_of - timedelta(days=days - 1)
        calendar = pl.DataFrame({"day": pl.date_range(first, turn.as_of, eager=True)})
        sums = counts.group_by("day").agg(pl.col("interactions", "incidents").sum())
        return calendar.join(sums, on="day", how="left").fill_null(0).sort("day")

    def area_summary(self) -> pl.DataFrame:
        """Per territory: interactions of the last 28 days and what the same days of the year before had."""
        turn = self.turn()
        index, known = self.level(None)
        base = pl.DataFrame(
            {
                "territory": list(index.ids),
                "name": list(index.names),
                "population": [territory.population for territory in known],
            },
            schema_overrides={"population": pl.Float64},
        )
        counts = self.turn_frame("cube", CUBE)
        last = turn.as_of if turn else date.min + timedelta(days=800)
        for column, end in (("interactions_28d", last), ("year_before_28d", last - timedelta(days=364))):
            window = counts.filter(pl.col("day").is_between(end - timedelta(days=27), end))
            sums = window.group_by("territory").agg(pl.col("interactions").sum().alias(column))
            base = base.join(sums, on="territory", how="left").with_columns(pl.col(column).fill_null(0))
        return base.select("territory", "name", "interactions_28d", "year_before_28d", "population")

    def export_csv(self, name: Literal["needs", "area_summary", "forecast"]) -> bytes:
        """A table as CSV whose cells no spreadsheet takes for a formula."""
        tables: dict[str, Callable[[], pl.DataFrame]] = {
            "needs": self._needs_table,
            "area_summary": self.area_summary,
            "forecast": lambda: self.forecast(level="all"),
        }
        if name not in tables:
            raise UnknownId(f"There is no table '{name}'.", f"Tables: {', '.join(tables)}.")
        return neutral_csv(tables[name]())

    def _needs_table(self) -> pl.DataFrame:
        frame = self.needs()
        lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        return frame.with_columns(pl.col(name).list.join("; ") for name in lists)


def found(record: R | None, identifier: str) -> R:
    """Return ``record``, or raise `UnknownId` when there is none."""
    if record is None:
        raise UnknownId(
            f"Nothing here is called '{identifier[:60]}'.", "'cityward needs' and 'cityward proposals' list what is."
        )
    return record
