"""The solver of linear programs beside others in its process."""

from __future__ import annotations

import highspy

from cityward.core.solver import Silent


def at_most_five(solver: highspy.Highs) -> float:
    solver.addVar(0.0, 5.0)
    solver.changeColCost(0, -1.0)
    solver.run()
    return solver.getInfo().objective_function_value


def test_it_solves_after_a_solver_with_other_threads():
    """Solvers of a process share their threads: one that asks for another number is refused, and then tells zero."""
    other = Silent()
    other.resetGlobalScheduler(True)
    other.setOptionValue("threads", 2)
    assert at_most_five(other) == -5.0
    assert at_most_five(Silent()) == -5.0
