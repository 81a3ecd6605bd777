"""Puts what was found into words: one alert a life, the same words for the same life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from cityward.core.identifiers import make_id
from cityward.core.properties import PROPERTIES
from cityward.core.records import Alert
from cityward.core.words import moment, percent
from cityward.know.sensing.events import Event
from cityward.know.sensing.faults import PAST_HOURS
from cityward.know.sensing.hours import Hours, Matrix
from cityward.know.sensing.life import BLOCKED, OVER, UNKNOWN, Episode
from cityward.know.sensing.rules import Limit, LimitRules
from cityward.know.sensing.unusual import ALARMS_A_YEAR, Scores

_BECAUSE = {
    OVER: "it is over",
    BLOCKED: "the sensor fell silent or is at fault, so that nothing more can be said",
    UNKNOWN: "too few values came to go on",
}


def _labelled(name: str) -> str:
    return PROPERTIES[name].label if name in PROPERTIES else name


class Telling:
    """Makes alerts of the streams of ``hours`` as known at ``until``."""

    def __init__(self, hours: Hours, until: datetime, rules: LimitRules) -> None:
        self._hours = hours
        self._until = until
        self._rules = rules
        self._rows = hours.streams.rows(named=True)
        self._by_sensor: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._rows:
            self._by_sensor.setdefault((row["source"], row["sensor"]), row)

    def silence(self, row: dict[str, Any]) -> Alert:
        """A sensor that says nothing; opened at the moment at which patience ran out."""
        stream = self._by_sensor[row["source"], row["sensor"]]
        last, patience = row["last_at"], row["patience"]
        name = row["property"]
        what = f"Sensor {row['sensor']}" if name is None else f"{_labelled(name)} of sensor {row['sensor']}"
        return self._alert(
            "silent",
            stream | {"property": name or "all", "unit": ""},
            opened_at=row["opened_at"],
            cleared_at=row["cleared_at"],
            because="it sends again" if row["cleared_at"] else "",
            sentence=f"{what} is silent since {last:%-d %B %Y, %H:%M} UTC.",
            advice="Check its power and connection. Nothing is concluded from its old values.",
            evidence=[
                ("last value", moment(last)),
                ("patience", f"{patience.total_seconds() / 3600:,.1f} hours, from its own rhythm before"),
            ],
            rule="silent-sensor 1: no value for four usual gaps, or twice its rare ones",
        )

    def fault(self, kind: str, life: Episode) -> Alert:
        """A stream that is stuck, or that says what cannot be."""
        row, label = self._rows[life.stream], self._label(life.stream)
        value = self._last(life.stream, life.opened)
        if kind == "stuck":
            sentence = f"Sensor {row['sensor']} says the same {label} for hours: {value:,.4g} {row['unit']}."
            evidence = [("constant", "longer than twice its longest such run before")]
            rule = f"stuck-sensor 1: compared with its own past of at least {PAST_HOURS} hours, else a day"
        else:
            known = PROPERTIES[row["property"]]
            sentence = f"Sensor {row['sensor']} says what {label} cannot be."
            evidence = [("can be measured", f"{known.low:g} to {known.high:g} {known.unit}")]
            rule = "implausible-sensor 1: half of the values outside what can be measured"
        return self._life(
            kind, life, sentence, "Check the sensor. Its values count for nothing until then.", evidence, rule,
            peak=value if kind == "stuck" else None,
        )  # fmt: skip

    def moved(self, life: Episode) -> Alert:
        """A sensor that stands elsewhere now."""
        row = self._rows[life.stream]
        evidence = [("baseline", "learned anew from here on")]
        sentence = (
            f"Sensor {row['sensor']} was moved; what is usual at its new place ({self._label(life.stream)}) is learned."
        )
        return self._life("moved", life, sentence, "Confirm its position.", evidence, "moved-sensor 1: more than 250 m")

    def limit(self, limit: Limit, life: Episode, mean: Matrix) -> Alert:
        """A mean above a guideline level."""
        row, label = self._rows[life.stream], self._label(life.stream)
        peak = float(np.nanmax(mean[life.stream, life.opened : (life.cleared or self._hours.count)]))
        evidence = [
            ("mean over", f"{limit.hours} hours"),
            ("level", f"{limit.level:g} {row['unit']}, {self._rules.document}"),
            ("highest so far", f"{peak:,.1f} {row['unit']}: above the {limit.reached(peak)}"),
            ("hours needed", f"{percent(self._rules.min_coverage)} of them"),
        ]
        return self._life(
            "limit",
            life,
            f"{label} at sensor {row['sensor']} is above its level: up to {peak:,.1f} {row['unit']} as a mean of "
            f"{limit.hours} hours, where {limit.level:g} is the level.",
            "Tell people who are sensitive to it, and look for the source.",
            evidence,
            f"limit 1: {self._rules.document}; kept until a tenth below",
            peak=peak,
            level=limit.level,
            more=(limit.level, limit.hours),
        )

    def unusual(self, life: Episode, scores: Scores) -> Alert:
        """A jump that no neighbour shares."""
        row, label, near = self._rows[life.stream], self._label(life.stream), scores.near[life.stream]
        others = int((~np.isnan(scores.jump[near, life.opened])).sum())
        value = self._last(life.stream, life.opened)
        beside = f"none of {others} neighbours shares it" if others else "nobody near can confirm it"
        return self._life(
            "unusual",
            life,
            f"{label} at sensor {row['sensor']} jumped to {value:,.1f} {row['unit']}; {beside}.",
            "Check the sensor." if others else "Look whether something happens there, or check the sensor.",
            self._scored(scores.jump, scores.jump_bound, life),
            "unusual-jump 1: the step of the residual beside the usual hour of day",
            peak=value,
        )

    def shift(self, life: Episode, scores: Scores) -> Alert:
        """A stream that has left its neighbours."""
        row, label = self._rows[life.stream], self._label(life.stream)
        way = "more" if scores.shift[life.stream, life.opened] > 0 else "less"
        return self._life(
            "shift",
            life,
            f"{label} at sensor {row['sensor']} says {way} beside its neighbours than it used to, for a day.",
            "Check the sensor: it may drift. If it is right, something changed near it.",
            self._scored(scores.shift, scores.shift_bound, life),
            "unusual-shift 1: the median of a day beside that of neighbours",
        )

    def event(self, event: Event) -> Alert:
        """A jump that neighbours share."""
        rows = [self._rows[stream] for stream in sorted(event.streams)]
        label, rose = self._label(min(event.streams)), event.sign > 0
        values = self._hours.mean[sorted(event.streams), event.opened : event.last + 1]
        values = values[~np.isnan(values)]
        peak = float(values.max() if rose else values.min()) if values.size else None
        to = "" if peak is None else f" {'up' if rose else 'down'} to {peak:,.1f} {rows[0]['unit']}"
        named = min((self._rows[stream] for stream in event.first), key=lambda row: (row["source"], row["sensor"]))
        return self._alert(
            "event",
            named,
            opened_at=self._hours.ends(event.opened),
            cleared_at=None if event.cleared is None else self._hours.ends(event.cleared),
            because="no further jump for six hours" if event.cleared is not None else "",
            sentence=f"{label} {'rose' if rose else 'fell'} at {len(rows)} neighbouring sensors at once{to}.",
            advice="Look for what happens there: the sensors agree."
            if rose
            else "The sensors agree. When all fall at once, look at what delivers them too.",
            evidence=[("accepted by chance", f"{ALARMS_A_YEAR:g} a year of each sensor alone")],
            rule="event 1: an unusual jump that at least half of the neighbours share within 3 hours",
            peak=peak,
            sensors=tuple(row["sensor"] for row in rows),
        )

    def _scored(self, score: Matrix, bound: Matrix, life: Episode) -> list[tuple[str, str]]:
        at = life.stream, life.opened
        return [
            ("score", f"{abs(score[at]):.1f} times its usual size; {bound[at]:.1f} is exceeded by chance"),
            ("accepted by chance", f"{ALARMS_A_YEAR:g} a year of each sensor"),
        ]

    def _label(self, stream: int) -> str:
        return _labelled(self._rows[stream]["property"])

    def _last(self, stream: int, hour: int) -> float:
        past = self._hours.mean[stream, : hour + 1]
        known = past[~np.isnan(past)]
        return float(known[-1]) if known.size else float("nan")

    def _life(
        self,
        kind: str,
        life: Episode,
        sentence: str,
        advice: str,
        evidence: list[tuple[str, str]],
        rule: str,
        **more: Any,
    ) -> Alert:
        cleared = None if life.cleared is None else self._hours.ends(life.cleared)
        return self._alert(
            kind,
            self._rows[life.stream],
            opened_at=self._hours.ends(life.opened),
            cleared_at=cleared,
            because=_BECAUSE[life.because] if life.because else "",
            sentence=sentence,
            advice=advice,
            evidence=evidence,
            rule=rule,
            **more,
        )

    def _alert(
        self,
        kind: str,
        row: dict[str, Any],
        *,
        opened_at: datetime,
        cleared_at: datetime | None,
        because: str,
        sentence: str,
        advice: str,
        evidence: list[tuple[str, str]],
        rule: str,
        peak: float | None = None,
        level: float | None = None,
        sensors: tuple[str, ...] = (),
        more: tuple[object, ...] = (),
    ) -> Alert:
        return Alert(
            id=make_id("alert", kind, row["source"], row["sensor"], row["property"], opened_at.isoformat(), *more),
            kind=kind,
            source=row["source"],
            sensors=sensors or (row["sensor"],),
            measured=row["property"],
            unit=row["unit"],
            territory=row["territory"],
            opened_at=opened_at,
            cleared_at=cleared_at,
            cleared_because=because,
            known_at=self._until,
            peak=None if peak is None or not np.isfinite(peak) else peak,
            level=level,
            sentence=sentence,
            advice=advice,
            evidence=tuple(evidence),
            rule=rule,
        )
