"""Where cityward may connect to: the one place that turns a name into an address for a call to the outside.

Whoever calls connects to the address that is returned, not to the name, so that the name cannot point elsewhere
between the check and the call. (Source: OWASP, Server-Side Request Forgery Prevention; CWE-918.)
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from cityward.core.errors import CitywardError

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 in which an IPv4 address is written (RFC 6052)."""

_CLOUD: Final = ipaddress.ip_address("fd00:ec2::254")
"""Where a cloud tells machines their secrets over IPv6; it is no link-local address."""


class NotAllowed(CitywardError):
    """An address that may not be connected to, or a name that leads nowhere; the message is for who set it."""


def address_of(host: str, port: int, *, private: bool) -> str:
    """An address of ``host`` that may be connected to.

    Parameters
    ----------
    private : bool
        Whether the settings allow machines of a private network, and this one.

    Raises
    ------
    NotAllowed
        The name is not known, or leads only to addresses that may not be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotAllowed(f"The name {host} is not known to the name servers.") from None
    for *_, (address, *_rest) in found:
        if may(str(address), private=private):
            return str(address).split("%", maxsplit=1)[0]
    raise NotAllowed(
        f"The name {host} leads to an address "
        + ("that no service has." if private else "of a private network, which this way may not use.")
    )


def may(address: str, *, private: bool) -> bool:
    """Whether an address may be connected to.

    Never one that is link-local, where clouds tell machines their secrets (169.254.169.254), multicast or no address
    at all; one of a private network, or this machine, only if ``private``.
    """
    found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return may(str(inner), private=private)
    if found.is_multicast or found.is_unspecified or found.is_link_local or found == _CLOUD:
        return False
    return private or found.is_global
