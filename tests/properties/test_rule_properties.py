"""Random tables: columns and reading row by row agree, checks are exact, and every form gives the table back."""

from __future__ import annotations

import contextlib
import itertools
from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import cityward.answerable.table.engine as module
from cityward.answerable.table import Table, check, load_tables, make_table, write_form
from cityward.answerable.table.csv_form import read_csv
from cityward.answerable.table.dmn import read_dmn
from cityward.answerable.table.engine import Engine
from cityward.answerable.table.geometry import explore, meetings
from cityward.answerable.table.gorules import read_gorules
from cityward.answerable.table.shape import Example, Input, Output, Row, Sheet
from cityward.answerable.table.toml_form import read_toml
from cityward.core.errors import SettingsError

READERS = {
    "toml": lambda text: read_toml(text, "random.toml"),
    "csv": lambda text: read_csv(text, "random.csv", "random"),
    "gorules": lambda text: read_gorules(text, "random.json", "random", {}, None),
    "dmn": lambda text: read_dmn(text, "random.dmn", "random", {}, None),
}
DAMAGE = ['"', "{}", "[", "not(", "..", "<", "&a;", "null"]
HITS = ["unique", "any", "first", "priority", "collect", "collect-sum", "collect-min", "collect-max", "collect-count"]
TEXTS = ["a", "b", "null", "-", "= 1", 'say "x", y', "ñ\\"]
DAYS = st.dates(date(2025, 12, 20), date(2026, 1, 10))
NUMBERS = st.one_of(st.integers(-3, 6).map(float), st.sampled_from([0.1, 0.30000000000000004, -2.5, 1e17, -1e-9]))


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def ordered_terms(draw: st.DrawFn, values: st.SearchStrategy) -> str:
    low, high = sorted([draw(values), draw(values)])
    shape = draw(st.sampled_from(["<", "<=", ">", ">=", "", "[]", "[)", "(]", "()"]))
    if shape and shape[0] in "[(" and (low < high or shape == "[]"):
        return f"{shape[0]}{low!s}..{high!s}{shape[1]}"
    return f"{shape if shape[:1] in '<>' else ''} {low!s}"


def cells(kind: str) -> st.SearchStrategy[str]:
    if kind == "yes-no":
        return st.sampled_from(["-", "yes", "no", "null", "not(yes)", "no, null"])
    one = {"number": ordered_terms(NUMBERS), "date": ordered_terms(DAYS), "text": st.sampled_from(TEXTS).map(quoted)}[
        kind
    ]
    some = st.lists(st.one_of(one, st.just("null")), min_size=1, max_size=3).map(", ".join)
    return st.one_of(st.just("-"), one, some, some.map(lambda text: f"not({text})"))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    hit = draw(st.sampled_from(HITS))
    limited = draw(st.booleans())
    inputs = {
        "amount": Input(type="number", unit="EUR", **({"min": -2.0, "max": 5.0} if limited else {})),
        "word": Input(type="text", values=tuple(TEXTS) if limited else (), label="a word"),
        "day": Input(type="date", **({"max": date(2026, 1, 5)} if limited else {})),
        "sure": Input(type="yes-no"),
    }
    inputs = {name: inputs[name] for name in draw(st.lists(st.sampled_from(list(inputs)), min_size=1, unique=True))}
    numeric = hit in ("collect-sum", "collect-min", "collect-max")
    outputs = (
        {"score": Output(type="number", unit="1")} if numeric else {"out": Output(type="text", values=("x", "y", "z"))}
    )
    if not hit.startswith("collect-") and draw(st.booleans()):
        outputs["until"] = Output(type="date", label="the end")
    values = {"score": NUMBERS, "out": st.sampled_from(["x", "y", "z"]), "until": DAYS}
    rows = [
        Row(
            when={name: draw(cells(one.type)) for name, one in inputs.items()},
            then={name: draw(values[name]) for name in outputs if draw(st.integers(0, 9))},
            because=draw(st.sampled_from(["", "plain words", "=1+1", "a, b\nand 'c' \"d\""])),
            law=draw(st.sampled_from(["", "article 4(2)"])),
        )
        for _ in range(draw(st.integers(1, 7)))
    ]
    given_ = {"amount": NUMBERS, "word": st.sampled_from(TEXTS), "day": DAYS, "sure": st.booleans()}
    tests = [Example(given={name: draw(given_[name]) for name in inputs}, says="a test")] if draw(st.booleans()) else []
    sheet = Sheet(
        id="random", version="1", title="Random", hit=hit, inputs=inputs, outputs=outputs, rows=tuple(rows),
        tests=tuple(tests), valid_from=date(2026, 1, 1), reference="Act 1",
    )  # fmt: skip
    return make_table(sheet, "random.toml")


VALUES: dict[str, st.SearchStrategy] = {
    "number": st.one_of(st.none(), NUMBERS, st.sampled_from([float("nan"), float("inf"), 9.0])),
    "text": st.one_of(st.none(), st.sampled_from([*TEXTS, "unheard of", ""])),
    "date": st.one_of(st.none(), DAYS),
    "yes-no": st.one_of(st.none(), st.booleans()),
}
DTYPES = {"number": pl.Float64, "text": pl.String, "date": pl.Date, "yes-no": pl.Boolean}


def drawn(data: st.DataObject, most: int) -> tuple[Table, list[dict[str, object]], pl.DataFrame]:
    """A table with one to ``most`` cases for it, one by one and as a frame."""
    table = data.draw(tables())
    inputs = table.sheet.inputs
    values = st.fixed_dictionaries({name: VALUES[one.type] for name, one in inputs.items()})
    cases = data.draw(st.lists(values, min_size=1, max_size=most))
    frame = pl.DataFrame(cases, schema={name: DTYPES[one.type] for name, one in inputs.items()}, orient="row")
    return table, cases, frame


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_columns_and_reading_row_by_row_agree(data: st.DataObject) -> None:
    table, cases, frame = drawn(data, 12)
    for case, row in zip(cases, table.decide(frame).to_dicts(), strict=True):
        told = table.judge(case)
        assert (row["row"], row["reason"], {name: row[name] for name in told.outputs}) == (
            told.row,
            told.reason,
            told.outputs,
        )
        assert "rows" not in row or tuple(row["rows"] or ()) == told.rows


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_blocks_and_chunks_change_nothing(data: st.DataObject) -> None:
    table, _, frame = drawn(data, 9)
    whole = table.decide(frame)
    before = module.BLOCK_ROWS, module.CHUNK_CASES
    try:
        module.BLOCK_ROWS, module.CHUNK_CASES = 2, 4  # type: ignore[misc]
        parted = Engine(table).decide(frame)
    finally:
        module.BLOCK_ROWS, module.CHUNK_CASES = before  # type: ignore[misc]
    assert parted.equals(whole)


@settings(max_examples=80, deadline=None)
@given(tables())
def test_gaps_and_rows_in_vain_are_found_exactly(table: Table) -> None:
    explored = explore(table)
    assert explored.whole
    values = [[axis.example(cell) for cell in (*range(*axis.domain), axis.missing)] for axis in table.axes]
    names = [axis.name for axis in table.axes]
    open_, known, missing, met = False, set(), set(), set()
    for case in itertools.islice(itertools.product(*values), 20_000):
        told = table.judge(dict(zip(names, case, strict=True)))
        if not told.rows:
            open_ |= None not in case
            continue
        (missing if None in case else known).add(told.rows[0] - 1)
        met |= {frozenset(pair) for pair in itertools.combinations(told.rows, 2)}
    assert bool(explored.gaps) == open_
    if table.sheet.hit in ("first", "priority"):
        assert explored.known == known
        assert explored.missing | explored.known == missing | known
    pairs = {frozenset((row + 1, int(other) + 1)) for row, others in meetings(table) for other in others}
    assert pairs == met


@settings(max_examples=80, deadline=None)
@given(tables())
def test_every_form_gives_the_table_back(table: Table) -> None:
    for form, read in READERS.items():
        again = make_table(read(write_form(table, form)), f"random.{form}")
        assert again.sheet == table.sheet, form


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(load_tables()), st.sampled_from(["toml", "csv", "gorules", "dmn"]), st.data())
def test_a_damaged_file_is_a_message_or_a_rule(table: Table, form: str, data: st.DataObject) -> None:
    text = write_form(table, form)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        damage = data.draw(
            st.one_of(st.sampled_from(['"', "{}", "[", "not(", "..", "<", "&a;", "null"]), st.text(max_size=3))
        )
        text = text[:at] + damage + text[at + data.draw(st.sampled_from([0, 1, 5, 40])) :]
    with contextlib.suppress(SettingsError):
        check(make_table(READERS[form](text), f"damaged.{form}"), steps_max=10_000)
