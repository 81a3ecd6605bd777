"""The trace of a case, and what would have changed it."""

from __future__ import annotations

import pytest
from tests.answerable.table.made import made

from cityward.core.errors import UserError

TABLE = made(
    ('adult = "no"', "refuse"),
    ('income = "< 1200"', "grant"),
    ("income = '>= 1200', kind = 'x'", "half"),
    ('income = ">= 1200"', "refuse"),
)


def test_every_row_and_condition_is_shown():
    trace = TABLE.trace({"income": 1200, "kind": "y", "adult": True})
    assert (trace.row, trace.outputs, trace.rule, trace.version) == (4, {"outcome": "refuse"}, "made", "1")
    assert [row.holds for row in trace.rows] == [False, False, False, True]
    asked = trace.rows[1].asked[0]
    assert (asked.input, asked.condition, asked.value, asked.met) == ("income", "< 1200", 1200.0, False)
    assert trace.says == "made 1, row 4: outcome refuse (Act 1, article 1)."


def test_one_input_that_would_have_changed_the_outcome():
    found = TABLE.why_not({"income": 1500, "kind": "y", "adult": True}, {"outcome": "grant"})
    (change,) = found.changes
    assert change.inputs == {"income": "below 1200 EUR/month"}
    assert change.says == "With income below 1200 EUR/month the answer would have been: outcome grant."
    again = TABLE.judge({"income": change.example["income"], "kind": "y", "adult": True})
    assert again.outputs == {"outcome": "grant"}


def test_two_inputs_where_neither_would_alone():
    found = TABLE.why_not({"income": 1500, "kind": "y", "adult": False}, {"outcome": "grant"})
    (change,) = found.changes
    assert set(change.inputs) == {"income", "adult"}
    case = {"income": 1500, "kind": "y", "adult": False} | change.example
    assert TABLE.judge(case).outputs == {"outcome": "grant"}


def test_without_a_wish_any_other_answer_is_named():
    found = TABLE.why_not({"income": 1500, "kind": "y", "adult": True})
    assert {tuple(change.inputs): change.outputs["outcome"] for change in found.changes} == {
        ("income",): "grant",
        ("kind",): "half",
    }


def test_a_wrong_case_has_a_reason_and_no_changes():
    found = TABLE.why_not({"income": "much"})
    assert (found.reason, found.changes) == ("income: not a number", ())
    with pytest.raises(UserError, match="no output"):
        TABLE.why_not({"income": 1}, {"outcom": "grant"})
