"""Measure how the time of a scan grows, and draw it: 'python docs/scan_growth.py' writes docs/images/scan-growth.svg.

Times are processor seconds of one thread, so that a busy machine disturbs them little;
the table is printed for docs/how-needs-are-found.md.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numba
import numpy as np

from cityward.know.scan import Design, Study, scan

BASE = {"cases": 16_000, "locations": 200, "days": 30, "replicates": 999}
STEPS = {
    "cases": (4_000, 8_000, 16_000, 32_000),
    "locations": (50, 100, 200, 400),
    "days": (7, 15, 30, 60),
    "replicates": (249, 499, 999, 1_999),
}
YEAR = 365
WIDE, HIGH, LEFT, TOP = 680, 300, 60, 20
COLOURS = {"cases": "#b5431f", "locations": "#1f5fb5", "days": "#2f7d32", "replicates": "#6a4c93"}


def seconds(cases: int, locations: int, days: int, replicates: int) -> float:
    """Processor seconds of a prospective scan of a year, windows up to half the cases and ``days`` days."""
    rng = np.random.default_rng(1)
    counts = rng.multinomial(cases, np.full(YEAR * locations, 1 / (YEAR * locations))).reshape(1, YEAR, locations)
    x, y = rng.uniform(-0.2, 0.2, (2, locations))
    study, design = Study(x, y, counts), Design(max_intervals=days, replicates=replicates)
    begin = time.process_time()
    scan(study, design, np.random.default_rng(1))
    return time.process_time() - begin


def drawn(table: dict[str, list[float]]) -> str:
    """Both axes are logarithmic: how many times the usual, and how many times its seconds."""
    usual = {name: table[name][STEPS[name].index(BASE[name])] for name in STEPS}
    lines = []
    for row, (name, values) in enumerate(table.items()):
        points = " ".join(
            f"{LEFT + (np.log10(step / BASE[name]) + 1.2) * 220:.0f},"
            f"{TOP + 130 - np.log10(value / usual[name]) * 100:.0f}"
            for step, value in zip(STEPS[name], values, strict=True)
        )
        colour = COLOURS[name]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        lines.append(f'<text x="{WIDE - 110}" y="{TOP + 20 + 20 * row}" fill="{colour}">{name}</text>')
    for times in (0.1, 1, 10):
        x, y = LEFT + (np.log10(times) + 1.2) * 220, TOP + 130 - np.log10(times) * 100
        lines.append(f'<path d="M{x:.0f} {TOP}V{HIGH - 40}M{LEFT} {y:.0f}H{WIDE - 120}" stroke="#bbb"/>')
        lines.append(f'<text x="{x - 10:.0f}" y="{HIGH - 22}">{times:g}</text>')
        lines.append(f'<text x="{LEFT - 30}" y="{y + 4:.0f}">{times:g}</text>')
    title = "How many times the seconds (up), for how many times the cases, locations, days or replicates (across)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" font-family="sans-serif" '
        f'font-size="12" fill="#555"><title>{title}</title><rect width="{WIDE}" height="{HIGH}" fill="#fff"/>'
        + "".join(lines)
        + f'<text x="{LEFT}" y="{HIGH - 5}">{title}</text></svg>\n'
    )


def main() -> None:
    """Measure, print the table, write the drawing."""
    numba.set_num_threads(1)
    seconds(**{**BASE, "replicates": 24})  # compiled before anything is measured
    for replicates in (99, 9_999):  # the fewer first: the largest memory of a process never falls
        seconds(**{**BASE, "replicates": replicates})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"largest memory with {replicates:,} replicates: {peak:,.0f} MB")
    table = {name: [seconds(**{**BASE, name: step}) for step in steps] for name, steps in STEPS.items()}
    for name, steps in STEPS.items():
        cells = " | ".join(f"{step:,}: {value:.2f} s" for step, value in zip(steps, table[name], strict=True))
        print(f"| {name} | {cells} |")
    Path(__file__).parent.joinpath("images", "scan-growth.svg").write_text(drawn(table), encoding="utf-8")


if __name__ == "__main__":
    main()
