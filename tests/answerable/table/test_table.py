"""Tables: hit policies, units, what is missing or wrong, and messages about files."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from tests.answerable.table.made import HEAD, made

from cityward.answerable.table import load_table, load_tables, run_tests
from cityward.core.errors import SettingsError, UserError

CASE = {"income": 900.0, "kind": "a", "since": date(2026, 5, 1), "adult": True}


def one(table, **changes):
    """The answer of one case, by the columns and by hand: they have to agree."""
    case = CASE | changes
    frame = pl.DataFrame({name: [value] for name, value in case.items()})
    (row,) = table.decide(frame).to_dicts()
    told = table.judge(case)
    assert (row["row"], row["reason"]) == (told.row, told.reason)
    assert {name: row[name] for name in told.outputs} == told.outputs
    return row


def test_first_takes_the_first_row_that_holds():
    table = made(('income = "< 1000"', "low"), ('kind = "a"', "a"))
    assert one(table)["outcome"] == "low"
    assert one(table, income=2000.0)["outcome"] == "a"
    assert one(table, income=2000.0, kind="b") == {"outcome": None, "row": None, "reason": "no row"}


def test_unique_decides_nothing_where_two_rows_hold():
    table = made(('income = "< 1000"', "low"), ('kind = "a"', "a"), hit="unique")
    assert one(table)["reason"] == "several rows"
    assert one(table, kind="b")["outcome"] == "low"


def test_any_wants_rows_that_hold_to_say_the_same():
    table = made(('income = "< 1000"', "x"), ('kind = "a"', "x"), ('adult = "no"', "y"), hit="any")
    assert one(table)["outcome"] == "x"
    assert one(table, adult=False) == {"outcome": None, "row": None, "reason": "rows disagree"}


def test_priority_follows_the_order_of_the_outputs_values():
    head = HEAD + 'values = ["refuse", "grant"]\n'
    table = made(('income = "< 1000"', "grant"), ('kind = "a"', "refuse"), hit="priority", head=head)
    assert (one(table)["outcome"], one(table)["row"]) == ("refuse", 2)
    assert one(table, kind="b")["row"] == 1
    with pytest.raises(SettingsError, match="which of its values comes first"):
        made(("", "grant"), hit="priority")


@pytest.mark.parametrize(
    ("hit", "both", "none"),
    [
        ("collect", [2.0, 5.0], None),
        ("collect-sum", 7.0, None),
        ("collect-min", 2.0, None),
        ("collect-max", 5.0, None),
        ("collect-count", 2.0, 0.0),
    ],
)
def test_collect_takes_all_rows_that_hold(hit, both, none):
    head = HEAD.replace('[outputs.outcome]\ntype = "text"', '[outputs.outcome]\ntype = "number"\nunit = "day"')
    table = made(('income = "< 1000"', "2"), ('kind = "a"', "5"), hit=hit, head=head)
    assert one(table) == {"outcome": both, "row": 1, "rows": [1, 2], "reason": None}
    assert one(table, income=2e3, kind="b") == {"outcome": none, "row": None, "rows": None, "reason": "no row"}


def test_what_is_missing_meets_any_and_null_alone():
    table = made(('income = "< 1000"', "low"), ("income = 'null'", "ask"), ("", "rest"))
    assert one(table, income=None)["outcome"] == "ask"
    assert one(table, income=1000.0)["outcome"] == "rest"
    assert made(("kind = 'not(\"a\")'", "x")).judge({"kind": None}).reason == "no row"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("income", float("nan"), "income: not a number"),
        ("income", float("inf"), "income: not a number"),
        ("income", "abc", "income: not a number"),
        ("income", True, "income: not a number"),
        ("income", -1.0, "income: outside what the rule says can be"),
        ("kind", 5, "kind: not a text"),
        ("since", "31.1.2026", "since: not a date such as 2026-01-31"),
        ("since", datetime(2026, 1, 1), "since: not a date such as 2026-01-31"),  # noqa: DTZ001
        ("adult", "perhaps", "adult: not yes or no"),
        ("adult", 1, "adult: not yes or no"),
    ],
)
def test_a_wrong_value_decides_nothing_and_is_named(name, value, reason):
    assert one(made(("", "all")), **{name: value})["reason"] == reason


def test_texts_of_a_file_are_read_as_what_they_say():
    assert one(made(('since = "< 2026-02-01", adult = "yes"', "x")), since="2026-01-31", adult="Yes")["outcome"] == "x"
    assert one(made(('income = "< 5"', "x")), income=" 4.5 ")["outcome"] == "x"


def test_units_are_converted_by_a_declared_factor_or_refused():
    table = made(('income = "< 1000"', "low"), ("", "rest"))
    frame = pl.DataFrame(CASE | {"income": 11_999.0})
    assert table.decide(frame.rename({"income": "income [EUR/year]"}))["outcome"].to_list() == ["low"]
    assert table.decide(frame, units={"income": "EUR/year"})["outcome"].to_list() == ["low"]
    assert table.judge(CASE | {"income": "11999 EUR/year"}).outputs == {"outcome": "low"}
    for ask in (
        lambda: table.decide(frame.rename({"income": "income [USD/month]"})),
        lambda: table.judge(CASE | {"income": "900 USD/month"}),
    ):
        with pytest.raises(UserError, match="given in USD/month, but the rule reads it in EUR/month, EUR/year"):
            ask()


def test_columns_that_are_missing_or_there_twice_are_named():
    table = made(("", "all"))
    with pytest.raises(UserError, match="'kind', 'since' are not among the columns: income, adult"):
        table.decide(pl.DataFrame({"income": [1.0], "adult": [True]}))
    with pytest.raises(UserError, match="'income' is there twice"):
        table.decide(pl.DataFrame(CASE | {"income [EUR/year]": 1.0}))
    with pytest.raises(UserError, match="Did you mean 'income'"):
        table.judge({"incom": 1})


def test_no_cases_give_no_answers():
    table = made(("", "all"))
    assert table.decide(pl.DataFrame(CASE).clear()).shape == (0, 3)
    assert made(("", "all"), hit="collect").decide(pl.DataFrame(CASE).clear()).height == 0


def test_a_table_of_many_blocks_decides_as_a_small_one():
    rows = [(f'income = "[{at}..{at + 1})"', f"o{at}") for at in range(3_000)]
    table = made(*rows, hit="unique")
    frame = pl.DataFrame({"income": [0.0, 1023.5, 1024.0, 2999.9, 3000.0]}).with_columns(
        kind=pl.lit("a"), since=pl.lit(date(2026, 1, 1)), adult=pl.lit(True)
    )
    assert table.decide(frame)["row"].to_list() == [1, 1024, 1025, 3000, None]
    twice = made(*rows, ('income = "[5..2000]"', "again"), hit="unique")
    assert twice.decide(frame)["reason"].to_list() == [None, "several rows", "several rows", None, "no row"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('unit = "EUR/month"\n', ""), "inputs.income is a number without a unit"),
        (('unit = "EUR/month"', 'unit = " "'), "without a unit"),
        (("min = 0", "min = 5\nmax = 1"), "min is above max"),
        (("min = 0", 'min = "x"'), "income"),
        (('"1/12"', '"1/0"'), "without a factor above 0"),
        (('"1/12"', '"twelve"'), "without a factor above 0"),
        (("valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_until = 2025-01-01"), "before it begins"),
        (('hit = "first"', 'hit = "maybe"'), "hit"),
        (('hit = "first"', 'hit = "collect-sum"'), "needs a number"),
        (('income = "< 5"', 'income = "about 5"'), "made.toml, row 1, income: 'about 5' is not understood as number"),
        (('income = "< 5"', "income = true"), "row 1, income: 'True' is not a number"),
        (('income = "< 5"', 'incom = "< 5"'), "row 1: 'incom' is no input"),
        (('outcome = "x"', "outcome = 5"), "row 1, outcome"),
        (("[outputs.outcome]", "[outputs.row]\ntype = 'text'\n[outputs.outcome]"), "cannot be the name of a column"),
        (('hit = "first"', 'hit = "first"\nuses = ["made"]'), "uses itself"),
        (('hit = "first"', 'hit = "first"\njustified = { x = "y" }'), "justifies 'x'"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path, change, told):
    text = HEAD.format(hit="first") + '[[rows]]\nwhen = { income = "< 5" }\nthen = { outcome = "x" }\n'
    assert change[0] in text
    (tmp_path / "made.toml").write_text(text.replace(*change))
    with pytest.raises(SettingsError, match=told.replace("[", r"\[")):
        load_table(tmp_path / "made.toml")


def test_toml_may_write_values_without_quotation():
    table = made(('kind = ["a", "b"], adult = true, income = 900, since = 2026-05-01', "x"))
    assert table.sheet.rows[0].when == {"kind": '"a", "b"', "adult": "yes", "income": "900", "since": "2026-05-01"}
    assert one(table)["outcome"] == "x"


def test_values_that_are_listed_are_the_only_ones():
    head = HEAD + 'values = ["grant", "refuse"]\n'
    with pytest.raises(SettingsError, match=r"row 1, outcome: 'grnt' is not one of its values.*Did you mean 'grant'"):
        made(("", "grnt"), head=head)


def test_every_shipped_rule_passes_its_tests():
    tables = load_tables()
    assert {table.id for table in tables} >= {
        "proposal-approval",
        "scholarship-award",
        "food-inspection-priority",
        "parole-recommendation",
        "street-light-repair",
        "benefit-control",
    }
    for table in tables:
        tried = run_tests(table)
        assert len(tried) >= 3
        assert [one for one in tried if not one.passed] == []


def test_a_citys_own_rule_takes_the_place_of_the_shipped_one(tmp_path):
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    from cityward.answerable.table import write_form

    (tmp_path / "mine.toml").write_text(write_form(own, "toml").replace('version = "1"', 'version = "mine"'))
    assert [one.version for one in load_tables(tmp_path) if one.id == "scholarship-award"] == ["mine"]
    assert len(load_tables(tmp_path)) == len(load_tables())
