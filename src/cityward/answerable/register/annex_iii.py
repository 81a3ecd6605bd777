"""The high-risk uses of annex III: what each point says, and the plain words by which it may be recognised.

Source: Regulation (EU) 2024/1689, annex III, shortened.
"""

from __future__ import annotations

import re
from typing import Final

from cityward.answerable.register.forbidden import Suspicion, told_of
from cityward.answerable.register.shape import System

USES: Final = {
    "1(a)": "remote biometric identification",
    "1(b)": "biometric categorisation by protected traits",
    "1(c)": "recognition of emotions",
    "2": "safety component of critical infrastructure: digital, road traffic, water, gas, heating, electricity",
    "3(a)": "access or admission to education",
    "3(b)": "evaluation of learning outcomes",
    "3(c)": "the level of education that somebody gets",
    "3(d)": "watching students during tests",
    "4(a)": "recruitment and selection of workers",
    "4(b)": "promotion, dismissal, allocation of tasks by behaviour, monitoring of workers",
    "5(a)": "eligibility of people for public benefits and services, granting, reducing or reclaiming them",
    "5(b)": "creditworthiness of people",
    "5(c)": "risk and price of life and health insurance",
    "5(d)": "emergency calls, dispatch of first response, triage of patients",
    "6(a)": "risk of becoming the victim of a crime",
    "6(b)": "polygraphs and similar tools of law enforcement",
    "6(c)": "reliability of evidence",
    "6(d)": "risk of offending, not on profiling alone, and past behaviour of people or groups",
    "6(e)": "profiling of people in detection, investigation or prosecution",
    "7(a)": "polygraphs in migration and asylum",
    "7(b)": "risk posed by somebody who enters",
    "7(c)": "applications for asylum, visa or residence",
    "7(d)": "detection and identification of people at borders",
    "8(a)": "research and interpretation of facts and law for courts",
    "8(b)": "influence on elections and votes",
}
"""What each point is about, in a few words."""

_BENEFIT = (
    r"(?:benefits?|welfare|social assistance|allowances?|scholarships?|grants?|subsid\w+|housing|pensions?|public aid)"
)
_CHOOSE = r"(?:eligib\w+|award\w*|grant\w*|admit\w*|admission\w*|entitle\w*|fraud\w*|reclaim\w*|reduc\w+|revok\w+)"
_RESCUE = r"(?:emergency calls?|ambulances?|first respon\w+|fire brigades?|patients?)"
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "2": (
        r"(?:traffic (?:lights?|signals?) control|controls? (?:\w+ ){0,3}traffic (?:lights?|signals?))",
        r"(?:safety|shut ?down) (?:\w+ ){0,4}(?:water|gas|heating|electricity|power) (?:supply|grid|network)",
    ),
    "3(a)": (
        r"(?:admission|admit\w*|assign\w*|place\w*) (?:\w+ ){0,4}"
        r"(?:schools?|universit\w+|kindergartens?|students?|pupils?)",
    ),
    "3(b)": (r"(?:grad\w+|evaluat\w+|scor\w+) (?:\w+ ){0,3}(?:exams?|students?|pupils?|learning)",),
    "4(a)": (r"(?:recruit\w*|hiring|job applica\w+|candidates? for (?:a |the )?(?:jobs?|posts?))",),
    "4(b)": (r"(?:promot\w+|dismiss\w*|monitor\w*|perform\w+) (?:\w+ ){0,3}(?:workers?|employees?|staff)",),
    "5(a)": (
        _CHOOSE + r" (?:\w+ ){0,6}" + _BENEFIT,
        _BENEFIT + r" (?:\w+ ){0,6}" + _CHOOSE,
    ),
    "5(b)": (r"credit ?(?:worth\w+|scor\w+)",),
    "5(d)": (
        _RESCUE + r" (?:\w+ ){0,5}(?:dispatch\w*|priorit\w+|order\w*|classif\w+)",
        r"(?:dispatch\w*|priorit\w+|classif\w+) (?:\w+ ){0,5}" + _RESCUE,
    ),
    "6(a)": (r"risk (?:\w+ ){0,6}victims? of (?:a )?crimes?",),
    "6(d)": (r"re ?offen\w+|recidivis\w+",),
    "7(c)": (r"(?:asylum|visas?|residence permits?) (?:\w+ ){0,3}(?:applica\w+|claims?|requests?)",),
    "8(a)": (r"(?:courts?|judges?|sentenc\w+) (?:\w+ ){0,5}(?:decide\w*|decisions?|interpret\w*)",),
}  # fmt: skip
"""Plain words by which a use may be recognised, of the points that a city's own systems come near."""

_COMPILED = {point: re.compile(r"\b(?:" + "|".join(words) + r")\b") for point, words in WORDS.items()}


def looks_like(system: System) -> tuple[Suspicion, ...]:
    """Points of annex III that the words of a system bring to mind, each once, with the words found."""
    found = []
    parts = told_of(system)
    for point, pattern in _COMPILED.items():
        match = next((hit for hit in map(pattern.search, parts) if hit), None)
        if match:
            found.append(Suspicion(f"annex III {point}", " ".join(match[0].split())))
    return tuple(found)
