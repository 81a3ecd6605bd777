"""Files as they come: damaged, misnamed, swollen or written elsewhere. Nothing gets lost and nothing falls over."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import SourceError
from cityward.core.records import Intake
from cityward.sense.mapping import Mapping, parse_mapping

PERSON = "Ana Pérez 555-0134"
HEAD = "id,at,lon,lat,status,note\n"
ROW = f"1,2024-03-05T10:00:00,-74.05,4.65,open,{PERSON}\n"
MAP = """
source = "calls"
kind = "request"
domain = "energy"
time_zone = "America/New_York"
{extra}
[columns]
id = "id"
occurred_at = "at"
lon = "lon"
lat = "lat"
status = "status"
text = "note"
[status]
open = ["open"]
closed = ["closed"]
[service]
default = "street light"
"""


class FixedClock(Clock):
    """Stands still."""

    def now(self) -> datetime:
        return datetime(2026, 1, 10, tzinfo=UTC)


def mapping(extra: str = "") -> Mapping:
    return parse_mapping(MAP.format(extra=extra), "calls.toml")


def square(west: float, south: float) -> list[list[float]]:
    return [[west, south], [west + 0.1, south], [west + 0.1, south + 0.1], [west, south + 0.1], [west, south]]


def areas(path: Path, *rings: list[list[float]]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"A{at}"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for at, ring in enumerate(rings)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def city(tmp_path: Path):
    folder = tmp_path / "city"
    init(folder, name="C", territories=areas(tmp_path / "a.geojson", square(-74.1, 4.6)), time_zone="America/New_York")
    with open_city(folder, clock=FixedClock()) as opened:
        yield opened


@pytest.fixture
def give(city: City, tmp_path: Path) -> Callable[..., tuple[Intake, list[str]]]:
    """Take a file in; return the sum, which must add up, and the reasons of quarantine."""

    def take_in(content: bytes | str, name: str = "calls.csv", by: Mapping | None = None) -> tuple[Intake, list[str]]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        intakes = city.sense(path, by or mapping())
        held = city.conservation()
        assert held["received"] == held["admitted"] + held["quarantined"] + held["refused"]
        reasons = [row["reason"] for row in city.quarantine() if row["origin"] == name]
        assert not any(part in " ".join(reasons) for part in PERSON.split())
        names = ("received", "added", "revised", "repeated", "quarantined", "refused")
        total = {field: sum(getattr(intake, field) for intake in intakes) for field in names}
        whole = Intake(batch="B-0000000000", source="calls", received_at=FixedClock().now(), **total)
        assert whole.received == whole.admitted + whole.quarantined + whole.refused
        return whole, reasons

    return take_in


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


PLAIN = pl.DataFrame(
    {"id": ["1", "2"], "at": ["2024-03-05"] * 2, "lon": [-74.05] * 2, "lat": [4.65] * 2, "status": ["open"] * 2}
).with_columns(note=pl.lit(PERSON))
WHOLE = parquet(PLAIN)
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"", "calls.csv", "is empty"),
        (b"\xef\xbb\xbf\r\n", "calls.csv", "is empty"),
        (HEAD.encode(), "calls.csv", "has a header but no rows"),
        (ROW.encode() * 2, "calls.csv", "Its first line looks like a row"),
        ((HEAD + ROW).replace(",", ":").encode(), "calls.csv", "has no column 'id'"),
        (f"id,id,at,lon,lat,status,note\n9,{ROW}".encode(), "calls.csv", "two columns 'id'"),
        (",".join(f"c{at}" for at in range(501)).encode() + b"\n1\n", "calls.csv", "at most 500"),
        (WHOLE[: len(WHOLE) // 2], "calls.parquet", "damaged or was cut short"),
        (WHOLE[:-5], "calls.parquet", "damaged or was cut short"),
        ((HEAD + ROW).encode(), "calls.parquet", "not a Parquet file"),
        (gzip.compress((HEAD + ROW * 99).encode())[:-20], "calls.csv.gz", "compression ends early"),
        (b"\x1f\x8bnot at all", "calls.csv.gz", "compression"),
        (gzip.compress(HEAD.encode() + b"1" * 60_000_000), "calls.csv.gz", "decompression bomb"),
        (gzip.compress(b'{"id": "' + b"a" * 60_000_000 + b'"}\n'), "calls.ndjson.gz", "decompression bomb"),
        (bytes(range(256)) * 40, "calls.csv", "is not text"),
        (b"PK\x03\x04" + b"a" * 40, "calls.csv", "ZIP"),
        (b'[{"id": "1"}, 3]', "calls.json", "something else than objects"),
        (b'[{"id": "1"}, {"id": ', "calls.json", "cut short"),
        (b'{"type": "FeatureCollection", "features": [', "calls.geojson", "cut short"),
    ],
)
def test_what_is_no_table_is_told_with_a_remedy(give, content: bytes, name: str, told: str):
    with pytest.raises(SourceError, match=told) as error:
        give(content, name)
    assert error.value.remedy
    assert not any(part in str(error.value) for part in PERSON.split())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings(give, city: City, encoding: str, zipped: bool):
    text = HEAD.replace("note", "señal") + "ñ-1,2024-03-05 10:00,-74.05,4.65,open,déjà vu\n"
    by = parse_mapping(MAP.format(extra="").replace('"note"', '"señal"'), "calls.toml")
    content = text.encode(encoding)
    total, _ = give(gzip.compress(content) if zipped else content, "calls.csv.gz" if zipped else "calls.csv", by)
    assert (total.added, total.quarantined) == (1, 0)


def test_a_stated_encoding_that_is_wrong_is_told(give):
    with pytest.raises(SourceError, match="is not ascii"):
        give((HEAD + ROW).encode("latin-1"), by=mapping('encoding = "ascii"'))


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2024-03-05", None),
        ("2024-03-05 10:00:00", None),
        ("25/03/2024 10:00", None),
        ("05.03.2024", None),
        ("Mar 5, 2024 10:00 PM", None),
        ("5.03.2024 2:15:00 p. m.", None),
        ("1709632800", None),
        ("2024-03-10 02:30:00", None),  # clocks skip it
        ("2024-11-03 01:30:00", None),  # occurs twice
        ("2024-02-31", "no date or time"),
        ("31/02/2024", "no date or time"),
        ("2024-13-01", "no date or time"),
        ("2024-03-05 25:00:00", "no date or time"),
        ("2024-03-05 10:61", "no date or time"),
        ("03/04/2024", "day first or month first"),
        ("soon", "no date or time"),
        ("", "is empty"),
        ("1066-10-14", "before the year 1900"),
        ("0000-01-01", "before the year 1900"),
        ("-62135596800000001", "no date or time"),
        ("2031-01-01", "in the future"),
    ],
)
def test_dates(give, at: str, reason: str | None):
    total, reasons = give(f'{HEAD}1,"{at}",-74.05,4.65,open,\n')
    assert total.received == 1
    assert total.added == (reason is None)
    assert [reason in told for told in reasons] == ([] if reason is None else [True])


def test_four_ways_of_writing_in_one_column_are_the_same_moment(give, city: City):
    ways = ("2024-03-05 15:00:00", "2024-03-05T20:00:00Z", "05.03.2024 15:00", "Mar 5, 2024 3:00 PM")
    total, _ = give(HEAD + "".join(f'{at},"{way}",,,open,\n' for at, way in enumerate(ways)))
    assert total.added == 4
    times = pl.read_delta(str(next((city.path / "history").glob("interactions*"))))["occurred_at"]
    assert times.unique().to_list() == [datetime(2024, 3, 5, 20, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("lon", "lat", "reason"),
    [
        ("-74.05", "4.65", None),
        ("-74,05", "4,65", None),
        ("0", "0", None),  # how software writes "unknown"
        ("", "", None),
        ("10", "10", None),  # elsewhere: admitted, placed nowhere
        ("4.65", "-94.05", "look swapped"),
        ("200", "4.65", "outside the globe"),
        ("nan", "4.65", "not a number"),
        ("inf", "4.65", "not a number"),
        ("west", "4.65", "not a number"),
    ],
)
def test_positions(give, lon: str, lat: str, reason: str | None):
    total, reasons = give(f'{HEAD}1,2024-03-05,"{lon}","{lat}",open,\n')
    assert total.added == (reason is None)
    assert [reason in told for told in reasons] == ([] if reason is None else [True])


def test_a_territory_that_crosses_itself_is_mended_and_used(tmp_path: Path):
    bow = [[-74.1, 4.6], [-74.0, 4.7], [-74.0, 4.6], [-74.1, 4.7], [-74.1, 4.6]]
    folder = init(tmp_path / "bow", name="Bow", territories=areas(tmp_path / "bow.geojson", bow, square(-73.9, 4.6)))
    with open_city(folder, clock=FixedClock()) as city:
        path = tmp_path / "calls.csv"
        path.write_text(HEAD + "1,2024-03-05,-74.09,4.65,open,\n2,2024-03-05,-74.05,4.61,open,\n")
        assert sum(intake.added for intake in city.sense(path, mapping())) == 2
        assert len(city.territories()) == 2


def test_two_hundred_columns(give):
    wide = ",".join(f"more{at}" for at in range(200))
    total, _ = give(HEAD.strip() + f",{wide}\n" + ROW.strip() + "," + ",".join("x" * 200) + "\n")
    assert total.added == 1


@pytest.mark.parametrize("at", range(6))
def test_a_cell_of_a_million_characters(give, at: int):
    cells = ROW.strip().split(",")
    cells[at] = "Ana" * 333_334
    total, reasons = give(HEAD + ",".join(cells) + "\n" + ROW.replace("1", "2", 1))
    assert (total.received, total.added, total.quarantined) == (2, 1, 1)
    assert len(reasons[0]) < 1_000


def test_a_header_of_many_megabytes_is_no_crash(give):
    total, _ = give(HEAD.strip() + "," + "x" * 5_000_000 + "\n" + ROW.strip() + ",1\n")
    assert total.added == 1


def test_lines_that_are_no_rows(give):
    content = HEAD + ROW + f"2,2024-03-05,,,open,{PERSON},{PERSON}\n" + "\n\n" + ROW.replace("1", "3", 1)
    total, reasons = give(content)
    assert (total.received, total.added) == (3, 2)
    assert "more than the 6 fields" in reasons[0]


def test_a_quotation_mark_that_is_never_closed_costs_its_own_row_only(give):
    separators = ROW.replace("1", "2", 1).replace(PERSON, "a\u2028b\x0cc\x85d")
    total, reasons = give(HEAD + '9,"2024-03-05,,,open,x\n' + separators + ROW)
    assert (total.received, total.added, total.quarantined) == (3, 2, 1)
    assert "never closed" in reasons[0]


def test_a_nul_costs_its_own_row_only(give):
    total, reasons = give(HEAD + ROW + ROW.replace("1", "2\0", 1))
    assert (total.added, total.quarantined) == (1, 1)
    assert "NUL" in reasons[0]


def test_what_a_reason_shows_cannot_drive_a_terminal(give):
    _, reasons = give(HEAD + "1,2024-03-05,,,\x1b[2Jred\u202e,\n")
    assert "red" in reasons[0]
    assert "\x1b" not in reasons[0]
    assert "\u202e" not in reasons[0]


GOOD = b'{"id": "g", "at": "2024-03-05", "status": "open"}\n'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "1", "at": "2024-03-', "not a whole JSON object"),
        (b'{"id": "1", "at": "2024-03-05", "lon": NaN, "lat": 1}', "not a whole JSON object"),
        (b'{"id": "1", "at": "2024-03-05", "lon": Infinity, "lat": 1}', "not a whole JSON object"),
        (b'{"id": "1", "at": "2024-03-05", "lon": 1e999, "lat": 1}', "not a whole JSON object"),
        (b'{"id": "1", "at": "2024-03-05", "lon": true, "lat": true}', "not a number"),
        (b'{"id": "1", "at": "2024-03-05", "other": ' + DEEP + b"}", "not a whole JSON object"),
        (b'{"id": ' + DEEP + b', "at": "2024-03-05"}', "not a whole JSON object"),
        (b'{"id": ' + b"[" * 300 + b"]" * 300 + b', "at": "2024-03-05"}', "list or an object"),
        (b'{"id": {"name": "Ana"}, "at": "2024-03-05"}', "list or an object"),
        (b'{"id": "1", "at": true}', "no date or time"),
        (b'{"id": "1", "at": 1e300}', "no date or time"),
        (b'{"id": "1", "at": -6.3e16}', "before the year 1900"),
        (b'{"id": "1", "at": 9e16}', "in the future"),
        (b'{"id": null, "at": "2024-03-05"}', "id is empty"),
        (b'{"id": "a\\u0000b", "at": "2024-03-05"}', "NUL"),
        (b'{"id": "\\ud800", "at": "2024-03-05"}', "not a whole JSON object"),
        (b'{"id": "\xff", "at": "2024-03-05"}', None),  # Latin-1 if it is not UTF-8
        (b"[1, 2]", "not a whole JSON object"),
        (b"null", "not a whole JSON object"),
        (b'"id": "1", "name": "Ana"}', "not a whole JSON object"),
    ],
)
def test_lines_of_json(give, line: bytes, reason: str | None):
    total, reasons = give(GOOD + line, "calls.ndjson")
    assert (total.received, total.added) == (2, 1 + (reason is None))
    assert [reason in told for told in reasons] == ([] if reason is None else [True])


def test_the_first_line_may_be_the_broken_one(give):
    total, reasons = give(f'"id": "1", "name": "{PERSON}"}}\n'.encode() + GOOD, "calls.ndjson")
    assert (total.added, len(reasons)) == (1, 1)


@pytest.mark.parametrize(
    ("geometry", "properties", "reason"),
    [
        ('{"type": "Point", "coordinates": [-74.05, 4.65]}', '{"id": "1", "at": "2024-03-05"}', None),
        (json.dumps({"type": "Polygon", "coordinates": [square(-74.1, 4.6)]}), '{"id": "1", "at": "2024-03-05"}', None),
        ("null", '{"id": "1", "at": "2024-03-05"}', None),
        ('"nowhere"', '{"id": "1", "at": "2024-03-05"}', None),
        ('{"type": "Point", "coordinates": []}', '{"id": "1", "at": "2024-03-05"}', None),
        ('{"type": "Polygon", "coordinates": [[]]}', '{"id": "1", "at": "2024-03-05"}', None),
        ('{"type": "Point", "coordinates": [1e308, 1]}', '{"id": "1", "at": "2024-03-05"}', "outside the globe"),
        ("null", '{"id": ["Ana"], "at": "2024-03-05"}', "list or an object"),
        ("null", '["Ana"]', "not a GeoJSON object"),
    ],
)
def test_geojson(give, city: City, geometry: str, properties: str, reason: str | None):
    feature = '{"type": "Feature", "properties": %s, "geometry": %s}'
    good = feature % ('{"id": "g", "at": "2024-03-05", "status": "open", "note": "n"}', "null")
    by = without_point()
    features = f"[{good}, {feature % (properties, geometry)}]"
    content = f'{{"type": "FeatureCollection", "features": {features}}}'
    total, reasons = give(content, "calls.geojson", by)
    assert (total.received, total.added) == (2, 1 + (reason is None))
    assert [reason in told for told in reasons] == ([] if reason is None else [True])


def without_point() -> Mapping:
    """The mapping without lon and lat: GeoJSON gives them itself."""
    return parse_mapping(MAP.format(extra="").replace('lon = "lon"\nlat = "lat"\n', ""), "calls.toml")


def test_types_of_parquet_that_are_no_cells(give):
    for values in ([True], [date(2024, 3, 5)]):
        total, reasons = give(parquet(PLAIN.head(1).with_columns(lon=pl.Series(values))), "calls.parquet")
        assert (total.added, total.quarantined) == (0, 1)
        assert "lon is not a number" in reasons[0]
    for wrong in (pl.Series([b"\xff"]), pl.Series([[1.0]]), pl.Series([1], dtype=pl.Duration)):
        with pytest.raises(SourceError, match="where id needs a single value"):
            give(parquet(PLAIN.head(1).with_columns(id=wrong)), "calls.parquet")


def test_a_parquet_file_with_any_byte_turned_is_read_or_told(give):
    for at in range(0, len(WHOLE), 61):
        turned = bytearray(WHOLE)
        turned[at] ^= 0xFF
        with contextlib.suppress(SourceError):
            give(bytes(turned), "calls.parquet")


def test_the_same_file_twice_adds_nothing(give):
    content = HEAD + "".join(ROW.replace("1", f"r{at}", 1) for at in range(50)) + "bad,never,,,open,\n"
    first, reasons = give(content)
    again, still = give(content)
    assert (first.added, first.quarantined) == (50, 1)
    assert (again.added, again.revised, again.repeated, again.quarantined) == (0, 0, 50, 1)
    assert reasons == still
