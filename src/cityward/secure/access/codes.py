"""One-time codes of an app, and codes on paper for the day on which the app is lost.

Source: RFC 6238 (TOTP), RFC 4226 (HOTP).
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

from cityward.secure.access.passwords import missing_extra

STEP_SECONDS: Final = 30
SECRET_BYTES: Final = 20
"""160 bits, as RFC 4226 (section 4, R6) recommends."""

DIGITS: Final = 6
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
"""120 random bits each, so that a plain digest keeps them (Source: OWASP ASVS 5.0, 6.5.2)."""


def new_secret() -> bytes:
    """A secret for an app of one-time codes."""
    return os.urandom(SECRET_BYTES)


def provisioning(secret: bytes, name: str, city: str) -> str:
    """The address that an app reads from a picture."""
    text = base64.b32encode(secret).decode()
    query = urlencode({"secret": text, "issuer": city, "digits": DIGITS, "period": STEP_SECONDS}, quote_via=quote)
    return f"otpauth://totp/{quote(city)}:{quote(name)}?{query}"


def picture(address: str) -> str:
    """An address as a QR code: a ``data:`` address of an SVG image."""
    try:
        import segno
    except ModuleNotFoundError:
        raise missing_extra() from None
    return str(segno.make(address, error="m").svg_data_uri(scale=4, dark="#000", light="#fff"))


def step_of(moment: datetime) -> int:
    """Number of the 30 seconds in which a moment lies."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    """The code of a step."""
    try:
        import pyotp
    except ModuleNotFoundError:
        raise missing_extra() from None
    return pyotp.HOTP(base64.b32encode(secret).decode(), digits=DIGITS).at(step)


def matching_step(secret: bytes, code: str, moment: datetime, used: int) -> int | None:
    """The step whose code was given: this one or the one before, and none that was used already.

    Parameters
    ----------
    secret : bytes
        Of the app.
    code : str
        As typed.
    moment : datetime.datetime
        Now, by our clock.
    used : int
        Step of the last code that was taken; no code counts twice.
    """
    now = step_of(moment)
    given = "".join(code.split()).encode("utf-8", "replace")
    found = None
    for step in (now - 1, now):
        same = hmac.compare_digest(code_at(secret, step).encode(), given)
        if same and step > used:
            found = step
    return found


def recovery_codes() -> list[str]:
    """New codes for paper, in groups of four."""
    made = (secrets.token_bytes(RECOVERY_BYTES) for _ in range(RECOVERY_CODES))
    return [_grouped(base64.b32encode(one).decode().lower()) for one in made]


def plain_recovery(code: str) -> str:
    """A recovery code as it is digested: without blanks and dashes, in small letters."""
    return "".join(code.split()).replace("-", "").lower()[:64]


def _grouped(text: str) -> str:
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))
