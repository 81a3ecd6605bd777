"""Releases: 1 M rows in 500 cells with noise, a hundred of them, and the unicity of 200,000 points.

``python benchmarks/bench_private.py`` prints the figures of docs/private-releases.md. Rows are made up: what is
measured is time and the size of the noise.
"""

from __future__ import annotations

import math
import time
from datetime import datetime

import numpy as np
import polars as pl

from cityward.core.clock import rng
from cityward.private.bounding import Bounds, bounded_counts, person_codes
from cityward.private.consistent import consistent
from cityward.private.noise import gaussian, laplace
from cityward.private.unicity import TRIALS, Precision, spots, unicity

SEED, ROWS, CELLS, PERSONS = 7, 1_000_000, 500, 300_000
POINTS, PEOPLE = 200_000, 10_000
VARIANTS = ((100, 1), (500, 1), (1_000, 1), (1_000, 6), (5_000, 6), (5_000, 24))
"""Precisions: metres and hours."""


def counted() -> dict[str, float]:
    """Seconds of one release and of a hundred, with persons to be bounded, and the noise's mean size."""
    random = rng(SEED, "release")
    person = pl.Series(random.integers(0, PERSONS, ROWS))
    cell = random.integers(0, CELLS, ROWS)

    def release() -> tuple[np.ndarray, np.ndarray]:
        codes, hashes, _ = person_codes(person)
        exact = bounded_counts(codes, hashes, cell, CELLS, Bounds(1, 1))
        return exact, laplace(1, 1.0).add(exact)

    release()  # compiles and loads
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        release()
        best = min(best, time.perf_counter() - began)
    began, began_cpu = time.perf_counter(), time.process_time()
    each = [release() for _ in range(100)]
    hundred, hundred_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    found = float(np.mean([np.abs(noisy - exact).mean() for exact, noisy in each]))
    codes, hashes, _ = person_codes(person)
    exact = bounded_counts(codes, hashes, cell, CELLS, Bounds(1, 1))
    began = time.perf_counter()
    for _ in range(100):
        laplace(1, 1.0).add(exact)
    noise = time.perf_counter() - began
    return {"one": best, "hundred": hundred, "processor": hundred_cpu, "noise of a hundred": noise, "error": found}


def agreeing() -> tuple[float, list[float], list[float]]:
    """Seconds to make 500 columns of 77 areas, 9 groups and a city agree, and mean errors before and after by level."""
    random = rng(SEED, "agreeing")
    group = np.concatenate([np.arange(9), random.integers(0, 9, 68)])
    areas = random.poisson(3 * random.gamma(0.5, 2, (1, 77)), (500, 77))
    groups = np.stack([areas[:, group == one].sum(axis=1) for one in range(9)], axis=1)
    truth = [areas, groups, areas.sum(axis=1, keepdims=True)]
    noise = laplace(3, 1.0)
    noisy = [noise.add(level.ravel()).reshape(level.shape) for level in truth]
    began = time.perf_counter()
    told = consistent(noisy, [group, np.zeros(9, dtype=np.int64)])
    seconds = time.perf_counter() - began
    before = [float(np.abs(a - b).mean()) for a, b in zip(noisy, truth, strict=True)]
    return seconds, before, [float(np.abs(a - b).mean()) for a, b in zip(told, truth, strict=True)]


def singled_out() -> tuple[float, dict[tuple[int, int], list[float]]]:
    """Seconds for all variants with 1 to 4 points each, and the shares found: people who stay near a home."""
    random = rng(SEED, "unicity")
    who = random.integers(0, PEOPLE, POINTS)
    home = random.normal(0, 0.05, (PEOPLE, 2))
    minutes = pl.Series(random.integers(0, 30 * 24 * 60, POINTS))
    points = pl.DataFrame(
        {
            "person": who,
            "lon": -87.6 + home[who, 0] + random.normal(0, 0.01, POINTS),
            "lat": 41.8 + home[who, 1] + random.normal(0, 0.01, POINTS),
            "at": pl.select(pl.lit(datetime(2014, 6, 1)) + pl.duration(minutes=minutes)).to_series(),  # noqa: DTZ001
        }
    )
    unicity(*spots(points.head(1_000), Precision(1_000, 1)), 2)  # compiles
    began = time.perf_counter()
    found = {}
    for metres, hours in VARIANTS:
        person, spot = spots(points, Precision(metres, hours))
        found[metres, hours] = [unicity(person, spot, known, trials=TRIALS) for known in (1, 2, 3, 4)]
    return time.perf_counter() - began, found


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    told = counted()
    began = time.process_time()
    seconds, _ = singled_out()
    processor = time.process_time() - began
    theory = laplace(1, 1.0).mean_absolute
    return {
        "release: 1 M rows, 300,000 persons, 500 cells (s)": (told["one"], "≤ 0.1"),
        "release: a hundred such (s)": (told["hundred"], "≤ 3"),
        "release: a hundred such, processor time (s)": (told["processor"], "≤ 3"),
        "release: noise of a hundred times 500 cells (s)": (told["noise of a hundred"], ""),
        "release: mean absolute error at epsilon 1, off theory (%)": (100 * abs(told["error"] / theory - 1), "≤ 5"),
        "unicity: six precisions, 1 to 4 points, 2,000 persons each, 200,000 points (s)": (seconds, "≤ 5"),
        "unicity: the same, processor time (s)": (processor, "≤ 5"),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")
    print("mean absolute error, rho 0.5:", round(gaussian(1.0, 0.5).mean_absolute, 3))
    took, before, after = agreeing()
    print(
        f"made to agree in {took:.3f} s; mean error by level {np.round(before, 2)} before, {np.round(after, 2)} after"
    )
    for (metres, hours), shares in singled_out()[1].items():
        print(f"{metres} m, {hours} h:", ", ".join(f"{share:.1%}" for share in shares))
