"""The HTTP intake against a real server: bulk NDJSON over 4 connections, and single posts over 16.

Targets: ≥ 50,000 rows/s acknowledged after fsync; ≥ 860 single posts/s at p95 ≤ 50 ms. The named peer for
single posts is 86/s, what a Python SensorThings server reached on the same kind of machine.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import CHICAGO, CITYWARD, ROOT
from synthetic import MAPPING, chunk

SECONDS = 8
BULK_ROWS, BULK_CONNECTIONS, SINGLE_CONNECTIONS = 1_000, 4, 16
PATH = "/api/sources/synthetic/interactions"
HEADERS = {"content-type": "application/x-ndjson"}


def bodies(worker: int, rows: int, count: int) -> list[bytes]:
    """``count`` bodies of ``rows`` rows each, different for every worker."""
    frame = chunk(worker * 10_000_000, rows * count)
    lines = frame.with_columns(opened=frame["opened"].cast(str), closed=frame["closed"].cast(str)).write_ndjson()
    split = lines.encode().splitlines(keepends=True)
    return [b"".join(split[at : at + rows]) for at in range(0, len(split), rows)]


def post(port: int, worker: int, rows: int, count: int, start: object, found: object) -> None:
    """Post one body after the other for `SECONDS`; report rows and latencies."""
    ready = bodies(worker, rows, count)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start.wait()
    latencies, end = [], time.perf_counter() + SECONDS
    for body in ready:
        began = time.perf_counter()
        if began > end:
            break
        connection.request("POST", PATH, body, HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {content[:300]!r}")
        latencies.append(time.perf_counter() - began)
    found.put(latencies)


def load(port: int, first_worker: int, connections: int, rows: int, count: int) -> list[float]:
    """Latencies of all requests of ``connections`` clients, each in its own process."""
    start, found = multiprocessing.Event(), multiprocessing.Queue()
    clients = [
        multiprocessing.Process(target=post, args=(port, first_worker + at, rows, count, start, found))
        for at in range(connections)
    ]
    for client in clients:
        client.start()
    time.sleep(6)  # until every client has its bodies
    start.set()
    latencies = [found.get() for _ in clients]
    for client in clients:
        client.join()
    return [latency for one in latencies for latency in one]


def main() -> dict[str, object]:
    """Return rows and posts per second with the 95th percentile of latency."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = folder / "city"
        polygons = CHICAGO / "community_areas.geojson"
        subprocess.run(
            [*CITYWARD, "init", str(city), "--name", "B", "--territories", str(polygons)], check=True, stdout=2
        )
        (city / "sources" / "synthetic.toml").write_text(MAPPING)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([*CITYWARD, "serve", "--port", str(port), "--city", str(city)], cwd=ROOT, stdout=2)
        try:
            wait(port)
            load(port, 90, 1, 10, 50)  # warm
            bulk = load(port, 0, BULK_CONNECTIONS, BULK_ROWS, 250)
            single = load(port, 20, SINGLE_CONNECTIONS, 1, 2_500)
        finally:
            server.terminate()
            server.wait(30)
    p95 = statistics.quantiles(single, n=20)[18] * 1_000
    elapsed = sum(bulk) / BULK_CONNECTIONS
    return {
        "bulk HTTP rows/s": (len(bulk) * BULK_ROWS / elapsed, "≥ 50000"),
        "single posts/s": (len(single) / (sum(single) / SINGLE_CONNECTIONS), "≥ 860"),
        "single post p95 ms": (p95, "≤ 50"),
    }


def wait(port: int) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/api/health")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    print(json.dumps(main(), indent=1), file=sys.stdout)
