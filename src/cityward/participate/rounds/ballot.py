"""A ballot: what a form chooses, checked against the round, in one way of writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from cityward.core.errors import UserError
from cityward.core.records import Record
from cityward.participate.rounds.shape import Round

_DIGITS_MAX: Final = 4


class Ballot(Record, frozen=True, kw_only=True):
    """One ballot. ``chosen`` are identifiers of projects: of a ranked ballot the best first, else in the round's order.

    ``points`` of a cumulative ballot are those of ``chosen``, each at least 1; else there are none. ``area`` is where
    the voter says that he lives, or empty.
    """

    chosen: tuple[str, ...]
    points: tuple[int, ...] = ()
    area: str = ""


class NoBallot(UserError):
    """A form that is no ballot; ``why`` names what is wrong."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"This is no ballot ({why}).", "Look at what was chosen.")


def read_ballot(fields: Mapping[str, Sequence[str]], found: Round, areas: Collection[str]) -> Ballot:
    """Read a form.

    Parameters
    ----------
    fields : mapping of str to sequence of str
        ``choice`` (approval: the identifiers chosen), else ``p-ID`` (points, or the place in the ranking) for each
        project; ``area``.
    found : Round
        The round.
    areas : collection of str
        Areas that can be named.

    Raises
    ------
    NoBallot
        ``empty``, ``too_many``, ``no_number``, ``twice``, ``gap`` or ``area``.
    """
    area = (fields.get("area") or [""])[0] if found.ask_area else ""
    if area and area not in areas:
        raise NoBallot("area")
    if found.vote == "approval":
        wanted = set(fields.get("choice") or ())
        chosen = tuple(one.id for one in found.projects if one.id in wanted)
        points: tuple[int, ...] = ()
        if len(wanted) != len(chosen):
            raise NoBallot("no_number")
    else:
        numbers = _numbers(fields, found)
        chosen = _ranked(numbers) if found.vote == "ranked" else tuple(numbers)
        points = tuple(numbers.values()) if found.vote == "cumulative" else ()
    if not chosen:
        raise NoBallot("empty")
    if (sum(points) or len(chosen)) > found.most:
        raise NoBallot("too_many")
    return Ballot(chosen=chosen, points=points, area=area)


def _numbers(fields: Mapping[str, Sequence[str]], found: Round) -> dict[str, int]:
    """The number beside each project that has one above 0, in the order of the round."""
    typed = {one.id: (fields.get(f"p-{one.id}") or [""])[0].strip() for one in found.projects}
    if any(text and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX) for text in typed.values()):
        raise NoBallot("no_number")
    return {name: int(text) for name, text in typed.items() if text.strip("0")}


def _ranked(places: Mapping[str, int]) -> tuple[str, ...]:
    """Projects by their place, which runs from 1 without a gap."""
    order = sorted(places, key=lambda one: places[one])
    taken = [places[one] for one in order]
    if len(set(taken)) < len(taken):
        raise NoBallot("twice")
    if taken != list(range(1, len(taken) + 1)):
        raise NoBallot("gap")
    return tuple(order)


def content_of(ballot: Ballot) -> bytes:
    """A ballot as it lies in the box."""
    return msgspec.json.encode(ballot, order="deterministic")


def commitment(nonce: str, receipt: str, content: bytes) -> bytes:
    """What the ledger holds the SHA-256 of: nobody who lacks the voter's nonce can tell which ballot it is.

    Parameters
    ----------
    nonce : str
        At least 128 random bits that the voter has and nobody keeps.
    receipt : str
        Number of the ballot in the list that is published.
    content : bytes
        `content_of` the ballot.

    Notes
    -----
    SHA-256 of a long random value and a message is a commitment: hiding while the value is secret, binding because a
    second message with the same digest cannot be found.

    **Source**: Halevi and Micali, Practical and provably-secure commitment schemes from collision-free hashing, CRYPTO
    1996, treat it with proof; the simple form here is safe in the random-oracle model.
    """
    return nonce.encode() + b"\n" + receipt.encode() + b"\n" + content


def proves(nonce: str, receipt: str, content: bytes, digest: str) -> bool:
    """Whether a digest of the ledger is that of this ballot."""
    return sha256(commitment(nonce, receipt, content)).hexdigest() == digest
