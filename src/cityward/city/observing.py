"""Watches the sensors of a city: keeps every alert with its receipts, and what was last told of each sensor."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from cityward.core.clock import believable
from cityward.core.disk import SUMS, durable, make_folder, replace_file, sync_folder
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Alert, Record, from_json, to_json
from cityward.core.words import day, moment
from cityward.know.sensing.hours import COLUMNS
from cityward.know.sensing.rules import load_limits
from cityward.know.sensing.unusual import natural
from cityward.know.sensing.watch import Watched, watch

if TYPE_CHECKING:
    from cityward.city.city import City

WATCH_DAYS = 120
"""Days that are looked at again each time: four times what a baseline is learned from. The first day is the first
of a month, so that an alert which lasts longer keeps its name."""

CHART_HOURS = 14 * 24
"""Hours that are kept for the chart of a sensor."""

WITHDRAWN = "values that came later or were corrected no longer show it"
_SETTLING = timedelta(hours=48)
_BAND = 2.0  # spreads on either side of the baseline: about 19 in 20 hours of a calm stream


class Watch(Record, frozen=True, kw_only=True):
    """What one watch found: every alert since the first day that was looked at, by opening."""

    id: str
    until: datetime
    streams: int
    states: dict[str, int]
    alerts: tuple[Alert, ...]

    @property
    def open(self) -> tuple[Alert, ...]:
        """Alerts that are not cleared, the gravest kinds first, then the newest."""
        lasting = [alert for alert in self.alerts if alert.cleared_at is None]
        return tuple(sorted(lasting, key=lambda alert: (GRAVITY.index(alert.kind), -alert.opened_at.timestamp())))


GRAVITY = ("event", "limit", "silent", "implausible", "stuck", "shift", "unusual", "moved")
"""Kinds of alerts, the gravest first."""


class Observing:
    """The sensors of ``city``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._folder = city.path / "watch"

    def any(self) -> bool:
        """Whether the city ever took in an observation."""
        return self._city.keeper.holds("observations")

    def told(self) -> Watch | None:
        """What the last watch found; None before the first."""
        pointer = self._folder / "current"
        if not pointer.exists():
            return None
        return from_json((self._folder / pointer.read_text("utf-8") / "watch.json").read_bytes(), Watch)

    def sensors(self) -> pl.DataFrame:
        """Streams of the last watch: last value, when, usual gap, age and state; empty before the first."""
        return self._frame("sensors")

    def stream(self, source: str, sensor: str, measured: str) -> pl.DataFrame:
        """Hours of one stream in the last watch: ``hour``, ``mean``, and ``low`` to ``high``, the usual range.

        Raises
        ------
        UnknownId
            There is no such stream.
        """
        hours = self._frame("hours")
        if hours.width:
            hours = hours.filter(source=source, sensor=sensor, property=measured)
        if not hours.height:
            raise UnknownId("There is no such sensor.", "Choose one from /sensors, or run 'cityward watch'.")
        return hours.drop("source", "sensor", "property")

    def watch(self, until: datetime | None = None) -> Watch:
        """Watch up to ``until`` (aware; default now), and keep what was found.

        Raises
        ------
        UserError
            There are no observations by then.
        """
        city = self._city
        until = city.clock.now() if until is None else until
        believable(until.date())
        until = min(until, city.clock.now()).astimezone(UTC)
        start = (until - timedelta(days=WATCH_DAYS)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        with city.writing() as door:
            door.flush()
            seen = city.read("cityward-watch", "sensing", "observations").frame(COLUMNS, as_of=until, since=start)
            found = watch(seen.lazy(), load_limits(), until, city.time_zone)
            if found is None:
                raise UserError(
                    f"No sensor said anything between {day(start)} and {moment(until)}.",
                    "Take in observations with 'cityward sense FILE --map MAP.toml', or give another --as-of.",
                )
            alerts = self._keep(found.alerts, start, until)
            states = dict(found.sensors.group_by("state").len().sort("state").iter_rows())
            told = Watch(
                id=make_id("run", "watch", until.isoformat(), to_json(alerts).decode()),
                until=until,
                streams=found.sensors.height,
                states=states,
                alerts=tuple(alerts),
            )
            self._write(told, found)
        return told

    def _keep(self, found: Sequence[Alert], start: datetime, until: datetime) -> list[Alert]:
        """Registers and ledger follow what was found: one receipt at opening, one at clearing."""
        city = self._city
        known = {alert.id: alert for alert in city.registers.list_of("alert", Alert)}
        alerts = _continued(found, known.values(), start)
        held = {alert.id for alert in alerts}
        lost = [
            msgspec.structs.replace(alert, cleared_at=until, cleared_because=WITHDRAWN, known_at=until)
            for alert in known.values()
            if start <= alert.opened_at <= until and alert.id not in held and alert.cleared_because != WITHDRAWN
        ]
        changed = [alert for alert in [*alerts, *lost] if _differs(alert, known.get(alert.id))]
        entries = []
        for alert in changed:
            before = known.get(alert.id)
            if before is None or (before.cleared_at is None) != (alert.cleared_at is None):
                body = to_json(alert)
                facts = {"alert": alert.kind, "state": "cleared" if alert.cleared_at else "opened"}
                entries.append((alert.id, receipt("alert", alert.id, city.clock.now(), body, **facts)))
        city.enter(entries)
        city.registers.put("alert", changed, update=("body",))
        return alerts

    @durable("writing the watch")
    def _write(self, told: Watch, found: Watched) -> None:
        target = self._folder / told.id
        make_folder(target)
        for name, frame in (("sensors", found.sensors), ("hours", _chart(found))):
            buffer = BytesIO()
            frame.write_parquet(buffer)
            replace_file(target / f"{name}.parquet", buffer.getbuffer(), self._folder / SUMS)
        replace_file(target / "watch.json", to_json(told), self._folder / SUMS)
        sync_folder(self._folder)
        replace_file(self._folder / "current", told.id.encode())
        for old in self._folder.glob("U-*"):
            if old != target:
                shutil.rmtree(old, ignore_errors=True)

    def _frame(self, name: str) -> pl.DataFrame:
        pointer = self._folder / "current"
        if not pointer.exists():
            return pl.DataFrame()
        return pl.read_parquet(self._folder / pointer.read_text("utf-8") / f"{name}.parquet")


def _continued(found: Sequence[Alert], known: Iterable[Alert], start: datetime) -> list[Alert]:
    """Alerts that were open before the first day that is looked at keep their name, or are kept if silent."""
    older = {_about(alert): alert for alert in known if alert.opened_at < start and alert.cleared_at is None}
    alerts, speaking = [], {(alert.source, name) for alert in found for name in alert.sensors}
    for alert in found:
        before = older.get(_about(alert))
        if before and alert.opened_at <= start + _SETTLING:
            alert = msgspec.structs.replace(alert, id=before.id, opened_at=before.opened_at)  # noqa: PLW2901
        alerts.append(alert)
    gone = [one for one in older.values() if one.kind == "silent" and (one.source, one.sensors[0]) not in speaking]
    return [*gone, *alerts]


def _about(alert: Alert) -> tuple[object, ...]:
    return alert.kind, alert.source, alert.sensors[0], alert.measured, alert.level


def _differs(alert: Alert, before: Alert | None) -> bool:
    return before is None or msgspec.structs.replace(before, known_at=alert.known_at) != alert


def _chart(found: Watched) -> pl.DataFrame:
    """The last hours of every stream with its usual range, in the unit of its property."""
    hours, scores = found.hours, found.scores
    last = min(CHART_HOURS, hours.count)
    stamps = [hours.ends(hour) for hour in range(hours.count - last, hours.count)]
    parts = []
    for at, (source, sensor, name) in enumerate(hours.streams.select("source", "sensor", "property").iter_rows()):
        base, scale = (cells[at : at + 1, -last:] for cells in (scores.base, scores.scale))
        low, high = (natural(base + way * _BAND * scale, name)[0] for way in (-1, 1))
        columns = {"mean": hours.mean[at, -last:], "low": low, "high": high}
        parts.append(
            pl.DataFrame({"hour": stamps, **{key: np.asarray(cells) for key, cells in columns.items()}})
            .select(
                pl.lit(source).alias("source"), pl.lit(sensor).alias("sensor"), pl.lit(name).alias("property"), pl.all()
            )
            .fill_nan(None)
        )
    return pl.concat(parts)
