"""Who is picked, beside a random draw: a group's share among the picked over its share among those drawn by lot."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.answerable.audit import comparisons, intervals
from cityward.answerable.audit.counts import FP, TN, Table
from cityward.answerable.audit.measure import Ruler
from cityward.answerable.audit.report import Compared, Group, Rate

Floats = NDArray[np.float64]


def represented(found: Sequence[Group], tables: Sequence[dict[str, Table]], ruler: Ruler) -> list[Group]:
    """Add to every group how often it is picked, and how often those of it without the outcome are.

    Parameters
    ----------
    found : sequence of Group
    tables : sequence of dict
        For each set of columns the counts of the ``picked`` (as selected) and of the random draw, ``known`` (as not).
    ruler : Ruler
    """
    everybody: dict[tuple[object, object], Rate] = {}
    without: dict[tuple[object, object], Rate] = {}
    for table in tables:
        if not table["all"].by:
            continue
        picked, drawn = table["picked"].cells, table["known"].cells
        keys = [(table["all"].by, group) for group in table["all"].groups]
        whole = _rates(picked.sum(axis=1), drawn.sum(axis=1), ruler)
        everybody |= dict(zip(keys, whole, strict=True))
        without |= dict(zip(keys, _rates(picked[:, FP], drawn[:, TN], ruler), strict=True))
    told = {(one.by, one.group) for one in found}
    everybody, without = (_corrected({key: part[key] for key in part if key in told}) for part in (everybody, without))
    return [
        msgspec.structs.replace(
            one,
            representation=everybody.get((one.by, one.group)),
            representation_without_outcome=without.get((one.by, one.group)),
        )
        for one in found
    ]


def _rates(picked: NDArray[np.int64], drawn: NDArray[np.int64], ruler: Ruler) -> list[Rate]:
    count, other = picked.astype(float), drawn.astype(float)
    out_of, other_of = np.full_like(count, count.sum()), np.full_like(other, other.sum())
    first, second = (count, out_of), (other, other_of)
    limits = intervals.clopper_pearson(*first, ruler.level)
    apart, times = intervals.difference(first, second, ruler.level), intervals.ratio(first, second, ruler.level)
    p = comparisons.p_values(*first, *second)
    found = []
    for at in range(len(count)):
        # The limits of the ratio rest on how many of the group there are on either side.
        known = "small" if min(count[at] + other[at], out_of[at], other_of[at]) < ruler.min_n else "known"
        share, against = count[at] / max(out_of[at], 1), other[at] / max(other_of[at], 1)
        compared = Compared(
            against=float(against),
            difference=float(share - against),
            difference_interval=(float(apart[0][at]), float(apart[1][at])),
            ratio=float(share / against) if against else None,
            ratio_interval=(float(times[0][at]), float(times[1][at]) if np.isfinite(times[1][at]) else None),
            p=float(p[at]) if known == "known" else None,
            p_holm=None,
            q=None,
        )
        found.append(
            Rate(
                status=known,  # type: ignore[arg-type]
                value=float(share),
                interval=(float(limits[0][at]), float(limits[1][at])),
                count=int(count[at]),
                out_of=int(out_of[at]),
                compared=compared,
            )
        )
    return found


def _corrected(rates: dict[tuple[object, object], Rate]) -> dict[tuple[object, object], Rate]:
    judged = {key: one.compared for key, one in rates.items() if one.compared and one.compared.p is not None}
    p = np.array([one.p for one in judged.values()], dtype=np.float64)
    for (key, one), holm, q in zip(judged.items(), comparisons.holm(p), comparisons.benjamini_hochberg(p), strict=True):
        compared = msgspec.structs.replace(one, p_holm=float(holm), q=float(q))
        rates[key] = msgspec.structs.replace(rates[key], compared=compared)
    return rates
