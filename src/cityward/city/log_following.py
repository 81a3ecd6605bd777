"""Follows logs that are being written and files what is found; a kill loses nothing, since it knows where it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from cityward.core.clock import Clock, micros, monotonic
from cityward.core.disk import make_folder, replace_file
from cityward.core.errors import CityBusy, UserError
from cityward.core.limits import MONITOR_FOLLOWED
from cityward.core.records import Record, to_json
from cityward.secure.incidents.records import RuleSeen
from cityward.secure.monitor.live import LiveMonitor
from cityward.secure.monitor.readers.files import form_of
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.sightings import SCHEMA
from cityward.secure.monitor.tailing import Place, Tail
from cityward.secure.watch.usual import limit_of

if TYPE_CHECKING:
    import threading

    from cityward.city.incidents import Filed
    from cityward.secure.monitor.findings import Names
    from cityward.secure.monitor.terms import RuleSet, Told

POLL_SECONDS: Final = 1.0
LOOK_SHARE: Final = 5.0
"""A look at correlations waits so many times as long as the last one took."""

MARK_US: Final = 600 * 1_000_000
"""Between two places that are remembered, so that after a kill the window of correlations is read again."""

MARKS_MOST: Final = 2_000
GAPS: Final = 200
SILENT_SECONDS_MIN: Final = 300.0
"""A log is never called silent sooner than this."""

NOT_FOLLOWED: Final = ("evtx", "binary", "windows xml", "journal export")
SILENT: Final = RuleSeen(
    id="cityward-log-silent",
    title="A log has fallen silent, against its own rhythm",
    level="medium",
    techniques=("T1562.006",),
)


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The newest moment of what had been read up to a byte."""

    at_us: int
    offset: int


class Followed(Record, frozen=True, kw_only=True):
    """What is kept of a log between two runs: how far it was read, what became of its lines, its rhythm."""

    path: str
    place: Place = Place()
    received: int = 0
    not_read: dict[str, int] = msgspec.field(default_factory=dict)
    in_future: int = 0
    marks: tuple[Mark, ...] = ()
    gaps: tuple[float, ...] = ()
    heard_at: datetime | None = None

    @property
    def read(self) -> int:
        """Lines that rules looked at: ``received = read + not read``."""
        return self.received - sum(self.not_read.values())


@dataclass(slots=True)
class _Log:
    """A log while it is followed."""

    tail: Tail
    received: int
    not_read: dict[str, int]
    in_future: int
    marks: deque[Mark]
    gaps: deque[float]
    heard_at: datetime | None
    again_until: int
    """Up to here it was read before: its lines were counted then."""

    inode: int = 0
    form: str = ""
    silent: bool = False
    notes: list[str] = field(default_factory=list)


class LogFollowing:
    """Follows logs for a city.

    Parameters
    ----------
    kept : Path
        Folder for what is remembered.
    files : sequence of Path
    rules : RuleSet
    names : Names
    file_ : callable
        Files sightings in the city; may raise `CityBusy`, and is then asked again.
    zone : tzinfo
        Of times that name none.
    tell : callable
        Told what a person should know.
    clock : Clock
    """

    def __init__(
        self,
        kept: Path,
        files: Sequence[Path],
        rules: RuleSet,
        names: Names,
        file_: Callable[[pl.DataFrame, Mapping[str, RuleSeen | Told]], Filed],
        zone: tzinfo,
        tell: Callable[[str], None],
        clock: Clock,
    ) -> None:
        if len(files) > MONITOR_FOLLOWED:
            raise UserError(f"More than {MONITOR_FOLLOWED} logs are too many for one program.", "Follow them by parts.")
        self._kept, self._tell, self._clock, self._zone, self._file = kept, tell, clock, zone, file_
        self._monitor = LiveMonitor(rules, names)
        self._logs = {path: self._begun(path) for path in dict.fromkeys(one.absolute() for one in files)}
        self._waits_until, self._dirty, self._busy = 0.0, False, False

    # -- what is remembered ------------------------------------------------------------------------

    def _state(self, path: Path) -> Path:
        return self._kept / f"{blake2b(str(path).encode(errors='replace'), digest_size=12).hexdigest()}.json"

    def _begun(self, path: Path) -> _Log:
        held = Followed(path=str(path))
        try:
            held = msgspec.json.decode(self._state(path).read_bytes(), type=Followed)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError):
            self._tell(f"What was remembered of {path.name} cannot be read; the log is read from its beginning.")
        marks = deque(held.marks, MARKS_MOST)
        place = held.place
        # Before the last place that is older than the window, everything is.
        older = [mark.offset for mark in marks if mark.at_us < marks[-1].at_us - self._monitor.span_us]
        back = older[-1] if older else 0
        tail = Tail(path, msgspec.structs.replace(place, offset=min(back, place.offset)))
        return _Log(
            tail, held.received, dict(held.not_read), held.in_future, marks, deque(held.gaps, GAPS), held.heard_at,
            again_until=place.offset, inode=place.inode,
        )  # fmt: skip

    def followed(self) -> list[Followed]:
        """What became of each log so far."""
        return [
            Followed(
                path=str(path),
                place=log.tail.place,
                received=log.received,
                not_read=dict(log.not_read),
                in_future=log.in_future,
                marks=tuple(log.marks),
                gaps=tuple(log.gaps),
                heard_at=log.heard_at,
            )
            for path, log in self._logs.items()
        ]

    def _save(self) -> None:
        make_folder(self._kept, 0o700)
        for one in self.followed():
            replace_file(self._state(Path(one.path)), to_json(one))

    # -- reading -----------------------------------------------------------------------------------

    def run(self, ended: threading.Event) -> None:
        """Follow until ``ended``."""
        try:
            while not ended.is_set():
                self.step()
                ended.wait(POLL_SECONDS)
        finally:
            self._look()
            for log in self._logs.values():
                log.tail.close()

    def step(self) -> None:
        """Read what came, and look at it when it is time."""
        for path, log in self._logs.items():
            for content in self._parts(log):
                self._take(path, log, content)
            for note in log.tail.notes:
                self._tell(note)
            log.tail.notes.clear()
        if monotonic() >= self._waits_until:
            began = monotonic()
            self._look()
            self._waits_until = monotonic() + LOOK_SHARE * (monotonic() - began)

    def _parts(self, log: _Log) -> Iterator[bytes]:
        while True:
            left = log.again_until - log.tail.place.offset
            content = log.tail.read(left) if left > 0 else log.tail.read()
            if log.tail.place.inode != log.inode:
                log.inode, log.form, log.again_until = log.tail.place.inode, "", 0
                log.marks.clear()
            if not content:
                return
            yield content

    def _take(self, path: Path, log: _Log, content: bytes) -> None:
        now = self._clock.now()
        log.form = log.form or form_of(log.tail.begin() or content, path.name)
        if log.form in NOT_FOLLOWED:
            self._refuse(log, content, f"the file is of the form {log.form}, which is not followed")
            return
        reckoning = Reckoning(self._zone, None, now.astimezone(self._zone))
        again = log.tail.place.offset <= log.again_until
        header = log.tail.header if not content.startswith(log.tail.header or b"\n") else b""
        told = self._monitor.take_part(path.name, header + content, log.form, reckoning, micros(now))
        self._dirty = True
        if again:
            return
        log.received += told.received
        log.in_future += told.in_future
        for why, count in told.not_read.items():
            log.not_read[why] = log.not_read.get(why, 0) + count
        if log.tail.too_long:
            log.received += log.tail.too_long
            log.not_read["a line is too long"] = log.not_read.get("a line is too long", 0) + log.tail.too_long
            log.tail.too_long = 0
        if told.in_future:
            self._tell(f"{told.in_future:,} lines of {path.name} are dated after now; their times do not count.")
        self._heard(log, now)

    def _refuse(self, log: _Log, content: bytes, why: str) -> None:
        count = content.count(b"\n")
        log.received += count
        if why not in log.not_read:
            self._tell(f"{log.tail.path.name}: {why}.")
        log.not_read[why] = log.not_read.get(why, 0) + count
        self._dirty = True

    def _heard(self, log: _Log, now: datetime) -> None:
        if log.heard_at is not None and now > log.heard_at:
            log.gaps.append((now - log.heard_at).total_seconds())
        log.heard_at, log.silent = now, False

    # -- looking -----------------------------------------------------------------------------------

    def _look(self) -> None:
        silent = self._silent()
        if not self._dirty and not silent.height:
            return
        found = self._monitor.look()
        self._mark()
        try:
            if found.height or silent.height:
                filed = self._file(pl.concat([found, silent]), {SILENT.id: SILENT, **self._monitor.rules_seen()})
                self._told(filed)
        except CityBusy:
            if not self._busy:
                self._tell("Another program writes the city; what was found waits until it ends.")
            self._busy = True
            return
        self._monitor.sent()
        self._busy = self._dirty = False
        self._save()

    def _mark(self) -> None:
        newest = self._monitor.newest_us
        for log in self._logs.values():
            if newest is not None and (not log.marks or newest - log.marks[-1].at_us >= MARK_US):
                log.marks.append(Mark(newest, log.tail.place.offset))
            while len(log.marks) > 1 and log.marks[1].at_us < log.marks[-1].at_us - self._monitor.span_us:
                log.marks.popleft()

    def _silent(self) -> pl.DataFrame:
        """Logs that say nothing for far longer than they usually do, each once."""
        now, rows = self._clock.now(), []
        for path, log in self._logs.items():
            limit = limit_of(list(log.gaps))
            if limit is None or log.heard_at is None or log.silent:
                continue
            quiet = (now - log.heard_at).total_seconds()
            if quiet > max(limit, SILENT_SECONDS_MIN):
                log.silent = True
                self._tell(f"{path.name} has said nothing for {quiet / 60:,.0f} minutes; it never waited so long.")
                moment = micros(log.heard_at)
                rows.append((SILENT.id, f"log {path.name}", None, None, moment, moment, 1))
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def _told(self, filed: Filed) -> None:
        for one in filed.opened:
            self._tell(f"Opened {one}: 'cityward incidents show {one}'.")
        for one in filed.grown:
            self._tell(f"{one} goes on.")
