"""Backups of a city: they restore, erasure reaches all of them, and nothing is ever half restored."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from cityward.city import City, init, open_city
from cityward.city.backing_up import STATE
from cityward.city.following import Following
from cityward.city.restoring import restore
from cityward.cli.main import group
from cityward.core.clock import Clock
from cityward.core.errors import CityBusy, UserError
from cityward.guard.backup import destroy_days
from cityward.guard.backup_rows import opened_rows, sealed_rows
from cityward.private.punctured import PuncturedKey
from cityward.store.history import HistoryReader

ANA = "ana.planted@example.org"
MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\n[columns]\nid = "number"\n'
    'occurred_at = "created"\nservice = "type"\ntext = "words"\nperson = "mail"\n'
)


def reports(path: Path, first: int, count: int) -> Path:
    pl.DataFrame(
        {
            "number": [f"L-{at}" for at in range(first, first + count)],
            "created": [f"2014-0{5 + at % 2}-{1 + at % 10:02}" for at in range(count)],
            "type": ["Street light"] * count,
            "words": [f"it is dark {at}" for at in range(count)],
            "mail": [None if at == 1 else ANA if at % 4 == 0 else f"p{at}@example.org" for at in range(count)],
        }
    ).write_csv(path)
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    base = tmp_path_factory.mktemp("small")
    folder = init(base / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    (base / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    with open_city(folder) as opened:
        opened.sense(reports(base / "lamps.csv", 0, 20), opened.add_mapping(base / "lamps.toml"))
    return folder


@pytest.fixture
def city(prepared: Path, tmp_path: Path) -> Iterator[City]:
    with open_city(shutil.copytree(prepared, tmp_path / "city")) as opened:
        yield opened


@pytest.fixture
def repo(tmp_path: Path) -> str:
    return str(tmp_path / "repo")


def rows(folder: Path) -> pl.DataFrame:
    return HistoryReader(folder / "history").scan().collect().sort("id")


def add(city: City, first: int, count: int = 4) -> None:
    city.sense(reports(city.path.parent / f"more-{first}.csv", first, count), city.mappings()["lamps"])


def test_a_snapshot_restores_the_city_and_it_goes_on(city: City, repo: str, tmp_path: Path) -> None:
    made = city.backups.make(repo)
    told = city.backups.restore(repo, tmp_path / "again")
    assert (told.snapshot, told.people_gone, told.entries_lost) == (made.snapshot, 0, 0)
    assert "of 20 rows that came in, 20 were admitted" in told.answer
    assert rows(tmp_path / "again").equals(rows(city.path))
    stored = b"".join(path.read_bytes() for path in Path(repo).rglob("*") if path.is_file())
    assert all(path.read_bytes().strip() not in stored for path in (city.path / "keys").rglob("*") if path.is_file()
               and path.suffix != ".pub")  # fmt: skip
    with open_city(tmp_path / "again") as again:
        assert again.verify().ok
        assert again.conservation() == city.conservation()
        (intake,) = again.sense(
            tmp_path.parent / "x" / ".." / reports(tmp_path / "l.csv", 0, 20), again.mappings()["lamps"]
        )
        assert intake.repeated == 20
        assert again.persons.erase(again.persons.by_identifier(ANA), "Olga Officer").state == "done"
    assert not list(tmp_path.glob(".*restoring"))


def test_the_next_snapshot_writes_what_is_new_and_the_ledger_tells_of_both(city: City, repo: str) -> None:
    first = city.backups.make(repo)
    add(city, 100)
    second = city.backups.make(repo)
    assert second.odd == ()
    assert 0 < second.written_bytes < first.written_bytes / 2
    entries = [one for one in city.ledger_entries(0, 100) if one["kind"] == "backup"]
    assert [one["subject"] for one in entries] == [first.snapshot, second.snapshot]
    assert city.backups.status(repo).wrong == ()


def test_an_erased_person_is_in_no_snapshot_any_more(city: City, repo: str, tmp_path: Path) -> None:
    first = city.backups.make(repo)
    add(city, 100)
    second = city.backups.make(repo)
    old_keys = shutil.copytree(city.path / "keys", tmp_path / "old-keys")
    old = city.persons.by_identifier(ANA)
    city.persons.erase(old, "Olga Officer")
    for number, snapshot in enumerate((first.snapshot, second.snapshot)):
        told = city.backups.restore(repo, tmp_path / f"again-{number}", snapshot=snapshot)
        assert told.people_gone >= 1
        found = rows(tmp_path / f"again-{number}")
        assert found.height == (20, 24)[number] - (5, 6)[number]
        assert found.filter(pl.col("person").is_in(list(old.pseudonyms.values()))).is_empty()
    # A copy of the keys from before opens what it opened then: it has to be replaced, and this test can fail.
    secret = (old_keys / "backup.passphrase").read_bytes().strip()
    restore(repo, tmp_path / "old", old_keys, secret, snapshot=first.snapshot)
    assert rows(tmp_path / "old").height == 20


def test_a_person_who_comes_back_is_held_again(city: City, repo: str, tmp_path: Path) -> None:
    city.backups.make(repo)
    city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    add(city, 200, 1)
    city.backups.make(repo)
    told = city.backups.restore(repo, tmp_path / "again")
    assert (rows(tmp_path / "again").height, told.people_gone) == (16, 0)


def test_nothing_opens_once_the_key_of_its_days_is_destroyed(city: City, repo: str, tmp_path: Path) -> None:
    city.backups.make(repo)
    keys, today = city.path / "keys", datetime.now(UTC).date()
    destroy_days(keys, today + timedelta(days=30), 30)
    city.backups.restore(repo, tmp_path / "still")
    destroy_days(keys, today + timedelta(days=31), 30)
    with pytest.raises(UserError, match="destroyed, or is not here"):
        city.backups.restore(repo, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_new_epoch_writes_all_anew_and_the_old_one_still_opens(prepared: Path, repo: str, tmp_path: Path) -> None:
    folder, now = shutil.copytree(prepared, tmp_path / "city"), datetime.now(UTC)
    moment = [now]
    with open_city(folder, Clock(lambda: moment[0])) as city:
        first = city.backups.make(repo)
        moment[0] = now + timedelta(days=7)
        second = city.backups.make(repo)
        assert second.written_bytes > first.written_bytes / 2
        assert any("ahead of the server's" in one.what for one in second.odd)
        assert not any("other names" in one.what for one in second.odd)
        for number, snapshot in enumerate((first.snapshot, second.snapshot)):
            city.backups.restore(repo, tmp_path / f"again-{number}", snapshot=snapshot)


def test_as_of_goes_by_the_time_of_the_server(city: City, repo: str, tmp_path: Path) -> None:
    first = city.backups.make(repo)
    between = datetime.now(UTC)
    threading.Event().wait(0.05)
    city.backups.make(repo)
    assert city.backups.restore(repo, tmp_path / "again", as_of=between).snapshot == first.snapshot
    with pytest.raises(UserError, match="no such snapshot"):
        city.backups.restore(repo, tmp_path / "none", as_of=between - timedelta(days=1))


def test_damage_is_named_nothing_is_half_restored_and_it_goes_on_once_mended(
    city: City, repo: str, tmp_path: Path
) -> None:
    first = city.backups.make(repo)
    (city.path / "rules").mkdir(exist_ok=True)
    (city.path / "note.txt").write_text("a note that came later", encoding="utf-8")
    repository = city.backups.repository(repo)
    city.backups.make(repo)
    newest = repository.newest()
    assert newest is not None
    entry = city.backups.reader(repository).whole(newest)["note.txt"].parts[0]
    pack = Path(repo) / "packs" / entry.pack[:2] / entry.pack
    kept = pack.read_bytes()
    pack.unlink()
    pack.write_bytes(kept[: entry.start] + b"\0" * entry.sealed_bytes + kept[entry.start + entry.sealed_bytes :])
    with pytest.raises(UserError, match=r"1 of \d+ files cannot be restored: note.txt .*was changed") as told:
        city.backups.restore(repo, tmp_path / "again")
    assert "older snapshot" in told.value.remedy
    assert not (tmp_path / "again").exists()
    assert (tmp_path / ".again.restoring" / "city.toml").exists()
    pack.unlink()
    pack.write_bytes(kept)
    city.backups.restore(repo, tmp_path / "again")
    assert (tmp_path / "again" / "note.txt").read_text() == "a note that came later"
    city.backups.restore(repo, tmp_path / "older", snapshot=first.snapshot.split("-")[0])


def test_what_a_later_checkpoint_knows_is_told(city: City, repo: str, tmp_path: Path) -> None:
    city.backups.make(repo)
    add(city, 100)
    city.backups.make(repo)
    later, keys = city.checkpoint(), city.path / "keys"
    secret = (keys / "backup.passphrase").read_bytes().strip()
    told = restore(repo, tmp_path / "again", keys, secret, snapshot="1", checkpoint=later)
    assert told.entries_lost == city.ledger_size - told.ledger_entries > 0
    with pytest.raises(UserError, match="not a signed note"):
        restore(repo, tmp_path / "other", keys, secret, checkpoint="no checkpoint")
    with pytest.raises(UserError, match="exists already"):
        restore(repo, tmp_path / "again", keys, secret)
    with pytest.raises(UserError, match="passphrase does not open"):
        restore(repo, tmp_path / "wrong", keys, b"another passphrase")
    with pytest.raises(UserError, match="keys"):
        restore(repo, tmp_path / "wrong", tmp_path, secret)


def test_a_repository_that_lost_snapshots_is_not_written_on(city: City, repo: str, tmp_path: Path) -> None:
    city.backups.make(repo)
    shutil.copytree(repo, tmp_path / "older")
    city.backups.make(repo)
    shutil.rmtree(repo)
    (tmp_path / "older").rename(repo)
    with pytest.raises(UserError, match="does not hold it any more"):
        city.backups.make(repo)


def test_an_encrypted_city_is_called_odd(city: City, repo: str) -> None:
    for number in range(30):
        (city.path / f"plan-{number}.json").write_text('{"plan": "a plan in words"}' * 40, encoding="utf-8")
    city.backups.make(repo)
    import os

    for path in [*city.path.glob("plan-*.json"), *city.path.rglob("*.geojson")]:
        path.write_bytes(os.urandom(path.stat().st_size))
    odd = " ".join(one.what for one in city.backups.make(repo).odd)
    assert "look encrypted" in odd
    assert "31 have other content" in odd


def test_a_proven_snapshot_is_pinned_and_told(city: City, repo: str) -> None:
    made = city.backups.make(repo)
    city.backups.make(repo)
    city.backups.prove(made.snapshot, "drill-2026-11", repo)
    assert city.backups.status(repo).proven == made.snapshot
    assert [one["kind"] for one in city.ledger_entries(0, 100)][-1] == "backup-proven"
    with pytest.raises(UserError, match="letters, digits"):
        city.backups.prove(made.snapshot, "../x", repo)


def test_it_is_made_while_another_program_holds_the_city(city: City, repo: str, tmp_path: Path) -> None:
    add(city, 100)
    with open_city(city.path) as beside:
        with pytest.raises(CityBusy), beside.writing():
            pass
        made = beside.backups.make(repo)
    state = (city.path / STATE).read_text()
    assert made.snapshot in state
    later = city.backups.make(repo)
    told = [one["subject"] for one in city.ledger_entries(0, 100) if one["kind"] == "backup"]
    assert told == [made.snapshot, later.snapshot]
    city.backups.restore(repo, tmp_path / "again", snapshot=made.snapshot)
    assert rows(tmp_path / "again").height == 24


def test_what_is_followed_is_there_within_a_second(city: City, repo: str, tmp_path: Path) -> None:
    with open_city(city.path) as beside:
        following = Following(beside, repo, tell=pytest.fail)
        following.start()
        try:
            for number in range(3):
                add(city, 300 + 10 * number)
                assert _within(lambda: city.backups.status(repo).lag_seconds == 0, 20), "the copy never caught up"
        finally:
            following.close()
    told = city.backups.restore(repo, tmp_path / "again")
    assert "." in told.snapshot
    assert rows(tmp_path / "again").equals(rows(city.path))
    with open_city(tmp_path / "again") as again:
        assert again.conservation() == city.conservation()
        assert again.verify().entries == told.ledger_entries
    assert city.backups.make(repo).odd == ()
    city.backups.restore(repo, tmp_path / "after")


def _within(true: object, seconds: float) -> bool:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if true():  # type: ignore[operator]
            return True
        waiting.wait(0.1)
    return False


def test_registers_are_whole_at_any_moment_of_writing(city: City, repo: str, tmp_path: Path) -> None:
    """Writers at work, checkpoints of the write-ahead log included: every snapshot opens, whole."""
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        with sqlite3.connect(city.path / "registers.db", timeout=10) as database:
            database.execute("create table if not exists noise (a, b)")
            number = 0
            while not stop.wait(0.002):
                number += 1
                with database:
                    database.executemany("insert into noise values (?, ?)", [(number, "x" * 300)] * 20)
                begun.set()
                if number % 20 == 0:
                    database.execute("pragma wal_checkpoint(passive)")

    thread = threading.Thread(target=write)
    city.backups.make(repo)
    thread.start()
    assert begun.wait(20)
    try:
        made = [city.backups.make(repo).snapshot for _ in range(3)]
    except CityBusy:
        pytest.fail("no moment was found between writes of 2 ms")
    finally:
        stop.set()
        thread.join()
    for number, snapshot in enumerate(made):
        city.backups.restore(repo, tmp_path / f"again-{number}", snapshot=snapshot)
        with sqlite3.connect(tmp_path / f"again-{number}" / "registers.db") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            assert database.execute("select count(*) % 20 from noise").fetchone() == (0,), "half a transaction"


def test_sealed_rows_come_back_as_they_were(city: City) -> None:
    city.close()
    (file, *_) = sorted((city.path / "history" / "interactions").rglob("*.parquet"))
    keys = PuncturedKey.fresh(b"k" * 32).key_of
    sealed = b"".join(sealed_rows(file, keys))
    for column in ("person", "text"):
        some = pl.read_parquet(file, hive_partitioning=False).filter(pl.col("person").is_not_null())[column][0]
        assert str(some).encode() not in sealed
    back, gone = opened_rows(iter([sealed]), keys)
    assert gone == 0
    assert back.equals(pl.read_parquet(file, hive_partitioning=False).sort("sequence"))


def test_keys_before_a_leaf_are_gone_and_no_other() -> None:
    whole = PuncturedKey.fresh(b"k" * 32)
    leaves = [f"{number:016x}" for number in (0, 5, 738_000, 738_015, 738_016, 2**40, 2**64 - 1)]
    cut = whole.without_before(leaves[3])
    assert [cut.key_of(leaf) is None for leaf in leaves] == [True, True, True, False, False, False, False]
    assert all(cut.key_of(leaf) == whole.key_of(leaf) for leaf in leaves[3:])
    assert cut.without_before(leaves[0]).key_of(leaves[3]) is not None
    again = cut.without_before(leaves[4])
    assert again.key_of(leaves[3]) is None
    assert again.key_of(leaves[4]) == whole.key_of(leaves[4])
    assert len(again.to_bytes()) < 12_000


def test_a_copy_in_restic_holds_nothing_more_and_gives_the_repository_back(
    city: City, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("restic") is None:
        pytest.fail("restic is not installed; 'make test' installs it.")
    (tmp_path / "password").write_text("of tests", encoding="utf-8")
    monkeypatch.setenv("RESTIC_PASSWORD_FILE", str(tmp_path / "password"))
    other, runner = str(tmp_path / "restic"), CliRunner()
    arguments = ["backup", "make", "--to", repo, "--restic", other, "--city", str(city.path)]
    early = runner.invoke(group, arguments)
    assert isinstance(early.exception, UserError)
    assert "The snapshot itself is made" in early.exception.remedy
    subprocess.run(["restic", "-q", "-r", other, "init"], check=True)
    assert runner.invoke(group, arguments).exit_code == 0
    subprocess.run(["restic", "-q", "-r", other, "restore", "latest", "--target", str(tmp_path / "back")], check=True)
    city.backups.restore(str(tmp_path / "back") + repo, tmp_path / "again")


def test_commands_for_who_keeps_the_repository_need_no_city(city: City, repo: str, tmp_path: Path) -> None:
    city.backups.make(repo)
    city.backups.make(repo)
    runner = CliRunner()
    assert "2 snapshots follow from one another" in runner.invoke(group, ["backup", "verify", repo]).output
    assert len(runner.invoke(group, ["backup", "list", repo]).output.splitlines()) == 2
    state = ["--state", str(tmp_path / "state.json")]
    done = runner.invoke(group, ["backup", "prune", repo, "--keep-last", "1", "--delete", *state])
    assert done.exit_code == 0, done.output
    for pack in Path(repo).glob("packs/*/*"):
        pack.unlink()
    refused = runner.invoke(group, ["backup", "prune", repo, *state])
    assert refused.exit_code == 1
    assert "is damaged" in refused.output
    assert runner.invoke(group, ["backup", "verify", repo]).exit_code == 1
    assert "Lag" in runner.invoke(group, ["backup", "status", "--to", repo, "--city", str(city.path)]).output


def test_registers_of_a_server_are_restored_into_a_file(prepared: Path, postgresql_url: str, tmp_path: Path) -> None:
    import sqlalchemy as sql

    schema = f"backup_{tmp_path.name.replace('-', '_')[:40]}"
    engine = sql.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema if exists {schema} cascade"))
        connection.execute(sql.text(f"create schema {schema}"))
    folder = shutil.copytree(prepared, tmp_path / "city")
    (folder / "registers.db").unlink()
    toml = (folder / "city.toml").read_text(encoding="utf-8")
    url = f"{postgresql_url}?options=-csearch_path%3D{schema}"
    (folder / "city.toml").write_text(f'{toml}\n[store]\nregisters = "{url}"\n', encoding="utf-8")
    try:
        with open_city(folder) as city:
            add(city, 100)
            code = city.access.people.invite("Ana Gómez", ["security officer"], "machine")[1]
            with (
                engine.begin() as connection
            ):  # an act that waits for its entry: bytes, in a table that is not the store's
                connection.execute(sql.text(f"insert into {schema}.access_acts (entry) values ('\\x00ff'::bytea)"))
            city.backups.make(str(tmp_path / "repo"))
            told = city.backups.restore(str(tmp_path / "repo"), tmp_path / "again")
            assert "of 4 rows that came in" in told.answer
            with open_city(tmp_path / "again") as again:
                assert again.settings.store.registers == "sqlite"
                assert again.access.people.invited(code) == city.access.people.invited(code) is not None
                held = sql.create_engine(f"sqlite:///{tmp_path / 'again' / 'registers.db'}")
                with held.connect() as connection:
                    assert b"\x00\xff" in connection.execute(sql.text("select entry from access_acts")).scalars().all()
                assert again.conservation() == city.conservation()
    finally:
        with engine.begin() as connection:
            connection.execute(sql.text(f"drop schema {schema} cascade"))
        engine.dispose()
