"""Rates of a table of counts: what is counted, out of how many."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.answerable.audit.counts import (
    FN,
    FP,
    SELECTED_UNKNOWN,
    TN,
    TP,
    UNSELECTED_UNKNOWN,
    Whole,
)

Floats = NDArray[np.float64]

RATES: Final[dict[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "selection_rate": ((TP, FP, SELECTED_UNKNOWN), (TP, FP, FN, TN, SELECTED_UNKNOWN, UNSELECTED_UNKNOWN)),
    "base_rate": ((TP, FN), (TP, FP, FN, TN)),
    "true_positive_rate": ((TP,), (TP, FN)),
    "false_positive_rate": ((FP,), (FP, TN)),
    "false_negative_rate": ((FN,), (TP, FN)),
    "true_negative_rate": ((TN,), (FP, TN)),
    "positive_predictive_value": ((TP,), (TP, FP)),
    "negative_predictive_value": ((TN,), (FN, TN)),
    "false_discovery_rate": ((FP,), (TP, FP)),
    "false_omission_rate": ((FN,), (FN, TN)),
    "accuracy": ((TP, TN), (TP, FP, FN, TN)),
}
"""Name: the cells that are counted, and the cells out of which. Each is a share of people, so binomial."""

COMPLEMENTS: Final = {
    "true_positive_rate": "false_negative_rate",
    "true_negative_rate": "false_positive_rate",
    "false_discovery_rate": "positive_predictive_value",
    "negative_predictive_value": "false_omission_rate",
}
"""Rates that are one minus another: one comparison, not two."""

OF_THE_SELECTED: Final = ("positive_predictive_value", "false_discovery_rate")
"""What outcomes of the selected alone can tell."""

WITHOUT_OUTCOME: Final = ("selection_rate",)
WITHOUT_PREDICTION: Final = ("base_rate",)


def counted(cells: Whole, name: str) -> tuple[Floats, Floats]:
    """Return what is counted and out of how many, each (groups,), for the rate ``name`` of cells (groups, 6)."""
    above, below = RATES[name]
    return cells[:, above].sum(axis=1).astype(float), cells[:, below].sum(axis=1).astype(float)


def bounds(cells: Whole, name: str) -> tuple[Floats, Floats]:
    """Lowest and highest value (groups,) of a rate, whatever the unknown outcomes are (Source: Manski 1989)."""
    tp, fp, fn, tn, hidden, missed = cells.T.astype(float)
    if name in ("selection_rate",):
        value = _share(*counted(cells, name))
        return value, value
    if name in COMPLEMENTS:
        low, high = bounds(cells, COMPLEMENTS[name])
        return 1 - high, 1 - low
    total = cells.sum(axis=1).astype(float)
    if name == "balanced_accuracy":
        (no_low, no_high), (yes_low, yes_high) = (bounds(cells, f"true_{one}_rate") for one in ("negative", "positive"))
        return (no_low + yes_low) / 2, (no_high + yes_high) / 2
    lowest_highest: dict[str, tuple[tuple[Floats, Floats], tuple[Floats, Floats]]] = {
        "base_rate": ((tp + fn, total), (tp + fn + hidden + missed, total)),
        "false_negative_rate": ((fn, tp + fn + hidden), (fn + missed, tp + fn + missed)),
        "false_positive_rate": ((fp, fp + tn + missed), (fp + hidden, fp + tn + hidden)),
        "positive_predictive_value": ((tp, tp + fp + hidden), (tp + hidden, tp + fp + hidden)),
        "false_omission_rate": ((fn, fn + tn + missed), (fn + missed, fn + tn + missed)),
        "accuracy": ((tp + tn, total), (tp + tn + hidden + missed, total)),
    }
    low_of, high_of = lowest_highest[name]
    return _share(*low_of), _share(*high_of)


def _share(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)
