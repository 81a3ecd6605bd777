"""One person more changes a release by the bound at most, whatever everybody's rows are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import UserError
from cityward.private.bounding import BOUND_MAX, Bounds, bounded_counts, bounded_rows, person_codes

CELLS = 6
ROWS = st.lists(st.tuples(st.sampled_from([None, *"abcdefg"]), st.integers(-1, CELLS - 1)), max_size=60)


def counted(rows: list[tuple[str | None, int]], bounds: Bounds) -> np.ndarray:
    person = pl.Series([who for who, _ in rows], dtype=pl.String)
    codes, hashes, _ = person_codes(person)
    cell = np.array([at for _, at in rows], dtype=np.int64)
    found = bounded_counts(codes, hashes, cell, CELLS, bounds)
    kept = bounded_rows(codes, hashes, cell, CELLS, bounds)
    assert np.array_equal(found, np.bincount(cell[kept], minlength=CELLS))
    return found


@settings(deadline=None, max_examples=200)
@given(rows=ROWS, who=st.sampled_from("abcdefg"), most=st.integers(1, 3), cells=st.integers(1, 3))
def test_one_person_changes_no_more_than_the_bound(
    rows: list[tuple[str | None, int]], who: str, most: int, cells: int
) -> None:
    bounds = Bounds(most, cells)
    change = counted(rows, bounds) - counted([row for row in rows if row[0] != who], bounds)
    assert change.min() >= 0
    assert change.max() <= most
    assert np.count_nonzero(change) <= cells
    assert change.sum() <= bounds.l1()
    assert np.linalg.norm(change) <= bounds.l2() + 1e-9


@settings(deadline=None, max_examples=100)
@given(rows=ROWS, at=st.integers(0, 59))
def test_one_row_of_nobody_changes_one_cell_by_one(rows: list[tuple[str | None, int]], at: int) -> None:
    anonymous = [(None, cell) for _, cell in rows]
    fewer = [row for place, row in enumerate(anonymous) if place != at]
    change = counted(anonymous, Bounds(1, 1)) - counted(fewer, Bounds(1, 1))
    assert change.sum() <= 1


def test_what_is_within_the_bound_is_all_counted() -> None:
    rows = [("a", 0), ("a", 0), ("a", 1), ("b", 2), (None, 2), (None, 2)]
    assert counted(rows, Bounds(2, 2)).tolist() == [2, 1, 3, 0, 0, 0]


@pytest.mark.parametrize("kind", ["text", "whole"])
def test_a_million_persons_with_a_row_and_a_person_with_a_million(kind: str) -> None:
    many = pl.Series(np.concatenate([np.arange(1_000_000), np.full(1_000_000, 2_000_000)]))
    codes, hashes, _ = person_codes(many if kind == "whole" else many.cast(pl.String))
    cell = np.concatenate([np.zeros(1_000_000, dtype=np.int64), np.arange(1_000_000) % 500])
    found = bounded_counts(codes, hashes, cell, 500, Bounds(2, 3))
    assert 1_000_000 <= found[0] <= 1_000_002
    assert found.sum() == 1_000_000 + 2 * 3


def test_a_person_far_away_in_number_is_a_person() -> None:
    codes, hashes, _ = person_codes(pl.Series([-(2**62), 2**62, 2**62]))
    assert bounded_counts(codes, hashes, np.zeros(3, dtype=np.int64), 1, Bounds(1, 1)).tolist() == [2]


@pytest.mark.parametrize("rows", [0, -1, BOUND_MAX + 1, 1.5, None, True])
def test_a_bound_that_is_none_is_refused(rows: object) -> None:
    with pytest.raises(UserError, match="bound of rows"):
        Bounds(rows, 1)  # type: ignore[arg-type]


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(UserError, match="cells"):
        bounded_counts(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64),
                       2**21, Bounds(1, 1))  # fmt: skip
