"""One run: files and rules in; findings, what was not read and what was not compiled out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from cityward.core.limits import MONITOR_MATCHES
from cityward.core.records import Record
from cityward.secure.monitor.batches import Batch, Gatherer
from cityward.secure.monitor.correlating import AT, Hit, correlate
from cityward.secure.monitor.findings import GROUPED, LEVELS, SAMPLES, Finding, Names, Tally, evidence, what_groups
from cityward.secure.monitor.matching import Matcher
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.readers.files import read_file
from cityward.secure.monitor.readers.reading import Reading, Reckoning
from cityward.secure.monitor.sightings import Sightings
from cityward.secure.monitor.terms import Correlation, Detection, NotCompiled, RuleSet, Told

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FileRead(Record, frozen=True, kw_only=True):
    """What became of a file: ``received = read + not read``.

    ``without_time`` and ``in_future`` count events that were read and take no part in correlations: they bear no
    time, or one that has not come yet.
    """

    file: str
    form: str
    received: int
    read: int
    not_read: dict[str, int]
    without_time: int
    in_future: int = 0


class Monitored(Record, frozen=True, kw_only=True):
    """What came of a run. ``looked_at`` says how many events each product had, and how many rules looked at it."""

    findings: tuple[Finding, ...]
    files: tuple[FileRead, ...]
    received: int
    read: int
    not_read: int
    rules: int
    correlations: int
    refused: tuple[NotCompiled, ...]
    looked_at: dict[str, int]
    notes: tuple[str, ...]


FUTURE_US: Final = 300 * 1_000_000
"""So far in the future a clock may be; what is dated later tells nothing of when it was."""


class Monitor:
    """Reads files and holds them against a rule set.

    Parameters
    ----------
    rules : RuleSet
    names : Names
        What stands for names of people.
    now_us : int, optional
        Now, in microseconds since 1970. The time of an event that is dated later does not count.
    """

    def __init__(self, rules: RuleSet, names: Names, now_us: int | None = None) -> None:
        self._rules, self._names = rules, names
        self._latest_us = None if now_us is None else now_us + FUTURE_US
        self._in_future: Counter[int] = Counter()
        self._seen = Sightings()
        self._matcher = Matcher(rules)
        self._tallies: dict[str, Tally] = {}
        self._wanted = _wanted_fields(rules.correlations)
        self._kept: dict[str, list[pl.DataFrame]] = defaultdict(list)
        self._kept_rows: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._looked_at: Counter[str] = Counter()
        self._readings: list[Reading] = []

    def run(self, files: Sequence[Path], reckoning: Callable[[Path], Reckoning]) -> Monitored:
        """Read all files and say what was found.

        Raises
        ------
        UserError
            A file is not there or cannot be read at all.
        """
        to = Gatherer(self._take)
        # A finding of the first file can be told while the second is read: the name is known before the file is.
        self._files = [printable(str(path)) for path in files]
        for source, path in enumerate(files):
            self._readings.append(read_file(path, source, to, reckoning(path)))
        to.finish()
        found = [tally.finding(self._names) for tally in self._tallies.values()]
        found += self._correlated()
        return self._told(sorted(found, key=lambda one: (LEVELS.index(one.level), -one.count, one.rule)))

    def _told(self, found: list[Finding]) -> Monitored:
        files = tuple(
            FileRead(
                file=one.file,
                form=one.form,
                received=one.received,
                read=one.read,
                not_read=dict(one.not_read),
                without_time=one.no_time,
                in_future=self._in_future[source],
            )
            for source, one in enumerate(self._readings)
        )
        notes = [
            f"{future:,} events of {file.file} are dated after now, so their times do not count: look at its clock, "
            "or at --time-zone and --year."
            for file in files
            if (future := file.in_future)
        ]
        notes += [
            f"Only the first {MONITOR_MATCHES:,} matches of rule {rule} took part in correlations; {count:,} did not."
            for rule, count in self._left_out.items()
        ]
        return Monitored(
            findings=tuple(found),
            files=files,
            received=sum(one.received for one in files),
            read=sum(one.read for one in files),
            not_read=sum(one.received - one.read for one in files),
            rules=len(self._rules.detections),
            correlations=len(self._rules.correlations),
            refused=self._rules.refused,
            looked_at=dict(self._looked_at),
            notes=tuple(notes),
        )

    def sightings(self) -> pl.DataFrame:
        """Who was seen where by which rule, after `run`; see `cityward.secure.monitor.sightings.SCHEMA`."""
        return self._seen.frame(self._names)

    def rules_seen(self) -> dict[str, Told]:
        """What is told of each rule that sightings can name, by its identifier."""
        rules: list[Detection | Correlation] = [*self._rules.detections, *self._rules.correlations]
        return {one.told.id: one.told for one in rules if not one.quiet}

    def _take(self, batch: Batch) -> None:
        self._looked_at[batch.kind.product] += len(batch)
        self._not_yet(batch)
        for rule, rows in self._matcher.match(batch):
            if rule.told.id in self._wanted:
                self._keep(rule.told.id, batch, rows)
            if not rule.quiet:
                self._tally(rule, batch, rows)

    def _not_yet(self, batch: Batch) -> None:
        """Forget times that have not come yet, and count them."""
        if self._latest_us is None:
            return
        at = pl.Series(batch.at_us, dtype=pl.Int64)
        late = (at > self._latest_us).fill_null(value=False)
        if late.any():
            self._in_future.update(pl.Series(batch.source).filter(late).to_list())
            batch.at_us = at.set(late, None).to_list()

    def _tally(self, rule: Detection, batch: Batch, rows: NDArray[np.int64]) -> None:
        tally = self._tallies.setdefault(rule.told.id, Tally(rule.told))
        tally.count += len(rows)
        times = [at for row in rows if (at := batch.at_us[row]) is not None]
        if times:
            tally.times(min(times), max(times))
        positions = rows.tolist()
        who = _who(batch, positions)
        for group, values in who.items():
            if counts := Counter(value for value in values if value):
                tally.groups.setdefault(group, Counter()).update(counts)
        self._seen.add(rule.told.id, [batch.at_us[row] for row in positions], who)
        self._sample(tally, batch, positions)

    def _sample(self, tally: Tally, batch: Batch, positions: list[int]) -> None:
        for row in positions[: SAMPLES - len(tally.evidence)]:
            tally.evidence.append(
                evidence(
                    self._files[batch.source[row]],
                    batch.record[row],
                    batch.at_us[row],
                    batch.event(row),
                    self._names,
                )
            )

    def _keep(self, rule: str, batch: Batch, rows: NDArray[np.int64]) -> None:
        """Remember matches for correlations."""
        free = MONITOR_MATCHES - self._kept_rows[rule]
        if len(rows) > free:
            self._left_out[rule] += len(rows) - free
            rows = rows[:free]
        positions = rows.tolist()
        columns: dict[str, Any] = {AT: pl.Series([batch.at_us[row] for row in positions], dtype=pl.Int64)}
        for field in self._wanted[rule]:
            columns[field] = pl.Series(batch.first(field, positions), dtype=pl.String)
        columns |= {f"@{what}": pl.Series(held, dtype=pl.String) for what, held in _who(batch, positions).items()}
        self._kept[rule].append(pl.DataFrame(columns))
        self._kept_rows[rule] += len(rows)

    def _correlated(self) -> list[Finding]:
        matches = {rule: pl.concat(frames) for rule, frames in self._kept.items()}
        found = []
        for rule in self._rules.correlations:
            hits = correlate(rule, {key: matches[key] for key in rule.rules if key in matches})
            if not hits:
                continue
            matches[rule.told.id] = _as_matches(rule, hits)
            if not rule.quiet:
                self._seen.add_hits(rule, hits, {key: matches[key] for key in rule.rules if key in matches})
                found.append(self._finding(rule, hits))
        return found

    def _finding(self, rule: Correlation, hits: list[Hit]) -> Finding:
        what = tuple(
            what_groups({rule.field_of(name, key) for key in rule.rules} | {name}, name) for name in rule.group_by
        )
        tally = Tally(rule.told, count=sum(hit.events for hit in hits), hits=hits)
        for hit in hits:
            tally.times(hit.first_us, hit.last_us)
            for name, value in zip(what, hit.group, strict=True):
                tally.groups.setdefault(name, Counter())[value] += hit.events
        return tally.finding(self._names, what, correlation=True)


def _who(batch: Batch, positions: list[int]) -> dict[str, list[str | None]]:
    """For each of `GROUPED`, the value that some events have of it."""
    found: dict[str, list[str | None]] = {}
    for what, fields in GROUPED.items():
        columns = [batch.first(field, positions) for field in fields]
        found[what] = [_known(values) for values in zip(*columns, strict=True)]
    return found


def _known(values: tuple[str | None, ...]) -> str | None:
    return next((value for value in values if value and value != "-"), None)


def _wanted_fields(correlations: tuple[Correlation, ...]) -> dict[str, set[str]]:
    """Fields that correlations need of the matches of each rule that they refer to."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for one in correlations:
        for key in one.rules:
            wanted[key] |= {one.field_of(name, key) for name in (*one.group_by, *one.fields)}
    return wanted


def _as_matches(rule: Correlation, hits: list[Hit]) -> pl.DataFrame:
    """Hits as the matches of a rule that other correlations refer to."""
    columns: dict[str, Any] = {AT: pl.Series([hit.found_us for hit in hits], dtype=pl.Int64)}
    for position, name in enumerate(rule.group_by):
        columns[name] = pl.Series([hit.group[position] for hit in hits], dtype=pl.String)
    return pl.DataFrame(columns)
