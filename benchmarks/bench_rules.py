"""Rules: a table of ten rows and one of ten thousand decided in columns, against a Python loop, and traces of a case.

``python benchmarks/bench_rules.py`` prints the figures of docs/rules.md. Cases are made up; what is measured is time.
The loop is what a programmer would write by hand for the same ten rows: it reads columns that are lists already.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl

from cityward.answerable.table import Table, check, make_table
from cityward.answerable.table.toml_form import read_toml
from cityward.core.clock import rng

SEED, CASES, LARGE_CASES, STEPS = 7, 1_000_000, 200_000, 7
FIRST = date(2024, 1, 1)
HEAD = """
id = "bench"
version = "1"
hit = "{hit}"
[inputs.income]
type = "number"
unit = "EUR/month"
min = 0
[inputs.kind]
type = "text"
values = ["a", "b", "c", "d", "e"]
[inputs.since]
type = "date"
[outputs.outcome]
type = "text"
"""
TEN = [
    ('income = "< 600", kind = \'"a", "b"\'', "grant"),
    ('income = "< 800", kind = \'"a", "b"\', since = ">= 2025-01-01"', "grant"),
    ('income = "[800..1200]", kind = \'not("a")\'', "half"),
    ('income = "> 1200", kind = \'"c"\', since = "< 2025-06-01"', "small"),
    ('income = "> 1300", since = "< 2024-03-01"', "late"),
    ('income = "> 1400", since = "< 2024-06-01"', "later"),
    ('income = "> 1500", since = "< 2024-09-01"', "latest"),
    ('income = "> 1600", kind = \'"d", "e"\'', "ask"),
    ("kind = '\"e\"'", "other"),
    ("", "refuse"),
]


def table(rows: list[tuple[str, str]], hit: str) -> Table:
    """A table of rows."""
    told = "".join(f'[[rows]]\nwhen = {{ {when} }}\nthen = {{ outcome = "{then}" }}\n' for when, then in rows)
    return make_table(read_toml(HEAD.format(hit=hit) + told, "bench.toml"), "bench.toml")


def cases(count: int) -> pl.DataFrame:
    """Cases as a register holds them: a number, a text and a day."""
    random = rng(SEED, "rules")
    return pl.DataFrame(
        {
            "income": random.uniform(0, 2_000, count).round(2),
            "kind": pl.Series(["a", "b", "c", "d", "e"]).gather(random.integers(0, 5, count)),
            "since": pl.Series(np.datetime64(FIRST) + random.integers(0, 700, count).astype("timedelta64[D]")).cast(
                pl.Date
            ),
        }
    )


def by_hand(income: float, kind: str, since: date) -> str:  # noqa: PLR0911
    """The ten rows as a programmer would write them."""
    if income < 600 and kind in ("a", "b"):
        return "grant"
    if income < 800 and kind in ("a", "b") and since >= date(2025, 1, 1):
        return "grant"
    if 800 <= income <= 1200 and kind != "a":
        return "half"
    if income > 1200 and kind == "c" and since < date(2025, 6, 1):
        return "small"
    if income > 1300 and since < date(2024, 3, 1):
        return "late"
    if income > 1400 and since < date(2024, 6, 1):
        return "later"
    if income > 1500 and since < date(2024, 9, 1):
        return "latest"
    if income > 1600 and kind in ("d", "e"):
        return "ask"
    if kind == "e":
        return "other"
    return "refuse"


def grid() -> list[tuple[str, str]]:
    """Ten thousand rows: a hundred steps of income, each with a hundred weeks."""
    weeks = [FIRST + timedelta(days=7 * at) for at in range(101)]
    return [
        (f'income = "[{low * 20}..{low * 20 + 20})", since = "[{weeks[at]}..{weeks[at + 1]})"', f"o{(low + at) % 50}")
        for low in range(100)
        for at in range(100)
    ]


def median(work: Callable[[], object], repeats: int = STEPS) -> float:
    """Median seconds."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    small, frame = table(TEN, "first"), cases(CASES)
    answers = small.decide(frame)
    columns = [frame[name].to_list() for name in ("income", "kind", "since")]
    told = [by_hand(*case) for case in zip(*columns, strict=True)]
    assert answers["outcome"].to_list() == told
    fast = CASES / median(lambda: small.decide(frame)) / 1e6
    slow = CASES / median(lambda: [by_hand(*case) for case in zip(*columns, strict=True)], 3) / 1e6
    began = time.perf_counter()
    large = table(grid(), "unique")
    read = time.perf_counter() - began
    compiled = median(lambda: type(large.engine)(large), 1)
    some = frame.head(LARGE_CASES)
    assert large.decide(some)["reason"].null_count() == LARGE_CASES
    many = LARGE_CASES / median(lambda: large.decide(some)) / 1e6
    checked = median(lambda: check(large), 1)
    case = {"income": 1_250.0, "kind": "d", "since": date(2025, 5, 1)}
    each = [median(lambda: small.trace(case), 1) for _ in range(500)]
    changed = [median(lambda: small.why_not(case), 1) for _ in range(50)]
    return {
        "rules: ten rows, million decisions a second": (fast, "≥ 3"),
        "rules: the same by a Python loop, million decisions a second": (slow, ""),
        "rules: columns over the loop, times": (fast / slow, ""),
        "rules: ten thousand rows, million decisions a second": (many, ""),
        "rules: ten thousand rows over ten, times slower": (fast / many, "≤ 1000"),
        "rules: ten thousand rows, read (s)": (read, ""),
        "rules: ten thousand rows, compiled (s)": (compiled, ""),
        "rules: ten thousand rows, checked whole (s)": (checked, ""),
        "rules: trace of a case, p50 (ms)": (1e3 * statistics.median(each), ""),
        "rules: what would have changed it, p50 (ms)": (1e3 * statistics.median(changed), ""),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
