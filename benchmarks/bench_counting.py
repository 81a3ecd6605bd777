"""Counting: an election of a town, one of the size of Warsaw, one in a currency of small units; and groups of opinion.

The elections are drawn: 18 quarters whose voters like other projects, 1 to 15 of them on a ballot. The peer is the
same rule voter by voter in fractions (`tests/participate/by_hand.py`), on an election small enough for it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from cityward.core.clock import rng
from cityward.participate.counting.election import Election, election
from cityward.participate.counting.phragmen import phragmen
from cityward.participate.counting.shares import equal_shares
from cityward.participate.opinions.answers import NONE, Answers
from cityward.participate.opinions.report import opinions
from measure import ROOT

QUARTERS = 18


def drawn(voters: int, projects: int, budget: int) -> Election:
    """An election with quarters."""
    chance = rng(1, "counting", voters, projects)
    liked = chance.gamma(0.7, 1, projects) * chance.gamma(0.3, 1, (QUARTERS, projects))
    liked /= liked.sum(axis=1, keepdims=True)
    costs = chance.lognormal(np.log(budget / 25), 1.0, projects).clip(budget / 1000, budget)
    ballots = []
    for voter in range(voters):
        named = np.unique(chance.choice(projects, chance.integers(1, 16), p=liked[voter % QUARTERS]))
        ballots.append(tuple((one, 1) for one in named.tolist()))
    return election([str(one) for one in range(projects)], [int(cost) for cost in costs], budget, ballots)


def consultation(voters: int, statements: int) -> Answers:
    """Answers of two groups."""
    chance = rng(1, "consultation", voters)
    agree = chance.random((2, statements))[np.arange(voters) % 2]
    cells = np.where(chance.random(agree.shape) < agree, 1, -1).astype(np.int8)
    cells[chance.random(agree.shape) < 0.4] = NONE
    return Answers(tuple(f"s{at}" for at in range(statements)), cells, int((cells != NONE).sum()), {})


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the second run; the first compiles."""
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> dict[str, tuple[float, str]]:
    """Return each figure with its target."""
    sys.path.insert(0, str(ROOT / "tests" / "participate"))
    import by_hand

    town, warsaw = drawn(6_600, 64, 1_000_000), drawn(80_000, 100, 25_000_000)
    pesos = drawn(5_000, 60, 5_000_000_000)
    small = drawn(600, 20, 100_000)
    quick = seconds(lambda: equal_shares(small, completion="none"))
    slow = seconds(lambda: by_hand.shares(small, Fraction(small.budget, small.voters), "cost"))
    steps = int(equal_shares(pesos).share or 0) - pesos.budget // pesos.voters
    return {
        "equal shares with add1, 6,600 voters, CPU s": (seconds(lambda: equal_shares(town)), "≤ 0.2"),
        "equal shares with add1, 80,000 voters, CPU s": (seconds(lambda: equal_shares(warsaw)), "≤ 5"),
        "Phragmén, 80,000 voters, CPU s": (seconds(lambda: phragmen(warsaw)), "≤ 1"),
        "steps of add1 in a currency of small units": (steps, ""),
        "equal shares with these steps, CPU s": (seconds(lambda: equal_shares(pesos)), "≤ 10"),
        "equal shares, times as quick as voter by voter in fractions": (slow / quick, "≥ 10"),
        "opinions of 2,000 voters on 60 statements, CPU s": (
            seconds(lambda: opinions(consultation(2_000, 60))),
            "≤ 30",
        ),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value} {target}")
