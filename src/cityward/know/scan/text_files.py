"""Readers of the text files that users of other scan programs have: cases, controls, places, population.

One row a line: fields between blanks, commas or semicolons; names with blanks in double quotes; empty lines
are left out. Dates are of a day, a month or a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import SCAN_FILE_BYTES
from cityward.know.scan.frames import Unit

FIELD = r'"[^"]*"|[^\s,;"]+'

MOST_FIELDS = 32
"""No row has more: an identifier, a number, a date, and covariates."""

CENTURY, PIVOT = 1900, 100
"""Years of two digits are of the twentieth century, as in the files of the time when they were usual."""

MIDDLE_MONTH, MIDDLE_DAY = 7, 15
"""A count of people in a year is taken to be of 1 July, one of a month of its 15th."""

DATE = r"^(\d{1,4})(?:[/.-](\d{1,4}))?(?:[/.-](\d{1,4}))?$"
"""Year first, or last after month and day as in the United States."""

LAST_DAY_OF_MONTH = 31
"""A first number above it is a year."""


@dataclass(frozen=True, slots=True)
class Read:
    """Rows of a file, and the precision of its dates (None when it has none)."""

    frame: pl.DataFrame
    unit: Unit | None


def read_places(path: Path, coordinates: str | None = None) -> tuple[pl.DataFrame, bool]:
    """Read ``id latitude longitude`` or ``id x y``; also tell whether they are degrees.

    Parameters
    ----------
    path : Path
        The file.
    coordinates : str, optional
        ``degrees`` or ``plane``; None: degrees when all of them could be.
    """
    rows = _rows(path, "a location, and two coordinates", least=3, most=3)
    frame = rows.select(
        pl.col("line"), pl.col("f0").alias("place"), *(_number(rows, f"f{at}").alias(f"f{at}") for at in (1, 2))
    )
    _whole(frame, path, "f1", "f2", what="a coordinate is not a number")
    can_be = bool(frame.select(((pl.col("f1").abs() <= 90) & (pl.col("f2").abs() <= 180)).all()).item())
    degrees = can_be if coordinates is None else coordinates == "degrees"
    if degrees and not can_be:
        raise UserError(f"The coordinates of {path.name} cannot be degrees.", "Give --coordinates plane.")
    names = {"f1": "y", "f2": "x"} if degrees else {"f1": "x", "f2": "y"}
    return frame.rename(names).select("place", "x", "y"), degrees


def read_cases(path: Path, *, covariates: int | None, value: str = "cases") -> Read:
    """Read ``id number [date] [covariates]``.

    Parameters
    ----------
    path : Path
        The file.
    covariates : int, optional
        How many; None: what comes after the date.
    value : str
        Name of the number.
    """
    rows = _rows(path, f"a location, a number of {value}, and mostly a date", least=2, most=MOST_FIELDS)
    width = _width(rows, path)
    dated = width > 2 if covariates is None else width == 3 + covariates
    if covariates is not None and not dated and width != 2 + covariates:
        raise UserError(
            f"{path.name} has {width} fields a row; a location, a number, a date and {covariates} covariates make "
            f"{3 + covariates}.",
            "Name the same covariates in the case file as in the population file.",
        )
    frame = rows.select("line", pl.col("f0").alias("place"), _count(rows, "f1").alias(value), *_fields(2, width))
    _whole(frame, path, value, what=f"the number of {value} is not a whole number")
    unit: Unit | None = None
    if dated:
        frame, unit = _dated(frame, path, "f2")
    return Read(_with_category(frame, 3 if dated else 2, width).drop("line"), unit)


def read_population(path: Path) -> tuple[pl.DataFrame, int]:
    """Read ``id date population [covariates]``; also tell how many covariates there are."""
    rows = _rows(path, "a location, a date and a population", least=3, most=MOST_FIELDS)
    width = _width(rows, path)
    frame = rows.select(
        "line", pl.col("f0").alias("place"), "f1", _number(rows, "f2").alias("population"), *_fields(3, width)
    )
    _whole(frame, path, "population", what="the population is not a number")
    frame, _ = _dated(frame, path, "f1")
    return _with_category(frame, 3, width).drop("line"), width - 3


def _rows(path: Path, expected: str, *, least: int, most: int) -> pl.DataFrame:
    """Fields ``f0``, ``f1``, … of each line that has any, with its number."""
    text = _text(path)
    fields = pl.col("text").str.extract_all(FIELD)
    frame = pl.DataFrame({"text": text.splitlines()}, schema={"text": pl.String}).with_row_index("line", offset=1)
    frame = frame.select("line", fields=fields).filter(pl.col("fields").list.len() > 0)
    if not frame.height:
        raise UserError(f"{path.name} is empty.", f"Each row names {expected}.")
    wrong = frame.filter(~pl.col("fields").list.len().is_between(least, most))
    if wrong.height:
        raise UserError(
            f"{path.name}, line {wrong['line'][0]}: {len(wrong['fields'][0])} fields.", f"Each row names {expected}."
        )
    width = int(frame.select(pl.col("fields").list.len().max()).item())
    columns = (
        pl.col("fields").list.get(at, null_on_oob=True).str.strip_chars('"').alias(f"f{at}") for at in range(width)
    )
    return frame.select("line", *columns)


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > SCAN_FILE_BYTES:
            raise UserError(
                f"{path.name} is larger than {SCAN_FILE_BYTES:,} bytes.", "Sum its rows by place and day first."
            )
        body = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the name of the file.") from error
    encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _width(rows: pl.DataFrame, path: Path) -> int:
    """Number of fields, which must be that of every row."""
    width = rows.width - 1
    short = rows.filter(pl.col(f"f{width - 1}").is_null())
    if short.height:
        raise UserError(
            f"{path.name}, line {short['line'][0]}: fewer fields than other rows have ({width}).",
            "Give every row the same fields.",
        )
    return width


def _fields(first: int, width: int) -> list[str]:
    return [f"f{at}" for at in range(first, width)]


def _number(rows: pl.DataFrame, name: str) -> pl.Expr:
    found = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(found.is_finite()).then(found) if name in rows.columns else pl.lit(None, pl.Float64)


def _count(rows: pl.DataFrame, name: str) -> pl.Expr:
    found = _number(rows, name)
    return pl.when(found == found.round()).then(found).cast(pl.Int64, strict=False)


def _whole(frame: pl.DataFrame, path: Path, *names: str, what: str) -> None:
    wrong = frame.filter(pl.any_horizontal(pl.col(name).is_null() for name in names))
    if wrong.height:
        raise UserError(f"{path.name}, line {wrong['line'][0]}: {what}.", "Correct it.")


def _dated(frame: pl.DataFrame, path: Path, name: str) -> tuple[pl.DataFrame, Unit]:
    """Add ``time``, a day within what the date names, and tell the finest precision."""
    texts = frame.select(pl.col(name).alias("text")).unique()
    groups = pl.col("text").str.extract_groups(DATE).struct
    first, second, third = (groups.field(str(at)).cast(pl.Int32) for at in (1, 2, 3))
    year_first = first > LAST_DAY_OF_MONTH
    year = pl.when(second.is_null() | year_first).then(first).when(third.is_null()).then(second).otherwise(third)
    month = pl.when(second.is_null()).then(MIDDLE_MONTH).when(year_first).then(second).otherwise(first)
    told = pl.when(year_first).then(third).otherwise(second)
    day = pl.when(second.is_null()).then(1).when(third.is_null()).then(MIDDLE_DAY).otherwise(told)
    texts = texts.with_columns(
        unit=pl.when(second.is_null())
        .then(pl.lit("year"))
        .when(third.is_null())
        .then(pl.lit("month"))
        .otherwise(pl.lit("day")),
        year=pl.when(second.is_null() & (year < PIVOT)).then(year + CENTURY).otherwise(year),
        month=month,
        day=day,
    )
    texts = texts.with_columns(time=_date())
    frame = frame.join(texts.select(pl.col("text").alias(name), "time", "unit"), on=name, how="left")
    _whole(frame, path, "time", what="the date is not one like 2024/3/31, 3/31/2024, 2024/3 or 2024")
    units = set(frame["unit"])
    finest: Unit = "day" if "day" in units else "month" if "month" in units else "year"
    return frame.drop(name, "unit"), finest


def _date() -> pl.Expr:
    """Date of the columns year, month and day; null when there is no such day."""
    text = pl.format(
        "{}-{}-{}", "year", pl.col("month").cast(pl.String).str.zfill(2), pl.col("day").cast(pl.String).str.zfill(2)
    )
    return text.str.to_date("%Y-%m-%d", strict=False)


def _with_category(frame: pl.DataFrame, first: int, width: int) -> pl.DataFrame:
    names = [name for name in _fields(first, width) if name in frame.columns]
    if not names:
        return frame
    return frame.with_columns(category=pl.concat_str(names, separator=" ")).drop(names)
