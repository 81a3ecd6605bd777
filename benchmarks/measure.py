"""Runs a command and measures its wall time and peak memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHICAGO = ROOT / "src" / "cityward" / "city" / "demo" / "chicago"
CITYWARD = [sys.executable, "-c", "from cityward.cli import main; main()"]


@dataclass(frozen=True)
class Measured:
    """Seconds of wall time, peak resident memory, and what was printed."""

    seconds: float
    peak_mb: float
    output: str


def measure(command: list[str]) -> Measured:
    """Run ``command`` to its end; raises when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed with status {status}")
    return Measured(time.perf_counter() - began, usage.ru_maxrss / 1024, output)


def machine() -> str:
    """What this was measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line).split()[1]
    return f"{os.cpu_count()} cores, {model}, {int(memory) / 2**20:.0f} GiB, Python {platform.python_version()}"
