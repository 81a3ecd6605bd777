"""How often one client may ask: a token bucket for each client and kind of request, in bounded memory.

Source: RFC 2697 calls it a token bucket; RFC 6585, section 4, the answer 429.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from cityward.core.clock import monotonic
from cityward.core.limits import PACED_CLIENTS

FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
"""Headers by which somebody between says for whom they ask."""

IPV6_NETWORK_BITS: Final = 64
"""What one household or machine is given of IPv6: all of it is one client."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second in the long run, and so many at once after a pause."""

    per_second: float
    burst: int


RATES: Final[Mapping[str, Rate]] = {
    "static": Rate(100, 1_000),
    "read": Rate(20, 300),
    "change": Rate(2, 60),
    "work": Rate(0.2, 10),
    "intake": Rate(20, 200),
    "bulk": Rate(5_000, 20_000),
}
"""By kind of request. ``work`` re-computes a whole city or ledger; ``bulk`` is intake with a token."""

_WORK: Final = frozenset({("POST", "/api/turns"), ("POST", "/api/watch"), ("GET", "/api/verify"), ("POST", "/ledger")})


def kind_of(method: str, path: str, headers: Mapping[bytes, bytes]) -> str:
    """Name of the rate that a request counts against."""
    if path.startswith("/static/"):
        return "static"
    if (method, path) in _WORK:
        return "work"
    if method in ("GET", "HEAD", "OPTIONS"):
        return "read"
    if path.startswith("/api/sources/"):
        return "bulk" if b"authorization" in headers else "intake"
    return "change"


def client_of(peer: str | None, headers: Mapping[bytes, bytes], proxies: Collection[str]) -> str | None:
    """Who asks, as far as it can be believed; None for this machine itself, which is not held to any pace.

    Parameters
    ----------
    peer : str or None
        The address of the other end of the connection.
    headers : mapping of bytes to bytes
        A proxy's word counts only if its own address is among ``proxies``; of the addresses that ``x-forwarded-for``
        lists, the last that is no proxy of ours was seen by one of them, and what stands before it anybody can write.
    """
    if peer in proxies:
        told = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        return next((_network(one) for one in map(str.strip, reversed(told)) if one and one not in proxies), peer)
    address = _address(peer or "")
    if address is None or (address.is_loopback and not any(name in headers for name in FORWARDED)):
        return None
    return _network(peer or "")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(text: str) -> str:
    found = _address(text)
    if found is None:
        return "unreadable"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_NETWORK_BITS), strict=False))


class Pace:
    """Buckets of clients; those that were not seen for longest are forgotten first.

    To be forgotten fills a bucket, so that who can ask from more addresses than are kept is not held up here; a
    bounded memory is worth more.
    """

    def __init__(self, rates: Mapping[str, Rate] = RATES, clients: int = PACED_CLIENTS) -> None:
        self._rates = rates
        self._clients = clients
        self._held: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def wait_seconds(self, client: str, kind: str) -> int:
        """Count one request; 0 when it may go on, else how many whole seconds to wait."""
        rate, now = self._rates[kind], monotonic()
        tokens, last = self._held.pop((client, kind), (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - last) * rate.per_second)
        allowed = tokens >= 1
        self._held[client, kind] = (tokens - allowed, now)
        if len(self._held) > self._clients:
            self._held.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - tokens) / rate.per_second))
