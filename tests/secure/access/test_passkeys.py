"""Passkeys of a device made of software: what it signs honestly counts, and nothing else does."""

from __future__ import annotations

import json
import os
import struct
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.secure.access.doors import HERE, NAME, Opened, let_in
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from cityward.core.errors import Refused
from cityward.secure.access.passkeys import Site
from cityward.secure.access.records import NotRecognised

SITE = Site("city.example.org", "https://city.example.org")
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Device:
    """An authenticator: one key, a counter, and the manners that a test gives it."""

    def __init__(self) -> None:
        self.key, self.id, self.counter = ec.generate_private_key(ec.SECP256R1()), os.urandom(32), 0
        self.flags, self.host, self.origin, self.user = PRESENT | VERIFIED, SITE.host, SITE.origin, b""

    def _head(self, more: int = 0) -> bytes:
        return sha256(self.host.encode()).digest() + struct.pack(">BI", self.flags | more, self.counter)

    def _said(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, **response: bytes) -> str:
        told = {name: bytes_to_base64url(value) for name, value in response.items()}
        name = bytes_to_base64url(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": told})

    def make(self, options: str) -> str:
        asked = json.loads(options)
        self.user = base64url_to_bytes(asked["user"]["id"])
        at = self.key.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")})
        data = self._head(ATTESTED) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(attestationObject=attestation, clientDataJSON=self._said("webauthn.create", asked))

    def sign(self, options: str) -> str:
        self.counter += 1
        said, data = self._said("webauthn.get", json.loads(options)), self._head()
        proof = self.key.sign(data + sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(authenticatorData=data, clientDataJSON=said, signature=proof, userHandle=self.user)


def registered(world: Opened, name: str = NAME) -> tuple[Device, Any]:
    granted, _, _ = let_in(world, name)
    device = Device()
    options, flow = world.access.passkeys.make(world.access.people.get(granted.principal.id), SITE)
    world.access.signing.add_passkey(granted.principal, SITE, flow, device.make(options), "Key")
    return device, granted.principal


def sign_in(world: Opened, device: Device, site: Site = SITE) -> Any:
    options, flow = world.access.passkeys.ask(site)
    return world.access.signing.by_passkey(site, flow, device.sign(options), HERE)


def test_a_passkey_signs_in_as_its_person(both: Opened) -> None:
    device, person = registered(both)
    granted = sign_in(both, device)
    assert (granted.principal.id, granted.principal.assurance) == (person.id, "passkey")
    sign_in(both, device)
    assert both.access.ways.passkeys(person.id)[0].counter == 2


def test_an_answer_counts_once_for_its_own_question_and_not_later(both: Opened) -> None:
    device, _ = registered(both)
    device.counter = -1  # a device without a counter: each answer says 0, so that only the question tells them apart
    device.sign, honest = lambda options: (setattr(device, "counter", -1), honest(options))[1], device.sign
    options, flow = both.access.passkeys.ask(SITE)
    answer = device.sign(options)
    both.access.signing.by_passkey(SITE, flow, answer, HERE)
    with pytest.raises(NotRecognised):
        both.access.signing.by_passkey(SITE, flow, answer, HERE)
    _, other = both.access.passkeys.ask(SITE)
    with pytest.raises(NotRecognised):
        both.access.signing.by_passkey(SITE, other, answer, HERE)
    options, late = both.access.passkeys.ask(SITE)
    both.time.moves(minutes=10)
    with pytest.raises(NotRecognised):
        both.access.signing.by_passkey(SITE, late, device.sign(options), HERE)


@pytest.mark.parametrize(
    ("trait", "value"),
    [("origin", "https://city.example.org.evil.example"), ("origin", "http://city.example.org"),
     ("host", "evil.example"),
     ("flags", PRESENT), ("flags", VERIFIED), ("counter", -1), ("user", b"p-somebody-else"), ("id", b"x" * 32),
     ("key", ec.generate_private_key(ec.SECP256R1()))],
)  # fmt: skip
def test_what_is_not_right_lets_nobody_in(world: Opened, trait: str, value: object) -> None:
    device, person = registered(world)
    sign_in(world, device)
    setattr(device, trait, value)
    with pytest.raises(NotRecognised):
        sign_in(world, device)
    known = trait not in ("id", "user")
    assert (("passkey refused", {"person": person.id}) in world.events) == (known or trait == "user")


@pytest.mark.parametrize("answer", ["", "{}", "null", "[]", '{"id": 7}', "x" * 100_000, '{"id":"AA","rawId":"AA"}'])
def test_what_is_no_answer_lets_nobody_in(world: Opened, answer: str) -> None:
    registered(world)
    _, flow = world.access.passkeys.ask(SITE)
    with pytest.raises(NotRecognised):
        world.access.signing.by_passkey(SITE, flow, answer, HERE)


def test_a_passkey_is_made_for_whom_it_was_asked(world: Opened) -> None:
    _, ana = registered(world)
    ben, _, _ = let_in(world, "Ben Okri", ("analyst",))
    options, flow = world.access.passkeys.make(world.access.people.get(ana.id), SITE)
    with pytest.raises(NotRecognised):
        world.access.signing.add_passkey(ben.principal, SITE, flow, Device().make(options), "Key")
    unverified = Device()
    unverified.flags = PRESENT
    with pytest.raises(NotRecognised):
        world.access.signing.add_passkey(ana, SITE, flow, unverified.make(options), "Key")
    made = Device().make(options)
    world.access.signing.add_passkey(ana, SITE, flow, made, "Key")
    with pytest.raises(NotRecognised):
        world.access.signing.add_passkey(ana, SITE, flow, made, "Key")


def test_the_last_way_stays_and_who_is_revoked_is_out(world: Opened) -> None:
    device, ana = registered(world)
    ways = {one.kind: one.id for one in world.access.ways.of(ana.id)}
    world.access.signing.remove(ana, ways["password"])
    with pytest.raises(Refused, match="Nothing would be left"):
        world.access.signing.remove(ana, ways["passkey"])
    other, _ = registered(world, "Ben Okri")
    world.access.people.revoke("Ben Okri", "machine")
    with pytest.raises(NotRecognised):
        sign_in(world, other)
    sign_in(world, device)


def test_everybody_is_asked_the_same(world: Opened) -> None:
    before = json.loads(world.access.passkeys.ask(SITE)[0])
    registered(world)
    after = json.loads(world.access.passkeys.ask(SITE)[0])
    assert before.keys() == after.keys()
    assert before.pop("challenge") != after.pop("challenge")
    assert before == after
