"""Cases decided at once give what each case alone gives, and what cannot be decided waits and says why."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from cityward.answerable.batch import NOTHING, Columns, Under, decide_cases, kept_rule, outcomes_of, rule_of
from cityward.answerable.table import Table, load_tables, make_table
from cityward.answerable.table.shape import Input, Output, Row, Sheet
from cityward.core.errors import LedgerError, UserError
from cityward.core.frames import DECISION

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
AWARD = next(table for table in load_tables() if table.id == "scholarship-award")
CASES = pl.DataFrame(
    {
        "case": ["a", "b", "c"],
        "income": [100.0, 2_000.0, 700.0],
        "grade": [6.0, 9.5, 7.0],
        "enrolled": [True, True, False],
    }
)


def under(*tables: Table, strict: bool = False) -> Under:
    named = {one.id: one for one in tables}
    return Under(
        system="s", version="1", system_digest="d", tables=named, kept=kept_rule(named, tables[-1].id), at=AT,
        strict=strict,
    )  # fmt: skip


def test_every_case_is_decided_as_it_would_be_alone():
    decided = decide_cases(CASES, Columns(), under(AWARD))
    assert decided.schema == DECISION
    assert decided["recommended"].to_list() == ["full", "half", "none"]
    assert decided["outcome"].equals(decided["recommended"].rename("outcome"))
    assert set(decided["state"]) == {"decided"}
    for row in decided.iter_rows(named=True):
        inputs = json.loads(row["inputs"])
        assert AWARD.trace(inputs).row == row["row"]
        assert AWARD.trace(inputs).outputs["outcome"] == row["recommended"]


def test_where_rights_are_affected_every_case_waits():
    decided = decide_cases(CASES, Columns(), under(AWARD, strict=True))
    assert set(decided["state"]) == {"waiting"}
    assert decided["outcome"].null_count() == 3
    assert decided["recommended"].to_list() == ["full", "half", "none"]


def test_a_case_that_the_rule_does_not_decide_waits_and_says_why():
    odd = pl.DataFrame(
        {
            "case": ["a", "b", "c", "d"],
            "income": ["100", "many", "-5", None],
            "grade": [6.0, 6.0, 6.0, 6.0],
            "enrolled": [True] * 4,
        }
    )
    decided = decide_cases(odd, Columns(), under(AWARD))
    assert decided["row"].to_list()[1:] == [None] * 3
    assert decided["state"].to_list() == ["decided", "waiting", "waiting", "waiting"]
    assert decided["because"].to_list() == [
        "",
        f"{NOTHING}income: not a number",
        f"{NOTHING}income: outside what the rule says can be",
        f"{NOTHING}no row",
    ]
    assert decided["recommended"].to_list()[1:] == [""] * 3


def test_numbers_that_are_none_are_still_seen():
    odd = CASES.with_columns(income=pl.Series([float("nan"), float("inf"), 1.0]))
    decided = decide_cases(odd, Columns(), under(AWARD))
    assert json.loads(decided["inputs"][0])["income"] == "NaN"
    assert decided["state"].to_list() == ["waiting", "waiting", "decided"]


def test_units_are_converted_and_told_in_those_of_the_rule():
    yearly = CASES.rename({"income": "income [EUR/year]"}).with_columns(pl.col("income [EUR/year]") * 12)
    decided = decide_cases(yearly, Columns(), under(AWARD))
    assert decided["recommended"].to_list() == ["full", "half", "none"]
    assert json.loads(decided["inputs"][2])["income"] == pytest.approx(700)


def simple(**sheet: object) -> Table:
    keys = {
        "id": "simple",
        "version": "1",
        "inputs": {"n": Input(type="number", unit="1")},
        "outputs": {"due": Output(type="date"), "waits": Output(type="yes-no")},
        "rows": (
            Row(when={"n": "< 5"}, then={"due": date(2026, 1, 1), "waits": False}),
            Row(when={"n": ">= 5"}, then={"due": date(2026, 2, 1), "waits": True}),
        ),
    }
    return make_table(Sheet(**{**keys, **sheet}), "simple.toml")  # type: ignore[arg-type]


def test_a_rule_can_say_itself_that_a_case_waits():
    decided = decide_cases(pl.DataFrame({"case": [1, 2], "n": [1, 9]}), Columns(), under(simple()))
    assert decided["case"].to_list() == ["1", "2"]
    assert decided["recommended"].to_list() == ["2026-01-01", "2026-02-01"]
    assert decided["state"].to_list() == ["decided", "waiting"]


def test_a_rule_uses_what_another_decided():
    user = simple(
        id="user",
        inputs={"waits": Input(type="yes-no")},
        outputs={"outcome": Output(type="text")},
        rows=(Row(when={"waits": "yes"}, then={"outcome": "ask"}), Row(when={"waits": "no"}, then={"outcome": "go"})),
        uses=("simple",),
    )
    decided = decide_cases(pl.DataFrame({"case": ["a", "b"], "n": [1, 9]}), Columns(), under(simple(), user))
    assert decided["recommended"].to_list() == ["go", "ask"]
    assert [json.loads(one) for one in decided["inputs"]] == [{"waits": False}, {"waits": True}]


def test_answers_that_are_numbers_and_lists_are_told_as_cells_write_them():
    many = simple(
        hit="collect",
        outputs={"points": Output(type="number", unit="1")},
        rows=(Row(when={"n": "< 5"}, then={"points": 2}), Row(when={"n": "< 9"}, then={"points": 2.5})),
    )
    decided = decide_cases(pl.DataFrame({"case": ["a", "b"], "n": [1, 6]}), Columns(), under(many))
    assert decided["recommended"].to_list() == ["2, 2.5", "2.5"]
    assert outcomes_of(many) == ("2", "2.5")
    assert outcomes_of(AWARD) == ("full", "half", "none")


def test_the_rule_is_kept_as_it_was():
    kept = kept_rule({AWARD.id: AWARD}, AWARD.id)
    assert rule_of(kept).sheet == AWARD.sheet
    changed = type(kept)(**{name: getattr(kept, name) for name in kept.__struct_fields__} | {"body": kept.body + "#"})
    with pytest.raises(LedgerError, match="is not the one"):
        rule_of(changed)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (CASES.head(0), "There are 0 cases"),
        (CASES.with_columns(case=pl.lit("a")), "Row 2 names a case that an earlier row names; so do 1 others"),
        (CASES.with_columns(case=pl.Series(["a", None, "c"])), "Row 2 has no case"),
        (CASES.with_columns(case=pl.Series(["a", " ", "c"])), "Row 2 has no case"),
        (CASES.with_columns(case=pl.lit("x" * 201)), "more than 200 characters"),
        (CASES.with_columns(case=pl.Series([[1], [2], [3]])), "holds no names of cases"),
        (CASES.drop("case"), "no column 'case'"),
        (CASES.drop("income"), "'income' is not among the columns"),
    ],
)
def test_what_is_no_frame_of_cases_is_refused_with_the_row(frame: pl.DataFrame, says: str):
    with pytest.raises(UserError, match=says):
        decide_cases(frame, Columns(), under(AWARD))


def test_a_number_that_is_none_is_refused_and_one_that_is_not_known_is_null():
    frame = CASES.with_columns(score=pl.Series([0.5, float("nan"), None]), word=pl.lit("x"))
    decided = decide_cases(frame, Columns(estimate="score"), under(AWARD))
    assert decided["estimate"].to_list() == [0.5, None, None]
    for wrong in ("word", "missing"):
        with pytest.raises(UserError, match=r"holds no numbers|no column"):
            decide_cases(frame, Columns(cost=wrong), under(AWARD))
