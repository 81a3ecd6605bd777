"""Names and tactics of ATT&CK techniques, and which mitigations are listed against them; see LICENSE.txt beside."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources


def _rows(name: str) -> list[list[str]]:
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text)))[1:]


@cache
def techniques() -> dict[str, str]:
    """Name of each technique (Enterprise and ICS) by its identifier."""
    return {row[0]: row[1] for row in _rows("techniques.csv")}


@cache
def mitigations() -> dict[str, tuple[str, frozenset[str]]]:
    """Name of each mitigation and the techniques that it is listed against, by its identifier."""
    found: dict[str, tuple[str, set[str]]] = {}
    for id_, name, technique in _rows("mitigations.csv"):
        found.setdefault(id_, (name, set()))[1].add(technique)
    return {id_: (name, frozenset(against)) for id_, (name, against) in found.items()}


@cache
def tactics() -> dict[str, tuple[str, ...]]:
    """Tactics of each technique (Enterprise and ICS), as ATT&CK writes them, by its identifier."""
    return {row[0]: tuple(row[1].split("|")) for row in _rows("tactics.csv")}
