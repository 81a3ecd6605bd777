"""Files of every form, damaged and hostile ones too: counted, named, and never a crash."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.monitor.rule_files import WHEN, compiled, monitored

from cityward.cli.monitor import monitor
from cityward.core.errors import UserError
from cityward.secure.monitor import logsources
from cityward.secure.monitor.batches import Batch, Gatherer
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.monitoring import Monitor
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.readers.documents import read_event
from cityward.secure.monitor.readers.files import read_file
from cityward.secure.monitor.readers.reading import Reading, Reckoning
from cityward.secure.monitor.readers.windows import event_of_xml
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load

SSHD = b"Jun  1 10:00:%02d gate sshd[7]: Failed password for root from 203.0.113.9 port 1 ssh2\n"


def read(path: Path, content: bytes, year: int | None = 2024) -> tuple[Reading, list[Batch]]:
    path.write_bytes(content)
    batches: list[Batch] = []
    to = Gatherer(batches.append)
    told = read_file(path, 0, to, Reckoning(WHEN.tzinfo, year, WHEN))  # type: ignore[arg-type]
    to.finish()
    assert told.received == told.read + told.not_read.total()
    assert told.read <= sum(len(batch) for batch in batches)
    return told, batches


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("Jun  1 10:00:00 gate sshd[7]: hello", "2024-06-01T10:00:00"),
        ("<34>Jun  1 10:00:00 gate su: hello", "2024-06-01T10:00:00"),
        ("<165>1 2024-06-01T10:00:00.003Z gate app 12 ID47 - hello", "2024-06-01T10:00:00.003"),
        ("2024-06-01T12:00:00.5+02:00 gate kernel: hello", "2024-06-01T10:00:00.500"),
        ("2024-06-01 10:00:00 gate cron[1]: hello", "2024-06-01T10:00:00"),
    ],
)
def test_times_of_system_logs(line: str, at: str, tmp_path: Path) -> None:
    told, batches = read(tmp_path / "log", line.encode())
    assert (told.read, told.not_read.total()) == (1, 0)
    micros = batches[0].at_us[0]
    assert micros is not None
    assert datetime.fromtimestamp(micros / 1e6, UTC).isoformat().startswith(at[:19])
    assert batches[0].event(0)["hostname"] == "gate"


def test_a_year_goes_by_where_months_run_back(tmp_path: Path) -> None:
    content = b"Dec 31 23:59:59 gate cron[1]: old\nJan  1 00:00:01 gate cron[1]: new\n"
    _, batches = read(tmp_path / "log", content, year=2023)
    first, last = batches[0].at_us
    assert last is not None
    assert first is not None
    assert last - first == 2_000_000
    assert read(tmp_path / "log", content, year=None)[1][0].at_us == [first, last]  # the file is of June 2024


def test_malformed_lines_are_counted_by_what_is_wrong(tmp_path: Path) -> None:
    content = SSHD % 1 + b"\n\n" + b"no time at all\n" + b"x" * 1_000_000 + b"\n" + b"\xff\xfe\x00 Jun\n" + SSHD % 2
    content += b"Feb 30 10:00:00 gate sshd[7]: no such day\n" + b"Jun  1 10:00:03 gate \x1b[31msshd[7]\x9b: x\n"
    told, _ = read(tmp_path / "log", content)
    assert dict(told.not_read) == {"a line is too long": 1, "a line has no time that can be read": 3}
    assert told.read == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\x1f\x8b\x08\x00broken",
        gzip.compress(SSHD % 1 * 1_000)[:-20],
        gzip.compress(b"\0" * 50_000_000),
        b"ElfFile\0" + b"\0" * 5_000,
        b"ElfFile\0" + bytes(range(256)) * 300,
        b"\0" * 100_000,
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"Event":{"System":[]}}\n{"Event":{"System":{"EventID":{"#text":[]}}}}\n{"Event":7}',
        b'{"Event":{"System":{"EventID":"1e9"},"EventData":{"Data":[{"#attributes":null}]}}}',
        b'{"EventID":99999999999999999999,"Channel":3}\n[1,2]\n"x"\nnull\n{"@timestamp":1e300}',
        b"<Event ><System><EventID>x</EventID></System></Event>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Event ><System><EventID>&x;</EventID></Event>",
        b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\n1.0\n1\t2\t3\nnan\t1.1.1.1\n",
        b'1.2.3.4 - - [99/Foo/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 1\ngarbage\n',
        b'type=EXECVE msg=audit(99999999999.1:1): a0="x" a1=ZZ\ntype=X msg=audit(x)\n',
        "Jun  1 10:00:00 gate sshd[7]: hello\n".encode("utf-16"),
        b"message repeated 4294967295 times: [ Failed",
        b"<Event " * 200_000,
        b"type=" * 50_000 + b" msg=audit(1.1:1): a=1",
        b"type=X msg=audit(1.1:1): " + b"a" * 200_000,
        b"Jun  1 10:00:00 g sshd[1]: message repeated 99999999999999999999 times: [ Failed none for a from 1.1.1.1]",
    ],
)
def test_hostile_files_do_not_stop_anything(content: bytes, tmp_path: Path) -> None:
    read(tmp_path / "log", content)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"ElfFile\0", b"{", b"<Event ", SSHD % 1, b"#separator \\x09\n"]))
def test_noise_does_not_stop_anything(tmp_path_factory: Any, noise: bytes, begin: bytes) -> None:
    read(tmp_path_factory.mktemp("noise") / "log", begin + noise)


@pytest.mark.parametrize(
    ("event", "product", "category", "fields"),
    [
        (
            {
                "Event": {
                    "System": {"EventID": 4688, "Channel": "Security"},
                    "EventData": {"NewProcessName": "C:\\a.exe"},
                }
            },
            "windows",
            "process_creation",
            {"image": "C:\\a.exe"},
        ),
        (
            {
                "winlog": {
                    "channel": "Microsoft-Windows-Sysmon/Operational",
                    "event_id": 1,
                    "event_data": {"CommandLine": "whoami"},
                }
            },
            "windows",
            "process_creation",
            {"commandline": "whoami"},
        ),
        (
            {"class_uid": 1007, "process": {"cmd_line": "id", "file": {"path": "/usr/bin/id"}}, "time": 1700000000000},
            "linux",
            "process_creation",
            {"commandline": "id", "image": "/usr/bin/id"},
        ),
        (
            {"process": {"executable": "/bin/sh", "command_line": "sh", "parent": {"executable": "/bin/a"}}},
            "linux",
            "process_creation",
            {"parentimage": "/bin/a"},
        ),
        (
            {"EventID": 11, "SourceName": "Microsoft-Windows-Sysmon", "TargetFilename": "x", "Hostname": "pc"},
            "windows",
            "file_event",
            {"computer": "pc"},
        ),
        ({"_path": "dns", "ts": 1.5, "id.orig_h": "10.0.0.1", "query": "a.b"}, "zeek", "dns", {"query": "a.b"}),
    ],
)
def test_what_a_json_event_is(event: dict[str, Any], product: str, category: str, fields: dict[str, str]) -> None:
    kind, _, held = read_event(event)
    assert kind.product == product
    assert category in kind.categories
    assert fields.items() <= held.items()


def test_xml_of_windows() -> None:
    kind, at_us, fields = event_of_xml(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID>"
        "<TimeCreated SystemTime='2024-06-01T10:00:00.1234567Z'/>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel></System>"
        "<EventData><Data Name='CommandLine'>a &amp; b</Data><Data Name='User'/>"
        "</EventData></Event>"
    )
    assert "process_creation" in kind.categories
    assert fields["commandline"] == "a & b"
    assert fields["user"] == ""
    assert at_us == 1_717_236_000_123_456


def test_documents_over_many_lines_and_a_broken_one_between(tmp_path: Path) -> None:
    one = json.dumps({"Event": {"System": {"EventID": 1, "Channel": "System"}}}, indent=1).encode()
    told, _ = read(tmp_path / "events.json", one + b"\n{ broken\n" + one + one)
    assert (told.read, told.not_read.total()) == (3, 1)
    assert read(tmp_path / "array.json", b"[" + one + b"," + one + b"]")[0].read == 2
    assert read(tmp_path / "trail.json", b'{"Records":[{"a":1},{"a":2}]}')[0].read == 2


@pytest.mark.parametrize(
    ("channel", "number", "service"),
    [
        ("Security", 4624, "security"),
        ("Microsoft-Windows-TaskScheduler/Operational", 142, "taskscheduler"),
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "windefend"),
        ("Microsoft-Windows-CodeIntegrity/Operational", 3033, "codeintegrity-operational"),
        ("Microsoft-Windows-Bits-Client/Operational", 3, "bits-client"),
        ("Windows PowerShell", 400, "powershell-classic"),
    ],
)
def test_services_of_windows_channels(channel: str, number: int, service: str) -> None:
    assert service in logsources.windows(channel, number).services


def test_names_of_people_are_not_shown_unasked(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    event = {
        "Event": {
            "System": {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational"},
            "EventData": {"CommandLine": "type C:\\Users\\jdoe\\x & net user jdoe \x1b[31m", "User": "TOWN\\jdoe"},
        }
    }
    log.write_text(json.dumps(event))
    detection = {"s": {"CommandLine|contains": "net user"}, "condition": "s"}
    rules = compiled({"title": "net", "name": "net", "logsource": {"product": "windows"}, "detection": detection})
    hidden, shown = (str(monitored(rules, log, shown=one).findings) for one in (False, True))
    assert "jdoe" not in hidden
    assert "person-" in hidden
    assert "jdoe" in shown
    assert "\x1b" not in hidden + shown


@given(st.text())
def test_what_is_printed_has_no_sign_that_a_terminal_obeys(text: str) -> None:
    assert printable(text).isprintable()


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log = tmp_path / "auth.log"
    log.write_bytes(b"".join(SSHD % second for second in range(10)))
    for _ in range(2):  # compiled, and from the cache
        done = CliRunner().invoke(monitor, [str(log), "--json", "--year", "2024"], catch_exceptions=False)
        told = json.loads(done.stdout)
        assert {one["rule"] for one in told["findings"]} >= {"cityward_ssh_brute_force"}
        assert told["received"] == told["read"] + told["not_read"] == 10
    assert "Passwords guessed" in CliRunner().invoke(monitor, [str(log), "--year", "2024"]).output
    for kept in (tmp_path / "cache").rglob("*.rules"):
        kept.write_bytes(b"\x93broken")
    assert CliRunner().invoke(monitor, [str(log)], catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize("wrong", [["nowhere.log"], ["--time-zone", "Mars", "LOG"], ["--rules", "EMPTY", "LOG"], ["."]])
def test_mistakes_are_told(wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log = tmp_path / "log"
    log.write_bytes(SSHD % 1)
    (tmp_path / "empty").mkdir()
    given_ = [str(log) if one == "LOG" else str(tmp_path / "empty") if one == "EMPTY" else one for one in wrong]
    with pytest.raises(UserError):
        CliRunner().invoke(monitor, given_, catch_exceptions=False)


JOURNAL = {"__CURSOR": "s=1", "_HOSTNAME": "gate", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7"}
SAID = "Failed password for erika from 203.0.113.9 port 1 ssh2"


def test_the_journal_is_read_as_the_lines_that_it_holds(tmp_path: Path) -> None:
    entry = JOURNAL | {"__REALTIME_TIMESTAMP": "1717236000000000", "MESSAGE": SAID}
    binary = entry | {"MESSAGE": list(SAID.encode()), "_SOURCE_REALTIME_TIMESTAMP": "1717235999000000"}
    odd = {"__REALTIME_TIMESTAMP": ["x"], "MESSAGE": None, "_HOSTNAME": {}}
    content = b"\n".join(json.dumps(one).encode() for one in (entry, binary, odd)) + b"\n{\n[1]\n"
    told, batches = read(tmp_path / "log", content)
    assert told.form == "journal"
    assert dict(told.not_read) == {"a line is no entry of the journal": 2}
    assert (told.received, told.no_time) == (5, 1)
    events = [(batch.at_us[row], batch.event(row)) for batch in batches for row in range(len(batch))]
    signed = [event for event in events if event[1].get("outcome") == "failure"]
    assert [at for at, _ in signed] == [1717236000000000, 1717235999000000]
    assert {event["src_ip"] for _, event in signed} == {"203.0.113.9"}


def test_the_export_format_of_the_journal(tmp_path: Path) -> None:
    def entry(message: bytes) -> bytes:
        text = "".join(f"{name}={value}\n" for name, value in JOURNAL.items())
        return (text + "__REALTIME_TIMESTAMP=1717236000000000\n").encode() + message + b"\n"

    said = SAID.encode()
    binary = b"MESSAGE\n" + len(said).to_bytes(8, "little") + said + b"\n"
    endless = b"MESSAGE\n" + (2**60).to_bytes(8, "little") + b"x\n"
    content = entry(b"MESSAGE=" + said + b"\n") + entry(binary) + entry(endless) + entry(b"no name=x\n") + entry(binary)
    told, batches = read(tmp_path / "log", content)
    assert told.form == "journal export"
    assert (told.received, told.read) == (5, 3)
    assert sum(len(batch) for batch in batches) == 3


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_whatever_follows_in_an_export_is_counted(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    begin = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1717236000000000\nMESSAGE=hello\n\n"
    told, _ = read(tmp_path_factory.mktemp("journal") / "log", begin + junk)
    assert told.form == "journal export"


SYSMON = (
    'Jun  1 10:00:%02d files sysmon: <Event><System><Provider Name="Linux-Sysmon"/><EventID>%s</EventID>'
    '<TimeCreated SystemTime="2024-06-01T10:00:%02d.000Z"/><Computer>files</Computer></System>'
    '<EventData><Data Name="TargetFilename">/srv/plan-%d.docx.locked</Data></EventData></Event>\n'
)


def test_sysmon_for_linux_and_auditd_tell_files_that_are_rewritten_in_bulk(tmp_path: Path) -> None:
    log, audit = tmp_path / "syslog", tmp_path / "audit.log"
    log.write_text("".join(SYSMON % (at, "11", at, at) for at in range(25)) + SYSMON % (30, "", 30, 30))
    line = 'node=files type=PATH msg=audit(%d.1:%d): item=1 name="/srv/plan-%d.docx.locked" nametype=CREATE\n'
    audit.write_text("".join(line % (1717236000 + at, at, at) for at in range(25)))
    came = monitored(load(files_of(SHIPPED), None), log, audit)
    assert {one.rule for one in came.findings} == {"cityward_linux_mass_rename", "cityward_audit_mass_rename"}
    assert [one.count for one in came.findings] == [25, 25]
    assert came.files[0].not_read == {"an event: it has no number": 1}
    assert came.received == came.read + came.not_read == 51


def test_what_is_dated_after_now_is_counted_and_moves_no_window(tmp_path: Path) -> None:
    log = tmp_path / "log"
    late = b"2031-01-01T00:00:%02dZ gate sshd[7]: Failed password for root from 203.0.113.9 port 1 ssh2\n"
    log.write_bytes(b"".join(SSHD % second for second in range(3)) + b"".join(late % second for second in range(9)))
    rules, names = load(files_of(SHIPPED), None), Names(b"key", shown=False)
    now_us = int(datetime(2024, 6, 2, tzinfo=UTC).timestamp() * 1e6)
    looking = Monitor(rules, names, now_us)
    came = looking.run([log], lambda _: Reckoning(UTC, 2024, WHEN))
    assert (came.findings, came.files[0].in_future) == ((), 9)
    assert "dated after now" in came.notes[0]
    assert looking.sightings().height == 0


def test_sightings_tell_who_stands_behind_a_correlation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(SSHD % second for second in range(6)))
    looking = Monitor(load(files_of(SHIPPED), None), Names(b"key", shown=False))
    looking.run([log], lambda _: Reckoning(UTC, 2024, WHEN))
    (seen,) = looking.sightings().to_dicts()
    assert (seen["rule"], seen["host"], seen["source"], seen["account"], seen["events"]) == (
        "cityward_ssh_brute_force", "gate", "203.0.113.9", "root", 6,
    )  # fmt: skip
