"""The command 'backtest': how the models would have done on a file of series."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import click

from cityward.cli.main import as_json, json_option
from cityward.cli.tables import read_table


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--series", required=True, help="Column that names the series.")
@click.option("--time", required=True, help="Column of dates or times.")
@click.option("--value", required=True, help="Column of numbers that are at least 0.")
@click.option("--freq", type=click.Choice(["D", "h"]), default="D", show_default=True, help="By day or hour.")
@click.option("--horizon", type=click.IntRange(1, 8784), default=28, show_default=True, help="Steps ahead.")
@click.option("--origins", type=click.IntRange(1, 400), default=3, show_default=True, help="Rolling origins.")
@click.option("--spacing", type=click.IntRange(1), help="Steps between origins; default: the horizon.")
@click.option("--missing", type=click.Choice(["zero", "gap"]), help="What a step without a row is.")
@click.option("--holidays", help="Holiday calendar, such as US-IL or AU-VIC.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="Folder of a pretrained model (Chronos, TiRex) to try as well.",
)
@click.option(
    "--forecasts", type=click.Path(dir_okay=False, path_type=Path), help="Write every forecast to this Parquet file."
)
@click.option("--no-seconds", "timeless", is_flag=True, help="Leave times out: equal runs then give equal bytes.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@json_option
def backtest(
    file: Path,
    series: str,
    time: str,
    value: str,
    freq: str,
    horizon: int,
    origins: int,
    spacing: int | None,
    missing: str | None,
    holidays: str | None,
    checkpoint: Path | None,
    forecasts: Path | None,
    timeless: bool,
    seed: int,
    threads: int,
    json_: bool,
) -> None:
    """Try every forecast model on the past of a Parquet or CSV file."""
    from cityward.anticipate import backtest as engine
    from cityward.anticipate.checkpoint import open_checkpoint
    from cityward.anticipate.holiday_calendar import named_holidays

    table = engine.tabulate(read_table(file), series=series, time=time, value=value, freq=freq, missing=missing)
    years = range(table.start.year, table.start.year + table.values.shape[1] // (365 * table.rhythm.day) + 2)
    run = engine.Run(
        horizon,
        origins,
        spacing,
        seed,
        threads,
        named_holidays(holidays, years) if holidays else {},
        open_checkpoint(checkpoint) if checkpoint else None,
    )
    tested = engine.backtest(table, run)
    if forecasts:
        tested.rows.write_parquet(forecasts)
    models = {
        name: {
            key: None if isnan(value) else value for key, value in one.items() if not (timeless and key == "seconds")
        }
        for name, one in tested.models.items()
    }
    told = {
        "series": len(table.names),
        "steps": table.values.shape[1],
        "missing": table.missing,
        "duplicates": table.duplicates,
        "left_out": table.left_out,
        "horizon": horizon,
        "origins_asked": origins,
        "origins": [str(origin) for origin in tested.rows["origin"].unique().sort()],
        "scored": tested.rows["came"].count(),
        "holidays": holidays,
        "models": models,
        "definitions": engine.DEFINITIONS,
    }
    if json_:
        as_json(told)
        return
    if len(tested.origins) < origins:
        click.echo(f"The table is long enough for {len(tested.origins)} of {origins} origins.")
    _tell(told, tested.rows.height)


def _tell(told: dict[str, Any], forecast: int) -> None:
    """Print what was tried, on what, and how it did."""
    click.echo(f"{told['series']:,} series, {told['steps']:,} steps; a step without a row is a {told['missing']}.")
    if told["left_out"]:
        click.echo(f"{told['left_out']:,} rows without a series, a time or a finite number were left out.")
    if told["duplicates"]:
        click.echo(f"{told['duplicates']:,} rows of a series and step that had one already were added to it.")
    click.echo(f"{told['scored']:,} of {forecast:,} values that were forecast are known.")
    click.echo(f"{'model':<36}{'scaled error':>14}{'quantile loss':>15}{'inside 80 %':>13}{'seconds':>10}")
    for name, one in told["models"].items():
        figures = (_figure(one["mase"]), _figure(one["wql"]), _figure(one["coverage_80"]))
        click.echo(f"{name:<36}{figures[0]:>14}{figures[1]:>15}{figures[2]:>13}{one.get('seconds', ''):>10}")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
