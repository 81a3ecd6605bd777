"""Which sightings belong together: edges found by joins over sorted columns, united by union-find.

Four things make two sightings one incident, within a window of time: the same actor; the same place, with a
technique that can follow the other; a place that directly needs the other; an address that is that of a place which
was hit before. Work grows with n log n, and each sighting has at most one edge of each kind and step: to the one before
it that ended last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.compiled import njit
from cityward.secure.incidents.order import TACTICS

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW_US: Final = 24 * 3_600 * 1_000_000
"""Between the end of one sighting and the begin of the next."""

GRAVE: Final = 2
"""Level (in `cityward.secure.incidents.order.LEVELS`) from which sightings are grouped along needs."""

EDGES: Final = {"a": pl.Int64, "b": pl.Int64, "why": pl.String, "detail": pl.String}


@dataclass(frozen=True, slots=True)
class Grouped:
    """Shape ``n``: the group of each sighting, named by the first of it; and the edges (`EDGES`) behind that."""

    label: Ints
    edges: pl.DataFrame


def group(rows: pl.DataFrame, needs: pl.DataFrame, window_us: int = WINDOW_US) -> Grouped:
    """Group sightings.

    Parameters
    ----------
    rows : DataFrame
        ``place`` (String, empty where unknown), ``source``, ``actor_account``, ``from_asset`` (String or null),
        ``first_us``, ``last_us`` (Int64), ``rule`` (String), ``low``, ``high`` (Int64 steps, -1 where unknown),
        ``level`` (Int64), ``incident`` (String or null: what a sighting belongs to already).
    needs : DataFrame
        ``needer``, ``needed``.
    window_us : int
        Microseconds.
    """
    rows = rows.with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
    edges = [
        _same(rows, "incident", "incident", None),
        _same(rows.filter(pl.col("source").is_not_null()), "source", "actor", window_us),
        _same(rows.filter(pl.col("actor_account").is_not_null()), "actor_account", "actor", window_us),
        _followed(rows.filter(pl.col("place") != ""), window_us),
        _came_from(rows, window_us),
    ]
    label = _united(rows.height, edges)
    along = _along_needs(rows.with_columns(pl.Series("label", label)), needs, window_us)
    edges.append(along)
    return Grouped(_united(rows.height, edges), pl.concat(edges))


def _united(count: int, edges: list[pl.DataFrame]) -> Ints:
    pairs = pl.concat(edges)
    return _unite(count, pairs["a"].to_numpy(), pairs["b"].to_numpy())


@njit(cache=True)
def _unite(count: int, left: Ints, right: Ints) -> Ints:
    """Union by the smaller position, with paths halved; returns the smallest member of each one's group."""
    above = np.arange(count)
    for at in range(left.size):
        a, b = left[at], right[at]
        while above[a] != a:
            above[a] = above[above[a]]
            a = above[a]
        while above[b] != b:
            above[b] = above[above[b]]
            b = above[b]
        above[max(a, b)] = min(a, b)
    for at in range(count):
        above[at] = above[above[at]]
    return above


def _latest(group: Ints, last: Ints, holds: Flags) -> Ints:
    """For each row, sorted by group and time: of the earlier ``holds`` of its group the one that ended last, or -1."""
    count = group.size
    order = np.argsort(last, kind="stable")
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    base = group * (count + 1)
    reached = np.maximum.accumulate(np.where(holds, base + rank + 1, base))
    before = np.concatenate([[-1], reached[:-1]]) - base
    return np.where(before > 0, order[np.maximum(before - 1, 0)], -1)


def _linked(rows: pl.DataFrame, key: str, holds: Flags, asks: Flags, window_us: int | None) -> tuple[Ints, Ints]:
    """Positions in ``rows`` (sorted by ``key`` and time) of those that ask, and of what each is linked to."""
    found = _latest(rows[key].rank("dense").cast(pl.Int64).to_numpy(), rows["last_us"].to_numpy(), holds)
    asking = asks & (found >= 0)
    if window_us is not None:
        first, last = rows["first_us"].to_numpy(), rows["last_us"].to_numpy()
        asking &= first - last[np.maximum(found, 0)] <= window_us
    return np.flatnonzero(asking), found[asking]


def _edges(rows: pl.DataFrame, pairs: tuple[Ints, Ints], why: str, detail: pl.Series) -> pl.DataFrame:
    at, (asked, held) = rows["at"].to_numpy(), pairs
    return pl.DataFrame(
        {"a": at[asked], "b": at[held], "why": pl.repeat(why, asked.size, eager=True), "detail": detail}, schema=EDGES
    )


def _same(rows: pl.DataFrame, key: str, why: str, window_us: int | None) -> pl.DataFrame:
    rows = rows.filter(pl.col(key).is_not_null()).sort(key, "first_us", "at")
    every = np.ones(rows.height, np.bool_)
    pairs = _linked(rows, key, every, every, window_us)
    # What stands at one place is told by the place: an actor is a reason where it was seen at two.
    return _edges(rows, pairs, why, rows[key].gather(pairs[0]))


def _followed(rows: pl.DataFrame, window_us: int) -> pl.DataFrame:
    """At one place: what can follow what, for every step of an attack; where no tactic is known, the same rule."""
    rows = rows.sort("place", "first_us", "at")
    low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
    found = []
    for step in range(len(TACTICS)):
        # Those that begin with one step can follow each other, so that the latest of them stands for all.
        asks, holds = high >= step, low == step
        some = asks | holds
        if not holds.any():
            continue
        part = rows.filter(pl.Series(some))
        pairs = _linked(part, "place", holds[some], asks[some], window_us)
        found.append(_edges(part, pairs, "order", part["place"].gather(pairs[0])))
    part = rows.filter(pl.col("low") < 0).with_columns(pl.struct("place", "rule").rank("dense").alias("both"))
    part = part.sort("both", "first_us", "at")
    every = np.ones(part.height, np.bool_)
    pairs = _linked(part, "both", every, every, window_us)
    return pl.concat([*found, _edges(part, pairs, "order", part["place"].gather(pairs[0]))])


def _came_from(rows: pl.DataFrame, window_us: int) -> pl.DataFrame:
    """What came from the address of a place that was seen hit before."""
    held = rows.filter((pl.col("place") != "") & (pl.col("level") >= GRAVE)).select(
        "at", "first_us", "last_us", pl.col("place").alias("key"), pl.lit(value=True).alias("holds")
    )
    asks = rows.filter(pl.col("from_asset").is_not_null() & (pl.col("from_asset") != pl.col("place"))).select(
        "at", "first_us", "last_us", pl.col("from_asset").alias("key"), pl.lit(value=False).alias("holds")
    )
    both = pl.concat([held, asks]).sort("key", "first_us", "at", "holds")
    holds = both["holds"].to_numpy()
    pairs = _linked(both, "key", holds, ~holds, window_us)
    return _edges(both, pairs, "came", both["key"].gather(pairs[0]))


def _along_needs(rows: pl.DataFrame, needs: pl.DataFrame, window_us: int) -> pl.DataFrame:
    """An asset and what it directly needs, both hit; over episodes, so that a hub does not multiply sightings."""
    episodes = (
        rows.filter((pl.col("place") != "") & (pl.col("level") >= GRAVE))
        .group_by("label", "place", pl.col("first_us") // WINDOW_US)
        .agg(pl.col("at").min(), pl.col("first_us").min().alias("first"), pl.col("last_us").max())
        .select("at", "place", pl.col("first").alias("first_us"), "last_us")
    )
    hit = episodes["place"].unique()
    needs = needs.filter(pl.col("needer").is_in(hit.to_list()) & pl.col("needed").is_in(hit.to_list()))
    needs = needs.with_row_index("pair").with_columns(pl.format("{} needs {}", "needer", "needed").alias("told"))
    sides = [
        episodes.join(needs.select("pair", "told", pl.col(side).alias("place")), on="place").with_columns(
            pl.lit(side).alias("side")
        )
        for side in ("needer", "needed")
    ]
    both = pl.concat(sides).sort("pair", "first_us", "at", "side")
    needer = (both["side"] == "needer").to_numpy()
    found = []
    for asks in (needer, ~needer):
        pairs = _linked(both, "pair", ~asks, asks, window_us)
        found.append(_edges(both, pairs, "needs", both["told"].gather(pairs[0])))
    return pl.concat(found)
