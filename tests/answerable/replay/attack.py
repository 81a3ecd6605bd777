"""What somebody could compute from a replay that is told: every sum and difference of it, by linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import polars as pl

from cityward.answerable.replay import Replay
from cityward.answerable.replay.shape import DIRECTIONS, GroupChange


def given_away(found: Replay, cases: pl.DataFrame, part_of: dict[str, str], least: int) -> list[str]:
    """Counts of 1 to ``least - 1`` that follow exactly from what is told.

    Parameters
    ----------
    cases : polars.DataFrame
        ``territory``, ``before`` and ``after`` of each case.
    part_of : dict of str to str
        Larger group of each territory, which is public.
    """
    places = sorted(set(cases["territory"]))
    cells = list(product(places, range(len(found.flows))))
    truth = np.zeros(len(cells))
    at = {(one.before, one.after): number for number, one in enumerate(found.flows)}
    for place, before, after in cases.select("territory", "before", "after").rows():
        truth[cells.index((place, at[before, after]))] += 1

    def line(within: Sequence[str], flows: Sequence[int]) -> np.ndarray:
        return np.array([float(place in within and flow in flows) for place, flow in cells])

    def of(way: str) -> list[int]:
        ways = DIRECTIONS[:-1] if way == "changed" else (way,)
        return [number for number, one in enumerate(found.flows) if one.direction in ways]

    every = range(len(found.flows))
    groups: list[tuple[GroupChange, list[str]]] = [(found.whole, places)]
    groups += [(one, [one.group]) for one in found.territories]
    groups += [(one, [place for place in places if part_of[place] == one.group]) for one in found.groups]
    undecided = [number for number, one in enumerate(found.flows) if one.after is None]
    reasons = None if None in found.reasons.values() else sum(found.reasons.values())  # type: ignore[arg-type]
    said = [
        (line(places, every), found.cases),
        *((line(places, [number]), flow.cases) for number, flow in enumerate(found.flows)),
        *((line(within, every), one.cases) for one, within in groups),
        *(
            (line(within, of(way)), getattr(one, way).cases)
            for one, within in groups
            for way in (*DIRECTIONS[:-1], "changed")
        ),
        (line(places, undecided), reasons),
    ]
    asked = np.array([one for one, count in said if count is not None])
    told = np.array([count for _, count in said if count is not None])
    targets = [(f"{one.group} {way}", line(within, of(way))) for one, within in groups for way in DIRECTIONS]
    targets += [(f"flow {number}", line(places, [number])) for number in every]
    targets += [(f"cases of {one.group}", line(within, every)) for one, within in groups]
    nothing = told == 0
    free = ~asked[nothing].any(axis=0)  # parts of a sum of nothing are nothing
    known = asked[~nothing][:, free].T
    wanted = [(name, target) for name, target in targets if 0 < target @ truth < least]
    found_out = []
    for name, target in wanted:
        weights = np.linalg.lstsq(known, target[free], rcond=None)[0]
        if np.allclose(known @ weights, target[free], atol=1e-6):
            found_out.append(f"{name}: {target @ truth:g}")
    return found_out
