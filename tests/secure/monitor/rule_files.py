"""Rules and events in short form, for the tests of detection."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from cityward.secure.monitor.batches import Batch
from cityward.secure.monitor.compiling import compile_rules
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.logsources import Fields, kind
from cityward.secure.monitor.matching import Matcher
from cityward.secure.monitor.monitoring import Monitor, Monitored
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.terms import RuleSet

WHEN = datetime(2024, 6, 1, tzinfo=UTC)
TESTED = kind("tested")


def rule(detection: dict[str, Any], name: str = "one", **more: Any) -> dict[str, Any]:
    return {"title": name, "name": name, "logsource": {"product": "tested"}, "detection": detection} | more


def compiled(*documents: dict[str, Any]) -> RuleSet:
    return compile_rules({"rules.yml": yaml.safe_dump_all(documents).encode()})


def matched(rules: RuleSet, events: list[Fields]) -> dict[str, list[int]]:
    """For each rule that matches: positions of the events."""
    count = len(events)
    batch = Batch(TESTED, [0] * count, [0] * count, list(range(count)), rows=events)
    return {found.told.id: rows.tolist() for found, rows in Matcher(rules).match(batch)}


def monitored(rules: RuleSet, *files: Path, year: int | None = 2024, shown: bool = False) -> Monitored:
    return Monitor(rules, Names(b"key", shown=shown)).run(list(files), lambda _: Reckoning(UTC, year, WHEN))
