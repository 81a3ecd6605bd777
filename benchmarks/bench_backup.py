"""Backup, incremental backup, check and restore of a city of 1 GB, beside restic on the same folder.

    .venv/bin/python benchmarks/bench_backup.py [MEGABYTES]

Three fifths are files that pack no further (columns, as Parquet holds them), a quarter is registers in SQLite, the rest
reports of 60,000 people, each under a key of his own. What changes between backups is one day of reports and decisions.
Without restic the peer is tar through openssl (AES-256-CTR), which knows no increments.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cityward.city import init, open_city
from cityward.city.following import Following
from cityward.core.clock import Clock
from cityward.core.frames import PLACED, conform
from cityward.store.history_writer import HistoryWriter
from measure import CHICAGO, CITYWARD, measure

MEGABYTES = 1_000
START = datetime(2020, 1, 1, tzinfo=UTC)
FILE_MB = 8


def reports(history: Path, first: int, rows: int) -> None:
    """Reports of 60,000 people."""
    at = np.arange(first, first + rows)
    frame = pl.DataFrame({"id": [f"r{one}" for one in at.tolist()]}).with_columns(
        source=pl.lit("s"),
        service=pl.lit("Street light"),
        status=pl.lit("open"),
        occurred_at=pl.Series([START + timedelta(minutes=int(one)) for one in at]),
        text=pl.Series([f"the lamp is dark, number {one}, since {one % 97} days" for one in at.tolist()]),
        person=pl.Series([f"{one % 60_000:032x}" for one in at.tolist()]),
    )
    writer = HistoryWriter(history, Clock())
    writer.commit(writer.plan(conform(frame, PLACED)))
    writer.flush()
    writer.close()


def registers(city: Path, megabytes: float, first: int = 0) -> None:
    """Records of about 500 bytes."""
    rng = np.random.default_rng(first)
    with sqlite3.connect(city / "registers.db") as database:
        count = int(megabytes * 2_000)
        for start in range(0, count, 10_000):
            words = rng.integers(0, 10**9, (min(10_000, count - start), 20)).tolist()
            database.executemany(
                "insert into records (id, kind, body) values (?, 'bench', ?)",
                [(f"B-{first + start + at}", json.dumps({"said": row})) for at, row in enumerate(words)],
            )


def city_of(folder: Path, megabytes: int) -> None:
    init(folder, name="Bench", territories=CHICAGO / "community_areas.geojson")
    with open_city(folder) as city:
        city.conservation()
    rng = np.random.default_rng(1)
    for number in range(int(megabytes * 0.6 / FILE_MB)):
        path = folder / "history" / "observations" / f"month=2020-{number % 12 + 1:02}" / f"{number:020d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.bytes(FILE_MB * 10**6))
    registers(folder, megabytes * 0.25)
    for part in range(8):
        reports(folder / "history", part * 60_000, max(megabytes * 60, 100))


def one_day(folder: Path, day: int) -> None:
    reports(folder / "history", 10_000_000 + day * 5_000, 5_000)
    registers(folder, 1, first=10_000_000 + day * 10_000)


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def ours(city: Path, base: Path) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory of each step, by the commands themselves."""
    repo, told = str(base / "repo"), {}
    for name, arguments in (
        ("first backup", ["backup", "make", "--to", repo, "--city", str(city)]),
        ("next backup", ["backup", "make", "--to", repo, "--city", str(city)]),
        ("check", ["backup", "verify", repo]),
        ("restore", ["restore", str(base / "again"), "--from", repo, "--keys", str(city / "keys")]),
    ):
        if name == "next backup":
            one_day(city, 1)
        done = measure([*CITYWARD, *arguments])
        told[name] = (done.seconds, done.peak_mb)
    return told


def peer(city: Path, base: Path) -> tuple[str, dict[str, float]]:
    """Seconds of the same steps."""
    if not shutil.which("restic"):
        begun = time.perf_counter()
        os.environ["PEER"] = "bench"
        code = os.system(f"tar -C {city} -c . | openssl enc -aes-256-ctr -pbkdf2 -pass env:PEER > {base / 'tar'}")  # noqa: S605
        assert code == 0
        return "tar | openssl", {"first backup": time.perf_counter() - begun}
    os.environ["RESTIC_PASSWORD"] = "bench"  # noqa: S105
    restic, told = ["restic", "-q", "--no-cache", "-r", str(base / "restic")], {}
    measure([*restic, "init"])
    for name, arguments in (
        ("first backup", ["backup", str(city)]),
        ("next backup", ["backup", str(city)]),
        ("check", ["check", "--read-data"]),
        ("restore", ["restore", "latest", "--target", str(base / "restic-again")]),
    ):
        if name == "next backup":
            one_day(city, 2)
        told[name] = measure([*restic, *arguments]).seconds
    return "restic 0.14", told


def lag(city: Path, base: Path, megabytes: float, first: int) -> list[float]:
    """Seconds from an acknowledged write to its copy in the repository, for writes of one batch a second.

    A batch of more than 4 MB makes SQLite write into its file itself, which is then read again as a whole.
    """
    waited = []
    with open_city(city) as opened:
        following = Following(opened, str(base / "repo"), tell=print)
        following.start()
        while not (opened.backups.remembered() and following._last):
            time.sleep(0.1)
        for day in range(10, 20):
            written = time.time()
            registers(city, megabytes, first=first + day * 100_000)
            while opened.backups.remembered().copied_at.timestamp() < written:
                time.sleep(0.01)
            waited.append(time.time() - written)
            time.sleep(0.5)
        following.close()
    return sorted(waited)


def main(megabytes: int = MEGABYTES) -> dict[str, object]:
    """Seconds, MB/s, memory and growth, and how many times as fast or slow as the peer."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        city = base / "city"
        city_of(city, megabytes)
        whole = size_mb(city)
        took = ours(city, base)
        stored = size_mb(base / "repo")
        other, peers = peer(city, base)
        waited = lag(city, base, 0.01, 20_000_000)
        heavy = lag(city, base, 4.0, 40_000_000)
    figures: dict[str, object] = {}
    for step, (seconds, _) in took.items():
        figures[f"Backup of a city of {whole / 1000:.2f} GB: {step}, s"] = (seconds, "")
        if step in peers:
            figures[f"Backup: {step}, times as long as {other}"] = (seconds / peers[step], "")
    figures["Backup: first backup, MB/s"] = (whole / took["first backup"][0], "")
    figures["Backup: restore with all checks, MB/s"] = (whole / took["restore"][0], "")
    figures["Backup: peak memory, MB"] = (max(peak for _, peak in took.values()), "< 300")
    figures["Backup: repository after two snapshots, share of the city"] = (stored / whole, "")
    figures["Continuous copy: seconds from write to copy, median of 10"] = (waited[len(waited) // 2], "")
    figures["Continuous copy: seconds from write to copy, longest of 10"] = (waited[-1], "< 1")
    figures["Continuous copy, 4 MB a batch: seconds from write to copy, median of 10"] = (heavy[len(heavy) // 2], "")
    figures["Continuous copy, 4 MB a batch: seconds from write to copy, longest of 10"] = (heavy[-1], "")
    return figures


if __name__ == "__main__":
    for figure, (value, _) in main(int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES).items():
        print(f"{figure}: {value:.2f}")
