"""Signing in by a sign-in service: OpenID Connect, authorization code with PKCE, for people who were invited.

Nobody registers himself: an account of the service is tied to a person when that person takes an invitation with it.

Source: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7; RFC 7636 (PKCE); RFC 9207 (issuer in the answer);
RFC 9700, section 2.1 (best current practice).
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import sqlalchemy as sql

from cityward.core.clock import monotonic
from cityward.core.errors import SettingsError, UserError
from cityward.secure.access.flows import Flows
from cityward.secure.access.passwords import missing_extra
from cityward.secure.access.people import People
from cityward.secure.access.records import Granted, NotRecognised, Visit
from cityward.secure.access.sealing import Seal
from cityward.secure.access.sessions import Sessions
from cityward.secure.access.settings import SignInService
from cityward.secure.access.tables import PEOPLE, Base

Fetch = Callable[[str, bool, Mapping[str, str], bytes | None], tuple[int, bytes]]
"""Asks an address: (address, whether it may be private, headers, body or None for GET) → status and body. It raises
`UserError` when nobody answers, and lets no name lead to a machine that it may not reach."""

REMEMBERED_SECONDS: Final = 3_600.0
"""How long what a service says of itself, and its keys, are not asked again."""

KEYS_ASKED_SECONDS: Final = 60.0
"""Shortest time between two looks for a key that is not known."""

SKEW_SECONDS: Final = 60
"""How far two clocks may differ."""

FRESH_SECONDS: Final = 600
"""Oldest token of identity that is taken."""

TOKEN_CHARS: Final = 16_384
SUBJECT_CHARS: Final = 255
WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Ready(NamedTuple):
    """A sign-in service of the settings, with its secret read."""

    settings: SignInService
    secret: str | None


class Going(msgspec.Struct, frozen=True):
    """A sign-in that went to a service; ``invitation`` is the code that somebody takes with it."""

    service: str
    state: str
    nonce: str
    verifier: str
    back: str
    invitation: str
    onward: str


class _Service:
    """What one service says of itself, and its keys, remembered for a while."""

    def __init__(self, ready: Ready, fetch: Fetch) -> None:
        self.settings, self.secret, self._fetch = ready.settings, ready.secret, fetch
        self._said: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, Any] | None = None

    def said(self) -> dict[str, Any]:
        """The discovery document, checked."""
        if self._said is None or monotonic() > self._said[0]:
            found = self._json(self.settings.issuer.rstrip("/") + WELL_KNOWN)
            if found.get("issuer") != self.settings.issuer:
                raise SettingsError("The sign-in service calls itself by another name.", "Correct its 'issuer'.")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                self._check_address(found.get(name))
            self._said = (monotonic() + REMEMBERED_SECONDS, found)
        return self._said[1]

    def _check_address(self, address: object) -> None:
        schemes = ("https", "http") if self.settings.allow_private else ("https",)
        parts = urlsplit(address) if isinstance(address, str) else None
        if parts is None or parts.scheme not in schemes or not parts.hostname or parts.username:
            raise UserError("The sign-in service names an address that cannot be used.", "Ask who runs it.")

    def keys(self, kid: str | None) -> Any:
        """Its public keys; asked anew when a key is not among them, but not more often than once a minute."""
        from joserfc.jwk import KeySet

        now = monotonic()
        known = self._keys
        missing = known is not None and kid is not None and all(key.kid != kid for key in known[1].keys)
        age = REMEMBERED_SECONDS if known is None else now - known[0]
        if known is None or age >= REMEMBERED_SECONDS or (missing and age >= KEYS_ASKED_SECONDS):
            found = self._json(str(self.said()["jwks_uri"])).get("keys")
            usable = [
                key
                for key in (found if isinstance(found, list) else [])
                if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
            ]
            try:
                known = self._keys = (now, KeySet.import_key_set({"keys": usable}))
            except Exception:  # noqa: BLE001 - a service may send whatever it likes
                raise UserError("The keys of the sign-in service cannot be read.", "Ask who runs it.") from None
        return known[1]

    def token(self, going: Going, code: str) -> str:
        """Trade the code for a token of identity."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": going.back,
            "code_verifier": going.verifier,
        }  # fmt: skip
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if self.secret is None:
            form["client_id"] = self.settings.client
        else:
            pair = f"{quote(self.settings.client, safe='')}:{quote(self.secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        found = self._json(str(self.said()["token_endpoint"]), headers, urlencode(form).encode())
        token = found.get("id_token")
        if not isinstance(token, str) or len(token) > TOKEN_CHARS:
            raise _refused()
        return token

    def _json(
        self, address: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        status, text = self._fetch(address, self.settings.allow_private, headers or {}, body)
        try:
            found = json.loads(text) if status == 200 else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            if body is not None:
                raise _refused()
            raise UserError("The sign-in service does not answer as it should.", "Try again, or sign in another way.")
        return found


class Services:
    """Sends people to sign-in services, and takes what these say of them.

    Parameters
    ----------
    base, seal, flows, people, sessions
        The parts.
    ready : mapping
        Services by name.
    fetch : callable
        See `Fetch`.
    max_age_seconds : int
        How long ago somebody may have proved to the service who they are.
    """

    def __init__(
        self, base: Base, seal: Seal, flows: Flows, people: People, sessions: Sessions,
        ready: Mapping[str, Ready], fetch: Fetch, max_age_seconds: int,
    ) -> None:  # fmt: skip
        self._base, self._seal, self._flows, self._people, self._sessions = base, seal, flows, people, sessions
        self._services = {name: _Service(one, fetch) for name, one in ready.items()}
        self._max_age = max_age_seconds

    def labels(self) -> dict[str, str]:
        """Names of the services, and what people call them."""
        return {name: one.settings.label for name, one in self._services.items()}

    def begin(self, name: str, back: str, *, invitation: str = "", onward: str = "/") -> tuple[str, str]:
        """Begin a sign-in; return the address to send the browser to, and the flow.

        Parameters
        ----------
        name : str
            Of the service in the settings.
        back : str
            Where the service sends the browser back to; the service knows it.
        invitation : str
            Code of an invitation that is taken with it.
        onward : str
            Page of ours that follows.
        """
        service = self._named(name)
        going = Going(
            name,
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            back,
            invitation,
            onward,
        )
        challenge = base64.urlsafe_b64encode(sha256(going.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "scope": "openid", "client_id": service.settings.client, "redirect_uri": back,
            "state": going.state, "nonce": going.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
            "max_age": str(self._max_age),
        }  # fmt: skip
        address = str(service.said()["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", self._flows.begin(going)

    def finish(self, flow: str, answer: Mapping[str, str], visit: Visit) -> tuple[Granted, str]:
        """Take what a service sent the browser back with; return the sign-in and the page that follows.

        Raises
        ------
        NotRecognised
            It is not an answer to what was asked, is forged or too old, or is about nobody who was invited.
        """
        going = self._flows.read(flow, Going)
        if going is None or not hmac.compare_digest(answer.get("state", "").encode(), going.state.encode()):
            raise _refused()
        service = self._named(going.service)
        named = answer.get("iss")
        must = service.said().get("authorization_response_iss_parameter_supported") is True
        if (named is None and must) or named not in (None, service.settings.issuer) or "code" not in answer:
            raise _refused()
        # Used up before the code is traded, so that one answer is worth one try.
        with self._base.writing() as connection:
            if not self._flows.use(connection, flow):
                raise _refused()
        claims = self._claims(service, going, service.token(going, answer["code"]))
        subject = self._seal.digest("subject", f"{service.settings.issuer}\x1f{claims['sub']}")
        return self._granted(going, subject, int(claims["auth_time"]), visit), going.onward

    def _granted(self, going: Going, subject: str, proved_at: int, visit: Visit) -> Granted:
        row = self._base.row(sql.select(PEOPLE.c.id).where(PEOPLE.c.subject == subject))
        invited = self._people.invited(going.invitation) if going.invitation else None
        if row is None and (invited is None or invited[1] == "password"):
            raise _refused()
        person = self._people.get(row.id) if row is not None else invited[0] if invited else None
        if person is None or (row is not None and person.state != "active"):
            raise _refused()
        with self._base.writing() as connection:
            if row is None:
                if not self._people.take_invitation(connection, going.invitation):
                    raise _refused()
                connection.execute(sql.update(PEOPLE).where(PEOPLE.c.id == person.id).values(subject=subject))
                self._people.activate(connection, person)
            session, principal = self._sessions.begin(
                connection, person, "sign-in service", visit, proved_us=proved_at * 1_000_000
            )
        return Granted(session=session, device="", principal=principal)

    def _claims(self, service: _Service, going: Going, token: str) -> dict[str, Any]:
        """What a token of identity says, once everything about it holds."""
        allowed = list(service.settings.algorithms)
        try:
            from joserfc import jwt
            from joserfc.errors import JoseError
        except ModuleNotFoundError:
            raise missing_extra() from None
        try:
            head = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
            kid = head.get("kid") if isinstance(head, dict) else None
            keys = service.keys(kid if isinstance(kid, str) else None)
            claims: dict[str, Any] = jwt.decode(token, keys, algorithms=allowed).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise _refused() from None
        now = int(self._base.clock.now().timestamp())
        if not self._hold(claims, service.settings, going.nonce, now):
            raise _refused()
        return claims

    def _hold(self, claims: dict[str, Any], settings: SignInService, nonce: str, now: int) -> bool:
        """Whether claims are by this service, for us, about this sign-in, and of now."""
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party = claims.get("azp", None if len(audiences) > 1 else settings.client)
        times = [claims.get(name) for name in ("exp", "iat", "auth_time")]
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in times):
            return False
        expires, issued, proved = (int(one or 0) for one in times)
        subject, given, begins = claims.get("sub"), claims.get("nonce"), claims.get("nbf", now)
        methods = claims.get("amr")
        told = {str(one) for one in [claims.get("acr"), *(methods if isinstance(methods, list) else [])]}
        return (
            claims.get("iss") == settings.issuer
            and settings.client in audiences
            and party == settings.client
            and now < expires + SKEW_SECONDS
            and now - FRESH_SECONDS <= issued <= now + SKEW_SECONDS
            and now - self._max_age - SKEW_SECONDS <= proved <= now + SKEW_SECONDS
            and isinstance(begins, int)
            and begins <= now + SKEW_SECONDS
            and isinstance(subject, str)
            and 0 < len(subject) <= SUBJECT_CHARS
            and isinstance(given, str)
            and hmac.compare_digest(given.encode(), nonce.encode())
            and (not settings.strong or bool(told & set(settings.strong)))
        )

    def _named(self, name: str) -> _Service:
        if name not in self._services:
            raise UserError("There is no such sign-in service here.", "Choose one on the page.")
        return self._services[name]


def _refused() -> NotRecognised:
    return NotRecognised(
        "The sign-in service did not let you in here.", "Try again; if it stays so, ask a security officer."
    )
