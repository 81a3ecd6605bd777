"""The language of cells."""

from __future__ import annotations

from datetime import date

import pytest

from cityward.answerable.table.condition import CellError, read_condition


@pytest.mark.parametrize(
    ("text", "kind", "meet", "miss"),
    [
        ("< 5", "number", [4.999, -1e9], [5, None]),
        ("<= 5", "number", [5], [5.000001]),
        ("≥ 5", "number", [5, 6], [4]),
        ("5", "number", [5], [5.1, None]),
        ("[1..5)", "number", [1, 4.9], [5, 0.9]),
        ("]1..5]", "number", [1.1, 5], [1, 5.1]),
        ("1, 2, [5..7]", "number", [1, 2, 6], [3, 8]),
        ("not(1, [5..7])", "number", [2, 8], [1, 5, None]),
        ("!= 3", "number", [2], [3, None]),
        ("< 1200 EUR/month", "number", [1199], [1200]),
        ("-5", "number", [-5], [5]),
        ("", "number", [1, None], []),
        ("-", "text", ["a", None], []),
        ("null", "text", [None], ["null", ""]),
        ('null, "a"', "text", [None, "a"], ["b"]),
        ("not(null)", "text", ["a"], [None]),
        ('"a, b", "c"', "text", ["a, b", "c"], ["a", "b"]),
        ('not("a")', "text", ["b"], ["a", None]),
        ("grant", "text", ["grant"], ["Grant"]),
        ('"-"', "text", ["-"], ["a", None]),
        ("yes", "yes-no", [True], [False, None]),
        ("false", "yes-no", [False], [True, None]),
        (">= 2026-01-01", "date", [date(2026, 1, 1)], [date(2025, 12, 31), None]),
        ('[date("2026-01-01")..date("2026-02-01"))', "date", [date(2026, 1, 31)], [date(2026, 2, 1)]),
    ],
)
def test_a_cell_means_what_it_says(text, kind, meet, miss):
    condition = read_condition(text, kind, "EUR/month" if kind == "number" else None)
    assert [value for value in meet if not condition.meets(value)] == []
    assert [value for value in miss if condition.meets(value)] == []
    again = read_condition(str(condition), kind)
    assert (again, str(again)) == (condition, str(condition))


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("< 1,200", "number", "one number or two"),
        ("< 1200 EUR/year", "number", "write it in EUR/month"),
        ("[5..3]", "number", "holds no value"),
        ("(5..5]", "number", "holds no value"),
        ("1,, 2", "number", "a comma too many"),
        ("income + 1", "number", "not understood as number"),
        ("nan", "number", "not understood"),
        ("1e999", "number", "not understood"),
        ('"a', "text", "never closed"),
        ("< 5", "text", "not understood as text"),
        ("perhaps", "yes-no", "not understood as yes-no"),
        ("2026-02-30", "date", "no day of the calendar"),
        ("1, != 2", "number", "stands alone"),
        ("x" * 20_000, "text", "at most 10,000"),
        ("not(" * 500, "text", "not understood"),
        ("[" + " " * 9_900 + "x", "number", "not understood"),
        ("[" + "1.." * 3_000 + "2]", "number", "not understood"),
    ],
)
def test_what_a_cell_cannot_say_is_named(text, kind, told):
    with pytest.raises(CellError, match=told):
        read_condition(text, kind, "EUR/month")
