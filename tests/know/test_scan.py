"""The scan against one that tries every window in plain NumPy, for each model and shape."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import UserError
from cityward.know.scan import Design, Study, scan, significance

PLACES, INTERVALS = 7, 9
MODELS = ["space-time-permutation", "poisson", "bernoulli"]
SHAPES = ["prospective", "retrospective", "spatial", "temporal", "temporal-prospective"]


def study(model: str, seed: int, strata: int = 1, mean: float = 1.5) -> Study:
    rng = np.random.default_rng(seed)
    cases = rng.poisson(mean, (strata, INTERVALS, PLACES))
    x, y = rng.uniform(-1, 1, (2, PLACES))
    if model == "poisson":
        weights = rng.uniform(0.2, 2, (INTERVALS, PLACES))
        return Study(x, y, cases, model, weights * cases.sum() / weights.sum(), sphere=False)
    if model == "bernoulli":
        return Study(
            x, y, cases, model, (cases.sum(axis=0) + rng.poisson(2, cases.shape[1:])).astype(float), sphere=False
        )
    return Study(x, y, cases, sphere=False)


def ratio(model: str, cases: float, size: float, total: float, people: float) -> float:
    def part(count: float, share: float) -> float:
        return count * np.log(count / share) if count > 0 else 0.0

    if model != "bernoulli":
        return part(cases, size) + part(total - cases, total - size) if size < total else 0.0
    inside = part(cases, size) + part(size - cases, size)
    rest = people - size
    if rest <= 0:
        return 0.0
    outside = part(total - cases, rest) + part(rest - total + cases, rest)
    return inside + outside - part(total, people) - part(people - total, people)


def every_window(study: Study, design: Design) -> float:
    """Largest statistic over all windows, tried one by one."""
    if design.shape == "spatial":
        study = study.spatial()
    elif design.shape.startswith("temporal"):
        study = study.temporal()
    cases, (_, intervals, places) = study.cases.sum(axis=0), study.cases.shape
    total, people = float(cases.sum()), float(study.base.sum())
    longest = intervals if design.shape == "spatial" else design.max_intervals or max(intervals // 2, 1)
    weights, best = study.weights(), 0.0
    for centre in range(places):
        order = np.argsort(np.hypot(study.x - study.x[centre], study.y - study.y[centre]), kind="stable")
        for taken, (first, last) in product(range(1, places + 1), product(range(intervals), range(1, intervals + 1))):
            inside = order[:taken]
            alive = not design.shape.endswith("prospective") or last == intervals
            short = (
                first < last and last - first <= longest and (design.shape != "spatial" or last - first == intervals)
            )
            if not (alive and short):
                continue
            if not design.shape.startswith("temporal") and weights[inside].sum() > design.max_share * weights.sum():
                continue
            count = float(cases[first:last, inside].sum())
            if study.model == "space-time-permutation":
                size = sum(
                    part[:, inside].sum() * part[first:last].sum() / part.sum() for part in study.cases if part.any()
                )
            else:
                size = float(study.base[first:last, inside].sum())
            expected = size * total / people if study.model == "bernoulli" else size
            high, low = count > expected and count >= design.min_cases, count < expected
            if (design.rates != "low" and high) or (design.rates != "high" and low):
                best = max(best, ratio(study.model, count, size, total, people))
    return best


def allowed(model: str, shape: str) -> bool:
    return model != "space-time-permutation" or shape in ("prospective", "retrospective")


@pytest.mark.parametrize(("model", "shape"), [pair for pair in product(MODELS, SHAPES) if allowed(*pair)])
@pytest.mark.parametrize("rates", ["high", "low", "both"])
def test_the_strongest_window_is_found(model, shape, rates):
    design = Design(shape=shape, rates=rates, replicates=19, max_share=0.6)
    for seed in range(5):
        one = study(model, seed)
        found = scan(one, design, np.random.default_rng(seed))
        best = every_window(one, design)
        clusters = Design(shape=shape, rates=rates, replicates=0, max_share=0.6)
        found = scan(one, clusters, np.random.default_rng(seed))
        assert (found.clusters[0].statistic if found.clusters else 0.0) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize(("model", "rates"), list(product(MODELS, ["high", "low", "both"])))
def test_the_bound_changes_no_replicate(model, rates, monkeypatch):
    design = Design(shape="retrospective", rates=rates, replicates=150)
    for seed in range(4):
        one = study(model, seed, strata=2 if model == MODELS[0] else 1)
        fast = scan(one, design, np.random.default_rng(seed))
        with monkeypatch.context() as patch:
            patch.setattr(significance, "PILOT", design.replicates)
            full = scan(one, design, np.random.default_rng(seed))
        np.testing.assert_array_equal(fast.maxima, full.maxima)


@pytest.mark.parametrize("model", MODELS)
def test_p_values_are_uniform_when_nothing_happens(model):
    """Deviates from the uniform distribution by less than Kolmogorov and Smirnov's bound at one in a thousand."""
    design = Design(shape="retrospective", replicates=99, most=1)
    p_values = []
    for seed in range(300):
        one = study("space-time-permutation", seed, mean=4)
        rng = np.random.default_rng([seed, 7])
        if model == "poisson":
            base = np.full((INTERVALS, PLACES), one.total / (INTERVALS * PLACES))
            one = Study(
                one.x,
                one.y,
                rng.multinomial(one.total, base.ravel() / one.total).reshape(1, *base.shape),
                model,
                base,
                sphere=False,
            )
        elif model == "bernoulli":
            cases = rng.binomial(40, 0.4, (1, INTERVALS, PLACES))
            one = Study(one.x, one.y, cases, model, np.full((INTERVALS, PLACES), 40.0), sphere=False)
        found = scan(one, design, rng)
        p_values.append(found.clusters[0].p_value if found.clusters else 1.0)
    ranks = np.arange(1, len(p_values) + 1) / len(p_values)
    assert np.abs(np.sort(p_values) - ranks).max() < 1.95 / np.sqrt(len(p_values))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(MODELS), st.sampled_from(["prospective", "retrospective"]))
def test_clusters_share_no_place_and_come_in_order(seed, model, shape):
    found = scan(study(model, seed), Design(shape=shape, replicates=19), np.random.default_rng(seed)).clusters
    members = [place for cluster in found for place in cluster.members]
    assert len(members) == len(set(members))
    statistics = [cluster.statistic for cluster in found]
    assert statistics == sorted(statistics, reverse=True)
    assert all(0 < cluster.p_value <= 1 for cluster in found)


def test_a_sequential_scan_stops_early_and_agrees():
    one = study("space-time-permutation", 3)
    full = scan(one, Design(replicates=9999), np.random.default_rng(1)).clusters[0].p_value
    found = scan(one, Design(replicates=9999, stop_after=100), np.random.default_rng(1))
    assert found.maxima.size < 9999
    assert found.clusters[0].p_value == pytest.approx(full, abs=4 * full * np.sqrt((1 - full) / 100) + 1e-9)


def test_the_tail_goes_beyond_the_replicates():
    """A planted outbreak that no replicate reaches: the fitted tail still tells how rare it is."""
    one = study("space-time-permutation", 1, mean=4)
    one.cases[0, -2:, 3] += 40
    found = scan(one, Design(replicates=999), np.random.default_rng(1)).clusters[0]
    assert found.p_value == pytest.approx(0.001)
    assert found.p_gumbel < 1e-6
    assert 3 in found.members


def test_a_weekday_pattern_is_no_cluster_when_adjusted_for():
    rng = np.random.default_rng(5)
    days = 84
    weekday = np.arange(days) % 7
    rates = np.where(weekday[:, None] == 6, np.array([0.2] * 9 + [15.0]), 2.0)  # a Sunday market in one place
    cases = rng.poisson(rates)
    strata = np.stack([cases * (weekday == day)[:, None] for day in range(7)])
    x = np.arange(10.0)
    design = Design(max_intervals=7, replicates=199)
    plain = scan(Study(x, x, cases[None], sphere=False), design, np.random.default_rng(1)).clusters
    adjusted = scan(Study(x, x, strata, sphere=False), design, np.random.default_rng(1)).clusters
    assert plain[0].p_value == pytest.approx(0.005)
    assert not adjusted or adjusted[0].p_value > 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_share": 0}, "max_share"),
        ({"max_km": -1.0}, "max_km"),
        ({"max_intervals": 0}, "max_intervals"),
        ({"min_cases": 0}, "min_cases"),
        ({"replicates": -1}, "replicates"),
    ],
)
def test_a_design_out_of_range_is_told(change, said):
    with pytest.raises(UserError, match=said):
        Design(**change)


def test_what_cannot_be_scanned_is_told():
    x = np.zeros(2)
    with pytest.raises(UserError, match="negative"):
        Study(x, x, np.array([[[1, -1]]]))
    with pytest.raises(UserError, match="population"):
        Study(x, x, np.ones((1, 3, 2), int), "poisson", np.zeros((2, 2)))
    with pytest.raises(UserError, match="without population"):
        Study(x, x, np.ones((1, 3, 2), int), "poisson", np.array([[1.0, 0]] * 3))
    with pytest.raises(UserError, match="more cases than"):
        Study(x, x, np.full((1, 3, 2), 5), "bernoulli", np.ones((3, 2)))
    with pytest.raises(UserError, match="permutation"):
        scan(Study(x, x, np.ones((1, 3, 2), int)), Design(shape="spatial"), np.random.default_rng(1))


def test_a_million_places_are_too_many_and_are_told_at_once():
    x = np.zeros(1_000_000)
    with pytest.raises(UserError, match="50,000"):
        scan(Study(x, x, np.ones((1, 2, x.size), int)), Design(), np.random.default_rng(1))


@pytest.mark.parametrize("model", MODELS)
def test_small_studies_have_no_surprise(model):
    """No case, three cases, one place, all on one day."""
    for cases in (np.zeros((1, 5, 3), int), np.eye(5, 3, dtype=int)[None], np.array([[[0], [3], [1]]])):
        x = np.arange(cases.shape[2], dtype=float)
        base = np.zeros((0, 0)) if model == MODELS[0] else np.full(cases.shape[1:], max(cases.sum(), 1) / cases[0].size)
        base = np.ceil(base) + 3 if model == "bernoulli" else base
        found = scan(Study(x, x, cases, model, base), Design(replicates=9, max_share=1.0), np.random.default_rng(1))
        assert all(np.isfinite(cluster.statistic) for cluster in found.clusters)
    one_day = np.zeros((1, 5, 3), int)
    one_day[0, 2] = 7
    assert scan(Study(np.arange(3.0), np.arange(3.0), one_day), Design(), np.random.default_rng(1)).clusters == []
