"""Kills a city that is hard at work, with kill -9 at random moments, and opens it again: ``--kills 1000``.

Each life is a process of its own that tells through a pipe what was acknowledged. Several senders, files, sensors,
turns and decisions go on at once when it dies.

Lives are forked from a process that has loaded the slow libraries and nothing that starts threads: Polars, and with it
cityward, is loaded in each life anew. Whoever judges is a process of its own as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

SLOW = ("numpy", "numba", "lightgbm", "sqlalchemy", "sqlalchemy.dialects.sqlite", "shapely", "narwhals", "httpx")
"""Libraries that start no thread when they are loaded."""

LIVES_OF_A_CITY = 25
"""After so many deaths a new city is founded, so that opening one does not take ever longer."""

LIFE_SECONDS = 3.0
"""No life lasts longer once it is awake."""

AWAKE_SECONDS = 60.0
"""A life that does not wake up by then is killed asleep."""

TURN_EVERY = 5
"""One life in so many takes turns of the loop and decides; the others only take in."""

SENDERS = 3


def work_hard(folder: Path, files: Path, number: int, tell: Callable[[dict[str, Any]], None]) -> None:
    """Take in from several senders at once, and take turns and decide, until killed."""
    from tests.simulation.power_cut.city_life import Life, found  # loads Polars: in the life, not before

    import cityward.anticipate.learned
    import cityward.city.planning
    import cityward.know.needs  # noqa: F401 - what a turn loads when it is first taken

    tell({"kind": "awake"})
    if not folder.exists():
        found(folder, files)
        tell({"kind": "city"})
    life = Life(folder, files, number, tell)
    life.prepare()
    life.sense_file("begin", 60)

    def send(sender: int) -> None:
        at = 0
        while True:
            life.post(f"s{sender}.{at}", 12)
            at += 1

    def measure() -> None:
        for first in range(0, 1_000, 5):
            life.measure(first, 5)

    for one in [*(lambda sender=sender: send(sender) for sender in range(SENDERS)), measure]:
        threading.Thread(target=one, daemon=True).start()
    for at in range(1_000):
        life.sense_file(f"f{at}", 40)
        if number % TURN_EVERY == TURN_EVERY - 1:
            life.turn()
            life.decide()


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Run ``work`` (given a descriptor to write to) in a child; return its number and the end to read from."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        work(writing)
    except BaseException:  # noqa: BLE001 - told to whoever reads, as the last words
        os.write(writing, json.dumps({"kind": "failed", "wrong": traceback.format_exc(limit=-6)}).encode() + b"\n")
    finally:
        os._exit(0)


def one_death(folder: Path, files: Path, number: int, chance: random.Random) -> tuple[list[dict[str, Any]], bool]:
    """Let the city work and kill it; return what it acknowledged, and whether it was alive until then."""

    def live(descriptor: int) -> None:
        work_hard(folder, files, number, lambda what: os.write(descriptor, json.dumps(what).encode() + b"\n") and None)

    child, reading = forked(live)
    lines, said = chance.choice((1, 1, 2, 3, 5, 8, 13, 40)), b""
    ends = time.monotonic() + AWAKE_SECONDS
    awake = False
    while (left := ends - time.monotonic()) > 0 and said.count(b"\n") <= lines:
        if select.select([reading], [], [], left)[0]:
            part = os.read(reading, 1 << 16)
            if not part:
                break
            said += part
        if said and not awake:
            awake, ends = True, time.monotonic() + chance.uniform(0.01, LIFE_SECONDS)
    time.sleep(chance.choice((0, 0, chance.uniform(0, 0.05))))
    os.kill(child, signal.SIGKILL)
    while part := os.read(reading, 1 << 16):
        said += part
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    whole = said[: said.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], os.WIFSIGNALED(status)


def judged(folder: Path, told: Sequence[dict[str, Any]]) -> list[str]:
    """As `judge`; what it raises is a finding too."""
    from tests.simulation.power_cut.judge import judge

    try:
        return judge(folder, told)
    except Exception:  # noqa: BLE001 - whatever it is, the city did not open
        return [traceback.format_exc(limit=-6)]


def kill(kills: int, seed: int, work: Path, seconds: float = 1e9) -> dict[str, Any]:
    """Kill cities in ``work`` so often, or for so long; return what happened.

    Returns
    -------
    dict
        ``kills``, ``acknowledged`` (how many things), ``kinds`` (how many of each), and ``wrong``.
    """
    for name in SLOW:
        import_module(name)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as judges:
        return _kill(kills, random.Random(seed), work, seconds, judges)


def _kill(kills: int, chance: random.Random, work: Path, seconds: float, judges: ProcessPoolExecutor) -> dict[str, Any]:
    started = time.monotonic()
    told: list[dict[str, Any]] = []
    done, kinds, wrong = 0, dict[str, int](), list[str]()
    while done < kills and time.monotonic() - started < seconds:
        if done % LIVES_OF_A_CITY == 0:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            told = []
        said, alive = one_death(work / "city", work / "files", done % LIVES_OF_A_CITY, chance)
        failed = [one for one in said if one["kind"] == "failed"]
        wrong += [f"life {done}: {one['wrong']}" for one in failed]
        told += [one for one in said if one["kind"] not in {"failed", "awake"}]
        for one in said[1:]:
            kinds[one["kind"]] = kinds.get(one["kind"], 0) + 1
        wrong += [f"life {done}: {problem}" for problem in judges.submit(judged, work / "city", told).result()]
        done += alive
        if done % 50 == 0:
            print(f"{done:,} kills, {kinds}, {len(wrong)} wrong", flush=True)
        if not alive and not failed:
            wrong.append(f"life {done}: it ended by itself")
            break
    return {"kills": done, "acknowledged": sum(kinds.values()), "kinds": kinds, "wrong": wrong}


def main(arguments: Sequence[str]) -> int:
    """Kill, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        happened = kill(given.kills, given.seed, Path(name) / "work")
    for line in happened["wrong"][:20]:
        print(line)
    print(
        f"{happened['kills']:,} kills, {happened['acknowledged']:,} acknowledgements {happened['kinds']}, "
        f"{len(happened['wrong'])} wrong, in {time.monotonic() - started:.0f} s (seed {given.seed})"
    )
    return 1 if happened["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
