"""Small counts are not published, and cannot be computed from those that are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
