"""Reads a table of places into values, people, groups and errors; what cannot be used is named, with its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.equitable.divide.figures import Decimal, decimal_of, read_figures
from cityward.equitable.divide.ranking import Law, half_width

Unit = Literal["number", "percent", "share"]
Repeated = Literal["mean", "sum", "first", "last"]
ErrorIs = Literal["sd", "moe90", "half95", "mae"]

EXAMPLES: Final = 10
CONFLICTS_SHARE_MAX: Final = 0.05
"""Above this share of places that are given two values, a column is missing that tells the rows apart."""

_PER: Final[dict[Unit, float]] = {"percent": 100.0, "share": 1.0}
_PERCENT: Final = re.compile(r"%|per ?cent|porcent|pct", re.IGNORECASE)
_SHARE: Final = re.compile(r"\bshare\b|_share$|proporci", re.IGNORECASE)
_SEPARATOR: Final = "-"
_MOST: Final = 0.95
"""A few slips above 1 do not make shares per cent."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns of a table say what.

    ``value`` is divided by ``over`` and times ``per`` when ``over`` is given. ``weight`` counts people or households;
    ``place`` and ``time`` may be several columns that name a place or a time together. ``error`` is an error of the
    value, as ``error_is`` says; default: what the name of the column says.
    """

    value: str
    place: tuple[str, ...]
    weight: str | None = None
    over: str | None = None
    group: str | None = None
    time: tuple[str, ...] = ()
    error: str | None = None
    error_is: ErrorIs | None = None
    law: Law = "normal"
    unit: Unit | None = None
    per: float | None = None
    decimal: Decimal | None = None
    repeated: Repeated | None = None


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are in no figure: why, how many, and the first of them (row numbers from 1, below the heading)."""

    reason: str
    rows: int
    examples: tuple[str, ...]


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What was read.

    ``frame`` has one row for each place and time: ``place``, ``period`` (its number in ``periods``), ``value``,
    ``weight`` (1 where there is none), ``group`` and ``error`` (standard deviation; null where not stated).
    """

    frame: pl.DataFrame
    periods: tuple[str, ...]
    unit: Unit
    per: float | None
    rows: int
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    without_value: dict[str, int]


def column_of(table: pl.DataFrame, name: str) -> str:
    """The column that ``name`` means: as it is written, or but for case and spaces around it; raises UserError."""
    if name in table.columns:
        return name
    alike = [one for one in table.columns if one.strip().casefold() == name.strip().casefold()]
    if len(alike) != 1:
        known = ", ".join(f"'{one[:60]}'" for one in table.columns[:30])
        raise UserError(f"There is no column '{name[:80]}'.", f"Columns are {known}.")
    return alike[0]


def read_values(table: pl.DataFrame, asked: Asked) -> Values:
    """Return the values of ``table``, one of each place and time.

    Raises
    ------
    UserError
        A column is missing, nothing can be used, or many places have two values at one time.
    """
    if not table.height:
        raise UserError("The table has no rows.", "Check the file.")
    frame, unit, notes = _columns(table, asked)
    left, aside = _usable(frame, unit)
    left, more, told = _single(left, table, asked)
    without = _count_by_period(frame.filter(pl.col("value").is_null() & pl.col("period").is_not_null()))
    if not left.height:
        raise UserError(
            f"No row has a value in '{asked.value[:60]}' that can be used.",
            f"{' '.join(f'{one.rows:,} rows: {one.reason}.' for one in aside)} Check --value and --decimal.",
        )
    labels = _in_order(left["period"].unique().to_list())
    number = {label: at for at, label in enumerate(labels)}
    return Values(
        frame=left.with_columns(pl.col("period").replace_strict(number, return_dtype=pl.Int64)).sort("period", "place"),
        periods=tuple(labels),
        unit=unit,
        per=asked.per or _PER.get(unit),
        rows=table.height,
        set_aside=(*aside, *more),
        notes=(*notes, *told, *_missing_periods(labels)),
        without_value=without,
    )


def period_of(label: str, periods: Sequence[str]) -> tuple[int, str]:
    """The number of the period that ``label`` means, and a note where it names several, of which the last is taken.

    Raises
    ------
    UserError
        There is no such period.
    """
    if label in periods:
        return periods.index(label), ""
    wanted = _digits(label)
    same = [at for at, one in enumerate(periods) if wanted and _digits(one) == wanted]
    within = [at for at, one in enumerate(periods) if wanted and _digits(one)[: len(wanted)] == wanted]
    if len(same) == 1:
        return same[0], ""
    if within:
        last = within[-1]
        return last, f"{label} has {len(within)} periods; the last of them, {periods[last]}, is taken."
    known = f"{periods[0]} to {periods[-1]}" if periods != ("",) else "none, for no --time is given"
    raise UserError(f"There is no period '{label[:60]}'.", f"Periods are {known}.")


def _columns(table: pl.DataFrame, asked: Asked) -> tuple[pl.DataFrame, Unit, list[str]]:
    """The columns that are needed, as figures and texts, with the number of their row."""
    named: dict[str, str] = {
        name: column_of(table, column)
        for name, column in (
            ("value", asked.value),
            ("over", asked.over),
            ("weight", asked.weight),
            ("group", asked.group),
            ("error", asked.error),
        )
        if column
    }
    figures = [name for name in ("value", "over", "weight", "error") if name in named]
    file_sign = asked.decimal or decimal_of([table[named[name]] for name in figures])
    columns: dict[str, pl.Series] = {
        "row": pl.int_range(1, table.height + 1, eager=True),
        "place": together(table, asked.place),
        "period": together(table, asked.time) if asked.time else pl.Series([""] * table.height),
        "written": table[named["value"]].cast(pl.String),
    }
    frame = pl.DataFrame(columns | {name: read_figures(table[named[name]], file_sign) for name in figures})
    notes = [] if file_sign != "," else ["Figures are read with a decimal comma; say --decimal . if they have a point."]
    if "over" in named:
        ratio = pl.col("value") / pl.col("over") * (asked.per or _PER.get(asked.unit or "number", 1.0))
        frame = frame.with_columns(pl.when(pl.col("over") > 0).then(ratio).alias("value"))
    unit, said = (
        unit_of(named["value"], frame["value"]) if not (asked.unit or asked.over) else (asked.unit or "number", [])
    )
    notes += said
    group = table[named["group"]].cast(pl.String).str.strip_chars() if "group" in named else None
    error, said = _error(frame, named.get("error"), asked)
    return (
        frame.with_columns(
            pl.col("weight") if "weight" in named else pl.lit(1.0).alias("weight"),
            pl.Series("group", group if group is not None else [None] * table.height, dtype=pl.String),
            error,
            pl.lit("weight" in named).alias("weighed"),
        ),
        unit,
        [*notes, *said],
    )


def unit_of(name: str, values: pl.Series) -> tuple[Unit, list[str]]:
    """What the name of a column says of its unit; per cent that never pass 1 are shares, which is noted."""
    if _SHARE.search(name):
        return "share", []
    if not _PERCENT.search(name):
        return "number", []
    most = values.quantile(_MOST)
    if most is not None and most <= 1:
        return "share", [f"'{name[:60]}' is read as shares from 0 to 1; say --unit percent if it is per cent."]
    return "percent", []


def _error(frame: pl.DataFrame, column: str | None, asked: Asked) -> tuple[pl.Series, list[str]]:
    """The stated error as a standard deviation."""
    if column is None:
        return pl.Series("error", [None] * frame.height, dtype=pl.Float64), []
    kind = asked.error_is or error_kind(column)
    error = frame["error"] * standard_deviations_in(kind, asked.law)
    spoilt = int((error < 0).sum())
    notes = [f"'{column}' is read as {ERROR_NAMES[kind]}; say otherwise with --error-is."]
    if spoilt:
        notes.append(f"Rows with an error below zero, which is taken as not stated: {spoilt:,}.")
    return error.set(error < 0, None), notes


def standard_deviations_in(kind: ErrorIs, law: Law) -> float:
    """Standard deviations in one of a stated error, for errors of a law.

    The mean absolute error is σ√(2/π) of a normal law and σ/√2 of Laplace's.
    """
    if kind == "sd":
        return 1.0
    if kind == "mae":
        return float(np.sqrt(np.pi / 2 if law == "normal" else 2.0))
    return 1 / half_width(0.9 if kind == "moe90" else 0.95, law)


ERROR_NAMES: Final[dict[ErrorIs, str]] = {
    "sd": "a standard error",
    "moe90": "a 90 % margin of error",
    "half95": "half of a 95 % interval",
    "mae": "a mean absolute error",
}


def error_kind(name: str) -> ErrorIs:
    """What the name of a column of errors says that it is; margins of surveys are of 90 % unless they say otherwise."""
    lower = name.casefold()
    if "95" in lower:
        return "half95"
    if "mae" in re.split(r"[^a-z]+", lower) or "absolute" in lower:
        return "mae"
    return "moe90" if "moe" in lower or "margin" in lower else "sd"


def _usable(frame: pl.DataFrame, unit: Unit) -> tuple[pl.DataFrame, list[SetAside]]:
    """Rows that can be counted, and the others by reason; a row has the first reason that holds."""
    most = {"percent": 100.0, "share": 1.0}.get(unit, float("inf"))
    stated = pl.col("written").is_not_null() & (pl.col("written").str.strip_chars() != "")
    reasons = [
        ("the place is not named", pl.col("place").is_null()),
        ("the time is not stated", pl.col("period").is_null()),
        ("no value is stated", ~stated),
        ("there is nothing to divide by (zero, negative or not stated)", pl.col("over") <= 0)
        if "over" in frame.columns
        else ("", pl.lit(value=False)),
        ("what is written is no figure", pl.col("value").is_null()),
        ("the value is negative", pl.col("value") < 0),
        (f"the share is above {most:g}{' %' if unit == 'percent' else ''}", pl.col("value") > most),
        ("the number of people or households is not stated", pl.col("weight").is_null()),
        ("the number of people or households is negative", pl.col("weight") < 0),
        ("there are no people or households", pl.col("weight") == 0),
    ]
    chosen = pl.coalesce(
        pl.when(condition.fill_null(value=False)).then(pl.lit(reason)) for reason, condition in reasons if reason
    )
    judged = frame.with_columns(chosen.alias("reason"))
    aside = [
        SetAside(reason=reason, rows=part.height, examples=_examples(part))
        for reason, _ in reasons
        if (part := judged.filter(pl.col("reason") == reason)).height
    ]
    return judged.filter(pl.col("reason").is_null()).drop("reason"), aside


def _examples(part: pl.DataFrame) -> tuple[str, ...]:
    return tuple(
        " ".join(filter(None, (row["place"] or "?", row["period"], f"(row {row['row']:,})")))[:120]
        for row in part.head(EXAMPLES).iter_rows(named=True)
    )


def _single(frame: pl.DataFrame, table: pl.DataFrame, asked: Asked) -> tuple[pl.DataFrame, list[SetAside], list[str]]:
    """One row for each place and time: equal ones once, others as ``repeated`` says, or set aside when they are few."""
    keys = ["place", "period"]
    distinct = frame.unique([*keys, "value", "weight", "error"], keep="first", maintain_order=True)
    notes = []
    if distinct.height < frame.height:
        notes.append(
            f"Rows that say again what another row says, and do not count: {frame.height - distinct.height:,}."
        )
    twice = distinct.filter(pl.struct(keys).is_duplicated())
    if not twice.height:
        return distinct, [], notes
    places = twice.select(keys).n_unique()
    if asked.repeated:
        notes.append(f"{places:,} places have several values at one time; the {asked.repeated} is taken.")
        return _merged(distinct, keys, asked.repeated), [], notes
    if places > CONFLICTS_SHARE_MAX * distinct.select(keys).n_unique():
        raise UserError(
            f"{places:,} places have several values at one time, as {_examples(twice)[0]}.",
            _apart(table, twice, asked),
        )
    aside = SetAside(
        reason="the place has different values at one time, and which is right is not known",
        rows=twice.height,
        examples=_examples(twice),
    )
    return distinct.filter(~pl.struct(keys).is_duplicated()), [aside], notes


def _merged(frame: pl.DataFrame, keys: list[str], how: Repeated) -> pl.DataFrame:
    if how in ("first", "last"):
        return frame.unique(keys, keep=how, maintain_order=True)
    weighed = (pl.col("value") * pl.col("weight")).sum() / pl.col("weight").sum()
    value = weighed if how == "mean" else pl.col("value").sum()
    return frame.group_by(keys, maintain_order=True).agg(
        value.alias("value"),
        (pl.col("weight").mean() if how == "mean" else pl.col("weight").sum()).alias("weight"),
        pl.col("row", "written", "group", "weighed").first(),
        pl.col("error").mean(),
    )


def _apart(table: pl.DataFrame, twice: pl.DataFrame, asked: Asked) -> str:
    """Name a column that tells the rows apart."""
    used = {asked.value, asked.weight, asked.over, asked.error, *asked.place, *asked.time}
    rows = table.with_columns(
        pl.Series("\0place", together(table, asked.place)),
        pl.Series("\0period", together(table, asked.time) if asked.time else [""] * table.height),
    )[[number - 1 for number in twice["row"].to_list()]]
    for name in table.columns:
        if name in used or rows[name].n_unique() < 2:
            continue
        if not rows.select(pl.struct("\0place", "\0period", name).is_duplicated()).to_series().any():
            return (
                f"'{name[:60]}' tells them apart: add it with --time or --place, or say --repeated mean, sum, first "
                "or last."
            )
    return "Add the columns that tell them apart with --time or --place, or say --repeated mean, sum, first or last."


def together(table: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Several columns as one text; nothing where one of them says nothing."""
    parts = [table[column_of(table, name)].cast(pl.String).str.strip_chars() for name in columns]
    parts = [part.set(part == "", None) for part in parts]
    return (
        pl.DataFrame([part.alias(str(at)) for at, part in enumerate(parts)])
        .select(pl.concat_str(pl.all(), separator=_SEPARATOR))
        .to_series()
    )


def _digits(label: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d{1,9}", label)]


def _in_order(labels: list[str]) -> list[str]:
    """By their numbers where all have some, else as texts."""
    if all(_digits(label) for label in labels):
        return sorted(labels, key=lambda label: (_digits(label), label))
    return sorted(labels)


def _count_by_period(frame: pl.DataFrame) -> dict[str, int]:
    return {str(name): rows for name, rows in frame["period"].value_counts(sort=True).iter_rows()}


def _missing_periods(labels: list[str]) -> list[str]:
    """Quarters or months of a year that the file does not have, though it has some before and after."""
    known = [tuple(_digits(label)) for label in labels]
    if len(known) < 3 or any(len(one) != 2 or not 1 <= one[1] <= 12 for one in known):
        return []
    cycle = 4 if max(part for _, part in known) <= 4 else 12
    at = {year * cycle + part for year, part in known}
    missing = [one for one in range(min(at), max(at)) if one not in at]
    if not missing or len(missing) > len(at):
        return []
    names = ", ".join(f"{(one - 1) // cycle}-{(one - 1) % cycle + 1}" for one in missing[:EXAMPLES])
    return [f"{len(missing)} periods between the first and the last are missing: {names}."]
