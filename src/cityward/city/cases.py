"""Cases that wait for a visit, ranked: what a city declares in ``cases/``, and what the ranking says of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b, sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.registry import System
from cityward.anticipate import case_measures as measures
from cityward.anticipate.case_features import NEAR, Sources, epoch_days, features, list_days, outcomes
from cityward.anticipate.leakage import Finding, check
from cityward.anticipate.priority import REASONS, Model, train
from cityward.city.case_inputs import inputs_of
from cityward.city.case_settings import CaseType, load_case_types, read_visits
from cityward.city.case_words import reason
from cityward.city.folder import neutral_csv
from cityward.core.cases import Case, GroupResult, Ranking, Reason
from cityward.core.clock import end_of_day
from cityward.core.disk import durable, make_folder, replace_file
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Territory, from_json, to_json
from cityward.core.work import Job
from cityward.know.territory import TerritoryIndex

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.core.decided import DecisionBatch

Floats = NDArray[np.float64]
VERSION = 3
"""Of the way of ranking: another one makes another file."""

_TRIED = ".parquet"
"""Of the file beside a ranking: the visits that its model was tried on."""

INCOME_GROUPS = ("lower income", "middle income", "higher income")


@dataclass(frozen=True, slots=True)
class _Learned:
    """A table of visits, what it was turned into, and the model that learned from those of the ``past``."""

    table: pl.DataFrame
    made: pl.DataFrame
    days: NDArray[np.int64]
    outcome: Floats
    lists: NDArray[np.int64]
    past: NDArray[np.bool_]
    first: int
    findings: list[Finding]
    model: Model


class Cases:
    """Ranked lists of cases; see `cityward.core.cases.Ranking`.

    Parameters
    ----------
    city : City
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._folder = city.path / "cases"
        self._names: tuple[tuple[Path, ...], frozenset[str]] = (), frozenset()

    def types(self) -> dict[str, CaseType]:
        """Declared types, by identifier."""
        return load_case_types(self._folder)

    def rank(self, as_of: date) -> list[Ranking]:
        """Rank every type as of a day, keep it, and write a receipt for each that is new.

        Raises
        ------
        UserError
            A table is missing or unusable, or its system is not registered.
        """
        made = []
        for kind in self.types().values():
            path = self._path(kind, as_of)
            if path.exists():
                made.append(from_json(path.read_bytes(), Ranking))
                continue
            ranking, tried = self._make(kind, as_of)
            self._keep(path, ranking, tried)
            made.append(ranking)
        return made

    def rankings(self, type_: str | None = None) -> list[Ranking]:
        """Rankings as of the last turn, made when they are not there yet.

        Raises
        ------
        UnknownId
            There is no such type.
        """
        types = self.types()
        if type_ and type_ not in types:
            raise UnknownId(f"There is no type of case '{type_[:60]}'.", f"Types: {', '.join(types) or 'none'}.")
        turn = self._city.turn()
        found = self.rank(turn.as_of) if turn and types else []
        return [one for one in found if type_ in (None, one.type)]

    def decide(self, type_: str | None = None) -> list[DecisionBatch]:
        """Decide the ranked cases of each type that names a rule; one batch for each, also where one was made before.

        Raises
        ------
        UnknownId, UserError, cityward.core.errors.Refused
            There is no such type, or none that names a rule; as `cityward.city.deciding.Deciding.make`.
        """
        types = self.types()
        ruled = [(one, types[one.type].rule) for one in self.rankings(type_)]
        if not any(rule for _, rule in ruled):
            raise UserError("No ranked type of case names a rule.", 'Write rule = "…" in cases/NAME.toml.')
        seed = self._city.settings.city.seed
        return [
            self._city.deciding.make(
                types[ranking.type].system,
                rule,
                inputs_of(ranking, seed),
                estimate="probability",
                low="low",
                high="high",
            )
            for ranking, rule in ruled
            if rule
        ]

    def case(self, identifier: str) -> Case | None:
        """One case of the present rankings or of an earlier one that was kept."""
        for path in sorted(self._kept.glob("*.json"), reverse=True):
            for one in from_json(path.read_bytes(), Ranking).cases:
                if one.id == identifier:
                    return one
        return None

    @property
    def names(self) -> frozenset[str]:
        """Identifiers of all cases of rankings that are kept."""
        kept = tuple(self._kept.glob("*.json"))
        if self._names[0] != kept:
            self._names = (
                kept,
                frozenset(case.id for path in kept for case in from_json(path.read_bytes(), Ranking).cases),
            )
        return self._names[1]

    def jobs(self) -> list[Job]:
        """Ranked cases with a place, as work for the planner.

        They wait since the day on which they were ranked: nobody reported them, and a year since the last visit is
        not a year of a resident's waiting. Counted as one, it would decide which group of areas waits longest.
        """
        found = []
        types = self.types()
        for ranking in self.rankings():
            kind = types[ranking.type]
            for case in ranking.cases:
                if case.lon is None or case.lat is None:
                    continue
                found.append(
                    Job(
                        id=make_id("job", case.id),
                        about=case.id,
                        service=kind.service,
                        title=f"{kind.title} in {case.area}",
                        territory=case.territory,
                        lon=case.lon,
                        lat=case.lat,
                        minutes=kind.minutes,
                        skill=kind.skill,
                        waiting_since=case.known_to,
                        priority=round(case.probability if ranking.used else case.usual, 4),
                    )
                )
        return found

    def system(self, identifier: str) -> System:
        """The registered system behind a ranking.

        Raises
        ------
        UnknownId
            Nobody registered it: a ranking without it is not made.
        """
        return self._city.systems.system(identifier)

    def export_csv(self, type_: str | None = None) -> bytes:
        """The list as CSV, without names and licence numbers: a licence can be a person's."""
        rows = [
            {
                "rank": case.place,
                "case": case.id,
                "area": case.area,
                "probability": round(case.probability, 4),
                "low": round(case.low, 4),
                "high": round(case.high, 4),
                "reasons": "; ".join(reason.name for reason in case.reasons),
            }
            for ranking in self.rankings(type_)
            for case in ranking.cases
        ]
        return neutral_csv(pl.DataFrame(rows))

    # -- making ------------------------------------------------------------------------------------

    @property
    def _kept(self) -> Path:
        return self._folder / "ranked"

    def _path(self, kind: CaseType, as_of: date) -> Path:
        """Named by all that goes into a ranking; another table, setting or seed is another ranking."""
        digest = blake2b(digest_size=6)
        turn = self._city.turn()
        told = (as_of, VERSION, self._city.settings.city.seed, turn.interactions if turn and kind.complaints else 0)
        for part in (to_json(kind), str(told).encode()):
            digest.update(part)
        file = self._folder / kind.table
        if file.exists():
            digest.update(file.read_bytes())
        return self._kept / f"{as_of}-{kind.id}-{digest.hexdigest()}.json"

    @durable("keeping the ranking")
    def _keep(self, path: Path, ranking: Ranking, tried: pl.DataFrame) -> None:
        body, table = to_json(ranking), BytesIO()
        tried.write_parquet(table)
        with self._city.writing():
            facts: dict[str, str | int] = {
                "cases": len(ranking.cases),
                "system": ranking.system,
                "tried": sha256(table.getvalue()).hexdigest(),
            }
            entry = receipt("ranking", f"{ranking.type} {ranking.known_to}", self._city.clock.now(), body, **facts)
            index = self._city.writable_ledger().append([entry])[0]
            self._city.registers.put_receipts({case.id: index for case in ranking.cases})
            make_folder(path.parent)
            replace_file(path.with_suffix(_TRIED), table.getvalue())
            replace_file(path, body)

    def _events(self, kind: CaseType, as_of: date) -> tuple[Floats, Floats, NDArray[np.int64]] | None:
        """Where and when the city's reports were, if they are asked for."""
        if not kind.complaints:
            return None
        zone = self._city.time_zone
        reports = (
            self._city.read("cityward-cases", "case-priority")
            .frame(("lon", "lat", "occurred_at"), as_of=end_of_day(as_of, zone))
            .drop_nulls()
            .with_columns(pl.col("occurred_at").dt.convert_time_zone(zone).dt.date())
            .filter(pl.col("occurred_at") <= as_of)
            .sort("occurred_at", "lon", "lat")
        )
        return reports["lon"].to_numpy(), reports["lat"].to_numpy(), epoch_days(reports["occurred_at"])

    def tried(self, type_: str) -> tuple[pl.DataFrame, CaseType]:
        """Visits that the ranking of the last turn was tried on, with what it told before it had seen them.

        Columns ``told`` (probability), ``in the first half`` (of its list) and ``found`` are added to the table's.

        Raises
        ------
        UnknownId
            There is no such type.
        UserError
            There is no turn yet, or the table is unusable.
        """
        types, turn = self.types(), self._city.turn()
        if type_ not in types:
            raise UnknownId(f"There is no type of case '{type_[:60]}'.", f"Types: {', '.join(types) or 'none'}.")
        if turn is None:
            raise UserError("The city has taken no turn yet.", "Use 'cityward run'.")
        kind = types[type_]
        file = self._path(kind, turn.as_of).with_suffix(_TRIED)
        tried = pl.read_parquet(file) if file.exists() else _tried(self._learn(kind, turn.as_of))
        rows = tried["row"].to_numpy()
        return read_table(self._folder / kind.table, kind)[rows].hstack(tried.drop("row")), kind

    def _learn(self, kind: CaseType, as_of: date) -> _Learned:
        table = read_table(self._folder / kind.table, kind)
        days, outcome = epoch_days(table[kind.time]), outcomes(table[kind.outcome])
        first = int(epoch_days(pl.Series([as_of + timedelta(days=1)]))[0])
        lists = list_days(days, first, kind.round_days)
        made = features(table, days, lists, outcome, sources_of(kind), self._events(kind, as_of))
        past = days < first
        findings = check(
            table.filter(past),
            kind.features,
            outcome[past],
            days[past],
            np.ones(int(past.sum()), dtype=bool),
            entity=kind.entity,
            forbidden=(*kind.forbidden, kind.outcome),
        )
        refused = [one.column for one in findings if one.refused]
        made = made.drop(refused, strict=False)
        model = train(made.filter(past), outcome[past], lists[past], seed=self._city.settings.city.seed)
        return _Learned(table, made, days, outcome, lists, past, first, findings, model)

    def _make(self, kind: CaseType, as_of: date) -> tuple[Ranking, pl.DataFrame]:
        system, found = self.system(kind.system), self._learn(kind, as_of)
        table, made, past, model = found.table, found.made, found.past, found.model
        waiting = _waiting(table, found.days, kind, found.first)
        index, territories = self._city.level(None)
        cases = _cases(table.filter(waiting), made.filter(waiting), model, kind, system, as_of, (index, territories))
        areas = _areas(table.filter(past)[model.tried.rows], kind, index)[0]
        tried = (found.outcome[past], found.days[past], found.lists[past])
        ranking = _ranking(kind, cases, model, tried, income_groups(areas, territories), found.findings, as_of)
        return ranking, _tried(found)


def _tried(found: _Learned) -> pl.DataFrame:
    """What a model told of the visits it was tried on, and what they found; ``row`` counts in the table of visits."""
    rows, chance = found.model.tried.rows, found.model.tried.probability
    half = measures.in_first_half(chance, found.lists[found.past][rows]) > 0.5
    told = {"told": chance, "in the first half": half, "found": found.outcome[found.past][rows].astype(np.int8)}
    return pl.DataFrame({"row": np.flatnonzero(found.past)[rows], **told})


def sources_of(kind: CaseType) -> Sources:
    """What features are made of."""
    return Sources(tuple(kind.results), kind.same, kind.lon, kind.lat, tuple(kind.features), NEAR)


def read_table(file: Path, kind: CaseType) -> pl.DataFrame:
    """Read and check the table of a type of case, in the order of days; rows without a day or an entity are left out.

    Raises
    ------
    UserError
        The file is missing or unreadable, a column is missing, or no day can be read.
    """
    try:
        table = read_visits(file)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"cases/{file.name} cannot be read.", "Put the table there, as Parquet or CSV.") from None
    missing = [name for name in kind.columns() if name not in table.columns]
    if missing:
        raise UserError(
            f"cases/{file.name} has no column '{missing[0]}', which {kind.id} names.",
            f"Its columns are: {', '.join(table.columns[:20])}.",
        )
    if table[kind.time].dtype == pl.String:
        table = table.with_columns(pl.col(kind.time).str.to_date(strict=False))
    if not isinstance(table[kind.time].dtype, pl.Date | pl.Datetime) or table[kind.time].null_count() == table.height:
        raise UserError(f"cases/{file.name}: '{kind.time}' holds no dates.", "Write them as 2014-06-30.")
    degrees = [
        pl.col(name).cast(pl.Float64, strict=False).replace([float("nan"), float("inf"), float("-inf")], None)
        for name in (kind.lon, kind.lat)
        if name
    ]
    return (
        table.with_columns(degrees)
        .drop_nulls([kind.time, kind.entity])
        .sort(kind.time, kind.entity, maintain_order=True)
    )


def _waiting(table: pl.DataFrame, days: NDArray[np.int64], kind: CaseType, first: int) -> NDArray[np.bool_]:
    """Whose visit falls into the round that begins on ``first``, each entity once."""
    due = (days >= first) & (days < first + kind.round_days)
    found: NDArray[np.bool_] = _first(table, kind, due)
    return found


def _first(table: pl.DataFrame, kind: CaseType, due: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = np.flatnonzero(due)
    once = table[kind.entity].gather(rows).is_first_distinct().to_numpy()
    found = np.zeros(table.height, dtype=bool)
    found[rows[once]] = True
    return found


def _areas(table: pl.DataFrame, kind: CaseType, index: TerritoryIndex) -> tuple[list[str | None], list[str]]:
    """Territory of each row, and its name."""
    if not (kind.lon and kind.lat):
        return [None] * table.height, ["the city"] * table.height
    lon, lat = (
        table[name].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy() for name in (kind.lon, kind.lat)
    )
    names = dict(zip(index.ids, index.names, strict=True))
    found = place_of(index, lon, lat)
    return found, [names[one] if one else "a place not known" for one in found]


def place_of(index: TerritoryIndex, lon: Floats, lat: Floats) -> list[str | None]:
    """Territory of each point, None outside of all."""
    at = index.locate(lon, lat)
    return [index.ids[place] if place >= 0 else None for place in at]


def _cases(
    table: pl.DataFrame,
    made: pl.DataFrame,
    model: Model,
    kind: CaseType,
    system: System,
    as_of: date,
    level: tuple[TerritoryIndex, list[Territory]],
) -> tuple[Case, ...]:
    if not table.height:
        return ()
    chance, low, high = model.probability(made)
    names, parts = model.reasons(made)
    territory, area = _areas(table, kind, level[0])
    order = np.argsort(-chance, kind="stable")
    rows = made.to_dicts()
    facts = table.select(kind.entity, *(name for name in (kind.name, kind.lon, kind.lat) if name)).to_dicts()
    return tuple(
        Case(
            id=make_id("case", kind.id, facts[row][kind.entity], as_of),
            type=kind.id,
            entity=str(facts[row][kind.entity]),
            name=str(facts[row][kind.name]) if kind.name else "",
            territory=territory[row],
            area=area[row],
            lon=facts[row][kind.lon] if kind.lon else None,
            lat=facts[row][kind.lat] if kind.lat else None,
            known_to=as_of,
            waiting_since=_since(rows[row], kind, as_of),
            place=rank,
            of=len(order),
            probability=round(float(chance[row]), 4),
            low=round(float(low[row]), 4),
            high=round(float(high[row]), 4),
            usual=round(model.base_rate, 4),
            reasons=_reasons(names, parts[row], rows[row], kind),
            system=f"{system.id} {system.version}",
            appeal=system.appeal,
        )
        for rank, row in enumerate(order, start=1)
    )


def _since(row: dict[str, object], kind: CaseType, as_of: date) -> date | None:
    for words, column in kind.same.items():
        days = row.get(f"{words}: since")
        if column == kind.entity and isinstance(days, float) and np.isfinite(days):
            return as_of + timedelta(days=1 - int(days))
    return None


def _reasons(names: tuple[str, ...], parts: Floats, row: dict[str, object], kind: CaseType) -> tuple[Reason, ...]:
    strongest = sorted(range(len(names)), key=lambda place: -abs(parts[place]))[:REASONS]
    return tuple(
        reason(names[place], row[names[place]], float(np.exp(parts[place])), kind.words, kind.found)
        for place in strongest
        if abs(parts[place]) > 0.01
    )


def income_groups(areas: list[str | None], territories: list[Territory]) -> NDArray[np.str_]:
    """Income group of the area of each row: thirds of the territories, by median household income."""
    incomes = {one.id: one.income for one in territories if one.income is not None}
    cuts = np.quantile(list(incomes.values()), (1 / 3, 2 / 3)) if len(incomes) >= 6 else None
    found = [
        "income not known"
        if cuts is None or one not in incomes
        else INCOME_GROUPS[int(np.searchsorted(cuts, incomes[one]))]
        for one in areas
    ]
    return np.array(found, dtype=str)


def _poorest_first(one: dict[str, Any]) -> int:
    return INCOME_GROUPS.index(one["group"]) if one["group"] in INCOME_GROUPS else len(INCOME_GROUPS)


def _ranking(
    kind: CaseType,
    cases: tuple[Case, ...],
    model: Model,
    past: tuple[Floats, NDArray[np.int64], NDArray[np.int64]],
    groups: NDArray[np.str_],
    findings: list[Finding],
    as_of: date,
) -> Ranking:
    """Put the list together with how it did on visits that it had not seen."""
    rows, chance = model.tried.rows, model.tried.probability
    outcome, days, lists = past[0][rows], past[1][rows], past[2][rows]
    orders = {"done": -days.astype(float), "ranked": chance}
    told = measures.compared(outcome, days, orders, against="done", seed=1, lists=lists, resamples=200)
    ranked = told["ranked"]
    share, gained = ranked["first_half_share"], ranked["days_earlier"]
    brier, usual = measures.brier(outcome, chance), measures.brier(outcome, np.full(len(outcome), outcome.mean()))
    return Ranking(
        type=kind.id,
        title=kind.title,
        system=kind.system,
        known_to=as_of,
        model=model.name,
        learned_from=len(past[0]),
        usual=model.base_rate,
        cases=cases,
        tried=len(rows),
        tried_found=int(outcome.sum()),
        tried_done=told["done"]["first_half_share"]["value"],
        tried_ranked=share["value"],
        tried_ranked_interval=(share["interval"][0], share["interval"][1]),
        tried_days_earlier=gained["value"],
        tried_days_earlier_interval=(gained["interval"][0], gained["interval"][1]),
        brier=brier,
        brier_usual=usual,
        calibration=tuple(
            (one["told"], one["happened"], int(one["cases"])) for one in measures.calibration(outcome, chance)
        ),
        groups=tuple(
            GroupResult(
                group=one["group"],
                cases=one["cases"],
                found=one["found"],
                ranked_share=one["first_half_share"],
                done_share=one["done_share"],
                days_earlier=one["days_earlier"],
                small=one["small"],
            )
            for one in sorted(measures.by_group(outcome, days, chance, groups, lists), key=_poorest_first)
        ),
        refused=tuple((one.column, one.because) for one in findings if one.refused),
        used=bool(gained["interval"][0] > 0),
    )
