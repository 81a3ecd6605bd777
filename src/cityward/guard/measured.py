"""From bounded rows to the rows of a release: what is exact enters, what leaves has noise on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.releases import ReleaseRequest
from cityward.guard.cells import Cells
from cityward.private.bounding import Bounds, bounded_counts, bounded_rows, person_codes
from cityward.private.consistent import consistent
from cityward.private.measuring import (
    Cost,
    Values,
    check_edges,
    mean_noise,
    mean_of,
    quantile_of,
    sum_noise,
)
from cityward.private.noise import Mechanism

Whole = NDArray[np.int64]

UNITS = {
    "count": "reports",
    "persons": "persons",
    "sum": "days",
    "mean": "days",
    "quantile": "days",
    "histogram": "reports",
    "trips": "trips",
    "dwell": "hours",
}
_COUNTED = ("count", "persons", "histogram", "trips")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Noise of a request; ``second`` is that of the counts behind means. ``error_95`` is None where it depends."""

    unit: str
    noise: Mechanism
    second: Mechanism | None
    error_95: float | None


@dataclass(frozen=True, slots=True)
class Exact:
    """Exact totals of the cells, (size,), and of values where the kind asks for them. Never leaves `guard`."""

    counts: Whole
    sums: Whole | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows that may leave, and the noise that is on them."""

    frame: pl.DataFrame
    prepared: Prepared


def values_of(request: ReleaseRequest) -> Values:
    """Range of the values, which sums and means need."""
    if request.low is None or request.high is None or request.step is None:
        raise UserError(
            "Sums and means need a range: without one, a single person could change them without limit.",
            "Give --low, --high and --step from what is publicly known, never from the data.",
        )
    return Values(request.low, request.high, request.step)


def _check(request: ReleaseRequest) -> None:
    """Raise `UserError` where parts of a request do not go together."""
    kind = request.kind
    if request.levels and kind not in ("count", "persons", "sum"):
        raise UserError(f"Totals of groups do not go with '{kind}'.", "They go with count, persons and sum.")
    if request.suppress_below and kind not in _COUNTED:
        raise UserError(f"Suppression does not go with '{kind}'.", f"It goes with {', '.join(_COUNTED)}.")
    if kind in ("trips", "dwell") and request.services:
        raise UserError(f"'{kind}' tells of persons, not of services.", "Leave --service out.")
    if kind == "persons" and request.rows != 1:
        raise UserError("A person is counted once in a cell.", "Give --rows-per-person 1 for 'persons'.")
    if kind == "quantile" and (request.quantile is None or not 0 < request.quantile < 1):
        raise UserError("A quantile needs to be between 0 and 1.", "Give --quantile 0.5 for the median.")
    if kind in ("histogram", "quantile"):
        check_edges(request.edges)
    elif request.edges:
        raise UserError(f"Edges do not go with '{kind}'.", "They go with histogram and quantile.")


def prepare(cells: Cells, bounds: Bounds, cost: Cost) -> Prepared:
    """Return the noise of a request.

    Raises
    ------
    UserError
        What the kind needs is missing, or does not go with it.
    """
    request = cells.request
    kind, unit = request.kind, UNITS[request.kind]
    _check(request)
    levels = 1 + len(cells.upper()[0]) if request.levels else 1
    if kind in ("mean", "dwell"):
        noise = mean_noise(cost, bounds, values_of(request))
        return Prepared(unit, noise[0], noise[1], None)
    if kind == "sum":
        values = values_of(request)
        if request.levels and values.low < 0:
            raise UserError("Totals are made not negative, so --low must not be.", "Leave --totals out.")
        mechanism = sum_noise(cost, bounds, values, levels)
        return Prepared(unit, mechanism, None, mechanism.error() * values.step)
    mechanism = cost.mechanism(bounds.l1(levels), bounds.l2(levels))
    return Prepared(unit, mechanism, None, None if kind == "quantile" else mechanism.error())


def count(cells: Cells, rows: pl.DataFrame) -> Exact:
    """Bound what each person contributes, and count."""
    request = cells.request
    bounds = Bounds(request.rows, request.cells)
    if "value" in rows.columns:
        rows = rows.filter(pl.col("value").is_finite())
    codes, hashes, _ = person_codes(rows["person"])
    cell = cells.of(rows)
    if request.kind not in ("sum", "mean", "dwell"):
        return Exact(bounded_counts(codes, hashes, cell, cells.size, bounds))
    values = values_of(request)
    kept = bounded_rows(codes, hashes, cell, cells.size, bounds)
    chosen, steps = cell[kept], values.whole(rows["value"].to_numpy()[kept])
    if request.kind != "sum":
        steps = steps - values.middle
    sums = np.zeros(cells.size, dtype=np.int64)
    np.add.at(sums, chosen, steps)
    return Exact(np.bincount(chosen, minlength=cells.size).astype(np.int64), sums)


def measure(cells: Cells, exact: Exact) -> Measured:
    """Draw the noise, once, and return what may leave."""
    request = cells.request
    prepared = prepare(cells, Bounds(request.rows, request.cells), Cost(request.epsilon, request.rho))
    keys = cells.keys(buckets=request.kind == "histogram")
    if request.kind in ("mean", "dwell"):
        assert exact.sums is not None  # noqa: S101 - `count` made them for this kind
        assert prepared.second is not None  # noqa: S101
        noise = (prepared.noise, prepared.second)
        sums, counts = noise[0].add(exact.sums), noise[1].add(exact.counts)
        value, error = mean_of(sums, counts, noise, values_of(request))
        return Measured(_told(keys, value, value, error, request), prepared)
    if request.kind == "quantile":
        assert request.quantile is not None  # noqa: S101 - `prepare` refuses it
        noisy = prepared.noise.add(exact.counts).reshape(-1, cells.buckets)
        value, error = quantile_of(noisy, request.edges, request.quantile, prepared.noise)
        return Measured(_told(keys, value, value, error, request), prepared)
    totals = exact.sums if exact.sums is not None else exact.counts
    step = request.step or 1.0 if request.kind == "sum" else 1.0
    assert prepared.error_95 is not None  # noqa: S101 - known for counts and sums
    if not request.levels:
        noisy = prepared.noise.add(totals)
        positive = request.kind != "sum" or (request.low or 0.0) >= 0
        whole = consistent([noisy[:, None]], [])[0][:, 0] if positive else noisy
        errors = np.full(noisy.size, prepared.error_95)
        return Measured(_told(keys, noisy * step, whole * step, errors, request), prepared)
    return Measured(_with_totals(cells, keys, totals, prepared, step), prepared)


def _with_totals(cells: Cells, keys: pl.DataFrame, totals: Whole, prepared: Prepared, step: float) -> pl.DataFrame:
    """Measure every level on its own, then make them agree."""
    groups, names = cells.upper()
    exact = [totals.reshape(-1, len(cells.request.territories))]
    for group, members in zip(groups, names, strict=True):
        sums = np.zeros((exact[0].shape[0], len(members)), dtype=np.int64)
        np.add.at(sums.T, group, exact[-1].T)
        exact.append(sums)
    flat = prepared.noise.add(np.concatenate([level.ravel() for level in exact]))
    ends = np.cumsum([level.size for level in exact])[:-1]
    noisy = [part.reshape(level.shape) for part, level in zip(np.split(flat, ends), exact, strict=True)]
    agreed = consistent(noisy, groups)
    columns = keys.columns
    times = keys.select("period", "service").unique(maintain_order=True)
    frames = [keys]
    for depth, members in enumerate(names):
        level = "city" if depth == len(names) - 1 else "group"
        own = pl.DataFrame({"territory": [f"{level}:{one}" for one in members], "name": members})
        frames.append(times.join(own.with_columns(level=pl.lit(level)), how="cross").select(columns))
    told = pl.concat(frames)
    value = np.concatenate([level.ravel() for level in agreed])
    error = np.full(value.size, prepared.error_95 or math.nan)
    return _told(told, flat * step, value * step, error, cells.request)


def _told(keys: pl.DataFrame, noisy: Any, value: Any, error: Any, request: ReleaseRequest) -> pl.DataFrame:
    frame = keys.with_columns(
        noisy=pl.Series(np.asarray(noisy, dtype=np.float64)),
        value=pl.Series(np.asarray(value, dtype=np.float64)),
        error_95=pl.Series(np.asarray(error, dtype=np.float64)),
    )
    hidden = pl.col("value") < request.suppress_below if request.suppress_below else pl.lit(value=False)
    return frame.with_columns(
        too_noisy=pl.col("error_95") > request.noisy_share * pl.col("value").abs(), suppressed=hidden
    ).with_columns(pl.when("suppressed").then(None).otherwise(pl.col("noisy", "value")).name.keep())
