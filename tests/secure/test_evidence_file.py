"""A file of evidence: equal contents are equal bytes, every changed byte is named, and nothing can be blown up."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import UserError
from cityward.core.receipts import receipt
from cityward.secure.evidence_check import MANIFEST, check_evidence, manifest_of, proved_by
from cityward.secure.evidence_file import pack, unpack
from cityward.secure.ledger import Ledger

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
WORDS = {"a.json": b"{}", "b/C-1.json": b"[1,2]", "README.txt": "é\n".encode()}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Contents that a small ledger proves."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"), SIGNER)
    ledger.append([receipt("need", f"N-{at}", NOW, b"") for at in range(5)])
    manifest = manifest_of(WORDS)
    (index,) = ledger.append([receipt("liability", "LF-1", NOW, manifest)])
    ledger.append([receipt("need", "N-9", NOW, b"")])
    key = SIGNER.public_key().public_bytes_raw().hex().encode() + b"\n"
    return {**WORDS, MANIFEST: manifest, **proved_by(ledger, {2, index, 99}, key)}


def wrong(data: bytes) -> str:
    """What is said of a changed file, or nothing."""
    try:
        files, changed = unpack(data)
    except UserError as error:
        return str(error)
    return " ".join([*changed, *check_evidence(files, "liability")])


def test_equal_contents_are_equal_bytes(sealed: dict[str, bytes]) -> None:
    data = pack(sealed)
    assert pack(dict(reversed(sealed.items()))) == data
    assert unpack(data) == (sealed, ())
    assert wrong(data) == ""
    assert "ledger/99.json" not in sealed


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 2**32), bit=st.integers(0, 7))
def test_every_changed_bit_is_told(sealed: dict[str, bytes], at: int, bit: int) -> None:
    data = bytearray(pack(sealed))
    data[at % len(data)] ^= 1 << bit
    assert wrong(bytes(data))


@settings(max_examples=50, deadline=None)
@given(keep=st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_told(sealed: dict[str, bytes], keep: float) -> None:
    data = pack(sealed)
    assert wrong(data[: int(keep * len(data))])
    assert wrong(data + b"\x00")


@pytest.mark.parametrize(
    "name", ["a.json", "b/C-1.json", "README.txt", MANIFEST, "ledger.json", "checkpoint.txt", "city.pub"]
)
def test_a_changed_file_is_named_though_its_checksum_was_mended(sealed: dict[str, bytes], name: str) -> None:
    assert name in wrong(pack({**sealed, name: sealed[name][:-1] + b"~"}))
    assert f"{name} is missing" in wrong(pack({key: data for key, data in sealed.items() if key != name}))


def test_other_letters_for_the_same_bytes_are_another_file(sealed: dict[str, bytes]) -> None:
    for name in ("ledger.json", "city.pub"):
        shouted = sealed[name].replace(b"a", b"A")
        assert shouted != sealed[name]
        assert name in wrong(pack({**sealed, name: shouted}))
    note = sealed["checkpoint.txt"].decode()
    signature = note.rstrip("\n").rpartition(" ")[2]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = signature.rstrip("=")[-1]
    twin = letters[letters.index(last) ^ 1]
    other = note.replace(signature, signature.replace(f"{last}=", f"{twin}="))
    assert "checkpoint.txt" in wrong(pack({**sealed, "checkpoint.txt": other.encode()}))
    assert "checkpoint.txt" in wrong(pack({**sealed, "checkpoint.txt": (note + "— x AAAA\n").encode()}))


def test_what_was_added_is_named(sealed: dict[str, bytes]) -> None:
    assert "more.txt was added" in wrong(pack({**sealed, "more.txt": b""}))
    assert "ledger/77.json" in wrong(pack({**sealed, "ledger/77.json": sealed["ledger/2.json"]}))
    assert "records/X-1.json is not what the ledger" in wrong(pack({**sealed, "records/X-1.json": b"{}"}))


def test_a_key_that_is_trusted_decides(sealed: dict[str, bytes]) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32).public_key()
    assert check_evidence(sealed, "liability", SIGNER.public_key()) == []
    assert check_evidence(sealed, "liability", other) == ["city.pub is not the key of the city that you gave."]


def test_nothing_is_blown_up() -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("liability.json", b"0" * 10**8)
    with pytest.raises(UserError, match=r"not packed as cityward packs.*nothing in it was unpacked"):
        unpack(bomb.getvalue())
    with pytest.raises(UserError, match="more than 64 MB"):
        unpack(bytes(64 * 2**20 + 1))


def test_a_list_that_promises_more_than_there_is_unpacks_nothing() -> None:
    data = pack({"a": b"0" * 1_000})
    size, more = (1_000).to_bytes(4, "little"), (10**9).to_bytes(4, "little")
    listed = data.index(b"PK\x01\x02")
    lying = data[:listed] + data[listed:].replace(size + size, more + more)
    with pytest.raises(UserError, match="holds more than it has bytes"):
        unpack(lying)


@pytest.mark.parametrize("name", ["../up", "/root", "a//b", "C:\\x", "a/../b", "xxx//"])
def test_odd_names_are_refused(name: str) -> None:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr(zipfile.ZipInfo(name), b"")
    with pytest.raises(UserError):
        unpack(held.getvalue())


def test_what_is_no_zip_is_told(tmp_path: Path) -> None:
    for data in (b"", b"PK", b"not a zip", bytes(100)):
        with pytest.raises(UserError, match="cut off, damaged, or no ZIP"):
            unpack(data)
