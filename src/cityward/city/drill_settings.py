"""``[drill]`` and ``[watch]`` of ``city.toml``: how often the city proves that it comes back, and what it watches."""

from __future__ import annotations

from typing import Annotated

import msgspec


class DrillSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A drill of ransomware is run every ``every_days``; one that is missing or was missed raises an alert.

    ``call`` is whom to call when the computers are down, as it is printed on sheets: an office and a telephone number.
    """

    every_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 31
    call: Annotated[str, msgspec.Meta(min_length=3, max_length=200)] | None = None


class WatchSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``cityward serve`` watches.

    ``files`` lays decoys into the city folder and looks at it four to twenty times a second. A source that sent every
    day and sends nothing for ``silent_hours`` raises an alert. ``isolate`` stops every write and copy when the
    files look attacked, until a security officer lifts that.
    """

    files: bool = True
    isolate: bool = True
    silent_hours: Annotated[int, msgspec.Meta(ge=1, le=8_784)] = 48
