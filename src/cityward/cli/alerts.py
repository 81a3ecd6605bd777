"""``cityward alerts``: what looks like an attack on the city, who owns it, and by which playbook."""

from __future__ import annotations

import click

from cityward.city import open_city
from cityward.city.isolating import LIFT_ACTION
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, by_option, city_option, json_option, signed
from cityward.secure.watch.alerts import SecurityAlert


@click.group(invoke_without_command=True)
@click.option("--all", "all_", is_flag=True, help="Closed ones too.")
@city_option
@json_option
@click.pass_context
def alerts(context: click.Context, all_: bool, folder: str, json_: bool) -> None:
    """List what stands open, the gravest first; 'check' looks anew."""
    if context.invoked_subcommand is None:
        with open_city(folder) as city:
            _list(list(city.alerts.all()) if all_ else city.alerts.open(), json_)


@alerts.command()
@city_option
@json_option
def check(folder: str, json_: bool) -> None:
    """Look at sign-ins, exports, privileges, sources and drills; list what stands open."""
    with open_city(folder) as city:
        _list(city.alerts.check(), json_)


@alerts.command()
@click.argument("identifier")
@by_option
@city_option
@json_option
def take(identifier: str, by: str, folder: str, json_: bool) -> None:
    """Say that you work on an alert."""
    with open_city(folder) as city:
        _list([city.alerts.take(identifier, by)], json_)


@alerts.command()
@click.argument("identifier")
@signed("What was found and done, in at least 10 characters. Name nobody.")
@city_option
@json_option
def close(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Close an alert."""
    with open_city(folder) as city:
        _list([city.alerts.close(identifier, by, because)], json_)


@alerts.command()
@signed("What was found and done, in at least 10 characters. Name nobody.")
@city_option
@json_option
def lift(by: str, because: str, folder: str, json_: bool) -> None:
    """Let an isolated city take in and change things again, as a security officer who has looked at it."""
    with open_city(folder) as city:
        one = city.isolation.standing()
        if one is not None:
            city.isolation.check_officer(by)
            words = f"Lift the isolation {one.id}: the city writes and copies again."
            with second_person(city, LIFT_ACTION, one.id, because.encode(), words, by, officers=True):
                one = city.isolation.lift(by, because)
        else:
            one = city.isolation.lift(by, because)  # says that none stands
    if json_:
        as_json(one)
    else:
        click.echo(f"{one.id} is lifted (ledger entry {one.receipt}). A city that is served goes on within seconds.")


def _list(found: list[SecurityAlert], json_: bool) -> None:
    if json_:
        as_json(found)
        return
    for one in found:
        click.echo(f"{one.id}  {one.state}, seen {one.times}×: {one.sentence}")
        click.echo(f"    {one.duty.owner}; playbook docs/playbooks/{one.duty.playbook}.md")
    if not found:
        click.echo("No alert is open.")
