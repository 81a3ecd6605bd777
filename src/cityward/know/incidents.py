"""Incidents: reports of the same thing, at the same place, while it is open, are one incident."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

WINDOW_DAYS = 30
"""A case without a closing day is taken to live this long after its last report."""

RADIUS_M = 10.0
"""Reports no farther than this from an incident's first report are of the same place: one door and the next.
Measured on real duplicate flags; see docs/incidents-and-campaigns.md."""

NEAR_M = 10.0
"""Within this the words are not asked: two people seldom describe one thing in the same words."""

TEXT_SIMILARITY = 0.1
"""Farther away than that, texts that share less than this part of their words are of different things."""

DAY_US = 86_400_000_000
LETTERS_MIN = 3
"""Shorter words say nothing about the thing."""


def collapse(
    history: pl.DataFrame,
    *,
    window_days: int = WINDOW_DAYS,
    radius_m: float = RADIUS_M,
    near_m: float = NEAR_M,
    text_similarity: float = TEXT_SIMILARITY,
    longest_gap_days: int | None = None,
    families: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return ``history`` with ``incident`` (UInt64), equal for reports of one incident, and ``first_report`` (bool).

    A report joins the nearest incident of its service whose first report lies within ``radius_m`` and that
    is still open; else it begins one. Incidents are numbered from 1 in order of their first report.

    Parameters
    ----------
    history : polars.DataFrame
        With ``service``, ``lon``, ``lat`` (degrees), ``occurred_at`` and ``closed_at``; ``address`` and
        ``text`` are used when they are there.
    window_days : int
        Longest life, after its last report, of a case that is not known to be closed.
    radius_m : float
        Largest distance to the first report of the incident, more than 0.
    near_m : float
        Distance within which texts are not compared; negative: they are compared always.
    text_similarity : float
        Least share of common words (Jaccard, 0 to 1) of two reports farther apart than ``near_m``. A
        report without text is not held to it.
    longest_gap_days : int, optional
        Longest time between a report and the next of the same case even when it is still open.
    families : mapping of str to str, optional
        Services that the city itself handles as one case type, by the name of the type. A service that is
        not named is a type of its own.

    Notes
    -----
    Never across services, or across the types in ``families``. A case is open until the latest closing
    time of its reports so far; a report at the very moment of closing still belongs to it, because many
    sources know only the day. Where one of two reports has no position, equal addresses (without case and
    punctuation) count as the same place; a report with neither is an incident of its own. Neither the
    order of the rows nor equal rows change the answer. Places on both sides of the 180th meridian are not
    compared. Time is linear in the number of rows: open incidents lie apart from each other, so that only
    a few are near any point.

    Raises
    ------
    ValueError
        When ``radius_m`` is not more than 0.
    """
    if not radius_m > 0:
        raise ValueError(f"The radius must be more than 0 m, not {radius_m:g}.")
    if not history.height:
        nothing = (pl.Series("incident", [], dtype=pl.UInt64), pl.Series("first_report", [], dtype=pl.Boolean))
        return history.with_columns(nothing)
    from cityward.core.compiled import prepare
    from cityward.know.incident_kernel import lead

    prepare()
    ask_words = "text" in history.columns and text_similarity > 0 and radius_m > near_m
    rows = _prepared(history, window_days, longest_gap_days, families, ask_words=ask_words)
    words, offsets = words_of(rows["text"]) if ask_words else _nowords_of(rows.height)
    leader = lead(
        rows["time"].to_numpy(),
        rows["ends"].to_numpy(),
        rows["family"].to_numpy(),
        rows["lon"].fill_null(float("nan")).to_numpy(),
        rows["lat"].fill_null(float("nan")).to_numpy(),
        rows["address"].to_numpy(),
        words,
        offsets,
        (float(radius_m), float(near_m), float(text_similarity)),
    )
    leads, row = leader == np.arange(leader.size), rows["row"].to_numpy()
    incident, first_report = np.empty(leader.size, dtype=np.uint64), np.empty(leader.size, dtype=np.bool_)
    incident[row], first_report[row] = np.cumsum(leads, dtype=np.uint64)[leader], leads
    return history.with_columns(pl.Series("incident", incident), pl.Series("first_report", first_report))


def normalised(text: pl.Expr) -> pl.Expr:
    """Text in lower case with letters and digits only, single-spaced; null when nothing is left."""
    plain = text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return pl.when(plain != "").then(plain)


def _prepared(
    history: pl.DataFrame,
    window_days: int,
    longest_gap_days: int | None,
    families: Mapping[str, str] | None,
    *,
    ask_words: bool,
) -> pl.DataFrame:
    """What the search needs, in an order that depends on what the rows say and not on where they stand."""
    service = pl.col("service").replace(dict(families)) if families else pl.col("service")
    time = pl.col("occurred_at").cast(pl.Datetime("us", "UTC")).to_physical()
    closed = pl.col("closed_at").cast(pl.Datetime("us", "UTC")).to_physical()
    ends = pl.coalesce(closed, time + window_days * DAY_US)
    if longest_gap_days is not None:
        ends = pl.min_horizontal(ends, time + longest_gap_days * DAY_US)
    known = pl.col("lon").is_finite() & pl.col("lat").is_finite()
    frame = history.select(
        time.alias("time"),
        ends.alias("ends"),
        service.cast(pl.String).fill_null("").cast(pl.Categorical).to_physical().cast(pl.UInt32).alias("family"),
        # A position is known when both of its numbers are.
        *(pl.when(known).then(pl.col(name).cast(pl.Float64)).alias(name) for name in ("lon", "lat")),
        (_address() if "address" in history.columns else pl.lit(0, pl.UInt64)).alias("address"),
        *([normalised(pl.col("text")).alias("text")] if ask_words else []),
    ).with_row_index("row")
    said = [pl.col("text").hash()] if ask_words else []
    return frame.sort("time", "lon", "lat", "ends", "address", *said)


def _address() -> pl.Expr:
    """Hash of the normalised address, 0 when there is none: numbers are compared faster than strings."""
    plain = normalised(pl.col("address"))
    return pl.when(plain.is_not_null()).then(plain.hash()).otherwise(pl.lit(0, pl.UInt64))


def words_of(text: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Sorted, distinct hashes of the words of each text, and where each text begins."""
    lists = (
        text.fill_null("")
        .str.split(" ")
        .list.eval(pl.element().filter(pl.element().str.len_chars() >= LETTERS_MIN).hash().unique().sort())
    )
    offsets = np.zeros(text.len() + 1, dtype=np.int64)
    np.cumsum(lists.list.len().to_numpy(), out=offsets[1:])
    words = lists.explode().drop_nulls().to_numpy().astype(np.uint64) if offsets[-1] else np.empty(0, dtype=np.uint64)
    return words, offsets


def _nowords_of(rows: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    return np.empty(0, dtype=np.uint64), np.zeros(rows + 1, dtype=np.int64)
