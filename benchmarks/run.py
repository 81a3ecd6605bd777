"""Runs every benchmark and writes RESULTS.md: python benchmarks/run.py [NAME …], as 'make bench' does.

Each ``bench_NAME.py`` has a ``main()`` that returns its figures: what was measured, the value, and the target
("≤ 15", "≥ 300000", or "" where there is none).
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from measure import ROOT, machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
LIBRARIES = ("polars", "deltalake", "numpy", "numba", "msgspec", "fastapi", "uvicorn")


def met(value: float, target: str) -> str:
    """Whether a value meets its target: "yes", "NO", or nothing when there is none."""
    parts = re.fullmatch(r"([≤≥])\s*([\d.,]+)", target.strip())
    if not parts:
        return ""
    bound = float(parts[2].replace(",", ""))
    return "yes" if (value <= bound if parts[1] == "≤" else value >= bound) else "NO"


def shown(value: float) -> str:
    """A figure with three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def bounded(target: str) -> str:
    """A target with its thousands apart."""
    return re.sub(r"\d{4,}", lambda digits: f"{int(digits[0]):,}", target)


def versions() -> str:
    """Versions of the libraries that carry the load."""
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in LIBRARIES)


def revision() -> str:
    """The commit that was measured, marked when files differ from it."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=False)
    return (commit.stdout.strip() or "unknown") + (" with changes" if changed.stdout.strip() else "")


def report(figures: dict[str, dict[str, tuple[float, str]]]) -> str:
    """RESULTS.md as text."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`; do not edit. Every speed is of one machine: the ratios against a named peer, "
        "taken in the same run, are what carries over to another.",
        "",
        f"- Machine: {machine()}",
        f"- Libraries: {versions()}",
        f"- Measured: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision()}",
        f"- Command: `make bench` (`python benchmarks/run.py {' '.join(figures)}`)",
    ]
    for name, rows in figures.items():
        title = (importlib.import_module(f"bench_{name}").__doc__ or name).strip()
        lines += ["", f"## {name}", "", title, "", "| figure | measured | target | met |", "|---|---:|---:|---|"]
        lines += [
            f"| {what} | {shown(value)} | {bounded(target)} | {met(value, target)} |"
            for what, (value, target) in rows.items()
        ]
    return "\n".join([*lines, ""])


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return 1 when a target was missed."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = set(names) - set(known)
    if unknown:
        raise SystemExit(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}.")
    figures = {}
    for name in names or known:
        print(f"… {name}", flush=True)
        figures[name] = importlib.import_module(f"bench_{name}").main()
        for what, (value, target) in figures[name].items():
            print(f"  {what}: {shown(value)} {bounded(target)} {met(value, target)}", flush=True)
    if not names:
        RESULTS.write_text(report(figures), encoding="utf-8")
        print(f"Written to {RESULTS.relative_to(ROOT)}")
    return int(any(met(value, target) == "NO" for rows in figures.values() for value, target in rows.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
