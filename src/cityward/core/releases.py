"""Releases: what is asked of the way out, and what left by it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from cityward.core.records import Record
from cityward.core.words import days

Kind = Literal["count", "persons", "sum", "mean", "quantile", "histogram", "trips", "dwell"]
Grain = Literal["day", "week", "month", "quarter", "year", "whole"]

KINDS: Final[dict[str, str]] = {
    "count": "reports",
    "persons": "different persons",
    "sum": "sum of days until closing",
    "mean": "mean of days until closing",
    "quantile": "quantile of days until closing",
    "histogram": "reports by days until closing",
    "trips": "trips of persons from one territory to another",
    "dwell": "mean hours that persons stay in a territory",
}
"""What can be released at all, and what it counts. Who met whom is not among them, and neither is a row of a person."""


class ReleaseRequest(Record, frozen=True, kw_only=True):
    """What is asked: everything in it is public, none of it may come from the data.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    group : str
        Whose data: a group of people with a budget in ``city.toml``.
    services, territories : tuple of str
        Keys of the cells, from public lists.
    first, last : datetime.date
        Days of the data, both included, local to the city.
    every : str
        Length of a cell in time.
    epsilon, rho : float, optional
        Cost, one of the two: Laplace noise for epsilon, Gaussian for rho.
    rows, cells : int
        Most rows of a person in a cell, and most cells of a person.
    low, high, step : float, optional
        Values are cut to ``low`` and ``high`` and rounded to ``step`` (sum, mean, dwell).
    edges : tuple of float
        Bounds of the buckets (histogram, quantile), ascending.
    quantile : float, optional
        0 to 1.
    levels : bool
        Whether totals of the groups of territories and of the city are measured too and made to add up.
    suppress_below : int
        Values below it are left out; 0 for none.
    noisy_share : float
        A value whose 95 % error is a larger share of it is too noisy to allocate by.
    edition : int
        Another edition is another release, with another cost.
    """

    kind: Kind
    group: str
    services: tuple[str, ...]
    territories: tuple[str, ...]
    first: date
    last: date
    every: Grain
    rows: int
    cells: int
    epsilon: float | None = None
    rho: float | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    edges: tuple[float, ...] = ()
    quantile: float | None = None
    levels: bool = False
    suppress_below: int = 0
    noisy_share: float = 0.1
    edition: int = 1


class Release(Record, frozen=True, kw_only=True):
    """What left: its request, cost, error and receipts. Nothing in it is a figure without noise.

    ``error_95`` is that of one value, in its unit; where it differs between cells, the largest. ``rows`` is the number
    of rows of the file, which follows from the request alone. ``sha256`` is that of the Parquet file.
    """

    id: str
    request: ReleaseRequest
    title: str
    unit: str
    mechanism: str
    scale: float
    periods: tuple[str, ...]
    error_95: float
    rows: int
    too_noisy: int
    suppressed: int
    made_at: datetime
    sha256: str
    spent_receipt: int
    receipt: int | None = None

    @property
    def heading(self) -> str:
        """The title with its days as people write them."""
        first, last = self.request.first, self.request.last
        return f"{self.title.removesuffix(f', {first} to {last}')}, {days(first, last)}"

    @property
    def cost(self) -> str:
        """What it cost: ``epsilon 0.7`` or ``rho 0.015``."""
        request = self.request
        return f"epsilon {request.epsilon:g}" if request.epsilon is not None else f"rho {request.rho:g}"


class ReleasePlan(Record, frozen=True, kw_only=True):
    """What a release would be, before anything is spent: told from the request and the budget alone.

    ``useful_from`` is the smallest value that would not be marked as too noisy; ``refusal`` why it would be refused.
    """

    id: str
    title: str
    unit: str
    mechanism: str
    scale: float
    cells: int
    periods: tuple[str, ...]
    error_95: float | None
    useful_from: float | None
    spent_epsilon: float
    budget_epsilon: float
    after_epsilon: float
    made: bool
    refusal: str | None
