"""What closing half of a city's divide would cost and where it would start, from the measures that it considers."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from cityward.core.disk import SUMS, durable, make_folder, replace_file
from cityward.core.errors import SettingsError, UserError
from cityward.core.limits import TABLE_BYTES
from cityward.core.records import Record, from_json, to_json
from cityward.equitable.rollout.plan import Asked, close_gap
from cityward.equitable.rollout.report import GapClosed
from cityward.equitable.rollout.tables import PlaceColumns, read_places, read_task

if TYPE_CHECKING:
    from cityward.city.city import City

SHARE: Final = 0.5
NEAR: Final = 0.01
"""How far from the least cost a plan may be, proven; the page says how far it is."""

SECONDS: Final = 20.0
AREAS: Final = "the areas of the city"
"""What the table of places is called in a message."""

COLUMNS: Final = PlaceColumns(group="income")
_FILE: Final = "half-the-gap.json"


class HalfTheGap(Record, frozen=True, kw_only=True):
    """Half of the gap, closed. ``begin`` is where it starts: kind and places, what does most for its cost first.

    ``digest`` is of what it was computed from.
    """

    closed: GapClosed
    begin: tuple[tuple[str, tuple[str, ...], float], ...]
    currency: str
    note: str
    digest: str

    @property
    def finding(self) -> str:
        """The cost, how sure it is, and the first place, in words."""
        one, currency = self.closed, f" {self.currency}" if self.currency else ""
        above = one.cost / one.at_least - 1 if one.at_least else 0.0
        sure = f"at most {100 * above:.1f} % above the least that it can" if above > 5e-4 else "the least that it can"
        kind, places, cost = self.begin[0]
        return (
            f"To close half of the gap in internet between richer and poorer areas ({100 * one.gap_before:.1f} to "
            f"{100 * one.gap_after:.1f} points) costs {one.cost:,.0f}{currency}, {sure}: {one.plan.chosen} of "
            f"{one.plan.measures} measures. It starts with {kind} in {' and '.join(places[:3])} "
            f"({cost:,.0f}{currency})."
        )


class RollingOut:
    """Roll-outs of ``city``; reached as ``city.rolling_out``."""

    def __init__(self, city: City) -> None:
        self._city = city

    @property
    def kept(self) -> HalfTheGap | None:
        """What `settle` computed last; None while no measures are named."""
        path = self._city.folder.turns / _FILE
        if self._city.settings.rollout.measures is None or not path.exists():
            return None
        return from_json(path.read_bytes(), HalfTheGap)

    @durable("writing what closing half of the gap costs")
    def settle(self) -> HalfTheGap | None:
        """Compute anew what closing half of the gap costs, if measures or areas changed; None without measures.

        Raises
        ------
        SettingsError
            The file of measures cannot be read.
        UserError
            It has a mistake, areas have no income or internet, or all measures do not close half of the gap.
        """
        named = self._city.settings.rollout.measures
        if named is None:
            return None
        measures, places = self.tables()
        digest = sha256((measures.write_csv() + places.write_csv()).encode()).hexdigest()
        before = self.kept
        if before is not None and before.digest == digest:
            return before
        found = self._half(named, measures, places, digest)
        make_folder(self._city.folder.turns)
        replace_file(self._city.folder.turns / _FILE, to_json(found), self._city.folder.turns / SUMS)
        return found

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Measures as written, and areas with ``place``, ``name``, ``people``, ``need`` and ``income``.

        Need is the share of homes without internet.

        Raises
        ------
        SettingsError
            ``city.toml`` names no measures, or their file cannot be read.
        UserError
            It is no table, or no area has people, internet and income.
        """
        named = self._city.settings.rollout.measures
        if named is None:
            raise SettingsError(
                "city.toml names no measures against the divide.", 'Write measures = "measures.csv" in [rollout].'
            )
        path = self._city.path / named
        try:
            if path.stat().st_size > TABLE_BYTES:
                raise UserError(f"{named} is larger than {TABLE_BYTES:,} bytes.", "Plan it in parts.")
            return pl.read_csv(path, infer_schema=False), self._places()
        except OSError as error:
            raise SettingsError(
                f"{named}, which city.toml names for measures, cannot be read: {error.strerror}.",
                "Put the file there, or take it out of [rollout].",
            ) from None
        except pl.exceptions.PolarsError:
            raise UserError(f"{named} is no table.", "Write a CSV with id, kind, places, cost and effect.") from None

    def _half(self, named: str, measures: pl.DataFrame, places: pl.DataFrame, digest: str) -> HalfTheGap:
        rollout, seed = self._city.settings.rollout, self._city.settings.city.seed
        task, notes = read_task(measures, named, read_places(places, AREAS, COLUMNS), np.array([np.inf]))
        closed = close_gap(task, SHARE, Asked(sides=False, gap=NEAR, seconds=SECONDS, seed=seed), notes)
        kinds = {choice.measure: (choice.kind, choice.cost) for choice in closed.plan.choices}
        begin = tuple(
            (kinds[one][0], where, kinds[one][1]) for one, where in zip(closed.begin, closed.where, strict=True)
        )
        return HalfTheGap(closed=closed, begin=begin, currency=rollout.currency, note=rollout.note, digest=digest)

    def _places(self) -> pl.DataFrame:
        """Areas with people, the share of homes without internet (``need``), and the income that groups them."""
        rows = [
            (one.id, one.name, one.population, 1 - one.internet_share, one.income)
            for one in self._city.territories()
            if one.population is not None and one.internet_share is not None and one.income is not None
        ]
        if not rows:
            raise UserError(
                "No area has people, internet and income, so measures cannot be weighed against a gap.",
                "Give the three as indicators of the areas.",
            )
        return pl.DataFrame(rows, schema=["place", "name", "people", "need", "income"], orient="row")
