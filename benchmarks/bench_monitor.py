"""Detection: all public rules compiled and started, their positives, events and lines a second of one core."""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from cityward.secure.monitor.compiling import compile_rules
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.monitoring import Monitor, Monitored
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load
from cityward.secure.monitor.terms import RuleSet
from measure import ROOT

CYBER = ROOT.parent / "shared" / "data" / "cyber"
EVENTS, LINES_TIMES = 40_000, 100


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What comes of ``work``, and seconds of processor time: this machine is shared."""
    began = time.process_time()
    came = work()
    return came, time.process_time() - began


def run(rules: RuleSet, *files: Path) -> Monitored:
    when = Reckoning(UTC, 2015, datetime(2016, 1, 1, tzinfo=UTC))
    return Monitor(rules, Names(b"key", shown=False)).run(list(files), lambda _: when)


def positives(rules: RuleSet, folder: Path) -> tuple[int, int]:
    """Files of events that match the rule which they were made for, of all whose rule is there."""
    known = {one.told.id for one in rules.detections}
    matched = total = 0
    for info in sorted(folder.rglob("info.yml")):
        rule = yaml.safe_load(info.read_text())["rule_metadata"][0]["id"]
        for file in (one for one in info.parent.iterdir() if rule in known and one.suffix in (".evtx", ".raw")):
            total += 1
            matched += rule in {one.rule for one in run(rules, file).findings}
    return matched, total


def usual_events(folder: Path, to: Path) -> None:
    """Windows events of which nine in ten start some program of an office, and no two are alike."""
    rng, events = np.random.default_rng(1), []
    for file in sorted(folder.rglob("*.json")):
        try:
            events.append(msgspec.json.decode(file.read_bytes()))
        except msgspec.MsgspecError:
            continue
    with to.open("wb") as out:
        for number in range(EVENTS):
            event = msgspec.json.decode(msgspec.json.encode(events[rng.integers(len(events))]))
            data = event["Event"].get("EventData")
            if isinstance(data, dict):
                for name in ("CommandLine", "TargetFilename", "TargetObject", "ImageLoaded", "ParentCommandLine"):
                    if isinstance(data.get(name), str):
                        data[name] += f" {rng.integers(2**40):x}"
                if rng.random() < 0.9 and "CommandLine" in data:
                    data["Image"] = f"C:\\Program Files\\App{rng.integers(50)}\\tool{rng.integers(200)}.exe"
                    data["CommandLine"] = f'"{data["Image"]}" --config C:\\data\\x{number}.ini -v'
            out.write(msgspec.json.encode(event) + b"\n")


def main() -> dict[str, tuple[float, str]]:
    """Print the figures and return them with their targets."""
    texts = files_of(CYBER / "sigma_rules.tar.gz")
    figures: dict[str, tuple[float, str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(CYBER / "sigma_regression_positives.tar.gz") as archive:
            archive.extractall(folder / "positives", filter="data")
        rules, seconds = cpu(lambda: compile_rules(texts))
        load(texts, folder / "cache")
        _, start = cpu(lambda: load(texts, folder / "cache"))
        share = len(rules.detections) / (len(rules.detections) + len(rules.refused))
        matched, total = positives(rules, folder / "positives")
        usual_events(folder / "positives", folder / "events.jsonl")
        events, events_seconds = cpu(lambda: run(rules, folder / "events.jsonl"))
        (folder / "auth.log").write_bytes((CYBER / "auth.log").read_bytes() * LINES_TIMES)
        own = load(files_of(SHIPPED), None)
        lines, lines_seconds = cpu(lambda: run(own, folder / "auth.log"))
    print(f"{len(rules.detections):,} rules compile in {seconds:.1f} s, and start from the cache in {start:.2f} s")
    print(f"{matched} of {total} positives match their rule")
    print(f"{events.read / events_seconds:,.0f} events and {lines.read / lines_seconds:,.0f} lines of sshd a second")
    figures["monitor: share of public rules that compile"] = (share, "≥ 0.99")
    figures["monitor: positives that match their rule, share"] = (matched / total, "≥ 1")
    figures["monitor: start with all public rules, s"] = (start, "≤ 1")
    figures["monitor: Windows events a second of a core, all rules"] = (events.read / events_seconds, "≥ 10000")
    figures["monitor: lines of auth.log a second of a core"] = (lines.read / lines_seconds, "≥ 200000")
    return figures


if __name__ == "__main__":
    main()
