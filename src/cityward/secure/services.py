"""Brokers and databases that an operator names: no password in the address, and no plain connection to elsewhere.

An address stands in lists of processes, logs and histories of shells; a password in it is known to whoever reads them.
What is sent in plain to another machine anybody between can read and change.

Source: OWASP ASVS 5.0, 12.3.1 and 13.2.1.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from cityward.core.errors import UserError
from cityward.core.plain_secrets import holds_secret

ENCRYPTED: Final = frozenset({"mqtts", "tls", "wss", "https"})
VERIFIED: Final = frozenset({"verify-full", "verify-ca"})
"""Values of ``sslmode`` under which libpq checks whom it talks to; ``require`` takes any certificate."""


def is_here(host: str) -> bool:
    """Whether a host, as an address names it, is this machine."""
    name = host.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def broker_at(url: str, *, plain: bool) -> SplitResult:
    """The parts of a broker's address.

    Parameters
    ----------
    plain : bool
        Whether the operator said that a plain connection to another machine is right.

    Raises
    ------
    UserError
        It holds a password, is none, or is plain and of another machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.password is not None or holds_secret(url):
        raise UserError(
            "The address holds a password, and stands in every list of processes.",
            "Leave it out, and give --password-file FILE or set CITYWARD_BROKER_PASSWORD; then change the password.",
        )
    if not host:
        raise UserError(
            "This is no address of a broker.", "Write mqtts://user@host:8883 or tls://user@host:4222, and so on."
        )
    if parts.scheme not in ENCRYPTED and not is_here(host) and not plain:
        raise UserError(
            "This connection to another machine would be plain: anybody between could read and change it.",
            "Use mqtts:// or tls://, or say --plain where the network is yours alone.",
        )
    return parts


def check_database(url: str, *, plain: bool) -> str:
    """Say what is wrong with the address of a database; empty when it may be used.

    Parameters
    ----------
    plain : bool
        Whether the settings say that a connection that checks no certificate is right.
    """
    try:
        parts = urlsplit(url)
        asked = parse_qs(parts.query)
        hosts = [parts.hostname or "", *asked.get("host", ()), *asked.get("hostaddr", ())]
    except ValueError:
        return "is no address"
    if parts.password is not None or holds_secret(url):
        return "holds a password"
    far = [one for host in hosts for one in host.split(",") if one and not one.startswith("/") and not is_here(one)]
    if far and not plain and not set(asked.get("sslmode", ("",))) <= VERIFIED:
        return "is on another machine and checks no certificate"
    return ""
