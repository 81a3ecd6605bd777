"""The divide within a city: an index of its areas, inequality of access, and whether every part is served alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl

from cityward.city.auditing import THIRDS, area_thirds
from cityward.city.folder import area_table
from cityward.city.turn import Turn
from cityward.core.clock import end_of_day, rng
from cityward.core.errors import Refused, UserError
from cityward.core.frames import CUBE
from cityward.core.records import from_json
from cityward.equitable.divide.examine import Question, examine
from cityward.equitable.divide.index import Index, compute
from cityward.equitable.divide.index_reading import read_matrix
from cityward.equitable.divide.inequality import Floats
from cityward.equitable.divide.presets import load_preset, reweighted
from cityward.equitable.divide.reading import Asked, read_values
from cityward.equitable.divide.report import Divide
from cityward.equitable.divide.symmetry import Durations, Grouping, Measure, Rate, Symmetry, symmetry

if TYPE_CHECKING:
    from cityward.city.city import City

PRESET: Final = "cityward"
READER, PURPOSE = "cityward-divide", "equity-monitoring"
YEAR_DAYS: Final = 365
SERVICES_SHOWN: Final = 12
WEEK_DAYS: Final = 7
_MODERATE_ROWS: Final = 200

_NAMES: Final = {
    "internet": ("least internet", "middle internet", "most internet"),
    "income": ("lowest income", "middle income", "highest income"),
    "hardship": ("most hardship", "middle hardship", "least hardship"),
}
"""Groups of areas, the worst off first."""

_BY_HAND: Final = frozenset(
    {"phone", "telephone", "call", "paper", "letter", "mail", "post", "counter", "office", "desk"}
)
"""Channels that need no internet, as sources call them."""


class CityDivide(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the divide in a city; None where it cannot be told, and a note says why."""

    finding: str
    as_of: date | None
    index: Index | None
    inequality: Divide | None
    symmetry: tuple[Symmetry, ...]
    notes: tuple[str, ...]


class Dividing:
    """The divide of ``city``; told once for each turn, for it reads history."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._told: dict[tuple[str, str, tuple[tuple[str, float], ...]], CityDivide] = {}

    def told(self, preset: str = PRESET, factors: Mapping[str, float] | None = None) -> CityDivide:
        """Return everything about the divide as of the last turn.

        Parameters
        ----------
        preset : str
            Name or file of the index.
        factors : mapping of str to float, optional
            Changes of its weights.

        Raises
        ------
        UserError, cityward.core.errors.SettingsError
            There is no such index, or it has a mistake.
        """
        turn = self._city.turn()
        key = (turn.id if turn else "", preset, tuple(sorted((factors or {}).items())))
        if key not in self._told:
            self._told = {key: self._tell(turn, preset, factors or {})}
        return self._told[key]

    def _tell(self, turn: Turn | None, preset: str, factors: Mapping[str, float]) -> CityDivide:
        chosen = reweighted(load_preset(preset), factors)
        notes: list[str] = []
        waits = self._waits(turn, notes)
        table = self._areas(turn, waits)
        seed = turn.seed if turn else self._city.settings.city.seed
        index, inequality = None, None
        try:
            index = compute(read_matrix(table, chosen, place=("territory",), name="name"), chosen, seed=seed)
        except UserError as error:
            notes.append(f"There is no index. {error}")
        try:
            inequality = _inequality(table, seed)
        except UserError as error:
            notes.append(f"Inequality of access cannot be told. {error}")
        measures = self._measures(turn, waits, notes)
        alike = symmetry(measures, self._groupings(notes), rng(seed, "divide", "symmetry")) if measures else ()
        return CityDivide(
            finding=_finding(index, alike),
            as_of=turn.as_of if turn else None,
            index=index,
            inequality=inequality,
            symmetry=alike,
            notes=tuple(notes),
        )

    # -- what is known of areas --------------------------------------------------------------------

    def _areas(self, turn: Turn | None, waits: pl.DataFrame) -> pl.DataFrame:
        """One row an area: what its file says, and what the city knows of it."""
        city = self._city
        territories = city.territories()
        heard = {place.territory: place for place in (turn.heard if turn else ())}
        rows = []
        for one in territories:
            place = heard.get(one.id)
            known = place is not None and place.ratio is not None
            rows.append(
                {
                    "territory": one.id,
                    "name": one.name,
                    "no_internet_share": None if one.internet_share is None else 1 - one.internet_share,
                    "internet_share": one.internet_share,
                    "households": one.households,
                    "income": one.income,
                    "group": one.parent,
                    "heard_ratio": place.ratio if place else None,
                    # Half of a 90 % interval.
                    "heard_ratio_moe": (place.ratio_high - place.ratio_low) / 2 if known else None,  # type: ignore[union-attr,operator]
                }
            )
        own = pl.DataFrame(rows, infer_schema_length=None).join(_by_area(waits), on="territory", how="left")
        stated = area_table(city.path, city.settings.territories[0])
        if stated is None:
            return own
        more = stated.select("territory", *(name for name in stated.columns if name not in own.columns))
        return own.join(more.unique("territory", keep="first"), on="territory", how="left")

    def _groupings(self, notes: list[str]) -> list[Grouping]:
        found = []
        for name, thirds in area_thirds(self._city).items():
            noun = name.removeprefix("area ")
            order = THIRDS[::-1] if "hardship" in noun else THIRDS
            known = [f"{third} {noun}" for third in order]
            if all(third is None for third in thirds):
                continue
            number = np.array([known.index(third) if third else -1 for third in thirds])
            found.append(Grouping(noun, _NAMES.get(noun, tuple(known)), number))
        found.sort(key=lambda one: one.by != "internet")
        if not found:
            notes.append("Nothing is known by which areas could be grouped: income, internet, or hardship.")
        return found

    # -- how areas are served ----------------------------------------------------------------------

    def _waits(self, turn: Turn | None, notes: list[str]) -> pl.DataFrame:
        """Reports of a year to the turn's day: ``territory``, ``service``, ``days`` till closed, ``by_hand``, ``rows``.

        ``days`` is null for what is open; ``by_hand`` where the channel is not known.
        """
        empty = pl.DataFrame(
            schema={
                "territory": pl.String,
                "service": pl.String,
                "days": pl.Int64,
                "by_hand": pl.Boolean,
                "rows": pl.UInt32,
            }
        )
        if turn is None:
            notes.append("No turn was taken yet: run 'cityward run'.")
            return empty
        zone = ZoneInfo(self._city.time_zone)
        since = datetime.combine(turn.as_of - timedelta(days=YEAR_DAYS - 1), time.min, zone)
        end = end_of_day(turn.as_of, self._city.time_zone)
        fields = ("service", "territory", "occurred_at", "closed_at", "channel")
        try:
            counted = self._city.read(READER, PURPOSE).counts(fields, since=since, until=end, as_of=end)
        except Refused as refused:
            notes.append(f"How soon areas are answered is not known. {refused.what} {refused.remedy}")
            return empty
        opened, closed = (
            pl.col(name).dt.convert_time_zone(self._city.time_zone).dt.date() for name in ("occurred_at", "closed_at")
        )
        channel = pl.col("channel").str.strip_chars().str.to_lowercase()
        return (
            counted.filter(pl.col("territory").is_not_null())
            .with_columns(
                days=pl.when(closed <= turn.as_of).then((closed - opened).dt.total_days()),
                by_hand=pl.when(channel.str.len_chars() > 0).then(channel.is_in(_BY_HAND)),
            )
            .group_by("territory", "service", "days", "by_hand")
            .agg(pl.col("rows").sum())
            .sort("territory", "service", "days", "by_hand")
        )

    def _measures(self, turn: Turn | None, waits: pl.DataFrame, notes: list[str]) -> list[Measure]:
        if turn is None:
            return []
        return [*self._durations(waits), *self._found(turn), *self._foreseen(turn, notes)]

    def _durations(self, waits: pl.DataFrame) -> Iterator[Durations]:
        """Days until closed, of all services together and of those with most reports."""
        if not waits.height or not waits["days"].is_not_null().any():
            return
        position = {name: at for at, name in enumerate(self._city.level(None)[0].ids)}
        rows = waits.filter(pl.col("territory").is_in(list(position)))
        most = rows.group_by("service").agg(pl.col("rows").sum()).sort("rows", "service", descending=[True, False])
        wanted = most.filter(pl.col("rows") >= _MODERATE_ROWS)["service"].head(SERVICES_SHOWN).to_list()
        for service in ["", *(wanted if most.height > 1 else [])]:
            part = (
                (rows.filter(pl.col("service") == service) if service else rows)
                .group_by("territory", "days")
                .agg(pl.col("rows").sum())
            )
            yield Durations(
                "median days until a report is closed",
                service,
                "lower",
                np.array([position[name] for name in part["territory"]], dtype=np.int64),
                part["days"].cast(pl.Float64).fill_null(float("inf")).to_numpy(),
                part["rows"].cast(pl.Float64).to_numpy(),
            )

    def _found(self, turn: Turn) -> Iterator[Rate]:
        """Needs found per resident, the delay of their detection, and how much of the expected is heard."""
        territories = self._city.territories()
        people = np.array([one.population or 0.0 for one in territories])
        position = {one.id: at for at, one in enumerate(territories)}
        needs, delays = np.zeros(len(territories)), np.zeros(len(territories))
        for need in (*turn.needs, *turn.resting):
            at = [position[name] for name in need.territories if name in position]
            first = min((moment.day for moment in need.moments), default=need.ends)
            for one in at:
                needs[one] += 1 / len(at)
                delays[one] += (first - need.starts).days / len(at)
        if people.any():
            yield Rate("needs found per 100,000 residents", "", "neither", 100_000 * needs, people, needs)
        if needs.any():
            yield Rate("mean days from the beginning of a need to its detection", "", "lower", delays, needs, needs)
        judged = {place.territory: place for place in turn.heard if place.expected}
        expected = np.array([judged[one.id].expected or 0.0 if one.id in judged else 0.0 for one in territories])
        heard = np.array([judged[one.id].heard if one.id in judged else 0.0 for one in territories], dtype=float)
        if expected.any():
            yield Rate("heard in a year, over what places like it let expect", "", "higher", heard, expected, heard)

    def _foreseen(self, turn: Turn, notes: list[str]) -> Iterator[Rate]:
        """Error of the forecasts of earlier turns in their first week, over what was reported."""
        told = [frame for frame in self._earlier(turn) if frame.height]
        if not told:
            notes.append(
                "Forecast errors by area are not known yet: no earlier turn foresaw days that this one has seen."
            )
            return
        foreseen = pl.concat(told).unique(["service", "territory", "day"], keep="last", maintain_order=True)
        seen = self._city.turn_frame("cube", CUBE).select("service", "territory", "day", "interactions")
        both = foreseen.join(seen, on=["service", "territory", "day"], how="left").with_columns(
            pl.col("interactions").fill_null(0)
        )
        sums = both.group_by("territory").agg(
            (pl.col("q50") - pl.col("interactions")).abs().sum().alias("error"), pl.col("interactions").sum()
        )
        by_area = {row["territory"]: row for row in sums.iter_rows(named=True)}
        index, _ = self._city.level(None)
        error, reports = (
            np.array([float(by_area[one][name]) if one in by_area else 0.0 for one in index.ids])
            for name in ("error", "interactions")
        )
        yield Rate("forecast error over what was reported (a week ahead)", "", "lower", error, reports, reports)

    def _earlier(self, turn: Turn) -> Iterator[pl.DataFrame]:
        """First weeks of the forecasts of earlier turns, as far as they have passed, the earliest turn first."""
        past = []
        for path in self._city.folder.turns.glob("*/turn.json"):
            found = from_json(path.read_bytes(), Turn)
            if found.as_of < turn.as_of and (path.parent / "forecast.parquet").exists():
                past.append((found.as_of, path.parent / "forecast.parquet"))
        own = set(self._city.level(None)[0].ids)
        for as_of, path in sorted(past):
            last = min(as_of + timedelta(days=WEEK_DAYS), turn.as_of)
            yield (
                pl.scan_parquet(path)
                .filter(pl.col("day").is_between(as_of, last, closed="right"), pl.col("territory").is_in(own))
                .select("service", "territory", "day", "q50")
                .collect()
            )


def _by_area(waits: pl.DataFrame) -> pl.DataFrame:
    """Median days until closed, with half of its 90 % interval, and the share that came by phone or on paper."""
    rows = []
    for (territory,), part in waits.group_by("territory"):
        days, half = _median(
            part["days"].cast(pl.Float64).fill_null(float("inf")).to_numpy(), part["rows"].cast(pl.Float64).to_numpy()
        )
        known = part.filter(pl.col("by_hand").is_not_null())
        by_hand = float(np.average(known["by_hand"], weights=known["rows"])) if known.height else None
        rows.append(
            {"territory": territory, "response_days": days, "response_days_moe": half, "phone_and_paper_share": by_hand}
        )
    schema = {
        "territory": pl.String,
        "response_days": pl.Float64,
        "response_days_moe": pl.Float64,
        "phone_and_paper_share": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)


def _median(days: Floats, rows: Floats) -> tuple[float | None, float | None]:
    """The weighted median, and half of a 90 % interval of order statistics; nothing when most are not over."""
    order = np.argsort(days)
    ascending, upper = days[order], np.cumsum(rows[order])
    n = upper[-1]
    width = 1.645 * np.sqrt(n) / 2
    low, middle, high = (
        float(ascending[min(int(np.searchsorted(upper, at)), len(upper) - 1)])
        for at in (max(n / 2 - width, 0), n / 2, min(n / 2 + width, n))
    )
    if not np.isfinite(middle):
        return None, None
    # Days are whole; a half is what rounding hides.
    return middle, max((high - low) / 2, 0.5) if np.isfinite(high) else None


def _inequality(table: pl.DataFrame, seed: int) -> Divide:
    asked = Asked(
        value="internet_share", place=("territory",), weight="households", group="group", unit="share", per=1.0
    )
    return examine(read_values(table, asked), "The share of households with internet", Question(seed=seed))


def _finding(index: Index | None, alike: tuple[Symmetry, ...]) -> str:
    """The clearest difference of service first, for it is the city's own doing; then the index."""
    served = [one for one in alike if one.better == "lower" and not one.service]
    clear = next((one for one in served if one.verdict == "differs"), None)
    told = f"{clear.says} " if clear else ""
    if not told and served:
        told = "No clear difference is known in how soon the city's areas are served. "
    if index is None:
        return f"{told}An index of the divide cannot be told here.".strip()
    deepest = sum(place.tier == 1 for place in index.places)
    return (
        f"{told}In {deepest:,} of {len(index.places):,} areas the divide is deepest, and which of them comes first "
        "cannot be told."
        if deepest > 1
        else f"{told}In {index.places[0].name} the divide is deepest."
    )
