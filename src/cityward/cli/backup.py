"""``cityward backup``: make, list, verify, prove, prune, follow, status, and sealed files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cityward.city import open_city
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.secure.backup.prune import Pruning
    from cityward.secure.backup.repository import Repository

_PATH = click.Path(path_type=Path)


def to_option(function: Any) -> Any:
    """Add ``--to REPO``."""
    return click.option("--to", "repo", help="The repository; default that of city.toml.")(function)


@click.group()
def backup() -> None:
    """Backups: snapshots in a repository, or one sealed file. Each person's rows are under a key of their own.

    A repository is a folder or s3://bucket/prefix. Keys lie in no backup: keep a copy of keys/ elsewhere, and replace
    it after each erasure.
    """


# -- by the city -----------------------------------------------------------------------------------


@backup.command()
@to_option
@click.option("--restic", help="A restic repository that gets a copy of a repository in a folder.")
@city_option
@json_option
def make(repo: str | None, restic: str | None, folder: str, json_: bool) -> None:
    """Make a snapshot of the city, also while 'cityward serve' runs."""
    with open_city(folder) as city:
        made = city.backups.make(repo)
        where = city.backups.url(repo)
    if restic is not None:
        _to_restic(where, restic)
    if json_:
        as_json(made)
        return
    click.echo(
        f"Snapshot {made.snapshot}: {some(made.files, 'file')}, {_mib(made.plain_bytes)}; "
        f"{_mib(made.written_bytes)} were new. {made.seconds:.1f} s."
    )
    for one in made.odd:
        click.echo(f"Look at this: {one.what} {one.remedy}")


def _to_restic(where: str, restic: str) -> None:
    """Copy a repository that lies in a folder into one of restic: what it holds stays sealed in there."""
    if "://" in where:
        raise UserError("restic copies from a folder.", "Make the backup to a folder first, with --to.")
    repository = _opened(where, None)
    newest = repository.newest()
    wrong = repository.broken_chain() + (repository.damaged(newest) if newest else [])
    if wrong:
        raise UserError(
            f"The repository is not whole and was not copied: {wrong[0]}.",
            "What restic holds from before may be the last that is. 'cityward backup verify' names what is wrong.",
        )
    tag = f"cityward-{repository.about.id},snapshot-{newest.id if newest else 'none'}"
    command = ["restic", "-r", restic, "backup", "--quiet", "--exclude", "incoming", "--tag", tag, where]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (no shell)
    except FileNotFoundError:
        raise UserError("restic is not installed.", "Install it (Debian: apt install restic).") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise UserError(
            f"restic did not make its copy: {said[-1][:200] if said else done.returncode}.",
            "The snapshot itself is made. Set RESTIC_PASSWORD_FILE, and make the repository with 'restic init'.",
        )


@backup.command()
@to_option
@click.option("--for", "seconds", type=click.FloatRange(0.0), help="Stop after so many seconds.")
@city_option
def follow(repo: str | None, seconds: float | None, folder: str) -> None:
    """Copy what changes within a second, until Ctrl-C; 'serve' does so by [backup] continuous = true."""
    from cityward.city.following import Following

    with open_city(folder) as city:
        following = Following(city, repo, tell=lambda text: click.echo(text, err=True))
        click.echo(f"Copying what changes to {city.backups.url(repo)} (stop with Ctrl-C).")
        click.echo(f"{some(following.run(seconds), 'step')} copied.")


@backup.command()
@to_option
@city_option
@json_option
def status(repo: str | None, folder: str, json_: bool) -> None:
    """Say how old the newest copy is, what is not copied yet, and which snapshot a drill proved last."""
    with open_city(folder) as city:
        told = city.backups.status(repo)
    if json_:
        as_json(told)
    elif told.snapshot is None:
        click.echo("The repository holds no snapshot yet: 'cityward backup make'.")
    else:
        steps = f" and {some(told.steps, 'step')} after it" if told.steps else ""
        click.echo(f"Newest    {told.snapshot}{steps}, {told.at:%Y-%m-%d %H:%M:%S} by the server's clock.")
        behind = f"{told.lag_seconds:,.1f} s of changes are not copied" if told.lag_seconds else "all is copied"
        click.echo(f"Lag       {behind}.")
        click.echo(f"Proven    {told.proven or 'none: no drill has restored a snapshot yet'}.")
        click.echo(f"Opens     until {told.opens_until}; then the key of its days is destroyed.")
        for wrong in told.wrong:
            click.echo(f"Wrong     {wrong}.")
    if told.wrong:
        raise click.exceptions.Exit(EXIT_NO)


# -- by whoever keeps the repository ---------------------------------------------------------------


def _opened(repo: str, key: Path | None) -> Repository:
    from cityward.secure.backup.places import open_place
    from cityward.secure.backup.repository import Repository
    from cityward.secure.keys import load_public_key

    return Repository(open_place(repo), load_public_key(key) if key else None)


def repository_options(function: Any) -> Any:
    """Add the argument REPO and ``--key FILE``."""
    key = click.option("--key", type=_PATH, help="The city's public key (ledger.pub); default that in the repository.")
    return click.argument("repo")(key(function))


@backup.command("list")
@repository_options
@json_option
def list_(repo: str, key: Path | None, json_: bool) -> None:
    """List the snapshots of REPO; needs no secret."""
    repository = _opened(repo, key)
    there = repository.indexes()
    found = [one for one in repository.snapshots() if one.header.index in there]
    proven = {proof.sequence for proof, _, right in repository.proofs() if right}
    if json_:
        as_json([{"id": one.id, "at": one.at, "header": one.header, "signed": one.right} for one in found])
        return
    for one in found:
        marks = f"{'  proven' if one.header.sequence in proven else ''}{'' if one.right else '  NOT SIGNED'}"
        figures = one.header.figures
        click.echo(
            f"{one.id:<16} {one.at:%Y-%m-%d %H:%M:%S}  {figures.files:>7,} files {_mib(figures.plain_bytes):>12}{marks}"
        )


@backup.command()
@repository_options
@click.option("--sizes-only", is_flag=True, help="Do not read the packs: look at names and sizes.")
@json_option
def verify(repo: str, key: Path | None, sizes_only: bool, json_: bool) -> None:
    """Check the chain of snapshots, their signatures, and every byte of their packs; needs no secret."""
    repository = _opened(repo, key)
    wrong, there = repository.broken_chain(), repository.indexes()
    seen: dict[str, bool] = {}
    count = 0
    for one in repository.snapshots():
        if one.header.index not in there:
            continue
        for part in (one, *repository.steps(one.header.sequence)):
            count += 1
            bad = repository.damaged(part, read=not sizes_only, seen=seen)
            wrong += [f"pack {name} of snapshot {part.id} is missing or was changed" for name in bad]
    if json_:
        as_json({"snapshots": count, "packs": len(seen), "wrong": wrong})
    else:
        for line in wrong:
            click.echo(f"{line[:1].upper()}{line[1:]}.")
        if not wrong:
            how = "are there, with their sizes" if sizes_only else "are whole"
            click.echo(f"{some(count, 'snapshot')} follow from one another; their {some(len(seen), 'pack')} {how}.")
    if wrong:
        raise click.exceptions.Exit(EXIT_NO)


@backup.command()
@repository_options
@click.option("--keep-last", default=3, show_default=True, type=click.IntRange(1))
@click.option("--keep-daily", default=14, show_default=True, type=click.IntRange(0), help="Days that have a snapshot.")
@click.option("--keep-weekly", default=8, show_default=True, type=click.IntRange(0))
@click.option("--keep-monthly", default=12, show_default=True, type=click.IntRange(0))
@click.option("--accept", multiple=True, type=int, help="A snapshot whose anomaly you have looked at; remembered.")
@click.option("--state", type=_PATH, help="Where accepted anomalies are remembered; never in the repository.")
@click.option("--sizes-only", is_flag=True, help="Do not read the packs that stay: look at names and sizes.")
@click.option("--delete", is_flag=True, help="Delete; without this only say what would be deleted.")
@click.option("--city", "folder", type=_PATH, help="The city whose second security officer has to agree to it.")
@click.option("--by", help="Your name, if you are one of its people.")
@json_option
def prune(
    repo: str,
    key: Path | None,
    keep_last: int,
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
    accept: tuple[int, ...],
    state: Path | None,
    sizes_only: bool,
    delete: bool,
    folder: Path | None,
    by: str | None,
    json_: bool,
) -> None:
    """Delete snapshots that need not be kept; run where REPO lies, by who keeps it.

    Of each day, week and month by the server's clock the first snapshot stays, and what drills proved. When anything
    is out of the ordinary nothing is deleted.
    """
    from cityward.secure.backup import prune as pruning
    from cityward.secure.backup.retention import Policy

    repository = _opened(repo, key)
    policy = Policy(keep_last=keep_last, keep_daily=keep_daily, keep_weekly=keep_weekly, keep_monthly=keep_monthly)
    accepted = _accepted(state, repository.about.id, accept)
    planned = pruning.look(repository, policy, accepted, read=not sizes_only)
    if not delete:
        _told(planned, json_=json_)
        return
    with _agreed(folder, repository, planned, by):
        _told(pruning.prune(repository, policy, accepted, read=not sizes_only), json_=json_)


@contextmanager
def _agreed(folder: Path | None, repository: Repository, planned: Pruning, by: str | None) -> Iterator[None]:
    """Let a second person of the city agree to exactly these deletions; without a city nobody is asked."""
    if folder is None:
        yield
        return
    from cityward.cli.agreeing import second_person

    drops = ", ".join(planned.drops) or "no snapshot"
    words = f"These backups go: {drops}; {some(planned.packs, 'pack')} that nothing names."
    exact = "\n".join([repository.about.id, *planned.drops]).encode()
    with open_city(folder) as city, second_person(city, "prune", repository.about.id, exact, words, by, officers=True):
        yield


def _accepted(state: Path | None, identifier: str, more: tuple[int, ...]) -> frozenset[int]:
    """Snapshots whose anomalies were accepted, before and now; kept where who writes backups cannot write."""
    home = Path(os.environ.get("XDG_STATE_HOME", str(Path.home() / ".local" / "state")))
    path = state or home / "cityward" / f"backup-{identifier}.json"
    known = set(msgspec.json.decode(path.read_bytes(), type=list[int])) if path.exists() else set()
    if more:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(msgspec.json.encode(sorted(known | set(more))))
    return frozenset(known | set(more))


def _told(done: Pruning, *, json_: bool) -> None:
    if json_:
        as_json(done)
    else:
        for name, reasons in done.keeps.items():
            click.echo(f"Stays     {name}: {', '.join(dict.fromkeys(reasons))}")
        for name in done.drops:
            click.echo(f"{'Deleted' if done.done else 'Would go':<9} {name}")
        freed = f"{some(done.packs, 'pack')}, {_mib(done.freed_bytes)}"
        click.echo(f"{'Deleted' if done.done else 'Would go':<9} {freed}")
        for one in done.against:
            named = f"snapshot {one.snapshot}: " if one.snapshot else ""
            click.echo(f"Against   {named}{one.what} {one.remedy}")
    if done.against:
        raise click.exceptions.Exit(EXIT_NO)


# -- one sealed file -------------------------------------------------------------------------------


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


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f} MiB"
