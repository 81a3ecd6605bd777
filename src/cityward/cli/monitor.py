"""``cityward monitor``: hold logs of all systems against detection rules."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import msgspec

from cityward.cli.main import as_json, json_option, some
from cityward.core.clock import Clock, micros
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cityward.city import City
    from cityward.city.incidents import Filed
    from cityward.secure.monitor.findings import Finding
    from cityward.secure.monitor.monitoring import Monitored
    from cityward.secure.monitor.readers.reading import Reckoning
    from cityward.secure.monitor.terms import RuleSet

_SHOWN = 8
"""Values of a group that the list on a terminal names; --json has more."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rules",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder or archive of Sigma rules; more than once.",
)
@click.option("--own/--no-own", default=True, show_default=True, help="Use the rules that come with cityward too.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of times that name none: 'Europe/Berlin'.")
@click.option(
    "--year",
    type=click.IntRange(1970, 2200),
    help="Of the first line, where lines name none; default: from the file's date.",
)
@click.option("--show-names", is_flag=True, help="Show names of people instead of what stands for them.")
@click.option("--city", "city", type=click.Path(), help="File what is found as security incidents of this city.")
@click.option("--follow", is_flag=True, help="Go on while the files are written, until Ctrl-C; needs --city.")
@json_option
def monitor(
    files: tuple[Path, ...],
    folders: tuple[Path, ...],
    own: bool,
    time_zone: str,
    year: int | None,
    show_names: bool,
    city: str | None,
    follow: bool,
    json_: bool,
) -> None:
    """Hold logs against detection rules: what matched, with its evidence, and what could not be read.

    FILES are EVTX, JSON, XML of Windows, syslog and auth.log, audit.log, Zeek, or access logs of web servers, also
    compressed by gzip. Exits with 0 whether something is found or not.
    """
    from cityward.cli.incidents_text import told_filed
    from cityward.secure.monitor.findings import Names
    from cityward.secure.monitor.monitoring import Monitor

    began = time.perf_counter()
    rules = rules_of(folders, own=own)
    if follow:
        if city is None or show_names or year:
            raise UserError(
                "--follow files into a city, with pseudonyms, and knows the year.",
                "Give --city, and leave out --show-names and --year.",
            )
        _follow(city, files, rules, _zone(time_zone))
        return
    compiled = time.perf_counter()
    zone = _zone(time_zone)
    if city is not None and show_names:
        raise UserError("Names of people are not kept in security incidents.", "Leave out --show-names or --city.")
    with _opened(city) as held:
        key = os.urandom(32) if held is None else held.incidents.names_key()
        looking = Monitor(rules, Names(key, shown=show_names), micros((held.clock if held else Clock()).now()))
        came = looking.run(files, lambda path: reckoned(path, zone, year))
        read_seconds = time.perf_counter() - compiled
        filed = held.incidents.file(looking.sightings(), looking.rules_seen()) if held else None
    if json_:
        as_json(
            msgspec.to_builtins(came)
            | ({"filed": filed} if filed else {})
            | {
                "rules_seconds": round(compiled - began, 3),
                "events_seconds": round(read_seconds, 3),
                "events_per_second": round(came.read / read_seconds) if read_seconds else None,
            }
        )
    else:
        _tell(came, read_seconds)
        if filed:
            told_filed(filed)


@contextmanager
def _opened(folder: str | None) -> Iterator[City | None]:
    if folder is None:
        yield None
        return
    from cityward.city import open_city

    with open_city(folder) as city:
        yield city


def _follow(folder: str, files: tuple[Path, ...], rules: RuleSet, zone: ZoneInfo) -> None:
    import signal
    import threading

    from cityward.city import open_city
    from cityward.city.log_following import LogFollowing
    from cityward.secure.monitor.findings import Names

    def file_(*found: Any) -> Filed:
        # Open only while it is written, so that others can write the city in between.
        with open_city(folder) as city:
            return city.incidents.file(*found)

    with open_city(folder) as city:
        kept, clock, names = city.folder.monitor, city.clock, Names(city.incidents.names_key(), shown=False)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    following = LogFollowing(kept, files, rules, names, file_, zone, click.echo, clock)
    click.echo(f"Following {some(len(files), 'log')}; stop with Ctrl-C.")
    following.run(ended)
    for one in following.followed():
        unread = "; ".join(f"{count:,} not read: {why}" for why, count in one.not_read.items())
        click.echo(f"{Path(one.path).name}: {one.read:,} of {one.received:,} read. {unread}".rstrip())


def rules_of(folders: Sequence[Path], *, own: bool = True) -> RuleSet:
    """Rules of folders and archives, compiled, with those that come with cityward where ``own``.

    Raises
    ------
    UserError
        A library is not installed, a folder is not there, or there is no rule at all.
    """
    from cityward.secure.monitor import ruleset

    ruleset.needed("evtx", "sigma", "re2")
    texts = {
        f"{folder}/{name}": content
        for folder in ((ruleset.SHIPPED,) if own else ()) + tuple(folders)
        for name, content in ruleset.files_of(folder).items()
    }
    if not texts:
        raise UserError("There are no rules to look by.", "Name a folder of rules with --rules.")
    return ruleset.load(texts, _cache_folder())


def _cache_folder() -> Path:
    """Where compiled rules are kept, for they are the same for every run of the same bytes."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cityward" / "rules"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UserError(f"'{name[:60]}' is no time zone.", "Write it as 'Europe/Berlin' or 'UTC'.") from None


def reckoned(path: Path, zone: tzinfo, year: int | None) -> Reckoning:
    """How times of a file are read that name no zone or year; raises UserError where it cannot be read."""
    from cityward.secure.monitor.readers.reading import Reckoning

    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        raise UserError(f"{str(path)[:200]!r} cannot be read.", "Name files of logs that you may read.") from None
    return Reckoning(zone, year, written.astimezone(zone))


def _tell(came: Monitored, seconds: float) -> None:
    click.echo(
        f"{some(len(came.findings), 'finding')} in {some(came.read, 'event')} of {some(len(came.files), 'file')}, "
        f"by {some(came.rules, 'rule')} and {some(came.correlations, 'correlation')}."
    )
    for one in came.findings:
        _tell_finding(one)
    click.echo("")
    for file in came.files:
        unread = "; ".join(f"{count:,} not read: {why}" for why, count in file.not_read.items())
        click.echo(f"{file.file}: {file.form}, {file.read:,} of {file.received:,} read. {unread}".rstrip())
    for refused in came.refused:
        click.echo(f"Rule not used: {refused.title or refused.file}, because {refused.why}.")
    for note in came.notes:
        click.echo(note)
    click.echo(f"{came.read / max(seconds, 1e-9):,.0f} events a second, {seconds:.1f} s.")


def _tell_finding(one: Finding) -> None:
    techniques = f" [{', '.join(one.techniques)}]" if one.techniques else ""
    click.echo(f"\n{one.level.upper()} {one.title}{techniques}")
    when = f" from {one.first:%Y-%m-%d %H:%M:%S} to {one.last:%Y-%m-%d %H:%M:%S} UTC" if one.first and one.last else ""
    found = ""
    if one.seconds_median is not None:
        found = (
            f"; found after {one.seconds_median:,.0f} s (median of {some(len(one.hits) + one.hits_left_out, 'hit')})"
        )
    click.echo(f"  {some(one.count, 'event')}{when}{found}")
    for group, values in one.groups.items():
        shown = ", ".join(f"{value} ({count:,})" for value, count in list(values.items())[:_SHOWN])
        click.echo(f"  {group}: {shown}{' …' if len(values) > _SHOWN else ''}")
    for evidence in one.evidence[:1]:
        told = "; ".join(f"{name} {value}" for name, value in list(evidence.fields.items())[:4])
        click.echo(f"  {evidence.file}, record {evidence.record}: {told}")
