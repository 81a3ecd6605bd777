"""Puts what moves a case's rank into plain words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from cityward.core.cases import Reason

_NEAR = re.compile(r"near (.+) \(([\d.]+) km, (\d+) days\)")


def reason(name: str, value: object, odds: float, words: Mapping[str, str], found: str) -> Reason:
    """Return the reason for a feature's name and value; ``found`` says what visits look for."""
    return Reason(name=_name(name, words, found), value=_value(value), odds=round(odds, 3))


def _name(name: str, words: Mapping[str, str], found: str) -> str:
    near = _NEAR.fullmatch(name)
    if near:
        what = "visits" if near[1] == "visits" else f"{_result(near[1], words, found)} per visit"
        return f"{what} within about {near[2]} km in {near[3]} days"
    if ": " not in name:
        return words.get(name, name)
    who, part = name.split(": ", 1)
    if part == "visits":
        return f"{who}: earlier visits"
    if part == "since":
        return f"{who}: days since the last visit"
    which, result = part.split(" ", 1)
    return f"{who}: {_result(result, words, found)} {'at the last visit' if which == 'last' else 'per earlier visit'}"


def _result(name: str, words: Mapping[str, str], found: str) -> str:
    return f"visits with {found}" if name == "found" else words.get(name, name)


def _value(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 10 else f"{value:,.2f}"
    return str(value)[:80]
