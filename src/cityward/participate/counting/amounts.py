"""Amounts as they are written in files of elections, without ever being a float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import Final

_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,18}(?:([.,])([0-9]{1,9}))?")


def amount(text: str) -> Fraction | None:
    """A number such as ``541057.09`` or ``12,5``; None where it is none or can be read in two ways (``1,000``)."""
    found = _AMOUNT.fullmatch(text)
    if not found or (found[1] == "," and len(found[2]) == 3):
        return None
    return Fraction(text.replace(",", "."))


def unit_of(amounts: Iterable[int | Fraction]) -> int:
    """The least number of units of one such that all amounts are whole."""
    return lcm(1, *{one.denominator for one in amounts})
