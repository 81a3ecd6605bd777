"""The command rules: decision tables that people read, checked, tried, run, traced, and exchanged."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from cityward.answerable.table import (
    ENDINGS,
    FORMS,
    Finding,
    Table,
    Trace,
    WhyNot,
    check,
    decide_in_order,
    load_table,
    load_tables,
    losses,
    read_form,
    run_tests,
    valid_on,
    write_form,
)
from cityward.answerable.table.validity import check_versions, in_order, is_valid, period
from cityward.city import open_city
from cityward.cli.drafting import publish, replay, rules_beside
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.cli.tables import cases_of, pair, read_table
from cityward.core.clock import Clock, local_day
from cityward.core.disk import durable, replace_file
from cityward.core.errors import UserError
from cityward.core.neutral_csv import neutral_csv

CELL_CHARS = 40
SHOWN_ROWS = 40


@click.group(invoke_without_command=True)
@click.pass_context
def rules(context: click.Context) -> None:
    """Rules as decision tables: what they say, whether they are sound, what comes of them.

    RULE is the identifier of a rule of the city or of cityward, or the path of a file (.toml, .csv, .json of GoRules,
    .dmn). A city keeps its own in rules/.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


def _all(folder: str) -> tuple[tuple[Table, ...], str, datetime]:
    """All rules, the time zone and the time of the city; without a city those of cityward, and UTC."""
    if not (Path(folder) / "city.toml").exists() and folder == ".":
        return load_tables(), "UTC", Clock().now()
    with open_city(folder) as city:
        return city.rules(), city.time_zone, city.clock.now()


def _tables(folder: str, rule: str, on: datetime | None = None) -> tuple[Table, dict[str, Table]]:
    """A rule by path or identifier, valid on a day (default today), and all that are valid then, by identifier."""
    given = load_table(rule) if Path(rule).suffix.lower() in ENDINGS else None
    tables, zone, now = _all(folder)
    if given and given.sheet.uses:
        tables = (*tables, *rules_beside(Path(rule)))
    moment = datetime.combine(on.date(), time(12), ZoneInfo(zone)) if on else now
    day = local_day(moment, zone)
    valid = {table.id: table for table in tables if is_valid(table, day)}
    table = given or valid_on(tables, rule, moment, time_zone=zone)
    return table, valid | {table.id: table}


_on = click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The version valid on this day; default: today.")


@rules.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the rules, and when each version is valid."""
    tables, zone, now = _all(folder)
    today = local_day(now, zone)
    if json_:
        as_json([_listed(table, is_valid(table, today)) for table in tables])
        return
    for table in tables:
        valid = f"valid {period(table)}{'' if is_valid(table, today) else ', not today'}"
        click.echo(f"{table.name}  {some(len(table.conditions), 'row')}, {valid}. {table.sheet.title}")


def _listed(table: Table, valid_today: bool) -> dict[str, Any]:
    said = {
        key: getattr(table.sheet, key) for key in ("id", "version", "title", "reference", "valid_from", "valid_until")
    }
    return {**said, "rows": len(table.conditions), "valid_today": valid_today}


@rules.command()
@click.argument("rule")
@_on
@city_option
@json_option
def show(rule: str, on: datetime | None, folder: str, json_: bool) -> None:
    """Show one rule as a table."""
    table, _ = _tables(folder, rule, on)
    if json_:
        as_json(table.sheet)
        return
    sheet = table.sheet
    click.echo(f"{table.name}: {sheet.title}" if sheet.title else table.name)
    click.echo(f"{sheet.reference or 'No law is named'}; valid {period(table)}; hit policy {sheet.hit}")
    for name, given in sheet.inputs.items():
        limits = f", one of {', '.join(given.values)}" if given.values else ""
        click.echo(f"  {name}: {given.label or given.type}{f' ({given.unit})' if given.unit else ''}{limits}")
    for line in _grid(table):
        click.echo(line)


def _grid(table: Table) -> list[str]:
    """The rows as aligned lines, the outputs behind a double line."""
    sheet = table.sheet
    head = ["row", *sheet.inputs, "║", *sheet.outputs, "because"]
    lines = [head]
    for number, row in enumerate(sheet.rows, start=1):
        because = " ".join(part for part in (row.because, f"({row.law})" if row.law else "") if part)
        when = [row.when.get(name, "-") for name in sheet.inputs]
        then = [_value(row.then.get(name)) for name in sheet.outputs]
        lines.append([str(number), *(_cut(cell) for cell in when), "║", *(_cut(cell) for cell in then), because])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    ]


def _cut(text: str) -> str:
    return text if len(text) <= CELL_CHARS else f"{text[: CELL_CHARS - 1]}…"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    if value is None:
        return "nothing"
    return (
        ("yes" if value else "no")
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


@rules.command("check")
@click.argument("names", metavar="RULE", nargs=-1)
@city_option
@json_option
def check_(names: Sequence[str], folder: str, json_: bool) -> None:
    """Check rules: gaps, overlaps, contradictions, rows in vain, forbidden attributes, failing tests.

    Without RULE all of them. Ends with 1 when there is an error.
    """
    if names:
        pairs = [_tables(folder, name) for name in names]
    else:
        every = _all(folder)[0]
        pairs = [(table, {one.id: one for one in every}) for table in every]
    tables = [table for table, _ in pairs]
    check_versions(tables)
    for table, valid in pairs:
        in_order({**valid, **{one.id: one for one in tables}, table.id: table}, table.id)
    found = [(table, check(table)) for table in tables]
    if json_:
        as_json([{"rule": table.id, "version": table.version, "findings": findings} for table, findings in found])
    else:
        for table, findings in found:
            _tell_findings(table, findings)
    if any(finding.level == "error" for _, findings in found for finding in findings):
        sys.exit(EXIT_NO)


def _tell_findings(table: Table, findings: Sequence[Finding]) -> None:
    counts = {level: sum(one.level == level for one in findings) for level in ("error", "warning", "note")}
    told = ", ".join(some(count, level) for level, count in counts.items() if count)
    click.echo(f"{table.name}: {told or 'nothing was found'}.")
    for one in findings:
        example = f" For example: {', '.join(f'{key} {_value(value)}' for key, value in one.example.items())}."
        says = one.says + (example if one.example else "")
        click.echo(f"  {one.level} ({one.kind}): {says} {one.remedy}".rstrip())


@rules.command("test")
@click.argument("names", metavar="RULE", nargs=-1)
@city_option
@json_option
def test_(names: Sequence[str], folder: str, json_: bool) -> None:
    """Run the tests that stand beside rules; without RULE all of them. Ends with 1 when one fails."""
    tables = [_tables(folder, name)[0] for name in names] or list(_all(folder)[0])
    tried = [(table, run_tests(table)) for table in tables]
    if json_:
        as_json([{"rule": table.id, "version": table.version, "tests": tests} for table, tests in tried])
    else:
        for table, tests in tried:
            passed = sum(one.passed for one in tests)
            click.echo(f"{table.name}: {passed} of {some(len(tests), 'test')} passed.")
            for one in tests:
                if not one.passed:
                    came = ", ".join(f"{name} {_value(value)}" for name, value in one.found.items())
                    click.echo(f"  Test {one.number} fails ({one.says}): it came to {came or one.reason}.")
    if any(not one.passed for _, tests in tried for one in tests):
        sys.exit(EXIT_NO)


@rules.command()
@click.argument("rule")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--unit", "units", multiple=True, metavar="NAME=UNIT", help="Unit of a column.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the cases with answers here (CSV).")
@_on
@city_option
@json_option
def run(
    rule: str, file: Path, units: Sequence[str], out: Path | None, on: datetime | None, folder: str, json_: bool
) -> None:
    """Decide every row of FILE (CSV or Parquet) by RULE and by the rules that it uses.

    A column is named as its input; it may carry its unit, as in income [EUR/month].
    """
    table, valid = _tables(folder, rule, on)
    texts = [
        name for one in in_order(valid, table.id) for name, given in one.sheet.inputs.items() if given.type == "text"
    ]
    cases = read_table(file, lambda path: cases_of(path, texts))
    answers = decide_in_order(valid, table.id, cases, dict(pair(unit) for unit in units))
    clash = [name for name in answers.columns if name in cases.columns]
    if clash and out:
        raise UserError(f"{file.name} has a column '{clash[0]}' already.", "Rename it: an answer is called so.")
    counts = _counted(table, answers)
    if out:
        flat = answers.with_columns(pl.col(pl.List).cast(pl.List(pl.String)).list.join(", "))
        _write(out, neutral_csv(cases.hstack(flat)))
    if json_:
        shown = {} if out else {"answers": answers.to_dicts()}
        as_json({"rule": table.id, "version": table.version, "cases": cases.height, "counts": counts, **shown})
        return
    click.echo(f"{table.name}: {some(cases.height, 'case')}.")
    for one in counts:
        told = ", ".join(f"{name} {_value(one[name])}" for name in table.sheet.outputs)
        click.echo(f"  {one['cases']:,}: {told if one['reason'] is None else one['reason']}")
    if out:
        click.echo(f"Wrote {out}.")
    else:
        for number, answer in enumerate(answers.head(SHOWN_ROWS).to_dicts(), start=1):
            told = ", ".join(f"{name} {_value(answer[name])}" for name in table.sheet.outputs)
            by = f"row {answer['row']}" if answer["row"] else answer["reason"]
            click.echo(f"  case {number}: {told} ({by})")
        if answers.height > SHOWN_ROWS:
            click.echo(f"  … and {answers.height - SHOWN_ROWS:,} more; write them with --out.")


def _counted(table: Table, answers: pl.DataFrame) -> list[dict[str, Any]]:
    """Number of cases by answer, the most frequent first."""
    names = [*table.sheet.outputs, "reason"]
    counted = (
        answers.group_by(names, maintain_order=True).len("cases").sort("cases", descending=True, maintain_order=True)
    )
    return counted.head(SHOWN_ROWS).to_dicts()


@rules.command()
@click.argument("rule")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="A value of the case; a number may carry its unit.")
@click.option("--wanted", multiple=True, metavar="NAME=VALUE", help="The answer that was hoped for.")
@_on
@city_option
@json_option
def trace(
    rule: str, given: Sequence[str], wanted: Sequence[str], on: datetime | None, folder: str, json_: bool
) -> None:
    """Decide one case by RULE, show every row and condition, and what would have changed the answer."""
    table, _ = _tables(folder, rule, on)
    case = dict(pair(one) for one in given)
    found = table.trace(case)
    other = table.why_not(case, dict(pair(one) for one in wanted))
    if json_:
        as_json({"trace": found, "why_not": other})
        return
    _tell_trace(found, other)


def _write(file: Path, data: bytes) -> None:
    if not file.parent.is_dir():
        raise UserError(f"There is no folder {file.parent}.", "Make it, or write elsewhere.")
    with durable(f"writing {file.name}"):
        replace_file(file, data)


def _tell_trace(found: Trace, other: WhyNot) -> None:
    click.echo(found.says)
    for row in found.rows:
        mark = "decides" if row.row == found.row else "holds" if row.holds else "does not hold"
        asked = "; ".join(
            f"{one.input} {one.condition}: {_given(one.value)} {'meets it' if one.met else 'does not'}"
            for one in row.asked
        )
        click.echo(f"  row {row.row} {mark}{f': {asked}' if asked else ''}")
    for change in other.changes:
        click.echo(change.says)
    for one in other.not_checked:
        click.echo(f"Not looked at: {one}.")


def _given(value: Any) -> str:
    return "not given" if value is None else _value(value)


@rules.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--to", "out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write: .toml or .csv."
)
@click.option(
    "--unit", "units", multiple=True, metavar="NAME=UNIT", help="Unit of a number that the file does not say."
)
@click.option("--decision", help="Which decision of the file, when it holds several.")
@json_option
def import_(file: Path, out: Path, units: Sequence[str], decision: str | None, json_: bool) -> None:
    """Write a rule of FILE (DMN, GoRules JSON, CSV or TOML) as TOML or CSV, and check it."""
    table = read_form(file, units=dict(pair(unit) for unit in units), decision=decision)
    form = ENDINGS.get(out.suffix.lower())
    if form not in ("toml", "csv"):
        raise UserError(f"{out.name} is neither .toml nor .csv.", "Name the file by the form that people will edit.")
    if out.exists():
        raise UserError(f"{out} exists already.", "Choose another name, or move it away.")
    _write(out, write_form(table, form).encode())
    findings = check(table)
    if json_:
        as_json({"rule": table.id, "version": table.version, "file": str(out), "findings": findings})
        return
    click.echo(f"Wrote {out}.")
    _tell_findings(table, findings)


@rules.command("export")
@click.argument("rule")
@click.option("--form", type=click.Choice(FORMS), default="toml", show_default=True)
@click.option("--to", "out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; default: print it.")
@_on
@city_option
@json_option
def export(rule: str, form: str, out: Path | None, on: datetime | None, folder: str, json_: bool) -> None:
    """Write a rule as TOML, CSV, GoRules JSON or DMN; what others will not see of it is told."""
    table, _ = _tables(folder, rule, on)
    text, lost = write_form(table, form), losses(table, form)
    if out:
        _write(out, text.encode())
    if json_:
        as_json(
            {
                "rule": table.id,
                "form": form,
                "losses": lost,
                "file": str(out) if out else None,
                **({} if out else {"text": text}),
            }
        )
        return
    click.echo(f"Wrote {out}." if out else text, nl=bool(out))
    for one in lost:
        click.echo(f"Note: {one}.", err=True)


rules.add_command(replay)
rules.add_command(publish)
