"""Cuts the power of a city ten thousand times: ``python -m tests.simulation.run_power_cuts --cuts 10000``.

The recorded life is one; the cuts are every subset of what is open at each acknowledgement and fsync where few changes
are, and then cuts by chance, no two of which leave the same disk. Each city that is left is opened and judged.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.power_cut.cuts import LIFE, enumerated, judged, recorded_life, sampled
from tests.simulation.power_cut.disk_model import Disk
from tests.simulation.power_cut.recording import Recording, read_trace


def shard(work: Path, number: int, shards: int, cuts: int, seed: int, niceness: int) -> list[str]:
    """Judge each ``shards``-th of the cuts; return what is wrong, with the cut that shows it."""
    recording = read_trace(work / "trace", work / "disk", work / "told")
    disk = Disk(recording)
    os.nice(niceness)
    every = itertools.chain(enumerated(recording, disk), sampled(recording, disk, seed))
    wrong, started = [], time.monotonic()
    for done, (cut, tree) in enumerate(itertools.islice(every, number, cuts, shards)):
        problems = judged(recording, cut, tree, work / f"cut-{number}")
        for problem in problems:
            wrong.append(json.dumps({"at": cut.at, "fates": cut.fates, "wrong": problem}))
            print(wrong[-1], flush=True)
        if done % 100 == 0:
            print(f"shard {number}: {done:,} cuts, {len(wrong)} wrong, {time.monotonic() - started:.0f} s", flush=True)
    return wrong


def main(arguments: Sequence[str]) -> int:
    """Record, cut, judge, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--nice", type=int, default=0, help="Give way to other programs while judging.")
    given = parser.parse_args(arguments)
    memory = Path("/dev/shm")  # noqa: S108 - memory, and a folder of our own in it
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        work = Path(name)
        recording: Recording = recorded_life(work)
        print(
            f"{LIFE.name}: {len(recording.changes)} writes, {len(recording.namings)} changes of names, "
            f"{len(recording.syncs)} fsyncs, {len(recording.told)} acknowledgements", flush=True,
        )  # fmt: skip
        with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
            shards = [
                pool.submit(shard, work, number, given.processes, given.cuts, given.seed, given.nice)
                for number in range(given.processes)
            ]
            wrong = [line for one in shards for line in one.result()]
    print(f"{given.cuts:,} power cuts, {len(wrong)} wrong, in {time.monotonic() - started:.0f} s (seed {given.seed})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
