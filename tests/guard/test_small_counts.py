"""Small counts are not published, and cannot be computed from those that are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from cityward.guard.small_counts import ALL, publishable

COLUMNS = ("open", "upheld", "changed")
TABLES = st.dictionaries(
    st.sampled_from("abcdef"), st.fixed_dictionaries({one: st.integers(0, 40) for one in COLUMNS}), max_size=6
)


def test_large_counts_are_told_with_their_sums() -> None:
    told = publishable({"a": {"open": 10, "upheld": 20, "changed": 0}}, COLUMNS)
    assert told["a"] == told[ALL] == {"open": 10, "upheld": 20, "changed": 0, ALL: 30}


def test_a_small_count_takes_another_with_it_in_its_row_and_its_column() -> None:
    told = publishable(
        {"a": {"open": 30, "upheld": 20, "changed": 4}, "b": {"open": 30, "upheld": 40, "changed": 25}}, COLUMNS
    )
    assert told["a"]["changed"] is None
    assert told["a"]["upheld"] is None
    assert told["b"]["changed"] is None
    assert told["b"]["upheld"] is None
    assert told[ALL] == {"open": 60, "upheld": 60, "changed": 29, ALL: 149}


def test_nothing_at_all_is_nothing() -> None:
    assert publishable({}, COLUMNS) == {ALL: {"open": 0, "upheld": 0, "changed": 0, ALL: 0}}


@given(TABLES, st.integers(2, 15))
def test_no_line_gives_a_small_count_away(table: dict[str, dict[str, int]], below: int) -> None:
    told = publishable(table, COLUMNS, below)
    full = publishable(table, COLUMNS, 1)
    rows, columns = [*table, ALL], [*COLUMNS, ALL]
    lines = [[(row, column) for column in columns] for row in rows]
    lines += [[(row, column) for row in rows] for column in columns]
    for line in lines:
        for row, column in line:
            shown, true = told[row][column], full[row][column]
            assert shown in (None, true)
            assert shown is None or shown == 0 or shown >= below
        *parts, (row, column) = line
        hidden = [full[a][b] for a, b in parts if told[a][b] is None]
        if told[row][column] is not None:
            assert not hidden or (len(hidden) > 1 and sum(hidden) >= below)  # type: ignore[arg-type]
        else:
            assert hidden or not any(full[a][b] for a, b in parts)


@pytest.mark.parametrize(
    "counts",
    [((16, 61, 16, 1), (16, 18, 24, 12), (0, 1, 9, 1), (10, 0, 2, 64)),
     ((66, 0, 20, 9), (21, 55, 58, 52), (26, 17, 65, 3), (0, 0, 9, 57), (63, 0, 27, 23)),
     ((2, 21, 0, 8), (1, 3, 7, 30), (0, 18, 65, 0))],
)  # fmt: skip
def test_no_lines_together_give_a_small_count_away(
    counts: tuple[tuple[int, ...], ...], capfd: pytest.CaptureFixture[str]
) -> None:
    columns = ("open", "upheld", "changed", "withdrawn")
    table = {f"s{at}": dict(zip(columns, row, strict=True)) for at, row in enumerate(counts)}
    told = publishable(table, columns)
    assert capfd.readouterr().out == ""  # the solver writes no line of its own into what is printed
    places = [(row, column) for row in told for column in (*columns, ALL)]
    lines = [[(row, column) for column in (*columns, ALL)] for row in told]
    lines += [[(row, column) for row in told] for column in (*columns, ALL)]
    said = np.array([[(-1 if one == line[-1] else 1) * (one in line) for one in places] for line in lines])
    shown = [told[row][column] for row, column in places]
    bounds = [(1, None) if value is None else (value, value) for value in shown]
    for at, (row, column) in enumerate(places):
        if shown[at] is None and ALL not in (row, column) and table[row][column] < 10:
            wanted = np.eye(len(places))[at]
            low, high = (
                linprog(sign * wanted, A_eq=said, b_eq=np.zeros(len(lines)), bounds=bounds) for sign in (1, -1)
            )
            assert high.status == 3 or -high.fun - low.fun >= 1, (row, column)
