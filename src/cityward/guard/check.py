"""What the door would do with one row, field by field: for people who want to know before they send."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from cityward.guard.content import bodies, vectors, words
from cityward.guard.content.columns import numbered, together
from cityward.guard.content.finding import PASS, PAYLOADS, VERDICTS, Finding, refusal
from cityward.guard.content.look import look

_DECLARED: Final = {
    "biometric": Finding("biometric", "refuse", "admit-by-class 1"),
    "personal": Finding("personal", "pseudonymise", "admit-by-class 1"),
    "sensitive": Finding("sensitive", "empty", "admit-by-class 1"),
    "location-of-person": Finding("location-of-person", "coarsen", "admit-by-class 1"),
}
_NOT_READ: Final = Finding("public", "empty", "admit-mapped-columns 1")


def check_row(
    row: Mapping[str, Any], classes: Mapping[str, str] | None = None, fields: Collection[str] | None = None
) -> Iterator[tuple[str, Finding]]:
    """Yield each field of ``row`` with what was found in it; never the value.

    Parameters
    ----------
    row : mapping
        Values by field, as JSON has them.
    classes : mapping, optional
        Declared class by field; without it content alone decides.
    fields : collection of str, optional
        Fields that are read at all; the others never come in.
    """
    classes = classes or {}
    spread = _spread(row)
    for name, value in row.items():
        if fields is not None and name not in fields:
            yield name, _NOT_READ
            continue
        finding = spread.get(name) or _guarded(value, name)
        yield name, _with_declared(finding, value, classes.get(name))


def _guarded(value: Any, name: str) -> Finding:
    try:
        return look(value, name)
    except Exception:  # noqa: BLE001 - a value that breaks the look is bad input, and its error could show it
        return refusal("unreadable", "cannot-be-looked-into")


def _with_declared(finding: Finding, value: Any, declared: str | None) -> Finding:
    if declared is None or value is None:
        return finding
    by_class = _DECLARED.get(declared)
    if by_class is None:
        return finding
    if finding.field_class in PAYLOADS or VERDICTS.index(finding.verdict) > VERDICTS.index(by_class.verdict):
        return finding
    return by_class


def _spread(row: Mapping[str, Any]) -> dict[str, Finding]:
    """Findings of fields that are a template only together: ``f0``, ``f1`` and so on, or ``left_knee_x``."""
    found: dict[str, Finding] = {}
    told = bodies.of_keys(row)
    if told:
        found |= dict.fromkeys(bodies.telling(row), refusal(*told))
    for names in numbered(row):
        numbers = together([row[name] for name in names])
        if numbers is not None and vectors.is_template(numbers, words.in_words(names[0])):
            found |= dict.fromkeys(names, refusal("biometric", "embedding-in-columns"))
    return found


__all__ = ["PASS", "check_row"]
