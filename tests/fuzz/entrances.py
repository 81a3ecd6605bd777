"""The other entrances of cityward: elections, timetables, inventories, logs, rules of detection, receipts, forms."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zipfile
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.fuzz.kit import Harness, always, as_file, as_text, folder, refused_in_words

from cityward.answerable.audit.gate import read_band
from cityward.answerable.audit.kept import read_kept
from cityward.answerable.registry import load_system
from cityward.city.case_settings import load_case_types
from cityward.city.liability_check import check_bytes
from cityward.city.nation import read_published
from cityward.cli.site_tables import read_places, read_sites
from cityward.cli.tables import read_any
from cityward.cli.timetable_file import read_feed
from cityward.console.forms import fields_of, first_of
from cityward.console.sign_in_forms import onward
from cityward.console.visitors import language_of
from cityward.equitable.divide.presets import read_preset
from cityward.equitable.reach.timetable import read_timetable
from cityward.equitable.siting.graph_text import read_graph
from cityward.guard.authorisations import standings
from cityward.guard.backup import MAGIC, open_sealed
from cityward.know.scan import text_files
from cityward.know.sensing.rules import load_limits
from cityward.participate.counting import pabulib
from cityward.participate.portal import report
from cityward.participate.portal.numbers import new_token, read_token
from cityward.participate.portal.short_text import fields_in
from cityward.participate.rounds.ballot import NoBallot, read_ballot
from cityward.participate.rounds.shape import parse_round
from cityward.secure import standalone_verifier as alone
from cityward.secure.access.sealing import Seal
from cityward.secure.backup.snapshot import Header, Proof, is_signed, read_signed
from cityward.secure.cosignature import cosign, cosigners, read_witness_key, witness_key
from cityward.secure.drill.canary import Book
from cityward.secure.handover import make_handover, read_handover
from cityward.secure.monitor.batches import Gatherer
from cityward.secure.monitor.readers.files import read_file
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.ruleset import load
from cityward.secure.note import Checkpoint, sign
from cityward.secure.policy.policies import check_files
from cityward.secure.risk.importers import cyclonedx, listing, nmap
from cityward.secure.risk.inventory import read_inventory, read_scenarios
from cityward.secure.signed_text import sign_text, verifier_key
from cityward.secure.witness import Witness, request_body

NOW: Final = datetime(2026, 1, 10, tzinfo=UTC)
SOURCE: Final = Path(__file__).resolve().parents[2]
_SIGNER: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_ORIGIN: Final = "city.example/ledger"
_AREAS: Final = {"1": "North", "2": "South"}

ROUND: Final = b"""title = "Budget"
budget = 1000
currency = "EUR"
country = "X"
vote = "VOTE"
most = 3
opens = 2026-01-01
closes = 2026-02-01
ask_area = true
[[projects]]
id = "a"
title = "Trees"
cost = 400
[[projects]]
id = "b"
title = "Bench"
cost = 700
"""
ELECTION: Final = (
    b"META\nkey;value\ndescription;x\ncountry;X\nunit;Y\ninstance;2026\nnum_projects;2\nnum_votes;2\nbudget;10\n"
    b'rule;greedy\nvote_type;approval\nPROJECTS\nproject_id;cost;name\n1;5;Trees\n2;6;"Ben;ch"\nVOTES\n'
    b"voter_id;vote\n1;1,2\n2;2\n"
)
STOPS: Final = {
    "stops.txt": b"stop_id,stop_name,stop_lat,stop_lon\na,A,52.5,13.4\nb,B,52.51,13.41\n",
    "trips.txt": b"route_id,service_id,trip_id\nr,s,t\n",
    "stop_times.txt": b"trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\n"
    b"t,08:05:00,08:05:30,b,2\n",
    "calendar.txt": b"service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    b"s,1,1,1,1,1,1,1,20260101,20261231\n",
    "calendar_dates.txt": b"service_id,date,exception_type\ns,20260102,2\n",
    "frequencies.txt": b"trip_id,start_time,end_time,headway_secs\nt,08:00:00,09:00:00,600\n",
}
SBOM: Final = (
    b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"application","name":"x","version":"1",'
    b'"bom-ref":"x","purl":"pkg:pypi/x@1"}],"dependencies":[{"ref":"x","dependsOn":[]}]}'
)
SCAN: Final = (
    b'<?xml version="1.0"?><nmaprun><host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><hostnames>'
    b'<hostname name="db"/></hostnames><ports><port protocol="tcp" portid="22"><state state="open"/><service name="ssh"'
    b' product="OpenSSH" version="9"/></port></ports></host></nmaprun>'
)
SIGMA: Final = b"""title: t
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
status: test
logsource: {product: linux, service: sshd}
detection:
  s: {message|contains: [Failed, 'x*y']}
  r: {message|re: 'a+b'}
  condition: s and not r
level: high
"""
CEDAR: Final = b"""@id("x")
@advice("y")
permit (principal is Service, action == Action::"read-findings", resource)
when { principal.scopes.contains("findings:read") };
"""
LOGS: Final = (
    b"Jun  1 10:00:00 gate sshd[7]: Failed password for root from 203.0.113.9 port 1 ssh2\n",
    b"<165>1 2024-06-01T10:00:00.003Z gate app 12 ID47 - hello\n",
    b'203.0.113.9 - - [01/Jun/2024:10:00:00 +0000] "GET /x HTTP/1.1" 200 5 "-" "curl/8"\n',
    b"#separator \\x09\n#fields\tts\tuid\tid.orig_h\n#types\ttime\tstring\taddr\n1717236000.0\tC1\t10.0.0.1\n",
    b'{"EventID":4625,"TimeCreated":"2024-06-01T10:00:00Z","Channel":"Security","Computer":"c"}\n',
    b'<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>4625</EventID>'
    b'<TimeCreated SystemTime="2024-06-01T10:00:00Z"/></System><EventData><Data Name="a">b</Data></EventData></Event>',
    b'type=SYSCALL msg=audit(1717236000.123:4): arch=c000003e syscall=59 success=yes exe="/bin/sh" key="x"\n',
    b"ElfFile\x00" + b"\0" * 24 + b"\x80\0\0\0\x01\0\x03\0\0\x10\x01\0" + b"\0" * 4052 + b"ElfChnk\x00" + b"\0" * 200,
)


def _shipped(name: str) -> bytes:
    return (SOURCE / "src" / "cityward" / name).read_bytes()


# -- elections and forms ---------------------------------------------------------------------------


def _election(data: bytes) -> None:
    document = pabulib.read(data)
    assert pabulib.read(pabulib.write(document).encode()) == document


@cache
def _rounds() -> tuple[Any, ...]:
    kinds = (b"approval", b"cumulative", b"ranked")
    return tuple(parse_round(ROUND.replace(b"VOTE", kind).decode(), "r.toml") for kind in kinds)


def _ballot(data: bytes) -> None:
    fields = fields_of(data, 50)
    for found in _rounds():
        try:
            ballot = read_ballot(fields, found, _AREAS)
        except NoBallot:
            continue
        assert set(ballot.chosen) <= {"a", "b"}


def _report(data: bytes) -> None:
    fields = first_of(fields_of(data, 20))
    said, problems = report.read(fields, ["lamp"], _AREAS)
    assert (said is None) == bool(problems)
    if said is not None:
        assert said.words.isprintable() or "\n" in said.words
    report.read_proposal(fields, "x", _AREAS)


def _told(data: bytes) -> None:
    """A report that somebody typed in from a telephone, or that came as a message."""
    report.read(fields_in(as_text(data), ["Street light"]), ["Street light"], _AREAS)


def _small_texts(data: bytes) -> None:
    """What stands in headers, addresses and cookies."""
    text = as_text(data)
    token = read_token(b"k" * 32, text)
    assert token is None or token.text == new_token(b"k" * 32, b"n" * 12, token.issued_s).text
    assert language_of(text, text) in {language_of(None, one) for one in ("en", "es", "pt")}
    assert onward(text).startswith("/")
    assert not re.sub(r"[\t\r\n\0]", "", onward(text)).replace("\\", "/").startswith("//")
    assert Seal(b"s" * 32).open_text("device", text) in (None, b"inside")
    assert Book("drill", _SIGNER).number_of(text) in (None, 1)


def _small_text_seeds() -> list[bytes]:
    token = new_token(b"k" * 32, b"n" * 12, 1_768_003_200).text
    canary = Book("drill", _SIGNER).line(1, NOW).split(b'"')[3]
    return [token.encode(), Seal(b"s" * 32).close_text("device", b"inside").encode(), canary, b"/x?y=1", b"es,pt;q=0.5"]


# -- tables ----------------------------------------------------------------------------------------


def _feed_seed() -> list[bytes]:
    made = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", packing) as feed:
            for name, body in STOPS.items():
                feed.writestr(name, body)
        made.append(buffer.getvalue())
    return made


def _feed(data: bytes) -> None:
    tables, _ = read_feed(as_file("feed.zip", data))
    read_timetable(tables, None, 8 * 3600, 9 * 3600)


def _timetable(data: bytes) -> None:
    """The tables of a feed as they come out of it: one text, ``== name`` before each."""
    tables = {}
    for part in data.split(b"== ")[1:]:
        name, _, body = part.partition(b"\n")
        try:
            tables[as_text(name).strip()] = pl.read_csv(body, infer_schema=False, truncate_ragged_lines=True)
        except pl.exceptions.PolarsError:
            continue
    read_timetable(tables, None, 8 * 3600, 9 * 3600)


def _scan(data: bytes) -> None:
    path = as_file("scan.txt", data)
    for read in (
        text_files.read_places,
        text_files.read_population,
        lambda one: text_files.read_cases(one, covariates=None),
        lambda one: text_files.read_cases(one, covariates=1),
    ):
        refused_in_words(read, path)


def _sites(data: bytes) -> None:
    path = as_file("sites.csv", data)
    for read in (read_places, read_sites):
        refused_in_words(read, path)


def _table_seeds() -> list[bytes]:
    frame, buffer = pl.DataFrame({"id": ["1"], "at": ["2025-03-04"], "lon": [13.4], "n": [1]}), BytesIO()
    frame.write_parquet(buffer)
    return [buffer.getvalue(), b"id,lon,lat,people\n1,0.5,0.5,3\n"]


def _published(data: bytes) -> None:
    read_published(as_file("release/data.json", data))


# -- settings --------------------------------------------------------------------------------------


def _in_folder(name: str, data: bytes) -> Path:
    """A folder that holds ``data`` under one name and nothing else."""
    home = folder() / f"only-{name}"
    home.mkdir(exist_ok=True)
    (home / name).write_bytes(data)
    return home


def _authorisation(data: bytes) -> None:
    for one in standings(_in_folder("a.toml", data), NOW):
        assert one.because or one.given is not None


def _policies(data: bytes) -> None:
    for problem in check_files([as_file("own.cedar", data)], None):
        assert problem.what


def _sigma(data: bytes) -> None:
    found = load({"a.yml": data}, None)
    assert len(found.detections) + len(found.correlations) + len(found.refused) >= 0


# -- inventories and logs --------------------------------------------------------------------------


def _log(name: str) -> Any:
    def run(data: bytes) -> None:
        batches: list[Any] = []
        to = Gatherer(batches.append)
        told = read_file(as_file(name, data), 0, to, Reckoning(UTC, 2024, NOW))
        to.finish()
        assert told.received == told.read + told.not_read.total()

    return run


# -- receipts --------------------------------------------------------------------------------------


def _checkpoint() -> str:
    return sign(Checkpoint(1, bytes(32), _ORIGIN), _SIGNER)


def _cosigned(data: bytes) -> None:
    text = as_text(data)
    assert set(cosigners(text, {"w.example": _SIGNER.public_key()})) <= {"w.example"}
    for read in (read_witness_key, read_handover):
        refused_in_words(read, text)


def _cosigned_seeds() -> list[bytes]:
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    note = _checkpoint() + cosign(_checkpoint(), "w.example", _SIGNER, 1_768_003_200)
    return [
        note.encode(),
        witness_key("w.example", _SIGNER.public_key()).encode(),
        make_handover(_ORIGIN, 7, NOW, _SIGNER, other).encode(),
    ]


@cache
def _witness() -> Witness:
    return Witness(folder() / "witness", "w.example", _SIGNER, {_ORIGIN: [_SIGNER.public_key()]})


def _asked(data: bytes) -> None:
    assert _witness().add_checkpoint(data).status in (200, 400, 403, 404, 409, 422)


def _receipt() -> bytes:
    entry = b'{"kind":"x","at":"2026-01-01T00:00:00Z"}'
    root = sha256(b"\0" + entry).digest()
    note = sign(Checkpoint(1, root, _ORIGIN), _SIGNER)
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    handover = make_handover(_ORIGIN, 0, NOW, _SIGNER, other)
    extra = json.dumps({"entry": base64.b64encode(entry).decode(), "handovers": [handover]}).encode()
    return f"c2sp.org/tlog-proof@v1\nextra {base64.b64encode(extra).decode()}\nindex 0\n\n{note}".encode()


def _alone(data: bytes) -> None:
    """The verifier that needs no cityward: whatever it is given, it proves it or says that it does not."""
    keys = [alone.read_key(verifier_key(_ORIGIN, _SIGNER.public_key()))]
    refused_in_words(lambda given: alone.said(alone.check_proof(given, keys)), data, alone.NotProved)
    for read in (alone.read_key, alone.Policy):
        refused_in_words(read, as_text(data), alone.NotProved)


def _trust_policy() -> bytes:
    log, seen = verifier_key(_ORIGIN, _SIGNER.public_key()), witness_key("w", _SIGNER.public_key())
    return f"log {log}\nwitness w {seen}\ngroup g any w\nquorum g\n".encode()


def _backup(data: bytes) -> None:
    for kind in (Header, Proof):
        read_signed(data, kind)
    assert is_signed(data, _SIGNER.public_key()) in (True, False)


def _sealed(data: bytes) -> None:
    """A sealed backup under a key that is here: without its secret nobody makes one that opens."""
    keys = folder() / "keys"
    (keys / "backups").mkdir(parents=True, exist_ok=True)
    (keys / "backups" / "2026-01-10.key").write_bytes(b"k" * 32)
    open_sealed(as_file("sealed", data), keys, folder() / "opened")


def _liability(data: bytes) -> None:
    checked = check_bytes(data)
    assert checked.message


ENTRANCES: Final[dict[str, Harness]] = {
    "attack-log": Harness(_log("log"), always(*LOGS[:5], LOGS[6])),
    "authorisation": Harness(_authorisation, always(b'source = "x"\nlaw = "l"\nauthority = "a"\n')),
    "backup-header": Harness(_backup, lambda: [sign_text('{"repository":"r"}\n', "cityward/backup", _SIGNER).encode()]),
    "backup-sealed": Harness(_sealed, lambda: [MAGIC + b"2026-01-10" + b"n" * 8 + b"\0\0\0\x20" + b"x" * 32]),
    "ballot": Harness(_ballot, always(b"choice=a&choice=b&area=1", b"p-a=2&p-b=1")),
    "band": Harness(read_band, always(b'{"system":"x"}')),
    "case-type": Harness(
        lambda data: load_case_types(_in_folder("a.toml", data)),
        lambda: [_shipped("city/demo/chicago/cases/food-inspection.toml")],
    ),
    "cosigned": Harness(_cosigned, _cosigned_seeds),
    "cyclonedx": Harness(lambda data: cyclonedx.read(data, "x.json"), always(SBOM)),
    "election": Harness(_election, always(ELECTION)),
    "evtx": Harness(_log("log.evtx"), always(LOGS[7])),
    "feed": Harness(_feed, _feed_seed),
    "graph": Harness(lambda data: read_graph(as_text(data), "g"), always(b"3 2 1\n1 2 5\n2 3 6.5\n")),
    "inventory": Harness(
        lambda data: read_inventory(_in_folder("a.toml", data)),
        always(b'[[assets]]\nid = "db"\nname = "Database"\nowner = "it"\n'),
    ),
    "kept-audit": Harness(lambda data: read_kept(as_text(data)), always(b'{"system":"x"}')),
    "liability": Harness(_liability, always(b"{}")),
    "limits": Harness(
        lambda data: load_limits(as_file("limits.toml", data)),
        always(b'document = "d"\n[[limits]]\nproperty = "pm2.5"\nhours = 24\nunit = "ug/m3"\nlevel = 15\n'),
    ),
    "listing": Harness(
        lambda data: listing.read(data, "x.csv"), always(b"id,name,owner,needs\ndb,Database,it,power\n")
    ),
    "log-gzip": Harness(_log("log.gz"), lambda: [gzip.compress(LOGS[0] * 3)]),
    "log-xml": Harness(_log("log.xml"), always(LOGS[5])),
    "nmap": Harness(lambda data: nmap.read(data, "x.xml"), always(SCAN)),
    "phone-report": Harness(
        _told, always(b"Street light\nwhere: Elm St 5\nwords: dark since Monday", "dónde: aquí".encode())
    ),
    "policies": Harness(_policies, always(CEDAR)),
    "preset": Harness(
        lambda data: read_preset(as_text(data), "p"), lambda: [_shipped("equitable/divide/presets/cityward.toml")]
    ),
    "published": Harness(_published, always(b'{"release":{"id":"R-1","kind":"total"},"rows":[{"value":1.0}]}')),
    "report": Harness(_report, always(b"service=lamp&area=1&address=x&point=52.5,13.4&words=dark&what=y")),
    "round": Harness(lambda data: parse_round(as_text(data), "r.toml"), always(ROUND.replace(b"VOTE", b"ranked"))),
    "scan-files": Harness(_scan, always(b"a 52.5 13.4\nb 52.6 13.5\n", b"a 3 2026/1/5 f\n", b"a 2026 500 m\n")),
    "scenarios": Harness(
        lambda data: read_scenarios(folder(), as_file("scenarios.toml", data)),
        always(b'[[scenarios]]\nid = "s"\nname = "S"\n'),
    ),
    "sigma": Harness(_sigma, always(SIGMA)),
    "sites": Harness(_sites, always(b"id,lon,lat,people\na,13.4,52.5,10\n", b"id,lon,lat,cost\nx,13.4,52.5,10\n")),
    "small-texts": Harness(_small_texts, _small_text_seeds),
    "standalone": Harness(_alone, lambda: [_receipt(), _trust_policy()]),
    "system": Harness(
        lambda data: load_system(as_file("s.toml", data)),
        lambda: [_shipped("answerable/systems/cityward-need-scan.toml")],
    ),
    "table": Harness(lambda data: read_any(as_file("t.parquet", data)), _table_seeds),
    "table-csv": Harness(lambda data: read_any(as_file("t.csv", data)), _table_seeds),
    "timetable": Harness(
        _timetable, lambda: [b"".join(b"== " + name[:-4].encode() + b"\n" + body for name, body in STOPS.items())]
    ),
    "witness": Harness(_asked, lambda: [request_body(0, [], _checkpoint())]),
}
