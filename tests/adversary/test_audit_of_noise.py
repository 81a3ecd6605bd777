"""An audit from outside: tell two neighbouring data sets apart by their releases, and bound epsilon from below.

The attacker has thousands of releases made of a data set with a person and of the one without, and guesses which it
was by a threshold on what came out. Sixty of them are made side by side, as services of one release: each cell gets
its own noise, of the size that one service alone would get. By definition no test can be right with
``P(said yes | with) > exp(epsilon) P(said yes | without)``; the confidence bounds of both shares therefore bound
epsilon from below. A claim that is too small is caught when the bound lies above it.

Source: Jagielski, Ullman and Oprea, Auditing differentially private machine learning (2020); Clopper and Pearson, The
use of confidence or fiducial limits illustrated in the case of the binomial (1934).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from msgspec import structs

from cityward.core.releases import ReleaseRequest
from cityward.guard.cells import Cells, Places
from cityward.guard.measured import Exact, count, measure, prepare
from cityward.private import measuring, noise
from cityward.private.bounding import Bounds
from cityward.private.measuring import Cost

RUNS = 6_000
RUNS_OF_OTHERS = 3_000
"""Of claims beside the plain count: their noise is made by the same code, on the figures that lie beneath."""
FIRST = date(2014, 1, 1)
PLACES = Places(level="area", names={"1": "One", "2": "Two"}, parents={}, top="City")
SIDE_BY_SIDE = tuple(f"release {at:02}" for at in range(60))
Figures = np.ndarray
"""Noisy figures of runs: (runs, figures)."""
Attack = Callable[[Figures], np.ndarray]


def request(kind: str, **more: object) -> ReleaseRequest:
    asked = {"group": "g", "services": (), "territories": ("1", "2"), "every": "whole", "rows": 2, "cells": 2}
    return ReleaseRequest(kind=kind, first=FIRST, last=FIRST + timedelta(days=1), **(asked | more))  # type: ignore[arg-type]


def rows_with(person: bool) -> pl.DataFrame:
    """Three persons with a row each; the one who is attacked has far more than the bound lets count."""
    who = ["a", "b", "c", *["x"] * (10 * person)]
    area = ["1", "2", "1", *["1", "2"] * (5 * person)]
    value = [1.0, 2.0, 3.0, *[30.0] * (10 * person)]
    return pl.DataFrame({"person": who, "territory": area, "value": value}).with_columns(day=pl.lit(FIRST))


def noisy(asked: ReleaseRequest, exact: Exact, runs: int) -> Figures:
    """What ``runs`` releases of the same exact figures publish; noise is drawn for every one."""
    cells = Cells(structs.replace(asked, services=SIDE_BY_SIDE), PLACES)
    many = Exact(*(None if one is None else np.tile(one, len(SIDE_BY_SIDE)) for one in (exact.counts, exact.sums)))
    frames = [measure(cells, many).frame for _ in range(runs // len(SIDE_BY_SIDE))]
    told = [frame.group_by("service", maintain_order=True).agg("noisy")["noisy"].to_list() for frame in frames]
    return np.concatenate(told)


def shares(asked: ReleaseRequest, attack: Attack, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the attack, with the person and without; rows are counted once."""
    cells = Cells(asked, PLACES)
    with_, without = (attack(noisy(asked, count(cells, rows_with(person)), runs)) for person in (True, False))
    return with_, without


def clopper_pearson(found: int, runs: int, level: float) -> tuple[float, float]:
    """Bounds of a share that ``found`` of ``runs`` leave with confidence ``level``, by halving the binomial's tail."""

    def tail(share: float, least: int) -> float:  # P(X >= least)
        if share <= 0 or share >= 1:
            return float(share >= 1 or least <= 0)
        k = np.arange(least, runs + 1)
        logs = LOGS[runs] - LOGS[k] - LOGS[runs - k] + k * math.log(share) + (runs - k) * math.log1p(-share)
        return float(np.exp(logs).sum())

    def solve(least: int, wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle, least) < wanted else (low, middle)
        return low

    miss = (1 - level) / 2
    return (0.0 if found == 0 else solve(found, miss)), (1.0 if found == runs else solve(found + 1, 1 - miss))


LOGS = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, RUNS + 1)))])


def epsilon_at_least(with_: np.ndarray, without: np.ndarray) -> float:
    """Largest epsilon that half of the runs suggest, tested on the other half: a bound with 99.9 % confidence."""
    half = len(with_) // 2

    def said(scores: np.ndarray, threshold: float) -> int:
        return int((scores >= threshold).sum())

    best = max(
        np.unique(np.concatenate([with_[:half], without[:half]])),
        key=lambda at: math.log((said(with_[:half], at) + 1) / (said(without[:half], at) + 20)),
    )
    low, _ = clopper_pearson(said(with_[half:], best), half, 0.999)
    _, high = clopper_pearson(said(without[half:], best), half, 0.999)
    return math.log(low / high) if low > 0 else 0.0


def sums(told: Figures) -> np.ndarray:
    return told.sum(axis=1)


def likely(told: Figures) -> np.ndarray:
    """The best there is for counts: how much likelier the figures are with the person (4 and 3) than without (2, 1)."""
    return (np.abs(told[:, :2] - (2, 1)) - np.abs(told[:, :2] - (4, 3))).sum(axis=1)


CLAIMS: dict[str, tuple[ReleaseRequest, Attack]] = {
    "count": (request("count", epsilon=1.0), likely),
    "count that adds up": (request("count", epsilon=1.0, levels=True), sums),
    "persons": (request("persons", epsilon=1.0, rows=1), sums),
    "sum": (request("sum", epsilon=1.0, low=0.0, high=30.0, step=1.0), sums),
    "mean": (request("mean", epsilon=1.0, low=0.0, high=30.0, step=1.0), sums),
    "histogram": (request("histogram", epsilon=1.0, edges=(0.0, 10.0, 50.0)), sums),
    "quantile": (request("quantile", epsilon=1.0, edges=(0.0, 10.0, 20.0, 50.0), quantile=0.5), sums),
}


def test_releases_side_by_side_are_as_noisy_as_one_alone_and_share_no_noise() -> None:
    """What makes thousands of runs out of a hundred calls: neither the size of the noise nor its draws are shared."""
    exact = count(Cells(CLAIMS["count"][0], PLACES), rows_with(True))
    asked = CLAIMS["count"][0]
    alone, together = (
        prepare(Cells(one, PLACES), Bounds(one.rows, one.cells), Cost(one.epsilon, one.rho)).noise.scale
        for one in (asked, structs.replace(asked, services=SIDE_BY_SIDE))
    )
    assert alone == together
    told = noisy(asked, exact, RUNS) - exact.counts
    beside = np.corrcoef(told[:-1, 0], told[1:, 0])[0, 1], np.corrcoef(told[:, 0], told[:, 1])[0, 1]
    assert max(map(abs, beside)) < 5 / math.sqrt(RUNS)  # five standard errors of no correlation


@pytest.mark.parametrize("name", list(CLAIMS))
def test_the_claim_holds(name: str) -> None:
    asked, attack = CLAIMS[name]
    bound = epsilon_at_least(*shares(asked, attack, RUNS if name == "count" else RUNS_OF_OTHERS))
    print(f"{name}: claimed epsilon {asked.epsilon}, the attack proves at least {bound:.3f}")
    assert bound <= (asked.epsilon or 0)


def test_the_attack_is_a_strong_one() -> None:
    """It finds most of what there is to be found, else the test above would say little."""
    bound = epsilon_at_least(*shares(*CLAIMS["count"]))
    print(f"claimed epsilon 1, the attack proves at least {bound:.3f}")
    assert bound > 0.5


def test_noise_of_half_the_scale_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted mistake: the noise is drawn for twice the epsilon that is claimed."""
    honest = noise.laplace
    monkeypatch.setattr(measuring, "laplace", lambda sensitivity, epsilon: honest(sensitivity, 2 * epsilon))
    bound = epsilon_at_least(*shares(*CLAIMS["count"]))
    print(f"claimed epsilon 1, drawn for 2, the attack proves at least {bound:.3f}")
    assert bound > 1.0


def test_a_bound_that_is_forgotten_is_caught() -> None:
    """A planted mistake: ten rows of the person count, where the noise hides four."""
    asked = request("count", epsilon=1.0)
    loose = Cells(request("count", epsilon=1.0, rows=10), PLACES)
    scores = [likely(noisy(asked, count(loose, rows_with(person)), RUNS)) for person in (True, False)]
    bound = epsilon_at_least(*scores)
    print(f"claimed epsilon 1, ten rows counted, the attack proves at least {bound:.3f}")
    assert bound > 1.0


def test_gaussian_noise_keeps_its_promise_at_its_delta() -> None:
    """rho 0.05 is epsilon 1.44 at delta 1e-4; the share that delta allows is left to the attacker."""
    asked = request("count", rho=0.05)
    claimed = 0.05 + 2 * math.sqrt(0.05 * math.log(1e4))
    bound = epsilon_at_least(*shares(asked, sums))
    print(f"claimed epsilon {claimed:.2f} at delta 1e-4, the attack proves at least {bound:.3f}")
    assert bound <= claimed


def test_the_bounds_of_a_share_are_those_of_the_tables() -> None:
    """Known values: 0 of 10 and 5 of 10 at 95 %."""
    assert clopper_pearson(0, 10, 0.95) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert clopper_pearson(5, 10, 0.95) == pytest.approx((0.1871, 0.8129), abs=1e-4)
