"""Forms of rules: TOML, CSV, GoRules JSON and DMN, also from elsewhere, and hostile ones."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace
from tests.answerable.table.made import made

from cityward.answerable.table import load_table, load_tables, losses, make_table, read_condition, read_form, write_form
from cityward.answerable.table.gorules import from_zen
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_FILE_BYTES

ENDINGS = {"toml": "toml", "csv": "csv", "gorules": "json", "dmn": "dmn"}


@pytest.mark.parametrize("form", ENDINGS)
@pytest.mark.parametrize("table", load_tables(), ids=lambda table: table.id)
def test_shipped_rules_come_back_whole(tmp_path, table, form):
    path = tmp_path / f"{table.id}.{ENDINGS[form]}"
    path.write_text(write_form(table, form), encoding="utf-8")
    assert load_table(path).sheet == table.sheet
    assert bool(losses(table, form)) == (form in ("gorules", "dmn"))


CSV = """kind;when income [number, EUR/month];when adult [yes-no];then outcome [text];because
row;< 1200;yes;grant;"little; but enough"
row;>= 1200;;refuse;
test;900;yes;grant;an ordinary case
"""


def test_a_spreadsheets_csv_with_semicolons_and_no_more_than_columns(tmp_path):
    (tmp_path / "my-rule.csv").write_text("\ufeff" + CSV, encoding="utf-8")
    table = load_table(tmp_path / "my-rule.csv")
    assert (table.id, table.sheet.hit, len(table.sheet.tests)) == ("my-rule", "unique", 1)
    assert table.sheet.rows[0].because == "little; but enough"
    assert table.judge({"income": 5, "adult": True}).outputs == {"outcome": "grant"}


def test_csv_is_no_program_for_a_spreadsheet():
    text = write_form(made(("kind = '\"a\"'", "=HYPERLINK(1)")), "csv")
    assert '"\'=HYPERLINK(1)"' in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[number, EUR/month]", "[number]"), "income is a number without a unit"),
        (("when income [number, EUR/month]", "income"), "heading of column 2, 'income'"),
        (("< 1200", "about 5"), "row 1, income: 'about 5'"),
        (("row;>=", "rwo;>="), "line 3 begins with 'rwo'"),
        (("kind;", "sort;"), "no line of headings"),
        (("when adult [yes-no]", "when income [yes-no]"), "'income' is there twice"),
        (("kind;", "colour;blue\nkind;"), "'colour' is not understood"),
    ],
)
def test_a_mistake_in_csv_is_named(tmp_path, change, told):
    (tmp_path / "r.csv").write_text(CSV.replace(*change))
    with pytest.raises(SettingsError) as error:
        load_table(tmp_path / "r.csv")
    assert told in str(error.value)


JDM = {
    "nodes": [
        {"id": "i", "type": "inputNode", "name": "request"},
        {
            "id": "t",
            "type": "decisionTableNode",
            "name": "Shipping Fees",
            "content": {
                "hitPolicy": "first",
                "inputs": [
                    {"id": "a", "name": "Total", "field": "cart.total"},
                    {"id": "b", "name": "Country", "field": "country"},
                    {"id": "c", "name": "Since", "field": "since"},
                ],
                "outputs": [{"id": "o", "name": "Fee", "field": "fee"}],
                "rules": [
                    {"_id": "1", "a": "> 100 and <= 500", "b": "'US', 'CA'", "c": "", "o": "5"},
                    {"_id": "2", "a": "[10..100]", "b": 'not in ["US"]', "c": 'date($) < d("2026-01-01")', "o": "7.5"},
                    {"_id": "3", "_description": "else", "a": "", "b": "", "c": "", "o": "10"},
                ],
            },
        },
    ],
    "edges": [],
}


def test_a_table_of_gorules(tmp_path):
    path = tmp_path / "fees.json"
    path.write_text(json.dumps(JDM))
    with pytest.raises(SettingsError, match="--unit cart_total="):
        read_form(path)
    table = read_form(path, units={"cart_total": "EUR", "fee": "EUR"})
    assert table.id == "shipping-fees"
    assert [str(one) for one in table.conditions[0].values()] == ["(100..500]", '"US", "CA"']
    assert [str(one) for one in table.conditions[1].values()] == ["[10..100]", 'not("US")', "< 2026-01-01"]
    assert table.judge({"cart_total": 50, "country": "FR", "since": "2025-05-05"}).outputs == {"fee": 7.5}
    assert table.sheet.rows[2].because == "else"


@pytest.mark.parametrize(
    ("cell", "zen"),
    [
        ("not([100..200], 5)", "$ != null and not ($ in [100..200]) and not ($ == 5)"),
        ("< 5, 7", "< 5, 7"),
        ("null, > 5", "null, > 5"),
        ("-", ""),
    ],
)
def test_a_cell_in_the_words_of_gorules(cell, zen):
    # Each was evaluated by zen-engine 2.1.3 with values on both sides of every limit, and with null.
    document = json.loads(write_form(made((f"income = '{cell}'", "x")), "gorules"))
    assert document["nodes"][1]["content"]["rules"][0]["in-income"] == zen


@pytest.mark.parametrize(
    ("zen", "cell"),
    [
        ("$ not in [1..5]", "not([1..5])"),
        ("not in [1, 2]", "not(1, 2)"),
        ("in (1..5]", "(1..5]"),
        ("> 1 and <= 5", "(1..5]"),
        ("== 5", "5"),
        ("$ < 1 or $ > 5", "< 1, > 5"),
    ],
)
def test_a_cell_of_gorules(zen, cell):
    assert str(read_condition(from_zen(zen, "here"), "number")) == cell


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"hitPolicy": "first"', '"hitPolicy": "best"'), "hit policy 'best'"),
        (('"field": "country"', '"field": ""'), "has no field"),
        (("[10..100]", "$ * 2 > 5"), "row 2, cart_total: '$ * 2 > 5' is an expression"),
        (('"7.5"', '"cart.total * 2"'), "row 2, fee: 'cart.total * 2' is no value of type number"),
        (("decisionTableNode", "functionNode"), "holds no decision tables"),
        (('"nodes": [', '"nodes": 5, "x": ['), "holds no decision tables"),
        (("{", "["), "not valid JSON"),
    ],
)
def test_what_gorules_can_and_a_table_cannot_is_named(tmp_path, change, told):
    text = json.dumps(JDM)
    assert change[0] in text
    (tmp_path / "fees.json").write_text(text.replace(*change, 1))
    with pytest.raises(SettingsError) as error:
        read_form(tmp_path / "fees.json", units={"cart_total": "EUR", "fee": "EUR"})
    assert told in str(error.value)


# Lines of other programs are long.
# ruff: noqa: E501
DMN = """<?xml version="1.0" encoding="UTF-8"?>
<dmn:definitions xmlns:dmn="https://www.omg.org/spec/DMN/20191111/MODEL/" xmlns:feel="x" name="D" namespace="n">
  <dmn:inputData id="i" name="Age"/>
  <dmn:decision id="d" name="Ticket Price">
    <dmn:decisionTable hitPolicy="UNIQUE">
      <dmn:input label="Years"><dmn:inputExpression typeRef="feel:number"><dmn:text>Age</dmn:text></dmn:inputExpression></dmn:input>
      <dmn:input><dmn:inputExpression typeRef="string"><dmn:text>Zone</dmn:text></dmn:inputExpression>
        <dmn:inputValues><dmn:text>"A","B"</dmn:text></dmn:inputValues></dmn:input>
      <dmn:output name="price" typeRef="number"/>
      <dmn:annotation name="Comment"/>
      <dmn:rule><dmn:inputEntry><dmn:text>&lt; 6</dmn:text></dmn:inputEntry><dmn:inputEntry><dmn:text>-</dmn:text></dmn:inputEntry>
        <dmn:outputEntry><dmn:text>0</dmn:text></dmn:outputEntry><dmn:annotationEntry><dmn:text>free</dmn:text></dmn:annotationEntry></dmn:rule>
      <dmn:rule><dmn:inputEntry><dmn:text>[6..18)</dmn:text></dmn:inputEntry><dmn:inputEntry><dmn:text>"A"</dmn:text></dmn:inputEntry>
        <dmn:outputEntry><dmn:text>1.5</dmn:text></dmn:outputEntry></dmn:rule>
    </dmn:decisionTable>
  </dmn:decision>
</dmn:definitions>
"""


def read_dmn(tmp_path, text, **more):
    (tmp_path / "t.dmn").write_text(text)
    return read_form(tmp_path / "t.dmn", **{"units": {"Age": "year", "price": "EUR"}} | more)


def test_a_decision_of_another_program(tmp_path):
    table = read_dmn(tmp_path, DMN)
    assert (table.id, table.sheet.hit, table.sheet.rows[0].because) == ("ticket-price", "unique", "free")
    assert table.sheet.inputs["Zone"].values == ("A", "B")
    assert table.judge({"Age": 10, "Zone": "A"}).outputs == {"price": 1.5}


@pytest.mark.parametrize("policy", ["ANY", "FIRST", "RULE ORDER", "COLLECT"])
def test_hit_policies_of_dmn(tmp_path, policy):
    hit = read_dmn(tmp_path, DMN.replace("UNIQUE", policy)).sheet.hit
    assert hit == ("collect" if policy == "RULE ORDER" else policy.lower())
    added = DMN.replace('"UNIQUE"', '"COLLECT" aggregation="SUM"')
    assert read_dmn(tmp_path, added).sheet.hit == "collect-sum"


def test_a_default_answer_of_dmn_is_a_last_row_or_refused(tmp_path):
    text = DMN.replace(
        '<dmn:output name="price" typeRef="number"/>',
        '<dmn:output name="price" typeRef="number">'
        "<dmn:defaultOutputEntry><dmn:text>9</dmn:text></dmn:defaultOutputEntry></dmn:output>",
    )
    with pytest.raises(SettingsError, match="has a default answer"):
        read_dmn(tmp_path, text)
    table = read_dmn(tmp_path, text.replace("UNIQUE", "FIRST"))
    assert table.judge({"Age": 70, "Zone": "B"}).outputs == {"price": 9}


def test_dmn_1_1_is_read_as_its_successors(tmp_path):
    old = DMN.replace("https://www.omg.org/spec/DMN/20191111/MODEL/", "http://www.omg.org/spec/DMN/20151101/dmn.xsd")
    assert read_dmn(tmp_path, old).sheet == read_dmn(tmp_path, DMN).sheet


@pytest.mark.parametrize("character", ["\0", "\x1b", "\u202e", "\u2066"])
@pytest.mark.parametrize("place", ["because", "law", "title"])
def test_text_that_reads_otherwise_than_it_decides_is_refused(place, character):
    sheet = made(('income = "< 5"', "x")).sheet
    text = f"a{character}b"
    if place == "title":
        sheet = replace(sheet, title=text)
    else:
        sheet = replace(sheet, rows=(replace(sheet.rows[0], **{place: text}),))
    with pytest.raises(SettingsError, match=rf"U\+{ord(character):04X}"):
        make_table(sheet, "hostile.toml")


@pytest.mark.parametrize(
    "text", ['{"nodes":' + "[" * 10_000 + "]" * 10_000 + "}", '{"a":' * 10_000 + "1" + "}" * 10_000]
)
def test_json_that_is_nested_without_end_is_refused(tmp_path, text):
    (tmp_path / "deep.json").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid JSON"):
        load_table(tmp_path / "deep.json")


BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DMN.replace("<dmn:definitions", BOMB + "<dmn:definitions", 1), "DOCTYPE"),
        (DMN.replace("<dmn:definitions", '<!DOCTYPE d SYSTEM "file:///etc/passwd"><dmn:definitions', 1), "DOCTYPE"),
        ("<a>" * 500, "too many elements"),
        (DMN[:400], "not valid XML"),
        ("", "not valid XML"),
        (DMN.replace("20191111/MODEL", "20991111/OTHER"), "no DMN"),
        (DMN.replace("UNIQUE", "OUTPUT ORDER"), "hit policy 'OUTPUT ORDER'"),
        (DMN.replace("<dmn:text>1.5<", "<dmn:text>Age * 2<"), "row 2, price: 'Age * 2' is no value"),
        (DMN.replace("<dmn:text>Age<", "<dmn:text>Age + 1<"), "'Age + 1' is an expression"),
        (DMN.replace("decisionTable", "literalExpression"), "holds no decisions with a table"),
        (DMN.replace('<dmn:outputEntry><dmn:text>1.5</dmn:text></dmn:outputEntry>', ""), "row 2 does not have a cell"),
    ],
)  # fmt: skip
def test_hostile_or_foreign_xml_is_refused(tmp_path, text, told):
    with pytest.raises(SettingsError) as error:
        read_dmn(tmp_path, text)
    assert told in str(error.value)


def test_files_that_are_too_large_missing_or_unknown(tmp_path):
    with (tmp_path / "big.toml").open("wb") as file:
        file.truncate(RULE_FILE_BYTES + 1)
    for name, told in (("big.toml", "more than 32 MB"), ("no.toml", "does not exist"), ("a.xlsx", "no form")):
        with pytest.raises(SettingsError, match=told):
            load_table(tmp_path / name)
