"""The watch over files: what an encryption looks like, and what everyday work does not look like."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from random import Random

import pytest

from cityward.secure.watch.decoys import decoys_of, lay
from cityward.secure.watch.files import ROUND_LOOKS, Alarm, FileWatch
from cityward.secure.watch.kinds import entropy_bits, strange

KEY = b"k" * 32


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for month in range(12):
        folder = tmp_path / "history" / f"month={month}"
        folder.mkdir(parents=True)
        for part in range(4):
            (folder / f"{part}.parquet").write_bytes(b"PAR1" + secrets.token_bytes(2_000))
    (tmp_path / "city.toml").write_text("[city]\nname = 'Somewhere'\n" * 20)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "checkpoint").write_text("city\n12\nAAAA\n")
    return tmp_path


def armed(tree: Path, *, decoys: bool = True) -> FileWatch:
    watch = FileWatch(tree, lay(tree, KEY) if decoys else None)
    watch.arm()
    return watch


def looked(watch: FileWatch, times: int = 1, begin: float = 0.0) -> Alarm | None:
    found = (watch.look(begin + 0.25 * number) for number in range(times))
    return next((one for one in found if one is not None), None)


def test_files_with_a_suffix_more_in_place_of_others(tree: Path) -> None:
    watch = armed(tree, decoys=False)
    for part in range(2):
        path = tree / "history" / "month=3" / f"{part}.parquet"
        path.with_name(path.name + ".weapologize").write_bytes(secrets.token_bytes(2_000))
        path.unlink()
    alarm = looked(watch)
    assert alarm is not None
    assert alarm.first == "renamed"
    assert "history" not in alarm.because


def test_files_overwritten_in_place_are_seen_within_a_round(tree: Path) -> None:
    watch = armed(tree, decoys=False)
    assert looked(watch) is None
    for part in range(2):
        (tree / "history" / "month=3" / f"{part}.parquet").write_bytes(secrets.token_bytes(2_004))
    alarm = looked(watch, ROUND_LOOKS + 1)
    assert alarm is not None
    assert alarm.first == "strange"


def test_one_decoy_is_enough(tree: Path) -> None:
    watch = armed(tree)
    (tree / "turns" / "zz-accounts.csv").write_bytes(b"anything")
    alarm = looked(watch)
    assert alarm is not None
    assert alarm.first == "decoy"


def test_a_decoy_that_became_a_link_is_touched(tree: Path) -> None:
    decoys = lay(tree, KEY)
    path = tree / "00-payroll.csv"
    path.rename(tree / "elsewhere")
    path.symlink_to(tree / "elsewhere")
    assert decoys.touched() == ["00-payroll.csv"]


def test_decoys_follow_from_the_key(tree: Path) -> None:
    laid = lay(tree, KEY)
    assert decoys_of(tree, KEY).touched() == []
    assert len(decoys_of(tree, b"other").touched()) == len(laid.content)


def test_a_ledger_that_is_gone(tree: Path) -> None:
    watch = armed(tree, decoys=False)
    (tree / "ledger" / "checkpoint").unlink()
    alarm = looked(watch)
    assert alarm is not None
    assert alarm.first == "ledger"


def test_a_folder_that_is_gone_counts_its_files(tree: Path) -> None:
    watch = armed(tree, decoys=False)
    for path in (tree / "history" / "month=3").iterdir():
        path.unlink()
    (tree / "history" / "month=3").rmdir()
    assert looked(watch) is None
    assert watch.signs()["gone"] == 4


def test_a_commit_of_a_long_table_is_everyday_work(tree: Path) -> None:
    """What a commit makes ready links every version there is: it came and went as hundreds of files."""
    versions = tree / "history" / "interactions" / "_delta_log"
    versions.mkdir(parents=True)
    for number in range(300):
        (versions / f"{number:020}.json").write_text("{}")
    watch = armed(tree, decoys=False)
    for _ in range(3):
        aside = tree / "history" / ".interactions.commit" / "_delta_log"
        aside.mkdir(parents=True)
        for version in versions.iterdir():
            os.link(version, aside / version.name)
        assert looked(watch) is None
        shutil.rmtree(aside.parent)
        assert looked(watch) is None
    assert watch.signs().get("gone", 0) == 0


def test_everyday_work_raises_nothing(tree: Path) -> None:
    """Compressed files come and go, text is replaced as ours is, logs and hashes grow."""
    watch = armed(tree)
    (tree / "history" / "log").mkdir()
    for number in range(200):
        folder = tree / "history" / f"month={number % 12}"
        (folder / f"new-{number}.parquet").write_bytes(b"PAR1" + secrets.token_bytes(3_000))
        (folder / f"new-{number - 20}.parquet").unlink(missing_ok=True)
        (tree / ".city.toml.new").write_text(f"[city]\nname = 'Somewhere {number}'\n" * 20)
        (tree / ".city.toml.new").replace(tree / "city.toml")
        with (tree / "history" / "log" / "1.seg").open("ab") as log:
            log.write(secrets.token_bytes(500))
        with (tree / "ledger" / "leaves").open("ab") as leaves:
            leaves.write(secrets.token_bytes(32))
        assert watch.look(0.25 * number) is None, watch.signs()


def test_a_link_out_of_the_tree_is_not_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.toml").write_text("a = 1")
    (tree / "link").symlink_to(outside)
    watch = armed(tree, decoys=False)
    (outside / "a.toml").write_bytes(os.urandom(4_000))
    (outside / "b.toml").write_bytes(os.urandom(4_000))
    assert looked(watch, ROUND_LOOKS + 1) is None


def _noise(count: int) -> bytes:
    """Bytes that look random, the same in every process: they name cases of the test."""
    return Random(7).randbytes(count)


@pytest.mark.parametrize(
    ("path", "head", "is_strange"),
    [
        ("a.parquet", b"PAR1" + bytes(100), False),
        ("a.parquet", bytes(100), True),
        ("registers.db", b"SQLite format 3\x00", False),
        ("registers.db", _noise(4_096), True),
        ("a.toml", "ü = 'é'".encode(), False),
        ("a.toml", "ü".encode()[:1], False),
        ("a.json", _noise(200), True),
        ("a.csv", b"", False),
        ("ledger.key", _noise(400), False),
        ("ledger/leaves", _noise(4_096), False),
        ("ledger/tile/0/000.p/5", _noise(4_096), False),
        ("unknown", _noise(4_096), True),
        ("unknown", b"words in a row " * 100, False),
        ("unknown", _noise(64), False),
    ],
)
def test_what_a_name_promises(path: str, head: bytes, *, is_strange: bool) -> None:
    assert (strange(path, head) is not None) is is_strange


def test_entropy() -> None:
    assert entropy_bits(b"") == 0
    assert entropy_bits(bytes(100)) == 0
    assert entropy_bits(bytes(range(256))) == pytest.approx(8)
