"""The command 'divide': how unequal places are, whether the gap closes, and which of them can be ranked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.divide_text import tell, tell_city, tell_index
from cityward.cli.main import as_json, city_option, json_option
from cityward.cli.tables import pair, read_texts, where
from cityward.core.errors import UserError
from cityward.core.limits import DIVIDE_DRAWS

if TYPE_CHECKING:
    import polars as pl

    from cityward.equitable.divide.index import Index
    from cityward.equitable.divide.report import Divide

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--value", help="Column of the value.")
@click.option(
    "--index", help="Instead of a value: an index, by its name or a TOML file (household-internet, cityward)."
)
@click.option("--weight", "factors", multiple=True, help="NAME=FACTOR: change a weight of the index, as access=2.")
@click.option("--enough", type=click.FloatRange(0, 1), default=0.75, show_default=True, help="Known share for a rank.")
@click.option("--name", help="Column of names of places, for the index.")
@click.option("--place", multiple=True, help="Column that names a place; several name it together.")
@click.option("--weight-column", "weight", help="Column of people or households; default: places count the same.")
@click.option("--over", help="Column that the value is divided by (accesses over people).")
@click.option("--per", type=click.FloatRange(0, min_open=True), help="The value is per so many (100: per 100 people).")
@click.option("--group", help="Column of groups of places, as departments.")
@click.option("--time", multiple=True, help="Column of the time; several together, as year and quarter.")
@click.option("--at", multiple=True, help="A time, as 2016-4; more than once. Default: the first and the last.")
@click.option("--floor", type=float, help="Say who is below, and what it takes to bring them there.")
@click.option("--epsilon", "epsilons", type=float, multiple=True, help="Aversion of Atkinson's index [0.5 and 1].")
@click.option("--error", help="Column of the value's error: gives ranks with limits, and tiers.")
@click.option("--error-is", type=click.Choice(["sd", "moe90", "half95", "mae"]), help="What the error is.")
@click.option("--error-law", "law", type=click.Choice(["normal", "laplace"]), default="normal", show_default=True)
@click.option("--lower-is-better", is_flag=True, help="The first rank is of the lowest value.")
@click.option("--unit", type=click.Choice(["number", "percent", "share"]), help="Default: by the column's name.")
@click.option("--decimal", type=click.Choice([",", "."]), help="Sign of decimals; default: what the figures tell.")
@click.option("--repeated", type=click.Choice(["mean", "sum", "first", "last"]), help="Several values of one place.")
@click.option("--where", "conditions", multiple=True, help="COLUMN=VALUE: only such rows.")
@click.option("--sheet", help="Sheet of a workbook; default: the first.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Of the intervals.")
@click.option("--draws", type=click.IntRange(50, DIVIDE_DRAWS), default=1_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--show", type=click.IntRange(0), default=10, show_default=True, help="Most places in the text.")
@city_option
@json_option
def divide(
    file: Path | None,
    conditions: tuple[str, ...],
    sheet: str | None,
    show: int,
    folder: str,
    json_: bool,
    **asked: Any,
) -> None:
    """Say how unequal places are, over time, and in what order, from a table of places; or within a city.

    FILE is a CSV of any usual kind (also .gz), a Parquet file or a workbook, with one row for each place and time.
    Without FILE it is told of the areas of a city (--city DIR): their index, and whether all are served alike.
    """
    if file is None:
        _of_city(folder, asked, show, json_=json_)
        return
    if not asked["place"] or bool(asked["value"]) == bool(asked["index"]):
        raise UserError(
            "A divide needs places, and either a value or an index.",
            "Name columns with --place COL and --value COL, or choose --index household-internet.",
        )
    table = where(read_texts(file, sheet), conditions)
    found: Any = _of_index(table, asked) if asked["index"] else _of_value(table, asked)
    if json_:
        as_json(found)
    elif asked["index"]:
        tell_index(found, show)
    else:
        tell(found, show)


def _of_city(folder: str, asked: dict[str, Any], show: int, *, json_: bool) -> None:
    from cityward.city import open_city

    if asked["value"]:
        raise UserError(
            "A value is a column of a file.", "Name the file: cityward divide FILE --value COL --place COL."
        )
    with open_city(folder) as city:
        found = city.divide.told(asked["index"] or "cityward", _factors(asked["factors"]))
    if json_:
        as_json(found)
    else:
        tell_city(found, show)


def _of_index(table: pl.DataFrame, asked: dict[str, Any]) -> Index:
    from cityward.equitable.divide.index import compute
    from cityward.equitable.divide.index_reading import read_matrix
    from cityward.equitable.divide.presets import load_preset, reweighted

    preset = reweighted(load_preset(asked["index"]), _factors(asked["factors"]))
    law = asked["law"]
    matrix = read_matrix(table, preset, place=asked["place"], name=asked["name"], decimal=asked["decimal"], law=law)
    return compute(matrix, preset, level=asked["level"], law=law, enough_share=asked["enough"], seed=asked["seed"])


def _factors(given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for one in given:
        name, value = pair(one)
        try:
            found[name] = float(value)
        except ValueError:
            raise UserError(f"'{value[:40]}' is no weight.", "Write --weight access=2.") from None
    return found


def _of_value(table: pl.DataFrame, asked: dict[str, Any]) -> Divide:
    from cityward.equitable.divide.examine import Question, examine
    from cityward.equitable.divide.reading import Asked, read_values

    columns = Asked(**{name: asked[name] for name in Asked.__struct_fields__})
    question = Question(
        at=asked["at"],
        floor=asked["floor"],
        level=asked["level"],
        epsilons=_epsilons(asked["epsilons"]),
        law=asked["law"],
        higher_is_better=not asked["lower_is_better"],
        draws=asked["draws"],
        seed=asked["seed"],
    )
    return examine(read_values(table, columns), asked["value"], question)


def _epsilons(given: tuple[float, ...]) -> tuple[float, ...]:
    if any(not 0 < one <= 100 for one in given):
        raise UserError("An aversion to inequality lies above 0, up to 100.", "Give --epsilon 0.5, 1 or 2.")
    return tuple(dict.fromkeys(given)) or (0.5, 1.0)
