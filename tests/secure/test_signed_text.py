"""Signed texts, their keys, and what does not count as a signature."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.errors import UserError
from cityward.secure.signed_text import countersign, read_verifier_key, sign_text, signers, text_of, verifier_key

ANA, BEN = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
KEYS = {"ana": ANA.public_key(), "ben": BEN.public_key()}
TEXT = "Ana hands it over to Ben\n"


def test_both_signatures_count_and_no_other() -> None:
    note = countersign(sign_text(TEXT, "ana", ANA), "ben", BEN)
    assert text_of(note) == TEXT
    assert signers(note, KEYS) == {"ana", "ben"}
    assert signers(note, {"ana": BEN.public_key()}) == set()
    assert signers(sign_text(TEXT, "ben", ANA), KEYS) == set()


@pytest.mark.parametrize(
    "tampered",
    [
        lambda note: note.replace("Ben\n", "Eve\n"),
        lambda note: note.replace("— ana ", "— ben "),
        lambda note: "Eve gets it all\n\n" + note,
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note + "x" * 20_000,
        lambda note: "",
    ],
)
def test_a_changed_note_is_signed_by_nobody(tampered) -> None:
    assert signers(tampered(sign_text(TEXT, "ana", ANA)), KEYS) == set()


def test_the_note_of_the_specification_is_read() -> None:
    """The example of C2SP signed-note, with the verifier key of its key identifier's form."""
    key = verifier_key("ana", ANA.public_key())
    name, public = read_verifier_key(key)
    assert name == "ana"
    assert signers(sign_text(TEXT, "ana", ANA), {name: public}) == {"ana"}
    middle, encoded = key.split("+", 2)[1:]
    assert len(middle) == 8
    assert base64.b64decode(encoded)[:1] == b"\x01"


def test_the_example_of_go_is_a_verifier_key() -> None:
    """Source: the documentation of golang.org/x/mod/sumdb/note."""
    name, key = read_verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert (name, isinstance(key, Ed25519PublicKey)) == ("PeterNeumann", True)
    note = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert signers(note, {name: key}) == {"PeterNeumann"}


@pytest.mark.parametrize(
    "wrong", ["", "none", "a+b+c", "ana+00000000+AQ==", "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_what_is_no_key_is_said(wrong: str) -> None:
    with pytest.raises(UserError, match="is not a verifier key"):
        read_verifier_key(wrong)
