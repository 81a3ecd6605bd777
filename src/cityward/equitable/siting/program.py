"""One linear or integer program for HiGHS: columns, rows, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

from cityward.core.solver import Silent

_MIP_GAP: Final = 1e-7
_LEAST_SECONDS: Final = 0.05
_INF: Final = highspy.kHighsInf


@dataclass(frozen=True, slots=True)
class Solved:
    """Values of the columns (empty: none were found), a true lower bound, and whether nothing can fulfil the rows."""

    values: NDArray[np.float64]
    bound: float
    impossible: bool


@dataclass(slots=True)
class Program:
    """Columns have a cost and bounds; rows are added block by block. The sum of costs is made least."""

    cost: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    whole: NDArray[np.bool_]
    _rows: list[NDArray[np.int64]] = field(default_factory=list)
    _columns: list[NDArray[np.int64]] = field(default_factory=list)
    _values: list[NDArray[np.float64]] = field(default_factory=list)
    _least: list[NDArray[np.float64]] = field(default_factory=list)
    _most: list[NDArray[np.float64]] = field(default_factory=list)
    _count: int = 0

    def add(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        values: NDArray[np.float64] | float,
        least: NDArray[np.float64] | float,
        most: NDArray[np.float64] | float,
        count: int,
    ) -> None:
        """Add ``count`` rows, numbered from 0 in ``rows``, whose sums lie between ``least`` and ``most``."""
        self._rows.append(np.asarray(rows, dtype=np.int64) + self._count)
        self._columns.append(np.asarray(columns, dtype=np.int64))
        self._values.append(np.broadcast_to(np.asarray(values, dtype=np.float64), np.shape(columns)))
        self._least.append(np.broadcast_to(np.asarray(least, dtype=np.float64), (count,)))
        self._most.append(np.broadcast_to(np.asarray(most, dtype=np.float64), (count,)))
        self._count += count

    def one(self, columns: NDArray[np.int64], values: NDArray[np.float64] | float, least: float, most: float) -> None:
        """Add one row."""
        self.add(np.zeros(len(columns), dtype=np.int64), columns, values, least, most, 1)

    def solve(
        self,
        left: Callable[[], float],
        *,
        cutoff: float = math.inf,
        above: float = math.inf,
        start: NDArray[np.float64] | None = None,
    ) -> Solved:
        """Solve it within the seconds that are left.

        Parameters
        ----------
        left : callable
            Seconds that are left.
        cutoff : float
            Only sums up to this are of interest, and the first one found is enough.
        above : float
            Sums above this are of no interest.
        start : array, optional
            Values of the columns to begin from.
        """
        highs = Silent()  # type: ignore[no-untyped-call]
        options = {"mip_rel_gap": _MIP_GAP, "time_limit": max(left(), _LEAST_SECONDS)}
        if math.isfinite(cutoff):
            options |= {"objective_target": cutoff, "objective_bound": cutoff + 0.5}
        if math.isfinite(above):
            options |= {"objective_bound": above}
        for name, value in options.items():
            highs.setOptionValue(name, value)
        highs.passModel(self._model())
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = start.tolist()
            highs.setSolution(solution)
        highs.run()
        return self._told(highs)

    def _told(self, highs: highspy.Highs) -> Solved:
        status, info = highs.getModelStatus(), highs.getInfo()
        kinds = highspy.HighsModelStatus
        none = np.empty(0)
        if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible, kinds.kObjectiveBound):
            return Solved(none, math.inf, impossible=True)
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        values = np.asarray(highs.getSolution().col_value) if found else none
        if self.whole.any():
            bound = float(info.mip_dual_bound)
        else:
            bound = float(info.objective_function_value) if status == kinds.kOptimal else -math.inf
        return Solved(values, bound, impossible=False)

    def _model(self) -> highspy.HighsLp:
        rows = np.concatenate(self._rows)
        order = np.argsort(rows, kind="stable")
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.cost.size, self._count
        model.col_cost_, model.col_lower_, model.col_upper_ = self.cost, self.lower, self.upper
        model.row_lower_ = np.maximum(np.concatenate(self._least), -_INF)
        model.row_upper_ = np.minimum(np.concatenate(self._most), _INF)
        starts = np.zeros(self._count + 1, dtype=np.int32)
        np.cumsum(np.bincount(rows, minlength=self._count), out=starts[1:])
        matrix = model.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_, matrix.index_ = starts, np.concatenate(self._columns)[order].astype(np.int32)
        matrix.value_ = np.concatenate(self._values)[order]
        whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        model.integrality_ = [whole if one else real for one in self.whole.tolist()]
        return model
