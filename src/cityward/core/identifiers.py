"""Identifiers: content-addressed, so that the same thing found twice has the same name."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import Final

KINDS = {
    "need": "N",
    "forecast": "F",
    "proposal": "P",
    "decision": "D",
    "refusal": "R",
    "batch": "B",
    "run": "U",
    "silence": "S",
    "warning": "A",
    "alert": "E",
    "case": "C",
    "job": "J",
    "plan": "L",
    "order": "W",
    "outcome": "O",
    "consult": "K",
    "release": "X",
    "request": "Q",
    "breach": "H",
    "retention": "T",
    "system": "Y",
    "decisions": "G",
    "rule": "V",
    "appeal": "M",
    "hold": "Z",
    "incident": "I",
    "liability": "LF",
    "notice": "NT",
    "drill": "DR",
    "security": "SA",
    "sheets": "SH",
    "report": "RE",
    "round": "VR",
    "security-incident": "SI",
    "security-silence": "SQ",
    "photo": "PH",
    "statement": "ST",
    "isolation": "IS",
    "response": "PR",
    "playbook": "PB",
    "exercise": "EX",
    "risk": "RK",
}
"""Prefix of each kind of record, a letter while there are some: ``N-3f9c21d07a``."""

_PATTERN = re.compile(rf"({'|'.join(KINDS.values())})-([0-9a-f]{{10}})")
_CASE_DECISION = re.compile(r"D-[0-9a-f]{16}")
CASE_DECISION: Final = "case-decision"
"""Kind of a decision of one case: as many are made at once as there are cases, so its identifier is longer."""


def make_id(kind: str, *parts: object) -> str:
    """Return ``<letter>-<10 hex digits>`` derived from ``parts``.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    *parts : object
        What makes the record itself and no other; their ``str`` is hashed.
    """
    text = "\x1f".join(str(part) for part in parts)
    return f"{KINDS[kind]}-{blake2b(text.encode(), digest_size=5).hexdigest()}"


def kind_of(identifier: str) -> str | None:
    """Return the kind of an identifier, or None when it does not look like one of ours."""
    if _CASE_DECISION.fullmatch(identifier):
        return CASE_DECISION
    match = _PATTERN.fullmatch(identifier)
    if not match:
        return None
    return next(kind for kind, letter in KINDS.items() if letter == match[1])


def slug(text: str) -> str:
    """Return a lower-case ASCII name for a file, URL or key: ``"Garbage in alley"`` → ``garbage-in-alley``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unnamed"
