"""``cityward backup``: seal and open."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option, some

_PATH = click.Path(path_type=Path)


@click.group()
def backup() -> None:
    """Sealed backups: each person under a key of their own, all of it under the key of the day.

    Keys do not lie in a backup. Keep a copy of keys/ elsewhere, and replace it after each erasure.
    """


@backup.command()
@click.argument("file", type=_PATH)
@city_option
@json_option
def seal(file: Path, folder: str, json_: bool) -> None:
    """Seal the city into the new FILE."""
    with open_city(folder) as city:
        rows = city.persons.seal(file)
        days = city.settings.retention.backup_keys
    if json_:
        as_json({"rows": rows, "opens_for_days": days})
    else:
        click.echo(f"{some(rows, 'row')} of interactions sealed. It can be opened for {days} days.")


@backup.command("open")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=_PATH)
@click.option("--keys", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="The keys.")
@json_option
def open_(file: Path, folder: Path, keys: Path, json_: bool) -> None:
    """Open FILE into the new FOLDER, with the keys of --keys."""
    from cityward.guard.backup import open_sealed

    told = open_sealed(file, keys, folder)
    if json_:
        as_json({"rows": told.rows, "people_gone": told.people_gone})
    else:
        click.echo(f"{some(told.rows, 'row')} restored; {told.people_gone:,} people were erased since it was sealed.")
