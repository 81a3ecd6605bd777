"""The HTTP intake against a real server: bulk NDJSON over 4 connections, and single posts over 16.

Targets: ≥ 50,000 rows/s acknowledged after fsync; ≥ 860 single posts/s at p95 ≤ 50 ms. The named peer for
single posts is 86/s, what a Python SensorThings server reached on the same kind of machine.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
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


def bodies(worker: int, rows: int, count: int) -> list[bytes]:
    """``count`` bodies of ``rows`` rows each, different for every worker."""
    frame = chunk(worker * 10_000_000, rows * count)
    lines = frame.with_columns(opened=frame["opened"].cast(str), closed=frame["closed"].cast(str)).write_ndjson()
    split = lines.encode().splitlines(keepends=True)
    return [b"".join(split[at : at + rows]) for at in range(0, len(split), rows)]


class Client(asyncio.Protocol):
    """One connection that posts one body after the other and waits for each answer."""

    def __init__(self, requests: list[bytes], until: float) -> None:
        self.requests, self.until = iter(requests), until
        self.latencies: list[float] = []
        self.ended = asyncio.get_running_loop().create_future()
        self.answer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.post()

    def post(self) -> None:
        self.began = time.perf_counter()
        request = next(self.requests, None) if self.began < self.until else None
        if request is None:
            self.transport.close()
            self.ended.set_result(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end or len(body) < int(re.search(rb"content-length: (\d+)", head)[1]):
            return
        if b" 200 " not in head[:16]:
            self.ended.set_exception(SystemExit(self.answer[:500].decode()))
            return
        self.answer = b""
        self.latencies.append(time.perf_counter() - self.began)
        self.post()


def load(port: int, first_worker: int, connections: int, rows: int, count: int) -> list[float]:
    """Latencies of all requests of ``connections`` clients of one cheap process: the server has the machine."""
    ready = [[request(body) for body in bodies(first_worker + at, rows, count)] for at in range(connections)]

    async def run() -> list[float]:
        loop, until = asyncio.get_running_loop(), time.perf_counter() + SECONDS
        clients = [
            (await loop.create_connection(lambda own=own: Client(own, until), "127.0.0.1", port))[1] for own in ready
        ]
        await asyncio.gather(*(client.ended for client in clients))
        return [latency for client in clients for latency in client.latencies]

    return asyncio.run(run())


def request(body: bytes) -> bytes:
    """The bytes of a POST."""
    head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


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
        with (city / "city.toml").open("a") as settings:
            settings.write("\n[access]\nopen_on_loopback = true\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([*CITYWARD, "serve", "--port", str(port), "--city", str(city)], cwd=ROOT, stdout=2)
        try:
            wait(port)
            load(port, 90, 1, 10, 50)  # warm
            bulk = load(port, 0, BULK_CONNECTIONS, BULK_ROWS, 400)
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
