"""One turn of the loop: know, anticipate and propose from what was known on a day.

Everything here is a function of history, territories, settings, the day and the seed: two turns with
equal inputs write equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl

from cityward.act.course import daily
from cityward.act.propose import propose
from cityward.anticipate.checkpoint import open_checkpoint
from cityward.anticipate.forecast import forecast
from cityward.city.foreseeing import foresee
from cityward.city.prospects import courses, work_of
from cityward.city.settings import Settings
from cityward.core.clock import end_of_day
from cityward.core.disk import SUMS, durable, make_folder, replace_file
from cityward.core.frames import CUBE
from cityward.core.identifiers import make_id
from cityward.core.records import (
    ALL_SERVICES,
    Backtest,
    Batch,
    EarlyWarning,
    Growth,
    GrowthTest,
    Heard,
    LevelTest,
    Need,
    Outcome,
    Proposal,
    Record,
    Silence,
    Territory,
    from_json,
    to_json,
)
from cityward.equitable.heard import corrected_need, how_heard
from cityward.equitable.reporting import fit, silent
from cityward.equitable.reporting_exposure import expose
from cityward.equitable.silence import beside_peers
from cityward.know.campaigns import set_apart
from cityward.know.cube import cube
from cityward.know.evidence import evidence_digest, evidence_of
from cityward.know.incidents import collapse
from cityward.know.life import live_on
from cityward.know.ranking import explained, ranked
from cityward.know.territory import TerritoryIndex

HISTORY_COLUMNS = (
    "source",
    "kind",
    "service",
    "domain",
    "territory",
    "placed_by",
    "stated_territory",
    "occurred_at",
    "closed_at",
    "status",
    "lon",
    "lat",
    "address",
    "text",
    "person",
    "channel",
    "key",
    "digest",
)
"""For the purpose ``incident-recognition``."""


class Turn(Record, frozen=True, kw_only=True):
    """What one turn of the loop found.

    ``placed_share`` is the share of interactions with a territory; ``agreement_share`` how often the
    point and the code stated by the source name the same one (None when no row states both). ``resting`` are
    needs of earlier turns that this one did not find. ``readiness`` says what can be told of how readily
    residents report. ``warnings`` are open ones and those that this turn closed; ``growth`` how likely open needs
    are to grow; ``level_tests`` how forecasts did at each level, reconciled and not.
    """

    id: str
    as_of: date
    seed: int
    first_day: date | None
    last_day: date | None
    interactions: int
    incidents: int
    placed_share: float
    agreement_share: float | None
    needs: tuple[Need, ...]
    silences: tuple[Silence, ...]
    proposals: tuple[str, ...]
    backtests: tuple[Backtest, ...]
    resting: tuple[Need, ...] = ()
    batches: tuple[Batch, ...] = ()
    heard: tuple[Heard, ...] = ()
    readiness: str = ""
    warnings: tuple[EarlyWarning, ...] = ()
    growth: tuple[Growth, ...] = ()
    growth_test: GrowthTest | None = None
    level_tests: tuple[LevelTest, ...] = ()
    receipt: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A turn with the frames and proposals behind it."""

    turn: Turn
    cube: pl.DataFrame
    forecast: pl.DataFrame
    outlook: pl.DataFrame
    proposals: list[Proposal]
    outcomes: Sequence[Outcome] = ()
    evidence: dict[str, pl.DataFrame] = field(default_factory=dict)
    """What each need counts, by its digest."""


def tell_apart(history: pl.DataFrame, settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return reports with their incidents, without batches; and the batches."""
    apart = set_apart(history, time_zone=settings.city.time_zone)
    return collapse(apart.history, families=settings.incidents.type_of), apart.batches


def take_turn(
    history: pl.DataFrame,
    index: TerritoryIndex,
    territories: Sequence[Territory],
    settings: Settings,
    *,
    as_of: date,
    seed: int,
    before: Sequence[Need] = (),
    warned: Sequence[EarlyWarning] = (),
    answered: Collection[str] = (),
    evaluate: Callable[[pl.DataFrame], Sequence[Outcome]] = lambda _: (),
) -> Found:
    """Know, anticipate and propose as of the end of ``as_of`` (a local day).

    Parameters
    ----------
    history : polars.DataFrame
        `HISTORY_COLUMNS` of every interaction known by then.
    index, territories
        The level in which interactions are placed.
    settings : Settings
        The city's choices.
    as_of : datetime.date
        Last day that is known.
    seed : int
        Seed of all randomness.
    before : sequence of Need
        Needs of the last turn before ``as_of``, found or resting.
    warned : sequence of EarlyWarning
        Warnings of that turn.
    answered : collection of str
        Needs and warnings for which an action was approved.
    evaluate : callable
        Says from the cube what came of earlier decisions.
    """
    zone = settings.city.time_zone
    history = history.with_columns(day=pl.col("occurred_at").dt.convert_time_zone(zone).dt.date())
    collapsed, batches = tell_apart(history, settings)
    counts = cube(collapsed.filter(pl.col("territory").is_not_null()))
    counts = counts.cast(dict(CUBE)).select(CUBE.names()).sort("service", "territory", "day")  # type: ignore[arg-type]
    heard = _heard(counts, index, as_of)
    reporting = fit(expose(collapsed, territories, until=end_of_day(as_of, zone)), territories, seed=seed)
    found = _needs(counts, history, index, territories, settings, as_of, seed)
    found = [corrected_need(need, _window(counts, need), reporting, seed) for need in found]
    found, evidence = _with_evidence(found, collapsed)
    lives = live_on(found, before, as_of=as_of, answered=answered)
    needs = ranked([explained(need) for need in lives if need.ends == as_of])
    resting = [need for need in lives if need.ends != as_of]
    beside = beside_peers(heard, territories)
    quiet = silent(heard, territories, reporting, beside=beside)
    ahead, backtests = _ahead(counts, index, settings, as_of, seed)
    outcomes = evaluate(counts)
    foreseen = foresee(
        counts, collapsed, ahead, territories, needs, settings, as_of=as_of, before=warned, answered=set(answered)
    )
    likely = courses(daily(counts, index.ids, until=as_of), index, needs, seed=seed)
    proposals = propose(needs, quiet, courses=likely, work=work_of(settings.work), measured=outcomes)
    proposals += foreseen.proposals
    turn = Turn(
        id=make_id("run", as_of, seed, history.height, _digest(counts), to_json([needs, quiet]).decode()),
        as_of=as_of,
        seed=seed,
        first_day=history["day"].min(),  # type: ignore[arg-type]
        last_day=history["day"].max(),  # type: ignore[arg-type]
        interactions=history.height,
        incidents=collapsed["incident"].n_unique() if collapsed.height else 0,
        placed_share=float(history["territory"].is_not_null().mean() or 0.0),  # type: ignore[arg-type]
        agreement_share=_agreement(history, index),
        needs=tuple(needs),
        resting=tuple(resting),
        batches=tuple(Batch(**row) for row in batches.drop("batch").iter_rows(named=True)),
        silences=tuple(quiet),
        heard=tuple(how_heard(heard, territories, reporting, beside=beside)),
        readiness=reporting.because,
        proposals=tuple(proposal.id for proposal in proposals),
        backtests=tuple(backtests),
        warnings=tuple(foreseen.warnings),
        growth=tuple(foreseen.growth),
        growth_test=foreseen.growth_test,
        level_tests=tuple(foreseen.tests),
    )
    return Found(turn, counts, foreseen.forecast, foreseen.outlook, proposals, outcomes, evidence)


def _ahead(
    counts: pl.DataFrame, index: TerritoryIndex, settings: Settings, as_of: date, seed: int
) -> tuple[pl.DataFrame, list[Backtest]]:
    """Forecasts of the areas."""
    chosen = settings.forecast
    return forecast(
        counts,
        services=sorted(counts["service"].unique()),
        territories=list(index.ids),
        as_of=as_of,
        horizon_days=chosen.horizon_days,
        seed=seed,
        holidays=chosen.holidays,
        outside=open_checkpoint(Path(chosen.checkpoint)) if chosen.checkpoint else None,
    )


@durable("writing the turn")
def write_turn(found: Found, folder: Path) -> None:
    """Write a turn to ``folder/<id>`` and make it current; a half-written turn is never seen."""
    target = folder / found.turn.id
    make_folder(target)
    sums = folder / SUMS
    # A turn taken again has the same folder, and may be the current one: each file is replaced whole.
    for name, frame in (("cube", found.cube), ("forecast", found.forecast), ("outlook", found.outlook)):
        buffer = BytesIO()
        frame.write_parquet(buffer)
        replace_file(target / f"{name}.parquet", buffer.getbuffer(), sums)
    make_folder(folder / "evidence")
    for digest, rows in found.evidence.items():
        buffer = BytesIO()
        rows.write_parquet(buffer)
        replace_file(folder / "evidence" / f"{digest}.parquet", buffer.getbuffer(), sums)
    replace_file(target / "proposals.json", to_json(found.proposals), sums)
    replace_file(target / "turn.json", to_json(found.turn), sums)
    replace_file(folder / "current", found.turn.id.encode())


def found_before(folder: Path, as_of: date) -> tuple[list[Need], list[EarlyWarning]]:
    """Needs (found or resting) and warnings of the last turn before ``as_of``; of two of one day, the later written."""
    past = [
        turn
        for path in sorted(folder.glob("*/turn.json"), key=lambda path: path.stat().st_mtime_ns)
        if (turn := from_json(path.read_bytes(), Turn)).as_of < as_of
    ]
    if not past:
        return [], []
    last = max(past, key=lambda turn: turn.as_of)
    return [*last.needs, *last.resting], list(last.warnings)


def _needs(
    counts: pl.DataFrame,
    history: pl.DataFrame,
    index: TerritoryIndex,
    territories: Sequence[Territory],
    settings: Settings,
    as_of: date,
    seed: int,
) -> list[Need]:
    places = pl.DataFrame(
        {
            "territory": list(index.ids),
            "name": list(index.names),
            "lon": index.centroids[:, 0],
            "lat": index.centroids[:, 1],
            "population": [territory.population for territory in territories],
        },
        schema_overrides={"population": pl.Float64},
    )
    domains = history.group_by("service").agg(pl.col("domain").first()).sort("service")
    # The compiler behind the scan takes a second to load; a city that only takes in is spared it.
    from cityward.know.needs import detect

    return detect(
        counts,
        places,
        as_of=as_of,
        days_history=settings.needs.history_days,
        max_days=settings.needs.max_days,
        replicates=settings.needs.replicates,
        seed=seed,
        services=dict(domains.iter_rows()),
        min_recurrence_days=settings.needs.min_recurrence_days,
    )


def _with_evidence(needs: Sequence[Need], reports: pl.DataFrame) -> tuple[list[Need], dict[str, pl.DataFrame]]:
    """Needs that carry the digest of what they count; and that, by digest."""
    found, kept = [], {}
    for need in needs:
        rows = evidence_of(reports, need)
        digest = evidence_digest(rows)
        kept[digest] = rows
        found.append(msgspec.structs.replace(need, evidence_count=rows.height, evidence_sha256=digest))
    return found, kept


def _window(counts: pl.DataFrame, need: Need) -> dict[str, int]:
    """What was observed of a need in each of its areas."""
    rows = counts.filter(pl.col("day").is_between(need.starts, need.ends))
    if need.service != ALL_SERVICES:
        rows = rows.filter(pl.col("service") == need.service)
    return dict(rows.group_by("territory").agg(pl.col("incidents").sum()).iter_rows())


def _heard(counts: pl.DataFrame, index: TerritoryIndex, as_of: date) -> dict[str, int]:
    year = counts.filter(pl.col("day") > as_of - timedelta(days=365))
    sums = dict(year.group_by("territory").agg(pl.col("incidents").sum()).iter_rows())
    return {identifier: int(sums.get(identifier, 0)) for identifier in index.ids}


def _agreement(history: pl.DataFrame, index: TerritoryIndex) -> float | None:
    both = history.filter((pl.col("placed_by") == "point") & pl.col("stated_territory").is_in(list(index.ids)))
    if not both.height:
        return None
    return float((both["territory"] == both["stated_territory"]).mean())  # type: ignore[arg-type]


def _digest(frame: pl.DataFrame) -> int:
    return int(frame.hash_rows(seed=0).sum()) if frame.height else 0
