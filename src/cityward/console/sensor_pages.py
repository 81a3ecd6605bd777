"""The pages *Sensors*: what they say now, what is wrong with them, and one stream beside its limit and usual range."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from cityward.city.observing import Observing, Watch
from cityward.console.tongue import gettext, marked, say, say_many
from cityward.core.properties import PROPERTIES
from cityward.core.records import Alert
from cityward.know.sensing.rules import load_limits

if TYPE_CHECKING:
    from cityward.console.pages import Console

STATES = ("alive", "silent", "stuck", "implausible", "new")
"""In the order of the filter."""

ROWS = 200
"""Most streams of the table; a filter shows others."""

_WORDS = {
    "event": marked("event"),
    "limit": marked("limit"),
    "silent": marked("silent"),
    "implausible": marked("not plausible"),
    "stuck": marked("stuck"),
}
_TOO = {"shift": marked("left its neighbours"), "unusual": marked("check the sensor"), "moved": marked("moved")}
WORDS = _WORDS | _TOO
"""What an alert's kind is called."""


def mount(router: APIRouter, console: Console) -> None:
    """Add the pages and the points of the map."""
    observing = console.city.observing

    @router.get("/sensors")
    def sensors(request: Request) -> HTMLResponse:
        return console.page(request, "sensors.html", **sensors_page(observing, request.query_params))

    @router.get("/sensors/stream")
    def stream(request: Request) -> HTMLResponse:
        return console.page(request, "sensor.html", **stream_page(observing, request.query_params))

    @router.get("/console/sensors.json")
    def points() -> JSONResponse:
        return JSONResponse(sensor_points(observing), headers={"cache-control": "no-cache"})


def headline(told: Watch | None) -> str:
    """The finding in a sentence."""
    if told is None:
        return say("No sensor was watched yet")
    kinds = [alert.kind for alert in told.open]
    parts = []
    if "event" in kinds:
        seen = kinds.count("event")
        parts.append(
            say_many(
                "%(num)s event is seen by neighbouring sensors", "%(num)s events are seen by neighbouring sensors", seen
            )
        )
    if "limit" in kinds:
        above = {(alert.source, *alert.sensors) for alert in told.open if alert.kind == "limit"}
        parts.append(
            say_many(
                "%(num)s sensor measures more than the WHO advises",
                "%(num)s sensors measure more than the WHO advises",
                len(above),
            )
        )
    ill = sum(kinds.count(kind) for kind in ("silent", "stuck", "implausible", "shift", "unusual"))
    if ill and not parts:
        parts.append(say_many("%(num)s sensor stream needs a look", "%(num)s sensor streams need a look", ill))
    return "; ".join(parts) or say("Nothing is above its limit, and no sensor is silent")


def sensors_page(observing: Observing, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the headline, alerts, and streams of the state that is asked for (all by default)."""
    told, frame = observing.told(), observing.sensors()
    wanted = query.get("state", "") if query.get("state") in STATES else ""
    rows = [_row(row, told) for row in frame.to_dicts()]
    shown = [row for row in rows if wanted in ("", row["state"])]
    shown.sort(key=lambda row: (row["order"], row["sensor"], row["label"]))
    return {
        "told": told,
        "headline": headline(told),
        "alerts": [_alert(alert) for alert in (told.open if told else ())][:ROWS],
        "rows": shown[:ROWS],
        "streams": len(shown),
        "states": {state: (told.states.get(state, 0) if told else 0) for state in STATES},
        "wanted": wanted,
    }


def stream_page(observing: Observing, query: Mapping[str, str]) -> dict[str, Any]:
    """Return one stream: its hours, limit, usual range and alerts.

    Raises
    ------
    UnknownId
        There is no such stream.
    """
    source, sensor, measured = (query.get(name, "")[:200] for name in ("source", "sensor", "property"))
    hours = observing.stream(source, sensor, measured)
    told = observing.told()
    mine = [
        _alert(alert)
        for alert in (told.alerts if told else ())
        if alert.source == source and sensor in alert.sensors and alert.measured in (measured, "all")
    ]
    row = observing.sensors().filter(source=source, sensor=sensor, property=measured).to_dicts()[0]
    limit = next((limit for limit in load_limits().limits if limit.property == measured), None)
    return {
        "stream": _row(row, told),
        "hours": hours.to_dicts(),
        "limit": limit,
        "alerts": mine[::-1],
        "told": told,
    }


def sensor_points(observing: Observing) -> dict[str, Any]:
    """Return one point for each sensor with a position: its worst state, and whether an alert is open."""
    told = observing.told()
    alarmed = {(alert.source, name) for alert in (told.open if told else ()) for name in alert.sensors}
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for row in observing.sensors().to_dicts():
        key = row["source"], row["sensor"]
        if row["lon"] is None:
            continue
        if key not in worst or STATES.index(row["state"]) > STATES.index(worst[key]["state"]):
            worst[key] = row
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
                "properties": {
                    "name": say("Sensor %(sensor)s", sensor=key[1]),
                    "state": row["state"],
                    "told": _sensor_told(key[1], row["state"], key in alarmed),
                    "alert": key in alarmed,
                },
            }
            for key, row in worst.items()
        ],
    }


def _sensor_told(sensor: str, state: str, alarmed: bool) -> str:
    """What the map says of a sensor."""
    if alarmed:
        return say("Sensor %(sensor)s: %(state)s, alert open", sensor=sensor, state=gettext(state))
    return say("Sensor %(sensor)s: %(state)s", sensor=sensor, state=gettext(state))


def ago(age: timedelta) -> str:
    """``3 h 5 min``: how old a value is."""
    minutes = max(int(age.total_seconds() // 60), 0)
    if minutes >= 48 * 60:
        return say("%(num)s days", num=minutes // 1440)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _row(row: dict[str, Any], told: Watch | None) -> dict[str, Any]:
    """A stream for people; only a value of a sensor that can be believed is current."""
    name, state = row["property"], row["state"]
    alarms = [
        alert.kind
        for alert in (told.open if told else ())
        if alert.source == row["source"] and row["sensor"] in alert.sensors and alert.measured in (name, "all")
    ]
    return {
        **row,
        "label": gettext(PROPERTIES[name].label) if name in PROPERTIES else name,
        "age": ago(row["age"]),
        "gap": ago(row["usual_gap"]) if row["usual_gap"] is not None else None,
        "current": state in ("alive", "new"),
        "alarms": [WORDS[kind] for kind in alarms],
        "order": (not alarms, -STATES.index(state) if state != "new" else 1),
        "query": urlencode({"source": row["source"], "sensor": row["sensor"], "property": name}),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": WORDS[alert.kind],
        "state": alert.state,
        "sentence": alert.sentence,
        "advice": alert.advice,
        "opened_at": alert.opened_at,
        "cleared_at": alert.cleared_at,
        "because": alert.cleared_because,
        "territory": alert.territory,
    }
