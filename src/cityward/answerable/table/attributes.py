"""Attributes that a rule must not look at, and others that stand for them, known by their words in five languages."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Literal

import msgspec

from cityward.core.toml_text import decode_toml

_LANGUAGES = ("en", "es", "pt", "de", "fr")


class Attribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attribute: what it is, words for it by language, the law that forbids it, and what to do."""

    name: str
    remedy: str
    en: tuple[str, ...]
    es: tuple[str, ...]
    pt: tuple[str, ...]
    de: tuple[str, ...]
    fr: tuple[str, ...]
    law: str = ""


class _Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    forbidden: tuple[Attribute, ...]
    proxy: tuple[Attribute, ...]


@dataclass(frozen=True)
class Recognised:
    """An attribute that a text names, by which of its words."""

    kind: Literal["forbidden", "proxy"]
    attribute: Attribute
    word: str


def recognise(text: str) -> Recognised | None:
    """Return the first attribute that a name or label speaks of, forbidden ones first."""
    words = plain_words(text)
    for kind, attribute, pattern in _patterns():
        found = pattern.search(words)
        if found:
            return Recognised(kind, attribute, found[1])
    return None


def plain_words(text: str) -> str:
    """A name as lower-case words without accents: ``códigoPostal_2`` is ``codigo postal 2``."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=\d)", " ", plain)
    return re.sub(r"[\W_]+", " ", parted).strip().casefold()


@cache
def _patterns() -> tuple[tuple[Literal["forbidden", "proxy"], Attribute, re.Pattern[str]], ...]:
    with as_file(files("cityward.answerable.table") / "attributes.toml") as path:
        listed = decode_toml(path, _Listed)
    pairs: list[tuple[Literal["forbidden", "proxy"], Attribute]] = [
        *(("forbidden", one) for one in listed.forbidden),
        *(("proxy", one) for one in listed.proxy),
    ]
    return tuple((kind, one, _pattern(one)) for kind, one in pairs)


def _pattern(attribute: Attribute) -> re.Pattern[str]:
    words = {word for language in _LANGUAGES for word in getattr(attribute, language)}
    alternatives = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?:^| )({alternatives})(?= |$)")
