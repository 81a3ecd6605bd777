"""``cityward sense`` and ``cityward listen``: data in."""

from __future__ import annotations

import functools
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

import click

from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import UserError
from cityward.core.records import Intake

if TYPE_CHECKING:
    from cityward.sense.mapping import Reading


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="Mapping of the file's columns (TOML).")
@click.option("--guess", is_flag=True, help="Print a proposed mapping and stop.")
@click.option("--replay", is_flag=True, help="The file was mended: good rows leave quarantine.")
@city_option
@json_option
def sense(file: Path, map_file: Path | None, guess: bool, replay: bool, folder: str, json_: bool) -> None:
    """Take in FILE (CSV, Parquet, NDJSON or GeoJSON, also gzipped)."""
    if guess:
        from cityward.sense.guess import guess as propose

        click.echo(propose(file), nl=False)
        return
    from cityward.city import open_city

    with open_city(folder) as city:
        mapping = city.add_mapping(map_file) if map_file else _only_mapping(city.mappings())
        intakes = city.sense(file, mapping, replay=replay)
        open_rows = [row for row in city.quarantine(5) if row["state"] == "open" and row["origin"] == file.name]
    total = summed(intakes)
    if json_:
        as_json(total)
        return
    click.echo(sum_line(total))
    if total["revised"] or total["repeated"]:
        click.echo(
            f"{total['revised']:,} rows brought a new version of a row held already; "
            f"{total['repeated']:,} were held already word for word and added nothing."
        )
    for row in open_rows:
        click.echo(f"  row {row['row']:,}: {row['reason']}")


def _only_mapping(mappings: dict[str, Reading]) -> Reading:
    if len(mappings) == 1:
        return next(iter(mappings.values()))
    known = f"This city knows: {', '.join(mappings)} (sources/*.toml)." if mappings else "Make one with --guess."
    raise UserError("Which mapping? Give it with --map.", known)


def summed(intakes: list[Intake]) -> dict[str, int]:
    """Sums over batches."""
    names = ("received", "admitted", "added", "revised", "repeated", "quarantined", "refused")
    return {name: sum(getattr(intake, name) for intake in intakes) for name in names}


def sum_line(total: dict[str, int]) -> str:
    """The conservation sum in a line."""
    return (
        f"{total['received']:,} received = {total['admitted']:,} admitted "
        f"+ {total['quarantined']:,} quarantined + {total['refused']:,} refused"
    )


@click.command()
@click.argument("broker", type=click.Choice(["mqtt", "nats"]))
@click.argument("url")
@click.argument("topic")
@click.option("--source", required=True, help="Source whose mapping applies.")
@click.option("--password-file", type=click.File("r"), help="Of the user in URL; or set CITYWARD_BROKER_PASSWORD.")
@click.option("--plain", is_flag=True, help="Let the connection to another machine be plain, without TLS.")
@city_option
def listen(
    broker: Literal["mqtt", "nats"],
    url: str,
    topic: str,
    source: str,
    password_file: TextIO | None,
    plain: bool,
    folder: str,
) -> None:
    """Take in NDJSON messages on TOPIC until interrupted; acknowledged once they are durable.

    URL names the user and never the password: mqtts://cityward@broker.example.org, tls://cityward@nats.example.org.
    """
    import importlib

    from cityward.city import open_city

    try:
        module = importlib.import_module(f"cityward.sense.sources.{broker}")
    except ModuleNotFoundError:
        raise UserError(f"The driver for {broker} is not installed.", f"Install 'cityward[{broker}]'.") from None
    password = password_file.read().strip() if password_file else os.environ.get("CITYWARD_BROKER_PASSWORD", "")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with open_city(folder) as city:
        click.echo(f"Listening on {topic}; stop with Ctrl-C.")
        take = functools.partial(city.take, source, origin=broker)
        module.listen(url, topic, source, take, stop, password=password, plain=plain)
