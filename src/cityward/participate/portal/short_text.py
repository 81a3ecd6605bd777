"""A report in a few lines, as somebody without internet writes or dictates it; whoever types it fills a form with it.

Lines are ``AREA: Centre``, ``WHAT: street light``, ``WHERE: 12 Main Street``, ``WORDS: dark since Monday``, in English,
Spanish or Portuguese; lines without such a word count in this order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Final

from cityward.participate.portal.report import OTHER, clean

MESSAGE_CHARS_MAX: Final = 4_000
_ORDER: Final = ("area", "what", "address", "words")
_WORDS: Final = {
    "area": "area", "zona": "area", "barrio": "area", "bairro": "area",
    "what": "what", "que": "what", "o que": "what",
    "where": "address", "donde": "address", "onde": "address",
    "words": "words", "palabras": "words", "palavras": "words",
}  # fmt: skip


def fields_in(message: str, services: Collection[str]) -> dict[str, str]:
    """Fields of the form of a report that a message fills; what it calls the matter is a service if one is called so.

    Parameters
    ----------
    message : str
        What was written or dictated, at most `MESSAGE_CHARS_MAX` signs of it.
    services : collection of str
        Names of services that the city knows.

    Returns
    -------
    dict of str to str
        Of `cityward.participate.portal.report.FIELDS`; those that the message does not fill are not there.
    """
    found: dict[str, str] = {}
    lines = [line.strip() for line in clean(message, MESSAGE_CHARS_MAX, lines=True).split("\n") if line.strip()]
    left = list(_ORDER)
    for line in lines:
        word, mark, rest = line.partition(":")
        name = _WORDS.get(_plain(word)) if mark else None
        if name is None:
            name, rest = (left[0] if left else "words"), line
        if name in left:
            left.remove(name)
        found[name] = f"{found[name]}\n{rest.strip()}" if found.get(name) else rest.strip()
    if "what" in found:
        called = {one.casefold(): one for one in services}
        known = called.get(found["what"].casefold())
        found["service"] = known or OTHER
        if known:
            del found["what"]
    return found


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).strip()
