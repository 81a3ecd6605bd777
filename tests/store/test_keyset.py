"""The key set answers like a set."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cityward.store.keyset import KeySet

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 20), max_size=40)


@given(batches=st.lists(KEYS, max_size=12), wanted=KEYS)
def test_it_answers_like_a_set(batches, wanted):
    keys, model = KeySet(), set()
    for batch in batches:
        keys.add(np.array(batch, dtype=np.uint64))
        model.update(batch)
    held = keys.holds(np.array(wanted, dtype=np.uint64))
    assert held.tolist() == [key in model for key in wanted]


def test_runs_stay_few():
    keys = KeySet()
    for key in range(3_000):
        keys.add(np.array([key], dtype=np.uint64))
    assert len(keys._runs) <= 13
