"""``cityward appeals``: what residents contest, who looks at it, what came of it, and what else rests on the same."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import as_json, by_option, city_option, json_option, some
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.core.appeals import Appeal, AppealFigures, AppealOutcome

_DAY = click.DateTime(["%Y-%m-%d"])
_WORDS_BYTES_MAX = 64 * 2**10


def _open(folder: str) -> City:
    from cityward.city import open_city

    return open_city(folder)


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _did(appeal: Appeal, json_: bool) -> None:
    if json_:
        as_json(appeal)
        return
    click.echo(f"{appeal.id}  {appeal.steps[-1].what}. Receipt: ledger entry {appeal.receipt}.")


def _words(words: str | None, file: Path | None) -> str:
    """What a person says: from a file or standard input, so that it does not stay in the shell's history."""
    if words is not None and file is not None:
        raise click.UsageError("Give --because or --because-file, not both.")
    if words is not None:
        return words
    try:
        data = file.read_bytes()[: _WORDS_BYTES_MAX + 1] if file else sys.stdin.buffer.read(_WORDS_BYTES_MAX + 1)
        return data.decode()
    except (OSError, UnicodeDecodeError):
        raise UserError("The words cannot be read as text in UTF-8.", "Check the file.") from None


@click.group(invoke_without_command=True)
@click.pass_context
def appeals(context: click.Context) -> None:
    """What residents contest: list, assign, decide, find similar cases, publish figures."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@appeals.command("list")
@click.option("--state", type=click.Choice(["open", "assigned", "upheld", "changed", "withdrawn"]))
@click.option("--system", help="Only those against decisions of one system.")
@city_option
@json_option
def list_(state: str | None, system: str | None, folder: str, json_: bool) -> None:
    """List appeals: those that wait by their last day, then the others; those who answer are named with a change."""
    with _open(folder) as city:
        found, unproved = city.appeals.listed(state, system), city.appeals.unproved()
        late = [city.appeals.is_overdue(one) for one in found]
    if json_:
        rows = [{"appeal": one, "overdue": over} for one, over in zip(found, late, strict=True)]
        as_json({"appeals": rows, "unproved": [one.id for one in unproved]})
        return
    for one, over in zip(found, late, strict=True):
        who = f"with {one.assigned_to}" if one.assigned_to else "with nobody yet"
        if one.closed_at:
            told = ", ".join(f"{party.name} ({party.duty})" for party in one.parties)
            end = f"{one.state} on {one.closed_at:%Y-%m-%d}{f', told: {told}' if told else ''}"
        else:
            end = f"{one.state}, {who}, due {one.due_on}{' OVERDUE' if over else ''}"
        click.echo(f"{one.id}  {one.rule} {one.rule_version} of {one.system}: {end}")
    if not found:
        click.echo("No appeals.")
    if unproved:
        click.echo(f"{some(len(unproved), 'appeal')} in the registers are not proved by the ledger and do not count.")


@appeals.command()
@click.argument("identifier")
@city_option
@json_option
def show(identifier: str, folder: str, json_: bool) -> None:
    """Show the appeal IDENTIFIER: what was said, what the decision rests on, and what came of it."""
    with _open(folder) as city:
        one = city.appeals.get(identifier)
        told = city.appeals.deciding.told(one.decision)
    if json_:
        as_json({"appeal": one, "told": told})
        return
    click.echo(f"{one.id}, against {one.decision}: {one.state}. Came {one.opened_at:%Y-%m-%d}, due {one.due_on}.")
    click.echo(told.says)
    for factor in told.factors:
        click.echo(f"    {factor}")
    for said in one.said:
        about = f"about {said.about}: " if said.about else ""
        click.echo(f"{said.at:%Y-%m-%d} {said.by}: {about}{said.words or '(no words, or erased)'}")
    if one.contests:
        click.echo(f"Said to be wrong: {', '.join(one.contests)}.")
    if one.assigned_to:
        click.echo(f"Looked at by {one.assigned_to}.")
    if one.because:
        change = f" from '{one.before}' to '{one.after}'" if one.after else ""
        click.echo(f"{one.state.capitalize()}{change} because: {one.because}")
    if one.wrong:
        click.echo(f"Wrong were: {', '.join(one.wrong)}. Like it: {some(one.similar or 0, 'decision')}.")
    for step in one.steps:
        click.echo(f"{step.at:%Y-%m-%d %H:%M} UTC  {step.what} by {step.by}, ledger entry {step.receipt}")


@appeals.command()
@click.argument("decision")
@city_option
@json_option
def link(decision: str, folder: str, json_: bool) -> None:
    """Print the secret link by which a person reads and contests DECISION; it is for that person alone."""
    with _open(folder) as city:
        found = city.appeals.link_of(decision)
    if json_:
        as_json({"decision": decision, "link": found})
        return
    click.echo(found)


@appeals.command("open")
@click.argument("decision")
@click.option("--because", help="What the person says, or why it is reopened; default: read from standard input.")
@click.option("--because-file", type=click.Path(path_type=Path, dir_okay=False), help="File with what the person says.")
@click.option("--fact", "facts", multiple=True, help="A fact that is said to be wrong, by its name in the rule.")
@click.option("--told-on", type=_DAY, help="Day on which the person was told; default: when it took effect.")
@click.option("--late-because", default="", help="Why it is taken in although the time is over.")
@click.option("--like", default="", help="Appeal that changed a decision on the same row and fact.")
@by_option
@city_option
@json_option
def open_(
    decision: str, because: str | None, because_file: Path | None, facts: tuple[str, ...], told_on: datetime | None,
    late_because: str, like: str, by: str, folder: str, json_: bool,
) -> None:  # fmt: skip
    """Take in an appeal against DECISION that came by letter or at the counter, or reopen a case like a changed one."""
    words = _words(because, because_file)
    with _open(folder) as city:
        appeal = city.appeals.open(
            decision, by, words, facts, told_on=_date(told_on), late_because=late_because, like=like
        )
        _did(appeal, json_)
        if not json_:
            click.echo(f"To be answered by {appeal.due_on}.")


@appeals.command()
@click.argument("identifier")
@click.option("--to", required=True, help="First and last name of who neither made nor oversees the decision.")
@by_option
@city_option
@json_option
def assign(identifier: str, to: str, by: str, folder: str, json_: bool) -> None:
    """Give the appeal IDENTIFIER to somebody who neither decided nor oversaw."""
    with _open(folder) as city:
        _did(city.appeals.assign(identifier, to, by), json_)


@appeals.command()
@click.argument("identifier")
@click.option("--words", help="What is added; default: read from standard input.")
@click.option("--words-file", type=click.Path(path_type=Path, dir_okay=False), help="File with what is added.")
@click.option("--fact", default="", help="The fact that it is about, by its name in the rule.")
@by_option
@city_option
@json_option
def add(
    identifier: str, words: str | None, words_file: Path | None, fact: str, by: str, folder: str, json_: bool
) -> None:
    """Add something to the running appeal IDENTIFIER."""
    said = _words(words, words_file)
    with _open(folder) as city:
        _did(city.appeals.add(identifier, said, by, fact), json_)


@appeals.command()
@click.argument("identifier")
@click.argument("outcome", type=click.Choice(["upheld", "changed"]))
@click.option("--because", required=True, help="Why, in words for the person.")
@click.option("--instead", default="", help="What counts instead; with 'changed'.")
@click.option("--wrong", multiple=True, help="A fact that was wrong, by its name in the rule; with 'changed'.")
@by_option
@city_option
@json_option
def decide(
    identifier: str, outcome: AppealOutcome, because: str, instead: str, wrong: tuple[str, ...], by: str,
    folder: str, json_: bool,
) -> None:  # fmt: skip
    """Decide the appeal IDENTIFIER: the decision stands (upheld), or another outcome counts (changed)."""
    with _open(folder) as city:
        done = city.appeals.decide(identifier, outcome, by, because, after=instead, wrong=wrong)
        _did(done, json_)
    if not json_ and done.similar:
        click.echo(f"{some(done.similar, 'decision')} rest on the same: 'cityward appeals similar {done.id}'.")


@appeals.command()
@click.argument("identifier")
@by_option
@city_option
@json_option
def withdraw(identifier: str, by: str, folder: str, json_: bool) -> None:
    """Take the appeal IDENTIFIER back, as the person asks."""
    with _open(folder) as city:
        _did(city.appeals.withdraw(identifier, by), json_)


@appeals.command()
@click.option("--waiting", is_flag=True, help="Only those that nobody has sent yet.")
@city_option
@json_option
def notices(waiting: bool, folder: str, json_: bool) -> None:
    """List who is to be told of the outcome of an appeal, and who told him when; cityward sends nothing itself."""
    with _open(folder) as city:
        found = city.notices.listed(waiting=waiting)
    if json_:
        as_json(found)
        return
    for one in found:
        who = f"{one.name}, {one.to}{f', {one.contact}' if one.contact else ''}" if one.name else "the person"
        state = f"sent by {one.by} on {one.sent_at:%Y-%m-%d}, {one.way}" if one.sent_at else "to be sent"
        click.echo(f"{one.id}  {one.appeal} to {who}: {state}")
    if not found:
        click.echo("No notices.")


@appeals.command()
@click.argument("identifier")
@click.option("--language", default="en", help="Of the notice to the person: en, es or pt.")
@city_option
@json_option
def notice(identifier: str, language: str, folder: str, json_: bool) -> None:
    """Print the text of the notice IDENTIFIER; that to the person holds his secret link, for him alone."""
    with _open(folder) as city:
        found = city.notices.text(identifier, language)
    if json_:
        as_json({"notice": identifier, "text": found})
        return
    click.echo(found)


@appeals.command("notice-sent")
@click.argument("identifier")
@click.option("--way", required=True, help="How it was sent: by letter, by e-mail, at the counter.")
@by_option
@city_option
@json_option
def notice_sent(identifier: str, way: str, by: str, folder: str, json_: bool) -> None:
    """Note that the notice IDENTIFIER was sent."""
    with _open(folder) as city:
        done = city.notices.sent(identifier, by, way)
    if json_:
        as_json(done)
        return
    click.echo(f"{done.id}  sent by {done.by}, {done.way}. Receipt: ledger entry {done.receipt}.")


@appeals.command()
@click.argument("identifier")
@city_option
@json_option
def similar(identifier: str, folder: str, json_: bool) -> None:
    """List decisions on the same row and wrong fact as the one that the appeal IDENTIFIER changed."""
    with _open(folder) as city:
        found = city.appeals.similar(identifier).to_dicts()
    if json_:
        as_json(found)
        return
    for one in found:
        same, reopened = ", ".join(one["same"]) or "the row", one["appeal"] or "not reopened"
        outcome = one["outcome"] or "waits for a person"
        click.echo(f"{one['id']}  {one['decided_at']:%Y-%m-%d}  {outcome}  the same: {same}  {reopened}")
    if not found:
        click.echo("No other decision rests on the same.")


@appeals.command()
@click.option("--since", type=_DAY, help="First day on which they came; default: twelve months before the end.")
@click.option("--until", type=_DAY, help="Last day; default: the last of the month that has ended.")
@city_option
@json_option
def statistics(since: datetime | None, until: datetime | None, folder: str, json_: bool) -> None:
    """Print the figures that are published: counts, the share changed with its interval, days; no small counts."""
    with _open(folder) as city:
        found = city.appeals.statistics(_date(since), _date(until))
    if json_:
        as_json(found)
        return
    click.echo(f"Appeals that came from {found.since} to {found.until}; counts below {found.below} are left out.")
    for one in (*found.systems, found.all):
        click.echo(_figures_line(one))


def _figures_line(one: AppealFigures) -> str:
    parts = [
        f"{name} {'few' if value is None else f'{value:,}'}"
        for name, value in (
            ("came", one.opened), ("open", one.open), ("upheld", one.upheld), ("changed", one.changed),
            ("taken back", one.withdrawn),
        )
    ]  # fmt: skip
    if one.share_changed is not None and one.share_low is not None and one.share_high is not None:
        parts.append(f"share changed {one.share_changed:.1%} ({one.share_low:.1%} to {one.share_high:.1%})")
    if one.median_days is not None:
        parts.append(f"median {one.median_days:g} days")
    return f"{one.system}: {', '.join(parts)}"


@appeals.command()
@click.option("--system", help="Only those against decisions of one system.")
@click.option("--to", "file", type=click.Path(path_type=Path), help="CSV file for 'cityward audit'; default: print it.")
@city_option
@json_option
def outcomes(system: str | None, file: Path | None, folder: str, json_: bool) -> None:
    """Count what appeals say of a system's decisions, for 'cityward audit --weight weight'; nobody's own row."""
    from cityward.core.neutral_csv import neutral_csv

    with _open(folder) as city:
        found = city.appeals.outcomes(system)
    if json_:
        as_json(found.to_dicts())
    elif file is None:
        click.echo(neutral_csv(found).decode(), nl=False)
    else:
        try:
            file.write_bytes(neutral_csv(found))
        except OSError as error:
            raise UserError(f"{file} cannot be written: {error.strerror}.", "Choose another file.") from None
