"""The choice of a model: an average unless one is clearly better, the floor unless it is beaten."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.anticipate.choice import FEWEST_BLOCKS, choose

ONE_GROUP = np.zeros(20, dtype=np.intp)


def losses(*levels: float, blocks: int = 12, seed: int = 0, noise: float = 0.3) -> np.ndarray:
    """Models of these mean losses on twenty series, weeks that are hard for all, and some noise of each."""
    random = np.random.default_rng(seed)
    weeks = random.uniform(0.5, 2.0, (1, 1, blocks))
    own = random.normal(0, noise, (len(levels), 20, blocks))
    return np.asarray(levels)[:, None, None] * weeks + own


def test_luck_does_not_move_the_choice_from_the_average() -> None:
    kept = [(choose(losses(2.0, 1.0, 1.0, 1.0, 1.0, seed=seed), ONE_GROUP, [2]) == 2).mean() for seed in range(200)]
    assert np.mean(kept) > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_is_clearly_better_is_chosen(seed: int) -> None:
    assert (choose(losses(2.0, 1.0, 0.5, seed=seed), ONE_GROUP, [1]) == 2).all()


def test_averages_are_asked_in_order() -> None:
    assert (choose(losses(2.0, 1.5, 0.9, 0.9, noise=0.01), ONE_GROUP, [1, 2]) == 2).all()


def test_a_group_that_clearly_differs_goes_its_own_way() -> None:
    found = losses(2.0, 1.0, 1.0, noise=0.01)
    found[2, 10:] *= 0.5
    found[2, :10] *= 1.5
    groups = np.repeat([0, 1], 10)
    assert choose(found, groups, [1]).tolist() == [1] * 10 + [2] * 10


def test_the_floor_speaks_where_nothing_beats_it() -> None:
    assert (choose(losses(1.0, 1.0, 1.2, noise=0.0), ONE_GROUP, [1]) == 0).all()


def test_too_few_windows_clear_nothing() -> None:
    assert (choose(losses(2.0, 1.0, 0.5, blocks=FEWEST_BLOCKS - 1), ONE_GROUP, [1]) == 1).all()
