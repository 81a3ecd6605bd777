"""What a finder hands on: where in a text something of a person stands, and what it is called."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` of a text hold something of class ``field_class``.

    ``label`` is what replaces it; ``rule`` names the finder.
    """

    start: int
    end: int
    field_class: str
    label: str
    rule: str


_TWINS: Final = str.maketrans(
    "аеорсухіјѕԁһӏԛԝАВЕКМНОРСТХІЈЅοαεικνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡ。﹒․•∙",
    "aeopcyxijsdhlqwABEKMHOPCTXIJSoaeiknptuxABEZHIKMNOPTYXig.....",
)
"""Letters of other alphabets that look like Latin ones (Source: Unicode TR 39, confusables, the common part)."""


def folded(text: str) -> tuple[str, list[int] | None]:
    """Return ``text`` without disguise, and where each of its characters stood; None: where it stands.

    Full-width and other compatibility forms become plain (NFKC), characters that nobody sees are left out,
    and letters that only look Latin become Latin.
    """
    if text.isascii():
        return text, None
    characters: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        if character < "\x80":
            characters.append(character)
            places.append(at)
            continue
        category = unicodedata.category(character)
        if category in ("Cf", "Mn") or character in "\u115f\u1160\u3164\uffa0":
            continue
        plain = unicodedata.normalize("NFKC", character).translate(_TWINS)
        characters.append(plain)
        places.extend([at] * len(plain))
    return "".join(characters), places


def placed(span: Span, places: list[int] | None) -> Span:
    """Return a span of a folded text as one of the text itself."""
    if places is None:
        return span
    return Span(places[span.start], places[span.end - 1] + 1, span.field_class, span.label, span.rule)


def without_overlap(spans: list[Span]) -> list[Span]:
    """Return ``spans`` in the order of the text; of two that overlap the one found first stays."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)
