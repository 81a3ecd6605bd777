"""The ledger: entries a second in groups, how long one durable entry takes, and what a million of them cost.

Beside it the same work in SQLite (WAL, synchronous=FULL, a row with its digest and that of the row before it), which
proves less: it has no signature and no proof of a single row.

python benchmarks/bench_ledger.py [ENTRIES]
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.receipts import receipt
from cityward.secure.ledger import Ledger, verify
from cityward.secure.merkle import leaf_hash, verify_inclusion
from cityward.secure.proved import ProvedEntries

ENTRIES = 1_000_000
GROUP = 1_000
SINGLE = 600
"""More than two tiles, so that some of them become full."""
PROOFS = 500
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
AT = datetime(2026, 1, 1, tzinfo=UTC)

Append = Callable[[Sequence[bytes]], object]


def entries(first: int, count: int) -> list[bytes]:
    return [receipt("decision", f"D-{first + at:010x}", AT, b"%d" % at, outcome="approved") for at in range(count)]


class Chain:
    """A chain of digests in SQLite, each group in a transaction of its own."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "chain.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE entry (at INTEGER PRIMARY KEY, body BLOB, chained BLOB)")
        self._last = b""

    def append(self, group: Sequence[bytes]) -> None:
        rows = []
        for body in group:
            self._last = sha256(self._last + body).digest()
            rows.append((body, self._last))
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO entry (body, chained) VALUES (?, ?)", rows)
        self._db.execute("COMMIT")


def a_second(append: Append, count: int) -> float:
    """Entries a second in groups."""
    groups = [entries(first, GROUP) for first in range(0, count, GROUP)]
    began = time.perf_counter()
    for group in groups:
        append(group)
    return count / (time.perf_counter() - began)


def singles(one: Append, other: Append) -> list[list[float]]:
    """Milliseconds of each durable entry, both in turns, so that what else the disk does hits both."""
    took: list[list[float]] = [[], []]
    for number in range(SINGLE):
        for at, append in enumerate((one, other)):
            group = entries(number, 1)
            began = time.perf_counter()
            append(group)
            took[at].append(1_000 * (time.perf_counter() - began))
    return [sorted(times) for times in took]


def percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def opened(folder: Path) -> dict[str, float]:
    """Open the whole log, append to it and prove entries of it, in a process of its own."""
    before = _peak_mb()
    began = time.perf_counter()
    ledger = Ledger(folder, KEY)
    took = time.perf_counter() - began
    ledger.append(entries(0, 1))
    step = max(1, ledger.size // PROOFS)
    wanted = range(0, ledger.size, step)
    began = time.perf_counter()
    for index in wanted:
        path = ledger.inclusion_proof(index)
        assert verify_inclusion(leaf_hash(ledger.entry(index)), index, ledger.size, path, ledger.root())
    proof = (time.perf_counter() - began) / len(wanted)
    assert len(ProvedEntries(folder, KEY.public_key).entries(wanted)) == len(wanted)
    return {"open_ms": 1_000 * took, "proof_ms": 1_000 * proof, "more_mb": _peak_mb() - before}


def verified(folder: Path) -> float:
    """Entries a second that are verified."""
    began = time.perf_counter()
    found = verify(folder, KEY.public_key())
    assert found.ok, found.message
    return found.entries / (time.perf_counter() - began)


def main(count: int = ENTRIES) -> dict[str, object]:
    """Measure groups, single entries, and the log once it is long."""
    context = get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger, chain = Ledger(folder / "ledger", KEY), Chain(folder)
        ours, theirs = singles(ledger.append, chain.append)
        rate, peer = a_second(ledger.append, count), a_second(chain.append, count)
        with context.Pool(1) as alone:
            long = alone.apply(opened, (folder / "ledger",))
            speed = alone.apply(verified, (folder / "ledger",))
        tiles = sum(path.stat().st_size for path in (folder / "ledger").rglob("*") if path.is_file())
        print(
            f"one durable entry: p50 {percentile(ours, 0.5):.2f} ms, p99 {percentile(ours, 0.99):.2f} ms; SQLite p50 "
            f"{percentile(theirs, 0.5):.2f} ms, p99 {percentile(theirs, 0.99):.2f} ms\n"
            f"in groups of {GROUP}: {rate:,.0f}/s; SQLite {peer:,.0f}/s\n"
            f"{ledger.size:,} entries: opened in {long['open_ms']:.1f} ms with {long['more_mb']:.1f} MB more, a proof "
            f"in {long['proof_ms']:.2f} ms, verified at {speed:,.0f}/s, {tiles / 2**20:,.0f} MB on disk"
        )
        return {
            f"Ledger, entries/s in groups of {GROUP:,}": (rate, "≥ 15000"),
            "Ledger, the same in SQLite (WAL, FULL, hash chain)": (peer, ""),
            "Ledger, one durable entry, p50, ms": (percentile(ours, 0.5), ""),
            "Ledger, one durable entry, p99, ms": (percentile(ours, 0.99), "≤ 10"),
            "Ledger, the same in SQLite, p50, ms": (percentile(theirs, 0.5), ""),
            "Ledger, the same in SQLite, p99, ms": (percentile(theirs, 0.99), ""),
            f"Ledger, {count / 1e6:g} M entries: opened for writing, ms": (long["open_ms"], ""),
            f"Ledger, {count / 1e6:g} M entries: opening, an entry and {PROOFS} proofs, MB more": (long["more_mb"], ""),
            f"Ledger, {count / 1e6:g} M entries: an entry with its proof, ms": (long["proof_ms"], ""),
            f"Ledger, {count / 1e6:g} M entries: verified, entries/s": (speed, ""),
        }


if __name__ == "__main__":
    for figure, (value, target) in main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES).items():
        print(f"{figure}: {value:.2f} ({target})")
