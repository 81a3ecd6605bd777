"""Decisions of cases about a person: found, and rid of what was asked of the case.

A decision is an act of the city and stays, with its reason, under the name of its case. What the ledger proves of it
holds a keyed digest in the place of what was asked, so that it is proved without that.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import polars as pl

from cityward.core.frames import DECISION
from cityward.store.erasure import columns_of, rewrite, vacuum
from cityward.store.history import HistoryReader
from cityward.store.history_table import DECISIONS

_LOOKED_AT: Final = ("id", "inputs")
_ENTERED_TEXTS: Final = ("case", "because", "own_view")


def cases_of(history: Path, identifier: str | None, word: str | None, decision: str | None) -> pl.DataFrame:
    """Current decisions about a person, with the columns of `DECISION`.

    Parameters
    ----------
    history : pathlib.Path
        The history folder.
    identifier : str or None
        Decisions whose case has this very name.
    word : str or None
        An expression: decisions of which something that was asked meets it.
    decision : str or None
        The one that the person proved by its secret.
    """
    meant = pl.lit(value=False)
    if decision is not None:
        meant |= pl.col("id") == decision
    if identifier is not None:
        meant |= pl.col("case") == identifier
    if word is not None:
        meant |= pl.col("inputs").str.contains(word).fill_null(value=False)
    return HistoryReader(history, DECISIONS).scan().filter(meant).select(DECISION.names()).collect()


def named_cases(history: Path, identifier: str | None, word: str | None) -> int:
    """How many decisions name a person in what the ledger proves of them, which stays: their case or their reason."""
    meant = pl.col("case") == identifier if identifier else pl.lit(value=False)
    if word is not None:
        meant |= pl.any_horizontal(pl.col(_ENTERED_TEXTS).str.contains(word).fill_null(value=False))
    return int(HistoryReader(history, DECISIONS).scan().filter(meant).select(pl.len()).collect().item())


def forget_inputs(history: Path, decisions: Collection[str]) -> int:
    """Empty what was asked of cases, in every version; return of how many rows. For a holder of `exclusive`."""
    meant = pl.col("id").is_in(list(decisions)) & pl.col("inputs").is_not_null()
    done = rewrite(
        history,
        DECISIONS,
        lambda part: part.select(meant).to_series(),
        _LOOKED_AT,
        lambda rows: rows.with_columns(inputs=pl.lit(None, pl.String)),
    )
    vacuum(history, DECISIONS)
    return done.changed


def inputs_left(history: Path, decisions: Collection[str]) -> int:
    """How many versions of these decisions still hold what was asked."""
    meant = pl.col("id").is_in(list(decisions)) & pl.col("inputs").is_not_null()
    return sum(part.filter(meant).height for part in columns_of(history, DECISIONS, _LOOKED_AT))
