"""Security incidents: grouping 100,000 findings over 120 assets, and whether work grows as findings do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from cityward.secure.incidents.folding import fold
from cityward.secure.incidents.records import RuleSeen
from cityward.secure.monitor.sightings import SCHEMA
from cityward.secure.risk.inventory import read_inventory
from cityward.secure.risk.records import Inventory
from measure import ROOT

FINDINGS = 100_000
TECHNIQUES = ("T1595", "T1110", "T1078", "T1059", "T1021.001", "T1048", "T1486")
LEVELS = ("medium", "medium", "high", "low", "medium", "high", "critical")
DAY_US = 86_400_000_000


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What comes of ``work``, and seconds of processor time: this machine is shared."""
    began = time.process_time()
    came = work()
    return came, time.process_time() - began


def findings(count: int, inventory: Inventory) -> pl.DataFrame:
    """Findings at all assets over a month, by many addresses and accounts, no two alike."""
    rng = np.random.default_rng(1)
    first = np.sort(rng.integers(0, 30 * DAY_US, count))
    hosts = np.array([asset.id for asset in inventory.assets])
    return pl.DataFrame(
        {
            "rule": rng.choice([f"rule-{number}" for number in range(len(TECHNIQUES))], count),
            "host": rng.choice(hosts, count),
            "source": [f"203.0.{one >> 8}.{one & 255}" for one in rng.integers(0, 65_536, count)],
            "account": [f"person-{one:x}" for one in rng.integers(0, 5_000, count)],
            "first_us": first,
            "last_us": first + rng.integers(0, 600_000_000, count),
            "events": rng.integers(1, 50, count),
        },
        schema=SCHEMA,
    )


def main() -> dict[str, tuple[float, str]]:
    """Print the figures and return them with their targets."""
    inventory = read_inventory(ROOT / "docs" / "examples" / "city-systems")
    rules = {
        f"rule-{at}": RuleSeen(id=f"rule-{at}", title=f"Rule {at}", level=level, techniques=(technique,))
        for at, (technique, level) in enumerate(zip(TECHNIQUES, LEVELS, strict=True))
    }
    fold(findings(1_000, inventory), [], rules, inventory)  # compiles
    seconds = {}
    for count in (FINDINGS // 10, FINDINGS):
        made = findings(count, inventory)
        folding, seconds[count] = cpu(lambda made=made: fold(made, [], rules, inventory))
        print(f"{count:,} findings in {len(folding.groups)} groups: {seconds[count]:.2f} s of processor time")
    growth = seconds[FINDINGS] / seconds[FINDINGS // 10]
    print(f"ten times the findings take {growth:.1f} times as long")
    return {
        "security incidents: grouping 100,000 findings over 120 assets, s": (seconds[FINDINGS], "≤ 10"),
        "security incidents: ten times the findings, times as long": (growth, "≤ 15"),
    }


if __name__ == "__main__":
    main()
