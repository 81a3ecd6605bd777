"""The commands 'divide' and 'nation' on files: what they print, and what they say of mistakes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from tests.typed import typed

ROWS = [(f"p{at:02}", 2010 + 10 * late, (at + 1) * (1 + late), 100 + at) for late in (0, 1) for at in range(20)]
PLAIN = "place;year;value;people;side\n" + "".join(
    f"{place};{year};{value},5;1.{people};{'ab'[int(place[1:]) % 2]}\n" for place, year, value, people in ROWS
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "utf8.csv").write_text(PLAIN.replace("place;", "año;"), encoding="utf-8")
    (tmp_path / "latin.csv").write_text(PLAIN.replace("place;", "año;"), encoding="latin-1")
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(PLAIN.replace("place;", "año;").encode()))
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * 2**20)[:-200])
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    return tmp_path


def ask(files: Path, name: str, *more: str) -> dict[str, object]:
    asked = ("--value", "value", "--place", "año", "--time", "year", "--weight-column", "people", "--draws", "50")
    told: dict[str, object] = json.loads(typed("divide", name, *asked, *more, "--json", cwd=files).stdout)
    return told


def test_every_encoding_says_the_same(files: Path) -> None:
    plain = ask(files, "utf8.csv")
    assert plain == ask(files, "latin.csv") == ask(files, "packed.csv.gz")
    figures = plain["figures"]
    assert isinstance(figures, list)
    assert figures[0]["people"] == sum(1100 + at for at in range(20))
    assert figures[0]["mean_of_places"]["value"] == pytest.approx(11)
    assert plain["periods"] == ["2010", "2020"]


def test_the_text_begins_with_the_finding_and_says_the_alarm(files: Path) -> None:
    done = typed(
        "divide", "utf8.csv", "--value", "value", "--place", "año", "--time", "year", "--draws", "50", cwd=files
    )
    assert done.stdout.startswith("value went from 11 to 21.5 on average (2010 to 2020). The gap widened")
    assert "\nAlarm: " in done.stdout
    assert "decimal comma" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("utf8.csv",), "needs places"),
        (("utf8.csv", "--value", "none", "--place", "año"), "There is no column 'none'"),
        (("utf8.csv", "--value", "value", "--place", "año"), "'year' tells them apart"),
        (("utf8.csv", "--value", "side", "--place", "año"), "can be used"),
        (("utf8.csv", "--value", "value", "--place", "año", "--time", "year", "--at", "1999"), "no period '1999'"),
        (("utf8.csv", "--value", "value", "--place", "año", "--epsilon", "-1"), "aversion"),
        (("utf8.csv", "--value", "value", "--index", "cityward", "--place", "año"), "either a value or an index"),
        (("utf8.csv", "--index", "none", "--place", "año"), "There is no index 'none'"),
        (("utf8.csv", "--index", "cityward", "--place", "año", "--weight", "access=x"), "no weight"),
        (("utf8.csv", "--index", "cityward", "--place", "año", "--weight", "none=2"), "no indicator or group"),
        (("bomb.csv.gz", "--value", "a", "--place", "b"), "is damaged"),
        (("empty.csv", "--value", "a", "--place", "b"), "cannot be read"),
        (("none.csv", "--value", "a", "--place", "b"), "none.csv is not there"),
        (("--value", "a"), "column of a file"),
    ],
)
def test_a_mistake_is_said_in_one_line(files: Path, more: tuple[str, ...], said: str) -> None:
    done = typed("divide", *more, code=2, cwd=files)
    assert said in done.stderr
    assert done.stdout == ""


def test_an_index_from_a_file_of_ones_own(files: Path) -> None:
    (files / "mine.toml").write_text(
        'title = "Mine"\n[[indicator]]\nid = "v"\ngroup = "access"\ncolumns = ["value"]\nmore_is_better = true\n',
        encoding="utf-8",
    )
    asked = ("--index", "mine.toml", "--place", "año", "--where", "year=2010")
    told = json.loads(typed("divide", "utf8.csv", *asked, "--json", cwd=files).stdout)
    assert told["places"][0]["place"] == "p00"
    done = typed("divide", "utf8.csv", *asked, cwd=files)
    assert "rank 1 is the deepest divide" in done.stdout


def release(folder: Path, city: str, noisy: int, **more: object) -> None:
    """An open folder as a city writes it, with one release of two areas and their sum."""
    place = folder / city / "open" / "reports-x-1"
    place.mkdir(parents=True)
    request = {"kind": "count", "first": "2013-01-01", "last": "2013-12-31", "services": [], **more}
    row = {"period": "2013", "service": "all services", "error_95": 13.0, "value": 0.0, "suppressed": False}
    rows = [{**row, "territory": name, "level": "area", "noisy": noisy / 2} for name in ("a", "b")]
    rows.append({**row, "territory": "city", "level": "city", "noisy": noisy})
    told = {"release": {"id": f"X-{city}", "request": request, "mechanism": "laplace", "unit": "reports"}, "rows": rows}
    (place / "data.json").write_text(json.dumps(told), encoding="utf-8")
    catalogue = {"dct:publisher": {"foaf:name": city.title()}}
    (folder / city / "open" / "catalogue.jsonld").write_text(json.dumps(catalogue), encoding="utf-8")


def test_cities_side_by_side_from_their_releases(tmp_path: Path) -> None:
    for city, noisy in (("ash", 1000), ("birch", 1008), ("cedar", 2000)):
        release(tmp_path, city, noisy)
    told = json.loads(typed("nation", "ash", "birch", "cedar", "--json", cwd=tmp_path).stdout)
    cities = told["tables"][0]["cities"]
    assert [(one["city"], one["value"], one["tier"]) for one in cities] == [
        ("Cedar", 2000, 1),
        ("Birch", 1008, 2),
        ("Ash", 1000, 2),
    ]
    assert cities[0]["cells"] == 1
    done = typed("nation", "ash", "birch", "--people", "Ash=1000", cwd=tmp_path)
    assert "cannot be told through the noise (as counted, for people are not known of all)" in done.stdout
    assert "More reports are not more need" in done.stdout


def test_nothing_but_releases_is_read(tmp_path: Path) -> None:
    release(tmp_path, "ash", 1000)
    (tmp_path / "ash" / "city.toml").write_text("not toml", encoding="utf-8")
    (tmp_path / "secret").mkdir()
    release(tmp_path / "secret", "history", 5)
    (tmp_path / "ash" / "open" / "link").symlink_to(tmp_path / "secret" / "history" / "open" / "reports-x-1")
    told = json.loads(typed("nation", "ash", "--json", cwd=tmp_path).stdout)
    assert [one["release"] for table in told["tables"] for one in table["cities"]] == ["X-ash"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "is no release"),
        ("[" * 100_000, "is no release"),
        ('{"release": {"id": 1}, "rows": "x"}', "is no release"),
    ],
)
def test_what_is_no_release_is_said(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "data.json").write_text(body, encoding="utf-8")
    assert said in typed("nation", "data.json", code=2, cwd=tmp_path).stderr


def test_kinds_that_do_not_add_up_are_left_out_by_name(tmp_path: Path) -> None:
    release(tmp_path, "ash", 1000, kind="mean")
    told = json.loads(typed("nation", "ash", "--json", cwd=tmp_path).stdout)
    assert told["tables"] == []
    assert "do not add up" in told["notes"][0]
    assert "No city is called" in typed("nation", "ash", "--people", "Oak=1", code=2, cwd=tmp_path).stderr
    assert "no number of people" in typed("nation", "ash", "--people", "Ash=-1", code=2, cwd=tmp_path).stderr
