"""Correlations of matches within a time span, over columns sorted by time.

A window ends with each match and reaches back over the time span, its beginning included; a condition that asks for
few (``lt``, ``lte``) is therefore asked only where something matched. Windows that overlap are one hit. Matches
without a time, or without a field that they are grouped by, take no part.

**Source**: Sigma correlation specification 2.0 (types, aliases, conditions), SigmaHQ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.secure.monitor.terms import OPERATORS, Correlation, Expression

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

AT = "@at"
"""Column of microseconds since 1970."""

WHO: Final = ("@source", "@host", "@account")
"""Columns that say who was seen in a match; a frame of matches may lack them."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Matches that fulfil a correlation: their group, when the first came, when it was fulfilled, when the last came.

    ``first_us`` is the beginning of the first window, ``found_us`` the moment at which the condition first held.
    ``events`` counts the matches of all windows that make up the hit.
    """

    group: tuple[str, ...]
    first_us: int
    found_us: int
    last_us: int
    events: int


def correlate(rule: Correlation, matches: dict[str, pl.DataFrame]) -> list[Hit]:
    """Hits of a correlation.

    Parameters
    ----------
    rule : Correlation
    matches : dict
        For each rule that it refers to, a frame with the column `AT` (Int64, may be null) and lower-case text columns
        of the fields that it is grouped by and counts.

    Returns
    -------
    list of Hit, by the moment at which they were found.
    """
    rows = rows_of(rule, matches)
    if not rows.height:
        return []
    names = [f"g{position}" for position in range(len(rule.group_by))]
    if names:
        rows = rows.with_columns(pl.struct(names).rank("dense").cast(pl.Int64).alias("group"))
    else:
        rows = rows.with_columns(group=pl.lit(1, dtype=pl.Int64))
    rows = rows.sort("group", AT, "rule", maintain_order=True)
    group, at = rows["group"].to_numpy(), rows[AT].to_numpy()
    begin = _begins(group, at, rule.span_seconds * 1_000_000)
    fulfilled = _fulfilled(rule, rows, group, at, begin)
    found = [_hit(rows, names, at, begin, positions) for positions in _runs(group, begin, fulfilled)]
    return sorted(found, key=lambda hit: (hit.found_us, hit.group))


def rows_of(rule: Correlation, matches: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Matches of all rules in one frame: `AT`, ``rule`` (its position), ``g0`` … and ``v0`` …, and `WHO`."""
    wanted = {f"g{at}": name for at, name in enumerate(rule.group_by)}
    counted = {f"v{at}": name for at, name in enumerate(rule.fields)}
    frames = []
    for position, key in enumerate(rule.rules):
        frame = matches.get(key)
        if frame is None or not frame.height:
            continue
        columns = [pl.col(AT), pl.lit(position, dtype=pl.Int64).alias("rule")]
        for column, name in (wanted | counted).items():
            field = rule.field_of(name, key)
            held = pl.col(field) if field in frame.columns else pl.lit(None, dtype=pl.String)
            columns.append(held.str.to_lowercase().alias(column))
        nobody = pl.lit(None, dtype=pl.String)
        columns += [pl.col(who) if who in frame.columns else nobody.alias(who) for who in WHO]
        frames.append(frame.select(columns).drop_nulls([AT, *wanted]))
    return pl.concat(frames) if frames else pl.DataFrame(schema={AT: pl.Int64})


def hits_of_rows(rows: pl.DataFrame, hits: list[Hit]) -> pl.DataFrame:
    """Those of `rows_of` that stand behind hits: of the group of a hit, from its first match to its last."""
    names = [name for name in rows.columns if name[:1] == "g" and name[1:].isdigit()]
    spans = pl.DataFrame(
        {
            "first": pl.Series([hit.first_us for hit in hits], dtype=pl.Int64),
            "last": pl.Series([hit.last_us for hit in hits], dtype=pl.Int64),
            **{name: pl.Series([hit.group[at] for hit in hits], dtype=pl.String) for at, name in enumerate(names)},
        }
    ).sort("first")
    # Hits of one group do not overlap, so a match belongs to the latest that began before it.
    held = rows.sort(AT).join_asof(
        spans, left_on=AT, right_on="first", by=names or None, strategy="backward", check_sortedness=False
    )
    return held.filter(pl.col(AT) <= pl.col("last"))


def _begins(group: Ints, at: Ints, span_us: int) -> Ints:
    """For each match, the position of the first match of its window."""
    begins = np.empty(len(at), dtype=np.int64)
    edges = np.flatnonzero(np.diff(group, prepend=group[0] - 1, append=group[-1] + 1))
    for first, end in pairwise(edges):
        times = at[first:end]
        begins[first:end] = first + np.searchsorted(times, times - span_us, side="left")
    return begins


def _fulfilled(rule: Correlation, rows: pl.DataFrame, group: Ints, at: Ints, begin: Ints) -> Flags:
    compare = OPERATORS[rule.operator]
    match rule.kind:
        case "event_count":
            return np.asarray(compare(np.arange(len(at)) - begin + 1, rule.count))
        case "value_count":
            return np.asarray(compare(_distinct(rows, rule, begin), rule.count))
        case "temporal":
            seen = [begin <= last for last in _last_of_each(rule, rows, group)]
            if rule.expression is not None:
                return _expressed(rule.expression, dict(zip(rule.rules, seen, strict=True)), len(at))
            return np.asarray(compare(np.sum(seen, axis=0), rule.count))
        case "temporal_ordered":
            return _in_order(rule, rows, group, at) >= at - rule.span_seconds * 1_000_000
    return _measured(rule, rows, begin, compare)


def _distinct(rows: pl.DataFrame, rule: Correlation, begin: Ints) -> Ints:
    """Distinct values in each window."""
    names = [f"v{position}" for position in range(len(rule.fields))]
    values = rows.select(
        pl.struct(names).rank("dense").alias("value"), pl.any_horizontal(pl.col(names).is_null()).alias("n")
    )
    codes = np.where(values["n"].to_numpy(), -1, values["value"].to_numpy()).tolist()
    counts, held, first = np.empty(len(codes), dtype=np.int64), Counter[int](), 0
    for position, (code, start) in enumerate(zip(codes, begin.tolist(), strict=True)):
        held[code] += 1
        while first < start:
            gone = codes[first]
            held[gone] -= 1
            if not held[gone]:
                del held[gone]
            first += 1
        counts[position] = len(held) - (-1 in held)
    return counts


def _last_of_each(rule: Correlation, rows: pl.DataFrame, group: Ints) -> list[Ints]:
    """For each rule: the position of its last match up to here in the same group, -1 where there is none."""
    which, here = rows["rule"].to_numpy(), np.arange(rows.height)
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    start = np.repeat(starts, np.diff(starts, append=rows.height))
    found = []
    for position in range(len(rule.rules)):
        last = np.maximum.accumulate(np.where(which == position, here, -1))
        found.append(np.where(last >= start, last, -1))
    return found


def _expressed(asked: Expression, seen: dict[str, Flags], size: int) -> Flags:
    if asked.how == "rule":
        return seen.get(asked.rule, np.zeros(size, dtype=np.bool_))
    inner = [_expressed(one, seen, size) for one in asked.items]
    if asked.how == "not":
        return ~inner[0]
    return np.asarray(np.all(inner, axis=0) if asked.how == "and" else np.any(inner, axis=0))


def _in_order(rule: Correlation, rows: pl.DataFrame, group: Ints, at: Ints) -> Ints:
    """For each match: when the latest chain of all rules in their order began, that has ended by here."""
    never = np.iinfo(np.int64).min // 2
    last = _last_of_each(rule, rows, group)
    began = np.where(last[0] >= 0, at[last[0]], never)
    for one in last[1:]:
        began = np.where(one >= 0, began[one], never)
    return began


def _measured(rule: Correlation, rows: pl.DataFrame, begin: Ints, compare: Callable[[Any, Any], Any]) -> Flags:
    """Conditions about the numbers in a field; a window without any number fulfils none."""
    numbers = rows["v0"].cast(pl.Float64, strict=False).to_numpy() if rule.fields else np.full(rows.height, np.nan)
    found = np.zeros(rows.height, dtype=np.bool_)
    share = {"value_median": 50.0, "value_percentile": float(rule.percentile or 50)}.get(rule.kind)
    total = np.concatenate(([0.0], np.nancumsum(numbers)))
    count = np.concatenate(([0], np.cumsum(~np.isnan(numbers))))
    for position, start in enumerate(begin):
        held = count[position + 1] - count[start]
        if not held:
            continue
        if share is not None:
            value = np.nanpercentile(numbers[start : position + 1], share)
        else:
            value = total[position + 1] - total[start]
            value = value / held if rule.kind == "value_avg" else value
        found[position] = compare(value, rule.count)
    return found


def _runs(group: Ints, begin: Ints, fulfilled: Flags) -> list[Ints]:
    """Positions that fulfil a rule, those together whose windows overlap."""
    held = np.flatnonzero(fulfilled)
    if not held.size:
        return []
    apart = (begin[held[1:]] > held[:-1]) | (group[held[1:]] != group[held[:-1]])
    return np.split(held, np.flatnonzero(apart) + 1)


def _hit(rows: pl.DataFrame, names: list[str], at: Ints, begin: Ints, positions: Ints) -> Hit:
    first, found, last = int(begin[positions[0]]), int(positions[0]), int(positions[-1])
    group = tuple(str(value) for value in rows.select(names).row(found)) if names else ()
    return Hit(group, int(at[first]), int(at[found]), int(at[last]), last - first + 1)
