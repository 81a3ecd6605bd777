"""Rights of a person: what is held is told, put right, left out, and really erased."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.approved import give as give_out
from tests.typed import typed

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import UserError
from cityward.core.persons import months_after
from cityward.guard.erase import NotErased
from cityward.private.restrictions import RESTRICTIONS, without
from cityward.store.history import HistoryReader

ANA, BEN = "ana.planted@example.org", "ben.other@example.org"
TEXT_OF_ANA = "My lamp at the green gate is dark since Tuesday"
NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
MAPPING = """\
source = "lamps"
kind = "request"
domain = "public space"
time_zone = "America/Chicago"

[columns]
id = "number"
occurred_at = "created"
service = "type"
address = "street"
text = "words"
person = "mail"
"""


def rows_of_both(count: int = 40) -> pl.DataFrame:
    """Rows of two people over three months; those of the first are every fourth."""
    at = list(range(count))
    ana = [number % 4 == 0 for number in at]
    return pl.DataFrame(
        {
            "number": [f"L-{number:05}" for number in at],
            "created": [f"2014-{4 + number % 3:02}-{1 + number % 25:02}" for number in at],
            "type": ["Street light"] * count,
            "street": ["4853 S WOOD ST"] * count,
            "words": [f"{TEXT_OF_ANA if number % 4 == 0 else 'Dark'} {number}" for number in at],
            "mail": [ANA if is_ana else BEN for is_ana in ana],
        }
    )  # fmt: skip


def everything(folder: Path) -> bytes:
    """Every byte of the city, with columns of tables unpacked."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts += [str(path).encode(), path.read_bytes()]
            if path.suffix == ".parquet":
                parts.append(pl.read_parquet(path, hive_partitioning=False).write_ndjson().encode())
    return b"\n".join(parts)


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    base = tmp_path_factory.mktemp("persons")
    folder = init(
        base / "city", name="Chicago", territories=chicago / "community_areas.geojson", time_zone="America/Chicago"
    )
    (base / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    rows = rows_of_both()
    rows.write_csv(base / "lamps.csv")
    broken = rows.head(2).with_columns(created=pl.lit("no day"))
    broken.write_csv(base / "broken.csv")
    with open_city(folder, Clock.fixed(NOW)) as city:
        mapping = city.add_mapping(base / "lamps.toml")
        city.sense(base / "lamps.csv", mapping)
        city.sense(base / "broken.csv", mapping)
    with open_city(folder, Clock.fixed(NOW)) as city:  # a second file of each month, and a revision
        rows.head(1).with_columns(words=pl.lit(f"{TEXT_OF_ANA} again")).write_csv(base / "more.csv")
        city.sense(base / "more.csv", city.mappings()["lamps"])
    return folder


@pytest.fixture
def lamps(small_city: Path) -> Path:
    return small_city.parent / "lamps.csv"


@pytest.fixture
def city(small_city: Path, tmp_path: Path) -> Iterator[City]:
    import shutil

    folder = tmp_path / "city"
    shutil.copytree(small_city, folder)
    with open_city(folder, Clock.fixed(NOW)) as opened:
        yield opened


def held(city: City) -> pl.DataFrame:
    return HistoryReader(city.folder.history).scan().collect()


def test_the_month_of_a_request_ends_as_the_regulation_says() -> None:
    assert months_after(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_after(date(2026, 12, 5), 1) == date(2027, 1, 5)
    assert months_after(date(2026, 11, 30), 3) == date(2027, 2, 28)


def test_a_request_is_extended_once_by_two_months_when_the_person_was_told_in_the_first(city: City) -> None:
    first = city.persons.open_request("erase", "Olga Officer")
    told = NOW.date()
    why = "It is one of ninety that came after the article in the newspaper"
    for wrong, named in (
        ({"because": "busy"}, "needs a reason"),
        ({"told_on": first.due_on + timedelta(days=1)}, "has to be told between"),
        ({"told_on": told - timedelta(days=1)}, "has to be told between"),
        ({"told_on": told + timedelta(days=1)}, "still to come"),
        ({"by": "Olga"}, "first and last name"),
    ):
        with pytest.raises(UserError, match=named):
            city.persons.extend(first.id, **({"by": "Olga Officer", "because": why, "told_on": told} | wrong))
    longer = city.persons.extend(first.id, "Olga Officer", f"{why}. Call 312-555-0147", told)
    assert (first.due_on, longer.due_on) == (months_after(told, 1), months_after(told, 3))
    assert city.persons.status(first.id, city.persons.secret_of(first)).extended_because.startswith(why)
    assert "0147" not in longer.extended_because
    (entry,) = city.ledger_entries(longer.receipt or 0, 1)
    assert (entry["kind"], entry["facts"]["due_on"]) == ("person-extension", str(longer.due_on))
    assert any(why in value for _, value in city.explain(first.id).evidence)
    with pytest.raises(UserError, match="was extended to"):
        city.persons.extend(first.id, "Olga Officer", why, told)
    done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer", first.id)
    assert (done.state, done.due_on) == ("done", longer.due_on)
    with pytest.raises(UserError, match="is done"):
        city.persons.extend(first.id, "Olga Officer", why, told)


def test_an_extended_request_is_overdue_after_three_months(city: City) -> None:
    first = city.persons.open_request("access", "Olga Officer")
    city.persons.extend(first.id, "Olga Officer", "The reports go back eleven years", NOW.date())
    city.close()
    for days, late in ((40, False), (93, True)):
        with open_city(city.path, Clock.fixed(NOW + timedelta(days=days))) as later:
            (held_now,) = later.persons.requests(only_open=True)
            assert later.persons.is_overdue(held_now) is late


def test_access_tells_all_that_is_held_and_nothing_of_others(city: City) -> None:
    told = city.persons.access(city.persons.by_identifier(ANA), "Olga Officer")
    assert len(told.interactions) == 10
    assert all(TEXT_OF_ANA in str(row["text"]) for row in told.interactions)
    assert {use.purpose for use in told.uses} >= {"case-handling", "need-detection"}
    assert "no limit is set" in told.until["texts"]
    assert told.request.state == "done"
    assert city.verify().ok


def test_somebody_unknown_is_told_that_nothing_is_held(city: City) -> None:
    told = city.persons.access(city.persons.by_identifier("nobody@example.org"), "Olga Officer")
    assert (told.interactions, told.answers, told.uses) == ((), (), ())


def test_erasure_leaves_nothing_of_the_person_and_all_of_the_others(city: City) -> None:
    pseudonym = city.persons.by_identifier(ANA).pseudonyms["lamps"]
    before = everything(city.path)
    assert all(word.encode() in before for word in (pseudonym, TEXT_OF_ANA, "L-00004"))
    others = held(city).filter(pl.col("person") != pseudonym).sort("id")

    done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")

    assert (done.state, done.subject) == ("done", None)
    assert done.counts["interactions"] == 10
    assert done.counts["versions"] == 11
    assert done.counts["quarantined"] == 1
    city.close()
    after = everything(city.path)
    assert [word for word in (ANA, pseudonym, TEXT_OF_ANA, "L-00004", "L-00000") if word.encode() in after] == []
    assert held(city).sort("id").equals(others)
    assert city.verify().ok


def test_the_receipt_of_an_erasure_holds_counts_and_no_data(city: City) -> None:
    done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    (entry,) = city.ledger_entries(done.receipt or 0, 1)
    assert entry["kind"] == "person-erase"
    assert entry["facts"]["count_interactions"] == 10
    assert entry["facts"]["rule"] == "person-rights 1"
    assert "Olga" not in json.dumps(entry)


def test_what_was_erased_does_not_come_back_with_the_file(city: City, lamps: Path) -> None:
    city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    (intake,) = city.sense(lamps, city.mappings()["lamps"])
    assert (intake.added, intake.revised, intake.repeated) == (0, 0, 40)
    assert held(city).height == 30


def test_a_city_goes_on_after_its_last_row_was_erased(city: City, tmp_path: Path) -> None:
    for who in (ANA, BEN):
        city.persons.erase(city.persons.by_identifier(who), "Olga Officer")
    assert held(city).height == 0
    new = rows_of_both(1).with_columns(number=pl.lit("L-99999"))
    new.write_csv(tmp_path / "new.csv")
    (intake,) = city.sense(tmp_path / "new.csv", city.mappings()["lamps"])
    assert intake.added == 1
    assert held(city).height == 1


def test_a_name_in_a_file_that_only_a_person_can_mend_keeps_the_request_open(city: City) -> None:
    (city.path / "notes.txt").write_text(f"call {ANA}", encoding="utf-8")
    with pytest.raises(NotErased, match=r"notes\.txt") as refused:
        city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    assert ANA not in str(refused.value)
    (open_one,) = city.persons.requests(only_open=True)
    (city.path / "notes.txt").unlink()
    done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    assert (done.id, done.state) == (open_one.id, "done")
    assert done.counts["interactions"] == 10


def test_a_row_is_put_right_by_a_revision(city: City) -> None:
    who = city.persons.by_identifier(ANA)
    done = city.persons.rectify(who, "Olga Officer", "lamps", "L-00004", {"text": "The lamp is at the red gate"})
    assert done.counts == {"revised": 1, "repeated": 0}
    row = held(city).filter(pl.col("id") == "L-00004")
    assert row["text"].to_list() == ["The lamp is at the red gate"]
    assert row["address"].to_list() == ["4800 block S WOOD ST"]
    assert row["person"].to_list() == [who.pseudonyms["lamps"]]


@pytest.mark.parametrize("row", ["L-00001", "L-none"])
def test_the_rows_of_others_and_rows_that_are_not_there_are_refused_alike(city: City, row: str) -> None:
    with pytest.raises(UserError, match="not right, or there is no such thing"):
        city.persons.rectify(city.persons.by_identifier(ANA), "Olga Officer", "lamps", row, {"text": "Mine"})


def test_restricted_rows_are_kept_and_not_read(city: City, lamps: Path) -> None:
    reader = HistoryReader(city.folder.history)

    def seen(purpose: str) -> int:
        return without(reader.scan(), reader.restricted(), purpose).collect().height

    who = city.persons.by_identifier(ANA)
    city.persons.leave_out(who, "object", "Olga Officer")
    assert [seen(name) for name in ("need-detection", "forecasting", "case-handling", "audit")] == [30, 30, 40, 40]
    city.persons.leave_out(who, "restrict", "Olga Officer")
    assert [seen(name) for name in ("need-detection", "case-handling", "audit")] == [30, 30, 40]
    assert held(city).height == 40
    assert city.persons.access(who, "Olga Officer").left_out == ("objection", "restriction")
    city.persons.leave_out(who, "restrict", "Olga Officer", lift=True)
    assert seen("need-detection") == 40


def test_rows_without_a_person_stay_and_a_new_purpose_is_left_out() -> None:
    rows = pl.LazyFrame({"source": ["s", "s"], "person": ["p", None]})
    gone = pl.DataFrame({"source": ["s"], "person": ["p"], "kind": ["objection"]}, schema=RESTRICTIONS)
    assert without(rows, gone, "a purpose of tomorrow").collect()["person"].to_list() == [None]
    assert without(rows, gone, "audit").collect().height == 2


def test_requests_have_a_month_and_are_overdue_after_it(small_city: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(small_city, tmp_path / "city")
    moment = [NOW]
    with open_city(tmp_path / "city", Clock(lambda: moment[0])) as city:
        noted = city.persons.open_request("access", "Olga Officer")
        assert noted.due_on == date(2014, 8, 1)
        assert not city.persons.is_overdue(noted)
        moment[0] = NOW + timedelta(days=32)
        assert city.persons.is_overdue(noted)
        told = city.persons.access(city.persons.by_identifier(ANA), "Olga Officer", noted.id)
        assert told.request.id == noted.id
        assert city.persons.requests(only_open=True) == []


def test_the_state_of_a_request_is_told_to_its_secret_alone(city: City) -> None:
    noted = city.persons.open_request("erase", "Olga Officer")
    assert city.persons.status(noted.id, city.persons.secret_of(noted)).id == noted.id
    told = set()
    for identifier in (noted.id, "Q-0000000000", "W-0000000000", "nonsense"):
        with pytest.raises(UserError) as refused:
            city.persons.status(identifier, "wrong")
        told.add(str(refused.value))
    assert len(told) == 1


KILLED = """
import os, sys
from pathlib import Path
from datetime import UTC, datetime
die_at, calls = int(sys.argv[2]), 0
real = {name: getattr(os, name) for name in ("fsync", "unlink", "replace")}
def dying(name):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == die_at:
            os._exit(9)
        return real[name](*args, **kwargs)
    return call
for name in real:
    setattr(os, name, dying(name))
from cityward.city import open_city
from cityward.core.clock import Clock
with open_city(sys.argv[1], Clock.fixed(datetime(2014, 7, 1, 12, tzinfo=UTC))) as city:
    done = city.persons.erase(city.persons.by_identifier(sys.stdin.readline().strip()), "Olga Officer")
print(done.state)
"""


def test_killed_at_any_moment_nothing_half_done_is_called_done_and_a_repetition_finishes(
    small_city: Path, tmp_path: Path
) -> None:
    import shutil

    deaths = 0
    for die_at in (*range(2, 60, 12), 10_000):
        folder = tmp_path / f"city-{die_at}"
        shutil.copytree(small_city, folder)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(die_at)],
            input=ANA, text=True, capture_output=True, check=False, env={**os.environ},
        )  # fmt: skip
        assert ended.returncode in (0, 9), ended.stderr
        deaths += ended.returncode == 9
        with open_city(folder, Clock.fixed(NOW)) as city:
            pseudonym = city.persons.by_identifier(ANA).pseudonyms["lamps"]
            if any(one.state == "done" for one in city.persons.requests()):
                assert pseudonym.encode() not in everything(folder)
                assert held(city).height == 30
            else:
                done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
                assert done.counts["interactions"] == 10
                assert len(city.persons.requests()) == 1
            city.close()
            left = everything(folder)
            assert [word for word in (ANA, pseudonym, TEXT_OF_ANA) if word.encode() in left] == []
            assert held(city).height == 30
            assert city.verify().ok
        shutil.rmtree(folder)
    assert deaths > 2


def test_the_command_reads_the_secret_from_the_standard_input(city: City) -> None:
    city.close()
    command = ("person", "access", "--by", "Olga Officer", "--city", city.path)
    told = typed(*command, "--json", said=ANA + "\n")
    assert len(json.loads(told.stdout)["interactions"]) == 10
    plain = typed(*command, said=ANA + "\n")
    assert "10 reports" in plain.stdout
    assert ANA not in plain.stdout + plain.stderr


def test_who_has_the_link_of_an_order_can_see_and_erase_his_answers(city: City) -> None:
    from cityward.core.identifiers import make_id
    from cityward.core.work import Job

    key = held(city).filter(pl.col("id") == "L-00004")["key"][0]
    jobs = [
        Job(
            id=name, about="C-0123456789", service="Street light", title="Mend", territory="64", lon=-87.771,
            lat=41.781, minutes=20, skill="general", waiting_since=date(2014, 6, 9),
        )
        for name in ("J-0000000001", make_id("job", key))
    ]  # fmt: skip
    first, second = give_out(city, jobs)
    for order in (first, second):
        city.orders.report(order.id, "done", "Carl Crew")
        city.orders.answer(
            city.orders.secret_of(order.id), fixed=True, words=f"thank you from the yellow house {order.id}"
        )
    link = city.orders.ask(first.id)

    told = city.persons.access(city.persons.by_order(first.id, link), "Olga Officer")
    assert [said["words"] for said in told.answers] == [
        f"A resident says that it is fixed: thank you from the yellow house {first.id}"
    ]
    done = city.persons.erase(city.persons.by_order(first.id, link), "Olga Officer")
    assert (done.counts["orders"], done.counts["answers"], done.counts["interactions"]) == (1, 1, 0)
    assert city.orders.get(first.id).events[-1].because == "A resident says that it is fixed."
    assert (city.orders.get(first.id).job.lon, city.orders.get(first.id).job.lat) == (-87.77, 41.78)
    with pytest.raises(UserError, match="link is not right"):
        city.orders.asked(link.rsplit("/", 1)[-1])
    assert held(city).height == 40

    by_rows = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    assert (by_rows.counts["orders"], by_rows.counts["answers"]) == (1, 1)
    city.close()
    assert b"yellow house" not in everything(city.path)


def test_a_wrong_link_and_the_link_of_another_order_prove_nothing(city: City) -> None:
    for order, secret in (("W-0000000000", "x" * 32), ("W-0000000000", city.orders.secret_of("W-1111111111"))):
        with pytest.raises(UserError, match="not right"):
            city.persons.by_order(order, secret)


def test_what_others_wrote_of_the_person_loses_the_identifier_and_nothing_else(city: City, tmp_path: Path) -> None:
    words = ["ask 471108, 471108 knows", "471108", "the lamp 1471108 and 2.471108", None]
    rows = rows_of_both(4).with_columns(
        number=pl.Series([f"M-{at}" for at in range(4)]), words=pl.Series(words), mail=pl.lit(BEN)
    )
    rows.write_csv(tmp_path / "others.csv")
    city.sense(tmp_path / "others.csv", city.mappings()["lamps"])
    kept = held(city).filter(pl.col("id").str.starts_with("M-")).sort("id")["text"].to_list()
    assert kept[1] == "471108"  # a short number is no telephone: redaction lets it be
    city.persons.erase(city.persons.by_identifier("471108"), "Olga Officer")
    left = held(city).filter(pl.col("id").str.starts_with("M-")).sort("id")["text"].to_list()
    assert left == ["ask [erased], [erased] knows", "[erased]", "the lamp 1471108 and 2.471108", None]
