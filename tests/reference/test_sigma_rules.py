"""Public Sigma rules compile, and match the events that each must match; sources of a real log are found."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import yaml

from cityward.secure.monitor.compiling import compile_rules
from cityward.secure.monitor.findings import Names
from cityward.secure.monitor.monitoring import Monitor
from cityward.secure.monitor.readers.reading import Reckoning
from cityward.secure.monitor.ruleset import SHIPPED, files_of, load

SHARE = 8
"""One positive in so many is read here; benchmarks/bench_monitor.py reads all, and compiles all rules."""


def _reckoning(_: Path) -> Reckoning:
    return Reckoning(UTC, 2015, datetime(2016, 1, 1, tzinfo=UTC))


def test_a_sample_of_positives_matches_its_rules(shared_data: Path, tmp_path: Path) -> None:
    rules = files_of(shared_data / "cyber" / "sigma_rules.tar.gz")
    by_id = {found[1].decode(): name for name, text in rules.items() if (found := re.search(rb"(?m)^id: (\S+)", text))}
    with tarfile.open(shared_data / "cyber" / "sigma_regression_positives.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    wanted: dict[str, list[Path]] = {}
    for info in sorted(tmp_path.rglob("info.yml")):
        rule = yaml.safe_load(info.read_text())["rule_metadata"][0]["id"]
        if rule in by_id and int(hashlib.sha256(rule.encode()).hexdigest(), 16) % SHARE == 0:
            wanted[rule] = [one for one in info.parent.iterdir() if one.suffix in (".evtx", ".json", ".raw")]
    compiled = compile_rules({by_id[rule]: rules[by_id[rule]] for rule in wanted})
    assert compiled.refused == ()
    assert len(wanted) > 10
    for rule, files in wanted.items():
        for file in files:
            came = Monitor(compiled, Names(b"key", shown=False)).run([file], _reckoning)
            assert rule in {one.rule for one in came.findings}, file.name


def test_every_source_that_guesses_often_is_found(shared_data: Path) -> None:
    failures: dict[str, list[float]] = defaultdict(list)
    line = re.compile(
        r"(\w{3} +\d+ [\d:]{8}) \S+ sshd\[\d+\]: (?:message repeated (\d+) times: \[ )?(?:Failed|Invalid)"
    )
    for text in (shared_data / "cyber" / "auth.log").read_text().splitlines():
        if (found := line.match(text)) and (source := re.search(r"from ([\d.]+)", text)):
            at = datetime.strptime(f"2015 {found[1]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC).timestamp()
            failures[source[1]] += [at] * int(found[2] or 1)
    noisy = {source for source, at in failures.items() if any(b - a <= 600 for a, b in zip(at, at[4:], strict=False))}
    came = Monitor(load(files_of(SHIPPED), None), Names(b"key", shown=False)).run(
        [shared_data / "cyber" / "auth.log"], _reckoning
    )
    assert came.received == came.read == 7_121
    found = next(one for one in came.findings if one.rule == "cityward_ssh_brute_force")
    assert len(noisy) == 102
    assert noisy <= {hit.group["source"] for hit in found.hits}
    assert found.seconds_median is not None
    assert found.seconds_median < 60
    assert json.dumps(found.groups)
