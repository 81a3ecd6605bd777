"""Redaction of free text: who wrote it, how to reach him, where he lives, his numbers, vehicles and devices, his
health, faith and the like.

A cheap columnar pattern finds the texts that may hold such a thing; only on those is the exact look made,
by the finders of this package. House numbers of public places, dates, years, prices and request numbers stay.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from cityward.private.contacts import births, emails, profiles, secrets, telephones
from cityward.private.names import MARKERS, homes, names
from cityward.private.numbers import cards, ids, luhn
from cityward.private.spans import Span, folded, placed, without_overlap
from cityward.private.special import SPECIAL, specials
from cityward.private.things import devices, plates

__all__ = ["CANDIDATE", "found", "luhn", "redact", "redact_text"]

CANDIDATE: Final = (
    "[@＠﹫\u200b-\u200f\u2060\ufeff\uff10-\uff19\uff21-\uff5a]|%40|&(?:#|"
    "commat)|(?i: at | arroba | chez |[\\[({<] ?(?:at|arroba) ?[\\])}>])"
    r"|[A-Z<]{2}[A-Z<]{5}|bc1[0-9a-z]{20}|[A-Z]{4}[0-9]{4}|[A-HJ-NPR-Z0-9]{13}[0-9]{4}|\.(?:com|me)/[\w@]"
    r"|[0-9][0-9 .()/-]{5,}[0-9]|[0-9A-Fa-f]{2}[:.-][0-9A-Fa-f]{2}[:.-]|(?:[0-9]{1,3}\.){3}[0-9]|[0-9]{6,}|::"
)
"""What a text has in it if it may hold a number, a device or an address of somebody, whatever language it is in."""

_EITHER: Final = re.compile(
    "|".join([CANDIDATE, *(f"{words.replace('(?i)', '(?i:', 1)})" for words in (MARKERS, SPECIAL))])
)
_SMALL_ROWS: Final = 100
"""Rows up to which texts are tried one by one: expressions cost more to set up than so few."""

_LONG_CHARS: Final = 100_000
"""Longest text that is looked at as a whole; of a longer one every part is looked at by itself."""


def redact(values: pl.Series) -> pl.Series:
    """Return ``values`` (String) with what is a person's replaced by ``[e-mail]`` and the like.

    Heights and nulls are kept.
    """
    if values.len() <= _SMALL_ROWS:
        texts = [None if text is None else redact_text(text) if _EITHER.search(text) else text for text in values]
        return pl.Series(values.name, texts, dtype=pl.String)
    candidates = (
        values.str.contains(CANDIDATE) | values.str.contains(MARKERS) | values.str.contains(SPECIAL)
    ).fill_null(value=False)
    if not candidates.any():
        return values
    suspects = values.filter(candidates).unique()
    clean = pl.Series([redact_text(text) for text in suspects], dtype=pl.String)
    return values.replace(suspects, clean)


def redact_text(text: str) -> str:
    """Return one text without what tells who a person is."""
    if len(text) > _LONG_CHARS:
        return "".join(redact_text(text[at : at + _LONG_CHARS]) for at in range(0, len(text), _LONG_CHARS))
    parts, at = [], 0
    for span in found(text):
        parts += [text[at : span.start], span.label]
        at = span.end
    return "".join([*parts, text[at:]])


def found(text: str, context: str = "", *, prose: bool = True) -> list[Span]:
    """Return what ``text`` holds of persons, in its order and without overlap.

    Parameters
    ----------
    text : str
        Any text.
    context : str
        Name of its column in words: numbers whose check is weak count only beside their word.
    prose : bool
        Whether names and homes are looked for; in codes and numbers there are none.
    """
    plain, places = folded(text)
    spans = [*emails(plain), *ids(plain, context), *cards(plain), *devices(plain, context), *plates(plain, context)]
    spans += [*telephones(plain, context), *profiles(plain), *births(plain), *secrets(plain)]
    if prose:
        spans += [*homes(plain), *specials(plain), *names(plain)]
    return [placed(span, places) for span in without_overlap(spans)]
