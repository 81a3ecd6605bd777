"""Times of repair that were measured in drills, in the place of estimates: a few drills move them a little.

A drill says how long it took once. What it will take in earnest is drawn from what the estimate and the drills say
together, and that is wide while there are few drills, or while the two contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.core.beta import incomplete_beta
from cityward.secure.risk.quantities import Drawn, Estimate, Quantity, drawn, low_and_usual, quantiles
from cityward.secure.risk.records import Asset, Inventory

Floats = NDArray[np.float64]

WORTH: Final = 2.0
"""As many drills the middle of an estimate is worth."""

SPREAD_WORTH: Final = 4.0
"""As many drills the spread of an estimate is worth."""

POINTS: Final = 400
"""Equally likely times that stand for the distribution."""

_FAR: Final = 0.005
_LEAST_HOURS: Final = 1e-4
_STEPS: Final = 60


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One drill: its ``kind``, the ``hours`` until all worked again (None: it did not come back), its targets met."""

    kind: str
    at: datetime
    hours: float | None
    met: bool


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What drills changed of one asset: hours that are exceeded every other time and one time in ten, before and after.

    ``drills`` were counted, ``missed`` of them missed a target. ``contradict`` says that what was measured lies outside
    of what the estimate holds for possible in 99 of 100 cases.
    """

    asset: str
    name: str
    drills: int
    missed: int
    before_hours: tuple[float, float]
    after_hours: tuple[float, float]
    contradict: bool


def with_drills(inventory: Inventory, trials: Sequence[Trial]) -> tuple[Inventory, tuple[Measured, ...]]:
    """Return the inventory with measured times of repair, and what they changed; a sound inventory (`require_sound`).

    An asset that names no drill, or one that was never run, is left as it is.
    """
    by_kind: dict[str, list[Trial]] = {}
    for one in trials:
        by_kind.setdefault(one.kind, []).append(one)
    assets, told = [], []
    for asset in inventory.assets:
        changed, measured = _of_asset(asset, by_kind)
        assets.append(changed)
        told += [measured] if measured else []
    return Inventory(tuple(assets), inventory.territories), tuple(told)


def _of_asset(asset: Asset, by_kind: Mapping[str, Sequence[Trial]]) -> tuple[Asset, Measured | None]:
    trials = [one for kind in dict.fromkeys(asset.drilled_by) for one in by_kind.get(kind, ())]
    made = drawn(asset.repair_hours, asset.id)
    if not trials or made.mean <= 0:
        return asset, None
    after = predicted(asset.repair_hours, trials)
    low, high = quantiles(made, np.array([_FAR, 1 - _FAR])).tolist()
    seen = [one.hours for one in trials if one.hours is not None]
    measured = Measured(
        asset=asset.id,
        name=asset.name or asset.id,
        drills=len(trials),
        missed=sum(not one.met for one in trials),
        before_hours=_told(asset.repair_hours),
        after_hours=_told(after),
        contradict=any(not low <= one <= high for one in seen),
    )
    return msgspec.structs.replace(asset, repair_hours=after), measured


def _told(quantity: Quantity) -> tuple[float, float]:
    _, usual = low_and_usual(quantity)
    return usual, float(quantiles(drawn(quantity, "the estimate"), np.array([0.9]))[0])


def predicted(estimate: Quantity, trials: Sequence[Trial]) -> Quantity:
    """What a repair will take, given an estimate and what was measured.

    Parameters
    ----------
    estimate : Quantity
        Hours, above 0 on average.
    trials : sequence of Trial

    Returns
    -------
    Quantity
        `POINTS` equally likely hours; the estimate itself without trials.

    Notes
    -----
    **Source**: the logarithm of the hours is normal with unknown mean and variance; the estimate is the
    normal-inverse-gamma prior with κ₀ = `WORTH` and ν₀ = 2α₀ = `SPREAD_WORTH`, whose mean and variance are those of the
    logarithm of the estimate. After n trials x with mean x̄: κ = κ₀ + n, μ = (κ₀μ₀ + n x̄)/κ, α = α₀ + n/2,
    β = β₀ + ½Σ(x − x̄)² + κ₀n(x̄ − μ₀)²/2κ, and the next one follows a Student t with 2α degrees of freedom around μ
    with variance scale β(κ + 1)/ακ (Murphy, Conjugate Bayesian analysis of the Gaussian distribution, 2007, equations
    85 to 89 and 110; Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.3).

    Three rules beside it. A drill that missed a target tells where the middle is and is no reason to be surer: α does
    not grow with it, so the distribution is wider than if it had met all. One that did not come back counts with the
    longest time that the estimate (99.5 %) or a drill has. The exponential of a Student t has no mean; nothing is drawn
    outside of what the estimate (0.5 to 99.5 %) or a drill has seen.
    """
    if not trials:
        return estimate
    made = drawn(estimate, "the estimate")
    mean, variance, low, high = _prior(made)
    seen = [math.log(max(one.hours, _LEAST_HOURS)) for one in trials if one.hours is not None]
    low, high = min([low, *seen]), max([high, *seen])
    x = np.array([*seen, *([high] * (len(trials) - len(seen)))])
    count, surer = x.size, sum(one.met and one.hours is not None for one in trials)
    kappa = WORTH + count
    middle = (WORTH * mean + x.sum()) / kappa
    alpha = SPREAD_WORTH / 2 + surer / 2
    beta = SPREAD_WORTH / 2 * variance + ((x - x.mean()) ** 2).sum() / 2
    beta += WORTH * count * (x.mean() - mean) ** 2 / (2 * kappa)
    scale = math.sqrt(beta * (kappa + 1) / (alpha * kappa))
    logs = np.clip(middle + scale * _standard(2 * alpha), low, high)
    return Estimate(values=tuple(np.exp(logs).tolist()))


@lru_cache(maxsize=256)
def _standard(freedom: float) -> Floats:
    return student_quantiles(freedom, (np.arange(POINTS) + 0.5) / POINTS)


def _prior(made: Drawn) -> tuple[float, float, float, float]:
    """Mean and variance of the logarithm of an estimate, and its ends."""
    at = (np.arange(2 * POINTS) + 0.5) / (2 * POINTS)
    logs = np.log(np.maximum(quantiles(made, at), _LEAST_HOURS))
    ends = np.log(np.maximum(quantiles(made, np.array([_FAR, 1 - _FAR])), _LEAST_HOURS))
    # A number without doubt is still a guess: half as much or twice as much lies within two deviations.
    variance = max(float(logs.var()), (math.log(2) / 2) ** 2)
    low, high = float(ends[0]), float(ends[1])
    mean = float(logs.mean())
    return mean, variance, min(low, mean - math.log(2)), max(high, mean + math.log(2))


def student_quantiles(freedom: float, at: Floats) -> Floats:
    """Quantiles of Student's t distribution; ``at`` lies between 0 and 1, shape as ``at``.

    Notes
    -----
    **Source**: P(|T| > t) = I_x(ν/2, ½) with x = ν/(ν + t²) (Abramowitz and Stegun 26.7.1 and 26.5.27), inverted by
    halving an interval.
    """
    tail = 2 * np.minimum(at, 1 - at)
    low, high = np.zeros(at.shape), np.ones(at.shape)
    half, first = np.full(at.shape, 0.5), np.full(at.shape, freedom / 2)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = incomplete_beta(first, half, np.clip(middle, 1e-300, 1 - 1e-16)) < tail
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    x = (low + high) / 2
    return np.sign(at - 0.5) * np.sqrt(freedom * (1 - x) / np.maximum(x, 1e-300))
