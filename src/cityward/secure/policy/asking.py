"""One request or command: who asks, and whether they may; what pages and doors hand around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from cityward.core.errors import Refused, UserError
from cityward.core.person_names import same_person
from cityward.core.principal import Principal
from cityward.secure.policy.four_eyes import FourEyes
from cityward.secure.policy.policies import ROLES, Around, Policies, Resource, Verdict

MACHINE: Final = "machine"

Facts = Callable[[str, str], dict[str, Any]]
"""Facts of a thing by kind and identifier, as policies look at them; empty of one that is not there."""


class Ask(msgspec.Struct, frozen=True):
    """What a route asks: an action, about a thing of a kind; ``by`` is the part of the path that names the thing."""

    action: str
    kind: str = "City"
    by: str = ""


def at_machine() -> Principal:
    """Somebody at the machine itself, who is not signed in."""
    everything = tuple(role for role in ROLES if role not in ("resident", "source"))
    return Principal(id=MACHINE, name="", kind="person", roles=everything)


def nobody() -> Principal:
    """Somebody of whom nothing is known: a resident, until they prove to be more."""
    return Principal(id="anyone", name="", kind="resident", roles=("resident",))


class Asker:
    """Who asks, with what decides.

    Parameters
    ----------
    principal : Principal
    around : Around
        The circumstances.
    policies : Policies
    four_eyes : FourEyes
    facts : callable
        Facts of things.
    """

    def __init__(
        self, principal: Principal, around: Around, policies: Policies, four_eyes: FourEyes, facts: Facts
    ) -> None:
        self.principal, self.around = principal, around
        self._policies, self._four_eyes, self._facts = policies, four_eyes, facts

    @property
    def signed_in(self) -> Principal | None:
        """The person who is signed in, or None."""
        who = self.principal
        return who if who.kind == "person" and who.id != MACHINE else None

    @property
    def open_here(self) -> bool:
        """Whether nobody signs in on this machine, and a name is taken at its word."""
        return self.principal.id == MACHINE

    def may(
        self, action: str, kind: str = "City", identifier: str = "", *, four_eyes: bool = False, fresh: bool = False
    ) -> Verdict:
        """Whether they may do an act, and why; if another person had agreed, or if they signed in just now."""
        around = msgspec.structs.replace(self.around, four_eyes=four_eyes)
        if fresh:
            around = msgspec.structs.replace(around, age_seconds=0)
        resource = Resource(kind=kind, id=identifier, facts=self._facts(kind, identifier))
        return self._policies.decide(self.principal, action, resource, around)

    def permit(self, action: str, kind: str, identifier: str) -> None:
        """Let an act be done; raises `Refused` when they may not."""
        verdict = self.may(action, kind, identifier)
        if not verdict.allowed:
            raise Refused(verdict.rule, verdict.told)

    def require(self, action: str, kind: str, identifier: str, exact: bytes, words: str) -> None:
        """Let an act be done that may take a second person; what it takes is used up.

        Parameters
        ----------
        exact : bytes
            Exactly what is asked; another person agrees to this and to nothing else.
        words : str
            The same for the one who is asked to agree.

        Raises
        ------
        Refused
            They may not, or another person has still to agree; the request is then made.
        """
        if self.may(action, kind, identifier).allowed:
            return
        verdict = self.may(action, kind, identifier, four_eyes=True)
        if not verdict.allowed:
            raise Refused(verdict.rule, verdict.told)
        self._four_eyes.demand(action, identifier, exact, words, self.principal)

    def name(self, typed: str) -> str:
        """The name under which something is done: of who is signed in; else the one that is typed.

        Raises
        ------
        Refused
            Another name is typed than that of who is signed in.
        UserError
            No name is typed where nobody signs in.
        """
        who = self.signed_in
        if who is None:
            if not typed.strip():
                raise UserError("Nobody is named who does this.", "Give a first and a last name.")
            return typed
        if typed.strip() and not same_person(typed, who.name):
            raise Refused(
                "name-of-another", "This was sent under another name than yours.", "Leave the name out; yours is taken."
            )
        return who.name
