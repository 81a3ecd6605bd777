"""The command audit: what a system does to groups of people, the gate that stops it, and columns that are proxies."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from cityward.cli.audit_text import tell, tell_gate, tell_proxies
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option
from cityward.cli.tables import read_any, where
from cityward.core.errors import UserError

if TYPE_CHECKING:
    import polars as pl

    from cityward.answerable.audit.gate import Gate
    from cityward.answerable.audit.report import Audit
    from cityward.answerable.audit.rows import Request
    from cityward.core.systems import SystemEvent

_FILE = click.Path(dir_okay=False, path_type=Path)
_PLAIN = "file"


class _FileOrCommand(click.Group):
    """``cityward audit FILE`` needs no name of a command; ``cityward audit proxies FILE`` has one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = [_PLAIN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FileOrCommand, invoke_without_command=False)
def audit() -> None:
    """Say what a system does to groups of people, from a table of its predictions and what came of them.

    'cityward audit FILE --prediction COL --outcome COL --group COL' is 'cityward audit file FILE …'; its options are
    listed by 'cityward audit file --help'. FILE is a CSV, a Parquet file or a workbook (.xlsx).
    """


def _table_options(function: Any) -> Any:
    for option in reversed(
        (
            click.option("--group", "groups", multiple=True, help="Column of groups; more than once."),
            click.option("--sheet", help="Sheet of a workbook; default: the first."),
            click.option("--where", "conditions", multiple=True, help="COLUMN=VALUE: only such rows."),
            click.option("--positive", multiple=True, help="Value that means yes, or COLUMN=VALUE; more than once."),
            click.option("--edges", multiple=True, help="COLUMN=10,20: cut a group column of numbers there."),
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is to be done with an audit beside showing it."""

    save_band: Path | None
    gate: Path | None
    margin: float
    false_stop: float
    system: str | None
    by: str
    folder: str


@audit.command(_PLAIN)
@click.argument("file", type=_FILE)
@click.option("--prediction", help="Column that says who is selected.")
@click.option("--outcome", help="Column that says what came of it.")
@click.option("--score", help="Column of scores.")
@_table_options
@click.option("--threshold", type=float, help="Numbers of the prediction (or score) from here on mean yes.")
@click.option("--arm", help="Column (or COLUMN=VALUE) that is yes for people drawn at random.")
@click.option("--weight", help="Column that says how many cases a row stands for.")
@click.option("--each", multiple=True, help="Group column of numbers whose every value is a group.")
@click.option("--date", "time", help="Day of the prediction; days are looked at without it too.")
@click.option("--outcome-date", "outcome_time", help="Day of the outcome.")
@click.option("--follow-up", "follow_up_days", type=click.IntRange(1), help="Days after which the outcome counts.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which outcomes were read.")
@click.option("--person", help="Column that names a person.")
@click.option("--reference", default="", help="Group to compare with; default: the rest.")
@click.option("--min-n", type=click.IntRange(1), default=30, show_default=True, help="Fewer people are flagged.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Of the limits.")
@click.option("--depth", type=click.IntRange(1, 4), default=2, show_default=True, help="Columns crossed at most.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--save-band", type=_FILE, help="Keep the band of an approval here.")
@click.option("--gate", type=_FILE, help="Judge these live data by a kept band; exits with 1 when it stops.")
@click.option("--margin", type=click.FloatRange(0, 1, max_open=True), default=0.02, show_default=True)
@click.option("--false-stop", type=click.FloatRange(0, 0.5, min_open=True), default=0.01, show_default=True)
@click.option("--system", help="Registered system that this is an audit of: kept, and suspended by the gate.")
@click.option("--by", default="", help="Who audits, for --system.")
@city_option
@json_option
def file_(
    file: Path,
    groups: tuple[str, ...],
    sheet: str | None,
    conditions: tuple[str, ...],
    edges: tuple[str, ...],
    each: tuple[str, ...],
    until: datetime | None,
    save_band: Path | None,
    gate: Path | None,
    margin: float,
    false_stop: float,
    system: str | None,
    by: str,
    folder: str,
    json_: bool,
    **named: Any,
) -> None:
    """Audit a table of predictions and outcomes.

    A table of counts (columns TP, FP, FN, TN) needs no --prediction and no --outcome.
    """
    from cityward.answerable.audit.rows import Request

    table = where(read_any(file, sheet), conditions)
    asked = Request(
        groups=tuple(dict.fromkeys(groups)),
        edges=_edges(edges),
        each=frozenset(each),
        until=until.date() if until else None,
        **named,
    )
    kept = _Kept(save_band, gate, margin, false_stop, system, by, folder)
    _finish(*_examined(table, asked), kept, json_=json_)


def _examined(table: pl.DataFrame, asked: Request) -> tuple[Audit, Any]:
    """The audit, and what tells the gate the days of the rows."""
    from cityward.answerable.audit import counts_form
    from cityward.answerable.audit.examine import examine

    notes: tuple[str, ...] = ()
    if not asked.prediction and not asked.outcome and counts_form.cells_of(table):
        table, notes = counts_form.unfold(table)
        asked = counts_form.counted_request(asked)
    found = examine(table, asked)
    return msgspec.structs.replace(found, notes=(*notes, *found.notes)), (table, asked)


def _finish(found: Audit, rest: tuple[pl.DataFrame, Request], kept: _Kept, *, json_: bool) -> None:
    from cityward.answerable.audit.gate import band_of, judge, read_band
    from cityward.answerable.audit.rows import dated
    from cityward.core.clock import Clock
    from cityward.core.disk import replace_file

    verdict: Gate | None = None
    if kept.gate:
        verdict = judge(read_band(_bytes(kept.gate)), found, *dated(*rest))
        found = msgspec.structs.replace(found, gate=verdict)
    band = None
    if kept.save_band:
        band = band_of(found, false_stop=kept.false_stop, margin=kept.margin, saved_at=Clock().now())
        replace_file(kept.save_band, msgspec.json.format(msgspec.json.encode(band)))
    if kept.system:
        _keep(found, verdict, kept)
    if json_:
        as_json(found)
    else:
        if verdict:
            tell_gate(verdict)
        tell(found)
        if band:
            click.echo(f"The band of {len(band.edges):,} rates is kept in {kept.save_band}.")
    if verdict and verdict.state == "suspend":
        sys.exit(EXIT_NO)


def _keep(found: Audit, verdict: Gate | None, kept: _Kept) -> None:
    from cityward.city import open_city
    from cityward.city.auditing import keep_audit

    with open_city(kept.folder) as city:
        _tell_kept(keep_audit(city, kept.system or "", found, verdict, kept.by))


def _tell_kept(events: list[SystemEvent]) -> None:
    for event in events:
        click.echo(f"{event.what}: {event.system} {event.version}. Ledger entry {event.receipt}.", err=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UserError(f"{path} cannot be read.", "Make it with --save-band when the system is approved.") from None


def _edges(given: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for one in given:
        name, sign, numbers = one.rpartition("=")
        try:
            found[name] = tuple(float(number) for number in numbers.split(","))
        except ValueError:
            sign = ""
        if not sign or not name:
            raise UserError(f"'{one[:60]}' is no list of edges.", "Write --edges COLUMN=10,20.")
    return found


@audit.command()
@click.argument("file", type=_FILE)
@_table_options
@click.option("--column", "wanted", multiple=True, help="Column to examine; default: all others.")
@click.option("--outcome", help="Column of the outcome: what a column tells of it stands beside.")
@click.option("--join", type=_FILE, help="Another table whose columns are added.")
@click.option("--on", help="Column that both tables share.")
@click.option("--place", help="LON,LAT: adds the area of each row and what is known of it, as groups.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--system", help="Registered system that this is an audit of: kept.")
@click.option("--by", default="", help="Who audits, for --system.")
@city_option
@json_option
def proxies(
    file: Path,
    groups: tuple[str, ...],
    sheet: str | None,
    conditions: tuple[str, ...],
    positive: tuple[str, ...],
    edges: tuple[str, ...],
    wanted: tuple[str, ...],
    outcome: str | None,
    join: Path | None,
    on: str | None,
    place: str | None,
    seed: int,
    system: str | None,
    by: str,
    folder: str,
    json_: bool,
) -> None:
    """Say which columns give a group away, though they do not name it.

    With --place and a city, rows get the groups 'area', 'area income', 'area internet' and 'area hardship'.
    """
    from cityward.answerable.audit.proxies import examine_proxies

    table = read_any(file, sheet)
    if join:
        table = _joined(table, read_any(join), on)
    if place:
        table = _placed(table, place, folder)
    found = examine_proxies(
        where(table, conditions), groups, wanted, outcome=outcome, positive=positive, edges=_edges(edges), seed=seed
    )
    if system:
        from cityward.city import open_city
        from cityward.city.auditing import keep_proxies

        with open_city(folder) as city:
            _tell_kept([keep_proxies(city, system, found, by)])
    if json_:
        as_json(found)
    else:
        tell_proxies(found)


def _joined(
    table: pl.DataFrame, other: pl.DataFrame, on: str | None, how: Literal["inner", "left"] = "inner"
) -> pl.DataFrame:
    if not on or on not in table.columns or on not in other.columns:
        raise UserError("The two tables are joined by a column that both have.", "Name it with --on.")
    if other[on].n_unique() < other.height:
        raise UserError(f"'{on}' names several rows of the joined table.", "Join by a column that names one row.")
    if table[on].dtype != other[on].dtype:
        raise UserError(f"'{on}' is of two kinds in the two tables.", "Write both in one way.")
    joined: pl.DataFrame = table.join(
        other.select(on, *(one for one in other.columns if one not in table.columns)), on=on, how=how
    )
    return joined


def _placed(table: pl.DataFrame, place: str, folder: str) -> pl.DataFrame:
    from cityward.city import open_city
    from cityward.city.auditing import with_areas

    lon, _, lat = place.partition(",")
    with open_city(folder) as city:
        return with_areas(city, table, lon.strip(), lat.strip())


@audit.command()
@click.argument("kind")
@click.option("--min-n", type=click.IntRange(1), default=30, show_default=True, help="Fewer people are flagged.")
@click.option("--save", type=_FILE, help="Keep the table behind it here, as Parquet.")
@click.option("--by", default="", help="Who audits: the audit is kept for the system that ranks these cases.")
@city_option
@json_option
def cases(kind: str, min_n: int, save: Path | None, by: str, folder: str, json_: bool) -> None:
    """Audit a ranking of cases of the city by area, income, internet access and hardship.

    KIND is the identifier of a type of case. Judged are visits that the ranking had not learned from.
    """
    from cityward.answerable.audit.examine import examine
    from cityward.city import open_city
    from cityward.city.auditing import audit_of_cases, keep_audit

    with open_city(folder) as city:
        table, asked = audit_of_cases(city, kind, min_n)
        found = examine(table, asked)
        if by:
            _tell_kept(keep_audit(city, city.cases.types()[kind].system, found, None, by))
    if save:
        table.write_parquet(save)
    if json_:
        as_json(found)
    else:
        tell(found)


@audit.command()
@click.argument("system")
@click.option("--positive", multiple=True, required=True, help="Outcome that counts as selected; more than once.")
@click.option("--group", "groups", multiple=True, help="Column of groups; default: rule version, and thirds of areas.")
@click.option("--join", type=_FILE, help="Table of what came of the cases; cases that are not in it have no outcome.")
@click.option("--on", default="case", show_default=True, help="Column of that table that names the case.")
@click.option("--outcome", help="Column of that table that says what came of it.")
@click.option("--min-n", type=click.IntRange(1), default=30, show_default=True, help="Fewer people are flagged.")
@click.option("--recommended", is_flag=True, help="Audit what the rule said, of cases that wait for a person too.")
@click.option("--by", default="", help="Who audits: the audit is kept for the system.")
@city_option
@json_option
def decisions(
    system: str,
    positive: tuple[str, ...],
    groups: tuple[str, ...],
    join: Path | None,
    on: str,
    outcome: str | None,
    min_n: int,
    recommended: bool,
    by: str,
    folder: str,
    json_: bool,
) -> None:
    """Audit what was decided on a system's proposals, by the version of the rule that decided and by area.

    Groups are 'rule version', 'system version', 'area', 'area income', 'area internet' and 'area hardship'.
    """
    from cityward.answerable.audit.examine import examine
    from cityward.answerable.audit.rows import Request
    from cityward.city import open_city
    from cityward.city.auditing import AREA_GROUPS, keep_audit, table_of_decisions

    said = "recommended" if recommended else "decided"
    with open_city(folder) as city:
        table = table_of_decisions(city, system)
        if join:
            other = read_any(join)
            table = _joined(table, other.rename({on: "case"}) if on in other.columns else other, "case", "left")
        found = examine(
            table,
            Request(
                groups=groups or ("rule version", *(one for one in AREA_GROUPS if one in table.columns)),
                prediction=said,
                outcome=outcome,
                positive=tuple(f"{said}={one}" for one in positive),
                time="day",
                min_n=min_n,
            ),
        )
        if by:
            _tell_kept(keep_audit(city, system, found, None, by))
    if json_:
        as_json(found)
    else:
        tell(found)
