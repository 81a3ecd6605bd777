"""What people call a crew. A page about orders needs no solver, so this is apart from planning."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cityward.city.plan_files import read_crews
from cityward.core.errors import CitywardError

if TYPE_CHECKING:
    from cityward.city.city import City

_EXTRA: Final = re.compile(r"extra-(D-[0-9a-f]{10})-([0-9]{1,3})")


def crew_namer(city: City) -> Callable[[str], str]:
    """Return a function from a crew's identifier to its name in a sentence: ``crew-10`` → ``crew Clearing A``.

    A crew that went out for an early warning is named as its plan names it. One that is not in the file any more, or
    whose file cannot be read, keeps its identifier: an order must stay readable whatever became of the file.
    """
    names: dict[str, str] = {}
    file = city.settings.work.crews
    if file is not None:
        try:
            names = {crew.id: crew.name for crew in read_crews(city.path / file)}
        except CitywardError:
            names = {}

    def called(identifier: str) -> str:
        extra = _EXTRA.fullmatch(identifier)
        if extra:
            return f"extra crew {extra[2]} ({extra[1]})"
        name = names.get(identifier, identifier)
        return name if "crew" in name.casefold() else f"crew {name}"

    return called
