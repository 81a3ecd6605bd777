"""What watching finds: faults put into the hourly values of Stuttgart's stations, false alarms without any, and speed.

``python benchmarks/bench_sensors.py`` prints the table of docs/sensors.md. The data lie beside the project.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cityward.city import init, open_city
from cityward.core.clock import rng
from cityward.core.properties import property_name
from cityward.core.records import Alert
from cityward.know.sensing.rules import load_limits
from cityward.know.sensing.watch import watch

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED, TRIALS = 7, 20
FIRST_DAY, LAST_DAY = 20, 27
"""Days of the month of data between which a fault begins: the baseline is learned by then, and time is left."""

ROWS, SENSORS = 1_000_000, 2_000
ALARMS = ("event", "unusual", "shift", "silent", "stuck", "implausible", "moved")
FAULTS: dict[str, tuple[str, tuple[str, ...], int, Callable[[np.ndarray, np.random.Generator], np.ndarray]]] = {
    "dead": ("no value any more", ("silent",), 24, lambda v, _: np.full_like(v, np.nan)),
    "stuck": ("the last value for ever", ("stuck",), 72, lambda v, _: np.full_like(v, v[0])),
    "saturated": ("the largest value it knows", ("implausible",), 24, lambda v, _: np.full_like(v, 5_000.0)),
    "spike": ("one hour, 60 µg/m³ more", ("unusual", "event"), 3, lambda v, _: v + 60.0 * (np.arange(v.size) < 1)),
    "small spike": (
        "one hour, 20 µg/m³ more",
        ("unusual", "event"),
        3,
        lambda v, _: v + 20.0 * (np.arange(v.size) < 1),
    ),
    "shift": ("twice as much from then on", ("shift",), 72, lambda v, _: 2.0 * v),
    "small shift": ("a quarter more from then on", ("shift",), 96, lambda v, _: 1.25 * v),
    "drift": ("5 % more every day", ("shift",), 240, lambda v, _: v * 1.05 ** (np.arange(v.size) / 24)),
    "event": (
        "three hours, 40 µg/m³ more at every sensor",
        ("event",),
        6,
        lambda v, _: v + 40.0 * (np.arange(v.size) < 3),
    ),
}
"""What is done, the alerts that tell it, within how many hours, and how."""


def stuttgart() -> pl.DataFrame:
    """Hourly values of the official stations without the last day, in which the particle feed fell to nought."""
    folder = DATA / "stuttgart"
    rows = pl.DataFrame(json.loads((folder / "official_measurements.json").read_text("utf-8")))
    places = pl.DataFrame(json.loads((folder / "official_stations.json").read_text("utf-8")))
    names = {name: property_name(name) for name in rows["pollutant"].unique()}
    return (
        rows.join(places.select("id", "longitude", "latitude"), left_on="stationId", right_on="id")
        .select(
            source=pl.lit("air"),
            sensor="stationId",
            property=pl.col("pollutant").replace(names),
            unit="unit",
            observed_at=pl.col("timestamp").str.to_datetime(time_zone="UTC", time_unit="us"),
            value=pl.col("value").cast(pl.Float64),
            lon="longitude",
            lat="latitude",
            territory=pl.lit(None, dtype=pl.String),
        )
        .filter(pl.col("observed_at") < datetime(2026, 3, 8, tzinfo=UTC))
        .sort("sensor", "property", "observed_at")
    )


def melbourne() -> pl.DataFrame:
    """Hourly pedestrians of the first year and two months: another kind of stream, with real faults in it."""
    folder = DATA / "melbourne"
    places = pl.read_csv(folder / "sensor_locations.csv").select(
        pl.col("Sensor ID").cast(pl.Int16).alias("sensor_id"), lon="Longitude", lat="Latitude"
    )
    counts = pl.read_parquet(folder / "pedestrian_hourly.parquet").filter(pl.col("timestamp") < datetime(2013, 3, 1))  # noqa: DTZ001
    return counts.join(places.unique("sensor_id"), on="sensor_id", how="left").select(
        source=pl.lit("people"),
        sensor=pl.col("sensor_id").cast(pl.String),
        property=pl.lit("pedestrians"),
        unit=pl.lit("1/h"),
        observed_at=pl.col("timestamp").dt.replace_time_zone("UTC"),
        value=pl.col("count").cast(pl.Float64),
        lon="lon",
        lat="lat",
        territory=pl.lit(None, dtype=pl.String),
    )


def alerts(frame: pl.DataFrame, zone: str) -> list[Alert]:
    """Alerts up to the last value."""
    until = frame["observed_at"].max() + timedelta(hours=1)  # type: ignore[operator]
    found = watch(frame.lazy(), load_limits(), until, zone)
    return found.alerts if found else []


def quiet(frame: pl.DataFrame, zone: str, kinds: tuple[str, ...]) -> tuple[dict[str, int], float]:
    """Alerts of each kind without a fault put in, after two weeks of learning; and the stream-years looked at."""
    begin = frame["observed_at"].min() + timedelta(days=14)  # type: ignore[operator]
    found = [alert for alert in alerts(frame, zone) if alert.opened_at > begin]
    hours = frame.filter(pl.col("observed_at") > begin).height
    return {kind: sum(alert.kind == kind for alert in found) for kind in kinds}, hours / 8760


def tried(name: str, frame: pl.DataFrame, trials: int) -> tuple[int, list[float], int]:
    """Put a fault into one stream (an event into all of its property); return found, delays in hours, and others."""
    _, kinds, within, change = FAULTS[name]
    streams = frame.select("sensor", "property").unique(maintain_order=True).rows()
    before = {alert.id for alert in alerts(frame, "Europe/Berlin") if alert.kind in ALARMS}
    first = frame["observed_at"].min()
    found, delays, others = 0, [], 0
    for trial in range(trials):
        random = rng(SEED, "fault", name, trial)
        sensor, measured = streams[int(random.integers(len(streams)))]
        start = first + timedelta(hours=int(random.integers(FIRST_DAY * 24, LAST_DAY * 24)))  # type: ignore[operator]
        hit = (pl.col("property") == measured) & (pl.col("observed_at") >= start)
        if name != "event":
            hit &= pl.col("sensor") == sensor
        parts = frame.with_columns(hit=hit).partition_by("sensor", "property", maintain_order=True)
        faulty = [
            part.with_columns(
                value=pl.Series(
                    [*part.filter(~pl.col("hit"))["value"], *change(part.filter("hit")["value"].to_numpy(), random)]
                )
            )
            if part["hit"].any()
            else part
            for part in parts
        ]
        told = [
            one
            for one in alerts(pl.concat(faulty).drop("hit").filter(pl.col("value").is_not_nan()), "Europe/Berlin")
            if one.id not in before
        ]
        mine = [
            one
            for one in told
            if one.kind in kinds
            and (name == "event" or sensor in one.sensors)
            and start <= one.opened_at <= start + timedelta(hours=within)
        ]
        if mine:
            found += 1
            delays.append((min(one.opened_at for one in mine) - start).total_seconds() / 3600)
        others += sum(one.kind in ALARMS and name != "event" and sensor not in one.sensors for one in told)
    return found, delays, others


def speed() -> dict[str, float]:
    """Rows a second of a day of a million observations: through the door, and watched again after a month of them."""
    random = rng(SEED, "day")
    each = ROWS // SENSORS
    start = datetime(2026, 1, 5, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "sensor": np.repeat([f"s{at}" for at in range(SENSORS)], each),
            "at": [start + timedelta(seconds=86_400 / each * step) for step in range(each)] * SENSORS,
            "value": np.round(12 * np.exp(0.3 * random.normal(size=ROWS)), 2),
            "lon": np.repeat(random.uniform(0, 1, SENSORS), each),
            "lat": np.repeat(random.uniform(0, 1, SENSORS), each),
        }
    )
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    area = {"type": "Feature", "properties": {"id": "a"}, "geometry": square}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
        (here / "map.toml").write_text(
            'source = "air"\nkind = "observation"\n[columns]\nsensor = "sensor"\nobserved_at = "at"\nvalue = "value"\n'
            'lon = "lon"\nlat = "lat"\n[property]\ndefault = "pm2_5"\nunit = "µg/m³"\n'
        )
        frame.write_parquet(here / "day.parquet")
        init(here / "city", name="Speed", territories=here / "areas.geojson")
        with open_city(here / "city") as city:
            mapping = city.add_mapping(here / "map.toml")
            city.sense(here / "day.parquet", mapping)  # compiles and loads
        init(here / "city2", name="Speed", territories=here / "areas.geojson")
        with open_city(here / "city2") as city:
            mapping = city.add_mapping(here / "map.toml")
            began = time.perf_counter()
            city.sense(here / "day.parquet", mapping)
            intake = time.perf_counter() - began
            began = time.perf_counter()
            city.observing.watch(start + timedelta(days=1))
            first = time.perf_counter() - began
    return {"intake": ROWS / intake, "watch": ROWS / first}


def main() -> dict[str, tuple[float, str]]:
    """Detection share of two plain faults, and speed; the whole table is printed by the script itself."""
    frame = stuttgart()
    figures: dict[str, tuple[float, str]] = {}
    for name in ("dead", "event"):
        found, _, _ = tried(name, frame, 10)
        figures[f"sensors: share of '{name}' found in Stuttgart"] = (found / 10, "≥ 0.9")
    told = speed()
    figures["sensors: observations a second through the door (rows/s)"] = (told["intake"], "≥ 100000")
    figures["sensors: observations a second watched, 2,000 streams (rows/s)"] = (told["watch"], "≥ 100000")
    return figures


def table(trials: int) -> None:
    """Print the table of docs/sensors.md."""
    frame = stuttgart()
    print("| fault | what is done | found | within | delay, median | others blamed |\n|---|---|---:|---:|---:|---:|")
    for name, (what, _, within, _) in FAULTS.items():
        found, delays, others = tried(name, frame, trials)
        middle = f"{np.median(delays):.0f} h" if delays else "–"
        print(f"| {name} | {what} | {found} of {trials} | {within} h | {middle} | {others} |", flush=True)
    for title, data, zone in (("Stuttgart", frame, "Europe/Berlin"), ("Melbourne", melbourne(), "UTC")):
        counts, years = quiet(data, zone, ALARMS)
        print(title, f"{years:.2f} stream-years", counts, flush=True)
    print(speed())


if __name__ == "__main__":
    table(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS)
