"""Single entries, proved: what was not signed is never handed out, whatever lies on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.core.errors import LedgerError
from cityward.secure.ledger import Ledger
from cityward.secure.merkle import leaf_hash
from cityward.secure.proved import ProvedEntries
from cityward.secure.tiles import bundle

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def entry(number: int) -> bytes:
    return b'{"entry":%d}' % number


def written(folder: Path, count: int, key: Ed25519PrivateKey = KEY) -> Ledger:
    ledger = Ledger(folder, key)
    for number in range(count):
        ledger.append([entry(number)])
    return ledger


def proved(folder: Path) -> ProvedEntries:
    return ProvedEntries(folder, KEY.public_key)


def test_entries_are_handed_out_as_they_were_written_also_those_that_come_later(tmp_path: Path) -> None:
    found = proved(tmp_path)
    assert found.entries([0, 5]) == {}
    ledger = written(tmp_path, 7)
    assert found.entries([0, 6, 7, -1]) == {0: entry(0), 6: entry(6)}
    ledger.append([entry(7), entry(8)])
    assert found.entries(range(9)) == {number: entry(number) for number in range(9)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_change_of_the_files_makes_another_entry_of_it(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever one byte becomes, in whichever file: an entry is as it was written, or there is none."""
    folder = tmp_path / "changed"
    shutil.rmtree(folder, ignore_errors=True)
    written(folder, 6)
    found = proved(folder)
    if data.draw(st.booleans(), label="asked before"):
        found.entries(range(6))
    path = folder / data.draw(st.sampled_from(["tile/entries/000.p/6", "tile/0/000.p/6", "checkpoint", "checkpoints"]))
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        got = found.entries(range(6))
    except LedgerError:
        return
    assert all(got[number] == entry(number) for number in got)


def test_an_entry_and_its_leaf_that_are_changed_together(tmp_path: Path) -> None:
    written(tmp_path, 4)
    other = entry(9)
    for name, old, new in (
        ("tile/entries/000.p/4", entry(2), other),
        ("tile/0/000.p/4", leaf_hash(entry(2)), leaf_hash(other)),
    ):
        path = tmp_path / name
        path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(LedgerError, match="does not add up"):
        proved(tmp_path).entries([2])


def test_an_entry_that_was_added_without_a_signature_is_none(tmp_path: Path) -> None:
    written(tmp_path, 2)
    for name, data in (("tile/entries/000.p/2", bundle([entry(2)])), ("tile/0/000.p/2", leaf_hash(entry(2)))):
        with (tmp_path / name).open("ab") as file:
            file.write(data)
    assert proved(tmp_path).entries([1, 2]) == {1: entry(1)}


def test_another_key_signs_nothing_and_its_entries_never_come_under_ours(tmp_path: Path) -> None:
    written(tmp_path, 3, OTHER)
    with pytest.raises(LedgerError, match="not signed"):
        proved(tmp_path).entries([0])
    with pytest.raises(LedgerError, match="not signed"):
        Ledger(tmp_path, KEY)


def test_a_ledger_that_was_restored_is_followed(tmp_path: Path) -> None:
    ledger = written(tmp_path / "one", 5)
    found = proved(tmp_path / "one")
    assert len(found.entries(range(5))) == 5
    backup = written(tmp_path / "two", 2)
    backup.append([b'{"another":1}', b'{"another":2}', b'{"another":3}', b'{"another":4}'])
    del ledger
    shutil.rmtree(tmp_path / "one")
    shutil.copytree(tmp_path / "two", tmp_path / "one")
    assert found.entries([1, 5]) == {1: entry(1), 5: b'{"another":4}'}
    assert found.entries([2]) == {2: b'{"another":1}'}


def test_entries_of_a_log_of_several_levels_and_one_changed_tile(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, KEY)
    ledger.append([entry(number) for number in range(70_000)])
    found = proved(tmp_path)
    asked = [0, 255, 256, 65_535, 65_536, 69_999]
    assert found.entries(asked) == {number: entry(number) for number in asked}
    path = tmp_path / "tile/0/100"
    path.write_bytes(leaf_hash(entry(0)) + path.read_bytes()[32:])
    assert found.entries([25_600, 0]) == {0: entry(0)}
