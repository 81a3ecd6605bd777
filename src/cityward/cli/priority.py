"""The command 'priority': how a ranking by risk would have done on a file of visits."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.city.case_settings import read_visits
from cityward.cli.main import as_json, json_option
from cityward.cli.tables import read_table
from cityward.core.words import percent


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--outcome", required=True, help="Column that says what the visit found: 0 or 1, or a count.")
@click.option("--time", required=True, help="Column with the day of the visit.")
@click.option("--train-until", required=True, help="Last day to learn from; the rows after it are judged.")
@click.option("--features", multiple=True, help="Columns to learn from, with commas; default: all others.")
@click.option("--leave-out", multiple=True, help="Columns that must not be used, with commas.")
@click.option("--id", "id_", help="Column that names who is visited.")
@click.option("--compare", help="Column with another score to compare with.")
@click.option("--test", help="Column of flags: only such rows are judged.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@json_option
def priority(
    file: Path,
    outcome: str,
    time: str,
    train_until: str,
    features: tuple[str, ...],
    leave_out: tuple[str, ...],
    id_: str | None,
    compare: str | None,
    test: str | None,
    seed: int,
    json_: bool,
) -> None:
    """Try a ranking by risk on the past of a Parquet or CSV file."""
    from cityward.anticipate.priority_trial import Question, read_names, trial

    asked = Question(
        outcome=outcome,
        time=time,
        train_until=train_until,
        features=read_names(features),
        leave_out=read_names(leave_out),
        id=id_,
        compare=compare,
        test=test,
        seed=seed,
    )
    told = trial(read_table(file, read_visits), asked)
    if json_:
        as_json(told)
        return
    for finding in told["findings"]:
        click.echo(f"{'Not used' if finding.refused else 'Note'}: {finding.column}: {finding.because}.")
    judged = told["judged"]
    if told["without_day"]:
        click.echo(f"Left out: {told['without_day']:,} rows whose day cannot be read.")
    newest = "the newest " if told["learned"]["rows"] < told["past"]["rows"] else ""
    click.echo(
        f"{told['model']} learned from {newest}{told['learned']['rows']:,} visits of {told['past']['rows']:,} in the "
        f"past; judged on {judged['rows']:,} later ones."
    )
    click.echo(f"AUC {told['auc']:.3f}; Brier {told['brier']:.4f}, of the base rate {told['brier_base_rate']:.4f}.")
    click.echo(f"{'order':<24}{'in the first half':>30}{'days earlier':>26}")
    for name, one in told["orders"].items():
        share, days = one["first_half_share"], one["days_earlier"]
        low, high = share["interval"]
        less, more = days["interval"]
        shown = f"{percent(share['value'], 1)} ({percent(low, 1)} to {percent(high, 1)})"
        gained = f"{days['value']:.1f} ({less:.1f} to {more:.1f})"
        click.echo(f"{name:<24}{shown:>30}{gained:>26}")
    if judged["small"]:
        click.echo(f"Only {judged['found']} findings after the day: the figures are rough.")
