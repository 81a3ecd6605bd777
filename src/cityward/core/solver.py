"""The solver of linear programs, made to be silent, to use one thread, and to say when it did not solve."""

from __future__ import annotations

import highspy

from cityward.core.errors import Defect


class Silent(highspy.Highs):
    """Says nothing: the solver prints a line as soon as it is made, before it can be asked not to.

    All solvers of a process share their threads, and one that asks for another number than the first did refuses to
    run: each asks for one here, which also gives the same answer on every machine.
    """

    def enableCallbacks(self) -> None:  # noqa: N802 (the solver's name)
        """Called while it is made."""
        self.setOptionValue("output_flag", False)
        for name in ("threads", "random_seed"):
            self.setOptionValue(name, 1)
        super().enableCallbacks()  # type: ignore[no-untyped-call]

    def run(self) -> highspy.HighsStatus:
        """Solve; what cannot be solved has a status, but a solver that did not run has no answer at all.

        Raises
        ------
        Defect
            It did not run: its figures are those of nothing.
        """
        status = super().run()
        if status == highspy.HighsStatus.kError:  # somebody else in this process uses more threads
            self.resetGlobalScheduler(True)
            status = super().run()
        if status == highspy.HighsStatus.kError:
            raise Defect("The solver of linear programs did not run.")
        return status
