"""Open311: an order becomes a service request of another system, which is asked how it stands.

Source: Open311 GeoReport v2 (POST requests, GET service request, GET service_request_id from a token).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from cityward.act.send.http import Answer, Client, accepted
from cityward.act.send.way import NotDelivered, Report, Way
from cityward.core.errors import SettingsError
from cityward.core.work import Message

_FORM: Final = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
_CLOCKS_DIFFER: Final = timedelta(minutes=10)
_LOOKED_UP: Final = "whether it took the order is looked up at the next try."
REFERENCE_CHARS: Final = 200
NOTE_CHARS: Final = 1_000


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service_codes`` gives the other system's code of each service, ``service_code`` that of all others."""

    service_code: str = ""
    service_codes: dict[str, str] = {}
    jurisdiction_id: str = ""


class Open311:
    """A server of GeoReport v2. It knows no keys, so after an unclear try it is searched before it is asked again."""

    asks = True
    kinds = ("dispatch",)

    def __init__(self, way: Way) -> None:
        self._way = way
        self._options = way.read_options(Options)
        if not self._options.service_code and not self._options.service_codes:
            raise SettingsError(
                f"city.toml: the way '{way.name}' names no service code.",
                "Write [send.options] with service_code, or service_codes by service.",
            )
        self._client = Client(way)

    def send(self, message: Message) -> str | None:
        """Deliver an order and return ``id:…`` or ``token:…``."""
        data = msgspec.json.decode(message.body)["data"]
        code = self._options.service_codes.get(data["service"], self._options.service_code)
        if not code:
            raise NotDelivered(f"city.toml names no service code for {data['service']}.")
        if message.attempts > 1:
            held = self._held(message, code)
            if held:
                return held
        form = {
            **self._common(),
            "service_code": code,
            "lat": str(data["lat"]),
            "long": str(data["lon"]),
            "description": f"{data['instructions']} [{message.key}]",
        }
        if self._way.secret:
            form["api_key"] = self._way.secret
        answer = self._client.request("POST", "/requests.json", headers=_FORM, content=urlencode(form).encode())
        return _reference(_first(_said(answer)))

    def _common(self) -> dict[str, str]:
        return {"jurisdiction_id": self._options.jurisdiction_id} if self._options.jurisdiction_id else {}

    def _held(self, message: Message, code: str) -> str | None:
        """The request that an earlier try made, found by the key in its description."""
        since = (message.first_try_at or message.made_at).astimezone(UTC) - _CLOCKS_DIFFER
        # GeoReport v2, GET service requests: a server gives at most 90 days, and the first 1,000.
        query = {**self._common(), "service_code": code, "start_date": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        for row in _listed(accepted(self._client.request("GET", "/requests.json", query=query))):
            if isinstance(row, dict) and f"[{message.key}]" in str(row.get("description", "")):
                return _reference(row)
        return None

    def ask(self, message: Message) -> tuple[Report | None, str | None]:
        """Return how the service request stands; ``closed`` is the worker's word that it is done."""
        kind, _, name = (message.reference or "").partition(":")
        renamed = None
        if kind == "token":
            found = _first(_listed(accepted(self._client.request("GET", f"/tokens/{quote(name, safe='')}.json"))))
            identifier = found.get("service_request_id")
            if not identifier:
                return None, None
            name = str(identifier)[:REFERENCE_CHARS]
            renamed = f"id:{name}"
        path = f"/requests/{quote(name, safe='')}.json"
        row = _first(_listed(accepted(self._client.request("GET", path, query=self._common() or None))))
        if str(row.get("status", "")).lower() != "closed":
            return None, renamed
        return (
            Report(
                key=f"{self._way.name}:{name}:closed",
                order=message.order,
                state="done",
                by=str(row.get("agency_responsible") or self._way.name)[:REFERENCE_CHARS],
                because=str(row.get("status_notes") or "Closed in the other system.")[:NOTE_CHARS],
                at=_moment(row.get("updated_datetime")),
                round=int(msgspec.json.decode(message.body)["data"]["round"]),
            ),
            renamed,
        )

    def collect(self) -> Iterable[tuple[Report, Callable[[str], None]]]:
        """Nothing lies ready."""
        return ()

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def open_way(way: Way) -> Open311:
    """Return the way of a ``[[send]]`` table."""
    return Open311(way)


def _said(answer: Answer) -> list[Any]:
    """Rows of an answer; what a server says of an error is told."""
    if answer.status >= 400:
        try:
            told = _first(_listed(answer)).get("description", "")
        except NotDelivered:
            told = ""
        if told:
            raise NotDelivered(f"It answered {answer.status}: {str(told)[:200]}")
    return _listed(accepted(answer))


def _listed(answer: Answer) -> list[Any]:
    """Rows of a JSON list. Without them nobody knows what the other system did."""
    if not answer.whole:
        raise NotDelivered(
            "Its answer broke off or was too large; whether it took the order is looked up at the next try."
        )
    try:
        rows = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotDelivered(f"Its answer is not JSON; {_LOOKED_UP}") from None
    if not isinstance(rows, list):
        raise NotDelivered("Its answer is not the list that GeoReport v2 asks for.")
    return rows


def _first(rows: list[Any]) -> dict[str, Any]:
    if not rows or not isinstance(rows[0], dict):
        raise NotDelivered("Its answer names no service request.")
    return rows[0]


def _reference(row: dict[str, Any]) -> str:
    for field, kind in (("service_request_id", "id"), ("token", "token")):
        value = row.get(field)
        if isinstance(value, str | int) and str(value).strip():
            return f"{kind}:{str(value)[:REFERENCE_CHARS]}"
    raise NotDelivered("Its answer names neither a service request nor a token.")


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
