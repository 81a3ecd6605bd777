"""Groups of sightings as records, in plain words: what happened, in which order, to what, by whom, why it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cityward.core.clock import moment_of
from cityward.secure.incidents.order import LEVELS
from cityward.secure.incidents.records import RuleSeen, Step, Touched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cityward.secure.incidents.folding import Folded
    from cityward.secure.risk.records import Asset

STEPS: Final = 40
PLACES: Final = 100
ACTORS: Final = 20
REASONS: Final = 4
"""Reasons of one kind that are told."""

NOWHERE: Final = "a host that the logs do not name"


def told(found: Folded, rules: Mapping[str, RuleSeen], assets: Mapping[str, Asset]) -> dict[str, Any]:
    """What a record says of a group: fields of `cityward.secure.incidents.records.SecurityIncident`."""
    rows = found.rows
    steps, places, actors = _steps(rows, rules), _places(rows, assets), _actors(rows)
    level = LEVELS[int(rows["level"].max() or 0)]  # type: ignore[arg-type]
    names = {place.id: place.name for place in places}
    seen = rows["rule"].unique(maintain_order=True).to_list()
    return {
        "headline": headline(steps, places, actors, rows),
        "level": level,
        "first": moment_of(int(rows["first_us"].min())),  # type: ignore[arg-type]
        "last": moment_of(int(rows["last_us"].max())),  # type: ignore[arg-type]
        "events": int(rows["events"].sum()),
        "rules": tuple(sorted((rules[one] for one in seen if one in rules), key=lambda one: one.id)),
        "steps": tuple(steps[:STEPS]),
        "steps_more": max(0, len(steps) - STEPS),
        "places": tuple(places[:PLACES]),
        "places_more": max(0, len(places) - PLACES),
        "actors": tuple(actors[:ACTORS]),
        "actors_more": max(0, len(actors) - ACTORS),
        "reasons": tuple(_reasons(found, names)),
    }


def _steps(rows: pl.DataFrame, rules: Mapping[str, RuleSeen]) -> list[Step]:
    actor = pl.coalesce("source", "account")
    table = (
        rows.group_by("rule", "place")
        .agg(
            pl.col("first_us").min(),
            pl.col("last_us").max(),
            pl.col("events").sum(),
            actor.n_unique().alias("actors") - actor.is_null().any().cast(pl.UInt32),
        )
        .sort("first_us", "place", "rule")
    )
    nothing = RuleSeen(id="", title="a rule that is gone", level="medium")
    made = []
    for rule, place, first, last, events, actors in table.rows():
        one = rules.get(rule, nothing)
        made.append(
            Step(
                rule=rule,
                title=one.title,
                level=one.level,
                techniques=one.techniques,
                place=place,
                first=moment_of(first),
                last=moment_of(last),
                events=events,
                actors=actors,
            )
        )
    return made


def _places(rows: pl.DataFrame, assets: Mapping[str, Asset]) -> list[Touched]:
    table = rows.group_by("place").agg(pl.col("how").first(), pl.col("events").sum()).sort("place")
    made = []
    for place, how, _ in table.rows():
        asset = assets.get(place)
        if asset is not None and how is not None:
            made.append(Touched(id=place, name=asset.name or place, how=how, owner=asset.owner))
        elif place:
            made.append(Touched(id=place, name=place, how="unknown"))
    return made


def _actors(rows: pl.DataFrame) -> list[str]:
    """Addresses; and accounts that acted and were not only guessed, or where no address is told."""
    account = pl.coalesce("actor_account", pl.when(pl.col("source").is_null()).then(pl.col("account")))
    both = [rows.select(pl.col("source").alias("who"), "events"), rows.select(account.alias("who"), "events")]
    table = pl.concat(both).drop_nulls("who").group_by("who").agg(pl.col("events").sum())
    found: list[str] = table.sort(-pl.col("events"), "who")["who"].to_list()
    return found


def headline(steps: list[Step], places: list[Touched], actors: list[str], rows: pl.DataFrame) -> str:
    """The finding in a sentence."""
    gravest = max(steps, key=lambda one: (LEVELS.index(one.level), one.last))
    where = _listed([one.name for one in places], "places") if places else NOWHERE
    who = f", by {_listed(actors, 'actors')}" if actors else ""
    more = rows["rule"].n_unique() - 1
    also = f" and {more} more {'kind' if more == 1 else 'kinds'} of findings" if more else ""
    return f"{gravest.title}{also}: {where}{who}."


def _listed(names: list[str], noun: str) -> str:
    if len(names) <= 2:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1:,} more {noun}"


def _reasons(found: Folded, names: Mapping[str, str]) -> list[str]:
    rows, edges = found.rows, found.edges
    spread = (
        pl.concat([rows.select(pl.col(one).alias("who"), "place") for one in ("source", "actor_account")])
        .drop_nulls("who")
        .group_by("who")
        .agg(pl.col("place").n_unique().alias("places"))
        .filter(pl.col("places") > 1)
        .sort(-pl.col("places").cast(pl.Int64), "who")
    )
    told: list[str] = []
    _first(told, [f"{who} was seen at {places:,} places" for who, places in spread.rows()], "actors at several places")
    for why, words, rest in (
        ("order", "at {} one thing follows what can come before it in an attack", "places"),
        ("came", "later findings come from the address of {}, which was hit before", "addresses of the city"),
        ("needs", "{}, and both were hit", "needs"),
    ):
        details = edges.filter(pl.col("why") == why)["detail"].to_list()
        _first(told, [words.format(_named(one, names)) for one in details], f"such {rest}")
    if not told and rows.height > 1:
        told.append("the same actor was seen again within a day")
    return told


def _named(detail: str, names: Mapping[str, str]) -> str:
    needer, between, needed = detail.partition(" needs ")
    return f"{names.get(needer, needer)}{between}{names.get(needed, needed)}"


def _first(told: list[str], found: list[str], noun: str) -> None:
    told += found[:REASONS]
    if len(found) > REASONS:
        told.append(f"and {len(found) - REASONS:,} more {noun}")
