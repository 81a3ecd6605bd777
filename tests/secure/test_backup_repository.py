"""The repository of backups: sealed, append-only, a chain; every damage is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.secure.backup_fixtures import CHEAP, PASSPHRASE, Maker, Server

from cityward.core.clock import rng
from cityward.core.errors import SettingsError, UserError
from cityward.secure.backup.keys import unwrap, wrap
from cityward.secure.backup.places import Exists, FolderPlace, Missing, open_place
from cityward.secure.backup.repository import Repository
from cityward.secure.backup.sealing import PACKS_HELD, Damaged, Reader, entropy_bits


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(Server(tmp_path / "repo"))


def pack(maker: Maker, sequence: int) -> Path:
    (name, *_) = maker.repository.packs_of(maker.repository.snapshot(sequence).header)
    return maker.server.path / "packs" / name[:2] / name


def test_what_was_put_in_comes_out_and_lies_there_sealed(maker: Maker) -> None:
    content = os.urandom(3 * 2**20) + b"plain words " * 1000
    made = maker.make(content)
    assert maker.read(made) == content
    stored = b"".join(path.read_bytes() for path in maker.server.path.rglob("*") if path.is_file())
    assert b"plain words" not in stored
    assert b"a.txt" not in stored
    assert maker.repository.broken_chain() == []
    assert maker.repository.damaged(made, read=True) == []


def _packed_bytes(maker: Maker) -> int:
    return sum(held.size_bytes for held in maker.repository.place.list("packs"))


def test_the_same_bytes_are_written_once(maker: Maker) -> None:
    maker.make(b"x" * 100)
    before = _packed_bytes(maker)
    from cityward.secure.backup.sealing import Writer

    first = maker.repository.newest()
    assert first is not None
    writer = Writer(maker.repository, maker.epoch)
    digest = writer.put(b"y")
    assert writer.put(b"y") == digest
    assert len(writer.parts([digest])) == 1
    again = Writer(maker.repository, maker.epoch, writer.parts([digest]), writer.packs)
    again.put(b"y")
    again.parts([digest])
    assert again.packs == {}
    assert _packed_bytes(maker) > before


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path)
    place.put("a/b", b"first")
    with pytest.raises(Exists):
        place.put("a/b", b"second")
    assert place.get("a/b") == b"first"
    with pytest.raises(Missing):
        place.get("a/c")
    assert list(place.list("incoming")) == []


def test_the_time_of_an_object_is_the_servers_and_cannot_be_set_back(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path)
    place.put("a/b", b"x")
    os.utime(tmp_path / "a" / "b", (0, 0))
    (held,) = place.list("a")
    assert abs((held.at - datetime.now(UTC)).total_seconds()) < 600


def test_a_passphrase_opens_and_another_does_not() -> None:
    wrapped = wrap(b"k" * 32, PASSPHRASE, CHEAP)
    assert unwrap(wrapped, PASSPHRASE) == b"k" * 32
    with pytest.raises(UserError, match="does not open"):
        unwrap(wrapped, b"another passphrase")
    with pytest.raises(SettingsError, match="fewer than"):
        wrap(b"k" * 32, b"short", CHEAP)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "swapped"])
def test_a_damaged_pack_is_found_without_a_key_and_never_read(maker: Maker, damage: str) -> None:
    made, other = maker.make(b"the good city"), maker.make(b"another city!")
    path = pack(maker, 1)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.unlink()
    if damage == "flipped":
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-5])
    elif damage == "swapped":
        shutil.copy(pack(maker, 2), path)
    assert Repository(maker.server).damaged(made, read=True) == [path.name]
    assert Repository(maker.server).damaged(other, read=True) == []
    with pytest.raises(Damaged):
        maker.read(made)


def test_a_chain_names_what_was_taken_out_put_in_or_reordered(maker: Maker) -> None:
    maker.days(4)
    folder = maker.server.path / "snapshots"
    kept = (folder / "00000003").read_bytes()
    (folder / "00000003").unlink()
    assert any("3 to 3 are missing" in one for one in Repository(maker.server).broken_chain())
    (folder / "00000003").write_bytes((folder / "00000002").read_bytes())
    assert any("not a snapshot" in one for one in Repository(maker.server).broken_chain())
    maker.server.arrived["snapshots/00000003"] = maker.server.arrived["snapshots/00000004"]
    (folder / "00000003").write_bytes(kept.replace(b'"files":100', b'"files":101'))
    wrong = Repository(maker.server).broken_chain()
    assert any("3 is not signed" in one for one in wrong)
    assert any("4 does not follow" in one for one in wrong)


def test_two_who_write_at_once_do_not_lose_a_snapshot(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.make(b"one")
    first = maker.repository.newest()
    maker.make(b"two")
    monkeypatch.setattr(maker.repository, "newest", lambda: first)
    with pytest.raises(UserError, match="meanwhile"):
        maker.make(b"three")


def test_entropy_of_known_texts() -> None:
    assert entropy_bits(b"") == 0
    assert entropy_bits(b"aaaa") == 0
    assert entropy_bits(bytes(range(256))) == 8
    assert entropy_bits(b"ab" * 100) == 1


# -- a bucket --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a real S3 protocol server."""
    port = 38_500 + os.getpid() % 1_000
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    keys = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    old = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    try:
        for _ in range(100):
            try:
                request = urllib.request.Request(f"{keys['AWS_ENDPOINT_URL']}/backups", method="PUT")
                urllib.request.urlopen(request, timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield "s3://backups/city"
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.terminate()
        server.wait()


def test_a_bucket_holds_the_same_and_refuses_to_write_over(bucket: str) -> None:
    place = open_place(bucket)
    place.put("a/b", b"first")
    with pytest.raises(Exists):
        place.put("a/b", b"second")
    assert place.get("a/b") == b"first"
    assert place.get("a/b", 1, 3) == b"irs"
    with pytest.raises(Missing):
        place.get("a/c")
    (held,) = place.list("a")
    assert (held.name, held.size_bytes) == ("a/b", 5)
    assert abs((place.now() - held.at).total_seconds()) < 60
    maker = Maker(place)  # type: ignore[arg-type]
    made = maker.make(b"the good city", says=place.now())
    assert maker.read(made) == b"the good city"
    assert Repository(place).broken_chain() == []
    assert Repository(place).damaged(made, read=True) == []
    place.delete("a/b")
    assert list(place.list("a")) == []


def test_several_threads_fetch_a_pack_once_and_no_more_are_held(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    content = rng(1, "packs").bytes(40 * 2**20)  # three packs
    made = maker.make(content)
    fetched: list[str] = []
    real = maker.server.get

    def get(name: str, start: int = 0, length: int | None = None) -> bytes:
        fetched.append(name)
        if len(fetched) == 1:
            raise Missing("It did not answer this once.")
        return real(name, start, length)

    reader = Reader(maker.repository, {maker.epoch.day: maker.epoch})
    (entry,) = reader.listing(made.header).files
    reader = Reader(maker.repository, {maker.epoch.day: maker.epoch})
    monkeypatch.setattr(maker.server, "get", get)
    with pytest.raises(Damaged, match="missing"):
        b"".join(reader.bytes_of(entry, maker.epoch))
    fetched[1:] = []
    with ThreadPoolExecutor(4) as pool:
        whole = list(pool.map(lambda _: b"".join(reader.bytes_of(entry, maker.epoch)) == content, range(4)))
    assert whole == [True] * 4
    assert len(fetched) == 1 + len({part.pack for part in entry.parts}) == 4
    assert len(reader._packs._held) <= PACKS_HELD
