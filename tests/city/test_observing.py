"""A city takes in observations by every way, watches them, and answers for what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from tests.know.sensors import START, frame, streams

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.cli.main import group
from cityward.core.clock import Clock
from cityward.core.errors import Refused, SettingsError, SourceError, UnknownId, UserError
from cityward.core.records import Alert
from cityward.sense.mapping import ObservationMapping, parse_mapping
from cityward.store.history import HistoryReader
from cityward.store.history_table import OBSERVATIONS

NOW = START + timedelta(days=60)
MAPPING = """
source = "air"
kind = "observation"
time_zone = "Europe/Berlin"
[columns]
sensor = "sensor"
observed_at = "at"
property = "what"
value = "value"
unit = "unit"
lon = "lon"
lat = "lat"
"""
ROW = {
    "sensor": "a",
    "at": "2026-01-05T10:00:00Z",
    "what": "PM2.5",
    "value": 12.5,
    "unit": "ug/m3",
    "lon": 9.2,
    "lat": 48.8,
}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    ring = [[9.0, 48.6], [9.4, 48.6], [9.4, 49.0], [9.0, 49.0], [9.0, 48.6]]
    area = {
        "type": "Feature",
        "properties": {"id": "mitte", "name": "Mitte"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8")
    init(tmp_path / "city", name="Test", territories=tmp_path / "areas.geojson", time_zone="Europe/Berlin")
    with open_city(tmp_path / "city", Clock.fixed(NOW)) as city:
        city.add_mapping(tmp_path / "map.toml")
        yield city


def lines(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps({**ROW, **row}) for row in rows).encode()


def held(city: City) -> pl.DataFrame:
    return HistoryReader(city.folder.history, OBSERVATIONS).scan().collect().sort("observed_at", "sensor")


def give(city: City, values: np.ndarray, name: str = "day.parquet") -> None:
    rows = frame(values).rename({"observed_at": "at", "property": "what"})
    rows.write_parquet(city.path / name)
    city.sense(city.path / name, city.mappings()["air"])


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "parquet", "geojson"])
def test_every_kind_of_file_brings_the_same_observation(city: City, tmp_path: Path, kind: str) -> None:
    file, mapping = tmp_path / f"some.{kind}", city.mappings()["air"]
    if kind == "csv":
        pl.DataFrame([ROW]).write_csv(file)
    elif kind == "parquet":
        pl.DataFrame([ROW]).write_parquet(file)
    elif kind == "geojson":
        told = {key: value for key, value in ROW.items() if key not in ("lon", "lat")}
        point = {"type": "Feature", "properties": told, "geometry": {"type": "Point", "coordinates": [9.2, 48.8]}}
        file.write_text(json.dumps({"type": "FeatureCollection", "features": [point]}))
        mapping = parse_mapping(MAPPING.replace('lon = "lon"\nlat = "lat"\n', ""), "map.toml")
    else:
        file.write_text(json.dumps([ROW]) if kind == "json" else json.dumps(ROW))
    city.sense(file, mapping)
    (row,) = held(city).to_dicts()
    told = {name: row[name] for name in ("sensor", "property", "unit", "value", "territory", "placed_by")}
    assert told == {
        "sensor": "a", "property": "pm2_5", "unit": "µg/m³", "value": 12.5, "territory": "mitte", "placed_by": "point",
    }  # fmt: skip
    assert row["observed_at"] == datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"unit": "ppb"}, "is none in which that property can be given"),
        ({"unit": ""}, "unit is empty"),
        ({"value": None}, "is empty; without it nothing was observed"),
        ({"value": "NaN"}, "is not a number"),
        ({"value": "inf"}, "is not a number"),
        ({"value": "a lot"}, "is not a number"),
        ({"value": [1, 2]}, "list or an object"),
        ({"at": "2027-01-01T00:00:00Z"}, "lies in the future"),
        ({"at": "yesterday"}, "is no date or time"),
        ({"at": None}, "it needs a time"),
        ({"sensor": " "}, "a value needs the sensor"),
        ({"sensor": "s" * 201}, "characters"),
        ({"lat": 148.8}, "lat is beyond a pole"),
        ({"what": None}, "property"),
    ],
)
@pytest.mark.parametrize("way", ["file", "message"])
def test_a_bad_row_waits_in_quarantine(city: City, way: str, bad: dict[str, object], reason: str) -> None:
    body = lines({}, bad)
    if way == "file":
        (city.path / "x.ndjson").write_bytes(body)
        city.sense(city.path / "x.ndjson", city.mappings()["air"])
    else:
        intake = city.take("air", body)
        assert (intake.received, intake.added, intake.quarantined) == (2, 1, 1)
    total = city.conservation()
    assert total["received"] == 2 == total["admitted"] + total["quarantined"] + total["refused"]
    (row,) = city.quarantine()
    assert reason in row["reason"] or reason in str(row["column"])
    assert held(city).height == 1


def test_the_same_value_counts_once_and_a_corrected_one_supersedes(city: City) -> None:
    outcomes = [city.take("air", lines({})), city.take("air", lines({})), city.take("air", lines({"value": 14}))]
    assert [(one.added, one.repeated, one.revised) for one in outcomes] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert held(city)["value"].to_list() == [14.0]


def test_units_are_converted_at_the_entrance(city: City) -> None:
    rows = [
        {"value": 0.02, "unit": "mg/m³"},
        {"what": "no2", "value": 10, "unit": "ppb"},
        {"what": "Temperature", "value": 293.15, "unit": "K"},
        {"what": "CO", "value": 500, "unit": "µg/m³"},
        {"what": "bicycles", "value": 3, "unit": "1/h"},
    ]
    city.take("air", lines(*rows))
    told = {row["property"]: (round(row["value"], 2), row["unit"]) for row in held(city).to_dicts()}
    assert told == {
        "pm2_5": (20.0, "µg/m³"), "no2": (19.13, "µg/m³"), "temperature": (20.0, "°C"), "co": (0.5, "mg/m³"),
        "bicycles": (3.0, "1/h"),
    }  # fmt: skip


def test_local_stamps_pass_both_changes_of_the_clocks(city: City) -> None:
    city.take("air", lines({"at": "2025-10-26 02:30:00"}, {"at": "2025-03-30 02:30:00"}))
    assert held(city)["observed_at"].to_list() == [
        datetime(2025, 3, 30, 1, 30, tzinfo=UTC), datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
    ]  # fmt: skip


def test_acknowledged_observations_survive_without_a_flush(city: City) -> None:
    city.take("air", lines({}, {"sensor": "b"}))
    assert sorted((city.folder.history / "log-observations").glob("*.seg"))
    assert held(city).height == 2  # a reader sees the log
    city.close()
    with open_city(city.path, Clock.fixed(NOW)) as again:
        assert again.take("air", lines({})).repeated == 1
        assert held(again).height == 2


def test_interactions_and_observations_keep_apart(city: City) -> None:
    city.take("air", lines({}))
    assert HistoryReader(city.folder.history).scan().collect().height == 0
    with pytest.raises(Refused, match="No grant lets"):
        city.read("cityward-turn", "need-detection", "observations").frame(["value"])


def test_a_list_of_sensors_says_where_they_stand(city: City, tmp_path: Path) -> None:
    (tmp_path / "places.json").write_text(json.dumps([{"id": 7, "x": 9.3, "y": 48.9}, {"id": 8, "x": 0, "y": 0}]))
    listed = MAPPING.replace('lon = "lon"\nlat = "lat"\n', "").replace('"air"', '"listed"')
    listed += '[sensors]\nfile = "places.json"\nsensor = "id"\nlon = "x"\nlat = "y"\n'
    (tmp_path / "listed.toml").write_text(listed, encoding="utf-8")
    city.add_mapping(tmp_path / "listed.toml")
    city.take("listed", lines({"sensor": 7}, {"sensor": 8}))
    rows = held(city).sort("sensor")
    assert rows["lon"].to_list() == [9.3, None]
    assert rows["territory"].to_list() == ["mitte", None]
    (tmp_path / "places.json").unlink()
    with pytest.raises(SettingsError, match="list of sensors"):
        city.add_mapping(tmp_path / "listed.toml")


def test_a_list_without_a_column_is_refused(city: City, tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("id,lon\n1,9\n")
    told = (
        MAPPING.replace('lon = "lon"\nlat = "lat"\n', "")
        + '[sensors]\nfile = "places.csv"\nsensor = "id"\nlon = "lon"\nlat = "lat"\n'
    )
    (tmp_path / "other.toml").write_text(told.replace('"air"', '"other"'), encoding="utf-8")
    with pytest.raises(SourceError, match="no column 'lat'"):
        city.add_mapping(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('unit = "unit"\n', ""), "no unit is given"),
        (('property = "what"\n', ""), "neither a property column"),
        (('lat = "lat"\n', ""), "lon is given without lat"),
        (('value = "value"\n', ""), "value"),
        (('unit = "unit"\n', 'unit = "unit"\ncolour = "c"\n'), "unknown key 'colour'"),
        (('kind = "observation"', 'kind = "observations"'), "kind"),
    ],
)
def test_a_slip_in_a_mapping_is_named(change: tuple[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_mapping(MAPPING.replace(*change), "map.toml")


def test_a_default_property_cannot_have_any_unit() -> None:
    text = MAPPING.replace('property = "what"\n', "").replace('unit = "unit"\n', "")
    assert isinstance(parse_mapping(text + '[property]\ndefault = "PM10"\nunit = "mg/m3"\n', "m"), ObservationMapping)
    with pytest.raises(SettingsError, match="pm10 cannot be given in 'ppb'"):
        parse_mapping(text + '[property]\ndefault = "PM10"\nunit = "ppb"\n', "m")


@pytest.fixture
def troubled(city: City) -> City:
    values = streams(40) * 0.45
    values[0, 800:] = np.nan
    values[1, 900:] = 41.0
    give(city, values)
    return city


def test_every_alert_has_receipts_and_an_explanation(troubled: City) -> None:
    before = troubled.ledger_size
    told = troubled.observing.watch(START + timedelta(hours=850))
    assert [alert.kind for alert in told.open if alert.kind != "limit"] == ["silent"]
    assert troubled.ledger_size - before == sum(1 for _ in told.alerts) + 1  # and that the sensors were looked at
    again = troubled.observing.watch(START + timedelta(hours=850))
    assert (again, troubled.ledger_size - before) == (told, len(told.alerts) + 2)
    why = troubled.explain(told.open[-1].id)
    assert why.kind == "alert"
    assert why.receipt is not None
    assert troubled.verify().ok


def test_pieces_and_one_go_leave_the_same_alerts(troubled: City, tmp_path: Path) -> None:
    for hours in (500, 805, 850, 931, 960):
        last = troubled.observing.watch(START + timedelta(hours=hours))
    pieces = {alert.id: alert.cleared_at for alert in troubled.registers.list_of("alert", Alert)}
    assert pieces == {alert.id: alert.cleared_at for alert in last.alerts}
    facts = [entry for entry in troubled.ledger_entries(0, 500) if entry["kind"] == "alert"]
    opened = [entry["subject"] for entry in facts if entry["facts"]["state"] == "opened"]
    assert len(opened) == len(set(opened))


def test_an_alert_that_later_values_undo_is_withdrawn(troubled: City) -> None:
    told = troubled.observing.watch(START + timedelta(hours=850))
    (silent,) = [alert for alert in told.open if alert.kind == "silent"]
    late = np.full((1, 960), np.nan)
    late[0, 800:850] = 9 + np.arange(50) % 7
    give(troubled, late, "late.parquet")
    told = troubled.observing.watch(START + timedelta(hours=850))
    assert "silent" not in {alert.kind for alert in told.open}
    why = dict(troubled.explain(silent.id).evidence)
    assert "no longer show it" in why["cleared"]


def test_now_is_the_clock_so_that_a_dead_network_is_told(troubled: City) -> None:
    told = troubled.observing.watch()
    assert told.until == NOW
    assert told.states == {"silent": 6}
    assert {alert.kind for alert in told.open} == {"silent"}
    later = troubled.observing.watch(NOW + timedelta(days=5))
    assert later.until == NOW


def test_the_command_the_api_and_the_pages_tell_the_same(troubled: City, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = START + timedelta(hours=850)
    told = troubled.observing.watch(moment)
    with TestClient(create_app(troubled)) as client:
        alerts = client.get("/api/alerts?state=open").json()
        assert [alert["id"] for alert in alerts] == [alert.id for alert in told.open]
        states = {row["sensor"]: row["state"] for row in client.get("/api/sensors").json()}
        assert states == {"s0": "silent", **{f"s{at}": "alive" for at in range(1, 6)}}
        posted = client.post(
            "/api/sources/air/observations", content=lines({}), headers={"content-type": "application/x-ndjson"}
        )
        assert posted.json()["added"] == 1
        assert client.post("/api/watch", json={"until": "2026-02-09T10:00:00"}).status_code == 422
        again = client.post("/api/watch", json={"until": moment.isoformat()}).json()
        assert again["streams"] == 7
    troubled.close()
    done = CliRunner().invoke(group, ["watch", "--city", str(troubled.path), "--as-of", "2026-02-09", "--json"])
    assert json.loads(done.output)["streams"] == 7


def test_a_moment_that_cannot_be_read_is_the_users_mistake(city: City) -> None:
    city.close()
    done = CliRunner().invoke(group, ["watch", "--city", str(city.path), "--as-of", "soon"])
    assert isinstance(done.exception, UserError)


def test_a_city_without_sensors_says_so(city: City) -> None:
    with pytest.raises(UserError, match="No sensor said anything"):
        city.observing.watch()
    assert city.observing.told() is None
    with pytest.raises(UnknownId):
        city.observing.stream("air", "a", "pm2_5")


def test_a_usual_range_is_drawn_beside_a_stream(troubled: City) -> None:
    troubled.observing.watch(START + timedelta(hours=850))
    hours = troubled.observing.stream("air", "s2", "pm2_5")
    assert hours.columns == ["hour", "mean", "low", "high"]
    inside = hours.filter(pl.col("mean").is_between("low", "high")).height
    assert inside / hours.height > 0.7
