"""Power cuts, rotten bits, full tables of handles, disks that cannot be written, clocks that jump: nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.simulation.kill_child import ROWS, batch
from tests.simulation.power_cut.city_life import admitted, reports
from tests.simulation.power_cut.cuts import acknowledged, enumerated, judged, recorded_life, sampled
from tests.simulation.power_cut.disk_model import LOST, Cut, Disk, whole
from tests.simulation.power_cut.judge import judge
from tests.simulation.power_cut.recording import Change, Naming, Recording, Sync

from cityward.city import City, fsck, open_city
from cityward.cli.fsck import fsck as command
from cityward.core.clock import Clock
from cityward.core.disk import create_file, note_sum, replace_file, wrong_sums
from cityward.core.errors import CitywardError, StoreError
from cityward.core.faults import Fault
from cityward.store import table_commit
from cityward.store.history import HistoryReader
from cityward.store.history_writer import HistoryWriter

CUTS, SUBSETS = 20, 20
"""How many cuts of each kind are tried here; ``run_power_cuts.py`` tries ten thousand."""

WHEN = datetime(2014, 9, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Lived:
    """A recorded life and where it lies."""

    recording: Recording
    work: Path

    @property
    def city(self) -> Path:
        return self.work / "disk" / "city"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    work = tmp_path_factory.mktemp("life")
    return Lived(recorded_life(work), work)


@pytest.fixture
def copy(lived: Lived, tmp_path: Path) -> Path:
    return shutil.copytree(lived.city, tmp_path / "city")


# -- power cuts --------------------------------------------------------------------------------------


def test_the_recording_replayed_whole_is_the_folder(lived: Lived) -> None:
    """Whatever wrote to the folder was seen, to the byte: Python, the table library and SQLite."""
    disk = Disk(lived.recording)
    root = lived.work / "disk"
    there = {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")
    }
    assert disk.tree(whole(lived.recording.length, disk)) == there
    kinds = {one["kind"] for one in acknowledged(lived.recording, lived.recording.length)}
    assert kinds == {"city", "mapping", "rows", "readings", "turn", "decision", "closed"}


def test_no_power_cut_loses_or_doubles_anything(lived: Lived, tmp_path: Path) -> None:
    recording, disk = lived.recording, Disk(lived.recording)
    subsets = list(enumerated(recording, disk))
    some = random.Random(7).sample(subsets, min(SUBSETS, len(subsets)))
    for cut, tree in [*some, *itertools.islice(sampled(recording, disk, 7), CUTS)]:
        assert judged(recording, cut, tree, tmp_path / "cut") == [], cut


@pytest.mark.parametrize("unsafe", ["log", "ledger"])
def test_a_city_that_did_not_fsync_would_be_found_out(lived: Lived, tmp_path: Path, unsafe: str) -> None:
    """The same life, its fsyncs of one folder taken out of the recording: the judge must see a loss."""
    names = {inode: name for naming in lived.recording.namings for _, name, inode in naming.edits if inode}
    parents = {inode: parent for naming in lived.recording.namings for parent, _, inode in naming.edits if inode}
    held = {inode for inode in names if names.get(parents[inode]) == unsafe}
    syncs = [one for one in lived.recording.syncs if one.inode not in held]
    assert held
    recording = replace(lived.recording, syncs=syncs)
    disk = Disk(recording)
    at = next(place for place, _ in recording.told[5:])
    cut = Cut(at, (LOST,) * len(disk.open_at(at)))
    assert judged(recording, cut, disk.tree(cut), tmp_path / "cut") != []


def test_the_model_promises_what_fsync_promises_and_no_more() -> None:
    recording = Recording(
        changes=[Change(1, 1, 5, 0, b"a" * 1024), Change(5, 5, 5, 0, b"b" * 1024)],
        namings=[Naming(0, 0, ((0, "file", 5),))],
        syncs=[Sync(2, 3, 5), Sync(6, 7, 0)],
        length=8,
    )
    disk = Disk(recording)
    assert len(disk.open_at(2)) == 2  # the fsync has not returned
    assert disk.open_at(4) == recording.namings  # a file's fsync does not save its name
    assert disk.tree(Cut(4, (LOST,))) == {}
    assert disk.open_at(8) == recording.changes[1:]  # nor a folder's fsync what is in its files
    left = {disk.tree(Cut(8, (seed,)))["file"] for seed in range(60)}
    assert {b"a" * 1024, b"a" * 512 + b"b" * 512, b"b" * 512 + b"a" * 512} <= left
    assert disk.tree(Cut(8, (LOST,)))["file"] == b"a" * 1024


# -- digests -----------------------------------------------------------------------------------------


def test_a_noted_file_may_be_the_old_or_the_new_one_but_no_other(tmp_path: Path) -> None:
    file, sums = tmp_path / "a" / "file", tmp_path / "SHA256SUMS"
    file.parent.mkdir()
    replace_file(file, b"old", sums)
    note_sum(sums, file, b"new")  # and a power cut before the file is there
    assert wrong_sums(sums) == []
    replace_file(file, b"new", sums)
    assert wrong_sums(sums) == []
    file.write_bytes(b"neW")
    assert wrong_sums(sums) == [file]
    sums.write_bytes(sums.read_bytes()[:-10])  # torn by a power cut: what was noted before still counts
    note_sum(sums, file, b"neW")
    assert wrong_sums(sums) == []
    check = subprocess.run(["sha256sum", "-c", "--quiet", sums.name], cwd=tmp_path, capture_output=True, check=False)
    assert b"file" in check.stdout + check.stderr  # anybody can read it


def test_a_new_file_is_there_wholly_or_not_at_all(tmp_path: Path) -> None:
    create_file(tmp_path / "key", b"secret")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "key", b"another")
    assert (tmp_path / "key").read_bytes() == b"secret"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


# -- bit rot -----------------------------------------------------------------------------------------


def flip(path: Path, at: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 0x10
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(mode)


def faults_of(folder: Path) -> list[Fault]:
    with open_city(folder, Clock.fixed(WHEN)) as city:
        return fsck.faults(city)


ROTTEN = {
    "rows": "history/interactions/month=2014-01/*.parquet",
    "values": "history/observations/month=*/*.parquet",
    "commit": "history/interactions/_delta_log/*2.json",
    "first commit": "history/observations/_delta_log/*0.json",
    "turn": "turns/U-*/turn.json",
    "counts": "turns/U-*/cube.parquet",
    "evidence": "turns/evidence/*.parquet",
    "watch": "watch/U-*/watch.json",
    "pseudonyms": "keys/pseudonyms.key",
    "signing key": "keys/ledger.key",
}


@pytest.mark.parametrize("kind", ROTTEN)
def test_a_rotten_bit_is_told_with_the_name_of_its_file(copy: Path, kind: str) -> None:
    path = sorted(copy.glob(ROTTEN[kind]))[0]
    flip(path)
    found = faults_of(copy)
    assert path.relative_to(copy).as_posix() in {one.file for one in found}
    assert all(one.what and one.means and one.remedy and not one.mendable for one in found)


def test_a_rotten_bit_anywhere_in_the_ledger_is_told(copy: Path) -> None:
    held = [path for path in (copy / "ledger").rglob("*") if path.is_file() and path.stat().st_size]
    # Of the parts of a tile the newest counts; what is left of earlier ones is read by nobody.
    newest = {
        path.parent: max(path.parent.iterdir(), key=lambda one: int(one.name))
        for path in held
        if ".p" in path.parent.suffix
    }
    files = [path for path in held if newest.get(path.parent, path) == path]
    assert files
    for path in files:
        before = path.read_bytes()
        flip(path)
        assert "ledger" in {one.file for one in faults_of(copy)}, path
        path.write_bytes(before)


def test_a_rotten_page_of_the_registers_is_told(copy: Path) -> None:
    flip(copy / "registers.db", 4096)
    assert "registers.db" in {one.file for one in faults_of(copy)}


def test_a_rotten_record_of_the_log_is_told_and_nothing_is_cut(copy: Path) -> None:
    city = open_city(copy, Clock.fixed(WHEN))
    for at in range(3):
        city.take("streets", reports(f"late{at}", 3, random.Random(1)))
    city._gatherer.close()
    city._door.abandon()  # as a death leaves it: acknowledged, in the log alone
    segment = next((copy / "history" / "log").glob("*.seg"))
    flip(segment, 100)
    assert any(segment.name in one.what for one in faults_of(copy))
    with open_city(copy) as again, pytest.raises(StoreError, match=segment.name), again.writing():
        pass
    flip(segment, 100)
    assert faults_of(copy) == []


# -- fsck --------------------------------------------------------------------------------------------


def test_a_sound_city_has_no_fault(lived: Lived) -> None:
    assert faults_of(lived.city) == []


def test_a_ranking_is_one_entry_about_all_of_its_cases(demo_copy: City) -> None:
    assert fsck.faults(demo_copy) == []
    demo_copy.registers.put_receipts({"C-0123456789": demo_copy.receipt_of(demo_copy.cases.rankings()[0].cases[0].id)})
    (found,) = fsck.faults(demo_copy)
    assert (found.kind, found.what[:30]) == ("receipt", "The receipt of C-0123456789 is")


def test_mending_removes_what_nobody_needs_and_tells_the_ledger(copy: Path) -> None:
    orphan = copy / "history" / "interactions" / "month=2014-01" / f"{7:020d}-{'0' * 64}.parquet"
    orphan.write_bytes(b"half")
    half = copy / "turns" / ".current.new"
    half.write_bytes(b"")
    prepared = copy / "history" / ".interactions.commit" / "_delta_log"
    prepared.mkdir(parents=True)
    (copy / "keys" / "ledger.key").chmod(0o644)
    before = {path: path.read_bytes() for path in copy.rglob("*.parquet") if path != orphan}
    with open_city(copy, Clock.fixed(WHEN)) as city:
        found = fsck.mend(city)
        last = city.ledger_entries(city.ledger_size - 1, 1)[0]
        assert city.verify().ok
    assert {one.kind for one in found} == {"left over", "half written", "permissions"}
    assert all(one.mended for one in found)
    assert (last["kind"], last["facts"]["mended"]) == ("fsck", len(found))
    assert not orphan.exists()
    assert not half.exists()
    assert not prepared.exists()
    assert (copy / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert all(path.read_bytes() == content for path, content in before.items())
    assert faults_of(copy) == []


def test_mending_leaves_what_only_a_person_can_mend(copy: Path) -> None:
    path = sorted(copy.glob(ROTTEN["rows"]))[0]
    flip(path)
    (copy / ".x.new").write_bytes(b"")
    done = CliRunner().invoke(command, ["--mend", "--city", str(copy)])
    assert done.exit_code == 1, done.output
    assert "2 faults found" in done.output
    assert path.name in done.output
    assert path.exists()


def test_a_damaged_commit_makes_no_data_file_a_left_over(copy: Path) -> None:
    """What a damaged commit no longer names may be the only copy of rows: mending keeps it."""
    commit = sorted((copy / "history" / "interactions" / "_delta_log").glob("*.json"))[2]
    lines = [line for line in commit.read_text().splitlines() if '"add"' not in line]
    commit.write_text("\n".join(lines) + "\n")
    before = set(copy.rglob("*.parquet"))
    with open_city(copy, Clock.fixed(WHEN)) as city:
        found = fsck.mend(city)
    assert commit.name in {Path(one.file).name for one in found}
    assert not any(one.mended for one in found)
    assert set(copy.rglob("*.parquet")) == before


def test_a_commit_whose_name_could_not_be_fsynced_does_not_double_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see it already: what waits is written again only if it is not in the table."""
    writer = HistoryWriter(tmp_path, Clock())
    writer.commit(writer.plan(batch(0, "interactions")))
    writer.flush()
    writer.commit(writer.plan(batch(1, "interactions")))

    def fails(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(table_commit, "sync_folder", fails)
        with pytest.raises(StoreError):
            writer.flush()
    writer.commit(writer.plan(batch(2, "interactions")))
    writer.close()
    rows = HistoryReader(tmp_path).scan().collect()
    assert (rows.height, rows["id"].n_unique()) == (3 * ROWS, 3 * ROWS)


# -- other disks and clocks --------------------------------------------------------------------------


@pytest.fixture
def few_handles() -> Iterator[Callable[[int], None]]:
    """Leave this process so many handles; -1 gives it all that it had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []

    def leave(handles: int) -> None:
        while taken:
            os.close(taken.pop())
        if handles < 0:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            return
        highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + handles + 2, hard))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(handles):
            os.close(taken.pop())

    yield leave
    leave(-1)


def test_no_handles_left(lived: Lived, copy: Path, few_handles: Callable[[int], None]) -> None:
    told = acknowledged(lived.recording, lived.recording.length)
    refused = 0
    with open_city(copy, Clock.fixed(WHEN)) as city:
        city.take("streets", reports("before", 3, random.Random(1)))
        for more in range(9):
            few_handles(more)
            name = f"few{more}"
            try:
                taken = city.take("streets", reports(name, 12, random.Random(1)))
                with city.writing() as door:
                    door.flush()
            except CitywardError:
                refused += 1
            else:
                told.append({"kind": "rows", "ids": admitted(name, 12), "received": taken.received})
            finally:
                few_handles(-1)
    assert refused
    assert judge(copy, told) == []


def test_a_disk_that_can_only_be_read(lived: Lived, copy: Path) -> None:
    """It is said, and nothing is half done."""
    rows = copy.parent / "rows.ndjson"
    rows.write_bytes(reports("readonly", 12, random.Random(1)))
    mount = f'mount --bind "{copy}" "{copy}" && mount -o remount,bind,ro "{copy}" && exec "$@"'
    program = [sys.executable, "-c", "from cityward.cli import main; main()"]
    given = ["sense", str(rows), "--map", str(copy / "sources" / "streets.toml"), "--city", str(copy)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", *program, *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in (os.strerror(errno.EROFS), "readonly", "unable to open")), done.stderr
    assert judge(copy, acknowledged(lived.recording, lived.recording.length)) == []


def test_a_clock_that_jumps(lived: Lived, copy: Path) -> None:
    chance, told = random.Random(3), acknowledged(lived.recording, lived.recording.length)
    for at in range(4):
        jumping = Clock(lambda: WHEN + timedelta(days=chance.choice((-4_000, -1, 0, 1, 4_000))))
        with open_city(copy, jumping) as city:
            for number in range(3):
                name = f"jump{at}.{number}"
                taken = city.take("streets", reports(name, 12, random.Random(1)))
                kept = admitted(name, 12) if taken.added else []
                told.append({"kind": "rows", "ids": kept, "received": taken.received})
    assert judge(copy, told) == []
