"""``cityward incidents``: what belongs together of what rules found, what stands behind it, and what it may cost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from cityward.city import open_city
from cityward.cli.incidents_text import costs, matched, story, told_filed, told_silence
from cityward.cli.main import as_json, by_option, city_option, json_option, signed
from cityward.core.clock import end_of_day
from cityward.secure.incidents.export import TLP, WARNING

if TYPE_CHECKING:
    from cityward.secure.incidents.records import SecurityIncident


@click.group(invoke_without_command=True)
@click.option("--all", "all_", is_flag=True, help="Closed ones too, and those that became part of another.")
@city_option
@json_option
@click.pass_context
def incidents(context: click.Context, all_: bool, folder: str, json_: bool) -> None:
    """List security incidents, the costliest first."""
    if context.invoked_subcommand is not None:
        return
    with open_city(folder) as city:
        held = city.incidents.all() if all_ else [one for one in city.incidents.all() if one.state != "joined"]
        found = held if all_ else [one for one in held if one.state in ("open", "taken", "silenced")]
        silent = city.incidents.active_silences()
    if json_:
        as_json({"incidents": [_brief(one) for one in found], "silences": silent})
        return
    for one in found:
        click.echo(f"{one.id}  {one.level}, {one.state}: {one.headline}")
        click.echo(f"    {matched(one)}. {costs(one)}")
    for quiet in silent:
        click.echo(told_silence(quiet))
    if not found:
        click.echo("No security incident stands open.")


@incidents.command()
@click.argument("identifier")
@city_option
@json_option
def show(identifier: str, folder: str, json_: bool) -> None:
    """Say what happened, in which order, to what, by whom, who stands behind it, and why it is one."""
    with open_city(folder) as city:
        one = city.incidents.get(identifier)
    if json_:
        as_json(one)
        return
    for line in story(one):
        click.echo(line)


@incidents.command()
@city_option
@json_option
def check(folder: str, json_: bool) -> None:
    """File what the city saw of attacks on itself ('cityward alerts')."""
    with open_city(folder) as city:
        told_filed(city.incidents.file_alerts(), json_=json_)


@incidents.command()
@click.argument("identifier")
@by_option
@city_option
@json_option
def take(identifier: str, by: str, folder: str, json_: bool) -> None:
    """Say that you work on it."""
    with open_city(folder) as city:
        _changed(city.incidents.take(identifier, by), json_)


@incidents.command()
@click.argument("identifier")
@signed("What was found and done, in at least 10 characters. Name nobody.")
@city_option
@json_option
def close(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Close it; what is seen later opens another."""
    with open_city(folder) as city:
        _changed(city.incidents.close(identifier, by, because), json_)


@incidents.command()
@click.argument("identifier")
@signed("Why it may be silent, in at least 10 characters. Name nobody.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day of the silence.")
@click.option("--actor", default="", help="Only this address or pseudonym.")
@click.option("--rule", default="", help="Only this rule.")
@click.option("--place", default="", help="Only this asset or host.")
@city_option
@json_option
def silence(
    identifier: str,
    by: str,
    because: str,
    until: datetime,
    actor: str,
    rule: str,
    place: str,
    folder: str,
    json_: bool,
) -> None:
    """Count what its rules see at its places, and tell it no more, until a day."""
    with open_city(folder) as city:
        ends = end_of_day(until.date(), city.time_zone)
        made = city.incidents.silence(identifier, by, because, ends, actor, rule, place)
    if json_:
        as_json(made)
    else:
        click.echo(told_silence(made))


@incidents.command()
@click.argument("identifier")
@click.option("--as", "form", required=True, type=click.Choice(["stix", "misp"]), help="STIX 2.1, or an event of MISP.")
@click.option("--tlp", type=click.Choice(TLP), default="amber", show_default=True, help="Who may have it.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: print it.")
@city_option
def export(identifier: str, form: Literal["stix", "misp"], tlp: str, to: Path | None, folder: str) -> None:
    """Export it for others; addresses leave the city with it, and nothing is sent by itself."""
    with open_city(folder) as city:
        made = city.incidents.export(identifier, form, tlp)
    click.echo(WARNING, err=True)
    text = msgspec.json.format(msgspec.json.encode(made), indent=2)
    if to is None:
        click.echo(text.decode())
    else:
        from cityward.core.disk import replace_file

        replace_file(to, text + b"\n")
        click.echo(f"Written to {to}, marked TLP:{tlp.upper()}.", err=True)


def _changed(one: SecurityIncident, json_: bool) -> None:
    if json_:
        as_json(_brief(one))
    else:
        click.echo(f"{one.id} is {one.state}, entry {one.receipt} of the ledger.")


def _brief(one: SecurityIncident) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    del told["traces"]
    return told | {"techniques": one.techniques}
