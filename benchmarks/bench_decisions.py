"""A million cases decided, kept and entered in the ledger, against a Python loop that digests each.

``python benchmarks/bench_decisions.py`` prints the figures of docs/decisions-of-cases.md. Cases are made up; what is
measured is time and memory. The loop is what a programmer would write by hand: it decides each case by four rows,
writes it as JSON with a keyed name and a keyed digest of what was asked, digests that, and keeps the lines in a file.
It makes no tree, no table and no columns. It runs over a part of the cases and is scaled to all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from cityward.city import City, init, open_city
from cityward.core.clock import rng
from measure import CHICAGO

SEED, CASES, SOME, PAGE = 7, 1_000_000, 100_000, 50
SYSTEM, RULE = "cityward-planner", "scholarship-award"


def cases(count: int) -> pl.DataFrame:
    """Pupils as an office holds them."""
    random = rng(SEED, "decisions")
    return pl.DataFrame(
        {
            "case": [f"pupil-{at}" for at in range(count)],
            "income": random.uniform(0, 2_500, count).round(2),
            "grade": random.uniform(2, 10, count).round(1),
            "enrolled": random.random(count) < 0.9,
        }
    )


@contextmanager
def a_city() -> Iterator[City]:
    """A new city whose systems are approved."""
    with tempfile.TemporaryDirectory() as folder:
        home = init(Path(folder) / "city", name="Bench", territories=CHICAGO / "community_areas.geojson")
        with open_city(home) as city:
            city.systems.approve_shipped("Ada Lovelace", "needed for the benchmark")
            yield city


def by_hand(frame: pl.DataFrame, file: Path) -> int:
    """What a programmer would write; how many cases got something."""
    key, awarded = b"k" * 32, 0
    with file.open("w", encoding="utf-8") as kept:
        for case, income, grade, enrolled in frame.iter_rows():
            if not enrolled or grade < 5:
                outcome = "none"
            else:
                outcome = "full" if income < 600 else "half" if income < 1_200 or grade >= 9 else "none"
            awarded += outcome != "none"
            asked = json.dumps({"income": income, "grade": grade, "enrolled": enrolled})
            name = hmac.digest(key, case.encode(), "sha256").hex()[:16]
            digest = hmac.digest(key, asked.encode(), "sha256").hex()
            row = json.dumps({"id": name, "case": case, "outcome": outcome, "inputs_digest": digest, "inputs": asked})
            kept.write(f"{row}\t{hashlib.sha256(row.encode()).hexdigest()}\n")
        kept.flush()
        os.fsync(kept.fileno())
    return awarded


def seconds_to_make(frame: pl.DataFrame) -> tuple[float, float, float]:
    """Seconds to make a batch; of the overview of the page then, and of the proof of one decision."""
    with a_city() as city:
        began = time.perf_counter()
        batch = city.deciding.make(SYSTEM, RULE, frame)
        made = time.perf_counter() - began
        assert batch.cases == frame.height
        began = time.perf_counter()
        found = city.deciding.overview(PAGE)
        paged = time.perf_counter() - began
        began = time.perf_counter()
        assert city.deciding.prove(found.decided[0].id).proved
        return made, paged, time.perf_counter() - began


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    some = cases(SOME)
    few, _, _ = seconds_to_make(some)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        assert by_hand(some, Path(folder) / "kept")
        looped = (time.perf_counter() - began) * CASES / SOME
    every = cases(CASES)
    made, paged, proved = seconds_to_make(every)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "decisions: a million cases decided, kept and entered (s)": (made, ""),
        "decisions: memory at most (MB)": (peak_mb, "≤ 1200"),
        "decisions: a loop that decides, digests and writes lines (s)": (looped, ""),
        "decisions: all of it over the loop, times": (made / looped, "≤ 2"),
        "decisions: a million over a hundred thousand, times": (made / few, "≤ 12"),
        "decisions: the page of decisions among a million (s)": (paged, ""),
        "decisions: proof of one among a million (s)": (proved, ""),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
