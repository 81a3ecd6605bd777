"""A witness: what it signs, what it refuses and with which status, and what it keeps."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from cityward.api.witness import create_witness_app
from cityward.core.errors import StoreError, UserError
from cityward.secure.cosignature import cosigners
from cityward.secure.ledger import Ledger
from cityward.secure.merkle import EMPTY_ROOT
from cityward.secure.note import Checkpoint, parse, sign
from cityward.secure.signed_text import verifier_key
from cityward.secure.witness import BODY_BYTES_MAX, Witness, digest_of, request_body
from cityward.secure.witness_folder import key_of, make_witness, open_witness, trust

ORIGIN, NAME = "ledger.springfield.example/city", "w.example.org/1"
KEY, OTHER, SIGNER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2, 3))
KEYS = {NAME: SIGNER.public_key()}


@pytest.fixture
def log(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "log", KEY, ORIGIN)
    ledger.append([b"%d" % at for at in range(300)])
    return ledger


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return opened(tmp_path)


def opened(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness", NAME, SIGNER, {ORIGIN: [KEY.public_key()]})


def asked(log: Ledger, old: int) -> bytes:
    return request_body(old, log.consistency_proof(old) if 0 < old < log.size else [], log.checkpoint())


def test_it_signs_what_continues_what_it_saw(tmp_path: Path, witness: Witness, log: Ledger):
    for old in (0, 300, 301):
        if old:
            log.append([b"more"])
        answer = witness.add_checkpoint(asked(log, old))
        assert (answer.status, answer.text[-1]) == (200, "\n")
        assert list(cosigners(log.checkpoint() + answer.text, KEYS)) == [NAME]
        witness = opened(tmp_path)  # what it saw is on disk
    assert witness.add_checkpoint(asked(log, log.size)).status == 200
    assert parse(witness.seen(digest_of(ORIGIN)) or "").size == 302
    assert witness.seen("0" * 64) is None
    assert witness.alarms() == []


def test_refusals_have_the_status_of_the_specification(witness: Witness, log: Ledger):
    assert witness.add_checkpoint(asked(log, 0)).status == 200
    note = log.checkpoint()
    unknown = sign(Checkpoint(1, EMPTY_ROOT, "other.example/log"), KEY)
    foreign = sign(Checkpoint(301, b"x" * 32, ORIGIN), OTHER)
    for status, body in (
        (404, request_body(0, [], unknown)),
        (403, request_body(300, [], foreign)),
        (400, request_body(301, [], note)),
        (400, b""),
        (400, b"old 1"),
        (400, request_body(300, [], note).replace(b"old 300", b"old 0300")),
        (400, request_body(300, [], note).replace(b"old 300", b"old \xd9\xa3")),
        (400, request_body(300, [], note).replace(b"old", b"new")),
        (400, request_body(300, [b"x" * 31], note)),
        (400, request_body(300, [b"x" * 32] * 64, note)),
        (400, request_body(300, [], "a\nb\n\n")),
        (400, request_body(300, [], note) + b"x" * BODY_BYTES_MAX),
        (422, request_body(300, [b"x" * 32], note)),
    ):
        assert witness.add_checkpoint(body).status == status, body[:60]
    late = witness.add_checkpoint(request_body(0, [], note))
    assert (late.status, late.text, late.media_type) == (409, "300\n", "text/x.tlog.size")


def test_two_histories_are_refused_and_kept(tmp_path: Path, witness: Witness, log: Ledger):
    witness.add_checkpoint(asked(log, 0))
    other = Ledger(tmp_path / "other", KEY, ORIGIN)
    other.append([b"another"])
    assert witness.add_checkpoint(asked(other, 0)).status == 409  # it has fewer entries
    other.append([b"%d" % at for at in range(299)])
    assert witness.add_checkpoint(asked(other, 300)).status == 409  # as many, and others
    other.append([b"more"])
    for _ in range(2):
        assert witness.add_checkpoint(asked(other, 300)).status == 422
    alarms = witness.alarms()
    assert [alarm.kind for alarm in alarms] == ["smaller", "split view", "not continued"]
    assert alarms[1].sentence == f"The log '{ORIGIN}' contradicts itself: it signed two different logs of 300 entries."
    assert parse(alarms[1].seen).root != parse(alarms[1].submitted).root
    assert parse(witness.seen(digest_of(ORIGIN)) or "").root == log.root()


def test_nothing_is_signed_that_cannot_be_kept(witness: Witness, log: Ledger, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError):
            witness.add_checkpoint(asked(log, 0))
        answer = TestClient(create_witness_app(witness)).post("/add-checkpoint", content=asked(log, 0))
        assert (answer.status_code, answer.text.startswith("The disk failed")) == (503, True)
    assert witness.seen(digest_of(ORIGIN)) is None
    assert witness.add_checkpoint(asked(log, 0)).status == 200


def test_of_requests_at_once_none_takes_another_back(tmp_path: Path, witness: Witness, log: Ledger):
    bodies = []
    for _ in range(8):
        bodies.append(asked(log, 0))
        log.append([b"more"])
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(witness.add_checkpoint(body).status))
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


def test_over_http(witness: Witness, log: Ledger):
    client = TestClient(create_witness_app(witness))
    answer = client.post("/add-checkpoint", content=asked(log, 0))
    assert (answer.status_code, answer.text.startswith(f"\u2014 {NAME} ")) == (200, True)
    late = client.post("/add-checkpoint", content=asked(log, 0))
    assert (late.status_code, late.headers["content-type"], late.text) == (409, "text/x.tlog.size", "300\n")
    assert parse(client.get(f"/checkpoint/{digest_of(ORIGIN)}").text).size == 300
    assert client.get("/checkpoint/../witness.key").status_code == 404
    assert client.get("/add-checkpoint").status_code == 405
    assert client.post("/add-checkpoint", content=b"x" * 10**6).status_code == 400


def test_the_folder_of_a_witness(tmp_path: Path, log: Ledger):
    key = make_witness(tmp_path / "w", NAME)
    assert key == key_of(tmp_path / "w")
    assert key.startswith(f"{NAME}+")
    with pytest.raises(UserError, match="already"):
        make_witness(tmp_path / "w", NAME)
    with pytest.raises(UserError, match="needs a name"):
        make_witness(tmp_path / "v", "a b")
    assert open_witness(tmp_path / "w").add_checkpoint(asked(log, 0)).status == 404
    assert trust(tmp_path / "w", verifier_key(ORIGIN, KEY.public_key())) == ORIGIN
    assert open_witness(tmp_path / "w").add_checkpoint(asked(log, 0)).status == 200
