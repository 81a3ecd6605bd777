"""Runs benchmarks and writes RESULTS.md: all by 'make bench', some by ARGS="ledger access", which keep other rows."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import bench_access
import bench_audit
import bench_backup
import bench_consult
import bench_counting
import bench_decisions
import bench_demo
import bench_divide
import bench_erasure
import bench_forecast
import bench_http
import bench_incidents
import bench_intake
import bench_ledger
import bench_monitor
import bench_outcome
import bench_plan
import bench_priority
import bench_private
import bench_reach
import bench_reconcile
import bench_replay
import bench_respond
import bench_risk
import bench_rollout
import bench_rules
import bench_scan
import bench_security_incidents
import bench_sensors
import bench_siting
from cityward.core.clock import Clock
from measure import machine

RESULTS = Path(__file__).with_name("RESULTS.md")
NOT_MET = Path(__file__).with_name("not_met.md")


BENCHES = (
    bench_demo,
    bench_http,
    bench_intake,
    bench_scan,
    bench_security_incidents,
    bench_incidents,
    bench_forecast,
    bench_reconcile,
    bench_outcome,
    bench_sensors,
    bench_priority,
    bench_plan,
    bench_counting,
    bench_siting,
    bench_rollout,
    bench_reach,
    bench_private,
    bench_consult,
    bench_erasure,
    bench_rules,
    bench_audit,
    bench_divide,
    bench_replay,
    bench_decisions,
    bench_ledger,
    bench_access,
    bench_backup,
    bench_respond,
    bench_risk,
    bench_monitor,
)


def main() -> None:
    """Measure, then write the table; a figure that misses its target says so."""
    wanted = sys.argv[1:]
    today = f"{Clock().now():%Y-%m-%d}"
    rows = _rows_there() if wanted else {}
    for bench in BENCHES:
        if wanted and bench.__name__.removeprefix("bench_") not in wanted:
            continue
        # A process of its own: the peak memory of one is not that of those before it.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            figures = alone.submit(bench.main).result()
        for name, (value, target) in figures.items():
            rows[name] = f"| {name} | {_written(value)} | {target or '–'} | {_met(value, target)} | {today} |"
    lines = [
        "# Results",
        "",
        f"Measured on {machine()}, each by its script of `benchmarks/` (`make bench` runs them all). The power of "
        "detection ([POWER.md](POWER.md)) is measured apart.",
        "",
        "| figure | measured | target | met | on |",
        "|---|---:|---:|---|---|",
        *rows.values(),
    ]
    RESULTS.write_text("\n".join([*lines, "", "#" + NOT_MET.read_text(encoding="utf-8")]), encoding="utf-8")


def _rows_there() -> dict[str, str]:
    """Rows of the present table by the name of their figure."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if line.startswith("| ") and not line.startswith("| figure")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in told}


def _written(value: float) -> str:
    """Three digits that count, and all of whole numbers."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"


def _met(value: float, target: str) -> str:
    if not target:
        return "–"
    sign, bound = target.split()
    return "yes" if (value >= float(bound) if sign == "≥" else value <= float(bound)) else "**no**"


if __name__ == "__main__":
    main()
