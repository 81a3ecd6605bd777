"""How every territory is heard: beside places like it, and how readily its residents report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from cityward.core.clock import rng
from cityward.core.records import Heard, Need, Territory
from cityward.equitable.reporting import Reporting
from cityward.equitable.silence import CLEARLY_BELOW, Beside, beside_peers

CANNOT_TELL = "cannot tell"


def how_heard(
    heard: Mapping[str, int],
    territories: Sequence[Territory],
    reporting: Reporting,
    *,
    beside: Beside | None = None,
) -> list[Heard]:
    """Return one record for each territory, in their order, "we cannot tell" included.

    Parameters
    ----------
    heard : mapping of str to int
        Incidents of a year by territory; one that is missing was not heard at all.
    territories : sequence of Territory
        All of one level.
    reporting : Reporting
        How readily residents of the same territories report.
    beside : Beside, optional
        What `beside_peers` answers for the same counts and territories, where it is there already.
    """
    beside = beside_peers(heard, territories) if beside is None else beside
    position = {territory.id: at for at, territory in enumerate(beside.known)}
    readiness = {row["territory"]: row for row in reporting.territories.iter_rows(named=True)}
    return [
        Heard(
            territory=territory.id,
            name=territory.name,
            population=territory.population,
            heard=heard.get(territory.id, 0),
            **_beside(beside, position.get(territory.id)),
            **_readiness(readiness[territory.id]),
        )
        for territory in territories
    ]


def corrected_need(need: Need, counts: Mapping[str, int], reporting: Reporting, seed: int = 0) -> Need:
    """Return ``need`` with its count as it would be if its areas reported as readily as the city (90 % interval).

    Parameters
    ----------
    need : Need
    counts : mapping of str to int
        What was observed in each of its areas.
    reporting : Reporting
        When readiness may not be published the interval spans the raw and the corrected one.
    seed : int

    Notes
    -----
    A place of readiness r is taken to hear of r times as much as the average place; the count is Poisson, with
    Jeffreys's prior.
    """
    position = {territory: at for at, territory in enumerate(reporting.territories["territory"])}
    at = [position[territory] for territory in need.territories]
    heard = np.array([counts.get(territory, 0) for territory in need.territories], dtype=float)
    total = max(heard.sum(), 1.0)
    factor = (1 / reporting.draws[:, at]) @ (heard / total)
    rates = rng(seed, "corrected", need.id).standard_gamma(heard.sum() + 0.5, size=factor.size)
    low, high = np.quantile(rates * factor, (0.05, 0.95))
    if reporting.publishable:
        told = (
            f"If residents there reported as readily as the city does, it would be {low:,.0f} to {high:,.0f} reports."
        )
    else:
        low, high = min(low, np.quantile(rates, 0.05)), max(high, np.quantile(rates, 0.95))
        told = (
            f"How readily residents there report we cannot tell; with that doubt it may stand for {low:,.0f} to "
            f"{high:,.0f} reports."
        )
    return msgspec.structs.replace(need, corrected_low=float(low), corrected_high=float(high), correction=told)


def _beside(beside: Beside, at: int | None) -> dict[str, Any]:
    if at is None or not beside.judged[at]:
        return {"expected": None, "ratio": None, "ratio_low": None, "ratio_high": None, "verdict": CANNOT_TELL}
    low, high, expected = float(beside.low[at]), float(beside.high[at]), float(beside.expected[at])
    verdict = "quieter" if high < CLEARLY_BELOW else "more" if low > 1 / CLEARLY_BELOW else "as others"
    ratio = float(beside.counts[at]) / expected
    return {"expected": expected, "ratio": ratio, "ratio_low": low, "ratio_high": high, "verdict": verdict}


def _readiness(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "readiness": row["readiness"],
        "readiness_low": row["low"],
        "readiness_high": row["high"],
        "readiness_verdict": row["verdict"],
    }
