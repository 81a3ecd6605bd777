"""Groups of territories whose waiting is compared: quarters of the city by internet access, or by income."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityward.core.records import Territory

_NAMES = {
    "internet_share": ("least internet", "less internet", "more internet", "most internet"),
    "income": ("lowest income", "lower income", "higher income", "highest income"),
}
WHOLE = "the whole city"


def groups_of(territories: Sequence[Territory]) -> dict[str, str]:
    """Return the group of each territory: a quarter of them by the first fact that is known of at least eight.

    A territory of which it is not known is ``not known``. Without any fact all are one group, and a floor holds by
    itself.
    """
    for fact, names in _NAMES.items():
        known = [(getattr(one, fact), one.id) for one in territories if getattr(one, fact) is not None]
        if len(known) >= 2 * len(names):
            cuts = np.quantile([value for value, _ in known], (0.25, 0.5, 0.75))
            found = {name: names[int(np.searchsorted(cuts, value))] for value, name in known}
            return {one.id: found.get(one.id, "not known") for one in territories}
    return {one.id: WHOLE for one in territories}
