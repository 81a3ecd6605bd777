"""What counts as the name of a person who answers for something."""

from __future__ import annotations

import re
from typing import Final

NAME_CHARS_MAX: Final = 120

_FULL: Final = re.compile(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*)+")


def is_full_name(name: str) -> bool:
    """Whether ``name`` is a first and a last name, one blank between each two parts, and not too long."""
    return len(name) <= NAME_CHARS_MAX and _FULL.fullmatch(name) is not None
