"""Checks find what would go wrong before anybody is decided."""

from __future__ import annotations

import itertools

import pytest
from tests.answerable.table.made import HEAD, made

from cityward.answerable.table import check, load_tables
from cityward.answerable.table.attributes import recognise
from cityward.answerable.table.geometry import an_example, explore, meetings


def found(table, *kinds):
    return [(one.kind, one.level, one.rows) for one in check(table) if not kinds or one.kind in kinds]


def test_shipped_rules_have_no_errors_or_warnings():
    assert [(table.id, one) for table in load_tables() for one in check(table) if one.level != "note"] == []


def test_a_gap_is_told_in_words_with_a_case_that_nothing_decides():
    table = made(('income = "< 1000"', "x"), ('income = "> 1000", adult = "yes"', "y"))
    gaps = [one for one in check(table) if one.kind == "gap"]
    assert [one.says for one in gaps] == [
        "No row decides when income is 1000 EUR/month.",
        "No row decides when income is above 1000 EUR/month and adult is no.",
    ]
    assert all(table.judge(one.example).reason == "no row" for one in gaps)


def test_a_gap_in_texts_and_dates():
    table = made(('kind = \'"a", "b"\'', "x"), ('since = "[2026-01-01..2026-02-01)"', "y"))
    (gap,) = [one for one in check(table) if one.kind == "gap"]
    assert "kind is anything else" in gap.says
    assert "since is either until 2025-12-31 or 2026-02-01 or later" in gap.says
    assert table.judge(gap.example).reason == "no row"


@pytest.mark.parametrize(("hit", "kinds"), [("unique", ["contradiction", "overlap"]), ("any", ["contradiction"])])
def test_overlaps_and_contradictions_name_both_rows_and_a_case(hit, kinds):
    table = made(('income = "< 1000"', "x"), ('income = "> 900"', "y"), ('income = "< 500"', "x"), hit=hit)
    met = [one for one in check(table) if one.kind in ("contradiction", "overlap")]
    assert sorted(one.kind for one in met) == kinds
    for one in met:
        assert table.judge(one.example).reason in ("several rows", "rows disagree")
        assert set(one.rows) <= set(table.judge(one.example).rows)


def test_rows_in_vain():
    table = made(
        ('income = "< 500"', "x"), ('income = ">= 500"', "y"), ('income = "[400..600]"', "z"), ('income = "< 0"', "n")
    )
    assert {rows for _, _, rows in found(table, "unreachable")} == {(3,), (4,)}


def test_a_row_that_only_decides_where_something_is_missing():
    table = made(('income = "< 500"', "x"), ('income = ">= 500"', "y"), ("", "ask"))
    assert found(table, "unreachable", "only-when-missing") == [("only-when-missing", "note", (3,))]


def test_rows_whose_order_matters():
    table = made(('income = "< 500"', "x"), ('kind = "a"', "y"), ("", "z"))
    assert [one.says for one in check(table) if one.kind == "order-matters"] == [
        "Row 2 decides only where row 1 does not hold.",
        "Row 3 decides only where rows 1, 2 do not hold.",
    ]


def test_columns_that_are_not_used_and_values_never_given():
    head = HEAD + 'values = ["x", "never"]\n[outputs.note]\ntype = "text"\n'
    kinds = {(one.kind, one.columns) for one in check(made(('income = "< 5"', "x"), head=head))}
    assert ("input-never-used", ("kind",)) in kinds
    assert ("output-never-given", ("note",)) in kinds
    assert ("output-never-given", ("outcome",)) in kinds


def test_a_test_that_fails_is_an_error():
    text = '[[tests]]\ngiven = { income = 5 }\nexpect = { outcome = "y" }\nsays = "five"\n'
    (failing,) = [one for one in check(made(("", "x"), tests=text)) if one.kind == "test-fails"]
    assert failing.says == "Test 1 (five) expects outcome y, but comes to outcome x by row 1."


@pytest.mark.parametrize(
    ("name", "kind", "about"),
    [
        ("race", "forbidden", "racial"),
        ("religion", "forbidden", "religion"),
        ("orientacion_sexual", "forbidden", "sexual"),
        ("Gewerkschaftsmitglied", "forbidden", "union"),
        ("santé", "forbidden", "health"),
        ("partidoPolitico", "forbidden", "political"),
        ("dna_profile", "forbidden", "genetic"),
        ("faceTemplate", "forbidden", "biometric"),
        ("social_credit", "forbidden", "score"),
        ("postcode", "proxy", "lives"),
        ("código_postal", "proxy", "lives"),
        ("Staatsangehörigkeit", "proxy", "comes from"),
        ("birth_country", "proxy", "comes from"),
        ("last_name", "proxy", "name"),
        ("langue", "proxy", "language"),
        ("inspector_id", "proxy", "who looked"),
        ("sexo", "proxy", "sex"),
    ],
)
def test_attributes_are_known_in_five_languages(name, kind, about):
    known = recognise(name)
    assert known is not None
    assert known.kind == kind
    assert about in known.attribute.name


@pytest.mark.parametrize(
    "name", ["income", "person_named", "household", "days_since_visit", "racetrack", "embrace", "filename", "surface"]
)
def test_other_names_are_let_be(name):
    assert recognise(name) is None


def test_a_justification_makes_a_note_of_a_proxy_and_never_of_what_is_forbidden():
    def renamed(name, justified):
        head = HEAD.replace("kind", name).replace(
            'hit = "{hit}"', f'hit = "{{hit}}"\njustified = {{{{ {name} = "{justified}" }}}}'
        )
        return found(made((f'{name} = "a"', "x"), ("", "y"), head=head), "forbidden-attribute", "proxy-attribute")

    assert renamed("birth_country", "") == [("proxy-attribute", "warning", ())]
    assert renamed("birth_country", "article 3") == [("proxy-attribute", "note", ())]
    assert renamed("religion", "article 3") == [("forbidden-attribute", "error", ())]


def test_a_label_is_looked_at_too():
    head = HEAD.replace('[inputs.kind]\ntype = "text"', '[inputs.kind]\ntype = "text"\nlabel = "religious community"')
    assert found(made(('kind = "a"', "x"), ("", "y"), head=head), "forbidden-attribute")


def test_a_grid_of_ten_thousand_rows_is_gone_through_whole():
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 11) for day in range(1, 11)]
    rows = [
        (f'income = "[{step * 10}..{step * 10 + 10})", since = "{day}"', "x")
        for step, day in itertools.product(range(100), days)
    ]
    explored = explore(made(*rows, hit="unique"))
    assert explored.whole
    assert explored.gap_count > 0


def test_rows_of_several_stretches_are_compared_like_all_others():
    rows = [
        ('income = "not([5..10))"', "x"),
        ('income = "6, 7"', "y"),
        ('adult = "yes"', "z"),
        ('income = "1, 6"', "v"),
    ]
    met = {row: earlier.tolist() for row, earlier in meetings(made(*rows))}
    assert met == {0: [], 1: [], 2: [0, 1], 3: [0, 1, 2]}


def test_what_is_too_large_says_so():
    rows = [
        (f'income = "[{at}..{at * 3 + 5}]", since = ">= 20{at % 80 + 10}-01-01", kind = "k{at % 7}"', f"o{at}")
        for at in range(200)
    ]
    table = made(*rows)
    assert explore(table, 10**9).whole
    limited = check(table, steps_max=500)
    assert [one.kind for one in limited if one.kind == "not-checked"] == ["not-checked"]
    assert not [one for one in limited if one.kind == "unreachable"]


def test_an_example_lies_in_every_box():
    table = made(('income = "[0.1..0.3)"', "x"), ('income = "(5..5.5)"', "y"))
    for box in explore(table).gaps:
        assert table.judge(an_example(table, box)).reason == "no row"
