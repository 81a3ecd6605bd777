"""Signing in, and setting what one signs in with."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sql

from cityward.core.errors import UserError
from cityward.core.principal import Assurance, Principal
from cityward.secure.access.codes import matching_step, new_secret, picture, provisioning, step_of
from cityward.secure.access.devices import Devices
from cityward.secure.access.passkeys import Passkeys, Site
from cityward.secure.access.passwords import Hashing, check_password
from cityward.secure.access.people import People, Purpose, folded_name
from cityward.secure.access.records import Events, Granted, NotRecognised, Person, Visit
from cityward.secure.access.sealing import Seal
from cityward.secure.access.sessions import Sessions
from cityward.secure.access.tables import Base
from cityward.secure.access.throttle import Attempt, Throttle, Way
from cityward.secure.access.ways import Ways


class NewApp(NamedTuple):
    """What a person needs to set up an app: the secret as text and picture, and sealed for the way back."""

    sealed: str
    text: str
    picture: str


class Signing:
    """Password and code, passkeys and invitations: what comes of each is a session.

    Parameters
    ----------
    base, seal, people, ways, sessions, throttle, passkeys, events
        The parts.
    city : str
        Name of the city, which no password may mostly consist of.
    """

    def __init__(
        self, base: Base, seal: Seal, people: People, ways: Ways, sessions: Sessions, throttle: Throttle,
        passkeys: Passkeys, events: Events, city: str,
    ) -> None:  # fmt: skip
        self._base, self._seal, self._people, self._ways = base, seal, people, ways
        self._sessions, self._throttle, self._passkeys = sessions, throttle, passkeys
        self._events, self._city = events, city
        self._devices, self._hashing = Devices(base, seal), Hashing()

    # -- in ----------------------------------------------------------------------------------------

    def by_password(self, name: str, password: str, code: str, visit: Visit) -> Granted:
        """Sign in with a password and a code of the app, or one on paper.

        Raises
        ------
        NotRecognised
            Something does not match; it is not said what, and it takes as long whatever it is.
        TooSoon
            There were many wrong tries.
        UserError
            Too many people sign in just now.
        """
        person = self._people.named(name)
        with self._tried(name, person, visit, "password") as (attempt, device):
            kept = self._ways.password(person.id if person else None)
            right = self._hashing.verify(kept[0] if kept else None, password, known=bool(device))
            if person is None or not right:
                raise NotRecognised
            with self._base.writing() as connection:
                if not self._ways.use_code(connection, person.id, code):
                    self._events("code wrong after password", {"person": person.id})
                    raise NotRecognised
                self._throttle.right(connection, attempt)
                self._ways.used_password(connection, person.id)
                return self._granted(connection, person, "password and code", visit, kept[1] if kept else 0)

    def by_passkey(self, site: Site, flow: str, answer: str, visit: Visit) -> Granted:
        """Sign in with a passkey; it cannot be guessed, so it never waits.

        Raises
        ------
        NotRecognised
            It proves nothing.
        """
        passkey, counter = self._passkeys.proved(site, flow, answer)
        person = self._people.get(passkey.person)
        if person.state != "active":
            raise NotRecognised
        kept = self._ways.password(person.id)
        with self._base.writing() as connection:
            self._passkeys.used(connection, flow, passkey, counter)
            return self._granted(connection, person, "passkey", visit, kept[1] if kept else 0)

    def _granted(
        self, connection: sql.Connection, person: Person, assurance: Assurance, visit: Visit, password_us: int = 0
    ) -> Granted:
        device = self._devices.know(person.id, password_us)
        session, principal = self._sessions.begin(connection, person, assurance, visit)
        return Granted(session=session, device=device, principal=principal)

    @contextmanager
    def _tried(self, name: str, person: Person | None, visit: Visit, way: Way) -> Iterator[tuple[Attempt, str]]:
        """Count a try before it costs anything, and tell the watch when it was wrong."""
        kept = self._ways.password(person.id if person else None)
        device = self._devices.known(visit.device, person.id if person else "", kept[1] if kept else 0)
        attempt = self._throttle.begin(folded_name(name), visit.address, device, way)
        try:
            yield attempt, device
        except NotRecognised:
            self._throttle.wrong(attempt)
            raise
        except UserError:
            self._throttle.undo(attempt)  # nothing was tried: no turn came
            raise

    # -- by invitation -----------------------------------------------------------------------------

    def invited(self, code: str) -> tuple[Person, Purpose]:
        """Whom a code invites, and to what; raises `NotRecognised`."""
        found = self._people.invited(code)
        if found is None:
            raise NotRecognised("This invitation is not valid.", "It lasts 24 hours and works once. Ask for another.")
        return found

    def accept_password(
        self, code: str, password: str, app: str, app_code: str, visit: Visit
    ) -> tuple[Granted, list[str]]:
        """Take an invitation with a password and a code of the new app; return codes for paper too, once.

        Where the invitation is to set a new password only, the code is one of the app that is there already.

        Raises
        ------
        NotRecognised
            The invitation or the code of the app that is there is wrong.
        UserError
            The password cannot be taken, or the code of the new app is wrong.
        """
        person, purpose = self.invited(code)
        check_password(password, (self._city, person.name))
        keeps_app = purpose == "password" and self._ways.has_app(person.id)
        if keeps_app:
            with self._tried(person.name, person, visit, "app") as (attempt, _), self._base.writing() as connection:
                if not self._ways.use_code(connection, person.id, app_code):
                    raise NotRecognised
                self._throttle.right(connection, attempt)
        secret, step = (b"", 0) if keeps_app else self._confirmed(person, app, app_code)
        kept = self._hashing.hash(password)
        with self._base.writing() as connection:
            self._take(connection, code)
            self._ways.set_password(connection, person.id, kept)
            paper: list[str] = []
            if not keeps_app:
                self._ways.set_app(connection, person.id, secret, step)
                paper = self._ways.new_paper(connection, person.id)
            self._people.activate(connection, person)
            granted = self._granted(connection, person, "password and code", visit, self._base.now_us)
        self._sessions.forget()
        return granted, paper

    def accept_passkey(self, code: str, site: Site, flow: str, answer: str, label: str, visit: Visit) -> Granted:
        """Take an invitation with a passkey; raises `NotRecognised`."""
        person, purpose = self.invited(code)
        if purpose == "password":
            raise NotRecognised("This code sets a new password.", "Choose a password.")
        made = self._passkeys.made(person, site, flow, answer)
        with self._base.writing() as connection:
            self._take(connection, code)
            self._passkeys.use(connection, flow)
            self._ways.add_passkey(connection, person.id, made, label)
            self._people.activate(connection, person)
            return self._granted(connection, person, "passkey", visit)

    def _take(self, connection: sql.Connection, code: str) -> None:
        if not self._people.take_invitation(connection, code):
            raise NotRecognised("This invitation was used already.", "Ask for another.")

    # -- one's own account -------------------------------------------------------------------------

    def new_app(self, person: Person, sealed: str = "") -> NewApp:
        """The secret of a new app, which counts once a code of it is given; ``sealed`` shows the same once more."""
        secret = self._seal.open_text("new app", sealed, person.id) or new_secret()
        text = base64.b32encode(secret).decode()
        shown = picture(provisioning(secret, person.name, self._city))
        grouped = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
        return NewApp(self._seal.close_text("new app", secret, person.id), grouped, shown)

    def _confirmed(self, person: Person, sealed: str, code: str) -> tuple[bytes, int]:
        secret = self._seal.open_text("new app", sealed, person.id)
        if secret is None:
            raise UserError("This page is out of date.", "Load it again, and scan the picture anew.")
        now = self._base.clock.now()
        step = matching_step(secret, code, now, 0)
        if step is None:
            raise UserError(
                "The code does not match.", "Type the one that the app shows now; the phone's clock must be right."
            )
        return secret, step_of(now)

    def change_password(self, who: Principal, current: str, new: str, visit: Visit) -> None:
        """Set another password, by who knows the current one; raises as `by_password` and `accept_password`."""
        person = self._people.get(who.id)
        check_password(new, (self._city, person.name))
        with self._tried(person.name, person, visit, "password") as (attempt, device):
            kept = self._ways.password(person.id)
            if not self._hashing.verify(kept[0] if kept else None, current, known=bool(device)):
                raise NotRecognised
            hashed = self._hashing.hash(new)
            with self._base.writing() as connection:
                self._throttle.right(connection, attempt)
                self._ways.set_password(connection, person.id, hashed)
        self._changed(person, "password")

    def set_password_and_app(self, who: Principal, password: str, app: str, app_code: str) -> list[str]:
        """Set a first password with an app, or another app, as somebody who proved just now who they are.

        Parameters
        ----------
        password : str
            Empty where there is one, which stays.

        Returns
        -------
        list of str
            Codes for paper, once.
        """
        person = self._people.get(who.id)
        has = self._ways.password(person.id) is not None
        if not has or password:
            check_password(password, (self._city, person.name))
        secret, step = self._confirmed(person, app, app_code)
        hashed = None if has else self._hashing.hash(password)
        with self._base.writing() as connection:
            if hashed is not None:
                self._ways.set_password(connection, person.id, hashed)
            self._ways.set_app(connection, person.id, secret, step)
            paper = self._ways.new_paper(connection, person.id)
        self._changed(person, "app")
        return paper

    def new_paper(self, who: Principal) -> list[str]:
        """New codes for paper in the place of the old ones."""
        with self._base.writing() as connection:
            return self._ways.new_paper(connection, who.id)

    def add_passkey(self, who: Principal, site: Site, flow: str, answer: str, label: str) -> None:
        """Add a passkey; raises `NotRecognised` and `Refused`."""
        person = self._people.get(who.id)
        made = self._passkeys.made(person, site, flow, answer)
        with self._base.writing() as connection:
            self._passkeys.use(connection, flow)
            self._ways.add_passkey(connection, person.id, made, label)
        self._changed(person, "passkey")

    def remove(self, who: Principal, identifier: str) -> None:
        """Delete a way to sign in; raises `UnknownId`, and `Refused` for the last one."""
        person = self._people.get(who.id)
        with self._base.writing() as connection:
            kind = self._ways.remove(connection, person.id, identifier)
        self._changed(person, kind)

    def _changed(self, person: Person, way: str) -> None:
        self._events("way to sign in changed", {"person": person.id, "way": way})
