"""The index of the divide: indicators made alike, weighed and added, with errors carried to ranks and tiers.

A higher index is a deeper divide, and rank 1 is the deepest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.core import words
from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.equitable.divide.inequality import Floats
from cityward.equitable.divide.presets import Indicator, Preset
from cityward.equitable.divide.ranking import Law, Ranked, by_limits, half_width, rank
from cityward.equitable.divide.reading import SetAside
from cityward.equitable.divide.sensitivity import Influence, Sensitivity, sensitivity

ENOUGH_SHARE: Final = 0.75
HALF: Final = 0.5


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator that is not known everywhere: of how many places it is."""

    indicator: str
    known: int
    places: int


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator of the index: its column, its share of all weight, its error, and how much it moves the ranks."""

    id: str
    group: str
    label: str
    column: str | None
    weight_share: float
    error: str
    moves_ranks: float | None


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """A place: its index with the interval of its errors, and the limits of its rank (1 is the deepest divide).

    ``weights_low`` and ``weights_high`` hold 90 of 100 ranks that other weights and drawn errors give. Where too little
    is known of a place it has no rank, and ``verdict`` is ``cannot tell``.
    """

    place: str
    name: str
    index: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    weights_low: int | None
    weights_high: int | None
    tier: int | None
    known_share: float
    missing: tuple[str, ...]
    verdict: str


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The whole index; places that are ranked come first, the deepest divide at the top."""

    finding: str
    title: str
    source: str
    level: float
    method: str
    indicators: tuple[Used, ...]
    missing: tuple[Missing, ...]
    tiers: int
    ordered_share: float
    cannot_tell: int
    places: tuple[Indexed, ...]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """What is known of each place.

    ``values`` and ``errors`` have shape (n, k), one column an indicator; NaN where it is not known, and errors are NaN
    where none is stated. ``columns`` says where each came from, ``said`` what is said of its error.
    """

    places: tuple[str, ...]
    names: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    columns: tuple[str | None, ...]
    values: Floats
    errors: Floats
    said: tuple[str, ...]
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Scored:
    """Indicators made alike, (n, k), their errors, what of the weight is known, and their surveys, numbered."""

    parts: Floats
    errors: Floats
    weights: Floats
    known: Floats
    enough: np.ndarray
    surveys: np.ndarray


def compute(
    matrix: Matrix,
    preset: Preset,
    *,
    level: float = 0.95,
    law: Law = "normal",
    enough_share: float = ENOUGH_SHARE,
    seed: int = 1,
) -> Index:
    """Return the index of every place.

    Parameters
    ----------
    matrix : Matrix
        Its indicators are those of ``preset``, in order.
    preset : Preset
    level : float
        Joint level of ranks, and of each interval.
    law : str
        Shape of the errors.
    enough_share : float
        Least share of the weight (of indicators that the table has) that must be known for a rank.
    seed : int

    Raises
    ------
    UserError
        None of the indicators is in the table, or no place has enough of them.
    """
    scored = _scored(matrix, enough_share)
    at = np.flatnonzero(scored.enough)
    if not at.size:
        raise UserError(
            f"No place has {words.percent(enough_share)} of the index.",
            "Give --enough a smaller share, or more columns.",
        )
    values, errors = _added(scored, at)
    shift, scale = _scaled(values) if preset.scale == "min-max" else (0.0, 1.0)
    values, errors = (values - shift) * scale, errors * scale
    moved = sensitivity(
        scored.parts[at], scored.errors[at], scored.weights, scored.surveys, rng(seed, "divide", "weights")
    )
    stated = bool((errors > 0).any())
    if stated:
        ranked = rank(values, errors, level=level, random=rng(seed, "divide", "ranks"), law=law)
    else:
        ranked = by_limits(-moved.high, -moved.low, "the weights alone: no error is stated")
        ranked = replace(ranked, low=moved.low, high=moved.high)
    width = half_width(level, law) * errors if stated else None
    places = _told(matrix, scored, at, values, width, ranked, moved)
    return Index(
        finding=_finding(places, ranked, stated=stated),
        title=preset.title,
        source=preset.source,
        level=level,
        method=ranked.method,
        indicators=_used(matrix, scored, moved.influences),
        missing=_missing(matrix),
        tiers=int(ranked.tier.max()),
        ordered_share=ranked.ordered_share,
        cannot_tell=len(matrix.places) - at.size,
        places=places,
        set_aside=matrix.set_aside,
        notes=(*matrix.notes, *_notes(matrix, scored, stated=stated)),
    )


def _scored(matrix: Matrix, enough_share: float) -> _Scored:
    """Make indicators alike: each by its normalisation, turned so that more is a deeper divide."""
    there = np.array([column is not None for column in matrix.columns])
    if not there.any():
        wanted = ", ".join(f"'{one.columns[0]}'" for one in matrix.indicators)
        raise UserError("The table has no column of this index.", f"It needs some of {wanted}.")
    weights = np.array([one.weight for one in matrix.indicators]) * there
    parts = np.full(matrix.values.shape, np.nan)
    errors = np.full(matrix.values.shape, np.nan)
    for at, one in enumerate(matrix.indicators):
        shift, scale = _alike(matrix.values[:, at], one)
        sign = -1.0 if one.more_is_better else 1.0
        parts[:, at] = sign * (matrix.values[:, at] - shift) / scale
        errors[:, at] = matrix.errors[:, at] / scale
    known = (np.isfinite(parts) * weights).sum(axis=1) / weights.sum()
    names = [one.survey for one in matrix.indicators]
    surveys = np.array([names.index(name) for name in names])
    return _Scored(parts, errors, weights, known, known >= enough_share - 1e-9, surveys)


def _alike(values: Floats, one: Indicator) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size or one.normalise == "share":
        return 0.0, 1.0
    if one.normalise == "min-max":
        return float(known.min()), float(np.ptp(known)) or 1.0
    return float(known.mean()), float(known.std()) or 1.0


def _added(scored: _Scored, at: np.ndarray) -> tuple[Floats, Floats]:
    """Weighted means of what is known, and their standard errors; what is not stated adds none.

    How errors of one survey go together is not stated. Taken as going together fully, they are never too small.
    """
    parts, errors = scored.parts[at], scored.errors[at]
    weights = np.isfinite(parts) * scored.weights
    shares = weights / weights.sum(axis=1, keepdims=True)
    values: Floats = (shares * np.nan_to_num(parts)).sum(axis=1)
    weighed = shares * np.nan_to_num(errors)
    surveys = [weighed[:, scored.surveys == one].sum(axis=1) for one in np.unique(scored.surveys)]
    spread: Floats = np.sqrt(np.sum(np.square(surveys), axis=0))
    return values, spread


def _scaled(values: Floats) -> tuple[float, float]:
    return float(values.min()), 100.0 / (float(np.ptp(values)) or 1.0)


def _told(
    matrix: Matrix,
    scored: _Scored,
    at: np.ndarray,
    values: Floats,
    width: Floats | None,
    ranked: Ranked,
    moved: Sensitivity,
) -> tuple[Indexed, ...]:
    position = {int(place): number for number, place in enumerate(at)}
    order = np.lexsort((at, -values))
    rows = [*(int(at[number]) for number in order), *(one for one in range(len(matrix.places)) if one not in position)]
    place_of = {int(at[number]): rank_ for rank_, number in enumerate(order, 1)}
    told = []
    for row in rows:
        number = position.get(row)
        figures = (
            {
                "index": float(values[number]),
                "low": None if width is None else float(values[number] - width[number]),
                "high": None if width is None else float(values[number] + width[number]),
                "rank": place_of[row],
                "rank_low": int(ranked.low[number]),
                "rank_high": int(ranked.high[number]),
                "weights_low": int(moved.low[number]),
                "weights_high": int(moved.high[number]),
                "tier": int(ranked.tier[number]),
            }
            if number is not None
            else dict.fromkeys(
                ("index", "low", "high", "rank", "rank_low", "rank_high", "weights_low", "weights_high", "tier")
            )
        )
        lacks = [
            one.id
            for one, column, value in zip(matrix.indicators, matrix.columns, matrix.values[row], strict=True)
            if column and not np.isfinite(value)
        ]
        told.append(
            Indexed(
                place=matrix.places[row],
                name=matrix.names[row],
                known_share=float(scored.known[row]),
                missing=tuple(lacks),
                verdict="ranked" if number is not None else "cannot tell",
                **figures,
            )
        )
    return tuple(told)


def _used(matrix: Matrix, scored: _Scored, influences: tuple[Influence, ...]) -> tuple[Used, ...]:
    moves = {one.indicator: one.mean_ranks for one in influences}
    return tuple(
        Used(
            id=one.id,
            group=one.group,
            label=one.label or one.id,
            column=column,
            weight_share=float(scored.weights[at] / scored.weights.sum()),
            error=matrix.said[at],
            moves_ranks=moves.get(at),
        )
        for at, (one, column) in enumerate(zip(matrix.indicators, matrix.columns, strict=True))
    )


def _missing(matrix: Matrix) -> tuple[Missing, ...]:
    known = np.isfinite(matrix.values).sum(axis=0)
    return tuple(
        Missing(indicator=one.id, known=int(known[at]), places=len(matrix.places))
        for at, one in enumerate(matrix.indicators)
        if known[at] < len(matrix.places)
    )


def _notes(matrix: Matrix, scored: _Scored, *, stated: bool) -> list[str]:
    lost = [one.id for one, column in zip(matrix.indicators, matrix.columns, strict=True) if column is None]
    notes = [f"Not in the table, and so not in the index: {', '.join(lost)}."] if lost else []
    notes += [
        f"{one.indicator} is known of {one.known:,} of {one.places:,} places alone."
        for one in _missing(matrix)
        if one.indicator not in lost and one.known < HALF * one.places
    ]
    without = (np.isnan(scored.errors) & np.isfinite(scored.parts)).all(axis=0) | (scored.weights == 0)
    share = float(scored.weights[~without].sum() / scored.weights.sum())
    if not stated:
        notes.append(
            "No error is stated, so nothing says which places are told apart; limits of ranks are of the weights alone."
        )
    elif share < 1:
        notes.append(
            f"Errors are known of indicators with {words.percent(share)} of the weight; the others are taken as exact."
        )
    return notes


def _finding(places: tuple[Indexed, ...], ranked: Ranked, *, stated: bool) -> str:
    deepest = [one.name or one.place for one in places if one.tier == 1]
    lost = sum(one.verdict == "cannot tell" for one in places)
    named = (
        f"{deepest[0]} is" if len(deepest) == 1 else f"{', '.join(deepest[:5])}{' and others' * (len(deepest) > 5)} are"
    )
    whole = len(places) - lost
    together = "" if len(deepest) == 1 else f" ({len(deepest):,} places, which cannot be ordered among themselves)"
    told = f"The divide is deepest where none is clearly deeper: {named} in the first tier{together}."
    told += f" Of all pairs of {whole:,} places {words.percent(ranked.ordered_share)} can be ordered"
    told += " by the stated errors." if stated else ", whatever the weights; errors are not stated."
    return told + (f" Of {lost:,} places we cannot tell: too little is known." if lost else "")


def frame_of(index: Index) -> pl.DataFrame:
    """One row a place."""
    return pl.DataFrame([msgspec.to_builtins(one) for one in index.places], infer_schema_length=None)
