"""Write secure/monitor/rules/proven.json: which rules matched a real trace, and which techniques rules claim.

Real traces are the events that the public collection of Sigma keeps for its own rules, and a real auth.log. Only
identifiers of rules and techniques are written, no event.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from cityward.secure.monitor.batches import Batch
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.monitoring import Monitor
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load
from cityward.secure.monitor.terms import Detection, RuleSet

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "cyber"
TO = ROOT / "src" / "cityward" / "secure" / "monitor" / "rules" / "proven.json"


class Proving(Monitor):
    """Remembers in which files each rule matched."""

    def __init__(self, rules: RuleSet) -> None:
        super().__init__(rules, Names(b"key", shown=False))
        self.where: dict[str, set[int]] = {}

    def _tally(self, rule: Detection, batch: Batch, rows: NDArray[np.int64]) -> None:
        self.where.setdefault(rule.told.id, set()).update(batch.source[row] for row in rows)


def reckoned(_: Path) -> Reckoning:
    """Times without a year are of 2015, as the real auth.log is."""
    return Reckoning(UTC, 2015, datetime(2016, 1, 1, tzinfo=UTC))


def main() -> None:
    """Write the table."""
    public, own = load(files_of(DATA / "sigma_rules.tar.gz"), None), load(files_of(SHIPPED), None)
    proven: dict[str, dict[str, Any]] = {}
    told = {one.told.id: one.told for one in (*own.detections, *own.correlations, *public.detections)}
    came = Monitor(own, Names(b"key", shown=False)).run([DATA / "auth.log"], reckoned)
    for rule in sorted(one.rule for one in came.findings):
        proven[rule] = {"techniques": told[rule].techniques, "how": "a real auth.log"}
    with tempfile.TemporaryDirectory() as name, tarfile.open(DATA / "sigma_regression_positives.tar.gz") as archive:
        archive.extractall(name, filter="data")
        made: list[tuple[str, Path]] = []
        for info in sorted(Path(name).rglob("info.yml")):
            rule = yaml.safe_load(info.read_text())["rule_metadata"][0]["id"]
            made += [(rule, one) for one in sorted(info.parent.iterdir()) if one.suffix in (".evtx", ".raw")]
        proving = Proving(public)
        proving.run([path for _, path in made], reckoned)
        for at, (rule, _) in enumerate(made):
            if at in proving.where.get(rule, ()):
                proven[rule] = {"techniques": told[rule].techniques, "how": "events that its authors keep for it"}
    shown = [one.told for one in (*own.detections, *own.correlations) if one.told.techniques]
    table = {
        "proven": proven,
        "own": {one.id: one.techniques for one in sorted(shown, key=lambda one: one.id)},
        "public": dict(sorted(Counter(t for one in public.detections for t in one.told.techniques).items())),
    }
    TO.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n")


if __name__ == "__main__":
    main()
