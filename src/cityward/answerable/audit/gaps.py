"""The largest difference between groups, with limits, and beside it what chance alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.answerable.audit.columns import NOT_STATED
from cityward.answerable.audit.counts import Table
from cityward.answerable.audit.rates import counted
from cityward.answerable.audit.report import Gap

Floats = NDArray[np.float64]

DRAWS: Final = 2_000
DRAWN_MAX: Final = 4_000_000
"""Most cells drawn; of thousands of groups fewer draws, at least `DRAWS_MIN`, so that memory is bounded."""

DRAWS_MIN: Final = 200
PRIOR: Final = 0.5
"""Added to every cell: a cell without people must not be drawn as certainly empty (Source: Jeffreys 1946)."""

GAPS: Final = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "accuracy",
)
ODDS: Final = "equalised_odds"


def gaps(table: Table, names: Sequence[str], *, min_n: int, level: float, generator: np.random.Generator) -> list[Gap]:
    """Return a gap for each rate of ``names`` that two groups or more are large enough for.

    Limits are from the multinomial bootstrap with a Dirichlet distribution on the counts (Source: Rubin 1981), and so
    need no rows. A largest difference is above zero by chance alone: ``by_chance`` is what 95 of 100 largest
    differences stay below when all groups have one rate.
    """
    draws = int(np.clip(DRAWN_MAX // (4 * len(table.groups)), DRAWS_MIN, DRAWS))
    drawn = generator.gamma(table.cells[:, :4] + PRIOR, size=(draws, len(table.groups), 4))
    found: dict[str, tuple[Gap, Floats, Floats]] = {}
    for name in names:
        made = _gap(table, name, drawn, min_n, level, generator)
        if made:
            found[name] = made
    pair = [found[name] for name in ("true_positive_rate", "false_positive_rate") if name in found]
    if len(pair) == 2:
        found[ODDS] = _odds(pair, level)
    return [gap for gap, _, _ in found.values()]


def _gap(
    table: Table, name: str, drawn: Floats, min_n: int, level: float, generator: np.random.Generator
) -> tuple[Gap, Floats, Floats] | None:
    count, out_of = counted(table.cells, name)
    stated = np.array([NOT_STATED not in group for group in table.groups])
    large = np.flatnonzero((out_of >= min_n) & stated)  # what is missing is no group to be fair to
    if len(large) < 2:
        return None
    share = count[large] / out_of[large]
    wide = np.zeros((*drawn.shape[:2], 6))
    wide[..., :4] = drawn
    above, below = counted(wide.reshape(-1, 6), name)
    rates = (above / below).reshape(drawn.shape[:2])[:, large]
    spread = rates.max(axis=1) - rates.min(axis=1)
    ratios = rates.min(axis=1) / rates.max(axis=1)
    pooled = count[large].sum() / out_of[large].sum()
    equal = generator.binomial(out_of[large].astype(int), pooled, (len(drawn), len(large))) / out_of[large]
    chance = equal.max(axis=1) - equal.min(axis=1)
    low, high = (table.groups[large[at]] for at in (share.argmin(), share.argmax()))
    tails = [(1 - level) / 2, (1 + level) / 2]
    least_ratio = float(share.min() / share.max()) if share.max() else None
    difference, by_chance = float(share.max() - share.min()), float(np.quantile(chance, 0.95))
    gap = Gap(
        by=table.by,
        rate=name,
        lowest=" and ".join(low),
        highest=" and ".join(high),
        difference=difference,
        difference_interval=_around(difference, np.quantile(spread, tails), by_chance),
        ratio=least_ratio,
        ratio_interval=_ratios(least_ratio, np.quantile(ratios, tails), certain=difference > by_chance),
        by_chance=by_chance,
    )
    return gap, spread, chance


def _odds(pair: Sequence[tuple[Gap, Floats, Floats]], level: float) -> tuple[Gap, Floats, Floats]:
    """The larger of the gaps in true and false positives (Source: Agarwal and others 2018)."""
    larger = max((gap for gap, _, _ in pair), key=lambda gap: gap.difference)
    (_, spread, chance), (_, other_spread, other_chance) = pair
    spread, chance = np.maximum(spread, other_spread), np.maximum(chance, other_chance)
    by_chance = float(np.quantile(chance, 0.95))
    tails = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2])
    gap = Gap(
        by=larger.by,
        rate=ODDS,
        lowest=larger.lowest,
        highest=larger.highest,
        difference=larger.difference,
        difference_interval=_around(larger.difference, tails, by_chance),
        ratio=None,
        ratio_interval=(None, None),
        by_chance=by_chance,
    )
    return gap, spread, chance


def _around(value: float, tails: Floats, by_chance: float) -> tuple[float, float]:
    """Limits of a largest difference. Drawn ones are too large by their noise, so zero stays in what chance gives."""
    return 0.0 if value <= by_chance else min(value, float(tails[0])), max(value, float(tails[1]))


def _ratios(value: float | None, tails: Floats, *, certain: bool) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    return min(value, float(tails[0])), max(value, float(tails[1])) if certain else 1.0
