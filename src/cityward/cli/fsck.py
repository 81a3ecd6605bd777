"""``cityward fsck``: is every file of the city what was written?"""

from __future__ import annotations

import sys
from typing import Final

import click

from cityward.city import open_city
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some

SHOWN: Final = 20
"""Faults that are told one by one on a terminal."""


@click.command()
@click.option("--mend", is_flag=True, help="Mend what can be mended without a loss; the ledger is told.")
@city_option
@json_option
def fsck(mend: bool, folder: str, json_: bool) -> None:
    """Check every file of a city: log, tables, registers, ledger, receipts, turns, keys, and what was never finished.

    Reads only, unless --mend is given. Ends with 0 when all is well or was mended, with 1 when something is left for a
    person to do, and with 2 when there is no such city.
    """
    from cityward.city import fsck as checks

    with open_city(folder) as city:
        found = checks.mend(city) if mend else checks.faults(city)
    left = [one for one in found if not one.mended]
    if json_:
        as_json({"sound": not left, "faults": found})
    elif not found:
        click.echo("Every file of the city is what was written.")
    else:
        click.echo(f"{some(len(found), 'fault')} found, {len(found) - len(left)} mended.")
        for one in found[:SHOWN]:
            done = "Mended." if one.mended else one.remedy
            click.echo(f"\n{one.file}: {one.what}\n  {one.means}\n  {done}")
        if len(found) > SHOWN:
            click.echo(f"\n… and {len(found) - SHOWN:,} more; --json tells all.")
    if left:
        sys.exit(EXIT_NO)
