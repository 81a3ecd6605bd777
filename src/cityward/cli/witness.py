"""``cityward witness``: sign checkpoints of other cities, or ask others to sign this city's."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cityward.cli.main import EXIT_NO, as_json, city_option, json_option
from cityward.cli.serving import check_free

_FOLDER = click.argument("folder", type=click.Path(path_type=Path))


@click.group()
def witness() -> None:
    """Witnesses: who signs that a ledger was never changed behind everybody's back."""


@witness.command()
@_FOLDER
@click.option(
    "--name", required=True, help="Name of the witness: an address without https://, such as w.example.org/1."
)
def init(folder: Path, name: str) -> None:
    """Make a witness in the new FOLDER and print its key, for the cities that ask it."""
    from cityward.secure.witness_folder import make_witness

    click.echo(make_witness(folder, name))


@witness.command()
@_FOLDER
@click.argument("key")
def trust(folder: Path, key: str) -> None:
    """Let the witness in FOLDER sign the log with this verifier KEY ('cityward keys show' of that city)."""
    from cityward.secure.witness_folder import trust as trust_

    click.echo(f"Checkpoints of '{trust_(folder, key)}' are signed from now on; restart 'cityward witness serve'.")


@witness.command()
@_FOLDER
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8766, show_default=True, type=click.IntRange(1, 65535))
def serve(folder: Path, host: str, port: int) -> None:
    """Answer requests to co-sign (C2SP tlog-witness), until interrupted."""
    import uvicorn

    from cityward.api.witness import create_witness_app
    from cityward.secure.witness_folder import open_witness

    opened = open_witness(folder)
    check_free(host, port)
    click.echo(f"The witness answers on http://{host}:{port} (stop with Ctrl-C).")
    uvicorn.run(
        create_witness_app(opened), host=host, port=port, log_level="warning", access_log=False, server_header=False
    )


@witness.command()
@_FOLDER
@json_option
def alarms(folder: Path, json_: bool) -> None:
    """List logs that contradicted themselves before the witness in FOLDER."""
    from cityward.secure.witness_folder import open_witness

    found = open_witness(folder).alarms()
    if json_:
        as_json(found)
        return
    for one in found:
        click.echo(f"{one.at:%Y-%m-%d %H:%M} {one.sentence}")
    if not found:
        click.echo("No log contradicted itself.")


@witness.command()
@city_option
@json_option
def ask(folder: str, json_: bool) -> None:
    """Ask the witnesses of [ledger.witnesses] to sign this city's checkpoint; nobody else is ever asked."""
    from cityward.city import open_city

    with open_city(folder) as city:
        asked = city.witnessing.ask()
    if json_:
        as_json(asked)
    else:
        for line in (*asked.alarms, *asked.problems):
            click.echo(line, err=True)
        told = ", ".join(sorted(asked.seen)) or "nobody"
        click.echo(f"{len(asked.seen)} of {asked.need} signatures that are needed, over {asked.size} entries: {told}.")
    if not asked.enough:
        sys.exit(EXIT_NO)
