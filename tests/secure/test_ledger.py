"""The ledger: whole or named, acknowledged or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import LedgerError, StoreError
from cityward.secure import ledger as module
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


@pytest.mark.parametrize("with_leaf", [False, True])
def test_a_changed_entry_is_named(keys: Path, with_leaf: bool):
    filled(keys, [[b"zero"], [b"one!"], [b"two!"]])
    path = keys / "ledger" / "entries"
    path.write_bytes(path.read_bytes().replace(b"one!", b"ONE!"))
    if with_leaf:  # a careful forger changes the leaf hash too; the signed root still tells
        leaves = keys / "ledger" / "leaves"
        leaves.write_bytes(leaves.read_bytes().replace(leaf_hash(b"one!"), leaf_hash(b"ONE!")))
    found = proof(keys)
    assert not found.ok
    assert found.first_bad == 1


def test_missing_entries_foreign_keys_and_cut_checkpoints_are_told(keys: Path):
    filled(keys, [[b"zero"], [b"one!"]])
    entries = keys / "ledger" / "entries"
    whole = entries.read_bytes()
    entries.write_bytes(whole[:5])
    assert proof(keys).first_bad == 1
    entries.write_bytes(whole)
    create_signer(keys / "other.key")
    assert "not signed" in verify(keys / "ledger", load_public_key(keys / "other.pub")).message
    (keys / "ledger" / "checkpoints").unlink()
    assert not proof(keys).ok


def test_an_unsigned_tail_is_cut_on_opening(keys: Path):
    filled(keys, [[b"a"]])
    for name in ("entries", "ends", "leaves"):
        with (keys / "ledger" / name).open("ab") as file:
            file.write(b"torn half-written tail")
    ledger = filled(keys, [[b"b"]])
    assert list(ledger.entries(0, 9)) == [b"a", b"b"]
    assert proof(keys).ok


def test_a_changed_ledger_is_not_continued(keys: Path):
    filled(keys, [[b"a"], [b"b"]])
    leaves = keys / "ledger" / "leaves"
    leaves.write_bytes(leaf_hash(b"x") + leaves.read_bytes()[32:])
    with pytest.raises(LedgerError, match="does not add up"):
        filled(keys, [])


@pytest.mark.parametrize("failing_call", [1, 2, 3, 4])
def test_a_full_disk_at_any_write_acknowledges_nothing(keys: Path, monkeypatch, failing_call: int):
    ledger = filled(keys, [[b"a"]])
    calls, real = [], os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == failing_call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StoreError, match="Nothing of it was acknowledged"):
        ledger.append([b"lost"])
    monkeypatch.setattr(module.os, "fsync", real)
    assert ledger.append([b"b"]) == [1]
    assert list(ledger.entries(0, 9)) == [b"a", b"b"]
    assert proof(keys).ok


def test_a_reader_cannot_append(keys: Path):
    filled(keys, [[b"a"]])
    with pytest.raises(LedgerError, match="reading only"):
        Ledger(keys / "ledger", None).append([b"b"])
