"""Where voters and projects of a file come from: the column that names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cityward.core.errors import UserError
from cityward.participate.counting.pabulib import Document
from cityward.participate.counting.represent import group_of

AREA_COLUMNS: Final = ("neighborhood", "neighbourhood", "district", "subdistrict", "subunit")


def column_of(document: Document, by: str | None = None) -> str:
    """The column of voters that says where they come from: ``by``, else the first of `AREA_COLUMNS`.

    Raises
    ------
    UserError
        The file has no such column; it names those that there are.
    """
    if by is None:
        by = next((name for name in AREA_COLUMNS if name in document.vote_fields), None)
    if by is None or by not in document.vote_fields:
        there = ", ".join(name for name in document.vote_fields if name not in ("voter_id", "vote", "points")) or "none"
        missing = f"no column '{by[:40]}' of voters" if by else "no column that tells where voters live"
        raise UserError(f"The file has {missing}.", f"Name one with --by; there are: {there}.")
    return by


def values_of(document: Document, kept: Sequence[int], by: str | None = None) -> list[str]:
    """What the column says of each counted voter, ages in bands; empty where it says nothing."""
    name = column_of(document, by)
    at = document.vote_fields.index(name)
    values = [group_of(name, document.votes[row][at]) for row in kept]
    return ["" if one == "not stated" else one for one in values]


def proposals_in(document: Document, by: str | None = None) -> Mapping[str, int] | None:
    """How many projects of the ballot each area has, where the file says so of projects; else None."""
    name = by or next((one for one in AREA_COLUMNS if one in document.project_fields), None)
    if name is None or name not in document.project_fields:
        return None
    at = document.project_fields.index(name)
    found = Counter(row[at] for row in document.projects if row[at])
    return found or None
