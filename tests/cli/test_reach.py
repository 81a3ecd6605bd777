"""The command 'reach': what it tells, and what it says of feeds that are broken."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from tests.typed import Told, typed

STOPS = "stop_id,stop_lat,stop_lon,wheelchair_boarding\nA,0,0,1\nB,0,0.05,1\nC,0,0.1,0\n"
TRIPS = "trip_id,service_id,wheelchair_accessible\nt,w,1\n"
TIMES = (
    "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t,08:25:00,08:25:00,C,9\nt,,,B,4\nt,08:05:00,08:05:00,A,1\n"
)
CALENDAR = (
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "w,1,1,1,1,1,0,0,20240501,20240531\n"
)
PLACES = "id,lon,lat,people,income,parks\nx,0,0.001,100,low,0\ny,0.05,0.001,50,low,0\nz,0.1,0.001,10,high,2\n"
FEED = {"stops": STOPS, "trips": TRIPS, "stop_times": TIMES, "calendar": CALENDAR}


def feed(folder: Path, **changed: str | bytes | None) -> None:
    (folder / "places.csv").write_text(PLACES, encoding="utf-8")
    with zipfile.ZipFile(folder / "feed.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in {**FEED, **changed}.items():
            if text is not None:
                out.writestr(f"{name}.txt", text)


def run(folder: Path, *more: str, code: int = 0) -> Told:
    words = ("reach", "--gtfs", "feed.zip", "--places", "places.csv", "--services", "parks", "--walk-minutes", "5")
    return typed(*words, *more, code=code, cwd=folder)


def minutes(told: Told) -> dict[str, float | None]:
    (service,) = json.loads(told.stdout)["services"]
    return {place["place"]: place["least"] for place in service["places"]}


def test_times_between_are_filled_and_rows_need_no_order(tmp_path: Path) -> None:
    feed(tmp_path)
    told = run(tmp_path, "--json", "--group", "income", "--within", "20,30")
    found = minutes(told)
    assert found["z"] == 0
    assert found["x"] == pytest.approx(20 + 2 * 2, abs=1.5)  # 2 minutes of walking at both ends, leaving in time
    assert found["y"] == pytest.approx(10 + 2 * 2, abs=1.5)
    (service,) = json.loads(told.stdout)["services"]
    assert {group["group"] for group in service["groups"]} == {"low", "high"}
    assert json.loads(told.stdout)["day"] == "2024-05-01"


def test_what_is_not_known_of_wheelchairs_gives_two_answers(tmp_path: Path) -> None:
    feed(tmp_path)
    words = ("--reduced-mobility", "--json", "--within", "90", "--window", "1")
    told = json.loads(run(tmp_path, *words).stdout)
    (service,) = told["services"]
    (within,) = service["within"]
    worst, best = within["reduced_mobility"]
    assert worst < best
    assert "does not say whether a wheelchair" in " ".join(told["notes"])


def test_trips_after_midnight_belong_to_the_day_before(tmp_path: Path) -> None:
    late = TIMES.replace("08:", "24:")
    feed(tmp_path, stop_times=late)
    told = run(tmp_path, "--depart", "00:00", "--date", "2024-05-03", "--json")
    assert minutes(told)["x"] == pytest.approx(24, abs=1.5)
    sunday = run(tmp_path, "--depart", "00:00", "--date", "2024-05-05", code=2)
    assert "No trip runs on 2024-05-05" in sunday.stderr


def test_frequencies_repeat_a_trip(tmp_path: Path) -> None:
    rows = "trip_id,start_time,end_time,headway_secs\nt,09:00:00,10:00:00,300\n"
    feed(tmp_path, frequencies=rows)
    told = json.loads(run(tmp_path, "--depart", "09:00", "--window", "30", "--json").stdout)
    assert told["trips"] == 12
    (service,) = told["services"]
    assert {p["place"]: p["median"] for p in service["places"]}["x"] == pytest.approx(26, abs=3)


def test_exceptions_of_the_calendar_count(tmp_path: Path) -> None:
    feed(tmp_path, calendar=None, calendar_dates="service_id,date,exception_type\nw,20240601,1\nw,20240602,2\n")
    assert json.loads(run(tmp_path, "--json").stdout)["day"] == "2024-06-01"
    assert "No trip runs on 2024-06-02" in run(tmp_path, "--date", "2024-06-02", code=2).stderr


def test_other_encodings_and_broken_rows_are_said(tmp_path: Path) -> None:
    feed(
        tmp_path,
        stops=STOPS.replace("A,0", "A,0").replace("stop_id,", "stop_id,").encode("utf-16"),
        trips=(TRIPS + "back,w,1\nlost,w,1\n").encode("utf-8-sig"),
        stop_times=TIMES + "back,09:00:00,09:00:00,A,1\nback,08:00:00,08:00:00,B,2\nlost,09:00:00,09:00:00,Q,1\n",
        calendar=(CALENDAR + "é,1,1,1,1,1,1,1,20240501,20240502\n").encode("latin-1"),
    )
    notes = " ".join(json.loads(run(tmp_path, "--json").stdout)["notes"])
    assert "1 trips that go back in time are left out" in notes
    assert "1 trips with a stop that is not usable are left out" in notes
    assert "calendar.txt is not UTF-8" in notes


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stops": None}, "The timetable has no stops.txt."),
        ({"calendar": None}, "no calendar.txt and no calendar_dates.txt"),
        ({"stop_times": "trip_id,stop_id\n"}, "stop_times.txt has no column"),
        ({"stops": "stop_id,stop_lat,stop_lon\nA,95,0\n"}, "no stop with a place"),
        ({"stops": b"0" * 40_000_000}, "expands to too much"),
        ({"trips": ""}, "trips.txt has no column"),
    ],
)
def test_a_broken_feed_is_said(tmp_path: Path, changed: dict[str, str | bytes | None], said: str) -> None:
    feed(tmp_path, **changed)
    assert said in run(tmp_path, code=2).stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--depart", "25:00"), "is no time of day"),
        (("--within", "soon"), "is no list of minutes"),
        (("--services", "nothing"), "neither a file nor a column"),
        (("--services", "parks"), "given twice"),
        (("--people", "lon"), None),
    ],
)
def test_a_mistake_is_said(tmp_path: Path, more: tuple[str, ...], said: str | None) -> None:
    feed(tmp_path)
    if said:
        assert said in run(tmp_path, *more, code=2).stderr
    else:
        assert run(tmp_path, *more).stdout


def test_what_is_no_feed_is_said(tmp_path: Path) -> None:
    feed(tmp_path)
    (tmp_path / "feed.zip").write_bytes(b"PK\x03\x04 not really")
    assert "is not a whole zip file" in run(tmp_path, code=2).stderr
    (tmp_path / "feed.zip").unlink()
    assert "is not there" in run(tmp_path, code=2).stderr


def test_when_nothing_runs_everybody_walks_and_that_is_said(tmp_path: Path) -> None:
    feed(tmp_path)
    told = json.loads(run(tmp_path, "--depart", "15:00", "--json").stdout)
    assert any("everybody walks" in note for note in told["notes"])
