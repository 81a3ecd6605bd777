"""Whatever bytes arrive: words for the person, a sum that adds up, and one answer from both ways of reading."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import UserError
from cityward.core.frames import INTERACTION
from cityward.sense import quick
from cityward.sense.files import decode_ndjson, read_file
from cityward.sense.guess import guess
from cityward.sense.mapping import Mapping, parse_mapping
from cityward.sense.sources import ndjson
from cityward.sense.validate import validate

NOW = datetime(2026, 1, 10, tzinfo=UTC)
MANY = settings(max_examples=60, deadline=None)
MAP = """
source = "calls"
kind = "request"
domain = "energy"
time_zone = "Europe/Berlin"
not_before = 2001-01-01
[columns]
id = "id"
occurred_at = "at"
closed_at = "end"
lon = "lon"
lat = "lat"
status = "status"
service = "kind"
stated_territory = "area"
text = "note"
person = "who"
[status]
open = ["Open", "New"]
closed = ["Closed"]
duplicate = ["Dup", "Closed"]
[service]
{default}
[service.names]
"lamp" = {{ name = "street light", domain = "energy" }}
"pothole" = {{ name = "road", domain = "mobility" }}
[classes]
extra = "sensitive"
"""
COLUMNS = ("id", "at", "end", "lon", "lat", "status", "kind", "area", "note", "who")
MAPPINGS: list[Mapping] = [
    parse_mapping(MAP.format(default=default), "calls.toml") for default in ('default = "unspecified"', "")
]
FOLDER = tempfile.TemporaryDirectory()

odd_text = st.text(st.sampled_from("ab1,;|\t\"'\n\r \0\x0b\x1c\x85\u2028ñİ.:-/{}[]")) | st.text(max_size=6)
printable = st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n")
stamp = st.datetimes(datetime.fromisoformat("1998-01-01"), datetime.fromisoformat("2027-01-01")).flatmap(
    lambda at: st.sampled_from(
        [
            at.isoformat(),
            at.isoformat(" ", "minutes"),
            at.isoformat("T", "seconds") + "Z",
            at.isoformat("T", "milliseconds") + "+02:00",
            at.date().isoformat(),
            f"{at:%d/%m/%Y %H:%M}",
            f"{at.year}-03-31T02:30:00",  # now and then skipped by the clocks
            f"{at.year}-10-27T02:30:00",  # now and then twice
            f"{at.year}-02-30",
            f"{at.year}-05-05T24:00:00",
            f"{at.year}-05-05T23:59:60",
            f"{at.year}-05-05T10:00:00+25:00",
            f"{at.year}-05-05T10:00:00-00:61",
        ]
    )
)
number = st.floats() | st.floats(-181, 181) | st.integers(-200, 200) | st.integers() | st.just(0)
word = st.sampled_from(
    ["Open", " closed ", "CLOSED", "dup", "new", "lamp", "pothole ", "61.0", "61", "", " ", "\u00a0"]
)
value = st.none() | st.booleans() | number | stamp | word | odd_text | st.lists(st.integers(), max_size=2)
row = st.fixed_dictionaries(
    {"id": st.text(min_size=1, max_size=4) | st.integers(), "at": stamp},
    optional={
        "end": stamp | st.none(),
        "lon": number | st.none(),
        "lat": number | st.none(),
        "status": word | st.none(),
        "kind": word | odd_text,
        "area": word | st.integers(0, 99),
        "note": odd_text,
        "who": odd_text | st.integers(),
        "extra": st.none() | st.floats(0, 1) | odd_text,
    },
)
plain_row = st.fixed_dictionaries(
    {"id": st.integers(0, 99).map(lambda at: f" r{at} "), "at": stamp, "kind": word},
    optional={
        "end": stamp,
        "lon": st.floats(-180, 180),
        "lat": st.floats(-90, 90),
        "status": st.sampled_from(["Open", " closed ", "CLOSED", "dup", "new"]),
        "note": st.text(max_size=9),
        "extra": st.floats(0, 1),
    },
)


@contextmanager
def told() -> Iterator[None]:
    """What fails inside may only fail with words and a remedy."""
    try:
        yield
    except UserError as error:
        if not error.remedy:
            raise


def read(content: bytes, name: str, mapping: Mapping) -> None:
    """Read a file and look for a proposal: the sum adds up, or a UserError tells why not."""
    path = Path(FOLDER.name) / name
    path.write_bytes(content)
    with told():
        for batch in read_file(path, mapping, NOW):
            assert batch.received == batch.frame.height + batch.quarantine.height
            assert batch.quarantine["reason"].null_count() == 0
            assert batch.frame["id"].null_count() == 0
            assert batch.frame["occurred_at"].null_count() == 0
            assert batch.frame.schema == INTERACTION
    with told():
        guess(path)


@MANY
@given(st.binary(max_size=300), st.sampled_from(["f.csv", "f.ndjson", "f.geojson", "f.csv.gz", "f.parquet", "f"]))
def test_any_bytes(content: bytes, name: str):
    read(content, name, MAPPINGS[0])


@MANY
@given(
    rows=st.lists(st.lists(odd_text | stamp | word, max_size=14), max_size=8),
    mark=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-16-le", "utf-8-sig"]),
)
def test_any_csv(rows: list[list[str]], mark: str, end: str, encoding: str):
    text = end.join(mark.join(cells) for cells in [list(COLUMNS), *rows])
    read(text.encode(encoding, errors="replace"), "f.csv", MAPPINGS[0])


@MANY
@given(st.lists(st.lists(st.text(printable, max_size=5) | stamp, min_size=10, max_size=10), min_size=1, max_size=8))
def test_rows_that_are_quoted_by_the_book_are_counted_one_by_one(rows: list[list[str]]):
    rows = [[f"r{at}", *cells[1:]] for at, cells in enumerate(rows)]
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in [COLUMNS, *rows])
    path = Path(FOLDER.name) / "book.csv"
    path.write_bytes(text.encode("utf-8", errors="replace"))
    assert sum(batch.received for batch in read_file(path, MAPPINGS[0], NOW)) == len(rows)


@MANY
@given(
    lines=st.lists(
        st.dictionaries(st.sampled_from([*COLUMNS, "extra", "other"]), value, max_size=8).map(
            lambda found: json.dumps(found).encode()
        )
        | row.map(lambda found: json.dumps(found, ensure_ascii=False).encode(errors="replace"))
        | st.binary(max_size=20),
        max_size=8,
    ),
    cut=st.integers(0, 30),
)
def test_any_ndjson(lines: list[bytes], cut: int):
    body = b"\n".join(lines)
    read(body[: len(body) - cut], "f.ndjson", MAPPINGS[0])
    with told():
        batch = decode_ndjson(body, MAPPINGS[0], NOW)
        assert batch.received == batch.frame.height + batch.quarantine.height


@MANY
@given(
    st.lists(st.dictionaries(st.sampled_from([*COLUMNS, "extra"]), value, max_size=8), max_size=5),
    st.lists(st.recursive(number | odd_text, lambda inner: st.lists(inner, max_size=3), max_leaves=9), max_size=5),
)
def test_any_geojson(properties: list[dict[str, Any]], places: list[Any]):
    kinds = ("Point", "Polygon", "LineString", "MultiPoint")
    features = [
        {
            "type": "Feature",
            "properties": held,
            "geometry": {"type": kinds[at % 4], "coordinates": places[at]} if at < len(places) else None,
        }
        for at, held in enumerate(properties)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    read(text.replace("NaN", "null").replace("Infinity", "1").encode(errors="replace"), "f.geojson", MAPPINGS[0])


def same_both_ways(rows: list[dict[str, Any]], mapping: Mapping) -> bool:
    """Whether the shortcut answers; if it does, as the long way."""
    body = b"".join(json.dumps(held).encode() + b"\n" for held in rows)
    short = quick.decode([body], mapping, NOW, "http")
    if short is None:
        return False
    long = validate(ndjson.decode(body, mapping), mapping, NOW, "http", from_file=False)
    assert short[0].frame.equals(long.frame)
    assert short[0].frame.schema == long.frame.schema
    assert short[0].extra.equals(long.extra)
    assert long.quarantine.height == 0
    assert (short[0].received, short[0].classes) == (long.received, long.classes)
    assert short[1] == [long.received]
    return True


@settings(max_examples=200, deadline=None)
@given(st.lists(row, min_size=1, max_size=3), st.sampled_from(MAPPINGS))
def test_the_shortcut_and_the_long_way_agree(rows: list[dict[str, Any]], mapping: Mapping):
    same_both_ways(rows, mapping)


@settings(max_examples=200, deadline=None)
@given(st.lists(plain_row, min_size=1, max_size=3), st.sampled_from(MAPPINGS))
def test_the_shortcut_and_the_long_way_agree_on_plain_messages(rows: list[dict[str, Any]], mapping: Mapping):
    same_both_ways(rows, mapping)


def test_a_plain_message_does_take_the_shortcut():
    plain = {"id": "1", "at": "2024-03-05T10:00:00Z", "kind": "lamp", "lon": 7.1, "lat": 50.7, "status": "open"}
    assert same_both_ways([plain, plain | {"end": "2024-03-06", "status": "closed", "note": "x"}], MAPPINGS[0])
