"""Replays a draft over the cases of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256

import numpy as np
import polars as pl

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.answerable.replay.cost import Pricing, coarse, cost_change, costs
from cityward.answerable.replay.counts import group_changes, net, shares
from cityward.answerable.replay.direction import direction, order_of
from cityward.answerable.replay.groups import UNKNOWN, by_column
from cityward.answerable.replay.hiding import blocks, gives_away, hide_flows, hide_parts, larger
from cityward.answerable.replay.past import Past, answer, labels, outcome_of
from cityward.answerable.replay.shape import DIRECTIONS, LEAST, SMALL, Flow, GroupChange, Replay
from cityward.answerable.table import Table, write_form
from cityward.core.errors import UserError
from cityward.core.small_counts import small


def replay(
    draft: Table,
    past: Past,
    *,
    beside: Mapping[str, Table] | None = None,
    better: Sequence[str] = (),
    territory: pl.Series | None = None,
    groups: Mapping[str, pl.Series] | None = None,
    by_inputs: Sequence[str] = (),
    pricing: Pricing | None = None,
    since: date | None = None,
    until: date | None = None,
    least: int = LEAST,
    seed: int = 0,
) -> Replay:
    """Decide the cases of the past by a draft and tell who changes.

    Parameters
    ----------
    draft : Table
        The draft.
    past : Past
        Cases, and what was said of each.
    beside : mapping of str to Table, optional
        Rules that the draft may use, by identifier.
    better : sequence of str, optional
        Outcomes from best to worst; default the order of the outcome's ``values``.
    territory : polars.Series, optional
        Territory of each case; null where it is not known.
    groups : mapping of str to polars.Series, optional
        Group of each case by grouping; numbers are taken by thirds.
    by_inputs : sequence of str, optional
        Inputs of the draft to group by.
    pricing : Pricing, optional
        What an outcome costs.
    least : int
        Fewest people whose number is told.
    seed : int
        Of the draws for the interval of cost.

    Notes
    -----
    The cases are all that there were, not a sample: an interval is of the share to which many periods of cases like
    these would come on average; a single one can lie outside. Nobody of the past is decided anew; what people would
    have done under the draft is not known.

    Raises
    ------
    cityward.core.errors.UserError
        The draft asks for what no case holds, a unit does not fit, or an option names what does not exist.
    """
    if least < 1:
        raise UserError("Fewer than one person cannot be told.", "Give 1 or more.")
    answered = answer(draft, past, beside or {}, by_inputs)
    groups = {**(groups or {}), **{name: answered.kept.get_column(name) for name in by_inputs}}
    after = labels(answered.answers.get_column(outcome_of(draft)))
    before = _in_form(past.before, draft)
    past = replace(past, before=before)
    flows = _flows(before, after)
    outcomes = sorted({*flows.get_column("before").drop_nulls(), *flows.get_column("after").drop_nulls()})
    order, order_told = order_of(draft, outcomes, better)
    flows = _directed(flows, order)
    cases = _cases(before, after, territory, groups)
    priced = costs(draft, past, answered.answers, after, pricing)
    cost = cost_change(priced, least, seed) if priced else None
    notes = list(past.notes)
    if priced and cost is None:
        notes.append(f"The cost of fewer than {least} cases changes; it is not told.")
    whole, told = _whole(flows, least)
    if priced and cost and any(one.cases is None and one.direction != "same" for one in told):
        cost, says = coarse(cost, priced, least)
        notes.append(says)
    territories, parts, left_out = _grouped(cases, flows, list(groups), least)
    notes += left_out
    reasons = answered.answers.get_column("reason").drop_nulls().value_counts(sort=True).rows()
    return Replay(
        rule=draft.id,
        version=draft.version,
        digest=digest_of(draft),
        against=past.says,
        since=since,
        until=until,
        cases=past.cases.height,
        order=order,
        order_told=order_told,
        whole=whole,
        flows=told,
        territories=territories,
        groups=parts,
        reasons=_reasons(reasons, least, any(one.after is None and one.cases is None for one in told)),
        missing={name: _told(count, least) for name, count in answered.missing.items()},
        unreadable=_told(answered.unreadable, least),
        cost=cost,
        least=least,
        notes=tuple(notes),
    )


def digest_of(table: Table) -> str:
    """SHA-256 of a rule as TOML (hexadecimal): the same for the same rule, however its file is laid out."""
    return sha256(write_form(table, "toml").encode()).hexdigest()


def same_rule(one: Table, two: Table) -> bool:
    """Whether two versions say the same, whatever they are called and whenever they are valid."""
    parts = ("inputs", "outputs", "hit", "uses")
    return (
        all(getattr(one.sheet, part) == getattr(two.sheet, part) for part in parts)
        and one.conditions == two.conditions
        and one.outcomes == two.outcomes
    )


def _in_form(before: pl.Series, draft: Table) -> pl.Series:
    """What was said then as the draft writes it: ``10`` for ``10.0``, ``yes`` for ``true``."""
    kind = draft.sheet.outputs[outcome_of(draft)].type
    if kind == "number":
        numbers = before.cast(pl.Float64, strict=False)
        return pl.select(pl.coalesce(pl.lit(labels(numbers)), pl.lit(before))).to_series()
    return before.replace({"true": "yes", "false": "no"}) if kind == "yes-no" else before


def _flows(before: pl.Series, after: pl.Series) -> pl.DataFrame:
    counted = pl.DataFrame({"before": before, "after": after}).group_by("before", "after").len("cases")
    return counted.sort("before", "after", nulls_last=True)


def _directed(flows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    ranks = {name: at for at, name in enumerate(order)}
    directions = [direction(before, after, ranks) for before, after, _ in flows.rows()]
    return flows.with_columns(pl.Series("direction", directions, dtype=pl.String))


def _cases(
    before: pl.Series, after: pl.Series, territory: pl.Series | None, groups: Mapping[str, pl.Series]
) -> pl.DataFrame:
    columns = {"before": before, "after": after}
    if territory is not None:
        columns["territory"] = territory.cast(pl.String).fill_null(UNKNOWN)
    for name, column in groups.items():
        columns[f"by {name}"] = by_column(column.alias(name))
    return pl.DataFrame(columns)


def _grouped(
    cases: pl.DataFrame, flows: pl.DataFrame, groups: Sequence[str], least: int
) -> tuple[tuple[GroupChange, ...], tuple[GroupChange, ...], list[str]]:
    """What changes by territory and by group, and what of it is not told at all.

    Groups of territories have sums that are sums of territories, so both are looked at together.
    """
    columns = {f"by {name}": name for name in groups}
    territories: tuple[GroupChange, ...] = ()
    notes = []
    if "territory" in cases.columns:
        counted, within = _counted(cases, "territory", flows), None
        made_of = larger(cases, "territory", list(columns))
        while made_of:
            within = blocks(cases, "territory", counted, made_of)
            if not gives_away(counted, least, within):
                break
            name, within = columns.pop(made_of.pop()), None
            notes.append(f"By {name} nothing is told: beside the areas it would tell of fewer than {least} people.")
        territories = group_changes(counted, "territory", least, within)
    parts = [one for key, name in columns.items() for one in group_changes(_counted(cases, key, flows), name, least)]
    return territories, tuple(parts), notes


def _counted(cases: pl.DataFrame, name: str, flows: pl.DataFrame) -> pl.DataFrame:
    """Cases of each group of one grouping, all and by direction."""
    return (
        cases.group_by(name, "before", "after")
        .len("cases")
        .join(flows.drop("cases"), on=["before", "after"], nulls_equal=True)
        .group_by(pl.col(name).alias("group"))
        .agg(
            pl.col("cases").sum(),
            *(pl.col("cases").filter(pl.col("direction") == one).sum().alias(one) for one in DIRECTIONS),
        )
        .sort("group")
    )


def _whole(flows: pl.DataFrame, least: int) -> tuple[GroupChange, tuple[Flow, ...]]:
    """All cases together, and from which outcome to which."""
    counts = flows.get_column("cases").to_numpy().astype(np.int64)
    kind = np.array([DIRECTIONS.index(one) for one in flows.get_column("direction")], dtype=np.int64)
    hidden, sums_hidden = hide_flows(counts, kind, len(DIRECTIONS), least)
    sums = np.bincount(kind, weights=counts, minlength=len(DIRECTIONS)).astype(np.int64)
    total = int(counts.sum())
    out_of = np.full(len(sums), total)
    worse, better, other, undecided, decided, _ = shares(sums, out_of, sums_hidden)
    changed = np.array([total - sums[-1]])
    left_out = sums_hidden[-1:] | small(changed, least)
    known = worse.cases is not None and better.cases is not None
    gain, loss, all_ = (np.array([float(one)]) for one in (sums[1], sums[0], total))
    middle, low, high = net(gain, loss, all_)
    whole = GroupChange(
        grouping="all",
        group="all cases",
        cases=total,
        worse=worse,
        better=better,
        other=other,
        undecided=undecided,
        decided=decided,
        changed=shares(changed, np.array([total]), left_out)[0],
        net=float(middle[0]) if known else None,
        net_low=float(low[0]) if known else None,
        net_high=float(high[0]) if known else None,
        small=total < SMALL,
    )
    limits = clopper_pearson(counts.astype(float), np.full(len(counts), float(total)))
    told = [
        Flow(
            before=before,
            after=after,
            direction=way,
            cases=None if left_out else cases,
            share=None if left_out else cases / total,
            low=None if left_out else float(one),
            high=None if left_out else float(two),
        )
        for (before, after, cases, way), left_out, one, two in zip(flows.rows(), hidden, *limits, strict=True)
    ]
    in_order = {name: at for at, name in enumerate(DIRECTIONS)}
    return whole, tuple(sorted(told, key=lambda one: (in_order[one.direction], -(one.cases or 0))))


def _told(count: int, least: int) -> int | None:
    return None if 0 < count < least else count


def _reasons(rows: Sequence[tuple[str, int]], least: int, untold: bool) -> dict[str, int | None]:
    """Why nothing is decided; nothing of it where a flow to no decision is not told, which their sum would tell."""
    if untold:
        return {reason: None for reason, _ in rows}
    hidden = hide_parts(np.array([count for _, count in rows], dtype=np.int64), least)
    return {reason: None if left_out else count for (reason, count), left_out in zip(rows, hidden, strict=True)}
