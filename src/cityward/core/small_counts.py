"""Which counts are left out, so that none of few people is told, nor follows from those that are told beside it.

A count of 1 to ``least - 1`` is small and left out. Where counts add up to one that is told, what is left out of them
is at least two counts that together reach ``least``, else the sum less the others would tell it.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4 (primary and secondary cell suppression, and
the intervals that an attacker can compute by linear programming).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Line: TypeAlias = tuple[Sequence[int], int | None]
"""Places of counts that add up, and the place of their sum; None: the sum is told elsewhere."""


def small(counts: Counts, least: int) -> Mask:
    """Where a count is of some, but of fewer than ``least``."""
    found: Mask = (counts > 0) & (counts < least)
    return found


def hide(counts: Counts, lines: Sequence[Line], least: int, *, together: bool = False) -> Mask:
    """Which counts are left out, of shape (counts,), given the lines in which they add up.

    Lines can give a count away together where none does alone. With ``together``, each small count is asked which
    values all lines, and that nothing left out is zero, allow: two linear programs a count, for tables of tens.
    """
    hidden = small(counts, least)
    while any(_hide_more(parts, total, counts, hidden, least) for parts, total in lines) or (
        together and _hide_solved(counts, lines, hidden, least)
    ):
        pass
    return hidden


def _hide_more(parts: Sequence[int], total: int | None, counts: Counts, hidden: Mask, least: int) -> bool:
    """Leave one count more out where what is left out of a line could be told; return whether one was."""
    at = np.asarray(parts, dtype=np.int64)
    out = at[hidden[at]]
    total_out = total is not None and bool(hidden[total])
    if not (len(out) or total_out) or (total_out and len(out)) or (len(out) > 1 and counts[out].sum() >= least):
        return False
    shown = at[~hidden[at] & (counts[at] > 0)]
    if len(shown):
        hidden[shown[np.argmin(counts[shown])]] = True
    elif total is not None and not total_out and counts[total]:
        hidden[total] = True
    else:
        return False
    return True


def _hide_solved(counts: Counts, lines: Sequence[Line], hidden: Mask, least: int) -> bool:
    """Leave one count more out where all lines together tell a small one; return whether one was."""
    out = np.flatnonzero(hidden)
    if not len(out):
        return False
    number = {int(place): at for at, place in enumerate(out)}
    attack = _Attack(len(out))
    for parts, total in lines:
        # Parts less their sum are nothing; what of it is told stands on the other side.
        signed = {int(place): 1 for place in parts} | ({} if total is None else {total: -1})
        rest = int(counts[list(parts)].sum()) if total is None else 0
        told = rest - sum(sign * int(counts[place]) for place, sign in signed.items() if place not in number)
        attack.know({number[place]: sign for place, sign in signed.items() if place in number}, told)
    shown = np.flatnonzero(~hidden & (counts > 0))
    for place in out[counts[out] < least]:
        if len(shown) and attack.width(number[int(place)]) < 1:
            near = {one for parts, total in lines if place in (*parts, total) for one in (*parts, total)}
            beside = shown[[int(one) in near for one in shown]]
            more = beside if len(beside) else shown
            hidden[more[np.argmin(counts[more])]] = True
            return True
    return False


class _Attack:
    """Who knows lines, and that nothing left out is zero, and computes what each count can be."""

    def __init__(self, count: int) -> None:
        import highspy

        from cityward.core.solver import Silent

        self._model = Silent()  # type: ignore[no-untyped-call]
        self._best = highspy.HighsModelStatus.kOptimal
        for _ in range(count):
            self._model.addVar(1.0, highspy.kHighsInf)

    def know(self, signs: Mapping[int, int], told: int) -> None:
        """Some counts, each with its sign, come to this."""
        index, values = np.array(list(signs), dtype=np.int32), np.array(list(signs.values()), dtype=np.float64)
        self._model.addRow(float(told), float(told), len(signs), index, values)

    def width(self, number: int) -> float:
        """How far the values lie apart that a count can have; infinite where there is no end."""
        ends = []
        for sign in (1.0, -1.0):
            self._model.changeColCost(number, sign)
            self._model.run()
            ends.append(sign * self._model.getInfo().objective_function_value)
            if self._model.getModelStatus() != self._best:
                ends = [0.0, np.inf]
                break
        self._model.changeColCost(number, 0.0)
        return float(ends[1] - ends[0])


def hide_rows(counts: Counts, least: int, *, also: Mask | None = None, within: Counts | None = None) -> Mask:
    """Which groups are left out of a table of shape (groups, ways), each whole or not at all.

    Parameters
    ----------
    counts : array of int, shape (groups, ways)
        The sums of columns are told, each group's own sum may be.
    also : array of bool, shape (groups,), optional
        Groups that are left out for another reason.
    within : array of int, shape (groups,), optional
        Larger groups whose sums are told too; what is left out must not follow from those either.
    """
    hidden: Mask = np.asarray(small(counts, least).any(axis=1))
    if also is not None:
        hidden |= also
    within = np.zeros(len(counts), dtype=np.int64) if within is None else within
    for block in np.unique(within[hidden]):
        rows = np.flatnonzero(within == block)
        while (more := _row_more(rows, counts, hidden, least)) is not None:
            hidden[more] = True
    return hidden


def rows_told(counts: Counts, hidden: Mask, least: int, within: Counts) -> bool:
    """Whether what is left out of any larger group could still be told from its sums."""
    for block in np.unique(within[hidden]):
        out = hidden & (within == block)
        if out.sum() < 2 or small(counts[out].sum(axis=0), least).any():
            return True
    return False


def _row_more(rows: Counts, counts: Counts, hidden: Mask, least: int) -> int | None:
    """The smallest group that has to be left out too, or None."""
    out, rest = rows[hidden[rows]], rows[~hidden[rows] & (counts[rows].sum(axis=1) > 0)]
    sums = counts[out].sum(axis=0)
    # Where all of a column is left out, its sum is small itself, and is not told either.
    lacking = small(sums, least) & (sums < counts[rows].sum(axis=0))
    if not len(rest) or (len(out) > 1 and not lacking.any()):
        return None
    helping = rest[counts[rest][:, lacking].sum(axis=1) > 0] if lacking.any() else rest
    return int(helping[np.argmin(counts[helping].sum(axis=1))])
