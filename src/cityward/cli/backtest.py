"""The command 'backtest': how the models would have done on a file of series."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from cityward.cli.main import as_json, json_option
from cityward.core.errors import UserError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--series", required=True, help="Column that names the series.")
@click.option("--time", required=True, help="Column of dates or times.")
@click.option("--value", required=True, help="Column of counts.")
@click.option("--freq", type=click.Choice(["D", "h"]), default="D", show_default=True, help="By day or hour.")
@click.option("--horizon", type=click.IntRange(1, 8784), default=28, show_default=True, help="Steps ahead.")
@click.option("--origins", type=click.IntRange(1, 400), default=3, show_default=True, help="Rolling origins.")
@click.option("--spacing", type=click.IntRange(1), help="Steps between origins; default: the horizon.")
@click.option("--missing", type=click.Choice(["zero", "gap"]), help="What a step without a row is.")
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
    seed: int,
    threads: int,
    json_: bool,
) -> None:
    """Try every forecast model on the past of a Parquet or CSV file."""
    from cityward.anticipate import backtest as engine

    table = engine.tabulate(_read(file), series=series, time=time, value=value, freq=freq, missing=missing)
    models = engine.backtest(table, horizon=horizon, origins=origins, spacing=spacing, seed=seed, threads=threads)
    told = {
        "series": len(table.names),
        "steps": table.values.shape[1],
        "missing": table.missing,
        "duplicates": table.duplicates,
        "horizon": horizon,
        "models": models,
    }
    if json_:
        as_json(told)
        return
    click.echo(f"{told['series']:,} series, {told['steps']:,} steps; a step without a row is a {table.missing}.")
    click.echo(f"{'model':<36}{'scaled error':>14}{'quantile loss':>15}{'inside 80 %':>13}{'seconds':>10}")
    for name, one in models.items():
        inside = f"{one['coverage_80']:.0%}"
        click.echo(f"{name:<36}{one['mase']:>14.3f}{one['wql']:>15.3f}{inside:>13}{one['seconds']:>10.1f}")


def _read(file: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(file, try_parse_dates=True) if file.suffix.lower() == ".csv" else pl.read_parquet(file)
    except FileNotFoundError as error:
        raise UserError(f"{file} is not there.", "Check the path.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(
            f"{file} cannot be read as Parquet or CSV.", "Check that it is whole, and its ending."
        ) from error
