"""Webhook: a signed POST to one address; the receiver reports back to ``/api/orders/{id}/status``.

Source: Standard Webhooks 1.0. The message's key is its ``webhook-id``, the same at every try, by which the
receiver knows what it has already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cityward.act.send.http import Client, accepted
from cityward.act.send.signing import key_of, sign
from cityward.act.send.way import Report, Way
from cityward.core.work import Message


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook has no options."""


class Webhook:
    """A signed POST. The status of the answer counts; its body is not needed."""

    asks = False
    kinds = ("dispatch", "cancel", "ask")

    def __init__(self, way: Way) -> None:
        way.read_options(Options)
        self._now = way.now
        self._key = key_of(way.required_secret())
        self._client = Client(way)

    def send(self, message: Message) -> str | None:
        """Deliver a message; any 2xx is an acknowledgement, however its body ends."""
        body = message.body.encode()
        headers = {"content-type": "application/json", **sign(self._key, message.key, self._now(), body)}
        accepted(self._client.request("POST", headers=headers, content=body))
        return None

    def ask(self, _: Message) -> tuple[Report | None, str | None]:
        """Nothing: the receiver reports by itself."""
        return None, None

    def collect(self) -> Iterable[tuple[Report, Callable[[str], None]]]:
        """Nothing lies ready."""
        return ()

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def open_way(way: Way) -> Webhook:
    """Return the way of a ``[[send]]`` table."""
    return Webhook(way)
