"""``cityward respond``: playbooks against attacks, tried dry by default and run for real by named persons."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.main import EXIT_NO, as_json, by_option, city_option, json_option, some
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.secure.respond.plan import Planned
    from cityward.secure.respond.records import Execution, Playbook, Run
    from cityward.secure.respond.shipped import Held

_SET = click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Value of a variable; can be repeated.")


@click.group()
def respond() -> None:
    """Playbooks against attacks, in CACAO 2.0. A run is dry unless you say --for-real."""


# -- playbooks -------------------------------------------------------------------------------------


@respond.command("list")
@click.option("--technique", "techniques", multiple=True, help="Those that answer this technique of ATT&CK.")
@city_option
@json_option
def list_(techniques: tuple[str, ...], folder: str, json_: bool) -> None:
    """List playbooks, those that ship and those of the city, with the techniques that they answer."""
    from cityward.secure.respond.shipped import playbooks_for

    held = _held(folder)
    found = playbooks_for(techniques, held) if techniques else sorted(held.books.values(), key=lambda one: one.key)
    if json_:
        as_json({"playbooks": [_listed(one) for one in found], "problems": held.problems})
        return
    for one in found:
        click.echo(f"{one.key}  {one.name} ({some(len(one.steps), 'step')}; {', '.join(one.about.owner_roles)})")
        click.echo(f"    when: {one.about.when}")
        click.echo(f"    answers: {', '.join(one.about.techniques) or 'no technique that it names'}")
    for key, problems in held.problems.items():
        click.echo(f"{key}  cannot be used: {problems[0].told}")
    if not found:
        click.echo("No playbook answers that.")


def _listed(book: Playbook) -> dict[str, Any]:
    return {
        "key": book.key, "id": book.id, "name": book.name, "description": book.description, "sha256": book.sha256,
        "about": book.about, "steps": len(book.steps),
    }  # fmt: skip


def _held(folder: str) -> Held:
    """The playbooks that ship, and those of a folder."""
    from cityward.secure.respond.shipped import Held, shipped_texts, texts_in

    return Held({**shipped_texts(), **texts_in(Path(folder) / "playbooks")})


@respond.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@city_option
@json_option
def check(files: tuple[Path, ...], folder: str, json_: bool) -> None:
    """Say everything that is wrong with playbooks, with its place; exit 1 when something is."""
    from cityward.secure.respond.checks import check as checked
    from cityward.secure.respond.limits import PLAYBOOK_BYTES

    known = _held(folder).by_id()
    found = {}
    for path in files:
        try:
            with path.open("rb") as file:
                found[str(path)] = checked(file.read(PLAYBOOK_BYTES + 1), path.name, known)[1]
        except OSError as error:
            raise UserError(f"{path.name} cannot be read ({type(error).__name__}).", "Look at its name.") from None
    if json_:
        as_json(found)
    else:
        for name, problems in found.items():
            for one in problems:
                click.echo(f"{Path(name).name}  {one.told}")
            click.echo(f"{Path(name).name}: {some(len(problems), 'problem') if problems else 'no problem'}.")
    if any(found.values()):
        sys.exit(EXIT_NO)


# -- runs ------------------------------------------------------------------------------------------


@respond.command()
@click.argument("playbook")
@click.option("--for", "about", required=True, help="Identifier of the incident or the asset.")
@_SET
@click.option("--for-real", is_flag=True, help="Do it; without this nothing is done, and nothing is kept.")
@click.option("--by", help="Your first and last name; with --for-real.")
@click.option(
    "--inventory", type=click.Path(path_type=Path, file_okay=False), help="Say what the asset is from this inventory."
)
@city_option
@json_option
def run(
    playbook: str, about: str, given: tuple[str, ...], for_real: bool, by: str | None, inventory: Path | None,
    folder: str, json_: bool,
) -> None:  # fmt: skip
    """Say what PLAYBOOK (a name, or a file) would do; with --for-real do it as far as nobody has to be asked."""
    values = _values(given)
    if not for_real:
        _dry(playbook, about, values, inventory, folder, json_)
        return
    if by is None:
        raise UserError("Nobody is named who does this.", "Give your first and last name with --by.")
    from cityward.city import open_city

    with open_city(folder) as city, _as(city, "run-response", "City", "", by) as _:
        _told(city, city.responses.begin(playbook, about, by, values), json_)


def _dry(playbook: str, about: str, values: dict[str, str], inventory: Path | None, folder: str, json_: bool) -> None:
    from cityward.city.responding import planned_in

    book, plan = planned_in(Path(folder), playbook, about, values)
    if json_:
        as_json({"playbook": _listed(book), "for": about, "dry": True, "plan": plan})
        return
    click.echo(f"{book.name}, for {about}{_asset(inventory, about)}. Dry: nothing is done, and nothing is kept.")
    click.echo(f"{book.about.when}")
    for one in plan:
        _planned(one)
    missing = sum(bool(one.missing) for one in plan)
    waits = sum(one.needs > 0 for one in plan)
    click.echo(
        f"Steps: {len(plan)}. With approval: {waits}. By hand for want of a machine or a value: "
        f"{sum(one.instead for one in plan)}. Not possible here: {missing}."
    )
    click.echo(f"Without any of this: {book.about.fallback}")


def _asset(inventory: Path | None, about: str) -> str:
    if inventory is None:
        return ""
    from cityward.secure.monitor.printable import printable
    from cityward.secure.risk.inventory import read_inventory

    found = next((one for one in read_inventory(inventory).assets if one.id == about), None)
    if found is None:
        raise UserError("That asset is in no file of the inventory.", "'cityward risk INVENTORY --check' lists them.")
    return f" ({printable(found.name, 80)}, {printable(found.owner or 'nobody', 80)})"


_BY = {"manual": "by hand", "webhook": "by a signed message", "ssh": "by a command over SSH", "act": "by cityward"}
_APPROVALS = {0: "", 1: "; one person approves first", 2: "; two persons approve first"}


def _planned(one: Planned) -> None:
    space = "  " * one.depth
    when = f"[{one.when[0].lower()}{one.when[1:]}] " if one.when else ""
    if not one.role:
        click.echo(f"{one.number:>4}  {space}{when}{one.name}{'' if one.name.endswith('?') else ':'} {one.does}")
        return
    click.echo(f"{one.number:>4}  {space}{when}{one.name}")
    click.echo(f"      {space}{one.does}")
    by = ", ".join(_BY.get(part, part) for part in one.by.split(" and "))
    instead = ", because no machine is named for it, or a value is not known" if one.instead else ""
    undo = f"; undone by “{one.undo}”" if one.undo else ""
    click.echo(f"      {space}→ {one.to}, {by}{instead}; answers for it: {one.role}{_APPROVALS[one.needs]}{undo}")
    if one.missing:
        click.echo(f"      {space}! {one.missing}")


@respond.command()
@click.argument("identifier", required=False)
@click.option("--all", "every", is_flag=True, help="Runs that are over too, when none is named.")
@city_option
@json_option
def show(identifier: str | None, every: bool, folder: str, json_: bool) -> None:
    """Show a run: its steps, who approved, what waits, what was done, receipts. Without one, list the runs."""
    from cityward.city import open_city

    with open_city(folder) as city:
        if identifier is not None:
            _told(city, city.responses.get(identifier), json_)
            return
        found = list(city.responses.all()) if every else city.responses.open()
    if json_:
        as_json(found)
        return
    for one in found:
        click.echo(f"{one.id}  {one.state}  {one.title}, for {one.about}, begun {one.started_at:%Y-%m-%d %H:%M} UTC")
    if not found:
        click.echo("No playbook runs.")


@respond.command()
@click.argument("identifier")
@click.argument("step")
@by_option
@city_option
@json_option
def approve(identifier: str, step: str, by: str, folder: str, json_: bool) -> None:
    """Approve STEP (its number) of run IDENTIFIER; when enough persons have, it is done."""
    from cityward.city import open_city

    with open_city(folder) as city, _as(city, "answer-response", "Response", identifier, by) as roles:
        one = city.responses.step(city.responses.get(identifier), step)
        if not json_:
            click.echo(f"{one.name}: {one.told}", err=True)
        _told(city, city.responses.approve(identifier, step, by, roles), json_)


@respond.command()
@click.argument("identifier")
@click.argument("step")
@by_option
@click.option("--evidence", required=True, help="What was done, in at least 10 characters. Name nobody.")
@_SET
@click.option("--not-done", is_flag=True, help="It could not be done, or did not happen.")
@city_option
@json_option
def done(
    identifier: str, step: str, by: str, evidence: str, given: tuple[str, ...], not_done: bool, folder: str, json_: bool
) -> None:
    """Say that you did STEP of run IDENTIFIER by hand, and what shows it."""
    from cityward.city import open_city

    with open_city(folder) as city, _as(city, "answer-response", "Response", identifier, by) as roles:
        run_ = city.responses.done(identifier, step, by, evidence, roles, happened=not not_done, given=_values(given))
        _told(city, run_, json_)


@respond.command()
@click.argument("identifier")
@city_option
@json_option
def resume(identifier: str, folder: str, json_: bool) -> None:
    """Go on with a run that was broken off, or whose wait is over. A step that may have happened is not repeated."""
    from cityward.city import open_city

    with open_city(folder) as city:
        _told(city, city.responses.resume(identifier), json_)


@respond.command()
@click.argument("identifier")
@by_option
@click.option("--because", required=True, help="Why, in at least 10 characters. Name nobody.")
@city_option
@json_option
def stop(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """End a run; what was done is undone where a step says how, the last first."""
    from cityward.city import open_city

    with open_city(folder) as city, _as(city, "run-response", "City", "", by) as _:
        _told(city, city.responses.stop(identifier, by, because), json_)


# -- shared ----------------------------------------------------------------------------------------


@contextmanager
def _as(city: City, action: str, kind: str, identifier: str, by: str) -> Iterator[tuple[str, ...] | None]:
    """Be somebody: where people sign in they prove it and policies decide; else a name is taken at its word."""
    if not city.access.anybody():
        yield None
        return
    from cityward.cli.agreeing import proved

    with proved(city, by) as asker:
        asker.permit(action, kind, identifier)
        yield asker.principal.roles


def _values(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise UserError("--set takes NAME=VALUE.", "For example: --set spread=one")
        found[name] = value
    return found


def _told(city: City, run_: Run, json_: bool) -> None:
    from cityward.city.respond_told import STATES

    if json_:
        as_json(run_)
        return
    click.echo(f"{run_.id}  “{run_.title}”, for {run_.about}, {STATES[run_.state]}.")
    for one in run_.steps:
        click.echo(_step(run_, one))
    for one in run_.waiting:
        verb = "approve" if one.waits_for == "approval" else "done"
        more = ' --evidence "What was done"' if verb == "done" else ""
        click.echo(f'Waits for a {one.role}: cityward respond {verb} {run_.id} {one.number} --by "First Last"{more}')
    if run_.because:
        click.echo(f"Because: {run_.because}")
    trouble = city.responses.troubles.get(run_.id)
    if trouble:
        click.echo(trouble)


def _step(run_: Run, one: Execution) -> str:
    from cityward.city.respond_told import step_told

    return f"{one.number:>4}  {'↩ ' if one.undoes else ''}{step_told(run_, one)}"
