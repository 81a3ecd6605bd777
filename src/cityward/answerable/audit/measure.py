"""From counts to groups with rates, limits and comparisons: everything of all groups in a few calls on arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.answerable.audit import comparisons, intervals
from cityward.answerable.audit.counts import CELLS, Table, Whole
from cityward.answerable.audit.rates import (
    COMPLEMENTS,
    OF_THE_SELECTED,
    RATES,
    WITHOUT_OUTCOME,
    WITHOUT_PREDICTION,
    bounds,
    counted,
)
from cityward.answerable.audit.report import Compared, Group, Pair, Rate
from cityward.core.errors import UserError

Floats = NDArray[np.float64]

BALANCED: Final = "balanced_accuracy"


@dataclass(frozen=True, slots=True)
class Stack:
    """Groups of several tables above one another; ``cells`` and ``rest`` (groups, 6) of each source of counts.

    Sources are ``all``, ``known`` (for error rates: everybody, or the random arm) and ``picked``. ``rest`` is
    everybody else in the same table, or the reference group. ``twin`` marks a group that is compared with one that was
    compared with it before: of two groups one comparison is made, not two.
    """

    by: list[tuple[str, ...]]
    groups: list[tuple[str, ...]]
    cells: dict[str, Whole]
    rest: dict[str, Whole]
    alone: NDArray[np.bool_]
    twin: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ruler:
    """How groups are measured: level of the limits, least number of people, what can be told and from where."""

    level: float
    min_n: int
    source: dict[str, str]
    bounded: bool


def sources(kind: str) -> dict[str, str]:
    """For each rate that can be told, the source of its counts, by what is known (`labels.Known.kind`)."""
    if kind == "no outcome":
        return dict.fromkeys(WITHOUT_OUTCOME, "all")
    if kind == "no prediction":
        return dict.fromkeys(WITHOUT_PREDICTION, "known")
    if kind == "controls":
        return {"base_rate": "known"} | dict.fromkeys(OF_THE_SELECTED, "picked")
    if kind in ("whole", "arm"):
        return dict.fromkeys(WITHOUT_OUTCOME, "all") | dict.fromkeys((*list(RATES)[1:], BALANCED), "known")
    return dict.fromkeys((*WITHOUT_OUTCOME, *OF_THE_SELECTED), "all")


def stack(tables: Sequence[dict[str, Table]], reference: str = "", floors: Sequence[int] = ()) -> Stack:
    """Put tables above one another; every table is given once for each source, of the same groups.

    Groups with fewer people than the floor of their table are left out; they count as the rest of others.

    Raises
    ------
    UserError
        No table has the reference group.
    """
    by: list[tuple[str, ...]] = []
    groups: list[tuple[str, ...]] = []
    cells: dict[str, list[Whole]] = {}
    rest: dict[str, list[Whole]] = {}
    alone: list[bool] = []
    twin: list[bool] = []
    named = False
    for table, floor in zip(tables, floors or [0] * len(tables), strict=True):
        first = next(iter(table.values()))
        at = first.groups.index((reference,)) if (reference,) in first.groups else None
        named |= at is not None
        kept = np.flatnonzero(table["all"].cells.sum(axis=1) >= floor)
        for source, one in table.items():
            cells.setdefault(source, []).append(one.cells[kept])
            others = one.total - one.cells if at is None else np.repeat(one.cells[[at]], len(one.groups), axis=0)
            rest.setdefault(source, []).append(others[kept])
        by += [first.by] * len(kept)
        groups += [first.groups[place] for place in kept]
        alone += [len(first.groups) == 1 or place == at for place in kept]
        twin += [at is None and len(first.groups) == 2 and place == 1 for place in kept]
    if reference and not named:
        known = ", ".join(dict.fromkeys(group[0] for group in groups if len(group) == 1))
        raise UserError(f"No group is called '{reference}'.", f"Groups are: {known}.")
    joined, opposite = ({name: np.concatenate(parts) for name, parts in counts.items()} for counts in (cells, rest))
    return Stack(by, groups, joined, opposite, np.array(alone), np.array(twin))


def measure(one: Stack, ruler: Ruler) -> tuple[list[Group], int]:
    """Return the groups in the order of the stack, and how many comparisons were made."""
    names = [name for name in RATES if name in ruler.source]
    count, out_of, other, other_of = (np.array(part) for part in zip(*_parts(one, names, ruler), strict=True))
    shape = count.shape
    flat = [part.ravel() for part in (count, out_of, other, other_of)]
    limits = intervals.clopper_pearson(flat[0], flat[1], ruler.level)
    apart = intervals.difference((flat[0], flat[1]), (flat[2], flat[3]), ruler.level)
    times = intervals.ratio((flat[0], flat[1]), (flat[2], flat[3]), ruler.level)
    large = (out_of >= ruler.min_n) & (other_of >= ruler.min_n) & ~one.alone
    p, p_holm, q, made = _judged(names, flat, large, one.twin)
    told = np.stack([*flat, *limits, *apart, *times], axis=-1).reshape(*shape, -1).tolist()
    judged = np.stack([p, p_holm, q], axis=-1).tolist()
    balanced = _balanced(names, count, out_of, ruler) if BALANCED in ruler.source else []
    found = []
    for at, group in enumerate(one.groups):
        rates: dict[str, Rate] = {}
        for row, name in enumerate(names):
            numbers = told[row][at]
            compared = None if one.alone[at] else _compared(numbers, *judged[row][at])
            rates[name] = _rate(numbers, compared, ruler)
        if balanced:
            rates[BALANCED] = balanced[at]
        _add_unknown(rates, one.cells["all"][[at]], ruler)
        order = [name for name in (*RATES, BALANCED) if name in rates]
        found.append(
            Group(
                by=one.by[at],
                group=group,
                people=int(one.cells["all"][at].sum()),
                counts=dict(zip(CELLS, one.cells["known"][at].tolist(), strict=True)),
                rates={name: rates[name] for name in order},
            )
        )
    return found, made


def _parts(one: Stack, names: Sequence[str], ruler: Ruler) -> list[tuple[Floats, Floats, Floats, Floats]]:
    return [
        (*counted(one.cells[ruler.source[name]], name), *counted(one.rest[ruler.source[name]], name)) for name in names
    ]


def _judged(
    names: Sequence[str], flat: Sequence[Floats], large: NDArray[np.bool_], twin: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats, int]:
    """P-values, p-values after Holm and q-values, each (rates, groups); nan where nothing is compared."""
    p = np.full(large.shape, np.nan)
    p[large] = comparisons.p_values(*(part.reshape(large.shape)[large] for part in flat))
    counts = ~np.isnan(p) & ~twin
    counts[[name in COMPLEMENTS for name in names]] = False
    holm, q = np.full(p.shape, np.nan), np.full(p.shape, np.nan)
    holm[counts], q[counts] = comparisons.holm(p[counts]), comparisons.benjamini_hochberg(p[counts])
    for adjusted in (holm, q):
        adjusted[:, twin] = np.where(large[:, twin], adjusted[:, np.flatnonzero(twin) - 1], np.nan)
        for row, name in enumerate(names):
            if name in COMPLEMENTS:
                adjusted[row] = adjusted[names.index(COMPLEMENTS[name])]
    return p, holm, q, int(counts.sum())


def _rate(numbers: Sequence[float], compared: Compared | None, ruler: Ruler) -> Rate:
    count, out_of, _, _, low, high = numbers[:6]
    return Rate(
        status="small" if out_of < ruler.min_n else "known",
        value=count / out_of if out_of else None,
        interval=(low, high) if out_of else (None, None),
        count=int(count),
        out_of=int(out_of),
        compared=compared if out_of else None,
    )


def _compared(numbers: Sequence[float], p: float, p_holm: float, q: float) -> Compared | None:
    count, out_of, other, other_of, _, _, low, high, least, most = numbers
    if not out_of or not other_of:
        return None
    value, against = count / out_of, other / other_of
    return Compared(
        against=against,
        difference=value - against,
        difference_interval=(low, high),
        ratio=value / against if against else None,
        ratio_interval=(least, _number(most)),
        p=_number(p),
        p_holm=_number(p_holm),
        q=_number(q),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _balanced(names: Sequence[str], count: Floats, out_of: Floats, ruler: Ruler) -> list[Rate]:
    """Balanced accuracy of every group: the mean of the rates of those with and without the outcome."""
    yes, no = ((count[at], out_of[at]) for at in (names.index(f"true_{one}_rate") for one in ("positive", "negative")))
    low, high = intervals.half_sum(yes, no, ruler.level)
    value = (intervals.rate(*yes) + intervals.rate(*no)) / 2
    fewer = np.minimum(yes[1], no[1])
    return [
        Rate(
            status="known" if people >= max(ruler.min_n, 1) else "small",
            value=middle if people else None,
            interval=(least, most) if people else (None, None),
            count=None,
            out_of=int(people),
        )
        for people, middle, least, most in zip(*(part.tolist() for part in (fewer, value, low, high)), strict=True)
    ]


def _add_unknown(rates: dict[str, Rate], cells: Whole, ruler: Ruler) -> None:
    """Add rates that cannot be told, with what they can be at the least and at the most."""
    for name in (*RATES, BALANCED):
        if name not in rates:
            limits: Pair = (None, None)
            if ruler.bounded:
                low, high = bounds(cells, name)
                limits = (_number(float(low[0])), _number(float(high[0])))
            rates[name] = Rate(
                status="not identifiable", value=None, interval=(None, None), count=None, out_of=0, bounds=limits
            )
