"""Oversight by people: who may settle a decision, and whether settling has become a habit of agreeing.

Source: Regulation (EU) 2024/1689, articles 14(4)(b) (automation bias) and 26(2) (competence of overseers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.core.decided import CaseDecision, OverseerWatch
from cityward.core.errors import Refused
from cityward.core.person_names import is_full_name, plain_name, same_person

RULE: Final = "oversight 1"
ANYBODY: Final = "the person who decides"
"""A party of this name is whoever decides under his own name."""

COMPETENCE_CHARS_MIN, COMPETENCE_CHARS_MAX = 5, 300
REASON_CHARS_MIN, REASON_CHARS_MAX = 10, 2_000
OUTCOME_CHARS_MAX: Final = 200
LOOKED_SECONDS_MAX: Final = 86_400.0

READ_WORDS_A_MINUTE: Final = 400
"""Nearly nobody reads faster; 238 is the mean of adults (Source: Brysbaert 2019, J. Memory and Language 109)."""

SMALL: Final = 30
"""Of fewer decisions nothing is said but that they are few."""


def person(by: str) -> str:
    """A first and last name.

    Raises
    ------
    Refused
        No person is named.
    """
    by = " ".join(by.split())
    if not is_full_name(by):
        raise Refused(RULE, "No person is named who decides.", "Give a first and last name.")
    return by


def reason(because: str) -> str:
    """A reason in a sentence; raises Refused when it is too short or too long."""
    because = because.strip()
    if not REASON_CHARS_MIN <= len(because) <= REASON_CHARS_MAX:
        told = f"A reason has {REASON_CHARS_MIN} to {REASON_CHARS_MAX:,} characters; this one has {len(because):,}."
        raise Refused(RULE, told, "Say why, so that whoever is concerned understands it.")
    return because


def competence_of(words: str) -> str:
    """What enables the person to decide; raises Refused when nothing is said."""
    words = " ".join(words.split())
    if not COMPETENCE_CHARS_MIN <= len(words) <= COMPETENCE_CHARS_MAX:
        raise Refused(RULE, "Nothing is said of the competence of who decides.", "Name the office, training or task.")
    return words


def outcome_of(outcome: str, known: Sequence[str], what: str = "outcome") -> str:
    """An outcome that the rule knows; a rule that knows one alone leaves the person free.

    Raises
    ------
    Refused
        It is empty, too long, or none that the rule knows.
    """
    outcome = " ".join(outcome.split())
    if not outcome or len(outcome) > OUTCOME_CHARS_MAX or (len(known) > 1 and outcome not in known):
        raise Refused(RULE, f"This is no {what} of the rule.", f"Outcomes: {', '.join(known[:20])}.")
    return outcome


def seconds(looked: float | None) -> float | None:
    """How long somebody looked, bounded by a day; None where nobody measured it."""
    if looked is None or not math.isfinite(looked) or looked < 0:
        return None
    return min(float(looked), LOOKED_SECONDS_MAX)


def check_overseer(by: str, overseers: Sequence[str]) -> None:
    """Raise Refused unless ``by`` is one of the overseers that the register names, with or without what they are."""
    if not any(same_person(by, name) or same_person(ANYBODY, name) for name in overseers):
        told = "The system affects rights or is high-risk, and the register does not name this person as its overseer."
        raise Refused(
            "oversight 2", told, "Have an overseer decide, or hand the duty over: 'cityward systems hand-over'."
        )


def check_not_own(by: str, case: str) -> None:
    """Raise Refused when a case is named by the very person who decides it."""
    if same_person(by, case):
        raise Refused("oversight 3", "Nobody decides his own case.", "Have another overseer decide.")


def check_other(by: str, concerned: Sequence[str]) -> None:
    """Raise Refused when whoever decides on a complaint is one of those whom it concerns: who decided or oversaw."""
    if any(same_person(by, name) for name in concerned):
        raise Refused("oversight 3", "Nobody decides on a complaint against himself.", "Have another decide.")


def shown(decision: CaseDecision, own_view: str | None = None) -> CaseDecision:
    """A decision as somebody may see it: while it waits, what the rule says only after a view of one's own.

    The one place that decides this, for every page, command and call.
    """
    if decision.state != "waiting" or own_view:
        return decision
    return msgspec.structs.replace(decision, withheld=True, row=None, recommended="", because="")


def watch(rows: pl.DataFrame) -> tuple[OverseerWatch, ...]:
    """Say how each person settles decisions.

    Parameters
    ----------
    rows : polars.DataFrame
        Settled decisions: ``by``, ``agreed``, ``looked_seconds``, ``own_view``, ``recommended``, ``outcome``, and
        ``words``, of how many words the person was shown at least.

    Notes
    -----
    A fast decision is no proof that nobody thought, and a person who always agrees may have a good rule before him.
    What is told are counts with their uncertainty, those of few decisions under that name.
    """
    names = rows.filter(pl.col("by") != "")["by"].unique(maintain_order=True).to_list()
    # However a name is written, it is one person: who writes it in two ways has no two habits.
    first: dict[tuple[str, ...], str] = {}
    one = {name: first.setdefault(plain_name(name), name) for name in names}
    known = rows.filter(pl.col("by") != "").with_columns(
        pl.col("by").replace(one),
        fast=pl.col("looked_seconds") < pl.col("words") * 60 / READ_WORDS_A_MINUTE,
        against=~pl.col("agreed"),
        # Somebody who had another view, and then said what the rule says.
        gave_up=(pl.col("own_view") != pl.col("recommended")) & (pl.col("outcome") == pl.col("recommended")),
    )
    each = (
        known.group_by("by")
        .agg(
            pl.len().alias("count"),
            pl.col("looked_seconds").count().alias("looked"),
            pl.col("looked_seconds").median().alias("median"),
            pl.col("fast").sum().alias("faster"),
            pl.col("against").count().alias("compared"),
            pl.col("against").sum().alias("overridden"),
            pl.col("own_view").count().alias("viewed"),
            pl.col("gave_up").sum().alias("moved"),
        )
        .sort("count", "by", descending=[True, False])
    )
    if not each.height:
        return ()
    over, of = (each[name].cast(pl.Float64).to_numpy() for name in ("overridden", "compared"))
    lows, highs = clopper_pearson(over, of)
    found = []
    for at, row in enumerate(each.iter_rows(named=True)):
        rest = float(of.sum() - of[at])
        found.append(
            _told(
                row,
                share=float(over[at] / of[at]) if of[at] else 0.0,
                low=float(lows[at]),
                high=float(highs[at]),
                others=float((np.sum(over) - over[at]) / rest) if rest else None,
            )
        )
    return tuple(found)


def _told(row: dict[str, object], *, share: float, low: float, high: float, others: float | None) -> OverseerWatch:
    count, compared = int(str(row["count"])), int(str(row["compared"]))
    looked, faster = int(str(row["looked"])), int(str(row["faster"]))
    small = compared < SMALL
    parts = []
    if small:
        parts.append(f"{count} settled: too few to say anything of a habit.")
    else:
        between = f"{_percent(low)} to {_percent(high)}"
        parts.append(f"Went against the rule in {row['overridden']} of {compared:,} ({_percent(share)}, {between}).")
        if others is not None:
            parts.append(f"Others together: {_percent(others)}.")
    if looked and not small:
        parts.append(
            f"{faster} of {looked:,} were settled faster than the words that were shown can be read. "
            "That alone proves nothing: a case can be known from before."
            if faster
            else "None was settled faster than the words that were shown can be read."
        )
    elif not looked:
        parts.append("How long they were looked at was not measured.")
    median = row["median"]
    return OverseerWatch(
        by=str(row["by"]),
        count=count,
        looked=looked,
        median_seconds=None if median is None else float(str(median)),
        faster=faster,
        compared=compared,
        overridden=int(str(row["overridden"])),
        override_share=share,
        override_low=low,
        override_high=high,
        others=others,
        viewed=int(str(row["viewed"])),
        moved=int(str(row["moved"])),
        small=small,
        says=" ".join(parts),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")
