"""What a look at a value finds: its class, the verdict of the door and the rule by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERDICTS: Final = ("pass", "pseudonymise", "redact", "coarsen", "empty", "refuse")
"""What the door does with a value, the mildest first."""

MEDIA: Final = ("image", "audio", "video")
PAYLOADS: Final = ("biometric", *MEDIA)
"""Classes that only a registered authorisation lets pass, and then without the payload."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in a value; never the value.

    Attributes
    ----------
    field_class : str
        ``biometric``, ``image``, ``audio``, ``video``, ``number-plate``, ``device``, ``trace``, ``personal``,
        ``location-of-person``, ``sensitive``, ``opaque``, ``unreadable`` or ``public``.
    verdict : str
        One of `VERDICTS`.
    rule : str
        Name and version of the rule that decided.
    """

    field_class: str
    verdict: str
    rule: str


PASS: Final = Finding("public", "pass", "content-nothing-found 1")


def refusal(field_class: str, rule: str) -> Finding:
    """A value that may not come in."""
    return Finding(field_class, "refuse", f"content-{rule} 1")


def worst(findings: list[Finding]) -> Finding:
    """The finding that the door acts by: the harshest, and of equal ones the first."""
    if not findings:
        return PASS
    return max(findings, key=lambda finding: (VERDICTS.index(finding.verdict), finding is not PASS))
