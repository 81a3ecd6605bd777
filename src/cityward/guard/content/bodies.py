"""What the names of keys together tell: joints of a body, features of a face or a voice, loci of a genome.

One such word is a road's shoulder or a river's mouth; several of them side by side are a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_PART: Final = (
    r"pupil|eye(?:brow)?s?(?: (?:inner|outer|corner))?|ear|cheek|mouth|shoulder|elbow|wrist|hand|thumb|index|pinky|"
    r"hip|knee|"
    r"ankle|heel|foot(?: index)?|toe|ojo|oreja|hombro|codo|muñeca|muneca|cadera|rodilla|tobillo|auge|ohr|schulter|"
    r"ellenbogen|handgelenk|hüfte|huefte|knie|knöchel|épaule|epaule|coude|poignet|hanche|genou|cheville"
)
_SIDE: Final = r"left|right|l|r|izquierd[oa]|derech[oa]|linke[rs]?|rechte[rs]?|gauche|droite?"
_JOINT: Final = re.compile(
    rf"(?<![a-z])(?:(?:{_SIDE}) ?(?:{_PART})|(?:{_PART}) (?:{_SIDE})|nose(?: tip| bridge)?|mid ?hip|chin|jaw(?:line)?)"
    rf"(?![a-z])"
)
_VOICE: Final = re.compile(
    r"(?:^| )(jitter|shimmer|hnr|formants?|mfcc|f0|pitch|fundamental frequency|speech rate|cepstr\w*)"
)
_LOCUS: Final = re.compile(
    r"(?:D\d{1,2}S\d{2,4}|vWA|FGA|TH01|TPOX|CSF1PO|AMEL|PENTA ?[DE]|SE33|rs\d{3,10})", re.IGNORECASE
)
_GENE: Final = re.compile(r"(?<![A-Za-z])[ACGTN\n]{100,}(?![A-Za-z])|(?<![a-z])[acgtn\n]{100,}(?![a-z])")
_BASES: Final = frozenset("ACGT")
"""All four stand in any stretch of a hundred; one letter held down does not make a sequence."""

_SNP: Final = re.compile(r"(?<![\w-])rs\d{4,10}(?!\w)")
_LIKELY: Final = re.compile(
    r"eye|pupil|knee|elbow|wrist|ankle|nose|rodilla|tobillo|muñeca|knie|genou|ojo_|auge|jitter|shimmer"
)
JOINTS_MIN: Final = 3
_TEXT_CHARS: Final = 4000


def of_keys(keys: Iterable[Any]) -> tuple[str, str] | None:
    """Return class and rule of an object, or of a row, with ``keys``; None: they tell nothing."""
    names = [str(key) for key in keys if len(str(key)) <= 40]
    if sum(_LOCUS.fullmatch(name) is not None for name in names) >= JOINTS_MIN:
        return "biometric", "genetic-profile"
    told = " | ".join(_in_words(name) for name in names)
    if not _LIKELY.search(told):
        return None
    return _told(told)


def telling(keys: Iterable[Any]) -> list[str]:
    """Return those of ``keys`` that tell it."""
    return [str(key) for key in keys if _LOCUS.fullmatch(str(key)) or _told_by(_in_words(str(key)))]


def _told_by(word: str) -> bool:
    return bool(_JOINT.search(word) or _VOICE.search(word))


def of_text(text: str) -> tuple[str, str] | None:
    """As `of_keys`, of a table or object written in ``text``: its words beside many numbers."""
    part = text[:_TEXT_CHARS]
    if any(len(set(run.upper()) & _BASES) == len(_BASES) for run in _GENE.findall(text)):
        return "biometric", "genetic-sequence"
    if len(set(_SNP.findall(part))) >= JOINTS_MIN + 2:
        return "biometric", "genetic-profile"
    if not _LIKELY.search(part.lower()) or sum(map(str.isdigit, part)) < 12 * JOINTS_MIN:
        return None
    return _told(_in_words(part))


def _told(words: str) -> tuple[str, str] | None:
    if len(set(_JOINT.findall(words))) >= JOINTS_MIN or (
        len(set(_JOINT.findall(words))) == JOINTS_MIN - 1 and re.search(r"cadence|stride|gait", words)
    ):
        return "biometric", "landmarks"
    heard = set(_VOICE.findall(words))
    return ("biometric", "voice-features") if {"jitter", "shimmer"} <= heard or len(heard) >= JOINTS_MIN + 1 else None


def _in_words(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", parted).casefold()
