"""A draft rule on a million decisions of the past: in columns, against a Python loop over the same JSON.

``python benchmarks/bench_replay.py`` prints the figures of docs/rules.md. Decisions are made up; what is measured is
time and memory. The loop is what a programmer would write by hand: it reads the JSON of each decision, decides, and
counts by territory; no interval, no cost. It runs over a part of the decisions and is scaled to all.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections import Counter

import polars as pl

from cityward.answerable.replay import past_of_decisions, replay
from cityward.answerable.table import Table, make_table
from cityward.answerable.table.toml_form import read_toml
from cityward.core.clock import rng

SEED, CASES, LOOPED, STEPS = 7, 1_000_000, 100_000, 5
HEAD = """
id = "bench"
version = "1"
hit = "first"
[inputs.income]
type = "number"
unit = "EUR/month"
min = 0
[inputs.grade]
type = "number"
unit = "1"
[inputs.enrolled]
type = "yes-no"
[outputs.outcome]
type = "text"
values = ["full", "half", "none"]
[[rows]]
when = { enrolled = "no" }
then = { outcome = "none" }
[[rows]]
when = { income = "< 600", grade = ">= 5" }
then = { outcome = "full" }
[[rows]]
when = { income = "< LIMIT", grade = ">= 5" }
then = { outcome = "half" }
[[rows]]
when = { grade = ">= 9" }
then = { outcome = "half" }
[[rows]]
then = { outcome = "none" }
"""


def table(limit: int) -> Table:
    """The rule with another limit."""
    return make_table(read_toml(HEAD.replace("LIMIT", str(limit)), "bench.toml"), "bench.toml")


def decisions(past: Table) -> pl.DataFrame:
    """Decisions as history keeps them."""
    random = rng(SEED, "replay")
    cases = pl.DataFrame(
        {
            "income": random.uniform(0, 2_500, CASES).round(2),
            "grade": random.uniform(2, 10, CASES).round(1),
            "enrolled": random.random(CASES) < 0.9,
        }
    )
    outcome = past.decide(cases)["outcome"]
    return pl.DataFrame(
        {
            "inputs": cases.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
            "recommended": outcome,
            "outcome": outcome,
            "territory": pl.Series([f"area {at}" for at in range(77)]).gather(random.integers(0, 77, CASES)),
            "cost": outcome.replace_strict({"full": 300.0, "half": 150.0, "none": 0.0}),
        }
    )


def by_hand(rows: list[tuple[str, str, str]]) -> Counter[tuple[str, str, str]]:
    """What a programmer would write."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for text, before, territory in rows:
        case = json.loads(text)
        income, grade = case["income"], case["grade"]
        if not case["enrolled"]:
            after = "none"
        elif income < 600 and grade >= 5:
            after = "full"
        elif (income < 1_000 and grade >= 5) or grade >= 9:
            after = "half"
        else:
            after = "none"
        counts[territory, before, after] += 1
    return counts


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    past, draft = table(1_200), table(1_000)
    frame = decisions(past)
    third = frame["territory"].str.slice(5, 1)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = []
    for _ in range(STEPS):
        began = time.perf_counter()
        found = replay(
            draft, past_of_decisions(frame, past), territory=frame["territory"], groups={"third": third}, least=1
        )
        took.append(time.perf_counter() - began)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = frame.head(LOOPED).select("inputs", "recommended", "territory").rows()
    began = time.perf_counter()
    counts = by_hand(rows)
    looped = (time.perf_counter() - began) * CASES / LOOPED
    some = frame.head(LOOPED)
    part = replay(draft, past_of_decisions(some, past), territory=some["territory"], least=1)
    lost = sum(count for (_, before, after), count in counts.items() if (before, after) == ("half", "none"))
    assert part.whole.worse.cases == lost
    assert found.cost is not None
    return {
        "replay: a draft on a million decisions, from JSON to intervals (s)": (statistics.median(took), "≤ 3"),
        "replay: memory above that of the decisions (MB)": (peak_mb - before_mb, ""),
        "replay: the same counts by a Python loop (s)": (looped, ""),
        "replay: the loop over columns, times": (looped / statistics.median(took), ""),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
