"""Replays: the same rule changes nobody, counts add up, and what is left out does not follow from what is told."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.answerable.replay.attack import given_away
from tests.answerable.replay.drawn import AWARD, decided, people, stricter
from tests.properties.test_rule_properties import drawn

from cityward.answerable.replay import past_of_cases, past_of_decisions, replay
from cityward.answerable.replay.hiding import hide_flows, hide_parts
from cityward.core.clock import rng
from cityward.core.small_counts import hide_rows

COUNTS = st.lists(st.integers(0, 12), min_size=1, max_size=8).map(lambda found: np.array(found, dtype=np.int64))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_same_rule_changes_nobody(data: st.DataObject) -> None:
    table, _, frame = drawn(data, 30)
    if not frame.height:
        return
    found = replay(table, past_of_cases(frame, table, {}), least=1)
    assert found.whole.changed.cases == 0
    assert {one.direction for one in found.flows} == {"same"}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(0, 99), st.integers(601, 1_800), st.integers(1, 5))
def test_counts_are_conserved(count: int, seed: int, limit: int, least: int) -> None:
    cases = people(count, seed)
    decisions = decided(cases)
    past = past_of_decisions(decisions, AWARD)
    draft = stricter(limit)
    found = replay(draft, past, territory=decisions["territory"], groups={"enrolled": cases["enrolled"]}, least=1)
    whole = found.whole
    assert found.cases == count == sum(one.cases or 0 for one in found.flows)
    kinds = ("worse", "better", "other", "undecided", "decided")
    assert whole.changed.cases == sum(getattr(whole, kind).cases for kind in kinds)
    for parts in (found.territories, found.groups):
        assert sum(one.cases or 0 for one in parts) == count
        for kind in (*kinds, "changed"):
            assert sum(getattr(one, kind).cases for one in parts) == getattr(whole, kind).cases
    for one in (whole, *found.territories):
        share = one.worse
        assert share.low is not None and share.high is not None  # noqa: PT018
        assert 0 <= share.low <= (share.share or 0) <= share.high <= 1
    hidden = replay(draft, past, territory=decisions["territory"], least=least)
    told = [one.cases for one in hidden.flows] + [one.worse.cases for one in hidden.territories]
    assert not [one for one in told if one is not None and 0 < one < least]


@given(COUNTS, st.integers(2, 6))
def test_what_is_left_out_of_parts_is_not_the_rest(counts: np.ndarray, least: int) -> None:
    hidden = hide_parts(counts, least)
    assert not ((counts > 0) & (counts < least) & ~hidden).any()
    rest = counts[hidden].sum()
    assert not hidden.any() or (rest >= least and hidden.sum() > 1) or rest == counts.sum()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=6), st.integers(2, 6))
def test_what_is_left_out_of_groups_is_not_the_rest(rows: list[list[int]], least: int) -> None:
    counts = np.array(rows, dtype=np.int64)
    hidden = hide_rows(counts, least)
    assert not (((counts > 0) & (counts < least)).any(axis=1) & ~hidden).any()
    for way in range(3):
        rest = counts[hidden, way].sum()
        assert rest == 0 or rest >= least or rest == counts[:, way].sum()
        one_alone = (counts[hidden, way] > 0).sum() == 1 and hidden.sum() == 1
        assert not one_alone or rest == counts[:, way].sum()


@given(COUNTS, st.data(), st.integers(2, 6))
def test_flows_do_not_add_up_to_what_is_left_out(counts: np.ndarray, data: st.DataObject, least: int) -> None:
    kind = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(counts), max_size=len(counts))), dtype=np.int64)
    hidden, whole = hide_flows(counts, kind, 3, least)
    sums = np.bincount(kind, weights=counts, minlength=3)
    assert not ((sums > 0) & (sums < least) & ~whole).any()
    for one in range(3):
        mine = kind == one
        rest = counts[hidden & mine].sum()
        if not whole[one]:
            assert rest == 0 or (rest >= least and (hidden & mine).sum() > 1)
    assert not hidden.any() or counts[hidden].sum() >= min(least, counts.sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 250), st.integers(0, 999), st.integers(701, 1_199), st.integers(3, 8), st.integers(9, 40))
def test_nobody_computes_a_small_count_from_all_that_is_told(
    count: int, seed: int, limit: int, places: int, every: int
) -> None:
    random = rng(seed, "attack")
    cases = people(count, seed).with_columns(
        pl.Series("territory", [f"T{at}" for at in random.choice(places, count, p=random.dirichlet(np.ones(places)))]),
        pl.when(pl.int_range(pl.len()) % every > 0).then("grade"),
    )
    half = {f"T{at}": "one half" if at < places / 2 else "other half" for at in range(places)}
    past, draft = past_of_cases(cases, AWARD, {}), stricter(limit)
    told = replay(draft, past, territory=cases["territory"], groups={"half": cases["territory"].replace_strict(half)})
    known = cases.select("territory", before=past.before, after=draft.decide(cases)["outcome"])
    assert not given_away(told, known, half, told.least)


def test_a_day_or_an_input_that_nobody_gave_is_no_reason_to_stop() -> None:
    cases = people(20).with_columns(pl.lit(None, dtype=pl.Float64).alias("grade"))
    found = replay(stricter(), past_of_cases(cases, AWARD, {}), least=1)
    assert found.missing == {"grade": 20}
    assert found.whole.changed.cases == 0
