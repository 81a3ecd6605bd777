"""From a table of answers to a matrix of voters and statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import SourceError
from cityward.core.limits import COUNT_CELLS, COUNT_PROJECTS

AGREE: Final = 1
PASS: Final = 0
DISAGREE: Final = -1
NONE: Final = -2
"""What a cell holds where a voter did not answer."""

_WORDS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("agree", "yes", "1", "1.0", "+1"), AGREE),
    **dict.fromkeys(("disagree", "no", "-1", "-1.0"), DISAGREE),
    **dict.fromkeys(("pass", "unsure", "neutral", "skip", "0", "0.0", "-0.0"), PASS),
}
_VOTER: Final = ("voter", "voter_id", "voter-id", "participant", "participant_id", "user", "user_id")
_STATEMENT: Final = ("statement", "statement_id", "comment", "comment_id", "comment-id")
_VOTE: Final = ("vote", "answer", "value")
_ABOUT: Final = ("group-id", "n-comments", "n-votes", "n-agree", "n-disagree", "xid")
"""Columns of a matrix that are no statements."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of shape (voters, statements), `NONE` where there is none; voters have no names any more."""

    statements: tuple[str, ...]
    cells: NDArray[np.int8]
    received: int
    """Answers in the table."""

    reasons: dict[str, int]
    """Why some of them do not count, and how many."""


def answers(table: pl.DataFrame) -> Answers:
    """Read a table of ``voter, statement, vote``, or one with a row for each voter and a column for each statement.

    The last answer of a voter to a statement counts.

    Raises
    ------
    SourceError
        It is neither, or no answer can be read.
    """
    lower = {name.strip().lower(): name for name in table.columns}
    voter, statement, vote = (
        next((lower[one] for one in known if one in lower), None) for known in (_VOTER, _STATEMENT, _VOTE)
    )
    if (statement or vote) and not (statement and vote and voter):
        raise SourceError("The table lacks one of the columns voter, statement and vote.", "Name all three.")
    try:
        if statement and vote and voter:
            columns = {"voter": voter, "statement": statement, "vote": vote}
            return _matrix(pl.DataFrame([table[own].cast(pl.String).alias(name) for name, own in columns.items()]))
        return _matrix(_unpivoted(table, voter or next(iter(table.columns), "")))
    except pl.exceptions.InvalidOperationError:
        raise SourceError("The table holds values that are no text and no numbers.", "Give it as CSV.") from None


def _unpivoted(table: pl.DataFrame, voter: str) -> pl.DataFrame:
    names = [name for name in table.columns if name != voter and name.strip().lower() not in _ABOUT]
    if not names:
        raise SourceError("The table has no statements.", "Give the columns voter, statement and vote.")
    voters = table[voter].cast(pl.String)
    if voters.n_unique() < table.height:
        raise SourceError(f"Column '{voter[:60]}' names some voter twice.", "Give each voter one row.")
    parts = [
        pl.DataFrame({"voter": voters, "statement": [name] * table.height, "vote": table[name].cast(pl.String)})
        for name in names
    ]
    return pl.concat(parts).filter(pl.col("vote").is_not_null())


def _matrix(long: pl.DataFrame) -> Answers:
    written = long["vote"].str.strip_chars().str.to_lowercase()
    value = written.replace_strict(list(_WORDS), list(_WORDS.values()), default=None, return_dtype=pl.Int8)
    rows = long.with_columns(value=value, at=pl.int_range(long.height))
    named = pl.col("voter").is_not_null() & pl.col("statement").is_not_null()
    known = rows.filter(named & pl.col("value").is_not_null())
    last = known.unique(["voter", "statement"], keep="last", maintain_order=True)
    reasons = {
        "without a voter or a statement": rows.filter(~named).height,
        "that say neither agree, disagree nor pass": rows.filter(named & pl.col("value").is_null()).height,
        "that the voter changed later": known.height - last.height,
    }
    if not last.height:
        raise SourceError("No answer can be read.", "Write agree, disagree and pass, or 1, -1 and 0.")
    statements = sorted(last["statement"].unique())
    voters = last["voter"].n_unique()
    if len(statements) > COUNT_PROJECTS or voters * len(statements) > COUNT_CELLS:
        raise SourceError(
            f"{voters:,} voters and {len(statements):,} statements are too many.",
            "Leave out statements, or split them.",
        )
    cells = np.full((voters, len(statements)), NONE, dtype=np.int8)
    row = last["voter"].rank("dense").to_numpy() - 1
    column = (
        last["statement"].replace_strict(statements, list(range(len(statements))), return_dtype=pl.Int64).to_numpy()
    )
    cells[row, column] = last["value"].to_numpy()
    # Voters in an order that their answers give, not their names: what comes out cannot depend on these.
    order = np.lexsort(cells.T[::-1])
    return Answers(
        tuple(statements), cells[order], long.height, {why: count for why, count in reasons.items() if count}
    )
