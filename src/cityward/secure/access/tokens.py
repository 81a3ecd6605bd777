"""Tokens and certificates of programs: each with actions it is limited to, and with an end."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import sqlalchemy as sql

from cityward.core.clock import micros, moment_of
from cityward.core.errors import StoreError, UnknownId, UserError
from cityward.core.principal import Principal
from cityward.secure.access.acts import Acts
from cityward.secure.access.records import ServiceToken
from cityward.secure.access.remembered import Remembered
from cityward.secure.access.sealing import digest_of, new_token
from cityward.secure.access.sessions import TOUCHED_EVERY_US
from cityward.secure.access.tables import TOKENS, Base

MARK: Final = "cw_"
"""How a token begins, so that a scanner of secrets finds one that was published by mistake."""

PREFIX_CHARS: Final = 8
NAME_CHARS: Final = 120
DAYS_MAX: Final = 365
SCOPES_MAX: Final = 50
_SCOPE: Final = re.compile(r"[a-z][a-z-]{0,39}:[a-z][a-z-]{0,39}")
_SOURCE: Final = re.compile(r"source:[\w .-]{1,60}")


class Tokens:
    """Issues, finds and revokes what programs show.

    Parameters
    ----------
    base : Base
        Database and clock.
    acts : Acts
        What the ledger is told.
    """

    def __init__(self, base: Base, acts: Acts) -> None:
        self._base, self._acts = base, acts
        self._known = Remembered[tuple[int, Principal]]()  # with the moment (us) at which it expires

    def issue(
        self, name: str, scopes: Sequence[str], days: int, by: str, *, source: str | None = None
    ) -> tuple[ServiceToken, str]:
        """Make a token; its secret is returned once and kept nowhere.

        Parameters
        ----------
        name : str
            What people call the program.
        scopes : sequence of str
            Actions it is limited to: ``intake:write``.
        days : int
            1 to `DAYS_MAX`.
        by : str
            Identifier of who makes it.
        source : str, optional
            The one source that it may write for; the scope ``source:NAME`` says so.

        Raises
        ------
        UserError
            The name, a scope or the number of days cannot be used.
        """
        secret = MARK + new_token()
        return self._keep("token", name, digest_of(secret), secret[:PREFIX_CHARS], scopes, source, days, by), secret

    def add_certificate(
        self, name: str, pem: bytes, scopes: Sequence[str], days: int, by: str, *, source: str | None = None
    ) -> ServiceToken:
        """Let in whoever shows a certificate (PEM); raises as `issue`, and when it is none."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        try:
            der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        except ValueError:
            raise UserError("That file holds no certificate.", "Give one in PEM.") from None
        digest = sha256(der).hexdigest()
        return self._keep("certificate", name, digest, digest[:PREFIX_CHARS], scopes, source, days, by)

    def _keep(
        self, kind: Literal["token", "certificate"], name: str, digest: str, prefix: str,
        scopes: Sequence[str], source: str | None, days: int, by: str,
    ) -> ServiceToken:  # fmt: skip
        if not name.strip() or len(name) > NAME_CHARS:
            raise UserError(f"A token has a name of 1 to {NAME_CHARS} characters.", "Say which program it is for.")
        if not 1 <= days <= DAYS_MAX:
            raise UserError(f"A token lasts 1 to {DAYS_MAX} days.", "Give the days with --days.")
        wanted = sorted({*scopes, *([f"source:{source}"] if source else [])})
        wrong = [scope for scope in wanted if not (_SCOPE.fullmatch(scope) or _SOURCE.fullmatch(scope))]
        if not scopes or wrong or len(wanted) > SCOPES_MAX:
            raise UserError("A token is limited to actions.", "Write --scope intake:write, once or more often.")
        now = self._base.clock.now()
        identifier = f"t-{secrets.token_hex(8)}"
        values = {
            "digest": digest, "id": identifier, "kind": kind, "name": name.strip(), "prefix": prefix,
            "scopes": "\n".join(wanted), "made_us": micros(now), "expires_us": micros(now + timedelta(days=days)),
        }  # fmt: skip
        if self._base.row(sql.select(TOKENS.c.id).where(TOKENS.c.digest == digest)) is not None:
            raise UserError("That certificate is known already.", "Make a new one, with a new key.")
        with self._base.writing() as connection:
            connection.execute(sql.insert(TOKENS).values(values))
            self._acts.note(
                connection, "token issued", identifier, token=kind, scopes=", ".join(wanted), days=days, by=by
            )
        return self.get(identifier)

    def all(self) -> list[ServiceToken]:
        """Every token, the newest first."""
        return [_token(row) for row in self._base.rows(sql.select(TOKENS).order_by(TOKENS.c.made_us.desc()))]

    def get(self, identifier: str) -> ServiceToken:
        """A token by its identifier; raises `UnknownId`."""
        row = self._base.row(sql.select(TOKENS).where(TOKENS.c.id == identifier))
        if row is None:
            raise UnknownId("There is no such token.", "'cityward access tokens' lists them.")
        return _token(row)

    def revoke(self, identifier: str, by: str) -> ServiceToken:
        """Let a token in no more, from now on."""
        token = self.get(identifier)
        if token.revoked_at is None:
            with self._base.writing() as connection:
                over = sql.update(TOKENS).where(TOKENS.c.id == identifier)
                connection.execute(over.values(revoked_us=self._base.now_us))
                self._acts.note(connection, "token revoked", identifier, by=by)
        self.forget()
        return self.get(identifier)

    def find(self, secret: str) -> Principal | None:
        """The program that a secret belongs to, or None."""
        return self._find(digest_of(secret), "token") if secret.startswith(MARK) else None

    def find_certificate(self, fingerprint: str) -> Principal | None:
        """The program that a certificate belongs to; ``fingerprint`` is its SHA-256, 64 hexadecimal digits."""
        return self._find(fingerprint, "certificate")

    def _find(self, digest: str, kind: Literal["token", "certificate"]) -> Principal | None:
        now = self._base.now_us
        known = self._known.find(digest)
        if known is not None and known[0] > now and known[1].assurance == kind:
            return known[1]
        changes = self._known.changes
        alive = (TOKENS.c.kind == kind, TOKENS.c.revoked_us.is_(None), TOKENS.c.expires_us > now)
        row = self._base.row(sql.select(TOKENS).where(TOKENS.c.digest == digest, *alive))
        # The index compares digests of secrets, so that its time tells nothing of a secret; this says so once more.
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        if row.used_us is None or now - row.used_us > TOUCHED_EVERY_US:
            with suppress(StoreError), self._base.writing() as connection:
                connection.execute(sql.update(TOKENS).where(TOKENS.c.digest == digest).values(used_us=now))
        principal = Principal(
            id=row.id, name=row.name, kind="service", roles=("source",), assurance=kind,
            at=moment_of(now), scopes=tuple(row.scopes.split("\n")), session=digest,
        )  # fmt: skip
        self._known.keep(digest, (row.expires_us, principal), changes)
        return principal

    def forget(self) -> None:
        """Look everything up again."""
        self._known.forget()


def _token(row: Any) -> ServiceToken:
    return ServiceToken(
        id=row.id,
        kind=row.kind,
        name=row.name,
        prefix=row.prefix,
        scopes=tuple(row.scopes.split("\n")),
        made_at=moment_of(row.made_us),
        expires_at=moment_of(row.expires_us),
        used_at=None if row.used_us is None else moment_of(row.used_us),
        revoked_at=None if row.revoked_us is None else moment_of(row.revoked_us),
    )
