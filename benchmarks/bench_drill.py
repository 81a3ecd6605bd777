"""A drill of ransomware on a city of 5 GB, and what watching costs; run apart: it takes a quarter of an hour.

    python benchmarks/bench_drill.py CITY [GIGABYTES]

CITY is a city folder (that of the demonstration will do). It is copied, and its history is laid beside it again and
again in another order, as an archive of Parquet files of about 2 MB, until it is large enough.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from cityward.city import open_city
from cityward.city.drill_ransomware import Plan
from cityward.secure.watch.decoys import lay
from cityward.secure.watch.files import LOOK_SECONDS, FileWatch

FILE_BYTES = 2 * 2**20
DISK_MB = 1_000
WATCHED_FILES = 20_000
LOOKS = 200


def enlarge(city: Path, gigabytes: float) -> int:
    """Fill ``city/archive`` up to a size; return the number of files.

    Each holds rows of the city's history, drawn anew, so that no two share a part.
    """
    rows = pl.read_parquet(city / "history" / "interactions" / "**" / "*.parquet", hive_partitioning=False)
    archive = city / "archive"
    archive.mkdir()
    probe = archive / "000000.parquet"
    rows.write_parquet(probe, compression="snappy", statistics=False)
    height = max(1_000, int(rows.height * FILE_BYTES / probe.stat().st_size))
    written = count = 0
    while written < gigabytes * 2**30:
        drawn = rows.sample(height, with_replacement=True, seed=count)
        path = archive / f"{count:06d}.parquet"
        drawn.write_parquet(path, compression="snappy", statistics=False)
        written, count = written + path.stat().st_size, count + 1
    return count


def disk(folder: Path) -> dict[str, float]:
    """MB/s that the disk itself writes durably and reads from cold, one file of `DISK_MB`."""
    path, block = folder / "disk", os.urandom(2**20)
    began = time.monotonic()
    with path.open("wb") as file:
        for _ in range(DISK_MB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    wrote = time.monotonic() - began
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.monotonic()
        while file.read(2**20):
            pass
    read = time.monotonic() - began
    path.unlink()
    return {"durable write MB/s": round(DISK_MB / wrote), "cold read MB/s": round(DISK_MB / read)}


def watching(folder: Path) -> dict[str, float]:
    """CPU seconds of a look at `WATCHED_FILES` files, as a share of one core at the pace of the watch."""
    for number in range(WATCHED_FILES):
        path = folder / f"part={number % 200}" / f"{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"PAR1" + bytes(100))
    watch = FileWatch(folder, lay(folder, b"k" * 32))
    watch.arm()
    began = time.process_time()
    for number in range(LOOKS):
        watch.look(number * LOOK_SECONDS)
    look = (time.process_time() - began) / LOOKS
    return {"look_ms": round(1_000 * look, 3), "share_of_core_percent": round(100 * look / LOOK_SECONDS, 2)}


def main(arguments: list[str]) -> None:
    source, gigabytes = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 5.0
    with tempfile.TemporaryDirectory(dir=source.resolve().parent) as work:
        (Path(work) / "watched").mkdir()
        print("watching 20,000 files:", watching(Path(work) / "watched"), flush=True)
        shutil.rmtree(Path(work) / "watched")
        city = Path(work) / "city"
        shutil.copytree(source, city)
        print("files of the archive:", enlarge(city, gigabytes), flush=True)
        print("the disk before:", disk(Path(work)), flush=True)
        with open_city(city) as opened:
            began = time.monotonic()
            report = opened.drills.ransomware(
                Plan(wait_seconds=(2.0, 10.0)),
                say=lambda text: print(f"{time.monotonic() - began:8.1f} s  {text}", flush=True),
            )
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds, most = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        print(f"processor: {seconds:.1f} s, most memory {most:.0f} MB", flush=True)
        print("the disk after:", disk(Path(work)), flush=True)
        print(report.headline)
        for step in report.timeline:
            print(f"{step.at:10.3f} s  {step.what}")
        for name, value in report.figures.items():
            print(f"{name}: {value:,.10g}")


if __name__ == "__main__":
    main(sys.argv[1:])
