"""Who asks for a page, and under which name what they send is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from cityward.core.principal import Principal

if TYPE_CHECKING:
    from cityward.secure.policy import Asker


def asker_of(request: Request) -> Asker | None:
    """Who asks, if the door asked; None where nobody signs in at all."""
    found: Asker | None = getattr(request.state, "asker", None)
    return found


def signed_in(request: Request) -> Principal | None:
    """The person who is signed in, or None where a name is taken at its word."""
    asker = asker_of(request)
    return None if asker is None else asker.signed_in


def permit(request: Request, action: str, kind: str, identifier: str) -> None:
    """Let an act be done that is another than the one of its route.

    Raises
    ------
    cityward.core.errors.Refused
        They may not.
    """
    asker = asker_of(request)
    if asker is not None:
        asker.permit(action, kind, identifier)


def signed(request: Request, fields: dict[str, str]) -> dict[str, str]:
    """The fields of a form, with the name of who is signed in as ``by`` and their roles as ``competence``.

    Raises
    ------
    cityward.core.errors.Refused
        It was sent under another name.
    """
    who = signed_in(request)
    asker = asker_of(request)
    if who is None or asker is None:
        return fields
    competence = {"competence": ", ".join(who.roles)} if "competence" in fields else {}
    return {**fields, "by": asker.name(fields.get("by", "")), **competence}
