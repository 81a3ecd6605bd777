"""Points of persons: refused where a few of them single a person out, as they nearly always do."""

from __future__ import annotations

from typing import Final

import polars as pl

from cityward.core.errors import Refused
from cityward.private.unicity import Precision, spots, unicity

RULE: Final = "publish-unicity 1"
"""Identifier and version of the rule that this module executes, as refusals quote it."""

KNOWN_POINTS: Final = (1, 2, 3, 4)
"""How many points of a person somebody may happen to know: four single out most people of a city."""

UNIQUE_SHARE_MAX: Final = 0.05


def unique_shares(points: pl.DataFrame, precision: Precision, seed: int = 1) -> dict[int, float]:
    """Return the share of persons whom 1 to 4 of their points single out.

    Parameters
    ----------
    points : polars.DataFrame
        ``person``, ``lon``, ``lat`` (degrees), ``at`` (a moment).
    precision : Precision
        To which places and moments would be told.
    """
    person, spot = spots(points, precision)
    return {known: unicity(person, spot, known, seed=seed) for known in KNOWN_POINTS}


def check_points(points: pl.DataFrame, precision: Precision, *, most: float = UNIQUE_SHARE_MAX) -> dict[int, float]:
    """Return the shares of `unique_shares`, or refuse: for a grant, or whatever else would show points of persons.

    Raises
    ------
    Refused
        More than ``most`` (0 to 1) of the persons are singled out by some number of points.
    """
    found = unique_shares(points, precision)
    known, share = max(found.items(), key=lambda one: one[1])
    if share > most:
        raise Refused(
            RULE,
            f"At {precision.metres:g} m and {precision.hours:g} h, {known} points single out {share:.0%} of persons; "
            f"at most {most:.0%} may be.",
            "Ask for larger squares and longer hours, or for counts: 'cityward release make trips' or 'dwell'.",
        )
    return found
