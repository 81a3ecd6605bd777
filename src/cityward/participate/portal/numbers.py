"""Numbers, secrets and the one-time token of a form: letters that can be read out on a telephone.

All are derived with keyed digests, so that the same form sent twice is the same report, and nothing is kept from which
a secret could be read.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Final

LETTERS: Final = "bcdfghjklmnpqrstvwxz"
"""Letters that no word is made of. No digits: to the door in, digits in a row can be a telephone number."""

GROUP: Final = 5
NUMBER_LETTERS: Final = 15
"""64.8 bits: as many as the history tells rows apart by."""

SECRET_LETTERS: Final = 20
"""86 bits, of which one address can try ten a minute."""

_NONCE_BYTES: Final = 12
_TIME_BYTES: Final = 6
_MAC_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class Token:
    """The token of one form: ``text`` goes into the form; ``issued_s`` is when, in seconds since 1970."""

    text: str
    issued_s: int


def spelt(digest: bytes, letters: int) -> str:
    """A digest in groups of letters: ``bcdfg-hjklm-npqrs``.

    Parameters
    ----------
    digest : bytes
        At least 32 bytes, so that no letter is likelier than another.
    letters : int
        How many, a multiple of `GROUP`.
    """
    number, spelled = int.from_bytes(digest), []
    for _ in range(letters):
        number, place = divmod(number, len(LETTERS))
        spelled.append(LETTERS[place])
    text = "".join(spelled)
    return "-".join(text[at : at + GROUP] for at in range(0, letters, GROUP))


def as_typed(text: str, letters: int) -> str:
    """A number or secret as it is kept, of what somebody typed; empty when it can be none.

    Capitals, blanks and hyphens do not matter.
    """
    plain = "".join(sign for sign in text.strip().lower()[: 4 * letters] if sign not in " -\t\r\n.")
    if len(plain) != letters or not set(plain) <= set(LETTERS):
        return ""
    return "-".join(plain[at : at + GROUP] for at in range(0, letters, GROUP))


def number_of(key: bytes, token: str, content: bytes) -> str:
    """The number of a report: the same form with the same words has the same, other words have another.

    So a second click, a reload and a bad connection make one report, and nothing that was written is lost.
    """
    return spelt(hmac.digest(key, b"report number\0" + token.encode() + b"\0" + content, "sha256"), NUMBER_LETTERS)


def secret_of(key: bytes, number: str) -> str:
    """What opens a report, with its number; derived, kept nowhere."""
    return spelt(hmac.digest(key, b"report secret\0" + number.encode(), "sha256"), SECRET_LETTERS)


def is_secret(key: bytes, number: str, secret: str) -> bool:
    """Whether a secret is that of a number, whether there is such a report or not; takes equally long for all."""
    return hmac.compare_digest(secret.encode(), secret_of(key, number).encode())


def new_token(key: bytes, nonce: bytes, now_s: int) -> Token:
    """A token for one form.

    Parameters
    ----------
    key : bytes
        The city's key for residents.
    nonce : bytes
        12 random bytes.
    now_s : int
        Seconds since 1970.
    """
    body = nonce[:_NONCE_BYTES] + now_s.to_bytes(_TIME_BYTES)
    return Token(urlsafe_b64encode(body + _mac(key, body)).decode(), now_s)


def read_token(key: bytes, text: str) -> Token | None:
    """The token that came with a form, or None when this city did not make it."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except (UnicodeEncodeError, NotBase64, ValueError):
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != _NONCE_BYTES + _TIME_BYTES or not hmac.compare_digest(mac, _mac(key, body)):
        return None
    # Base64 has several spellings of the same bytes; one of them counts.
    return Token(urlsafe_b64encode(raw).decode(), int.from_bytes(body[_NONCE_BYTES:]))


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"form token\0" + body, "sha256")[:_MAC_BYTES]
