"""The divide: ranks of 32,653 ZIPs that hold together, and intervals of inequality, each against the plain way.

``python benchmarks/bench_divide.py`` prints the figures of docs/the-divide.md. The peers do by loops what is told in
textbooks: every pair of places compared, row by row so that it fits into memory; and a bootstrap that draws the places
again and computes Gini of each draw. Both must say the same.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from cityward.cli.tables import read_texts
from cityward.core.clock import rng
from cityward.equitable.divide.examine import Question, examine
from cityward.equitable.divide.inequality import bootstrap_counts, gini, only
from cityward.equitable.divide.ranking import half_width, rank
from cityward.equitable.divide.reading import Asked, Values, read_values

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "divide"
LEVEL, DRAWS = 0.95, 1_000


def median(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of the processor, all threads of this process."""
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took)


def zips() -> Values:
    table = read_texts(DATA / "us_zip_broadband.csv.gz")
    error = "ERROR RANGE (95%)(+/-)"
    asked = Asked(value="BROADBAND USAGE", place=("POSTAL CODE",), error=error, law="laplace", unit="share")
    return read_values(table, asked)


def by_pairs(values: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Best rank of each place: one more than those that are clearly above it."""
    highs, lows = values + width, values - width
    return np.array([1 + int((lows > high).sum()) for high in highs])


def by_rows(values: np.ndarray, people: np.ndarray, random: np.random.Generator) -> np.ndarray:
    drawn = []
    for _ in range(DRAWS):
        at = random.integers(0, len(values), len(values))
        drawn.append(gini(values[at], only(values[at], people[at]))[0])
    return np.array(drawn)


def colombia() -> Values:
    table = read_texts(DATA / "colombia_fixed_internet_municipal_quarterly.csv")
    asked = Asked(
        value="INDICE",
        place=("COD_MUNICIPIO",),
        weight="POBLACIÓN DANE",
        time=("AÑO", "TRIMESTRE"),
        group="DEPARTAMENTO",
        per=100.0,
    )
    return read_values(table, asked)


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    frame = zips().frame
    values, errors = frame["value"].to_numpy(), frame["error"].to_numpy()
    fast = median(lambda: rank(values, errors, level=LEVEL, random=rng(1), law="laplace"))
    width = half_width(LEVEL ** (1 / len(values)), "laplace") * errors
    began = time.process_time()
    pairs = by_pairs(values, width)
    slow = time.process_time() - began
    ranked = rank(values, errors, level=LEVEL, random=rng(1), law="laplace")
    assert (pairs == ranked.low).all()
    tracemalloc.start()
    rank(values, errors, level=LEVEL, random=rng(1), law="laplace")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    read = colombia()
    last = read.frame.filter(pl.col("period") == len(read.periods) - 1)
    places, people = last["value"].to_numpy(), last["weight"].to_numpy()

    def drawn() -> np.ndarray:
        return gini(places, people * bootstrap_counts(len(places), DRAWS, rng(2)).astype(float))

    ours, began = median(drawn), time.process_time()
    plain = by_rows(places, people, rng(2))
    theirs = time.process_time() - began
    assert np.allclose(drawn(), plain)
    question = Question(at=("2016", "2023"), floor=2.0)
    return {
        "divide: ranks of 32,653 ZIPs that hold together (s)": (fast, "≤ 1"),
        "divide: the same over all pairs, row by row (s)": (slow, ""),
        "divide: over all pairs over ours, times": (slow / fast, ""),
        "divide: memory at most for these ranks (MB)": (peak / 1e6, "≤ 50"),
        "divide: ZIPs, share of all pairs that can be ordered (%)": (100 * ranked.ordered_share, ""),
        "divide: Gini of 1,117 places, 1,000 draws (s)": (ours, ""),
        "divide: by drawing rows over ours, times": (theirs / ours, ""),
        "divide: Colombia read, 32 quarters (s)": (median(colombia, 3), ""),
        "divide: Colombia, all figures with intervals, 1,000 draws (s)": (
            median(lambda: examine(read, "INDICE", question), 3),
            "≤ 10",
        ),
        "divide: ZIPs read, all figures and ranks, 1,000 draws (s)": (
            median(lambda: examine(zips(), "use", Question(law="laplace")), 1),
            "≤ 10",
        ),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
