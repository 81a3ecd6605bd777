"""Who may come in, wired to a city: its registers, its keys, its ledger and its way out to sign-in services."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cityward.act.send.http import Client
from cityward.act.send.way import NotDelivered, Way
from cityward.core.clock import Clock
from cityward.core.errors import SettingsError, UserError
from cityward.secure.access import Access, Around, open_access
from cityward.secure.access.services import Ready
from cityward.secure.policy.four_eyes import agreed_here

if TYPE_CHECKING:
    from cityward.city.opened import Opened

ASKED_SECONDS = 5.0
"""Longest wait for each part of an answer of a sign-in service: somebody sits in front of the page."""


def access_of(city: Opened) -> Access:
    """Return who may come in to a city."""
    return open_access(
        city.folder.registers_url(city.settings.store.registers),
        city.folder.access_key,
        city.settings.access,
        city=city.name,
        clock=city.clock,
        around=Around(second=agreed_here, fetch=fetch, ready=_ready(city)),
    )


def fetch(address: str, private: bool, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
    """Ask an address of a sign-in service, under the rules for whatever leaves the house.

    Raises
    ------
    UserError
        It does not answer in time, or may not be asked.
    """
    way = Way(
        name="sign-in",
        adapter="http",
        folder=None,  # type: ignore[arg-type]
        now=Clock().now,
        url=address,
        allow_private=private,
        timeout_seconds=ASKED_SECONDS,
    )
    try:
        client = Client(way)
    except SettingsError:
        raise UserError("The sign-in service names an address that cannot be used.", "Ask who runs it.") from None
    try:
        answer = client.request("GET" if body is None else "POST", headers=headers, content=body)
    except NotDelivered as failed:
        raise UserError(f"The sign-in service cannot be reached. {failed.words}", "Sign in another way.") from None
    finally:
        client.close()
    return (answer.status, answer.body) if answer.whole else (0, b"")


def _ready(city: Opened) -> dict[str, Ready]:
    """The sign-in services of the settings, with their secrets.

    Raises
    ------
    SettingsError
        A secret is named and is not there.
    """
    found: dict[str, Ready] = {}
    for name, service in city.settings.access.services.items():
        secret = None
        if service.secret_environment:
            secret = os.environ.get(service.secret_environment)
        elif service.secret_file:
            path = city.path / service.secret_file
            secret = path.read_text(encoding="utf-8").strip() if path.is_file() else None
        if secret is None and (service.secret_environment or service.secret_file):
            raise SettingsError(
                f"city.toml: the secret of access.services.{name} is not there.",
                "Put it where secret_file or secret_environment says.",
            )
        found[name] = Ready(service, secret)
    return found
