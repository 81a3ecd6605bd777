"""``cityward liability``: who answered for a decision, holds on its evidence, and the clock of serious incidents."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import EXIT_NO, as_json, by_option, city_option, json_option, signed
from cityward.core.errors import UserError
from cityward.core.liability import INCIDENT_DAYS

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.core.liability import Hold, IncidentKind, LiabilityFile, SeriousIncident

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])
_PATH = click.Path(path_type=Path)


def _open(folder: str) -> City:
    from cityward.city import open_city

    return open_city(folder)


_by = signed("Why, in at least 10 characters that name nobody.")


class _DecisionFirst(click.Group):
    """A word that is no command is the identifier of a decision."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            return "file", self.commands["file"], args
        return super().resolve_command(ctx, args)


@click.group(cls=_DecisionFirst)
def liability() -> None:
    """Who answered for a decision: 'cityward liability DECISION' assembles the file of its duties and facts."""


@liability.command("file")
@click.argument("decision")
@click.option("--to", "target", type=_PATH, help="Seal the file into FILE.zip, which is verified without the city.")
@city_option
@json_option
def file_(decision: str, target: Path | None, folder: str, json_: bool) -> None:
    """Assemble the liability file of DECISION; the same as 'cityward liability DECISION'."""
    if target is not None and target.exists():
        raise UserError(f"{target} exists already.", "A liability file is never written over; choose another name.")
    with _open(folder) as city:
        if target is None:
            found = city.liability.file(decision)
        else:
            found, data = city.liability.seal(decision)
            try:
                target.write_bytes(data)
            except OSError as error:
                raise UserError(f"{target} cannot be written: {error.strerror}.", "Choose another file.") from None
    if json_:
        as_json(found)
    elif target is None:
        _tell(found)
    else:
        click.echo(f"{found.id} of {decision} is in {target}. Check it anywhere: 'cityward liability verify {target}'.")


def _tell(found: LiabilityFile) -> None:
    from cityward.answerable.liability import readable

    document = readable(found)
    click.echo(f"{document.title}\n{document.about}")
    for section in document.sections:
        click.echo(f"\n{section.heading}")
        for line in section.lines:
            click.echo(f"  {line}")
        for row in section.table[1:]:
            click.echo(f"  {'  '.join(cell for cell in row if cell)}")


@liability.command()
@click.argument("file", type=_PATH)
@click.option("--key", type=_PATH, help="The city's public key, from somebody whom you trust.")
@json_option
def verify(file: Path, key: Path | None, json_: bool) -> None:
    """Check FILE without the city: every byte, every digest, every proof. Exit code 1 when something was changed."""
    from cityward.city.liability_check import check_file

    found = check_file(file, key)
    if json_:
        as_json(found)
    else:
        click.echo(found.message)
        for problem in found.problems[1:]:
            click.echo(f"    {problem}")
        if found.ok:
            click.echo(f"    {found.entries} entries of the ledger are proved by key {found.key}")
    if not found.ok:
        sys.exit(EXIT_NO)


# -- holds -----------------------------------------------------------------------------------------


def _held(one: Hold, json_: bool) -> None:
    if json_:
        as_json(one)
        return
    state = "stands" if one.stands else f"released by {one.released_by}"
    covers = f"{one.orders:,} orders, {one.interactions:,} reports, {one.decisions:,} decisions of cases"
    click.echo(f"{one.id}  {one.decision}  {state}: {covers}. Placed by {one.by}. Ledger entry {one.receipt}.")


@liability.command()
@click.argument("decision")
@_by
@city_option
@json_option
def hold(decision: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Hold the evidence of DECISION: neither retention nor erasure deletes it until the hold is released."""
    with _open(folder) as city:
        _held(city.liability.hold(decision, by, because), json_)


@liability.command()
@click.argument("identifier")
@_by
@city_option
@json_option
def release(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Release a hold; retention and erasure apply again."""
    with _open(folder) as city:
        _held(city.liability.release(identifier, by, because), json_)


@liability.command()
@city_option
@json_option
def holds(folder: str, json_: bool) -> None:
    """List holds, those that stand and those that were released."""
    with _open(folder) as city:
        found = city.liability.holds()
    if json_:
        as_json(found)
        return
    for one in found:
        _held(one, json_=False)
    if not found:
        click.echo("No evidence is held.")


# -- serious incidents -----------------------------------------------------------------------------


def _told(city: City, one: SeriousIncident, json_: bool) -> None:
    from cityward.answerable.liability.readable import told_incident

    if json_:
        as_json({"incident": one, "hours_left": round(city.liability.incidents.hours_left(one), 2)})
        return
    click.echo(f"{one.decision}  {told_incident(one, city.time_zone, city.clock.now())}")


@liability.group()
def incident() -> None:
    """Serious incidents: 15 days to tell the authority, 10 after a death, 2 where infrastructure or many are hit."""


@incident.command("open")
@click.argument("decision")
@click.option("--kind", required=True, type=click.Choice(list(INCIDENT_DAYS)), help="Which time of article 73 applies.")
@click.option("--what", required=True, help="What happened, in words that name nobody.")
@by_option
@click.option("--aware-at", type=_MOMENT, help="When provider or deployer became aware, in UTC; default: now.")
@city_option
@json_option
def open_(
    decision: str, kind: IncidentKind, what: str, by: str, aware_at: datetime | None, folder: str, json_: bool
) -> None:
    """Note a serious incident after DECISION; its clock starts when the city became aware."""
    with _open(folder) as city:
        moment = aware_at.replace(tzinfo=UTC) if aware_at else None
        _told(city, city.liability.incidents.open(decision, kind, what, by, moment), json_)


@incident.command()
@click.argument("identifier")
@by_option
@click.option("--because", default="", help="Reasons of a delay; needed once the time is over.")
@click.option("--incomplete", is_flag=True, help="It is a first report; the rest follows (article 73(5)).")
@city_option
@json_option
def report(identifier: str, by: str, because: str, incomplete: bool, folder: str, json_: bool) -> None:
    """Note that the authority was told. cityward sends nothing itself."""
    with _open(folder) as city:
        _told(city, city.liability.incidents.tell(identifier, by, because, incomplete=incomplete), json_)


@incident.command()
@click.argument("identifier")
@_by
@city_option
@json_option
def close(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Close it with a reason: what was done, or why no report was due."""
    with _open(folder) as city:
        _told(city, city.liability.incidents.close(identifier, by, because), json_)


@incident.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List serious incidents with their clocks."""
    with _open(folder) as city:
        found = city.liability.incidents.all()
        if json_:
            left = [round(city.liability.incidents.hours_left(one), 2) for one in found]
            as_json([{"incident": one, "hours_left": hours} for one, hours in zip(found, left, strict=True)])
            return
        for one in found:
            _told(city, one, json_=False)
    if not found:
        click.echo("No serious incident is noted.")
