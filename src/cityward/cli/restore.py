"""``cityward restore``: a city from a repository of backups."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import as_json, json_option, some
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.secure.backup.snapshot import Snapshot

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--from", "repo", required=True, help="The repository: a folder, or s3://bucket/prefix.")
@click.option("--keys", required=True, type=_FOLDER, help="The newest copy of the city's keys/.")
@click.option("--passphrase-file", type=_FILE, help="What opens the repository; default backup.passphrase in --keys.")
@click.option("--as-of", help="The newest copy that the server had by then: 2026-11-30T10:00, in UTC unless it says.")
@click.option("--snapshot", help="The identifier or number of a snapshot instead.")
@click.option("--checkpoint", type=_FILE, help="A later checkpoint of the ledger: what it knows more is told.")
@click.option("--by", help="Your name, if you are one of the people: another one has to agree.")
@json_option
def restore(
    folder: Path,
    repo: str,
    keys: Path,
    passphrase_file: Path | None,
    as_of: str | None,
    snapshot: str | None,
    checkpoint: Path | None,
    by: str | None,
    json_: bool,
) -> None:
    """Restore a city into the new FOLDER, check all of it, and say its first answer.

    What was cut off goes on when the same is done again. With the keys of a city that is there (DIR/keys) and has two
    security officers, a second one has to agree; with a copy of keys from elsewhere nobody can be asked.
    """
    from cityward.city.backing_up import passphrase_in
    from cityward.city.restoring import restore as restored

    told = restored(
        repo,
        folder,
        keys,
        passphrase_in(passphrase_file or keys / "backup.passphrase"),
        as_of=_moment(as_of),
        snapshot=snapshot,
        checkpoint=checkpoint.read_text(encoding="utf-8") if checkpoint else None,
        allowed=lambda meant: _agreed(keys, meant, folder, by),
    )
    if json_:
        as_json(told)
        return
    click.echo(f"Snapshot {told.snapshot} of {told.at:%Y-%m-%d %H:%M:%S} (the server's clock, UTC) is in {folder}.")
    click.echo(
        f"{some(told.files, 'file')} are what was sealed; all {told.ledger_entries:,} entries of the ledger are whole. "
        f"{told.seconds:.1f} s."
    )
    if told.entries_lost:
        click.echo(
            f"Lost: the checkpoint that you gave knows {some(told.entries_lost, 'entry').replace('entrys', 'entries')} "
            "more. What was done in them is not here, and has to be done again."
        )
    if told.people_gone:
        click.echo(f"{some(told.people_gone, 'record')} of people who were erased since cannot be opened any more.")
    click.echo(told.answer)


def _agreed(keys: Path, meant: Snapshot, folder: Path, by: str | None) -> None:
    """Ask the city whose keys these are for a second person; raises `Refused` while nobody has agreed."""
    from cityward.city import open_city
    from cityward.cli.agreeing import second_person

    if (keys.parent / "city.toml").exists():
        words = f"Restore snapshot {meant.id} of {meant.at:%Y-%m-%d %H:%M} into {folder.name}."
        exact = f"{meant.digest}\n{folder.resolve()}".encode()
        with open_city(keys.parent) as city, second_person(city, "restore", meant.id, exact, words, by, officers=True):
            pass  # the agreement counts once, for this restore


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"'{text[:40]}' is not a moment.", "Write it as 2026-11-30T10:00.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
