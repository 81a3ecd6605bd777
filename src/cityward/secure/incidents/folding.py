"""Sightings into security incidents: new ones, and those that stand open and grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from cityward.core.clock import moment_of
from cityward.core.limits import SECURITY_OPENED, SECURITY_TRACES
from cityward.secure.incidents.grouping import GRAVE, Grouped, group
from cityward.secure.incidents.order import LEVELS, only_guesses, span_of
from cityward.secure.incidents.places import needs_table, place_table, placed
from cityward.secure.incidents.records import RuleSeen, SecurityIncident, SecuritySilence, Trace
from cityward.secure.monitor.sightings import DAY_US, KEYS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cityward.secure.risk.records import Inventory

PERSON: Final = "person-"
"""How a pseudonym of a person begins; what does not, such as ``root``, is nobody's account."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One group of sightings.

    Attributes
    ----------
    rows : DataFrame
        Its traces: `SCHEMA`, ``place``, ``how``, ``from_asset``, ``level``, ``low``, ``high``, by time.
    edges : DataFrame
        Why they are one: ``why``, ``detail``, ``count``.
    known : tuple of str
        Incidents that stand open and that it takes up, the oldest first.
    fresh : int
        Sightings of this filing among them.
    """

    rows: pl.DataFrame
    edges: pl.DataFrame
    known: tuple[str, ...]
    fresh: int


@dataclass(frozen=True, slots=True)
class Folding:
    """What a filing comes to: groups that open or change an incident, and what opens none."""

    groups: tuple[Folded, ...]
    not_grave: int
    """Sightings of the levels low and informational that stand alone: the monitor tells them, and they open nothing."""

    beyond: int
    """Groups beyond `SECURITY_OPENED`."""

    beyond_sightings: int = 0


def arranged(sightings: pl.DataFrame, rules: Mapping[str, RuleSeen], inventory: Inventory) -> pl.DataFrame:
    """Sightings with what grouping asks of each: place, level, steps, and which account acted."""
    rows = placed(sightings, place_table(inventory))
    spans = {name: span_of(one.techniques) or (-1, -1) for name, one in rules.items()}
    table = pl.DataFrame(
        {
            "rule": list(rules),
            "level": [LEVELS.index(one.level) if one.level in LEVELS else GRAVE for one in rules.values()],
            "low": [spans[name][0] for name in rules],
            "high": [spans[name][1] for name in rules],
            "guesses": [only_guesses(one.techniques) for one in rules.values()],
        },
        schema={"rule": pl.String, "level": pl.Int64, "low": pl.Int64, "high": pl.Int64, "guesses": pl.Boolean},
    )
    account = pl.col("account")
    acts = account.str.starts_with(PERSON) & ~pl.col("guesses").fill_null(value=False)
    return (
        rows.join(table, on="rule", how="left", maintain_order="left")
        .with_columns(pl.col("level").fill_null(GRAVE), pl.col("low", "high").fill_null(-1))
        .with_columns(pl.when(acts).then(account).alias("actor_account"))
        .drop("guesses")
    )


def as_frame(incidents: Sequence[SecurityIncident | SecuritySilence]) -> pl.DataFrame:
    """The traces of incidents or silences (`SCHEMA`), with the ``incident`` of each."""
    traces = [(*(getattr(one, name) for name in SCHEMA), held.id) for held in incidents for one in held.traces]
    return pl.DataFrame(traces, schema=SCHEMA | {"incident": pl.String}, orient="row")


def fold(
    fresh: pl.DataFrame,
    standing: Sequence[SecurityIncident],
    rules: Mapping[str, RuleSeen],
    inventory: Inventory,
) -> Folding:
    """Fold sightings (`SCHEMA`, with both times) into what stands open.

    Notes
    -----
    The same file read twice changes nothing: a sighting that is known (rule, host, address, account and day) counts
    as the larger of both, unless one ended before the other began.
    """
    rows = arranged(_with(standing, fresh), rules, inventory)
    if not rows.height:
        return Folding((), 0, 0)
    grouped = group(rows, needs_table(inventory))
    return _folded(rows.with_columns(pl.Series("label", grouped.label)), grouped)


def _with(standing: Sequence[SecurityIncident | SecuritySilence], fresh: pl.DataFrame) -> pl.DataFrame:
    known = as_frame(standing).with_columns(pl.lit(value=False).alias("new"))
    new = fresh.select(*SCHEMA).with_columns(pl.lit(None, pl.String).alias("incident"), pl.lit(value=True).alias("new"))
    return _once(pl.concat([known, new]))


def unknown(fresh: pl.DataFrame, closed: Sequence[SecurityIncident]) -> pl.DataFrame:
    """Sightings that no closed incident holds already, from first to last: a log can be read again."""
    keys = [*KEYS, "day"]
    known = as_frame(closed).with_columns((pl.col("first_us") // DAY_US).alias("day"))
    known = known.group_by(keys).agg(pl.col("first_us").min().alias("_first"), pl.col("last_us").max().alias("_last"))
    rows = fresh.with_columns((pl.col("first_us") // DAY_US).alias("day"))
    rows = rows.join(known, on=keys, how="left", nulls_equal=True, maintain_order="left")
    held = (pl.col("_first") <= pl.col("first_us")) & (pl.col("_last") >= pl.col("last_us"))
    return rows.filter(held.fill_null(value=False).not_()).drop("day", "_first", "_last")


def held_back(silence: SecuritySilence, fresh: pl.DataFrame) -> SecuritySilence:
    """A silence with what it held back now; the same sighting counts once."""
    rows = _with([silence], fresh)
    kept = rows.sort("last_us", maintain_order=True).tail(SECURITY_TRACES).sort("first_us", *KEYS)
    made: list[Any] = [Trace(*row) for row in kept.select(*SCHEMA).rows()]
    return msgspec.structs.replace(
        silence,
        counted=max(silence.counted, int(rows["events"].sum())),
        last=moment_of(int(rows["last_us"].max())),  # type: ignore[arg-type]
        traces=tuple(made),
    )


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Equal sightings of one day, known and new, as one row each."""
    keys = (*KEYS, "day")
    rows = rows.with_columns((pl.col("first_us") // DAY_US).alias("day")).sort("new", "first_us", maintain_order=True)
    gap = (pl.col("first_us") > pl.col("last_us").shift(1).over(keys)) | (
        pl.col("last_us") < pl.col("first_us").shift(1).over(keys)
    )
    rows = rows.with_columns(gap.fill_null(value=True).alias("apart"))
    # Of two that overlap the larger counts, which is the same as adding what the larger has more.
    more = pl.col("events") - pl.col("events").shift(1).over(keys)
    added = pl.when("apart").then(pl.col("events")).otherwise(pl.max_horizontal(more, 0))
    return (
        rows.with_columns(added.alias("added"))
        .group_by(keys)
        .agg(
            pl.col("first_us").min(),
            pl.col("last_us").max(),
            pl.col("added").sum().alias("events"),
            pl.col("incident").drop_nulls().min(),
            pl.col("new").any(),
        )
        .sort("first_us", *KEYS)
        .select(*SCHEMA, "incident", "new")
    )


def _folded(rows: pl.DataFrame, grouped: Grouped) -> Folding:
    known = pl.col("incident").is_not_null().any()
    told = rows.group_by("label").agg(
        known.alias("known"),
        pl.col("new").sum().alias("fresh"),
        pl.col("level").max().alias("grave"),
        pl.col("events").sum().alias("events"),
        pl.len().alias("count"),
    )
    moved = told.filter(pl.col("fresh") > 0)
    alone = moved.filter(~pl.col("known") & (pl.col("grave") < GRAVE))
    wanted = moved.filter(pl.col("known") | (pl.col("grave") >= GRAVE)).sort(
        pl.col("known").not_(), -pl.col("grave").cast(pl.Int64), -pl.col("events").cast(pl.Int64), "label"
    )
    beyond = max(0, wanted.filter(~pl.col("known")).height - SECURITY_OPENED)
    unopened = int(wanted.tail(beyond)["fresh"].sum()) if beyond else 0
    wanted = wanted.head(wanted.height - beyond)
    label = pl.DataFrame({"at": range(rows.height), "label": rows["label"]})
    edges = (
        grouped.edges.join(label, left_on="a", right_on="at")
        .join(wanted.select("label"), on="label", how="semi")
        .group_by("label", "why", "detail")
        .agg(pl.len().alias("count"))
        .sort("label", "why", -pl.col("count").cast(pl.Int64), "detail")
        .partition_by("label", as_dict=True, include_key=False)
    )
    parts = rows.join(wanted.select("label"), on="label", how="semi", maintain_order="left")
    by_label = parts.partition_by("label", as_dict=True, include_key=False, maintain_order=True)
    groups = tuple(
        _group(by_label[(name,)], edges.get((name,)), fresh) for name, fresh in wanted.select("label", "fresh").rows()
    )
    return Folding(groups, int(alone["fresh"].sum()), beyond, unopened)


_NO_EDGES: Final = pl.DataFrame(schema={"why": pl.String, "detail": pl.String, "count": pl.UInt32})


def _group(rows: pl.DataFrame, edges: pl.DataFrame | None, fresh: int) -> Folded:
    known = rows.filter(pl.col("incident").is_not_null()).sort("first_us")["incident"]
    return Folded(
        rows.drop("incident", "new"),
        _NO_EDGES if edges is None else edges.filter(pl.col("why") != "incident"),
        tuple(known.unique(maintain_order=True).to_list()),
        int(fresh),
    )


def traces_of(rows: pl.DataFrame) -> tuple[tuple[Trace, ...], int]:
    """What is kept of a group: its gravest and latest traces, by time; and how many more there were."""
    kept = rows.sort(["level", "last_us"], descending=True, maintain_order=True).head(SECURITY_TRACES)
    kept = kept.sort("first_us", *KEYS)
    made: list[Any] = [Trace(*row) for row in kept.select(*SCHEMA).rows()]
    return tuple(made), rows.height - kept.height
