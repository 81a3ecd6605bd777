"""``cityward exercise``: play a scenario at the table, at once or over a day."""

from __future__ import annotations

import contextlib
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.city import open_city
from cityward.cli.main import as_json, by_option, city_option, json_option, some
from cityward.core.disk import durable, replace_file
from cityward.core.errors import CityBusy, UserError

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.secure.exercise.record import Exercise, Inject

LOOK_SECONDS = 1.0
LOOKS = 10
"""Looks at the keyboard after which the clock is noted, even when nothing is told: what a death costs at most."""

_LINE_CHARS = 4_000
_HELP = (
    "NUMBER WHO: WHAT notes a decision; 'order NUMBER WHO: a, b, c' an order of restore; "
    "'next' goes on at once, 'pause' stops here, 'end' closes the exercise."
)


class _Played(click.Group):
    """``exercise atlanta`` is short for ``exercise run atlanta``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Played)
def exercise() -> None:
    """Exercises at the table: 'cityward exercise atlanta --by "First Last"' plays one in this terminal.

    'start', 'next', 'decide' and 'end' play one step by step, over a day if need be.
    """


def _how(function: click.Command) -> click.Command:  # decorators, as click takes them
    for option in (
        click.option("--inventory", type=click.Path(path_type=Path), help="Default: the folder inventory of the city."),
        click.option("--speed", default=1.0, show_default=True, type=float, help="Minutes told in a minute."),
        click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**62), help="Of the event."),
        click.option("--severity", type=float, help="Share of events that are milder; default: as the script says."),
        click.option("--crews", default=3, show_default=True, type=click.IntRange(1, 1_000), help="That mend."),
    ):
        function = option(function)
    return function


@exercise.command()
@click.argument("scenario")
@by_option
@_how
@city_option
def run(
    scenario: str,
    by: str,
    inventory: Path | None,
    speed: float,
    seed: int,
    severity: float | None,
    crews: int,
    folder: str,
) -> None:
    """Play SCENARIO in this terminal: a script that ships, a file of one, or a scenario of the inventory."""
    with open_city(folder) as city:
        one = city.exercises.start(
            scenario, by=by, inventory=inventory, speed=speed, seed=seed, severity=severity, crews=crews, attended=True
        )
        click.echo(f"{one.id}: {one.name}. {some(len(one.injects), 'inject')}. {_HELP}")
        _tell(one, 0)
        _play(city, one)


@exercise.command()
@click.argument("scenario")
@by_option
@_how
@city_option
@json_option
def start(
    scenario: str,
    by: str,
    inventory: Path | None,
    speed: float,
    seed: int,
    severity: float | None,
    crews: int,
    folder: str,
    json_: bool,
) -> None:
    """Begin SCENARIO, to be played step by step: 'next', 'decide', 'pause', 'resume', 'end'."""
    with open_city(folder) as city:
        one = city.exercises.start(
            scenario, by=by, inventory=inventory, speed=speed, seed=seed, severity=severity, crews=crews
        )
        if json_:
            as_json(one)
            return
        click.echo(f"{one.id}: {one.name}. {some(len(one.injects), 'inject')}.")
        _tell(one, 0)


@exercise.command("next")
@city_option
@json_option
def next_(folder: str, json_: bool) -> None:
    """Tell the next inject; the clock jumps to its minute."""
    with open_city(folder) as city:
        before = city.exercises.get()
        one = city.exercises.next(before.id)
    if json_:
        as_json(one.injects[before.shown : one.shown])
    else:
        _tell(one, before.shown)


@exercise.command()
@click.argument("inject", type=click.IntRange(1))
@click.argument("what")
@by_option
@click.option("--owner", default="", help="The office that carries it out.")
@click.option("--order", default="", help="Order of restore: identifiers of assets with commas between.")
@city_option
@json_option
def decide(inject: int, what: str, by: str, owner: str, order: str, folder: str, json_: bool) -> None:
    """Note that WHAT was decided about inject number INJECT."""
    with open_city(folder) as city:
        one = city.exercises.decide(inject, what, by, owner=owner, order=_ids(order))
    if json_:
        as_json(one.decisions[-1])
    else:
        _noted(one)


@exercise.command()
@city_option
def pause(folder: str) -> None:
    """Let the clock stand still."""
    with open_city(folder) as city:
        one = city.exercises.pause()
    click.echo(f"{one.id} stands at {_at(one.anchor_minutes)}. 'cityward exercise resume' goes on.")


@exercise.command()
@city_option
def resume(folder: str) -> None:
    """Go on after a pause, or after the terminal of an exercise was closed."""
    with open_city(folder) as city:
        one = city.exercises.resume()
        click.echo(f"{one.id} goes on at {_at(one.anchor_minutes)}.")
        if one.attended:
            _tell(one, max(0, one.shown - 1))
            _play(city, one)


@exercise.command()
@click.option("--playbook", "playbooks", multiple=True, help="Technique that there is a playbook for; more than once.")
@city_option
@json_option
def end(playbooks: tuple[str, ...], folder: str, json_: bool) -> None:
    """End the exercise and say what was missing."""
    with open_city(folder) as city:
        one = city.exercises.end(playbooks=playbooks or None)
    if json_:
        as_json(one.told)
    else:
        _gaps(one)


@exercise.command()
@click.argument("identifier", default="")
@click.option(
    "--into", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a page (HTML) to be printed."
)
@city_option
@json_option
def report(identifier: str, into: Path | None, folder: str, json_: bool) -> None:
    """Show the report of an exercise, of the newest without IDENTIFIER. It names no person."""
    with open_city(folder) as city:
        one = city.exercises.get(identifier)
        page = city.exercises.page(one)
    if into:
        with durable("writing the report"):
            replace_file(into, page)
        click.echo(f"Written to {into}.")
    elif json_:
        as_json(one.told)
    else:
        _gaps(one)


@exercise.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List exercises that were played, newest first, and scripts that can be."""
    with open_city(folder) as city:
        played, scripts = city.exercises.all(), city.exercises.scripts()
    if json_:
        played_ = [{"id": one.id, "script": one.script, "state": one.state, "report": one.told} for one in played]
        as_json({"played": played_, "scripts": list(scripts.values())})
        return
    for one in played:
        told = one.told.headline if one.told else one.state
        click.echo(f"{one.id}  {one.began_at:%Y-%m-%d %H:%M} UTC  {one.script}: {told}.")
    if not played:
        click.echo("No exercise was played yet.")
    for script in scripts.values():
        click.echo(f"  {script.id}: {script.name}")


def _play(city: City, one: Exercise) -> None:
    """Tell injects as they come and note what is typed, until the exercise is paused or ended."""
    from cityward.secure.exercise.record import due

    told, looks = one.shown, 0
    while True:
        line = _typed(sys.stdin.isatty())
        if line is None:
            looks += 1
            if not due(one, city.clock.now()) and looks % LOOKS:
                continue
            with contextlib.suppress(CityBusy):  # somebody else writes; it is noted with the next look
                one = city.exercises.tick(one.id)
        elif line == "":
            one = city.exercises.pause(one.id)
            click.echo(f"Stands at {_at(one.anchor_minutes)}. 'cityward exercise resume' goes on.")
            return
        else:
            try:
                held = _obey(city, one, line.strip())
            except UserError as error:
                click.echo(str(error))
                continue
            if held is None:
                return
            one = held
        _tell(one, told)
        told = one.shown


def _typed(terminal: bool) -> str | None:
    """A line that was typed; None while nobody typed one, empty at the end of the file."""
    if not terminal:
        return sys.stdin.readline(_LINE_CHARS)
    ready, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    return sys.stdin.readline(_LINE_CHARS) if ready else None


def _obey(city: City, one: Exercise, line: str) -> Exercise | None:
    """Do what a line says; None when the exercise goes no further here."""
    if not line or line == "help":
        click.echo(_HELP)
        return one
    if line == "next":
        return city.exercises.next(one.id)
    if line == "pause":
        one = city.exercises.pause(one.id)
        click.echo(f"Stands at {_at(one.anchor_minutes)}. 'cityward exercise resume' goes on.")
        return None
    if line == "end":
        city.exercises.tick(one.id)
        _gaps(city.exercises.end(one.id))
        return None
    head, colon, what = line.partition(":")
    words = head.split()
    ordered = bool(words) and words[0] == "order"
    words = words[1:] if ordered else words
    if not colon or not words or not words[0].isdecimal():
        raise UserError("That is no decision.", _HELP)
    number, who = int(words[0]), " ".join(words[1:])
    order = _ids(what) if ordered else ()
    text = f"Mended in this order: {what.strip()}" if ordered else what
    held = city.exercises.decide(number, text, who, order=order, identifier=one.id)
    _noted(held)
    return held


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _tell(one: Exercise, first: int) -> None:
    for inject in one.injects[first : one.shown]:
        _inject(inject)


def _inject(inject: Inject) -> None:
    click.echo(f"\n{inject.number:>3}  {_at(inject.at_minutes)}  to {inject.to}")
    click.echo(f"     {inject.says}")
    if inject.asks:
        by = f" By {_at(inject.by_minutes)}." if inject.by_minutes is not None else ""
        click.echo(f"     {inject.asks}{by}")


def _noted(one: Exercise) -> None:
    from cityward.secure.exercise.record import waiting

    last = one.decisions[-1]
    open_ = ", ".join(str(each.number) for each in waiting(one)) or "none"
    click.echo(
        f"Noted at {_at(last.at_minutes)}, {last.took_minutes:,.0f} minutes after it was told. Waiting: {open_}."
    )


def _at(minutes: float) -> str:
    """A minute of the scenario: ``day 2, 03:05``."""
    whole = int(minutes)
    return f"day {whole // 1440 + 1}, {whole % 1440 // 60:02d}:{whole % 60:02d}"


def _gaps(one: Exercise) -> None:
    if one.told is None:
        return
    click.echo(f"{one.id}: {one.told.headline}.")
    for gap in one.told.gaps:
        where = f" (inject {gap.inject})" if gap.inject else ""
        click.echo(f"  {gap.kind}: {gap.what}{where}")
    if one.told.lost_computed is not None and one.told.lost_chosen is not None:
        click.echo(
            f"  order of restore: {one.told.lost_chosen:,.0f} hours of residents as chosen, "
            f"{one.told.lost_computed:,.0f} as computed"
        )
    for note in one.told.notes:
        click.echo(f"  {note}")
