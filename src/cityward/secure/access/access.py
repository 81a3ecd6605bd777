"""The façade: everything about who asks, opened once for a city."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sql

from cityward.core.clock import Clock
from cityward.core.principal import Principal
from cityward.secure.access.acts import Acts
from cityward.secure.access.flows import Flows
from cityward.secure.access.passkeys import Passkeys, Site
from cityward.secure.access.people import People, second_person_needed
from cityward.secure.access.records import Events, SecondPerson, Visit, agent_of
from cityward.secure.access.sealing import Seal, load_seal
from cityward.secure.access.services import Fetch, Ready, Services
from cityward.secure.access.sessions import Sessions
from cityward.secure.access.settings import AccessSection
from cityward.secure.access.signing import Signing
from cityward.secure.access.tables import PEOPLE, Base
from cityward.secure.access.throttle import Throttle
from cityward.secure.access.tokens import Tokens
from cityward.secure.access.ways import Ways
from cityward.store.engine import open_engine

COOKIE: Final = "cityward"
DEVICE_COOKIE: Final = "cityward-device"
FLOW_COOKIE: Final = "cityward-flow"
THEME_COOKIE: Final = "theme"
LANGUAGE_COOKIE: Final = "language"
"""This and the one before hold what somebody chose to see, and prove nothing."""

SECURE: Final = "__Host-"
"""Before the name of a cookie on https: a browser then takes it from this host alone, for this host alone."""

COOKIE_CHARS: Final = 100
CERTIFICATE_HEADER: Final = "x-client-certificate-sha256"
"""By which a trusted proxy tells the certificate of a client: 64 hexadecimal digits, with or without colons."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")


def _nobody_listens(kind: str, facts: Mapping[str, str | int]) -> None:
    """Events go nowhere unless somebody listens; attempts are kept all the same."""


def _no_way_out(address: str, private: bool, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:  # noqa: ARG001
    from cityward.core.errors import UserError

    raise UserError("Nothing is asked over the network from here.", "Sign in another way.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What access is given from outside; each has a default that is safe.

    Attributes
    ----------
    second : callable
        Agreement of a second person; the default refuses.
    events : callable
        Told of what a watch should know.
    fetch : callable
        Asks sign-in services; the default asks nobody.
    ready : mapping
        Sign-in services with their secrets.
    """

    second: SecondPerson = second_person_needed
    events: Events = _nobody_listens
    fetch: Fetch = _no_way_out
    ready: Mapping[str, Ready] = field(default_factory=dict)


class Access:
    """Who asks.

    Parameters
    ----------
    base : Base
        Database and clock.
    key : pathlib.Path
        File of the secret; made with the first person.
    settings : AccessSection
        ``[access]``.
    city : str
        Name of the city.
    around : Around
        What is given from outside.
    """

    def __init__(self, base: Base, key: Path, settings: AccessSection, city: str, around: Around) -> None:
        self.settings = settings
        self._base, self._key, self._city, self._around = base, key, city, around
        self.acts = Acts(base)
        self.encrypted = False
        """Whether we speak TLS ourselves, to every browser."""
        self.sessions = Sessions(base, self.acts, settings)
        self.tokens = Tokens(base, self.acts)

    @cached_property
    def _seal(self) -> Seal:
        return load_seal(self._key, used=self.anybody())

    @cached_property
    def people(self) -> People:
        """Who is invited and let in."""
        return People(self._base, self._seal, self.acts, self.sessions, self._around.second)

    @cached_property
    def ways(self) -> Ways:
        """By what each signs in."""
        return Ways(self._base, self._seal, self.acts)

    @cached_property
    def throttle(self) -> Throttle:
        """The pace of wrong tries."""
        return Throttle(self._base, self._seal, self._around.events)

    @cached_property
    def _flows(self) -> Flows:
        return Flows(self._base, self._seal)

    @cached_property
    def passkeys(self) -> Passkeys:
        """Options for browsers."""
        return Passkeys(self._flows, self.ways, self._around.events, self._city)

    @cached_property
    def signing(self) -> Signing:
        """Signing in."""
        return Signing(
            self._base, self._seal, self.people, self.ways, self.sessions, self.throttle, self.passkeys,
            self._around.events, self._city,
        )  # fmt: skip

    @cached_property
    def services(self) -> Services:
        """Sign-in services."""
        return Services(
            self._base, self._seal, self._flows, self.people, self.sessions, self._around.ready, self._around.fetch,
            self.settings.whole_hours * 3600,
        )  # fmt: skip

    # -- who asks ----------------------------------------------------------------------------------

    def anybody(self) -> bool:
        """Whether anybody was ever invited."""
        return self._base.row(sql.select(PEOPLE.c.id)) is not None

    def principal_of(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], client_certificate: str | None = None
    ) -> Principal | None:
        """Who asks by a request, or None.

        What is looked up is remembered for a few seconds; what is revoked in this program counts at once, what another
        program revokes after those seconds. A token that does not hold is never made good by a cookie.

        Parameters
        ----------
        headers : mapping
            By names in small letters.
        cookies : mapping
            By name.
        client_certificate : str, optional
            What `certificate_of` said.
        """
        authorization = headers.get("authorization", "")
        if authorization[:7].lower() == "bearer ":
            return self.tokens.find(authorization[7:].strip()[:COOKIE_CHARS])
        if client_certificate:
            return self.tokens.find_certificate(client_certificate)
        secret = self.cookie(cookies, COOKIE)
        return self.sessions.find(secret) if 0 < len(secret) <= COOKIE_CHARS else None

    def certificate_of(self, headers: Mapping[str, str], peer: str, der: bytes | None = None) -> str | None:
        """SHA-256 of the certificate that a client proved to hold, or None.

        Parameters
        ----------
        headers : mapping
            By names in small letters; `CERTIFICATE_HEADER` counts from a proxy of the settings alone.
        peer : str
            Address of whoever is connected.
        der : bytes, optional
            What our own TLS was shown.
        """
        if der:
            return sha256(der).hexdigest()
        told = headers.get(CERTIFICATE_HEADER, "").replace(":", "").strip().lower()
        return told if self._is_proxy(peer) and _HEX.fullmatch(told) else None

    def visit(self, headers: Mapping[str, str], cookies: Mapping[str, str], peer: str) -> Visit:
        """Where a request comes from; a proxy of the settings may say for whom it asks."""
        address = peer
        if self._is_proxy(peer):
            hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",")]
            address = next((hop for hop in reversed(hops) if hop and not self._is_proxy(hop)), peer)
        return Visit(
            address=address,
            agent=agent_of(headers.get("user-agent", "")[:500]),
            device=self.cookie(cookies, DEVICE_COOKIE),
            session=self.cookie(cookies, COOKIE)[:COOKIE_CHARS],
        )

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) == ipaddress.ip_address(one) for one in self.settings.proxies)
        except ValueError:
            return False

    def secure(self) -> bool:
        """Whether the console is on https, and cookies are kept to it."""
        return self.encrypted or (self.settings.origin or "").startswith("https://")

    def cookie_name(self, name: str) -> str:
        """The name of a cookie of ours: with `SECURE` on https, without on the loopback address."""
        return f"{SECURE}{name}" if self.secure() else name

    def cookie(self, cookies: Mapping[str, str], name: str) -> str:
        """Value of a cookie of ours; empty without one."""
        return cookies.get(self.cookie_name(name), "")

    def site(self, host: str) -> Site | None:
        """To whom passkeys belong when a browser asks for ``host`` (with its port); None where none can be used."""
        if self.settings.origin:
            return Site(urlsplit(self.settings.origin).hostname or "", self.settings.origin)
        return Site("localhost", f"http://{host}") if urlsplit(f"//{host}").hostname == "localhost" else None

    def form_token(self, principal: Principal) -> str:
        """What a form of this session carries, and no page of another site can know."""
        return self._seal.digest("form", principal.session)

    # -- keeping -----------------------------------------------------------------------------------

    def settle(self, append: Callable[[Sequence[bytes]], Sequence[int] | None]) -> int:
        """Hand acts that wait to the ledger; see `cityward.secure.access.acts.Acts.settle`."""
        return self.acts.settle(append)

    def prune(self) -> None:
        """Delete sessions that are over and attempts that are old."""
        self.sessions.prune()
        self.throttle.prune()


def open_access(
    url: str, key: Path, settings: AccessSection, *, city: str, clock: Clock, around: Around | None = None
) -> Access:
    """Open access in the database of the registers, making tables as needed.

    Raises
    ------
    SettingsError, StoreError
        As `cityward.store.engine.open_engine` and `make_tables`.
    """
    return Access(Base(open_engine(url), clock), key, settings, city, around or Around())
