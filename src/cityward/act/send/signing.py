"""Signed messages, on the way out and on the way in.

Source: Standard Webhooks 1.0 (headers ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``; symmetric
signatures ``v1``: HMAC-SHA256 over ``id.timestamp.body``, base64).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cityward.core.errors import Refused, SettingsError

REPLAY_SECONDS: Final = 300
"""How far a message's time may lie from ours: enough for clocks that differ, too little to be used again."""

SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
"""Sizes of a key that the standard asks for."""

ID_CHARS_MAX: Final = 128
_PREFIX: Final = "whsec_"


class Unsigned(Refused):
    """A message that does not prove where it comes from."""


def key_of(secret: str) -> bytes:
    """Bytes of a secret written as ``whsec_`` and base64.

    Raises
    ------
    SettingsError
        It is not such a secret, or too short to be one.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise SettingsError(
            f"A signing secret must be {_PREFIX} and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes.",
            "Make one with: echo whsec_$(openssl rand -base64 32)",
        )
    return key


def sign(key: bytes, identifier: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": identifier,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(key, identifier, stamp, body)}",
    }


def check(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the identifier of a message whose signature and time hold.

    Raises
    ------
    Unsigned
        Headers are missing, its time is too far from ours, or no signature fits.
    """
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not identifier or len(identifier) > ID_CHARS_MAX or not (stamp.isascii() and stamp.isdigit()) or not given:
        raise Unsigned(
            "webhook-signature", "The message is not signed.", "Send webhook-id, webhook-timestamp, webhook-signature."
        )
    if len(stamp) > 12 or abs(now.timestamp() - int(stamp)) > REPLAY_SECONDS:
        raise Unsigned(
            "webhook-timestamp",
            f"The message is more than {REPLAY_SECONDS} seconds away from the time here.",
            "Set the clock right and sign again.",
        )
    wanted = _signature(key, identifier, stamp, body)
    offered = [part.removeprefix("v1,") for part in given.split(" ")[:8] if part.startswith("v1,")]
    # Every offer is compared, so that the time taken tells nothing of which one fits.
    fits = [hmac.compare_digest(wanted.encode(), offer.encode("utf-8", "replace")) for offer in offered]
    if not any(fits):
        raise Unsigned(
            "webhook-signature", "The signature does not fit the message.", "Sign with the secret of this city."
        )
    return identifier


def _signature(key: bytes, identifier: str, stamp: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(key, f"{identifier}.{stamp}.".encode() + body, "sha256")).decode()
