"""Passkeys (WebAuthn): made, and signed in with. The person is verified by the device, so one is two factors.

Source: W3C Web Authentication Level 3, sections 7.1 and 7.2.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sql

from cityward.secure.access.flows import Flows
from cityward.secure.access.passwords import missing_extra
from cityward.secure.access.records import Events, NotRecognised, Person
from cityward.secure.access.ways import Passkey, Ways

if TYPE_CHECKING:
    from types import ModuleType


CHALLENGE_BYTES: Final = 32
ANSWER_BYTES: Final = 64 * 2**10
"""Longest answer of an authenticator that is read."""


class Site(NamedTuple):
    """To whom a passkey belongs: the name of the host, and the address that a browser shows."""

    host: str
    origin: str


class Making(msgspec.Struct, frozen=True):
    """A passkey that somebody began to make."""

    challenge: bytes
    person: str


class Asking(msgspec.Struct, frozen=True):
    """A sign-in that somebody began; nobody knows yet who."""

    challenge: bytes


class Passkeys:
    """Options for a browser, and what its answers prove.

    Parameters
    ----------
    flows : Flows
        Carry challenges.
    ways : Ways
        Keep what is made.
    events : callable
        Is told of a known passkey that does not prove itself.
    city : str
        Name of the city.
    """

    def __init__(self, flows: Flows, ways: Ways, events: Events, city: str) -> None:
        self._flows, self._ways, self._events, self._city = flows, ways, events, city

    def make(self, person: Person, site: Site) -> tuple[str, str]:
        """Begin to make a passkey; return the options for the browser (JSON) and the flow."""
        library, kinds = _library()
        challenge = os.urandom(CHALLENGE_BYTES)
        options = library.generate_registration_options(
            rp_id=site.host,
            rp_name=self._city,
            user_id=person.id.encode(),
            user_name=person.name,
            challenge=challenge,
            authenticator_selection=kinds.AuthenticatorSelectionCriteria(
                resident_key=kinds.ResidentKeyRequirement.REQUIRED,
                user_verification=kinds.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                kinds.PublicKeyCredentialDescriptor(id=one.id) for one in self._ways.passkeys(person.id)
            ],
        )
        return str(library.options_to_json(options)), self._flows.begin(Making(challenge, person.id))

    def made(self, person: Person, site: Site, flow: str, answer: str) -> Passkey:
        """Check the passkey that a browser made; `use` then lets its flow count once.

        Raises
        ------
        NotRecognised
            The answer does not belong to what was asked, or proves nothing.
        """
        library, _ = _library()
        asked = self._flows.read(flow, Making)
        if asked is None or asked.person != person.id or len(answer) > ANSWER_BYTES:
            raise _refused()
        try:
            proved = library.verify_registration_response(
                credential=answer,
                expected_challenge=asked.challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - hostile bytes find ways to fail that the library has no error for
            raise _refused() from None
        return Passkey(proved.credential_id, proved.credential_public_key, person=person.id, counter=proved.sign_count)

    def ask(self, site: Site) -> tuple[str, str]:
        """Begin a sign-in; return the options for the browser (JSON) and the flow. They are the same for everybody."""
        library, kinds = _library()
        challenge = os.urandom(CHALLENGE_BYTES)
        required = kinds.UserVerificationRequirement.REQUIRED
        options = library.generate_authentication_options(
            rp_id=site.host, challenge=challenge, user_verification=required
        )
        return str(library.options_to_json(options)), self._flows.begin(Asking(challenge))

    def proved(self, site: Site, flow: str, answer: str) -> tuple[Passkey, int]:
        """The passkey that answered, and how often it says that it was used; raises `NotRecognised`."""
        library, _ = _library()
        asked = self._flows.read(flow, Asking)
        if asked is None or len(answer) > ANSWER_BYTES:
            raise _refused()
        passkey = None
        try:
            given = library.helpers.parse_authentication_credential_json(answer)
            passkey = self._ways.passkey(given.raw_id)
            if passkey is None or given.response.user_handle not in (None, passkey.person.encode()):
                raise _refused()
            proof = library.verify_authentication_response(
                credential=given,
                expected_challenge=asked.challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=passkey.key,
                credential_current_sign_count=passkey.counter,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - as above
            if passkey is not None:
                self._events("passkey refused", {"person": passkey.person})
            raise _refused() from None
        return passkey, int(proof.new_sign_count)

    def use(self, connection: sql.Connection, flow: str) -> None:
        """Use a flow up; raises `NotRecognised` when it was used before."""
        if not self._flows.use(connection, flow):
            raise _refused()

    def used(self, connection: sql.Connection, flow: str, passkey: Passkey, counter: int) -> None:
        """Write down a sign-in; raises `NotRecognised` when another with the same flow or counter was sooner."""
        self.use(connection, flow)
        if not self._ways.use_passkey(connection, passkey, counter):
            raise _refused()


def _refused() -> NotRecognised:
    return NotRecognised("That passkey was not recognised.", "Try again, or sign in another way.")


def _library() -> tuple[ModuleType, ModuleType]:
    try:
        import webauthn
        from webauthn.helpers import structs as kinds
    except ModuleNotFoundError:
        raise missing_extra() from None
    return webauthn, kinds
