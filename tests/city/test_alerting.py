"""Alerts: opened once, counted, owned, closed; and nobody can drown them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from cityward.city import City, open_city
from cityward.city.folder import init
from cityward.core.clock import Clock
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.secure.drill.report import DrillReport, at_most
from cityward.secure.watch.alerts import DUTIES, OPEN_PER_KIND, REST
from cityward.secure.watch.files import Alarm

ROOT = Path(__file__).resolve().parents[2]
BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)
MAP = """\
source = "counter"
kind = "request"
domain = "mobility"
[columns]
id = "id"
occurred_at = "at"
text = "words"
[service]
default = "Street lights"
"""


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.clock = Clock(lambda: self.now)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def city(tmp_path: Path, chicago: Path, hands: Hands) -> Iterator[City]:
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    (tmp_path / "counter.toml").write_text(MAP)
    with open_city(tmp_path / "city", hands.clock) as opened:
        opened.add_mapping(tmp_path / "counter.toml")
        yield opened


def report(city: City, *, passed: bool, at: datetime) -> DrillReport:
    targets = (at_most("time to detect", 1.0 if passed else 9.0, 5.0, "s"),)
    return DrillReport(
        id=make_id("drill", at), kind="ransomware", variant="samsam", seed=1, began_at=at, ended_at=at, passed=passed,
        headline="Told", targets=targets, timeline=(), figures={},
    )  # fmt: skip


def test_an_alert_is_opened_counted_taken_and_closed(city: City, hands: Hands) -> None:
    first = city.alerts.files(Alarm(at=0.0, first="decoy", signs={"decoy": 1}, because="a decoy was touched"))
    assert first.receipt is not None
    assert city.ledger_entries_at([first.receipt])[first.receipt]["facts"] == {"alert": "files", "step": "opened"}
    size = city.ledger_size
    hands.now += timedelta(minutes=1)
    again = city.alerts.files(Alarm(at=9.0, first="decoy", signs={"decoy": 4}, because="a decoy was touched"))
    assert (again.id, again.times, city.ledger_size) == (first.id, 2, size)
    assert city.alerts.take(first.id, "Ana Gómez").state == "taken"
    closed = city.alerts.close(first.id, "Ana Gómez", "It was a drill that nobody announced")
    assert closed.state == "closed"
    assert city.alerts.open() == []
    with pytest.raises(UserError, match="is closed"):
        city.alerts.take(first.id, "Ana Gómez")
    hands.now += timedelta(minutes=1)
    assert city.alerts.files(Alarm(at=0.0, first="decoy", signs={}, because="again")).id != first.id


def test_closing_needs_a_name_and_a_reason(city: City) -> None:
    alert = city.alerts.raise_("files", "x", "Something.", {})
    with pytest.raises(UserError):
        city.alerts.close(alert.id, "Ana", "a good reason here")
    with pytest.raises(UserError):
        city.alerts.close(alert.id, "Ana Gómez", "no")
    with pytest.raises(UnknownId):
        city.alerts.get("SA-0000000000")


def test_whoever_makes_noise_does_not_bury_the_rest(city: City, hands: Hands) -> None:
    for number in range(OPEN_PER_KIND + 20):
        hands.now += timedelta(seconds=1)
        city.alerts.raise_("brute force", f"account {number}", "Guessing.", {})
    city.alerts.raise_("files", "decoy", "A decoy.", {})
    found = city.alerts.open()
    assert len(found) == OPEN_PER_KIND + 2
    assert found[0].kind == "files"
    (rest,) = [one for one in found if one.key == REST]
    assert rest.times == 20


def test_a_drill_that_is_overdue_or_missed(city: City, hands: Hands) -> None:
    (overdue,) = city.alerts.check()
    assert overdue.kind == "drill overdue"
    assert "There was none yet" in overdue.sentence
    city.drills._keep(report(city, passed=True, at=hands.now))
    assert city.alerts.check() == []
    hands.now += timedelta(days=32)
    assert [one.kind for one in city.alerts.check()] == ["drill overdue"]
    assert city.drills.stale_days() == pytest.approx(1)
    city.drills._keep(report(city, passed=False, at=hands.now))
    assert {one.kind for one in city.alerts.open()} == {"drill overdue", "drill missed"}
    hands.now += timedelta(hours=1)
    city.drills._keep(report(city, passed=True, at=hands.now))
    assert city.alerts.open() == []


def test_a_source_that_fell_silent(city: City, hands: Hands) -> None:
    city.drills._keep(report(city, passed=True, at=hands.now))
    for day in range(8):
        city.take("counter", f'{{"id": "a{day}", "at": "2026-11-0{day + 1}"}}\n'.encode())
        hands.now += timedelta(days=1)
    assert city.alerts.check() == []
    hands.now += timedelta(days=2)
    (alert,) = city.alerts.check()
    assert (alert.kind, alert.key) == ("silent source", "counter")
    hands.now += timedelta(hours=1)
    assert city.alerts.check()[0].times == 1


def test_guessing_in_the_table_of_attempts(city: City, hands: Hands) -> None:
    city.drills._keep(report(city, passed=True, at=hands.now))
    now = int(hands.now.timestamp() * 1e6)
    assert not city.access.anybody()  # its tables are made
    with sql.create_engine(f"sqlite:///{city.path / 'registers.db'}").begin() as connection:
        row = "INSERT INTO access_attempts (at_us, account, network, device, way, outcome) VALUES (:at, :who, 'n', '', 'password', 'wrong')"  # noqa: E501
        connection.execute(sql.text(row), [{"at": now - 5_000_000 * n, "who": "f" * 64} for n in range(1, 40)])
    (alert,) = city.alerts.check()
    assert alert.kind == "brute force"
    assert alert.key == "f" * 16
    assert "Nobody is locked out" in alert.sentence


def test_entries_that_give_somebody_more(city: City, hands: Hands) -> None:
    city.drills._keep(report(city, passed=True, at=hands.now))
    acts = ("session granted", "roles changed", "token issued")
    with city.writing():
        entries = [receipt("access", "p-1", hands.now, b"x", act=act) for act in acts]
        indexes = city.writable_ledger().append([*entries, receipt("key-handover", "k-1", hands.now, b"x")])
    found = city.alerts.check()
    assert {(one.kind, one.facts["entry"]) for one in found} == {("privilege", index) for index in indexes[1:]}
    hands.now += timedelta(hours=1)
    assert all(one.times == 1 for one in city.alerts.check())


def test_every_kind_has_a_playbook() -> None:
    for duty in DUTIES.values():
        page = ROOT / "docs" / "playbooks" / f"{duty.playbook}.md"
        assert page.exists(), duty.playbook
        assert duty.owner in page.read_text(encoding="utf-8")


# -- paper ---------------------------------------------------------------------------------------------


def test_sheets_are_numbered_once_and_have_no_scripts(city: City, tmp_path: Path) -> None:
    (page,) = city.continuity.sheets(tmp_path / "sheets", 3)
    told = page.read_text()
    assert "<script" not in told
    assert "Street lights" in told
    assert "0000001-" in told
    assert "0000003-" in told
    (second,) = city.continuity.sheets(tmp_path / "more", 2)
    assert "0000004-" in second.read_text()
    with pytest.raises(UserError, match="not empty"):
        city.continuity.sheets(tmp_path / "sheets", 3)


def test_two_clerks_enter_the_same_sheets(city: City, tmp_path: Path) -> None:
    from cityward.city.continuity import sheet_number

    city.continuity.sheets(tmp_path / "sheets", 30)
    rows = [f"{sheet_number(n)},2026-11-01T10:{n:02},lamp {n} is out" for n in range(1, 31)]
    file = tmp_path / "paper.csv"
    file.write_text("sheet,at,words\n" + "\n".join(rows))
    assert city.continuity.enter(file).new == 30
    assert city.continuity.enter(file).known == 30
    other = tmp_path / "other.csv"
    other.write_text("sheet,at,words\n" + "\n".join([*rows[:9], rows[9] + " again"]))
    told = city.continuity.enter(other)
    assert (told.known, told.changed, told.new) == (9, 1, 0)
    assert city.conservation()["added"] == 30


@pytest.mark.parametrize(
    ("rows", "because"),
    [
        ("0000001-9,2026-11-01,x", "check digit"),
        ("abc,2026-11-01,x", "check digit"),
        ("0009999-5,2026-11-01,x", "never printed|check digit"),
        ("{one},2026-11-01,x\n{one},2026-11-01,x", "twice"),
    ],
)
def test_a_file_with_a_wrong_sheet_takes_in_nothing(city: City, tmp_path: Path, rows: str, because: str) -> None:
    from cityward.city.continuity import sheet_number

    city.continuity.sheets(tmp_path / "sheets", 3)
    file = tmp_path / "paper.csv"
    good = f"{sheet_number(2)},2026-11-01,fine\n"
    file.write_text("sheet,at,words\n" + good + rows.format(one=sheet_number(1)))
    with pytest.raises(UserError, match=because):
        city.continuity.enter(file)
    assert city.conservation()["received"] == 0


def test_a_file_that_is_no_csv(city: City, tmp_path: Path) -> None:
    file = tmp_path / "paper.csv"
    for content in (b"\xff\xfe\x00", b"", b"a,b\n1,2\n"):
        file.write_bytes(content)
        with pytest.raises(UserError):
            city.continuity.enter(file)
