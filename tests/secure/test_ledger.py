"""The ledger: whole or named, acknowledged or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import LedgerError, StoreError
from cityward.secure.keys import create_signer, load_public_key, load_signer
from cityward.secure.ledger import Ledger, verify
from cityward.secure.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_signer(tmp_path / "ledger.key")
    return tmp_path


def filled(keys: Path, groups: list[list[bytes]]) -> Ledger:
    ledger = Ledger(keys / "ledger", load_signer(keys / "ledger.key"))
    for group in groups:
        ledger.append(group)
    return ledger


def proof(keys: Path):
    return verify(keys / "ledger", load_public_key(keys / "ledger.pub"))


def test_keys_are_for_their_owner_alone(keys: Path):
    assert (keys / "ledger.key").stat().st_mode & 0o077 == 0


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_proofs_hold_for_every_entry_and_every_earlier_size(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("ledger")
    create_signer(folder / "ledger.key")
    ledger = Ledger(folder / "ledger", load_signer(folder / "ledger.key"))
    roots = {}
    for number, size in enumerate(sizes):
        ledger.append([f"{number} {at}".encode() for at in range(size)])
        roots[ledger.size] = ledger.root()
    entries = list(ledger.entries(0, ledger.size))
    assert root_of([leaf_hash(entry) for entry in entries]) == ledger.root()
    for index, entry in enumerate(entries):
        path = ledger.inclusion_proof(index)
        assert verify_inclusion(leaf_hash(entry), index, ledger.size, path, ledger.root())
        assert not verify_inclusion(leaf_hash(b"other"), index, ledger.size, path, ledger.root())
    for old, root in roots.items():
        assert verify_consistency(old, ledger.size, ledger.consistency_proof(old), root, ledger.root())


def test_it_verifies_and_survives_reopening(keys: Path):
    filled(keys, [[b"a", b"b"], [b"c"]])
    assert filled(keys, [[b"d"]]).append([b"e"]) == [4]
    found = proof(keys)
    assert found.ok
    assert found.entries == 5
    assert "All 5 entries are whole" in found.message


def swap(keys: Path, name: str, old: bytes, new: bytes) -> None:
    path = keys / "ledger" / name
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


@pytest.mark.parametrize("with_leaf", [False, True])
def test_a_changed_entry_is_named(keys: Path, with_leaf: bool):
    filled(keys, [[b"zero"], [b"one!"], [b"two!"]])
    swap(keys, "tile/entries/000.p/3", b"one!", b"ONE!")
    if with_leaf:  # a careful forger changes the leaf hash too; the signed root still tells
        swap(keys, "tile/0/000.p/3", leaf_hash(b"one!"), leaf_hash(b"ONE!"))
    found = proof(keys)
    assert not found.ok
    assert found.first_bad == 1


def test_a_changed_entry_far_back_is_named_and_so_is_a_changed_tile(keys: Path):
    filled(keys, [[b"%05d" % at for at in range(begin, begin + 100)] for begin in range(0, 1000, 100)])
    assert proof(keys).ok
    swap(keys, "tile/entries/001", b"00300", b"00x00")
    assert proof(keys).first_bad == 300
    swap(keys, "tile/0/001", leaf_hash(b"00300"), leaf_hash(b"00x00"))
    assert proof(keys).first_bad == 300  # the group in which it was written
    swap(keys, "tile/entries/001", b"00x00", b"00300")
    swap(keys, "tile/0/001", leaf_hash(b"00x00"), leaf_hash(b"00300"))
    assert proof(keys).ok
    upper = keys / "ledger" / "tile/1/000.p/3"
    upper.write_bytes(upper.read_bytes()[:64] + b"x" * 32)
    assert "tile/1/000.p/3 is not what the entries make" in proof(keys).message


def test_missing_entries_foreign_keys_and_cut_checkpoints_are_told(keys: Path):
    filled(keys, [[b"zero"], [b"one!"]])
    entries = keys / "ledger" / "tile/entries/000.p/2"
    whole = entries.read_bytes()
    entries.write_bytes(whole[:7])
    assert proof(keys).first_bad == 1
    entries.write_bytes(whole + b"more")
    assert not proof(keys).ok
    entries.write_bytes(whole)
    create_signer(keys / "other.key")
    assert "not signed" in verify(keys / "ledger", load_public_key(keys / "other.pub")).message
    (keys / "ledger" / "checkpoint").unlink()
    assert not proof(keys).ok
    with pytest.raises(LedgerError, match="lost its newest checkpoint"):
        filled(keys, [])


def test_a_ledger_whose_checkpoint_was_put_back_is_told_and_not_continued(keys: Path):
    filled(keys, [[b"zero"]])
    old = (keys / "ledger" / "checkpoint").read_bytes()
    filled(keys, [[b"one!"]])
    (keys / "ledger" / "checkpoint").write_bytes(old)
    assert "put back" in proof(keys).message
    with pytest.raises(LedgerError, match="put back: 2 entries were signed once, 1 are there"):
        filled(keys, [])


def test_a_first_append_that_was_cut_off_leaves_an_empty_ledger(keys: Path):
    filled(keys, [[b"a", b"b"]])
    for name in ("checkpoint", "checkpoints"):
        (keys / "ledger" / name).unlink()
    assert "no signed checkpoint" in proof(keys).message
    assert filled(keys, []).size == 0
    assert proof(keys).message == "The ledger is empty."


def test_a_long_ledger_without_checkpoints_is_evidence_and_stays(keys: Path):
    filled(keys, [[str(at).encode() for at in range(300)]])
    for name in ("checkpoint", "checkpoints"):
        (keys / "ledger" / name).unlink()
    with pytest.raises(LedgerError, match="lost its newest checkpoint"):
        filled(keys, [])
    assert (keys / "ledger" / "tile" / "entries" / "000").exists()


def test_what_no_checkpoint_covers_is_removed_on_opening(keys: Path):
    filled(keys, [[b"a"]])
    tiles = keys / "ledger" / "tile"
    for name in ("0/000.p/2", "0/000", "entries/000.p/77", "entries/000", "0/001", "entries/001.p/3", "1/000.p/1"):
        (tiles / name).parent.mkdir(parents=True, exist_ok=True)
        (tiles / name).write_bytes(b"torn half-written")
    with (keys / "ledger" / "checkpoints").open("ab") as file:
        file.write(b"torn")
    ledger = filled(keys, [[b"b"]])
    assert list(ledger.entries(0, 9)) == [b"a", b"b"]
    assert sorted(str(path.relative_to(tiles)) for path in tiles.rglob("*") if path.is_file()) == [
        "0/000.p/1", "0/000.p/2", "entries/000.p/1", "entries/000.p/2",
    ]  # fmt: skip
    assert proof(keys).ok


@pytest.mark.parametrize("name", ["tile/0/000.p/2", "tile/entries/000.p/2"])
def test_a_changed_ledger_is_not_continued(keys: Path, name: str):
    filled(keys, [[b"a"], [b"b"]])
    path = keys / "ledger" / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(LedgerError, match=r"does not add up|not those that were signed"):
        filled(keys, [])


@pytest.mark.parametrize("failing_call", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("held", [1, 255])
def test_a_full_disk_at_any_write_acknowledges_nothing(keys: Path, monkeypatch, failing_call: int, held: int):
    ledger = filled(keys, [[b"a"] * held])
    calls, real = [], os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == failing_call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="Nothing of it was acknowledged"):
        ledger.append([b"lost"])
    monkeypatch.setattr(os, "fsync", real)
    # Once the new checkpoint can be read by others, no other tree of that size is signed: the entry stays.
    lost = [b"lost"] if ledger.size == held + 1 else []
    assert failing_call > 5 or not lost
    assert ledger.append([b"b"]) == [held + len(lost)]
    assert list(ledger.entries(0, 999)) == [b"a"] * held + [*lost, b"b"]
    assert proof(keys).ok
    assert list(filled(keys, [[b"c"]]).entries(0, 999)) == [b"a"] * held + [*lost, b"b", b"c"]


def test_a_reader_cannot_append(keys: Path):
    filled(keys, [[b"a"]])
    with pytest.raises(LedgerError, match="reading only"):
        Ledger(keys / "ledger", None).append([b"b"])
