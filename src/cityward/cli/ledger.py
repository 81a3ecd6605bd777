"""``cityward ledger``, ``cityward verifier`` and ``cityward keys``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import click

from cityward.city import City, open_city
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import UserError


@click.group()
def ledger() -> None:
    """Receipts of the ledger for people elsewhere; its form on disk."""


@ledger.command()
@click.argument("about")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file (.tlog-proof) instead.")
@city_option
def prove(about: str, out: Path | None, folder: str) -> None:
    """Print the receipt of an entry: ABOUT is its number, or what it is about (D-0123456789).

    It is checked offline, by anybody: 'cityward verifier > verify.py' writes the program for it.
    """
    with open_city(folder) as city:
        text = city.ledger_keys.receipt(about)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}.", "Choose a new file.") from None
    click.echo(f"{out}")


@ledger.command()
@city_option
def convert(folder: str) -> None:
    """Write a ledger of an earlier version as tiles; it is verified before and after."""
    with open_city(folder) as city:
        with city.writing():
            size = city.writable_ledger().size
        proof = city.verify()
    click.echo(f"The ledger of {size:,} entries lies in tiles, as '{city.origin}'. {proof.message}")


@click.command()
def verifier() -> None:
    """Print the program that checks receipts without cityward (Python and 'cryptography' are enough)."""
    from cityward.secure import standalone_verifier

    click.echo(Path(standalone_verifier.__file__).read_text(encoding="utf-8"), nl=False)


@click.group()
def keys() -> None:
    """The key that signs the ledger: show, hand over, retire, or begin anew when it is lost."""


@keys.command()
@city_option
@json_option
def show(folder: str, json_: bool) -> None:
    """Print the verifier key of the ledger; give it to everybody who checks receipts."""
    with open_city(folder) as city:
        key, origin = city.ledger_keys.key(), city.origin
    if json_:
        as_json({"key": key, "origin": origin})
    else:
        click.echo(key)


_BY = click.option("--by", help="Your name, if you are one of the people: another one has to agree.")


def _two(city: City, what: str, words: str, by: str | None) -> AbstractContextManager[None]:
    """What is done to the key of the ledger takes two security officers, where there are two; it is about this key."""
    key = city.folder.public_key.read_bytes()
    return second_person(city, "rotate-key", what, key, words, by, officers=True)


@keys.command()
@_BY
@city_option
@json_option
def rotate(by: str | None, folder: str, json_: bool) -> None:
    """Hand the ledger over to a new key, by an entry that both sign; both sign from then on, until 'keys retire'."""
    with open_city(folder) as city:
        with _two(city, "rotate", "Hand the ledger over to a new key.", by):
            index = city.ledger_keys.rotate()
        key = city.ledger_keys.key()
    if json_:
        as_json({"entry": index, "key": key})
        return
    click.echo(f"Entry {index} hands the ledger over. The new key, for everybody who checks receipts:\n{key}")
    click.echo("Copy keys/ to its safe place. The old key signs beside it until 'cityward keys retire'.")


@keys.command()
@_BY
@city_option
def retire(by: str | None, folder: str) -> None:
    """Destroy the secret of the key before this one; what it signed stays valid."""
    with open_city(folder) as city, _two(city, "retire", "Destroy the key of the ledger before this one.", by):
        city.ledger_keys.retire()
    click.echo("The earlier key is destroyed. Destroy its copies too.")


@keys.command("replace-lost")
@click.option("--origin", required=True, help="Name of the new log, which no log had before.")
@_BY
@city_option
def replace_lost(origin: str, by: str | None, folder: str) -> None:
    """Begin a new log when keys/ledger.key is lost and no copy of it is left; docs/ledger.md says what that costs."""
    words = f"Begin the new log '{origin}', since the key of the ledger is lost."
    with open_city(folder) as city, _two(city, f"replace-lost {origin}", words, by):
        index = city.ledger_keys.replace_lost(origin)
    click.echo(f"The log '{origin}' began. Entry {index} says what the lost key signed last.")
    click.echo("Everybody needs the new key from you: 'cityward keys show'. Nobody can follow to it from the lost one.")
