"""``[access]`` of ``city.toml``: how long a sign-in lasts, who stands before us, and which sign-in services count."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class SignInService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[access.services.NAME]``: a sign-in service of OpenID Connect whose word counts here.

    ``issuer`` is its address. The secret stands in ``secret_file`` (in the city folder) or in the variable
    ``secret_environment``, never here; a public client has none, and PKCE protects it. ``allow_private`` lets the
    service be a machine of a private network, or speak plain http. ``strong`` lists the values of ``acr`` and
    ``amr`` of which one must be told; empty takes the service's word for any.
    """

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    issuer: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#]{1,300}$")]
    client: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    secret_file: str | None = None
    secret_environment: str | None = None
    allow_private: bool = False
    algorithms: Annotated[
        tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"], ...],
        msgspec.Meta(min_length=1),
    ] = ("RS256", "ES256")
    strong: tuple[str, ...] = ()


class AccessSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in, and for how long.

    ``origin`` is the address of the console as browsers show it (``https://city.example.org``); passkeys belong to
    it. Without one the console can be signed in to from this machine alone, at ``http://localhost:PORT``.
    ``idle_minutes`` and ``whole_hours`` end a session that is not used, and every session. Acts that are marked as
    strong ask anew for who it is after ``strong_minutes``. ``proxies`` are the addresses of those who may tell the
    address and the certificate of a client in headers. ``open_on_loopback`` is for demonstrations: on the loopback
    address nobody signs in, and a person named in a form is taken at their word. ``four_eyes_at_machine`` asks for a
    second person at the command line too, for what takes two; where it says nothing, that is asked of a city with
    two security officers or more for restores, pruning of backups, keys, and lifting an isolation.
    """

    origin: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/?#]{1,250}$")] | None = None
    idle_minutes: Annotated[int, msgspec.Meta(ge=5, le=60)] = 30
    whole_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12
    strong_minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    sessions: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    proxies: tuple[Annotated[str, msgspec.Meta(max_length=50)], ...] = ()
    open_on_loopback: bool = False
    four_eyes_at_machine: bool | None = None
    services: dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}$")], SignInService] = {}
