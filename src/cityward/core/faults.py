"""What is wrong with a city's files, told to whoever has to mend it."""

from __future__ import annotations

from cityward.core.records import Record


class Fault(Record, frozen=True, kw_only=True):
    """One thing that a check found.

    ``what`` is the finding, ``file`` where it is (a path in the city folder), ``means`` what follows from it, and
    ``remedy`` what to do. One that is ``mendable`` is mended by ``cityward fsck --mend`` without a loss; then it is
    ``mended``.
    """

    kind: str
    what: str
    file: str
    means: str
    remedy: str
    mendable: bool = False
    mended: bool = False
