"""Devices on which somebody signed in before: a sealed cookie, so that the wrong tries of others hold nobody up there.

Source: OWASP, Slow Down Online Guessing Attacks with Device Cookies.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

import msgspec

from cityward.core.clock import micros
from cityward.secure.access.sealing import Seal, digest_of
from cityward.secure.access.tables import Base

LASTS: Final = timedelta(days=90)


class _Device(msgspec.Struct, frozen=True):
    person: str
    password_us: int
    until_us: int
    nonce: str


class Devices:
    """Makes and reads the cookies of known devices.

    Parameters
    ----------
    base : Base
        The clock.
    seal : Seal
        Its key.
    """

    def __init__(self, base: Base, seal: Seal) -> None:
        self._base, self._seal = base, seal

    def know(self, person: str, password_us: int) -> str:
        """A cookie for a device on which somebody just signed in; a new password makes it worthless."""
        until = micros(self._base.clock.now() + LASTS)
        device = _Device(person, password_us, until, secrets.token_hex(16))
        return self._seal.close_text("device", msgspec.json.encode(device))

    def known(self, cookie: str, person: str, password_us: int) -> str:
        """Digest of the device when its cookie is one of this person and password; else empty."""
        plain = self._seal.open_text("device", cookie[:1_000])
        if plain is None:
            return ""
        device = msgspec.json.decode(plain, type=_Device)
        mine = (device.person, device.password_us) == (person, password_us) and device.until_us > self._base.now_us
        return digest_of(device.nonce) if mine else ""
