"""What a draft costs against the rule of then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.answerable.replay.past import Past
from cityward.answerable.replay.shape import CostChange
from cityward.answerable.table import Table
from cityward.answerable.table.columns import closest
from cityward.core.clock import rng
from cityward.core.errors import UserError

DRAWS: Final = 4_000
COUNTS_MAX: Final = 2_000
"""With more different differences than this the interval is that of the central limit theorem."""


@dataclass(frozen=True)
class Pricing:
    """How cost is known: an ``output`` of the rule, or ``prices`` by outcome in ``unit``; else the past's own."""

    output: str | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    unit: str = "1"


def read_pricing(text: str, unit: str) -> Pricing | None:
    """An output, or prices by outcome (``full=300, half=150``); None when the text is empty; raises UserError."""
    if not text.strip():
        return None
    if "=" not in text:
        return Pricing(output=text.strip())
    prices: dict[str, float] = {}
    for one in text.split(","):
        name, _, value = (part.strip() for part in one.partition("="))
        try:
            price = float(value)
        except ValueError:
            price = math.nan
        if not math.isfinite(price) or not name or name in prices:
            raise UserError(f"The price of '{name[:60]}' is no number, or is there twice.", "Write full=300,half=150.")
        prices[name] = price
    return Pricing(prices=prices, unit=unit)


def costs(draft: Table, past: Past, answers: pl.DataFrame, after: pl.Series, pricing: Pricing | None) -> _Costs | None:
    """Cost of each case before and after; None where nothing says what a case costs.

    Raises
    ------
    UserError
        The output does not exist, is no number, has no unit, or has another unit in the rule of then.
    """
    if pricing and pricing.prices:
        return _priced(past, after, pricing)
    if pricing and pricing.output:
        return _by_output(draft, past, answers, pricing.output)
    if "cost" in past.cases.columns and past.cases.get_column("cost").dtype.is_numeric():
        return _by_past(past, after)
    return None


@dataclass(frozen=True)
class _Costs:
    before: pl.Series
    after: pl.Series
    unit: str
    how: str


def _priced(past: Past, after: pl.Series, pricing: Pricing) -> _Costs:
    known = sorted({*past.before.drop_nulls().unique(), *after.drop_nulls().unique()})
    for name in pricing.prices:
        if name not in known:
            raise UserError(f"'{name[:60]}' has a price, but is no outcome here.", closest(name, known))
    names, values = list(pricing.prices), [float(one) for one in pricing.prices.values()]

    def price(outcomes: pl.Series) -> pl.Series:
        found = outcomes.replace_strict(names, values, default=0.0, return_dtype=pl.Float64)
        return found.set(outcomes.is_null(), 0.0)

    told = ", ".join(f"{name} {value:g}" for name, value in pricing.prices.items())
    return _Costs(
        price(past.before), price(after), pricing.unit, f"by the stated price of each outcome: {told}; others 0"
    )


def _by_output(draft: Table, past: Past, answers: pl.DataFrame, name: str) -> _Costs:
    output = draft.sheet.outputs.get(name)
    if output is None or output.type != "number":
        numbers = [one for one, given in draft.sheet.outputs.items() if given.type == "number"]
        raise UserError(
            f"'{name[:60]}' is no number that the draft gives.",
            f"Its numbers: {', '.join(numbers)}." if numbers else "Give prices instead: --cost full=300,half=150.",
        )
    if not output.unit:
        raise UserError(
            f"Output {name} is a number without a unit: nobody can tell what it costs.",
            f'Say it under [outputs.{name}]: unit = "EUR/month".',
        )
    if past.table is not None and past.answers is not None and name in past.table.sheet.outputs:
        unit = past.table.sheet.outputs[name].unit
        if unit != output.unit:
            raise UserError(
                f"{name} is in {output.unit}, but was in {unit or 'no unit'} in {past.table.name}.",
                "Write both in one unit.",
            )
        before = past.answers.get_column(name).cast(pl.Float64)
        how = f"by the output {name} of both"
    elif "cost" in past.cases.columns:
        before, how = (
            past.cases.get_column("cost").cast(pl.Float64),
            f"by what was kept then, and by {name} of the draft",
        )
    else:
        raise UserError(f"What {name} was then is not known.", "Give prices instead: --cost full=300,half=150.")
    after = answers.get_column(name).cast(pl.Float64)
    return _Costs(before, after, output.unit, how)


def _by_past(past: Past, after: pl.Series) -> _Costs:
    """A changed case costs what cases of its new outcome cost on average."""
    before = past.cases.get_column("cost").cast(pl.Float64)
    mean = (
        pl.DataFrame({"outcome": past.before, "cost": before})
        .drop_nulls()
        .group_by("outcome", maintain_order=True)
        .agg(pl.col("cost").mean())
    )
    average = after.replace_strict(
        mean.get_column("outcome"), mean.get_column("cost"), default=None, return_dtype=pl.Float64
    )
    same = (after == past.before).fill_null(after.is_null() & past.before.is_null())
    known = pl.select(pl.when(pl.lit(same)).then(pl.lit(before)).otherwise(pl.lit(average))).to_series()
    return _Costs(
        before, known, "as kept", "as kept of each case; a changed one costs what its new outcome cost on average"
    )


def coarse(cost: CostChange, found: _Costs, least: int) -> tuple[CostChange, str]:
    """Cost rounded to what ``least`` of the dearest cases change, and what is to be said of that.

    Where a count is left out, sums to the last cent and the prices would tell it.
    """
    most = (found.after - found.before).abs().drop_nans().max()
    step = least * float(most if isinstance(most, int | float) else 0) or 1.0
    rounded = {name: round(getattr(cost, name) / step) * step for name in ("before", "change", "low", "high")}
    told = msgspec.structs.replace(cost, **rounded, after=rounded["before"] + rounded["change"])
    return told, f"Cost is rounded to {step:,.0f}, so that it does not tell of fewer than {least} people."


def cost_change(found: _Costs, least: int, seed: int) -> CostChange | None:
    """Sums and their difference with its interval; None where too few cases differ to be told."""
    table = pl.DataFrame({"before": found.before, "after": found.after})
    known = table.filter(pl.all_horizontal(pl.all().is_finite().fill_null(False)))
    counted = known.select((pl.col("after") - pl.col("before")).alias("change")).group_by("change").len("cases")
    counted = counted.sort("change")
    change, cases = (counted.get_column(name).to_numpy() for name in ("change", "cases"))
    if 0 < cases[change != 0].sum() < least:
        return None
    low, high = _interval(change.astype(float), cases.astype(np.int64), seed)
    return CostChange(
        unit=found.unit,
        cases=known.height,
        unknown=table.height - known.height,
        before=float(known.get_column("before").sum()),
        after=float(known.get_column("after").sum()),
        change=float((change * cases).sum()),
        low=low,
        high=high,
        how=found.how,
    )


def _interval(change: np.ndarray, cases: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % limits of a sum over as many cases: from multinomial draws of the counts, or by the central limit theorem.

    Source: Efron and Tibshirani 1993, chapter 13 (percentile interval); a bootstrap of rows draws the same counts.
    """
    total = int(cases.sum())
    if not total or len(change) < 2:
        return float((change * cases).sum()), float((change * cases).sum())
    if len(change) <= COUNTS_MAX:
        draws = rng(seed, "replay-cost").multinomial(total, cases / total, size=DRAWS) @ change
        low, high = np.quantile(draws, (0.025, 0.975))
        return float(low), float(high)
    mean = (change * cases).sum() / total
    spread = np.sqrt((cases * (change - mean) ** 2).sum() / (total - 1))
    half = NormalDist().inv_cdf(0.975) * spread * np.sqrt(total)
    return float(total * mean - half), float(total * mean + half)
