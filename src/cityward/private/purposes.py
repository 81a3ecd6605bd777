"""Purposes: the few things for which rows of a city are read, each named by a term of the Data Privacy Vocabulary.

A purpose that is not here cannot be granted. The terms make grants and records of processing readable by other
programs; the words beside them are what a resident is told.

**Source**: W3C Data Privacy Vocabularies and Controls Community Group, DPV 2.0, purposes
(https://w3id.org/dpv#purposes); legal bases: its extension for the GDPR (https://w3id.org/dpv/legal/eu/gdpr).
"""

from __future__ import annotations

import re
from typing import Final

from cityward.core.records import Record

DPV: Final = "https://w3id.org/dpv#"
DPV_GDPR: Final = "https://w3id.org/dpv/legal/eu/gdpr#"


class Purpose(Record, frozen=True, kw_only=True):
    """One purpose: its name, the DPV term that it is a kind of, and what it means in plain words."""

    id: str
    term: str
    words: str

    @property
    def iri(self) -> str:
        """The term as an IRI."""
        return f"{DPV}{self.term}"


PURPOSES: Final[dict[str, Purpose]] = {
    name: Purpose(id=name, term=term, words=words)
    for name, term, words in (
        ("incident-recognition", "RequestedServiceProvision", "tell which reports are about the same thing"),
        ("need-detection", "ImprovePublicServices", "find what an area lacks, from counts of reports"),
        ("need-evidence", "ImprovePublicServices", "say which reports a finding rests on"),
        ("forecasting", "InternalResourceOptimisation", "foresee how many reports will come"),
        ("case-handling", "RequestedServiceProvision", "plan visits to what was reported"),
        ("resident-information", "RequestedServiceProvision", "tell a resident how the work on a report stands"),
        ("case-priority", "InternalResourceOptimisation", "rank places for a visit by what is reported near them"),
        (
            "decision-making",
            "PublicBenefit",
            "decide cases by a rule, and have a person settle those that touch rights",
        ),
        ("rule-drafting", "ImprovePublicServices", "see how many a draft of a rule would concern, from past decisions"),
        ("sensing", "IncreaseServiceRobustness", "watch sensors and what they measure"),
        ("data-quality", "TechnicalServiceProvision", "mend rows that could not be read"),
        ("equity-monitoring", "ImprovePublicServices", "see whether every part of the city is served alike"),
        ("official-statistics", "ProvideOfficialStatistics", "publish counts that tell nothing of a single person"),
        ("private-release", "ProvideOfficialStatistics", "count what is published with noise, seen by nobody"),
        ("research", "ScientificResearch", "answer a question of research"),
        ("rights-fulfilment", "RightsFulfillment", "answer a person who asks for, corrects or withdraws their data"),
        ("audit", "LegalCompliance", "check that the city kept the law"),
        ("liability", "LegalCompliance", "say who answered for a decision, and what was on record before it"),
    )
}
"""Whoever names another purpose reads nothing."""

STAYS_INSIDE: Final = frozenset({"private-release"})
"""Rows read for these are handed to nobody: they are counted behind the doors, and figures leave by the way out."""

ARTICLE_6: Final = {
    "6(1)(a)": "the person agreed",
    "6(1)(b)": "a contract with the person needs it",
    "6(1)(c)": "the law demands it",
    "6(1)(d)": "a life depends on it",
    "6(1)(e)": "it is a task in the public interest",
    "6(1)(f)": "a legitimate interest outweighs (not open to authorities in their tasks)",
}
"""Lawful bases of personal data (Source: Regulation (EU) 2016/679, article 6(1))."""

ARTICLE_9: Final = {
    "9(2)(a)": "the person agreed expressly",
    "9(2)(b)": "labour or social law demands it",
    "9(2)(c)": "a life depends on it, and the person cannot agree",
    "9(2)(d)": "an association's own members",
    "9(2)(e)": "the person made it public",
    "9(2)(f)": "legal claims",
    "9(2)(g)": "a law for a substantial public interest",
    "9(2)(h)": "health or social care",
    "9(2)(i)": "public health",
    "9(2)(j)": "archives, research or statistics under a law",
}
"""Exceptions for special categories (Source: Regulation (EU) 2016/679, article 9(2))."""


def basis_iri(clause: str) -> str:
    """The DPV term of a clause: ``6(1)(e)`` is ``…gdpr#A6-1-e``."""
    return f"{DPV_GDPR}A{'-'.join(re.findall(r'[0-9a-z]+', clause))}"
