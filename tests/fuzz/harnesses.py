"""Every parser of cityward behind one face: bytes in, and nothing out but an error that is meant for a person.

``HARNESSES`` is run by Hypothesis in the tests, and for minutes or nights by ``scripts/fuzz``.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from io import BytesIO
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.fuzz.entrances import ENTRANCES
from tests.fuzz.kit import Harness, always, as_file, folder

from cityward.act.send.signing import check as check_signed
from cityward.answerable.table.forms import read_form, write_form
from cityward.city.plan_files import read_crews, read_jobs
from cityward.city.settings import load_settings
from cityward.cli.workbook import read_workbook
from cityward.console.forms import fields_of, first_of
from cityward.core.decided import Proof
from cityward.core.errors import CitywardError, Defect
from cityward.know.territory import TerritoryIndex
from cityward.private.grants import check_grants
from cityward.secure.evidence_check import check_evidence
from cityward.secure.evidence_file import pack, unpack
from cityward.secure.note import parse
from cityward.secure.proofs import check_proof
from cityward.secure.signed_text import read_verifier_key, sign_text, signers, verifier_key
from cityward.sense.files import decode_ndjson, read_file
from cityward.sense.guess import guess
from cityward.sense.mapping import parse_mapping

NOW: Final = datetime(2026, 1, 10, tzinfo=UTC)
BYTES_MAX: Final = 64 * 2**10
"""Longest input: what a parser does wrong it does wrong in a few of them."""

MAPPING: Final = """
source = "calls"
kind = "request"
domain = "energy"
time_zone = "Europe/Berlin"
[columns]
id = "id"
occurred_at = "at"
lon = "lon"
lat = "lat"
service = "kind"
text = "note"
person = "who"
[service]
default = "x"
"""
ROW: Final = b'{"id":"1","at":"2025-03-04 05:06","lon":13.4,"lat":52.5,"kind":"lamp","note":"dark","who":"Ana"}\n'
CSV: Final = b'id,at,lon,lat,kind,note,who\n1,2025-03-04 05:06,13.4,52.5,lamp,"dark, still",Ana\n2,x,,,,,\n'
SQUARE: Final = b'{"type":"Polygon","coordinates":[[[0,0],[0,0.02],[0.02,0.02],[0.02,0],[0,0]]]}'
POINTS: Final = (
    b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"1","at":"2025-03-04",'
    b'"kind":"x","note":"","who":""},"geometry":{"type":"Point","coordinates":[13.4,52.5]}}]}'
)
AREAS: Final = (
    b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"1","name":"A"},"geometry":'
    + SQUARE
    + b"}]}"
)
CITY: Final = b'[city]\nname = "A"\ntime_zone = "UTC"\n[[territories]]\nlevel = "area"\nfile = "a.geojson"\n'
GRANT: Final = b"""holder = "duty"
purpose = "operations"
basis = "public task"
until = 2027-01-01
[tables.interactions]
fields = ["service", "occurred_at"]
"""
FORM: Final = b"outcome=approved&by=Ana+G%C3%B3mez&because=a+crew+is+free&option=1"
_SIGNER: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@cache
def _mapping() -> Any:
    return parse_mapping(MAPPING, "calls.toml")


@cache
def _mapping_without_places() -> Any:
    return parse_mapping(MAPPING.replace('lon = "lon"\nlat = "lat"\n', ""), "calls.toml")


def _sense(name: str, mapping: Callable[[], Any] = _mapping) -> Callable[[bytes], object]:
    """A file of rows: each is counted once, as admitted or in quarantine, whatever it holds."""

    def run(data: bytes) -> None:
        for batch in read_file(as_file(name, data), mapping(), NOW):
            assert batch.received == batch.frame.height + batch.quarantine.height

    return run


def _message(data: bytes) -> None:
    batch = decode_ndjson(data, _mapping(), NOW)
    assert batch.received == batch.frame.height + batch.quarantine.height


def _guess(data: bytes) -> None:
    parse_mapping(guess(as_file("guess.csv", data)), "guessed.toml")


def _rule(ending: str) -> Callable[[bytes], object]:
    """A rule: what can be read can be written in every form."""

    def run(data: bytes) -> None:
        table = read_form(as_file(f"rule.{ending}", data))
        for form in ("toml", "csv", "gorules", "dmn"):
            write_form(table, form)

    return run


def _rule_seeds(form: str) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        from cityward.answerable.table.forms import load_tables

        return [write_form(table, form).encode() for table in load_tables()[:3]]

    return seeds


def _areas(data: bytes) -> None:
    TerritoryIndex.from_geojson(as_file("a.geojson", data), id_property="id", name_property="name", level="area")


def _settings(data: bytes) -> None:
    as_file("city.toml", data)
    load_settings(folder())


def _plan(data: bytes) -> None:
    path = as_file("crews.csv", data)
    read_crews(path)


def _jobs(data: bytes) -> None:
    read_jobs(as_file("jobs.csv", data))


def _grants(data: bytes) -> None:
    checked = check_grants({"a.toml": data.decode("utf-8", "replace")}, date(2026, 1, 10))
    for problem in checked.problems:
        assert problem.what


def _note(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert signers(text, {"city": _SIGNER.public_key()}) in (set(), {"city"})
    for read in (parse, read_verifier_key):
        try:
            read(text)
        except CitywardError:
            continue


def _proof(data: bytes) -> None:
    try:
        proof = msgspec.json.decode(data, type=Proof)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    assert check_proof(proof, _SIGNER.public_key())


def _archive(data: bytes) -> None:
    files, _ = unpack(data)
    assert sum(map(len, files.values())) <= len(data)
    check_evidence(files, "liability")


def _form(data: bytes) -> None:
    fields = first_of(fields_of(data, 50, bytes_max=BYTES_MAX))
    assert all(isinstance(value, str) for value in fields.values())


def _webhook(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    parts = [*head.decode("latin-1").split("|"), "", "", ""]
    headers = dict(zip(("webhook-id", "webhook-timestamp", "webhook-signature"), parts, strict=False))
    check_signed(b"k" * 32, headers, body, NOW)


def _workbook_seed() -> list[bytes]:
    import zipfile

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    files = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets><sheet name="A" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        'relationships"><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>n'
        '</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>',
    }
    made = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", packing) as book:
            for name, text in files.items():
                book.writestr(name, text)
        made.append(buffer.getvalue())
    return made


def _parquet_seed() -> list[bytes]:
    import polars as pl

    buffer = BytesIO()
    pl.read_csv(CSV).write_parquet(buffer)
    return [buffer.getvalue()]


def _note_seeds() -> list[bytes]:
    checkpoint = "cityward/ledger\n7\n" + "A" * 43 + "=\n"
    return [sign_text(checkpoint, "city", _SIGNER).encode(), verifier_key("city", _SIGNER.public_key()).encode()]


HARNESSES: Final[dict[str, Harness]] = {
    "archive": Harness(_archive, lambda: [pack({"manifest.json": b"{}", "key.txt": b"00" * 32})]),
    "areas": Harness(_areas, always(AREAS)),
    "city": Harness(_settings, always(CITY)),
    "crews": Harness(_plan, always(b"id,name,skills,lon,lat,begins,hours\nc-1,Ana,general,0.5,0.5,08:00,8\n")),
    "csv": Harness(_sense("rows.csv"), always(CSV, CSV.replace(b",", b";"), CSV.decode().encode("utf-16"))),
    "dmn": Harness(_rule("dmn"), _rule_seeds("dmn")),
    "form": Harness(_form, always(FORM)),
    "geojson": Harness(_sense("rows.geojson", _mapping_without_places), always(POINTS)),
    "gorules": Harness(_rule("json"), _rule_seeds("gorules")),
    "grants": Harness(_grants, always(GRANT)),
    "guess": Harness(_guess, always(CSV, POINTS, ROW)),
    "gzip": Harness(_sense("rows.csv.gz"), lambda: [gzip.compress(CSV)]),
    "jobs": Harness(_jobs, always(b"id,lon,lat,minutes,skill,waiting_since\nj,0.5,0.5,30,general,2014-06-30\n")),
    "mapping": Harness(lambda data: parse_mapping(data.decode("utf-8", "replace"), "m.toml"), always(MAPPING.encode())),
    "message": Harness(_message, always(ROW, b"[" + ROW + b"]")),
    "ndjson": Harness(_sense("rows.ndjson"), always(ROW * 2)),
    "note": Harness(_note, _note_seeds),
    "proof": Harness(_proof, always(b'{"id":"D-0123456789abcdef","batch":"E-1","problem":"","row":"{}","entry":"{}"}')),
    "rule": Harness(_rule("toml"), _rule_seeds("toml")),
    "rule-csv": Harness(_rule("csv"), _rule_seeds("csv")),
    "webhook": Harness(_webhook, always(b"id|1768003200|v1,AAAA\n{}")),
    "workbook": Harness(lambda data: read_workbook(as_file("book.xlsx", data)), _workbook_seed),
    "parquet": Harness(_sense("rows.parquet"), _parquet_seed),
    **ENTRANCES,
}


def run(name: str, data: bytes) -> None:
    """Parse ``data``; raises what a person should never see: anything but an error of ours, and a defect of ours."""
    try:
        HARNESSES[name].run(data[:BYTES_MAX])
    except Defect:
        raise
    except CitywardError as error:
        if not str(error).strip():
            raise Defect("An error without words.") from error
