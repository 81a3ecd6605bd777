"""Lines of system logs, as columns: RFC 3164, RFC 5424, the form of rsyslog, Cisco; and what sshd says of sign-ins.

A year that a line does not tell is reckoned from the year of the first line, or from when the file was last written:
where months run back, a year has gone by.

**Source**: RFC 3164, section 4.1; RFC 5424, section 6; OpenSSH auth.c and auth2.c for its messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from cityward.core.limits import MONITOR_LINE_BYTES
from cityward.secure.monitor import logsources
from cityward.secure.monitor.batches import LINE, Batch
from cityward.secure.monitor.readers import windows
from cityward.secure.monitor.readers.reading import Reading, Reckoning

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Gatherer

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PRIORITY: Final = r"^\s*(?:<\d{1,3}>)?(?:\S+ \d+: )?[*.]?"
_OLD: Final = (
    _PRIORITY + r"(?<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(?<day>\d{1,2})(?: (?<year>\d{4}))?,? "
    r"(?<clock>\d{2}:\d{2}:\d{2})(?:\.\d+)?:? ?(?<rest>.*)$"
)
_USUAL: Final = r"^[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} "
_NEW: Final = r"^\s*(?:<\d{1,3}>)?(?:1 )?(?<iso>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}\S*) (?<rest>.*)$"
_TAGGED: Final = (
    r"^(?<hostname>[^\s:%]+) (?<program>[^\s\[\]:]+)(?:\[(?<pid>\d+)\])?(?::| \S+ \S+ (?:-|\[.*?\])) ?(?<message>.*)$"
)
_SYSMON: Final = r"^\S+ sysmon(?:\[\d+\])?: <Event>"
_CISCO: Final = r"%[A-Z][A-Z0-9_]*-(?:[A-Z0-9_]+-)?[0-7]-[A-Z0-9_]+:"

_WHO: Final = r"(?:for|[Uu]ser) (?:invalid user |illegal user )?(?<user>\S*) from (?<src_ip>[0-9A-Fa-f:.]+)"
_PAM: Final = r"rhost=(?<src_ip>\S+)(?:\s+user=(?<user>\S+))?"
_ANY_FROM: Final = r"(?:from|by|with|to)(?: \S+ user \S+)? ((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*:[0-9a-f:.]+)\b"
_FAILED: Final = r"^(?:Failed |error: PAM: |(?:Invalid|Illegal) user |User .{1,200} from .{1,200} not allowed because)"
_FAILED_TOO: Final = (
    r"^(?:(?:error: )?maximum authentication attempts|pam_\w+\(\w+:auth\): authentication failure|"
    r"PAM \d+ more authentication failures?)"
)
"""What is written beside the lines of `_FAILED`: it counts where a process wrote none of these."""

_SUCCEEDED: Final = r"^Accepted "
_REPEATED: Final = r"^message repeated (\d+) times: \[ ?"
_REPEATS_MOST: Final = 100
_TELLS: Final = (
    rf"{_FAILED}|{_FAILED_TOO}|{_SUCCEEDED}|^message repeated|^Connection |^Did not receive|^Disconnect|^Bad "
)


def is_line(text: str) -> bool:
    """Whether a line looks like one of a system log."""
    one = pl.Series([text])
    return bool(one.str.contains(_OLD).item() or one.str.contains(_NEW).item())


def read(chunks: Iterator[bytes], source: int, to: Gatherer, told: Reading, reckoning: Reckoning) -> None:
    """Read the lines of a system log."""
    year, month, first = reckoning.year, 0, 1
    for chunk in chunks:
        frame, received = _split(chunk, first, told)
        first += received
        if not frame.height:
            continue
        parsed, year, month = _timed(frame, year, month, reckoning)
        told.received += frame.height
        _count_unread(parsed, told)
        parsed = _without_sysmon(parsed.filter(pl.col("at_us").is_not_null()), source, to, told)
        hand_on(_by_kind(parsed), source, to)


def hand_on(parts: Iterator[tuple[logsources.Kind, pl.DataFrame]], source: int, to: Gatherer) -> None:
    """Hand on events as columns, with their ``number`` and ``at_us``."""
    for kind, part in parts:
        fields = part.drop("at_us", "number")
        to.hand_on(Batch(kind, part["at_us"].to_list(), [source] * part.height, part["number"].to_list(), frame=fields))


def _without_sysmon(parsed: pl.DataFrame, source: int, to: Gatherer, told: Reading) -> pl.DataFrame:
    """Lines without those of Sysmon for Linux, which hold an event in XML and are read as such."""
    is_event = pl.col("rest").str.contains(_SYSMON)
    events = parsed.filter(is_event)
    for number, at_us, rest in events.select("number", "at_us", "rest").rows():
        try:
            kind, own_us, fields = windows.event_of_xml(rest[rest.index("<Event") :])
        except windows.NotAnEvent as error:
            told.received -= 1  # it was counted as a line
            told.refuse(f"an event: {error}")
            continue
        to.add(kind, at_us if own_us is None else own_us, source, number, fields)
    return parsed.filter(is_event.not_()) if events.height else parsed


def _split(chunk: bytes, first: int, told: Reading) -> tuple[pl.DataFrame, int]:
    """Lines with their numbers, without empty and endless ones."""
    lines = chunk.decode("utf-8", "replace").split("\n")
    frame = (
        pl.DataFrame({LINE: lines}).with_row_index("number", first).with_columns(pl.col(LINE).str.strip_chars_end("\r"))
    )
    size = pl.col(LINE).str.len_bytes()
    kept = frame.filter(size.is_between(1, MONITOR_LINE_BYTES))
    told.refuse("a line is too long", frame.select((size > MONITOR_LINE_BYTES).sum()).item())
    return kept, len(lines) - chunk.endswith(b"\n")


def _count_unread(parsed: pl.DataFrame, told: Reading) -> None:
    if unread := parsed["at_us"].null_count():
        told.not_read["a line has no time that can be read"] += unread


def _timed(
    frame: pl.DataFrame, year: int | None, month: int, reckoning: Reckoning
) -> tuple[pl.DataFrame, int | None, int]:
    """Add ``at_us`` and ``rest``; the year and the month of the last line go on to the next chunk."""
    parts = _parted(frame)
    months = {name: number for number, name in enumerate(MONTHS, 1)}
    parts = parts.with_columns(pl.col("month").replace_strict(months, default=None, return_dtype=pl.Int32))
    known = parts.filter(pl.col("month").is_not_null() & pl.col("year").is_null())
    years = pl.DataFrame(schema={"number": pl.UInt32, "reckoned": pl.Int32})
    if known.height and year is not None:
        # Lines of the same log come a little out of order; only a large step back is a new year.
        step = known["month"].diff().fill_null(known["month"][0] - (month or known["month"][0]))
        gone = (step < -6).cast(pl.Int32).cum_sum() - (step > 6).cast(pl.Int32).cum_sum()
        years = pl.DataFrame({"number": known["number"], "reckoned": (gone + year).cast(pl.Int32)})
        year, month = int(years["reckoned"][-1]), int(known["month"][-1])
    parts = parts.join(years, on="number", how="left", maintain_order="left")
    when = pl.format(
        "{}-{}-{} {}", pl.coalesce("year", pl.col("reckoned").cast(pl.String)), "month", pl.col("day"), "clock"
    ).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    zone = str(reckoning.zone)
    parts = parts.with_columns(_utc(when, zone).alias("at_us"))
    if parts["month"].null_count():
        new = parts.filter(pl.col("month").is_null()).select("number", LINE)
        new = new.with_columns(pl.col(LINE).str.extract_groups(_NEW).alias("new")).unnest("new")
        moment = pl.col("iso").str.replace(" ", "T", literal=True).str.replace(r"([+-]\d{2}):?(\d{2})$", "$1$2")
        moment = moment.str.replace("Z$", "+0000")
        with_zone = moment.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us", time_zone="UTC")
        without = moment.str.replace(",", ".").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
        iso = pl.coalesce(with_zone.dt.epoch("us"), _utc(without, zone))
        new = new.select("number", iso.alias("new_us"), pl.col("rest").alias("new_rest"))
        parts = parts.join(new, on="number", how="left", maintain_order="left").with_columns(
            at_us=pl.coalesce("at_us", "new_us"), rest=pl.coalesce("rest", "new_rest")
        )
    return parts.select("number", LINE, "at_us", "rest"), year, month


def _parted(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the parts of the form of RFC 3164. Lines share their stamps, so each of the usual width is read once."""
    usual = frame.select(pl.col(LINE).str.contains(_USUAL)).to_series()
    fast = frame.filter(usual).with_columns(stamp=pl.col(LINE).str.head(16), rest=pl.col(LINE).str.slice(16))
    stamps = fast.select(pl.col("stamp").unique())
    stamps = stamps.with_columns(pl.col("stamp").str.extract_groups(_OLD).alias("old")).unnest("old").drop("rest")
    fast = fast.join(stamps, on="stamp", how="left", maintain_order="left").drop("stamp")
    if fast.height == frame.height:
        return fast
    slow = frame.filter(~usual).with_columns(pl.col(LINE).str.extract_groups(_OLD).alias("old")).unnest("old")
    return pl.concat([fast, slow.select(fast.columns)]).sort("number")


def _utc(naive: pl.Expr, zone: str) -> pl.Expr:
    return naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.epoch("us")


def _by_kind(parsed: pl.DataFrame) -> Iterator[tuple[logsources.Kind, pl.DataFrame]]:
    cisco = pl.col("rest").str.contains(_CISCO)
    is_cisco = parsed.select(cisco).to_series().fill_null(value=False)
    if is_cisco.any():
        yield logsources.CISCO, parsed.filter(is_cisco).drop("rest")
        parsed = parsed.filter(~is_cisco)
    yield from by_program(_tagged(parsed))


def by_program(parsed: pl.DataFrame) -> Iterator[tuple[logsources.Kind, pl.DataFrame]]:
    """Lines with ``hostname``, ``program``, ``pid`` and ``message``, by who wrote them; of sshd with its sign-ins."""
    program = pl.col("program").str.to_lowercase().str.replace("-session$", "").fill_null("")
    known = program.is_in(list(logsources.LINUX_PROGRAMS))
    parsed = parsed.with_columns(pl.when(known).then(program).otherwise(pl.lit("")).alias("@group"))
    for (group,), part in parsed.partition_by("@group", as_dict=True, include_key=False, maintain_order=True).items():
        yield logsources.linux(str(group)), _sign_ins(part) if group == "sshd" else part


def _tagged(parsed: pl.DataFrame) -> pl.DataFrame:
    """Replace ``rest`` by ``hostname``, ``program``, ``pid`` and ``message``."""
    plain = pl.col("rest").str.splitn(" ", 2)
    tag = plain.struct.field("field_1").str.splitn(": ", 2)
    program = tag.struct.field("field_0").str.splitn("[", 2)
    parsed = parsed.with_columns(
        hostname=plain.struct.field("field_0"),
        program=program.struct.field("field_0"),
        pid=program.struct.field("field_1").str.strip_suffix("]"),
        message=tag.struct.field("field_1"),
    )
    odd = parsed.select(pl.col("message").is_null() | pl.col("program").str.contains(" ", literal=True)).to_series()
    if not odd.any():
        return parsed.drop("rest")
    again = parsed.filter(odd).select("number", LINE, "at_us", "rest")
    again = again.with_columns(pl.col("rest").str.extract_groups(_TAGGED).alias("tag")).unnest("tag")
    return pl.concat([parsed.filter(~odd), again.select(parsed.columns)]).sort("number").drop("rest")


def _sign_ins(part: pl.DataFrame) -> pl.DataFrame:
    """Add ``user``, ``src_ip`` and ``outcome`` of sign-ins; a line that stands for several is there several times."""
    tells = part.select(pl.col("message").str.contains(_TELLS)).to_series().fill_null(value=False)
    return pl.concat([_told_sign_ins(part.filter(tells)), part.filter(~tells)], how="diagonal")


def _told_sign_ins(part: pl.DataFrame) -> pl.DataFrame:
    part = part.with_columns(times=pl.col("message").str.extract(_REPEATED).cast(pl.Int64, strict=False))
    if part["times"].count():
        times = part["times"].fill_null(1).clip(1, _REPEATS_MOST).to_numpy()
        part = part[np.repeat(np.arange(part.height), times)]
    message = pl.col("message").str.replace(_REPEATED, "")
    told = part.with_columns(
        who=message.str.extract_groups(_WHO),
        pam=message.str.extract_groups(_PAM),
        other=message.str.extract(_ANY_FROM),
        failed=message.str.contains(_FAILED),
        failed_too=message.str.contains(_FAILED_TOO),
        accepted=message.str.contains(_SUCCEEDED),
    )
    failed = pl.col("failed") | (pl.col("failed_too") & ~pl.col("failed").any().over("hostname", "pid"))
    outcome = pl.when(failed).then(pl.lit("failure")).when("accepted").then(pl.lit("success"))
    return told.with_columns(
        user=pl.coalesce(pl.col("who").struct.field("user"), pl.col("pam").struct.field("user")),
        src_ip=pl.coalesce(pl.col("who").struct.field("src_ip"), pl.col("pam").struct.field("src_ip"), "other"),
        outcome=outcome,
    ).drop("who", "pam", "other", "failed", "failed_too", "accepted", "times")


def years_gone(chunks: Iterator[bytes]) -> tuple[int, tuple[int, int] | None]:
    """How many years end within a log whose lines tell none, and month and day of its last line."""
    gone, month, day = 0, 0, 0
    for chunk in chunks:
        lines = pl.DataFrame({LINE: chunk.decode("utf-8", "replace").split("\n")})
        stamp = pl.col(LINE).str.head(64).str.extract_groups(_PRIORITY + r"(?<month>[A-Z][a-z]{2}) +(?<day>\d{1,2})\b")
        found = lines.select(stamp.alias("stamp")).unnest("stamp").filter(pl.col("month").is_in(MONTHS))
        if not found.height:
            continue
        months = found["month"].replace_strict({name: at for at, name in enumerate(MONTHS, 1)}, return_dtype=pl.Int32)
        step = months.diff().fill_null(months[0] - (month or months[0]))
        gone += int((step < -6).sum()) - int((step > 6).sum())
        month, day = int(months[-1]), int(found["day"][-1])
    return gone, (month, day) if month else None
