"""Commands of work orders: orders, order, dispatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cityward.act.orders import STATES
from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import UserError
from cityward.core.words import moment

if TYPE_CHECKING:
    from cityward.core.work import OrderState


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@city_option
@json_option
def orders(state: str | None, folder: str, json_: bool) -> None:
    """List work orders, newest first."""
    with open_city(folder) as city:
        found = city.orders.list(state)
        told = [f"{order.id}  {city.orders.standing(order)}: {order.job.title}" for order in found]
    if json_:
        as_json(found)
        return
    for line in told:
        click.echo(line)
    if not told:
        click.echo("No orders. An approved proposal gives them out: 'cityward proposals', then 'cityward decide'.")


@click.command()
@click.argument("identifier")
@click.option("--accepted", "state", flag_value="accepted", help="Whoever does the work has accepted it.")
@click.option("--done", "state", flag_value="done", help="Whoever does the work says that it is done.")
@click.option("--confirm", "state", flag_value="confirmed", help="You looked yourself: it is fixed.")
@click.option("--reopen", "state", flag_value="reopened", help="You looked yourself: it is not fixed.")
@click.option("--cancel", "state", flag_value="cancelled", help="Take it back.")
@click.option("--send", "state", flag_value="send", help="Send it out, although it has no crew or came back too often.")
@click.option("--by", default="", help="Your first and last name.")
@click.option("--because", default="", help="Your reason; needed for --confirm, --reopen and --cancel.")
@city_option
@json_option
def order(identifier: str, state: str | None, by: str, because: str, folder: str, json_: bool) -> None:
    """Show the order IDENTIFIER, or record a step of its life."""
    with open_city(folder) as city:
        if state is None and (by or because):
            raise UserError("Which step?", "Add --accepted, --done, --confirm, --reopen, --cancel or --send.")
        if state == "send":
            held = city.orders.send_again(identifier, by)
        elif state is not None:
            step: OrderState = state  # type: ignore[assignment]
            held = city.orders.report(identifier, step, by, because)
        else:
            held = city.orders.get(identifier)
        standing, link = city.orders.standing(held), city.orders.ask(held.id)
    if json_:
        as_json({"order": held, "standing": standing})
        return
    click.echo(f"{held.id}: {standing}.")
    click.echo(held.instructions)
    for event in held.events:
        click.echo(f"  {moment(event.at)}  {event.state} by {event.by}: {event.because} [{event.receipt}]")
    click.echo(f"Residents answer on {link}")


@click.command()
@city_option
@json_option
def dispatch(folder: str, json_: bool) -> None:
    """Send what waits and take in what was reported, once."""
    with open_city(folder) as city:
        done = city.orders.dispatch()
        health = city.orders.sender.health()
    if json_:
        as_json({"dispatch": done, "messages": health["counts"]})
        return
    if not health["ways"]:
        click.echo("Nothing leaves this city: its city.toml has no [[send]] table.")
        return
    counts = health["counts"]
    click.echo(
        f"{done.delivered} delivered, {done.failed} failed, {done.reports} reports taken in. "
        f"{counts['waiting']} wait, {counts['stopped']} stopped."
    )
    for trouble in done.troubles:
        click.echo(trouble)
    for message in health["failing"]:
        click.echo(f"  {message.key}: {message.error} Tried {message.attempts} times.")
