"""From a file's columns to rows that can be counted: who was selected, what came of it, which group, which arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import polars as pl

from cityward.answerable.audit import columns
from cityward.answerable.audit.columns import YesNo
from cityward.core.errors import UserError

ARM: Final = "random arm"
WEIGHT: Final = "weight"
SCORE: Final = "score"
CHANCE: Final = 0.5
"""From here on a chance means yes when nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of an audit; names are columns of the table.

    ``positive`` holds values that mean yes, or ``COLUMN=VALUE``. ``arm`` is a column that is yes for people drawn at
    random, or ``COLUMN=VALUE``. ``edges`` cut group columns of numbers; of those in ``each``
    every value is a group. ``weight`` says how many cases a row stands
    for. ``min_n``: rates out of fewer people are flagged and not ranked.
    """

    groups: tuple[str, ...]
    prediction: str | None = None
    outcome: str | None = None
    score: str | None = None
    threshold: float | None = None
    positive: tuple[str, ...] = ()
    arm: str | None = None
    weight: str | None = None
    time: str | None = None
    outcome_time: str | None = None
    person: str | None = None
    follow_up_days: int | None = None
    until: date | None = None
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    each: frozenset[str] = frozenset()
    reference: str = ""
    min_n: int = 30
    level: float = 0.95
    depth: int = 2
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Rows:
    """``frame`` has the group columns, ``prediction``, ``outcome``, `SCORE`, `ARM` and `WEIGHT`; one row a row."""

    frame: pl.DataFrame
    by: tuple[str, ...]
    taken_as: dict[str, str]
    design: Literal["plain", "arm", "controls"]
    notes: tuple[str, ...]


def read(table: pl.DataFrame, asked: Request) -> Rows:
    """Read the columns that were asked for.

    Raises
    ------
    UserError
        A column is not there, is of a kind that cannot be read, or nothing is asked.
    """
    _check(table, asked)
    _check_days(table, (asked.time, asked.outcome_time))
    taken: dict[str, str] = {}
    notes: list[str] = []
    made = [_group(table[name], asked, notes) for name in asked.groups]
    outcome = None
    if asked.outcome:
        outcome = _yes_no(table[asked.outcome], asked, taken, "outcome")
    arm = _arm(table, asked, taken)
    prediction = _prediction(table, asked, taken, notes, arm)
    score = columns.numbers(table[asked.score]) if asked.score else None
    if asked.score and score is not None and not score.count():
        raise UserError(f"Score '{asked.score}' holds no numbers.", "Name a column of numbers with --score.")
    nothing = pl.repeat(None, table.height, dtype=pl.Int8, eager=True)
    design = _design(prediction, arm)
    if design == "controls" and arm is not None:
        prediction = (~arm).cast(pl.Int8)
    frame = table.select(
        *made,
        pl.Series("prediction", prediction if prediction is not None else nothing),
        pl.Series("outcome", outcome if outcome is not None else nothing),
        pl.Series(SCORE, score if score is not None else nothing.cast(pl.Float64)),
        pl.Series(ARM, arm if arm is not None else nothing.cast(pl.Boolean)),
        (_weight(table[asked.weight]) if asked.weight else pl.lit(1, dtype=pl.Int64)).alias(WEIGHT),
    )
    return Rows(frame, asked.groups, taken, design, tuple(notes))


def _check(table: pl.DataFrame, asked: Request) -> None:
    if not table.height:
        raise UserError("The file has no rows.", "Give a file with rows.")
    if not (asked.prediction or asked.outcome or asked.score):
        raise UserError("Nothing is asked.", "Name at least one of --prediction, --outcome and --score.")
    if not asked.groups:
        raise UserError("No group is named.", "Name at least one column with --group.")
    arm = asked.arm.split("=", 1)[0] if asked.arm and asked.arm not in table.columns else asked.arm
    single = (asked.prediction, asked.outcome, asked.score, arm, asked.weight, asked.time, asked.outcome_time)
    for name in (*single, asked.person, *asked.groups, *asked.edges, *asked.each):
        if name is not None and name not in table.columns:
            known = ", ".join(f"'{one}'" for one in table.columns[:30])
            raise UserError(f"The file has no column '{name}'.", f"Its columns are {known}.")
    twice = {name for name in asked.groups if asked.groups.count(name) > 1}
    if twice:
        raise UserError(f"Group '{min(twice)}' is named more than once.", "Name each group column once.")
    if asked.outcome and asked.outcome in asked.groups:
        raise UserError(f"'{asked.outcome}' is both the outcome and a group.", "Name another column as the group.")
    if asked.outcome and asked.outcome == asked.prediction:
        raise UserError(f"'{asked.outcome}' is both the prediction and the outcome.", "Name two columns.")
    odd = {"prediction", "outcome", SCORE, ARM, WEIGHT} & set(asked.groups)
    if odd:
        raise UserError(f"A group cannot be called '{min(odd)}'.", "Rename the column.")


def _check_days(table: pl.DataFrame, names: Sequence[str | None]) -> None:
    """A column of days without days would leave the gate and the checks without them, and nobody would be told."""
    for name in names:
        if name is not None and columns.dates(table[name]) is None:
            raise UserError(f"Column '{name}' holds no days.", "Write days as 2014-06-30, or name another column.")


def _group(column: pl.Series, asked: Request, notes: list[str]) -> pl.Series:
    names, how = columns.groups(column, asked.edges.get(column.name, ()), each=column.name in asked.each)
    if how:
        notes.append(f"Groups of {how}.")
    return names.alias(column.name)


def _positive(column: pl.Series, asked: Request) -> tuple[str, ...]:
    """Values of ``--positive`` that are meant for this column: named with it, or found in it."""
    named = tuple(one.split("=", 1)[1] for one in asked.positive if one.startswith(f"{column.name}="))
    if named:
        return named
    plain = {one.lower() for one in asked.positive}
    held = columns.texts(column).str.to_lowercase().unique().drop_nulls().to_list() if plain else []
    return tuple(one for one in asked.positive if one.lower() in held)


def _yes_no(column: pl.Series, asked: Request, taken: dict[str, str], role: str) -> pl.Series:
    read_as: YesNo = columns.yes_no(column, _positive(column, asked))
    taken[role] = read_as.how
    return read_as.values


def _prediction(
    table: pl.DataFrame, asked: Request, taken: dict[str, str], notes: list[str], arm: pl.Series | None
) -> pl.Series | None:
    name = asked.prediction or (asked.score if asked.threshold is not None else None)
    if name is None:
        return None
    column = table[name]
    positive = _positive(column, asked)
    binary = column.dtype == pl.Boolean or columns.texts(column).drop_nulls().n_unique() <= 2
    if asked.threshold is not None and asked.prediction and binary and columns.texts(column).count():
        notes.append(f"The threshold is not used: '{name}' is yes or no already.")
    elif asked.threshold is not None and not positive:
        read_as = columns.yes_no(column, threshold=asked.threshold)
        taken["prediction"] = read_as.how
        return read_as.values
    if arm is not None and asked.arm and asked.arm.split("=", 1)[0] == name and not positive:
        taken["prediction"] = f"{name} is not the random arm"
        return (~arm).cast(pl.Int8)
    if not positive and columns.is_chance(column):
        notes.append(f"'{name}' holds chances from 0 to 1: from {CHANCE:g} on they mean yes, or from --threshold.")
        read_as = columns.yes_no(column, threshold=CHANCE)
        taken["prediction"] = read_as.how
        return read_as.values
    return _yes_no(column, asked, taken, "prediction")


def _arm(table: pl.DataFrame, asked: Request, taken: dict[str, str]) -> pl.Series | None:
    if asked.arm is None:
        return None
    if asked.arm in table.columns:
        column = table[asked.arm]
        held = columns.texts(column).drop_nulls().unique().to_list()
        drawn = tuple(value for value in held if "random" in value.lower() and not value.lower().startswith("no"))
        read_as = columns.yes_no(column, drawn)
    else:
        name, value = asked.arm.split("=", 1)
        read_as = columns.yes_no(table[name], (value,))
    taken["random arm"] = read_as.how
    drawn_rows = (read_as.values == 1).fill_null(value=False)
    if not drawn_rows.any():
        raise UserError(f"Nobody is in the random arm ({read_as.how}).", "Give --arm COLUMN=VALUE.")
    return drawn_rows


def _design(prediction: pl.Series | None, arm: pl.Series | None) -> Literal["plain", "arm", "controls"]:
    """Whether the random arm is a part of a whole population, or stands beside people who were picked."""
    if arm is None:
        return "plain"
    if prediction is None:
        return "controls"
    inside, outside = prediction.filter(arm).drop_nulls(), prediction.filter(~arm).drop_nulls()
    if inside.n_unique() < 2 and outside.n_unique() < 2 and (not len(outside) or outside[0] == 1):
        return "controls"
    return "arm"


def _weight(column: pl.Series) -> pl.Series:
    values = columns.numbers(column)
    if values.null_count() or bool((values < 0).any()) or bool((values != values.round()).any()):
        raise UserError(
            f"Weights in '{column.name}' must be whole numbers of cases, none missing.", "Mend or leave out --weight."
        )
    return values.cast(pl.Int64)


def told(rows: Rows, asked: Request) -> Sequence[pl.Series]:
    """Prediction and score as numbers, under their names in the file."""
    found = []
    if rows.frame["prediction"].count() and rows.design != "controls":
        found.append(rows.frame["prediction"].cast(pl.Float64).alias(asked.prediction or asked.score or "prediction"))
    if asked.score:
        found.append(rows.frame[SCORE].alias(asked.score))
    return found


def dated(table: pl.DataFrame, asked: Request) -> tuple[pl.DataFrame | None, pl.Series | None]:
    """Rows behind the error rates and the day of each, when a column of days was named and rows are people."""
    if asked.time is None or asked.weight:
        return None, None
    days = columns.dates(table[asked.time])
    rows = read(table, asked)
    if days is None or rows.design == "controls":
        return None, None
    if rows.design == "arm":
        return rows.frame.filter(pl.col(ARM)), days.filter(rows.frame[ARM])
    return rows.frame, days
