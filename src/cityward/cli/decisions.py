"""``cityward decisions``: cases decided by a rule, settled by people, and proved by the ledger."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.cli.tables import read_table
from cityward.core.decided import STATES

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.core.decided import CaseDecision, Proof, Told

UNPROVED_SHOWN = 20


def _open(folder: str) -> City:
    from cityward.city import open_city

    return open_city(folder)


@click.group(invoke_without_command=True)
@click.pass_context
def decisions(context: click.Context) -> None:
    """Decide cases by a rule, settle those that wait for a person, and prove what was decided."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@decisions.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those of a state.")
@click.option("--batch", help="Only those that were decided together, by their identifier.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@city_option
@json_option
def list_(state: str | None, batch: str | None, limit: int, folder: str, json_: bool) -> None:
    """List decisions, newest first; what a rule recommends of those that wait is not shown."""
    with _open(folder) as city:
        counts, found = city.deciding.counts(), city.deciding.list(state, batch, limit)
    if json_:
        as_json({"counts": counts, "decisions": found})
        return
    if not any(counts.values()):
        click.echo("No case was decided yet. 'cityward decisions make FILE --system S --rule R' does.")
        return
    click.echo(
        f"{some(counts['waiting'], 'case')} {'waits' if counts['waiting'] == 1 else 'wait'} for a person; "
        f"{counts['decided']:,} decided, {counts['reversed']:,} reversed on appeal."
    )
    for one in found:
        said = one.outcome if one.outcome is not None else "waits for a person"
        click.echo(f"{one.id}  {one.decided_at:%Y-%m-%d}  {one.case}  {said}  {one.rule} {one.rule_version}")


@decisions.command()
@click.argument("identifier")
@click.option("--own-view", help="What you would decide in a case that waits: then what the rule says is shown.")
@city_option
@json_option
def show(identifier: str, own_view: str | None, folder: str, json_: bool) -> None:
    """Show one decision, by its identifier or its case: the evidence, who answers, and how to contest it.

    Of a case that waits the evidence alone is shown, so that who settles it has a view of his own first.
    """
    with _open(folder) as city:
        told = city.deciding.told(city.deciding.find(identifier), own_view)
        outcomes = city.deciding.outcomes(told.decision)
    if json_:
        as_json({"told": told, "outcomes": outcomes})
        return
    one = told.decision
    click.echo(f"{one.id}: case {one.case}, decided by {one.rule} {one.rule_version} for {one.system} {one.version}.")
    if one.withheld:
        click.echo(f"It waits for a person. What was asked: {'; '.join(told.factors)}.")
        click.echo(f"How sure: {told.uncertainty}")
        _echo_rule(told)
        click.echo(f"Outcomes: {', '.join(outcomes)}.")
        click.echo(
            "Say what you would decide before you see what the rule says: "
            f"'cityward decisions show {one.id} --own-view OUTCOME'."
        )
        return
    click.echo(told.says)
    for word, lines in (("Mattered", told.factors), ("Would have changed it", told.would_change)):
        for line in lines:
            click.echo(f"  {word}: {line}")
    click.echo(f"How sure: {told.uncertainty}")
    _echo_rule(told)
    for party in told.parties:
        click.echo(f"  {party.duty}: {party.name}{f', {party.contact}' if party.contact else ''}")
    click.echo(f"Contest it: {told.appeal or 'the register does not say how'} Receipt: ledger entry {told.receipt}.")
    if one.state == "waiting":
        click.echo(
            f"Settle it: 'cityward decisions settle {one.id} OUTCOME --own-view {shlex.quote(own_view or '')} …'."
        )


def _echo_rule(told: Told) -> None:
    click.echo(f"Text of the rule: {told.text}")
    if told.caveats:
        click.echo(f"To be said of the system: {told.caveats}")


@decisions.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--system", "system_id", required=True, help="The registered system on whose behalf is decided.")
@click.option("--rule", "rule_id", required=True, help="The rule.")
@click.option("--case", default="case", show_default=True, help="Column that names the case.")
@click.option("--territory", default="territory", show_default=True, help="Column of the territory, if there is one.")
@click.option("--estimate", help="Column with the number that the system computed.")
@click.option("--low", help="Column with the lower limit of the number.")
@click.option("--high", help="Column with the upper limit of the number.")
@click.option("--cost", help="Column with what the decision costs.")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]), help="When; default now.")
@city_option
@json_option
def make(
    file: Path, system_id: str, rule_id: str, at: datetime | None, folder: str, json_: bool, **columns: Any
) -> None:
    """Decide the cases of a CSV or Parquet file by a rule; the file has a column for each input."""
    frame = read_table(file)
    with _open(folder) as city:
        batch = city.deciding.make(system_id, rule_id, frame, at=at, **columns)
    if json_:
        as_json(batch)
        return
    click.echo(
        f"{batch.id}: {some(batch.cases, 'case')} decided by {batch.rule} {batch.rule_version} for {batch.system} "
        f"{batch.version}, {batch.waiting:,} of them wait for a person. Receipt: ledger entry {batch.receipt}."
    )
    if batch.caveats:
        click.echo(f"To be said of the system: {batch.caveats}")


@decisions.command()
@click.argument("identifier")
@click.argument("outcome")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--competence", required=True, help="What enables you to decide: office, training or task.")
@click.option("--because", required=True, help="Why, in at least 10 characters.")
@click.option("--own-view", help="What you would have decided before you saw what the rule says.")
@click.option("--looked", "looked_seconds", type=click.FloatRange(min=0), help="Seconds that you looked at the case.")
@city_option
@json_option
def settle(identifier: str, outcome: str, folder: str, json_: bool, **told: Any) -> None:
    """Settle a case that waits, by its identifier or its case, under your own name."""
    with _open(folder) as city:
        identifier = city.deciding.find(identifier)
        done = city.deciding.settle(identifier, outcome, **told)
        receipt = city.receipt_of(identifier)
    if json_:
        as_json(done)
        return
    click.echo(f"{done.id}: {done.outcome}, {_beside(done)}. Receipt: ledger entry {receipt}.")


def _beside(done: CaseDecision) -> str:
    if done.agreed is None:
        return "where the rule says nothing"
    return "as the rule says" if done.agreed else f"where the rule says {done.recommended}"


@decisions.command()
@city_option
@json_option
def watch(folder: str, json_: bool) -> None:
    """Say how each person settles cases: how often against the rule, and how fast."""
    with _open(folder) as city:
        found = city.deciding.watch()
    if json_:
        as_json(found)
        return
    if not found:
        click.echo("Nobody has settled a case yet.")
    for one in found:
        median = "" if one.median_seconds is None else f" Half took {one.median_seconds:,.0f} seconds or more."
        click.echo(f"{one.by}: {one.says}{median}")


@decisions.command()
@click.argument("identifier", required=False)
@click.option("--own-view", help="What you would decide in a case that waits: its proof tells what the rule says.")
@city_option
@json_option
def prove(identifier: str | None, own_view: str | None, folder: str, json_: bool) -> None:
    """Prove one decision, or name all that the ledger does not prove; exits with 1 when one is not proved.

    With --json the proof of one decision can be checked by anybody who has the city's public key.
    """
    with _open(folder) as city:
        if identifier is None:
            _prove_all(city.deciding.unproved(), json_)
            return
        proof = city.deciding.prove(city.deciding.find(identifier), own_view)
    if json_:
        as_json(proof)
    elif proof.proved:
        later = f", and entry {proof.change.entry_index} what became of it" if proof.change else ""
        click.echo(
            f"{proof.id} is row {proof.index + 1:,} of {proof.size:,} in {proof.batch}; entry {proof.entry_index} of "
            f"the ledger proves it{later}. {_rule_of(proof)}"
        )
        if proof.erased:
            click.echo(f"Erased since, and proved by its digest alone: {', '.join(proof.erased)}.")
    else:
        click.echo(f"{proof.id} is not proved: {proof.problem}")
    if not proof.proved:
        raise click.exceptions.Exit(EXIT_NO)


def _rule_of(proof: Proof) -> str:
    rule = proof.rule
    return f"The text of {rule.rule} {rule.version} that decided is kept: SHA-256 {rule.digest}." if rule else ""


def _prove_all(problems: dict[str, str], json_: bool) -> None:
    if json_:
        as_json({"unproved": problems})
    elif not problems:
        click.echo("The ledger proves every decision that is kept.")
    else:
        click.echo(f"{some(len(problems), 'decision')} not proved; they count for nothing:")
        for name, why in list(problems.items())[:UNPROVED_SHOWN]:
            click.echo(f"  {name}: {why}")
    if problems:
        raise click.exceptions.Exit(EXIT_NO)
