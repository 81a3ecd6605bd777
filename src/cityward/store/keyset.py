"""A set of 64-bit keys that grows by batches and answers "new or held" for a whole column at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


class KeySet:
    """Sorted runs of doubling size, merged as a binary counter carries, when they are first looked into.

    A key is merged at most log2(n / batch) times and looked up in as many runs, so that the cost of a row
    hardly grows with the history (Source: O'Neil et al. 1996, The log-structured merge-tree, section 2).
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []
        self._added: list[Keys] = []

    def __len__(self) -> int:
        return sum(run.size for run in [*self._runs, *self._added])

    def holds(self, values: Keys) -> NDArray[np.bool_]:
        """Return for each of ``values`` (shape (n,)) whether it is in the set."""
        self._merge()
        order = np.argsort(values)
        wanted = values[order]
        found = np.zeros(values.size, dtype=np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, wanted)
            at[at == run.size] = run.size - 1
            found |= run[at] == wanted
        held = np.empty_like(found)
        held[order] = found
        return held

    def add(self, values: Keys) -> None:
        """Add ``values`` (shape (n,)); those that are there already do no harm."""
        if values.size:
            self._added.append(values)

    def _merge(self) -> None:
        if not self._added:
            return
        self._runs.append(np.sort(np.concatenate(self._added)))
        self._added.clear()
        while len(self._runs) > 1 and self._runs[-2].size < 2 * self._runs[-1].size:
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")
