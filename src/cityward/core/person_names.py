"""What counts as the name of a person who answers for something, and when two names are of one person."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

NAME_CHARS_MAX: Final = 120

_FULL: Final = re.compile(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*)+")


def is_full_name(name: str) -> bool:
    """Whether ``name`` is a first and a last name, one blank between each two parts, and not too long."""
    return len(name) <= NAME_CHARS_MAX and _FULL.fullmatch(name) is not None


def same_person(one: str, other: str) -> bool:
    """Whether two names are of one person: accents, case, order, blanks and what they are do not make another.

    ``Ruth Adler, chair of the board`` and ``Ruth Adler (deputy)`` are both ``ADLER Ruth``.
    """
    return not _forms(one).isdisjoint(_forms(other))


def plain_name(name: str) -> tuple[str, ...]:
    """The parts of a name that tell one person from another, in order; equal for all ways to write it."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    folded = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return tuple(sorted(re.findall(r"[^\W_]+", folded)))


def _forms(name: str) -> set[tuple[str, ...]]:
    """A name whole, and without what follows it; one part alone, as in ``Adler, Ruth``, is no name of anybody."""
    whole, short = plain_name(name), plain_name(re.split(r"[,(]", name, maxsplit=1)[0])
    return {form for form in (whole, short if len(short) > 1 else ()) if form}
