"""Two ways to learn a risk from columns of numbers: trees (the extra ``learn``), and a scorecard without it.

Both give a logit, and split it into what each column adds.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.learned import available

Floats = NDArray[np.float64]

ROUNDS: Final = 70
TREES: Final[dict[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 8,
    "max_depth": 4,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "bin_construct_sample_cnt": 10_000,
    "verbose": -1,
    "deterministic": True,
    "force_col_wise": True,
}
"""Small trees, much shrinkage: outcomes of visits are noisy. Shallow ones also explain themselves fast.

Chosen on rounds before Chicago's test period.
"""

RIDGE: Final = 20.0
STEPS: Final = 12
SETTLED: Final = 1e-4


class Learner(Protocol):
    """What was learned."""

    name: str

    def logit(self, columns: Floats) -> Floats:
        """Log odds of the outcome, shape (rows,)."""

    def parts(self, columns: Floats) -> Floats:
        """What each column adds to the log odds, shape (rows, columns)."""


class Trees:
    """Gradient-boosted trees.

    Source: Ke et al. (2017), LightGBM, NeurIPS 30; contributions: Lundberg et al. (2020), From local explanations
    to global understanding with explainable AI for trees, Nature Machine Intelligence 2.
    """

    name = "LightGBM"

    def __init__(self, columns: Floats, outcome: Floats, *, seed: int) -> None:
        import lightgbm

        leaf = int(np.clip(len(outcome) // 100, 5, TREES["min_data_in_leaf"]))
        settings = {**TREES, "seed": seed, "num_threads": 1, "min_data_in_leaf": leaf}
        self._trees = lightgbm.train(settings, lightgbm.Dataset(columns, outcome), ROUNDS)

    def logit(self, columns: Floats) -> Floats:
        """Log odds of the outcome."""
        return np.asarray(self._trees.predict(columns, raw_score=True), dtype=float)

    def parts(self, columns: Floats) -> Floats:
        """What each column adds to the log odds."""
        found: Floats = np.asarray(self._trees.predict(columns, pred_contrib=True), dtype=float)[:, :-1]
        return found


class Scorecard:
    """Logistic regression with a ridge on standardised columns; what is missing counts as usual.

    Source: le Cessie and van Houwelingen (1992), Ridge estimators in logistic regression, Applied Statistics 41(1).
    """

    name = "scorecard"

    def __init__(self, columns: Floats, outcome: Floats, *, seed: int) -> None:
        del seed  # nothing is drawn
        known = np.isfinite(columns)
        count = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, columns, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (columns - self._mean) ** 2, 0).sum(axis=0) / count)
        self._scale = np.where(spread > 0, spread, 1.0)
        design = np.column_stack([np.ones(len(outcome)), self._standard(columns)])
        self._weights = newton(design, outcome, RIDGE)

    def _standard(self, columns: Floats) -> Floats:
        standard = (columns - self._mean) / self._scale
        return np.clip(np.where(np.isfinite(standard), standard, 0.0), -5, 5)

    def logit(self, columns: Floats) -> Floats:
        """Log odds of the outcome."""
        found: Floats = self._weights[0] + self._standard(columns) @ self._weights[1:]
        return found

    def parts(self, columns: Floats) -> Floats:
        """What each column adds to the log odds."""
        found: Floats = self._standard(columns) * self._weights[1:]
        return found


def newton(design: Floats, outcome: Floats, ridge: float) -> Floats:
    """Fit a logistic regression by Newton's steps; the first column, a constant, is not shrunk."""
    weights = np.zeros(design.shape[1])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-6
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (outcome - chance) - penalty * weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.clip(np.linalg.solve(curve, slope), -4, 4)
        weights = weights + step
        if np.abs(step).max() < SETTLED:
            break
    return weights


class Blend:
    """Trees and scorecard added: they err apart, and together did better on rounds before Chicago's test period."""

    name = "LightGBM with scorecard"

    def __init__(self, columns: Floats, outcome: Floats, *, seed: int) -> None:
        self._both = (Trees(columns, outcome, seed=seed), Scorecard(columns, outcome, seed=seed))

    def logit(self, columns: Floats) -> Floats:
        """Mean log odds of both."""
        return (self._both[0].logit(columns) + self._both[1].logit(columns)) / 2

    def parts(self, columns: Floats) -> Floats:
        """What each column adds to the log odds."""
        return (self._both[0].parts(columns) + self._both[1].parts(columns)) / 2


def learner(columns: Floats, outcome: Floats, *, seed: int, trees: bool | None = None) -> Learner:
    """Learn with trees and the scorecard where LightGBM is installed, else with the scorecard alone."""
    use = available() if trees is None else trees
    return (Blend if use else Scorecard)(np.ascontiguousarray(columns, dtype=np.float64), outcome, seed=seed)
