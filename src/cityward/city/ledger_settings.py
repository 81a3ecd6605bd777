"""``[ledger]`` of city.toml: what the city's log is called, and who else signs its checkpoints."""

from __future__ import annotations

from typing import Annotated

import msgspec


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of ``city.toml``; a key that it does not name is an error."""


class WitnessSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A witness: where it is asked, and its verifier key (``name+id+key``, as the witness prints it).

    ``allow_private`` lets ``url`` be plain http, or lead to a machine of a private network.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#]{1,300}$")]
    key: Annotated[str, msgspec.Meta(min_length=10, max_length=300)]
    allow_private: bool = False


class WitnessesSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked to co-sign, and how many of them must: ``need`` of those in ``ask``.

    ``cityward serve`` asks them every ``every_minutes``; when too few have signed for ``late_hours``, that is an alert.
    """

    ask: Annotated[list[WitnessSection], msgspec.Meta(min_length=1, max_length=16)]
    need: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    every_minutes: Annotated[int, msgspec.Meta(ge=1, le=10_080)] = 60
    late_hours: Annotated[int, msgspec.Meta(ge=1, le=8_784)] = 24


class LedgerSection(_Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log of the city.

    ``origin`` names it in every checkpoint, for ever: an address without ``https://``, such as
    ``ledger.springfield.example/city``, which no other log has. Without it the name of the city makes one.
    Without ``witnesses`` nobody is asked and nothing leaves the house.
    """

    origin: Annotated[str, msgspec.Meta(pattern=r"^[^\s+\x00-\x1f\x7f]{1,200}$")] | None = None
    witnesses: WitnessesSection | None = None
