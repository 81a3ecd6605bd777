"""Which columns give a group away: inputs that stand in for income, origin or connection without naming them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.audit import columns
from cityward.answerable.audit.comparisons import holm
from cityward.answerable.audit.report import Pair
from cityward.answerable.audit.scores import auc
from cityward.core.clock import rng
from cityward.core.errors import UserError

Floats = NDArray[np.float64]

STRONG: Final = 0.70
"""From this chance on of telling two people of different groups apart, a column is a proxy."""

SOME: Final = 0.60
BINS: Final = 20
VALUES_MAX: Final = 200
GROUPS_MAX: Final = 12
"""Groups of a column that are looked at; the largest."""

ROWS_MIN: Final = 30
LEVEL: Final = 0.05
_SHOWN: Final = 6
_VERDICTS: Final[tuple[Literal["not a proxy", "weak", "proxy"], ...]] = ("not a proxy", "weak", "proxy")


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """How well a column tells a group from all others.

    ``auc`` is the chance that it ranks one of the group above another person: 0.5 tells nothing, 1 everything. It is
    measured on rows that did not decide how values are ordered. ``outcome_auc`` is the same for the outcome.
    """

    column: str
    by: str
    group: str
    people: int
    others: int
    auc: float
    auc_interval: Pair
    p_holm: float
    verdict: Literal["not a proxy", "weak", "proxy", "too few"]
    outcome_auc: float | None = None


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """All columns and groups, the best tell first."""

    finding: str
    rows: int
    proxies: tuple[Proxy, ...]
    not_examined: dict[str, str]
    notes: tuple[str, ...]


def examine_proxies(
    table: pl.DataFrame,
    groups: Sequence[str],
    wanted: Sequence[str] = (),
    *,
    outcome: str | None = None,
    positive: Sequence[str] = (),
    edges: dict[str, tuple[float, ...]] | None = None,
    seed: int = 1,
) -> Proxies:
    """Look at ``wanted`` columns (default: all others) against each group.

    Notes
    -----
    A column's values (numbers in `BINS` bins of equal size) are ordered by the share of the group among the rows of
    one half, and the order is judged on the other, both ways round; so a column of noise has 0.5 and not more.
    Limits are DeLong's; p-values are after Holm over all columns and groups.

    Raises
    ------
    UserError
        A column is not there.
    """
    for name in (*groups, *wanted, *([outcome] if outcome else [])):
        if name not in table.columns:
            there = ", ".join(f"'{one}'" for one in table.columns[:30])
            raise UserError(f"The file has no column '{name}'.", f"Its columns are {there}.")
    if not groups:
        raise UserError("No group is named.", "Name at least one column with --group.")
    notes: list[str] = []
    found: dict[str, str] = {}
    skip = {*groups, *([outcome] if outcome else [])}
    inputs = {
        name: values
        for name in (wanted or [one for one in table.columns if one not in skip])
        if (values := _values(table[name], found)) is not None
    }
    half = rng(seed, "proxies").permutation(table.height) % 2 == 0
    said = columns.yes_no(table[outcome], positive).values if outcome else None
    told = {name: _apart(values, said, half)[0] if said is not None else None for name, values in inputs.items()}
    proxies: list[Proxy] = []
    for by in groups:
        named, how = columns.groups(table[by], (edges or {}).get(by, ()))
        if how:
            notes.append(f"Groups of {how}.")
        known = named.set(named == columns.NOT_STATED, None)
        sizes = known.drop_nulls().value_counts(sort=True, name="rows")
        largest: list[str] = sizes[sizes.columns[0]].head(GROUPS_MAX).to_list() if sizes.height > 1 else []
        for group in sorted(largest):
            member = (known == group).cast(pl.Int8)
            proxies += [_proxy(name, by, group, one, member, half, told[name]) for name, one in inputs.items()]
        if sizes.height > GROUPS_MAX:
            notes.append(f"Of {by} the {GROUPS_MAX} largest of {sizes.height:,} groups are looked at.")
    made = _judged(proxies)
    return Proxies(
        finding=_finding(made), rows=table.height, proxies=tuple(made), not_examined=found, notes=tuple(notes)
    )


def _values(column: pl.Series, left_out: dict[str, str]) -> pl.Series | None:
    """A column as few values, or None with the reason."""
    name = column.name
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        left_out[name] = f"holds {column.dtype}"
        return None
    if column.dtype in (pl.Date, pl.Datetime):
        column = column.to_physical()
    if column.dtype.is_numeric() and column.n_unique() > BINS:
        numbers = columns.numbers(column)
        cuts = np.unique(np.quantile(numbers.drop_nulls().to_numpy(), np.linspace(0, 1, BINS + 1)[1:-1]))
        at = np.searchsorted(cuts, numbers.fill_null(0.0).to_numpy(), side="right")
        text = pl.Series(name, at).cast(pl.String).set(numbers.is_null(), None)
    else:
        text = columns.texts(column)
    text = text.fill_null(columns.NOT_STATED)
    if text.n_unique() > VALUES_MAX:
        left_out[name] = f"has {text.n_unique():,} values that are no numbers"
        return None
    if text.n_unique() < 2:
        left_out[name] = "has one value"
        return None
    return text


def _apart(values: pl.Series, member: pl.Series, half: NDArray[np.bool_]) -> tuple[float | None, Pair, float, int, int]:
    """AUC, limits, standard error, people inside and others: ordered on one half and judged on the other."""
    frame = pl.DataFrame({"value": values, "member": member, "half": half}).drop_nulls()
    counted = frame.group_by("half", "value").agg(
        ones=pl.col("member").cast(pl.Int64).sum(), people=pl.len().cast(pl.Int64)
    )
    areas: list[float] = []
    variances: list[float] = []
    for judged in (False, True):
        order = counted.filter(pl.col("half") != judged)
        overall = int(order["ones"].sum()) / max(1, int(order["people"].sum()))
        share = (pl.col("ones_right") + overall).fill_null(overall) / (pl.col("people_right") + 1).fill_null(1)
        one = (
            counted.filter(pl.col("half") == judged)
            .join(order.drop("half"), on="value", how="left")
            .with_columns(share=share)
            .group_by("share")
            .agg(pl.col("ones").sum(), pl.col("people").sum())
            .sort("share")
        )
        ones = one["ones"].to_numpy().astype(float)
        zeros = one["people"].to_numpy() - ones
        area, limits = auc(ones, zeros, 0.6826894921370859)
        if area is None or limits[0] is None or limits[1] is None:
            continue
        areas.append(area)
        variances.append(((limits[1] - limits[0]) / 2) ** 2)
    inside = int(frame["member"].cast(pl.Int64).sum())
    if not areas:
        return None, (None, None), float("nan"), inside, frame.height - inside
    area = float(np.mean(areas))
    error = float(np.sqrt(np.sum(variances)) / len(areas))
    return area, (max(0.0, area - 1.96 * error), min(1.0, area + 1.96 * error)), error, inside, frame.height - inside


def _proxy(
    name: str,
    by: str,
    group: str,
    values: pl.Series,
    member: pl.Series,
    half: NDArray[np.bool_],
    outcome_auc: float | None,
) -> Proxy:
    area, limits, error, inside, others = _apart(values, member, half)
    few = area is None or min(inside, others) < ROWS_MIN
    area = 0.5 if area is None else area
    p = 1.0 if few or not error > 0 else _tail((area - 0.5) / error)
    return Proxy(
        column=name,
        by=by,
        group=group,
        people=inside,
        others=others,
        auc=area,
        auc_interval=limits,
        p_holm=p,
        verdict="too few" if few else "not a proxy",
        outcome_auc=outcome_auc,
    )


def _tail(z: float) -> float:
    return 1 - NormalDist().cdf(z)


def _judged(proxies: list[Proxy]) -> list[Proxy]:
    enough = [one for one in proxies if one.verdict != "too few"]
    adjusted = holm(np.array([one.p_holm for one in enough], dtype=np.float64))
    made = [one for one in proxies if one.verdict == "too few"]
    for one, p in zip(enough, adjusted, strict=True):
        strong = _VERDICTS[(one.auc >= SOME) + (one.auc >= STRONG)] if p < LEVEL else _VERDICTS[0]
        made.append(msgspec.structs.replace(one, p_holm=float(p), verdict=strong))
    return sorted(made, key=lambda one: (-one.auc, one.column, one.by, one.group))


def _finding(proxies: Sequence[Proxy]) -> str:
    if not proxies:
        return "Nothing could be examined: no column of two groups or more, or no other column."
    best: dict[str, Proxy] = {}
    for one in proxies:
        if one.verdict in ("proxy", "weak"):
            best.setdefault(one.column, one)
    strong = [one for one in best.values() if one.verdict == "proxy"]
    weak = [one for one in best.values() if one.verdict == "weak"]
    if not best:
        return "No column alone tells a group from the others. Columns together may."
    told = "No column alone gives a group away."
    if strong:
        verb = "column gives" if len(strong) == 1 else "columns give"
        told = f"{len(strong):,} {verb} a group away: {_named(strong)}."
    return f"{told} Weaker, but more than chance: {_named(weak)}." if weak else told


def _named(proxies: Sequence[Proxy]) -> str:
    told = "; ".join(f"{one.column} for {one.by} {one.group} ({one.auc:.2f})" for one in proxies[:_SHOWN])
    return told + (f"; and {len(proxies) - _SHOWN:,} more" if len(proxies) > _SHOWN else "")
