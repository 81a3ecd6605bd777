"""``cityward rules replay`` and ``publish``: a draft on the decisions of the past, and then in force."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.answerable.replay import GroupChange, Replay, headline, read_pricing, told_share
from cityward.answerable.table import Table, load_table
from cityward.city import open_city
from cityward.city.drafting import rule_asked
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, city_option, json_option, some
from cityward.cli.tables import cases_of, pair, read_table
from cityward.core.errors import UserError
from cityward.core.words import day as told_day

if TYPE_CHECKING:
    from cityward.city import City

_DAY = click.DateTime(["%Y-%m-%d"])
_FILE = click.Path(dir_okay=False, path_type=Path)
SHOWN = 10


def rules_beside(file: Path) -> tuple[Table, ...]:
    """Rules in the folder of a file, which it may use; one with a mistake is passed over."""
    found = []
    for path in sorted(file.parent.glob("*.toml")):
        with contextlib.suppress(UserError):
            found.append(load_table(path))
    return tuple(found)


def _shared(function: Any) -> Any:
    """Options of what is replayed."""
    for option in (
        click.option("--from", "since", type=_DAY, help="First day of the decisions."),
        click.option("--to", "until", type=_DAY, help="Last day of the decisions."),
        click.option("--rule", help="Rule by which was decided then; default: that of the draft's identifier."),
        click.option(
            "--better",
            help="Outcomes from best to worst, with commas between; or higher, or lower. "
            "Default: the order of the outcome's values.",
        ),
        click.option(
            "--group", "groups", multiple=True,
            help="Group by income or internet of the territory, by an input, or by a column of --cases. Repeat.",
        ),
        click.option(
            "--cost", help="What it costs: a number that the rule gives, or a price by outcome: full=300,half=150."
        ),
        click.option("--currency", default="EUR", show_default=True, help="Unit of the prices of --cost."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@click.argument("draft", type=_FILE)
@_shared
@click.option("--cases", type=_FILE, help="Cases (CSV or Parquet) instead of the city's decisions.")
@click.option("--unit", "units", multiple=True, metavar="NAME=UNIT", help="Unit of a column of --cases.")
@click.option(
    "--against",
    type=click.Choice(["recommended", "outcome"]),
    default="recommended",
    show_default=True,
    help="Compare with what the rule said then, or with what counted in the end.",
)
@city_option
@json_option
def replay(draft: Path, folder: str, json_: bool, cases: Path | None, units: Sequence[str], **options: Any) -> None:
    """Try DRAFT on the decisions of the past: who changes, in which direction, where, and at what cost.

    Only counts are told, none of fewer than five people.
    """
    table = load_table(draft)
    beside = {one.id: one for one in rules_beside(draft)} if table.sheet.uses else {}
    with open_city(folder) as city:
        if cases is None:
            found = _of_decisions(city, table, beside, options)
        else:
            found = _of_cases(city, table, beside, (cases, dict(pair(one) for one in units)), options)
        names = city.area_names
    if json_:
        as_json({"headline": headline(found), **_plain(found)})
        return
    _tell(found, names)


def _of_decisions(city: City, table: Table, beside: dict[str, Table], options: dict[str, Any]) -> Replay:
    since, until = _days(options)
    return city.drafting.replay(
        table, since, until, rule=options["rule"], against=options.get("against", "recommended"),
        beside=beside, **_how(options),
    )  # fmt: skip


def _of_cases(
    city: City, table: Table, beside: dict[str, Table], given: tuple[Path, dict[str, str]], options: dict[str, Any]
) -> Replay:
    file, units = given
    if options["since"] or options["until"]:
        raise UserError("A table of cases has no period.", "Leave --from and --to out.")
    texts = [name for name, one in table.sheet.inputs.items() if one.type == "text"]
    frame = read_table(file, lambda path: cases_of(path, [*texts, "territory"]))
    return city.drafting.replay_cases(table, frame, rule=options["rule"], units=units, beside=beside, **_how(options))


def _how(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "better": [one.strip() for one in (options["better"] or "").split(",") if one.strip()],
        "groups": list(options["groups"]),
        "pricing": read_pricing(options["cost"] or "", options["currency"]),
    }


def _days(options: dict[str, Any]) -> tuple[date, date]:
    since, until = options["since"], options["until"]
    if since is None or until is None:
        raise UserError("Which decisions?", "Give --from DAY and --to DAY, or a table of cases with --cases FILE.")
    return since.date(), until.date()


def _plain(found: Replay) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _tell(found: Replay, names: dict[str, str]) -> None:
    click.echo(f"{headline(found)}.")
    period = f", decided from {told_day(found.since)} to {told_day(found.until)}" if found.since and found.until else ""
    click.echo(f"{found.rule} {found.version} against {found.against}{period}. Better: {found.order_told}.")
    for flow in found.flows:
        if flow.direction != "same":
            click.echo(
                f"  {flow.before or 'nothing decided'} → {flow.after or 'nothing decided'}: {_count(flow.cases)}"
            )
    cost = found.cost
    if cost and (cost.before or cost.after):
        click.echo(
            f"Cost: {cost.before:,.0f} → {cost.after:,.0f} {cost.unit}, {cost.change:+,.0f} "
            f"({cost.low:+,.0f} to {cost.high:+,.0f}); {cost.how}."
        )
    _tell_groups(found, names)
    _tell_limits(found)


def _tell_groups(found: Replay, names: dict[str, str]) -> None:
    for title, parts in (("territory", found.territories), *_by(found.groups)):
        shown = [one for one in parts if one.changed.cases != 0]
        if shown:
            click.echo(f"By {title}, share that loses:")
            for one in shown[:SHOWN]:
                click.echo(f"  {names.get(one.group, one.group)}: {_group(one)}")
            if len(shown) > SHOWN:
                click.echo(f"  … and {len(shown) - SHOWN} more; see them with --json.")


def _tell_limits(found: Replay) -> None:
    for reason, count in found.reasons.items():
        click.echo(f"Not decided: {reason}: {_count(count)}")
    for name, count in found.missing.items():
        click.echo(f"Without {name}: {_count(count)}")
    if found.unreadable != 0:
        click.echo(f"Inputs that cannot be read: {_count(found.unreadable)}")
    for note in found.notes:
        click.echo(f"Note: {note}")
    click.echo("Intervals are of 95 %: the average of many periods of cases like these. A single one can lie outside.")


def _by(groups: Sequence[GroupChange]) -> list[tuple[str, list[GroupChange]]]:
    names = dict.fromkeys(one.grouping for one in groups)
    return [(name, [one for one in groups if one.grouping == name]) for name in names]


def _count(count: int | None) -> str:
    return "too few to tell" if count is None else f"{count:,}"


def told_chance(p: float) -> str:
    """A p-value, never as nought."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _group(one: GroupChange) -> str:
    small = "; fewer than 30 cases" if one.small else ""
    beside = ""
    if one.beside is not None and one.p is not None and one.p < 0.05:
        more = "more" if one.beside > 0 else "fewer"
        beside = f"; {abs(100 * one.beside):.1f} points {more} than the others ({told_chance(one.p)})"
    return f"{told_share(one.worse)} of {_count(one.cases)}{beside}{small}"


@click.command()
@click.argument("draft", type=_FILE)
@click.option("--valid-from", required=True, type=_DAY, help="First day, later than today.")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--because", required=True, help="Why, in at least 10 characters.")
@_shared
@click.option("--without-replay", "without", default="", help="Why there is nothing to replay it on.")
@city_option
@json_option
def publish(
    draft: Path, valid_from: datetime, by: str, because: str, without: str, folder: str, json_: bool, **options: Any
) -> None:
    """Publish DRAFT as the version that is valid from a day, with its replay as evidence and a receipt."""
    table = load_table(draft)
    with open_city(folder) as city:
        found = None if without else _of_decisions(city, table, {}, options)
        exact = rule_asked(table, valid_from.date(), because)
        words = f"Publish version {table.version} of the rule {table.id}, in force from {valid_from.date()}: {because}"
        with second_person(city, "publish-rule", table.id, exact, words, by):
            made = city.drafting.publish(
                table, valid_from.date(), by=by, because=because, evidence=found, without=without
            )
    if json_:
        as_json(made)
        return
    click.echo(f"{made.rule} {made.version} is valid from {told_day(made.valid_from)}. {made.says}")
    ended = f"Version {made.replaces} ends the day before. " if made.replaces else ""
    click.echo(f"{ended}Receipt: ledger entry {made.receipt}. {some(made.cases, 'case')} replayed.")
