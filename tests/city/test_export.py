"""Exports: no cell that a spreadsheet takes for a formula, and every number still a number."""

from __future__ import annotations

import csv
import io
import json
import re
import string
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box
from shapely.geometry import mapping as mapping_of
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.city.folder import neutral_csv
from cityward.console import mount_console
from cityward.core.clock import Clock

HOSTILE = [
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x";"y")',
    '=cmd|"/c calc"!A0',
    "-",
    " =1+1",
    "\n=1+1",
    "＝1+1",
    "\u200b=1+1",
    '"=1+1',
    "'=1+1",
]
TEXT = st.text(st.sampled_from([*"=+-@\t\r\n '\";,", *string.ascii_letters, "é", "＝"]), max_size=12)


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def dangerous(cell: str) -> bool:
    """What a spreadsheet may take for a formula; some cut leading blanks, and read full-width signs as plain ones."""
    return bool(re.match(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠]|[\t\r]", cell))


@given(st.lists(st.none() | TEXT, min_size=1, max_size=5))
def test_no_text_is_a_formula_and_all_of_it_is_there(values: list[str | None]) -> None:
    header, *rows = cells(neutral_csv(pl.DataFrame({"text": values, "n": range(len(values))})))
    assert header == ["text", "n"]
    assert [row[1] for row in rows] == [str(at) for at in range(len(values))]
    for value, (cell, _) in zip(values, rows, strict=True):
        assert not dangerous(cell)
        assert cell in {value or "", f"'{value}"}


@pytest.mark.parametrize("value", HOSTILE)
def test_known_tricks_become_text(value: str) -> None:
    (_, (cell,)) = cells(neutral_csv(pl.DataFrame({"text": [value]})))
    assert not dangerous(cell)
    assert cell.endswith(value)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_numbers(whole: list[int], real: float) -> None:
    """Also negative ones: no quotation mark and no apostrophe, or a spreadsheet could not add them up."""
    data = neutral_csv(pl.DataFrame({"whole": whole, "real": [real] * len(whole)})).decode()
    assert "'" not in data
    assert '"' not in data.split("\n", 1)[1]
    for row, value in zip(cells(data.encode())[1:], whole, strict=True):
        assert (int(row[0]), float(row[1])) == (value, real)


@given(TEXT)
def test_the_name_of_a_column_is_text_too(name: str) -> None:
    (header, _) = cells(neutral_csv(pl.DataFrame({f"{name}.": [1]})))
    assert not dangerous(header[0])


def test_text_of_every_kind_is_guarded() -> None:
    """A category is text; a day and a truth value are not."""
    frame = pl.DataFrame({"kind": ["=1", "a"], "day": [date(2014, 6, 30)] * 2, "yes": [True, False]})
    data = neutral_csv(frame.with_columns(pl.col("kind").cast(pl.Categorical)))
    assert cells(data)[1:] == [["'=1", "2014-06-30", "true"], ["a", "2014-06-30", "false"]]


def hostile_city(folder: Path) -> City:
    """Areas and services whose names are formulas, and enough reports of one to find a need."""
    features = [
        {
            "type": "Feature",
            "properties": {"id": str(at), "name": f'=HYPERLINK("http://x")&A{at}'},
            "geometry": mapping_of(box(-87.7 + at / 20, 41.8, -87.65 + at / 20, 41.85)),
        }
        for at in range(4)
    ]
    areas = folder / "areas.geojson"
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    mapping = folder / "map.toml"
    mapping.write_text(
        'source = "s"\nkind = "complaint"\ndomain = "environment"\ntime_zone = "UTC"\n[columns]\nid = "id"\n'
        'occurred_at = "opened"\nservice = "what"\nlon = "lon"\nlat = "lat"\n[service]\ndefault = "x"\n',
        encoding="utf-8",
    )
    rows = ["id,opened,what,lon,lat"]
    for day in range(400):
        at = date.fromordinal(date(2013, 6, 1).toordinal() + day)
        many = [0, 1, 2, 3] + [2] * (15 if day > 394 else 0)
        # Apart from each other and from those of the last weeks, or they would be one incident.
        rows += [
            f"{day}-{n},{at},@SUM(1+1),{-87.695 + area / 20 + day % 40 / 1000},{41.801 + n / 500}"
            for n, area in enumerate(many)
        ]
    file = folder / "rows.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    city = open_city(
        init(folder / "city", name="=1+1", territories=areas), Clock.fixed(datetime.fromisoformat("2014-07-06T12:00Z"))
    )
    city.sense(file, city.add_mapping(mapping))
    city.run()
    return city


def test_every_table_that_can_be_downloaded(tmp_path: Path) -> None:
    """End to end: names that are formulas go in by file and come out as text, in every export of the console."""
    with hostile_city(tmp_path) as city:
        app = create_app(city)
        mount_console(app, city)
        client = TestClient(app)
        pages = "".join(client.get(path).text for path in ("/", "/ahead", "/intake"))
        exports = set(re.findall(r'href="(/export/[^"]+)"', pages))
        assert exports == {"/export/needs.csv", "/export/area_summary.csv", "/export/forecast.csv"}
        for address in sorted(exports):
            answer = client.get(address)
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.headers["content-disposition"].startswith("attachment")
            header, *rows = cells(answer.content)
            assert rows, address
            numbers = [cell for row in [header, *rows] for cell in row if dangerous(cell)]
            assert [cell for cell in numbers if not re.fullmatch(r"-[\d.e+-]+", cell)] == []
        assert "'@SUM(1+1)" in client.get("/export/needs.csv").text
        assert client.get("/export/nothing.csv").status_code == 404
