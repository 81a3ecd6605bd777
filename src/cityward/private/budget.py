"""The privacy ledger's arithmetic: what releases about the same people have cost together.

A loss is pure (``epsilon``, of Laplace noise) or concentrated (``rho``, of Gaussian noise). What a city has promised
is an ``epsilon`` and, where Gaussian noise is wanted, a small ``delta``: the chance that the promise does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from cityward.core.errors import Refused, UserError

Every = Literal["month", "quarter", "year"]

RULE: Final = "publish-budget 1"
"""Identifier and version of the rule that refuses when nothing is left."""

DELTA_MAX: Final = 1e-4
_ROUNDING: Final = 1e-12  # sums of decimal fractions: ten times 0.1 are a whole


@dataclass(frozen=True, slots=True)
class Loss:
    """What one release costs: ``epsilon`` or ``rho``, the other is 0."""

    epsilon: float = 0.0
    rho: float = 0.0


@dataclass(frozen=True, slots=True)
class Promise:
    """The most that releases about one group of people and one period of data may cost together."""

    epsilon: float
    delta: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and 0 < self.epsilon <= 20):
            raise UserError(
                f"A budget of epsilon {self.epsilon} protects nobody, or is none.", "Write a number above 0, up to 20."
            )
        if not (math.isfinite(self.delta) and 0 <= self.delta <= DELTA_MAX):
            raise UserError(
                f"A budget's delta is {self.delta}; it must lie between 0 and {DELTA_MAX:g}.",
                "Take less than one in the number of people, such as 1e-6.",
            )


def spent(losses: Iterable[Loss], delta: float) -> float:
    """Return the epsilon that ``losses`` cost together, at ``delta``; infinite when that delta cannot hold them.

    Notes
    -----
    Source: sequential composition, Dwork and Roth, The algorithmic foundations of differential privacy (2014),
    theorem 3.16. Of concentrated losses: Bun and Steinke, Concentrated differential privacy (2016), propositions
    1.3 (``epsilon = rho + 2 sqrt(rho ln(1/delta))``), 1.4 (a pure epsilon is a rho of ``epsilon² / 2``) and
    lemma 1.7 (they add). Both are bounds, so the smaller one holds.
    """
    found = list(losses)
    pure = math.fsum(one.epsilon for one in found) if all(one.rho == 0 for one in found) else math.inf
    if delta <= 0:
        return pure
    rho = math.fsum(one.rho + one.epsilon**2 / 2 for one in found)
    return min(pure, rho + 2 * math.sqrt(rho * math.log(1 / delta)))


def check(before: Iterable[Loss], asked: Loss, promise: Promise, about: str) -> None:
    """Raise `Refused` unless ``asked`` still fits into ``promise`` after ``before``.

    Parameters
    ----------
    about : str
        Group and period, for the message.
    """
    found = list(before)
    after = spent([*found, asked], promise.delta)
    if after <= promise.epsilon * (1 + _ROUNDING):
        return
    if asked.rho and promise.delta == 0:
        raise Refused(
            RULE,
            f"The budget of {about} has no delta, so Gaussian noise cannot be promised.",
            "Ask with epsilon (Laplace noise), or let whoever answers for privacy set a delta in city.toml.",
        )
    raise Refused(
        RULE,
        f"The privacy budget of {about} would be exceeded: epsilon {spent(found, promise.delta):.4g} of "
        f"{promise.epsilon:g} is spent, and with this release it would be {after:.4g}.",
        "What is published already can be used without limit ('cityward release list'). A release with a smaller "
        f"epsilon may still fit; raising the budget in city.toml is a decision about the people of {about}.",
    )


def largest(before: Iterable[Loss], promise: Promise) -> float:
    """Return the largest epsilon of Laplace noise that still fits (0 when none does)."""
    found = list(before)
    low, high = 0.0, promise.epsilon
    for _ in range(60):
        middle = (low + high) / 2
        fits = spent([*found, Loss(epsilon=middle)], promise.delta) <= promise.epsilon * (1 + _ROUNDING)
        low, high = (middle, high) if fits else (low, middle)
    return low if low > 1e-9 else 0.0


def days_of(period: str) -> tuple[date, date]:
    """Return the first and last day of a period that `periods` named."""
    year = int(period[:4])
    first, months = {4: (1, 12), 7: (0, 1)}[len(period)]
    if "Q" in period:
        first, months = int(period[-1]) * 3 - 2, 3
    elif len(period) == 7:
        first = int(period[5:])
    after = year * 12 + first - 1 + months
    return date(year, first, 1), date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


def periods(first: date, last: date, every: Every) -> list[str]:
    """Return the periods of data that ``first`` to ``last`` touch: ``2014``, ``2014-Q2`` or ``2014-06``."""
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    shape = {"year": "{year:04}", "quarter": "{year:04}-Q{quarter}", "month": "{year:04}-{month:02}"}[every]
    named = (shape.format(year=at // 12, quarter=at % 12 // 3 + 1, month=at % 12 + 1) for at in months)
    return list(dict.fromkeys(named))
