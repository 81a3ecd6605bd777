"""The command grants: who may read what, for which purpose, on which basis, until when."""

from __future__ import annotations

import sys

import click

from cityward.city import open_city
from cityward.city.granting import draft as write_draft
from cityward.cli.agreeing import second_person
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.core.limits import PAGE_ROWS
from cityward.private.grants import FIELDS, sentences
from cityward.private.purposes import PURPOSES, basis_iri


@click.group(invoke_without_command=True)
@click.pass_context
def grants(context: click.Context) -> None:
    """Who may read what of history, for which purpose. Default: nothing.

    Grants are files in grants/ of the city folder, for people to review.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@grants.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the grants in force, by reader."""
    with open_city(folder) as city:
        found = city.keeper.grants().in_force()
    by_reader = sorted(found.items(), key=lambda one: (one[1].reader, one[0]))
    if json_:
        as_json(dict(by_reader))
        return
    for name, grant in by_reader:
        click.echo(f"{grant.reader}  {grant.purpose}  until {grant.valid_until}  {', '.join(grant.fields)}  ({name})")
    if not found:
        click.echo("Nobody may read anything. 'cityward grants draft' writes the grants that the city's parts need.")


@grants.command()
@city_option
@json_option
def check(folder: str, json_: bool) -> None:
    """Check every grant: a mistake is named with file and line, and that grant grants nothing."""
    with open_city(folder) as city:
        found = city.keeper.grants()
    if json_:
        as_json({"grants": len(found.grants), "in_force": len(found.in_force()), "problems": found.problems})
    else:
        for problem in found.problems:
            click.echo(f"{problem.what} {problem.remedy}")
        click.echo(f"{len(found.in_force())} grants are in force, {len(found.problems)} problems were found.")
    if found.problems:
        sys.exit(EXIT_NO)


@grants.command()
@click.argument("name")
@city_option
@json_option
def show(name: str, folder: str, json_: bool) -> None:
    """Say one grant in plain words."""
    with open_city(folder) as city:
        found = city.keeper.grants()
    grant = found.grants.get(name.removesuffix(".toml"))
    if grant is None:
        known = ", ".join(found.grants) or "none"
        raise click.UsageError(f"There is no readable grant '{name[:60]}'. Grants: {known}.")
    purpose = PURPOSES.get(grant.purpose)
    terms = [
        *([purpose.iri] if purpose else []),
        *(basis_iri(one) for one in (grant.lawful_basis, grant.special_basis) if one),
    ]
    if json_:
        as_json({"grant": grant, "sentences": sentences(grant), "terms": terms})
        return
    for sentence in [*sentences(grant), f"In the Data Privacy Vocabulary: {', '.join(terms)}"]:
        click.echo(sentence)


@grants.command()
@click.argument("reader")
@click.argument("purpose")
@click.argument("fields", nargs=-1)
@click.option("--table", default="interactions", show_default=True, type=click.Choice(list(FIELDS)))
@city_option
@json_option
def why(reader: str, purpose: str, fields: tuple[str, ...], table: str, folder: str, json_: bool) -> None:
    """Say whether READER may read FIELDS for PURPOSE, and by which grant or why not. Nothing is read."""
    with open_city(folder) as city:
        found = city.keeper.reading(reader, purpose, table).why(fields)
    if json_:
        as_json({"granted": found.grant is not None, "grant": found.name, "why": found.what, "remedy": found.remedy})
    elif found.grant is not None:
        click.echo(f"Yes: grants/{found.name}.toml, until {found.grant.valid_until}. {found.grant.because}")
    else:
        click.echo(f"No: {found.what} {found.remedy}")
    if found.grant is None:
        sys.exit(EXIT_NO)


@grants.command()
@click.argument("reader")
@click.argument("purpose")
@click.argument("fields", nargs=-1)
@click.option("--table", default="interactions", show_default=True, type=click.Choice(list(FIELDS)))
@click.option("--count", is_flag=True, help="Count the rows by FIELDS instead of showing them.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, PAGE_ROWS), help="Most rows to show.")
@city_option
@json_option
def read(
    reader: str, purpose: str, fields: tuple[str, ...], table: str, count: bool, limit: int, folder: str, json_: bool
) -> None:
    """Read as READER for PURPOSE: FIELDS (default all that the grant covers), as it sees them. It is a consult."""
    with open_city(folder) as city:
        reading = city.read(reader, purpose, table)
        wanted = fields or reading.covered()
        found = reading.counts(wanted) if count else reading.frame(wanted)
        covered = reading.covered()
        noted = next(one for one in city.keeper.consults() if (one.reader, one.purpose) == (reader, purpose))
        entry = city.receipt_of(noted.id)
    beyond = [name for name in FIELDS[table] if name not in covered]
    rows = found.head(limit).to_dicts()
    if json_:
        as_json({"consult": noted, "entry": entry, "rows": rows, "height": found.height, "not_covered": beyond})
        return
    for row in rows:
        click.echo("  ".join("" if value is None else str(value) for value in row.values()))
    more = f"; the first {len(rows):,} are shown" if found.height > len(rows) else ""
    click.echo(f"{some(found.height, 'row')} of {', '.join(wanted)}{more}.")
    click.echo(f"Does not exist for this reader: {', '.join(beyond) or 'nothing'}.")
    where = "the next program that writes puts it into the ledger" if entry is None else f"ledger entry {entry}"
    click.echo(f"Noted as {noted.id}; {where}.")


@grants.command()
@city_option
def draft(folder: str) -> None:
    """Write the grants that the city's own parts need and that are not there yet, for people to review."""
    with open_city(folder) as city:
        there = ", ".join(sorted(path.name for path in city.folder.grants.glob("*.toml")))
        words = f"Write the grants that the city's own parts need, beside: {there or 'none'}."
        with second_person(city, "change-grant", "grants", there.encode(), words), city.writing():
            new = write_draft(city.folder.grants, city.clock.now().date())
    click.echo(f"Wrote {', '.join(new)}. Review each: they are in force now." if new else "All of them are there.")
