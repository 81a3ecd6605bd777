"""The folder of a ledger, read as C2SP says and by nothing of ours; and logs of the earlier form."""

from __future__ import annotations

import base64
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.errors import LedgerError, SettingsError
from cityward.secure.evidence_check import CHECKPOINT, proved_by
from cityward.secure.ledger import Ledger, verify
from cityward.secure.merkle import leaf_hash, root_of
from cityward.secure.note import Checkpoint, check, origin_of, parse, sign
from cityward.secure.tiles import WIDTH, covers, name_of, place_of
from cityward.secure.verification import Verification

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
ORIGIN = "ledger.springfield.example/city"


def hash_of(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + hash_of(leaves[:k]) + hash_of(leaves[k:])).digest()


def tile_file(folder: Path, level: str, index: int, width: int) -> bytes:
    whole = f"{index:03d}" if index < 1000 else f"x{index // 1000:03d}/{index % 1000:03d}"
    return (folder / "tile" / level / (whole if width == 256 else f"{whole}.p/{width}")).read_bytes()


def read_as_specified(folder: Path, key: Ed25519PublicKey) -> list[bytes]:
    """Every entry, after every file that C2SP tlog-tiles names was held against them."""
    note = (folder / "checkpoint").read_text("utf-8")
    text, signatures = note.split("\n\n")
    origin, size_, root = text.split("\n")
    mark, name, signature = signatures.removesuffix("\n").split(" ")
    raw = base64.b64decode(signature)
    key_bytes = key.public_bytes_raw()
    assert (mark, name) == ("\u2014", origin)
    assert raw[:4] == sha256(name.encode() + b"\n\x01" + key_bytes).digest()[:4]
    key.verify(raw[4:], f"{text}\n".encode())
    size, entries = int(size_), []
    for index in range(-(-size // 256)):
        data = tile_file(folder, "entries", index, min(256, size - 256 * index))
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    hashes = [sha256(b"\x00" + entry).digest() for entry in entries]
    assert base64.b64encode(hash_of(hashes)).decode() == root
    level = 0
    while hashes:
        for index in range(-(-len(hashes) // 256)):
            held = hashes[256 * index : 256 * index + 256]
            assert tile_file(folder, str(level), index, len(held)) == b"".join(held)
        hashes = [hash_of(hashes[at : at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
        level += 1
    assert len(entries) == size
    return entries


@pytest.mark.parametrize("groups", [[1], [255, 1, 1], [256], [257, 300], [600] * 2, [65_535, 1]])
def test_the_folder_is_as_specified_at_each_size(tmp_path: Path, groups: list[int]):
    ledger = Ledger(tmp_path, KEY, ORIGIN)
    written: list[bytes] = []
    for number, count in enumerate(groups):
        group = [b"%d %d" % (number, at) for at in range(count)]
        assert ledger.append(group) == list(range(len(written), len(written) + count))
        written += group
        ledger = Ledger(tmp_path, KEY, ORIGIN)
    assert read_as_specified(tmp_path, KEY.public_key()) == written
    assert verify(tmp_path, KEY.public_key()).ok


def test_tiles_of_seventy_thousand_entries_are_those_of_the_specification(tmp_path: Path):
    """The example in C2SP tlog-tiles, section Partial Tiles."""
    Ledger(tmp_path, KEY).append([b"x"] * 70_000)
    files = [str(path.relative_to(tmp_path / "tile")) for path in (tmp_path / "tile").rglob("*") if path.is_file()]
    assert sum(name.startswith("0/") and ".p" not in name for name in files) == 273
    upper = sorted(
        name for name in files if not name.startswith(("entries/", "0/")) or (".p" in name and "0/" in name[:2])
    )
    assert upper == ["0/273.p/112", "1/000", "1/001.p/17", "2/000.p/1"]


def test_partial_tiles_stay_until_the_full_one_is_there(tmp_path: Path):
    ledger = Ledger(tmp_path, KEY)
    ledger.append([b"x"] * 250)
    for _ in range(5):
        ledger.append([b"x"])
    held = tmp_path / "tile" / "0" / "000.p"
    assert {path.name for path in held.iterdir()} == {str(width) for width in range(250, 256)}
    ledger.append([b"x"])
    assert not held.exists()
    assert (tmp_path / "tile" / "0" / "000").stat().st_size == 8_192


@given(st.integers(0, 10**12), st.one_of(st.just("entries"), st.integers(0, 63)), st.integers(1, 256))
def test_names_are_read_back(index: int, level: int | str, width: int):
    assert place_of(name_of((level, index, width))) == (level, index, width)


def test_names_are_written_in_one_way_only():
    assert name_of((0, 1_234_067, WIDTH)) == "tile/0/x001/x234/067"
    for name in ("tile/0/1", "tile/00/001", "tile/64/001", "tile/0/x000/001", "tile/0/001.p/256", "tile/0/001.p/0",
                 "tile/0/001.p/01", "tile/-1/001", "tile/entries/../001", "tile/0/001/002", "tile/0/001.p/",
                 "tile/٣/001",
                 "tile/entries/٠٠١", "entries/001", "tile/0/x001/x234/067/", "tile/0/001.p/5\n"):  # fmt: skip
        assert place_of(name) is None, name
    assert covers(300, (0, 1, 44))
    assert not covers(300, (0, 1, 45))
    assert not covers(300, (1, 0, 2))


def in_earlier_form(folder: Path, groups: list[list[bytes]]) -> list[str]:
    """A log as earlier versions wrote it."""
    entries: list[bytes] = []
    notes, ends, end = [], b"", 0
    folder.mkdir()
    for group in groups:
        entries += group
        notes.append(sign(Checkpoint(len(entries), root_of([leaf_hash(one) for one in entries])), KEY))
    for entry in entries:
        end += len(entry)
        ends += end.to_bytes(8, "big")
    (folder / "entries").write_bytes(b"".join(entries))
    (folder / "ends").write_bytes(ends)
    (folder / "leaves").write_bytes(b"".join(leaf_hash(entry) for entry in entries))
    (folder / "checkpoints").write_bytes(b"".join(note.encode() + b"\x00" for note in notes))
    return notes


GROUPS = [[b"first"], [b"%d" % at for at in range(400)], [b"", b"last"]]


def checked(folder: Path) -> Verification:
    return verify(folder, KEY.public_key())


def test_a_log_of_the_earlier_form_is_converted_once_and_keeps_its_checkpoints(tmp_path: Path):
    folder = tmp_path / "ledger"
    notes = in_earlier_form(folder, GROUPS)
    with pytest.raises(LedgerError, match="cityward ledger convert"):
        Ledger(folder, None)
    assert "ledger convert" in checked(folder).message
    ledger = Ledger(folder, KEY, ORIGIN)
    assert (ledger.origin, ledger.size, ledger.root()) == (ORIGIN, 403, parse(notes[-1]).root)
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "checkpoints", "tile"]
    assert ledger.append([b"more"]) == [403]
    assert read_as_specified(folder, KEY.public_key()) == [*(one for group in GROUPS for one in group), b"more"]
    path = folder / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"100", b"1x0"))
    assert checked(folder).first_bad == 101


@pytest.mark.parametrize("name", ["entries", "ends", "leaves", "checkpoints"])
def test_a_changed_log_of_the_earlier_form_is_not_converted(tmp_path: Path, name: str):
    folder = tmp_path / "ledger"
    in_earlier_form(folder, GROUPS)
    path = folder / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(LedgerError):
        Ledger(folder, KEY, ORIGIN)
    assert path.read_bytes() == raw
    assert not (folder / "checkpoint").exists()


@pytest.mark.parametrize("kept", [("tile",), ("tile", "checkpoint"), ("tile", "checkpoint", "ends")])
def test_a_conversion_that_was_interrupted_is_done_again_or_ended(tmp_path: Path, kept: tuple[str, ...]):
    folder, other = tmp_path / "ledger", tmp_path / "other"
    in_earlier_form(folder, GROUPS)
    shutil.copytree(folder, other)
    Ledger(other, KEY, ORIGIN)
    shutil.copytree(other / "tile", folder / "tile")
    if "checkpoint" in kept:
        shutil.copy(other / "checkpoint", folder)
    if "ends" in kept:  # some of the earlier files are gone
        (folder / "leaves").unlink()
    assert Ledger(folder, KEY, ORIGIN).size == 403
    assert checked(folder).ok
    assert not (folder / "ends").exists()


def test_a_log_keeps_its_name(tmp_path: Path):
    Ledger(tmp_path, KEY, ORIGIN).append([b"a"])
    assert Ledger(tmp_path, KEY).origin == ORIGIN
    with pytest.raises(SettingsError, match="keeps its name"):
        Ledger(tmp_path, KEY, "another.example/log")


def test_each_city_has_an_origin_of_its_own():
    assert origin_of("Springfield") == "cityward/springfield/ledger"
    assert origin_of("São Paulo") == "cityward/sao-paulo/ledger"
    names = [origin_of(name) for name in ("東京", "大阪", "—", "Łódź", "Lodz", "A+B C")]
    assert len(set(names)) == len(names)
    assert not any(sign in name for name in names for sign in " +")


def test_while_a_key_is_handed_over_files_of_evidence_hold_the_signature_of_the_new_one(tmp_path: Path):
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    ledger = Ledger(tmp_path, KEY, ORIGIN, [other, KEY])
    ledger.append([b"a"])
    assert ledger.checkpoint().count("\u2014") == 2
    held = proved_by(ledger, {0}, b"")[CHECKPOINT].decode()
    assert held.count("\u2014") == 1
    assert check(held, KEY.public_key()) == check(ledger.checkpoint(), other.public_key())


def test_two_programs_that_write_are_told(tmp_path: Path):
    one, two = Ledger(tmp_path, KEY, ORIGIN), Ledger(tmp_path, KEY, ORIGIN)
    one.append([b"a"])
    with pytest.raises(LedgerError, match="Another program"):
        two.append([b"b"])
    assert checked(tmp_path).ok
