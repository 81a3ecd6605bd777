"""``cityward drill``: prove on a copy that the city can be attacked and comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cityward.city import open_city
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option
from cityward.secure.drill.emulate import Variant

if TYPE_CHECKING:
    from cityward.secure.drill.report import DrillReport

_WORK = click.option(
    "--work", type=click.Path(path_type=Path, file_okay=False), help="Where the copy goes; default: beside the city."
)
_SEED = click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the moment and order.")


@click.group()
def drill() -> None:
    """Drills on a copy of the city; the city itself is only read."""


@drill.command()
@click.option("--variant", default="samsam", show_default=True, type=click.Choice(get_args(Variant)))
@click.option("--small", is_flag=True, help="Begin within two seconds: for a check with every change.")
@_SEED
@_WORK
@city_option
@json_option
def ransomware(variant: Variant, small: bool, seed: int, work: Path | None, folder: str, json_: bool) -> None:
    """Encrypt a copy as SamSam did, notice it, isolate it, restore it; exit 1 when a target is missed."""
    from cityward.city.drill_ransomware import SMALL, Plan

    plan = Plan(variant=variant, seed=seed, wait_seconds=SMALL) if small else Plan(variant=variant, seed=seed)
    with open_city(folder) as city:
        _told(city.drills.ransomware(plan, work=work, say=_say(json_)), json_)


def _add(name: str, text: str) -> None:
    @drill.command(name, help=text)
    @_SEED
    @_WORK
    @city_option
    @json_option
    def further(seed: int, work: Path | None, folder: str, json_: bool) -> None:
        from cityward.city.drill_further import FURTHER

        with open_city(folder) as city:
            run = FURTHER[name]
            report = city.drills.run(name, lambda box, identifier: run(city, box, identifier, seed), work=work)
            _told(report, json_)


for _name, _text in (
    ("lost-disk", "Lose the whole folder of a copy, and restore it from its backup and the copy of its keys."),
    ("lost-key", "Lose the signing key of a copy: the city refuses to go on, and says what to do."),
    ("poisoned-backup", "Change one byte of the backup of a copy: it is named, and the snapshot before is restored."),
    ("insider-deletion", "Delete rows and entries of a copy by hand: the ledger names it, the backup gives them back."),
    (
        "database-unavailable",
        "Lock the registers of a copy: what comes in is refused by name, and nothing is half done.",
    ),
):
    _add(_name, _text)


@drill.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the drills that were run, newest first."""
    with open_city(folder) as city:
        found = city.drills.all()
        if json_:
            as_json(found)
            return
        for one in found:
            click.echo(f"{one.id}  {one.ended_at:%Y-%m-%d %H:%M} UTC  {one.kind} ({one.variant}): {one.headline}.")
        if not found:
            click.echo("No drill was run yet: 'cityward drill ransomware'.")


@drill.command()
@click.argument("identifier")
@city_option
@json_option
def show(identifier: str, folder: str, json_: bool) -> None:
    """Show the report of a drill, with its timeline."""
    with open_city(folder) as city:
        report = city.drills.get(identifier)
    if json_:
        as_json(report)
    else:
        _print(report)


def _say(json_: bool) -> Callable[[str], None]:
    return lambda text: None if json_ else click.echo(f"… {text}")


def _told(report: DrillReport, json_: bool) -> None:
    if json_:
        as_json(report)
    else:
        _print(report)
    if not report.passed:
        raise click.exceptions.Exit(EXIT_NO)


def _print(report: DrillReport) -> None:
    click.echo(f"{report.id}  {report.kind} ({report.variant}), seed {report.seed}: {report.headline}.")
    for one in report.targets:
        word = "met   " if one.met else "missed"
        click.echo(f"  {word}  {one.name}: {one.measured:g} {one.unit}".rstrip() + f" (at most {one.wanted:g})")
    for step in report.timeline:
        click.echo(f"  {step.at:>9.3f} s  {step.what}")
    for note in report.notes:
        click.echo(f"  {note}")
