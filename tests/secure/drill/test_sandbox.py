"""What a drill may damage, and that nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cityward.core.errors import Refused, UserError
from cityward.secure.drill.emulate import SUFFIX, ordered, run, strike
from cityward.secure.drill.salvage import salvage
from cityward.secure.drill.sandbox import MARKER, Guard, Sandbox, copy_city, mark
from cityward.secure.drill.strike import attacked, read_only, writable
from cityward.secure.watch.decoys import lay
from cityward.secure.watch.files import FileWatch

SETTINGS = """\
[city]
name = "Somewhere"

[[send]]
name = "away"
url = "https://example.org"

[send.options]
a = "b"

[backup]
repository = "s3://bucket"

[needs]
max_days = 30
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "city"
    for month in range(60):
        (folder / "history" / f"month={month}").mkdir(parents=True)
        for part in range(5):
            (folder / "history" / f"month={month}" / f"{part}.parquet").write_bytes(b"PAR1" + os.urandom(3_000))
    (folder / "city.toml").write_text(SETTINGS)
    return folder


@pytest.fixture
def sandbox(city: Path, tmp_path: Path) -> Sandbox:
    return copy_city(city, tmp_path / "sandbox")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_copy_reaches_nothing_outside(city: Path, sandbox: Sandbox) -> None:
    told = (sandbox.root / "city.toml").read_text()
    assert "example.org" not in told
    assert "s3://" not in told
    assert "[needs]\nmax_days = 30" in told
    assert all(path.stat().st_nlink == 1 for path in sandbox.root.rglob("*") if path.is_file())


def test_a_copy_is_not_laid_over_or_into_anything(city: Path, sandbox: Sandbox) -> None:
    with pytest.raises(UserError, match="exists already"):
        copy_city(city, sandbox.root)
    with pytest.raises(UserError, match="lies in the city"):
        copy_city(city, city / "sandbox")


def test_links_are_not_copied(city: Path, tmp_path: Path) -> None:
    (city / "link").symlink_to("/etc")
    assert not (copy_city(city, tmp_path / "other").root / "link").exists()


def test_a_folder_without_the_marker_is_refused(city: Path) -> None:
    with pytest.raises(Refused, match="not marked"):
        Guard(city, "x" * 32)


def test_another_token_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="not marked"):
        Guard(sandbox.root, "0" * 32)
    with pytest.raises(Refused, match="not marked"):
        Guard(sandbox.root, "")


def test_the_root_itself_may_not_be_a_link(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sandbox.root)
    with pytest.raises(Refused, match="real path"):
        Guard(tmp_path / "link", sandbox.token)
    with pytest.raises(Refused, match="real path"):
        Guard(Path("/"), sandbox.token)


@pytest.mark.parametrize("path", ["../city/city.toml", "/etc/hostname", "history/../../city/city.toml", ""])
def test_a_path_that_leaves_is_refused(sandbox: Sandbox, path: str) -> None:
    guard = Guard(sandbox.root, sandbox.token)
    with pytest.raises(Refused):
        guard.open(path, os.O_RDWR)
    with pytest.raises(Refused):
        guard.unlink(path)


def test_links_and_hard_links_to_the_outside_are_refused(sandbox: Sandbox, city: Path) -> None:
    before = content(city)
    (sandbox.root / "soft.toml").symlink_to(city / "city.toml")
    (sandbox.root / "folder").symlink_to(city)
    os.link(city / "city.toml", sandbox.root / "hard.toml")
    guard = Guard(sandbox.root, sandbox.token)
    for path in ("soft.toml", "folder/city.toml", "hard.toml"):
        with pytest.raises(Refused):
            strike(guard, path, in_place=True)
    run(sandbox.root, sandbox.token, "in-place", 1, 1e9)
    assert content(city) == before


def test_the_emulation_touches_every_file_and_nothing_else(sandbox: Sandbox, city: Path, tmp_path: Path) -> None:
    before, others = content(city), sorted(path.name for path in tmp_path.iterdir())
    run(sandbox.root, sandbox.token, "samsam", 1, 1e9)
    held = content(sandbox.root)
    assert all(name.endswith(SUFFIX) for name in held if name != MARKER)
    assert len(held) == len(before) + 1
    assert not any(data.startswith(b"PAR1") for data in held.values())
    assert content(city) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == others


def test_a_child_without_the_token_does_nothing(city: Path) -> None:
    before = content(city)
    source = str(Path(__file__).resolve().parents[3] / "src")
    told = subprocess.run(
        [sys.executable, "-P", "-m", "cityward.secure.drill.emulate", str(city), "samsam", "1", "100"],
        input="\n",
        text=True,
        capture_output=True,
        env={"PYTHONPATH": source},
        check=False,
    )
    assert told.returncode != 0
    assert content(city) == before


def test_orders_of_variants() -> None:
    paths = [f"history/{number}" for number in range(20)] + ["ledger/a", "x/backup.db"]
    age = dict(zip(paths, range(len(paths)), strict=True))
    assert ordered(paths, "newest", 1, age.__getitem__)[0] == "x/backup.db"
    assert set(ordered(paths, "backups-first", 1, age.__getitem__)[:2]) == {"ledger/a", "x/backup.db"}
    assert ordered(paths, "samsam", 1, age.__getitem__) != ordered(paths, "samsam", 2, age.__getitem__)


@pytest.mark.parametrize("variant", ["samsam", "in-place", "newest"])
def test_an_attack_is_noticed_stopped_and_the_folder_read_only(sandbox: Sandbox, variant: str) -> None:
    watch = FileWatch(sandbox.root, lay(sandbox.root, b"k" * 32))
    watch.arm()
    stopped: list[bool] = []
    attack = attacked(sandbox, watch, lambda: stopped.append(True), variant=variant, seed=3)  # type: ignore[arg-type]
    try:
        assert attack.alarm is not None
        assert stopped == [True]
        assert 0 < attack.lost < attack.files
        assert not any(path.stat().st_mode & 0o222 for path in sandbox.root.rglob("*"))
    finally:
        writable(sandbox.root)


def test_read_only_can_be_undone(sandbox: Sandbox) -> None:
    read_only(sandbox.root)
    writable(sandbox.root)
    shutil.rmtree(sandbox.root)


def test_the_end_of_a_log_is_salvaged_only_where_it_goes_on(tmp_path: Path) -> None:
    isolated, restored = tmp_path / "isolated", tmp_path / "restored"
    for folder in (isolated, restored):
        (folder / "history" / "log").mkdir(parents=True)
    logs = isolated / "history" / "log", restored / "history" / "log"
    (logs[0] / "1.seg").write_bytes(b"abcdef")
    (logs[1] / "1.seg").write_bytes(b"abc")
    (logs[0] / "2.seg").write_bytes(b"new")
    (logs[0] / "0.seg").write_bytes(b"old, and cut since")
    told = salvage(isolated, restored)
    assert (told.segments, told.more_bytes) == (2, 6)
    assert (logs[1] / "1.seg").read_bytes() == b"abcdef"
    assert not (logs[1] / "0.seg").exists()
    (logs[0] / "1.seg").write_bytes(b"encrypted!!")
    assert salvage(isolated, restored).segments == 0
    assert mark(tmp_path / "isolated").token
