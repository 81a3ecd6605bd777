"""A short look at every parser with inputs that nearly fit; ``scripts/fuzz`` looks for minutes or nights."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.harnesses import HARNESSES, run

TRIES = 60
SLOW = ("areas", "guess", "csv", "policies", "feed", "sigma")
PIECES = (
    b"\0", b"\xff\xfe", b'"', b"[" * 3_000, b"{" * 3_000, b"\r\n", b",", b"9" * 5_000, b"1e999", b"nan", b"\\ud800",
    b"\xed\xa0\x80", b"0001-01-01", b"9999-12-31", b"&#0;", b"]]>", b"'''", b"=1+1", b"T00:00+99:99", b"1_000",
)  # fmt: skip


def changed(seed: bytes, chance: random.Random) -> bytes:
    """A seed with one to three places overwritten, removed, doubled or filled with what breaks readers."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
        piece = chance.choice(PIECES)
        step = chance.randrange(4)
        if step == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif step == 1:
            del data[at : at + chance.randint(1, 20)]
        elif step == 2:
            data[at:at] = data[other : other + 40]
        else:
            data[at:at] = piece
    return bytes(data)


@pytest.mark.parametrize("name", HARNESSES)
def test_no_parser_says_anything_but_what_is_meant_for_a_person(name: str) -> None:
    chance = random.Random(f"cityward {name}")
    seeds = HARNESSES[name].seeds()
    for seed in seeds:
        run(name, seed)
    for _ in range(TRIES // 4 if name in SLOW else TRIES):
        run(name, changed(chance.choice(seeds), chance))
