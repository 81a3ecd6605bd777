"""The pace of sign-in: wrong tries make the next one wait, and nobody is locked out by the tries of others.

What waits is decided before a password is hashed. A wrong try counts against the name from that network, the network,
and the name from everywhere, each with waits that grow and end. Somebody on a device that signed in before counts
alone, and a passkey cannot be guessed and never waits: so a crowd that guesses at every name of a city slows down
those who come with a password from a device never seen, and nobody else.

Source: OWASP ASVS 5.0, 6.1.1 and 6.3.1; NIST SP 800-63B-4, section 3.2.2, which would stop an account after 100
failures; here they only slow it down and are reported, since a stop would let anybody close a city's console.
"""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final, Literal

import sqlalchemy as sql

from cityward.secure.access.records import Events, TooSoon
from cityward.secure.access.sealing import Seal
from cityward.secure.access.tables import ATTEMPTS, Base

Way = Literal["password", "app", "service"]

DAY_US: Final = 86_400_000_000
WINDOW_US: Final = DAY_US
"""Wrong tries count for a day."""

KEPT: Final = timedelta(days=30)
ROWS_MAX: Final = 1_000_000
"""Most attempts kept, about 300 MB; the oldest go first."""

PRUNED_EVERY: Final = 1_000
"""Attempts between two clearings of what is too old."""

REPORTED: Final = (20, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
"""Numbers of wrong tries at one name within a week, or of names tried from one network within a day, that are told."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``free`` wrong tries cost nothing; then the wait doubles from a second to ``longest_seconds``."""

    free: int
    longest_seconds: int

    def wait_seconds(self, failures: int) -> int:
        """Seconds from the last wrong try to the next."""
        over = failures - self.free
        return 0 if over < 0 else min(self.longest_seconds, 2 ** min(over, 20))


PAIR: Final = Pace(5, 900)
"""One name from one network, or on one known device."""

NETWORK: Final = Pace(30, 30)
"""One network, whatever the name: a town hall shares one, so its waits stay short."""

ACCOUNT: Final = Pace(50, 60)
"""One name from everywhere."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, counted as wrong until it proves right."""

    ordinal: int
    account: str
    network: str


def network_of(address: str) -> str:
    """The network of an address: what one person or household can hold of addresses (IPv4 /24, IPv6 /64)."""
    try:
        found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return "unknown"
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 64), strict=False))


class Throttle:
    """Decides when the next try may be made.

    Parameters
    ----------
    base : Base
        Database and clock.
    seal : Seal
        Names and networks are kept as keyed digests.
    events : callable
        Is told of guessing.
    """

    def __init__(self, base: Base, seal: Seal, events: Events) -> None:
        self._base, self._seal, self._events = base, seal, events
        # Looking and counting are one step: else a hundred tries at once would all find that there were none.
        self._lock = threading.Lock()

    def account_of(self, name: str) -> str:
        """The digest under which tries at a name are kept."""
        return self._seal.digest("account", name)

    def begin(self, name: str, address: str, device: str, way: Way) -> Attempt:
        """Count a try before anything costly is done for it.

        Parameters
        ----------
        name : str
            As `cityward.secure.access.people.folded_name` gives it.
        address : str
            IP address of whoever tries.
        device : str
            Digest of a known device of that name; empty for a stranger.
        way : {"password", "app", "service"}
            What is tried.

        Raises
        ------
        TooSoon
            It is not time yet; nothing is counted.
        """
        account, network = self.account_of(name), self._seal.digest("network", network_of(address))
        with self._lock:
            now = self._base.now_us
            wait = max(ceil((until - now) / 1_000_000) for until in [now, *self._until(account, network, device, now)])
            if wait > 0:
                raise TooSoon(wait)
            values = {"at_us": now, "account": account, "network": network, "device": device, "way": way}
            with self._base.writing() as connection:
                made = connection.execute(
                    sql.insert(ATTEMPTS).values(outcome="wrong", **values).returning(ATTEMPTS.c.ordinal)
                )
                ordinal = int(made.scalar_one())
        if ordinal % PRUNED_EVERY == 0:
            self.prune()
        return Attempt(ordinal, account, network)

    def _until(self, account: str, network: str, device: str, now: int) -> list[int]:
        """Moments until which each count asks to wait."""
        mine = ATTEMPTS.c.account == account
        if device:
            return [self._next(PAIR, now, mine, ATTEMPTS.c.device == device, forgiven=True)]
        strange = ATTEMPTS.c.device == ""
        here = ATTEMPTS.c.network == network
        return [
            self._next(PAIR, now, mine, here, strange, forgiven=True),
            self._next(NETWORK, now, here, strange),
            self._next(ACCOUNT, now, mine, strange),
        ]

    def _next(self, pace: Pace, now: int, *which: sql.ColumnElement[bool], forgiven: bool = False) -> int:
        """When the next try may be made; where ``forgiven``, tries before the last right one do not count."""
        wrong = [*which, ATTEMPTS.c.outcome == "wrong", ATTEMPTS.c.at_us > now - WINDOW_US]
        if forgiven:
            right = sql.select(sql.func.coalesce(sql.func.max(ATTEMPTS.c.ordinal), 0))
            wrong.append(ATTEMPTS.c.ordinal > right.where(*which, ATTEMPTS.c.outcome == "right").scalar_subquery())
        failures, last = self._base.row(sql.select(sql.func.count(), sql.func.max(ATTEMPTS.c.at_us)).where(*wrong))
        return int(last or 0) + 1_000_000 * pace.wait_seconds(failures) if failures else 0

    def right(self, connection: sql.Connection, attempt: Attempt) -> None:
        """Note that a try was right after all."""
        mark = sql.update(ATTEMPTS).where(ATTEMPTS.c.ordinal == attempt.ordinal)
        connection.execute(mark.values(outcome="right"))

    def undo(self, attempt: Attempt) -> None:
        """Count a try no more: there was no turn to look at it."""
        with self._base.writing() as connection:
            connection.execute(sql.update(ATTEMPTS).where(ATTEMPTS.c.ordinal == attempt.ordinal).values(outcome="busy"))

    def wrong(self, attempt: Attempt) -> None:
        """Tell the watch when a wrong try makes a number of them that is worth telling."""
        now = self._base.now_us
        of_name = [ATTEMPTS.c.account == attempt.account, ATTEMPTS.c.outcome == "wrong"]
        failures, networks = self._base.row(
            sql.select(sql.func.count(), sql.func.count(ATTEMPTS.c.network.distinct())).where(
                *of_name, ATTEMPTS.c.at_us > now - 7 * DAY_US
            )
        )
        if failures in REPORTED:
            facts = {"account": attempt.account, "failures": failures, "networks": networks, "days": 7}
            self._events("guessing", facts)
        earlier = [ATTEMPTS.c.network == attempt.network, ATTEMPTS.c.outcome == "wrong"]
        earlier += [ATTEMPTS.c.at_us > now - DAY_US]
        names = sql.func.count(ATTEMPTS.c.account.distinct())
        count = self._base.row(sql.select(names).where(*earlier))[0]
        before = self._base.row(sql.select(names).where(*earlier, ATTEMPTS.c.ordinal < attempt.ordinal))[0]
        if count in REPORTED and count > before:
            self._events("spraying", {"network": attempt.network, "accounts": count, "days": 1})

    def failures_since(self, name: str, since_us: int) -> int:
        """Wrong tries at a name since a moment: what its owner is shown."""
        wrong = [ATTEMPTS.c.account == self.account_of(name), ATTEMPTS.c.outcome == "wrong"]
        found = self._base.row(sql.select(sql.func.count()).where(*wrong, ATTEMPTS.c.at_us > since_us))
        return int(found[0])

    def prune(self) -> None:
        """Forget attempts that are older than `KEPT`, or more than `ROWS_MAX`."""
        oldest = self._base.now_us - int(KEPT / timedelta(microseconds=1))
        newest = sql.select(sql.func.max(ATTEMPTS.c.ordinal)).scalar_subquery()
        with self._base.writing() as connection:
            connection.execute(sql.delete(ATTEMPTS).where(ATTEMPTS.c.at_us < oldest))
            connection.execute(sql.delete(ATTEMPTS).where(ATTEMPTS.c.ordinal <= newest - ROWS_MAX))
