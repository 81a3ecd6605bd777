"""Cases of the past: what was known of each, and what was said of it then."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

from cityward.answerable.table import Table, decide_in_order, in_order
from cityward.answerable.table.columns import DTYPES, closest, in_unit
from cityward.answerable.table.condition import write_value
from cityward.answerable.table.shape import Input
from cityward.core.errors import UserError

CHUNK: Final = 131_072
"""Cases that are decoded and decided at a time: memory stays bounded, and one bad row is looked for among few."""

Against = Literal["recommended", "outcome"]


@dataclass(frozen=True)
class Past:
    """Cases of the past.

    Parameters
    ----------
    cases : polars.DataFrame
        One row a case. Inputs as columns, or in ``column`` as a JSON object.
    before : polars.Series
        What was said of each (String; null: nothing).
    says : str
        What that is, in words.
    column : str or None
        Column of the JSON object; None when inputs are columns themselves.
    units : mapping of str to str
        Units in which inputs are held.
    answers : polars.DataFrame or None
        All that the rule of then said, where it was asked again.
    table : Table or None
        The rule of then, where it is known.
    """

    cases: pl.DataFrame
    before: pl.Series
    says: str
    column: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    answers: pl.DataFrame | None = None
    table: Table | None = None
    notes: tuple[str, ...] = ()


def past_of_decisions(frame: pl.DataFrame, table: Table | None = None, against: Against = "recommended") -> Past:
    """Decisions as history keeps them.

    Parameters
    ----------
    frame : polars.DataFrame
        With ``inputs`` (JSON), ``recommended`` and ``outcome`` of `cityward.core.frames.DECISION`.
    table : Table, optional
        The rule of then: it says in which units its inputs are.
    against : {"recommended", "outcome"}
        Compare with what the rule said, or with what counted after a person had looked.

    Raises
    ------
    UserError
        There is no decision.
    """
    if not frame.height:
        raise UserError("There are no decisions in this period.", "Choose other days with --from and --to.")
    notes = []
    if against == "outcome":
        waiting = int(frame.get_column("outcome").null_count())
        frame = frame.filter(pl.col("outcome").is_not_null())
        if waiting:
            notes.append("Decisions that still wait for a person are left out.")
        if not frame.height:
            raise UserError(
                "Every decision of this period still waits for a person.", "Compare with what the rule said instead."
            )
    if table is None:
        notes.append("The rule of then is not among the rules any more; its units are taken to be those of the draft.")
    return Past(
        cases=frame,
        before=frame.get_column(against).cast(pl.String).replace("", None),
        says="what the rule said then" if against == "recommended" else "what counted in the end",
        column="inputs",
        units=_units(table),
        table=table,
        notes=tuple(notes),
    )


def past_of_cases(
    frame: pl.DataFrame, table: Table, beside: Mapping[str, Table], units: Mapping[str, str] | None = None
) -> Past:
    """Cases as a plain table, decided anew by the rule of then (``table``, with the rules ``beside`` that it uses)."""
    if not frame.height:
        raise UserError("The file holds no cases.", "Give a table with a row for each.")
    answers = decide_in_order({**beside, table.id: table}, table.id, frame, units)
    before = labels(answers.get_column(outcome_of(table)))
    return Past(
        cases=frame, before=before, says=f"what {table.name} says", units=units or {}, answers=answers, table=table
    )


def _units(table: Table | None) -> dict[str, str]:
    return {name: given.unit for name, given in table.sheet.inputs.items() if given.unit} if table else {}


def outcome_of(table: Table) -> str:
    """The output that is compared: the one that is called outcome, else the first."""
    names = list(table.sheet.outputs)
    return "outcome" if "outcome" in names else names[0]


def labels(column: pl.Series) -> pl.Series:
    """Values of an output as text, written as a cell writes them; a list is joined."""
    if isinstance(column.dtype, pl.String):
        return column
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(", ")
    values = column.unique().drop_nulls().to_list()
    return column.replace_strict(values, [write_value(one) for one in values], default=None, return_dtype=pl.String)


@dataclass(frozen=True)
class Answered:
    """Answers of the draft, and the inputs that are ``kept`` to group by.

    ``missing`` counts cases without an input, ``unreadable`` those whose inputs are no JSON object.
    """

    answers: pl.DataFrame
    missing: dict[str, int]
    unreadable: int
    kept: pl.DataFrame


def answer(draft: Table, past: Past, beside: Mapping[str, Table], keep: Sequence[str] = ()) -> Answered:
    """Decide all cases of the past by a draft, and keep some of its inputs.

    Raises
    ------
    UserError
        The draft asks for something that no case holds, or in a unit that it does not accept.
    SettingsError
        The draft uses a rule that does not exist, or rules use each other in a circle.
    """
    tables = {**beside, draft.id: draft}
    asked = _asked(tables, draft.id)
    missing, unreadable, parts = dict.fromkeys(asked, 0), 0, []
    for frame, bad in _frames(past, asked):
        for name in asked:
            missing[name] += frame.get_column(name).null_count() if name in frame.columns else frame.height
        unreadable += bad
        parts.append((frame, {name: unit for name, unit in past.units.items() if name in asked}))
    held = set(_held(past))
    absent = [name for name in asked if missing[name] == past.cases.height and name not in held]
    needed = _needed(tables, draft.id, absent)
    if needed:
        known = sorted(held - set(needed))
        raise UserError(
            f"The draft asks for {', '.join(repr(name) for name in needed[:10])}, which no case of the past holds.",
            f"{closest(needed[0], known) if known else ''} What was not asked then cannot be replayed: give cases that "
            "hold it with --cases, or leave it out.".strip(),
        )
    for name in keep:
        if name not in asked:
            raise UserError(f"'{name[:60]}' is nothing to group by.", closest(name, list(asked)))
    kept = pl.concat([frame.select(keep) for frame, _ in parts], how="vertical_relaxed")
    answers = pl.concat([_decide(tables, draft, frame.drop(absent, strict=False), units) for frame, units in parts])
    return Answered(answers, {name: count for name, count in missing.items() if count}, unreadable, kept)


def _decide(tables: Mapping[str, Table], draft: Table, frame: pl.DataFrame, units: dict[str, str]) -> pl.DataFrame:
    if all(name in frame.columns for name in draft.sheet.inputs):
        return draft.decide(frame, units)
    return decide_in_order(tables, draft.id, frame, units)


def _asked(tables: Mapping[str, Table], identifier: str) -> dict[str, Input]:
    """Inputs of a rule and of those that it uses."""
    return {name: given for one in in_order(tables, identifier) for name, given in one.sheet.inputs.items()}


def _needed(tables: Mapping[str, Table], identifier: str, absent: Sequence[str]) -> list[str]:
    """Of the inputs that no case holds, those that no rule gives either."""
    used, last = in_order(tables, identifier)[:-1], tables[identifier]
    given = {name for one in used for name in one.sheet.outputs}
    own = [name for name in last.sheet.inputs if name in absent]
    if not own:
        return []
    return [name for name in absent if name not in given]


def _held(past: Past) -> Iterator[str]:
    if past.column is None:
        yield from (name.partition("[")[0].strip() for name in past.cases.columns)
        return
    for text in past.cases.get_column(past.column).head(100).drop_nulls():
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield from found


def _frames(past: Past, asked: Mapping[str, Input]) -> Iterator[tuple[pl.DataFrame, int]]:
    """Cases in chunks, each with a column for each input, and how many cannot be read."""
    if past.column is None:
        named = {column: column.partition("[")[0].strip() for column in past.cases.columns}
        held = past.cases.select([column for column, name in named.items() if column in asked or name in asked])
        units = {named[one]: one.partition("[")[2].rstrip("] ") for one in held.columns if one not in asked}
        yield _in_units(held.rename({one: named[one] for one in held.columns}), units, asked), 0
        return
    texts = past.cases.get_column(past.column)
    schema = pl.Struct({name: _dtype(given) for name, given in asked.items()})
    chunks = [texts.slice(start, CHUNK) for start in range(0, len(texts), CHUNK)]
    try:
        decoded = pl.collect_all(
            [chunk.to_frame("inputs").lazy().select(pl.col("inputs").str.json_decode(schema)) for chunk in chunks]
        )
        yield from ((one.unnest("inputs"), 0) for one in decoded)
    except pl.exceptions.PolarsError:
        yield from (_read_chunk(chunk, schema, asked) for chunk in chunks)


def _in_units(frame: pl.DataFrame, units: Mapping[str, str], asked: Mapping[str, Input]) -> pl.DataFrame:
    return frame.with_columns(in_unit(frame.get_column(name), name, asked[name], unit) for name, unit in units.items())


def _dtype(given: Input) -> pl.DataType:
    # A day stays a text: decoding would make a missing value of what is none, and nobody would be told.
    return pl.String() if given.type == "date" else DTYPES[given.type]


def _read_chunk(chunk: pl.Series, schema: pl.Struct, asked: Mapping[str, Input]) -> tuple[pl.DataFrame, int]:
    """Decode a chunk; where something is of another type, value by value, so that the table names what is wrong."""
    try:
        decoded: pl.DataFrame = chunk.str.json_decode(schema).struct.unnest()
        return decoded, 0
    except pl.exceptions.PolarsError:
        pass
    rows, bad = [], 0
    for text in chunk:
        found: Any = None
        with contextlib.suppress(ValueError):
            found = json.loads(text) if text is not None else None
        bad += not isinstance(found, dict)
        rows.append(found if isinstance(found, dict) else {})
    columns = {name: [_text(row.get(name)) for row in rows] for name in asked}
    return pl.DataFrame(columns, schema=dict.fromkeys(asked, pl.String)), bad


def _text(value: object) -> str | None:
    """A value of JSON as a cell of text, which the table reads by the type of its input."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return write_value(value)
    return json.dumps(value)
