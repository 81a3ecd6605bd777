"""Decides many cases at once by one rule: a frame and a table in, a frame of decisions out; nothing is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import polars as pl

from cityward.answerable.table import Table, in_order, make_table, write_form
from cityward.answerable.table.columns import DTYPES, closest, take_columns
from cityward.answerable.table.toml_form import read_toml
from cityward.core.decided import KeptRule, text_digest
from cityward.core.errors import LedgerError, UserError
from cityward.core.frames import DECISION, UTC_TIME, conform
from cityward.core.limits import DECISION_CASES, ID_CHARS

OUTCOME: Final = "outcome"
"""Output that says what is decided; a rule without it says so by its first."""

WAITS: Final = "waits"
"""Output (yes-no) that makes a case wait for a person."""

RULES_READ: Final = 32
"""Kept rules that stay read: each look at a decision asks for its rule several times."""

NOTHING: Final = "the rule decides nothing: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns of a frame of cases beside the inputs of the rule; None where there is none."""

    case: str = "case"
    territory: str | None = None
    estimate: str | None = None
    low: str | None = None
    high: str | None = None
    cost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """Under what is decided: which version of a system, by which versions of rules, when, and whether all wait.

    ``kept`` is the one that decides, as it is kept beside what was decided by it.
    """

    system: str
    version: str
    system_digest: str
    tables: Mapping[str, Table]
    kept: KeptRule
    at: datetime
    strict: bool


def decide_cases(frame: pl.DataFrame, columns: Columns, under: Under) -> pl.DataFrame:
    """Decide every case of ``frame``.

    Parameters
    ----------
    frame : polars.DataFrame
        A row for each case: its identifier, the inputs of the rule (also as ``income [EUR/month]``), and ``columns``.
    columns : Columns
        Which columns hold what.
    under : Under
        Under what is decided.

    Returns
    -------
    polars.DataFrame
        With schema `cityward.core.frames.DECISION`, in the same order. ``id``, ``batch`` and ``inputs_digest`` are
        null: they are keyed, and whoever keeps the rows fills them in. A case that the rule does not decide has no
        ``row``, waits for a person, and says why in ``because``.

    Raises
    ------
    UserError
        There is no case, one has no identifier or one that is there twice, or a column is missing or out of type.
    """
    _check_cases(frame, columns.case)
    *used, rule = in_order(under.tables, under.kept.rule)
    units: dict[str, str] = {}
    given = frame
    for table in used:
        answers = table.decide(given, units)
        new = [name for name in table.sheet.outputs if name not in given.columns]
        given = given.with_columns(answers.select(new))
        units |= {name: unit for name in new if (unit := table.sheet.outputs[name].unit)}
    answers = rule.decide(given, units)
    told = _told(rule, answers)
    waits = answers[WAITS].fill_null(value=False) if WAITS in rule.sheet.outputs else pl.Series([False])
    waits = answers["row"].is_null() | waits | under.strict
    number = {name: _number(frame, getattr(columns, name), name) for name in ("estimate", "low", "high", "cost")}
    decided = pl.DataFrame(
        {
            "case": frame[columns.case].cast(pl.String),
            "territory": _text(frame, columns.territory),
            "row": answers["row"].cast(pl.Int64),
            "recommended": told,
            "because": (NOTHING + answers["reason"]).fill_null(""),
            "inputs": _inputs(rule, given, units),
            **number,
        }
    ).with_columns(
        pl.when(waits).then(None).otherwise(pl.col("recommended")).alias("outcome"),
        pl.when(waits).then(pl.lit("waiting")).otherwise(pl.lit("decided")).alias("state"),
        *(pl.lit(value).alias(name) for name, value in _same(under, rule).items()),
        *(pl.lit(under.at, dtype=UTC_TIME).alias(name) for name in ("decided_at", "changed_at")),
    )
    return conform(decided, DECISION)


def kept_rule(tables: Mapping[str, Table], rule: str) -> KeptRule:
    """A rule with all that it uses, as it is kept beside what was decided by it."""
    *uses, body = (write_form(table, "toml") for table in in_order(tables, rule))
    digest = text_digest((*uses, body))
    # The identifier of a record is short; the digest beside it is whole, and what is read is held against it.
    return KeptRule(id=digest[:16], rule=rule, version=tables[rule].version, digest=digest, body=body, uses=tuple(uses))


@lru_cache(maxsize=RULES_READ)
def rule_of(kept: KeptRule) -> Table:
    """The rule again.

    Raises
    ------
    LedgerError
        It is not the one that its digest names.
    """
    if not kept.holds(kept.digest):
        raise LedgerError(f"The rule {kept.rule} {kept.version} that is kept is not the one that was decided by.")
    return make_table(read_toml(kept.body, kept.rule), kept.rule)


def outcomes_of(rule: Table) -> tuple[str, ...]:
    """What a rule can decide, in the words of its rows and of its output's list of values."""
    name = _output(rule)
    said = [row.get(name) for row in rule.outcomes]
    texts = pl.Series([one for one in said if one is not None], dtype=DTYPES[rule.sheet.outputs[name].type])
    return tuple(dict.fromkeys([*rule.sheet.outputs[name].values, *_as_text(texts).to_list()]))


def _output(rule: Table) -> str:
    return OUTCOME if OUTCOME in rule.sheet.outputs else next(iter(rule.sheet.outputs))


def _same(under: Under, rule: Table) -> dict[str, str]:
    """What all rows say alike."""
    return {
        "system": under.system,
        "version": under.version,
        "system_digest": under.system_digest,
        "rule": rule.id,
        "rule_version": rule.version,
        "rule_digest": under.kept.digest,
        "by": "",
        "competence": "",
    }


def _check_cases(frame: pl.DataFrame, case: str) -> None:
    if case not in frame.columns:
        raise UserError(f"There is no column '{case[:60]}' that names the cases.", closest(case, frame.columns))
    if not 0 < frame.height <= DECISION_CASES:
        raise UserError(
            f"There are {frame.height:,} cases; from 1 to {DECISION_CASES:,} are decided at once.",
            "Give a file with cases." if not frame.height else "Part them.",
        )
    if frame[case].dtype.is_nested() or frame[case].dtype == pl.Object:
        raise UserError(f"The column '{case[:60]}' holds no names of cases.", "Give one text or number a case.")
    names = frame[case].cast(pl.String)
    # Names of cases may lead to persons: a message names the row.
    checks = (
        (names.is_null() | (names.str.strip_chars() == ""), "has no case", "Give each row the name of its case."),
        (names.str.len_chars() > ID_CHARS, f"names its case in more than {ID_CHARS} characters", "Shorten it."),
        (~names.is_first_distinct(), "names a case that an earlier row names", "Decide each case once."),
    )
    for wrong, what, remedy in checks:
        found = wrong.fill_null(value=True).arg_true()
        if found.len():
            raise UserError(f"Row {found[0] + 1:,} {what}; so do {found.len() - 1:,} others.", remedy)


def _text(frame: pl.DataFrame, column: str | None) -> pl.Series:
    if column is None:
        return pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    return _column(frame, column, "territory").cast(pl.String)


def _number(frame: pl.DataFrame, column: str | None, name: str) -> pl.Series:
    if column is None:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, frame.height)
    found = _column(frame, column, name)
    if not found.dtype.is_numeric() and found.dtype != pl.Null:
        raise UserError(f"The column '{column[:60]}' ({name}) holds no numbers.", "Give numbers, or leave it out.")
    known = found.cast(pl.Float64)
    return known.set(~known.is_finite().fill_null(value=True), None)


def _column(frame: pl.DataFrame, column: str, name: str) -> pl.Series:
    if column not in frame.columns:
        raise UserError(f"There is no column '{column[:60]}' ({name}).", closest(column, frame.columns))
    return frame[column]


def _told(rule: Table, answers: pl.DataFrame) -> pl.Series:
    """What the rule says of each case, as text; empty where it says nothing."""
    return _as_text(answers[_output(rule)]).fill_null("")


def _as_text(values: pl.Series) -> pl.Series:
    """Values as cells write them: whole numbers without a point, yes and no, days."""
    if isinstance(values.dtype, pl.List):
        return (
            values.to_frame("v").select(pl.col("v").list.eval(_written(values.dtype.inner)).list.join(", ")).to_series()
        )
    return values.to_frame("v").select(_written(values.dtype, pl.col("v"))).to_series()


def _written(dtype: object, value: pl.Expr | None = None) -> pl.Expr:
    value = pl.element() if value is None else value
    if dtype == pl.Boolean:
        return pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
    if dtype == pl.Float64:
        whole = (value == value.round()) & (value.abs() < 1e15)
        return pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
    return value.cast(pl.String)


def _inputs(rule: Table, frame: pl.DataFrame, units: Mapping[str, str]) -> pl.Series:
    """What the rule asked of each case, in its own units, as JSON objects."""
    taken = take_columns(rule.sheet.inputs, frame, units)
    named = [_plain(column).alias(name) for name, column in zip(rule.sheet.inputs, taken, strict=True)]
    return pl.DataFrame(named).select(pl.struct(pl.all()).struct.json_encode()).to_series()


def _plain(column: pl.Series) -> pl.Series:
    """A column of a type that JSON has a form for; of another type it is told as what it is, and no rule reads it."""
    if column.dtype.is_numeric() and column.dtype.is_float():
        # JSON knows no such numbers; as texts they are still out of type, and seen.
        odd = ~column.is_finite().fill_null(value=True)
        return column.cast(pl.String) if odd.any() else column
    if column.dtype.is_integer() or column.dtype in (pl.Boolean, pl.String, pl.Date, pl.Null):
        return column
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series([str(column.dtype)]).new_from_index(0, len(column))
