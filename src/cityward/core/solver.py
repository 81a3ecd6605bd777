"""The solver of linear programs, made to be silent."""

from __future__ import annotations

import highspy


class Silent(highspy.Highs):
    """Says nothing: the solver prints a line as soon as it is made, before it can be asked not to."""

    def enableCallbacks(self) -> None:  # noqa: N802 (the solver's name)
        """Called while it is made."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]
