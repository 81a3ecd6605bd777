"""What article 5 forbids, by the practice that a file names and by its plain words.

A practice is refused. Words are no proof either way: they raise a question that a named person answers in
``[[statements]]`` before anybody can approve the system.

Source: Regulation (EU) 2024/1689, article 5(1)(a) to (h).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from cityward.answerable.register.shape import System

FORBIDDEN: Final = {
    "subliminal-or-deceptive-manipulation": "5(1)(a)",
    "exploitation-of-vulnerability": "5(1)(b)",
    "social-scoring": "5(1)(c)",
    "crime-prediction-by-profiling": "5(1)(d)",
    "untargeted-face-scraping": "5(1)(e)",
    "emotion-recognition-at-work-or-school": "5(1)(f)",
    "biometric-categorisation-of-sensitive-traits": "5(1)(g)",
    "real-time-remote-biometric-identification": "5(1)(h)",
}
"""Practices that cannot be registered, with the clause."""

PRACTICES: Final = (*FORBIDDEN, "need-detection", "forecasting", "reporting-differences", "case-priority", "other")

_PEOPLE = r"(?:people|persons?|residents?|citizens?|individuals?|suspects?|tenants?|claimants?|families|youths?)"
_FACE = r"(?:faces?|facial)"
_TRAIT = r"(?:faces?|facial|gait|biometric\w*)"
_WORKPLACE = r"(?:work|workers?|workplace|employees?|staff|schools?|pupils?|students?|class(?:room)?s?|education)"

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "5(1)(a)": (
        r"subliminal",
        r"manipulat\w* (?:\w+ ){0,3}(?:behaviou?r|decisions?|choices?|votes?|" + _PEOPLE + ")",
        r"dark patterns?",
        r"decepti\w+ (?:\w+ ){0,2}(?:techniques?|messages?|nudg\w+)",
        r"without (?:them|their|" + _PEOPLE + r") (?:noticing|knowing|being aware)",
    ),
    "5(1)(b)": (
        r"exploit\w* (?:\w+ ){0,4}(?:vulnerab\w+|age|disabilit\w+|poverty|hardship|situation)",
        r"target\w* (?:\w+ ){0,3}(?:vulnerab\w+|children|elderly|disabled|poor) (?:\w+ ){0,4}"
        r"(?:buy|pay|sign|consent|persua\w+|give up)",
    ),
    "5(1)(c)": (
        r"social (?:credit|scor\w+|ranking|rating)",
        r"(?:citizen|resident|behaviou?r\w*|trust(?:worthiness)?|civic|good conduct) (?:scor\w+|rating|points)",
        r"(?:scor\w+|rat(?:e|es|ing)|rank\w*|evaluat\w+|classif\w+) (?:\w+ ){0,3}" + _PEOPLE
        + r" (?:\w+ ){0,3}(?:conduct|behaviou?r|trustworth\w+|character|personality|habits|lifestyle)",
        r"puntuacion (?:social|ciudadana)",
    ),
    "5(1)(d)": (
        r"(?:predict\w*|likel\w+|risk\w*|probab\w+|scor\w+) (?:\w+ ){0,6}"
        r"(?:commit\w* (?:\w+ ){0,2}(?:crimes?|offen[cs]es?)|criminal (?:offen[cs]es?|conduct))",
        r"re ?offen\w+",
        r"recidivis\w+",
        r"predictive policing",
        r"future (?:offenders?|criminals?)",
    ),
    "5(1)(e)": (
        r"scrap\w* (?:\w+ ){0,5}" + _FACE,
        _FACE + r" (?:\w+ ){0,4}(?:scrap\w+|from the internet|from social media|from cctv|from cameras)",
    ),
    "5(1)(f)": (
        r"(?:emotions?|moods?|stress|attention|boredom|engagement) (?:\w+ ){0,6}" + _WORKPLACE,
        _WORKPLACE + r" (?:\w+ ){0,6}(?:emotions?|moods?|feelings)",
        r"emotion (?:recognition|detection|analysis)",
    ),
    "5(1)(g)": (
        r"(?:" + _FACE + r"|biometric\w*|voices?|gait) (?:\w+ ){0,8}"
        r"(?:race|ethnic\w*|politic\w+|religio\w+|sexual|trade union|philosoph\w+|beliefs?)",
        r"(?:race|ethnic\w*|politic\w+|religio\w+|sexual) (?:\w+ ){0,8}(?:" + _FACE + r"|biometric\w*|voices?|gait)",
    ),
    "5(1)(h)": (
        r"(?:live|real ?time|remote) (?:\w+ ){0,3}" + _TRAIT,
        _TRAIT + r" (?:recogni\w+|identif\w+|match\w*)",
        r"(?:identif\w+|recogni\w+) (?:\w+ ){0,4}(?:" + _PEOPLE + r"|passers ?by) (?:\w+ ){0,4}" + _TRAIT,
    ),
}  # fmt: skip
"""Plain words by which each clause may be recognised. Wide on purpose: a statement is asked for, nothing is decided."""

_COMPILED = {clause: re.compile(r"\b(?:" + "|".join(words) + r")\b") for clause, words in WORDS.items()}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A clause that the words of a file bring to mind, and the words themselves."""

    clause: str
    words: str


def plain(text: str) -> str:
    """Text in small letters without accents, marks or doubled spaces, in which phrases are looked for."""
    flat = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", flat)


def told_of(system: System) -> tuple[str, ...]:
    """The parts of a system that say what it is for and what it looks at."""
    card = system.model
    told = [system.name, system.purpose, system.summary, system.data_used, *system.affected]
    if card is not None:
        told += [card.kind, card.inputs, card.output, card.learnt_from]
    # Sentence by sentence: words of one and the next belong to no phrase.
    return tuple(plain(part) for text in told for part in re.split(r"[.;:!?]+", text) if part.strip())


def suspicions(system: System) -> tuple[Suspicion, ...]:
    """Clauses of article 5 that the words of a system bring to mind, each once, with the words found."""
    found = []
    parts = told_of(system)
    for clause, pattern in _COMPILED.items():
        match = next((hit for hit in map(pattern.search, parts) if hit), None)
        if match:
            found.append(Suspicion(clause, " ".join(match[0].split())))
    return tuple(found)
