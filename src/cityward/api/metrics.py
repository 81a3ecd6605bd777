"""Figures for Prometheus at ``/metrics``, and one line of JSON a request on the standard error.

Neither tells of a person: a route is its template (``/needs/{identifier}``), never the address that was asked; label
sets are bounded by the routes, methods, classes of status, kinds of alerts and sources that there are. Names follow
the conventions of Prometheus and are listed in docs/watch.md. The text form is also what an OpenTelemetry collector
reads with its Prometheus receiver.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityward.api.problems import AWAY
from cityward.core.clock import Clock, monotonic
from cityward.secure.watch.alerts import DUTIES
from cityward.secure.watch.turned_away import Event, Log

if TYPE_CHECKING:
    from cityward.city import City

CLOSED: Final = 499
"""Status of a request whose client went away, in figures and logs alone; no answer bears it."""

UNMATCHED: Final = "(none)"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SOURCES_MAX: Final = 200
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Measured:
    """ASGI middleware: counts and times requests, and tells each in a line if asked to.

    Parameters
    ----------
    app : ASGI application
    registry : CollectorRegistry
        Where the figures are kept.
    log : bool
        Whether each request is told on the standard error.
    kept : Log
        Where it is kept that a request was turned away, or broke.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, *, log: bool, kept: Log) -> None:
        self._app, self._log, self._clock, self._kept = app, log, Clock(), kept
        self._away = Counter(
            "cityward_turned_away", "Requests that were refused, or broke.", ("event", "rule"), registry=registry
        )
        labels = ("route", "method", "status")
        self._count = Counter("cityward_http_requests", "Requests answered.", labels, registry=registry)
        self._time = Histogram(
            "cityward_http_request_duration_seconds",
            "Time from a request to the end of its answer.",
            ("route", "method"),
            buckets=_BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, request = monotonic(), 500, secrets.token_hex(8)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request.encode())]}
            await send(message)

        broke = ""
        try:
            await self._app(scope, receive, told)
        except ClientDisconnect:
            status = CLOSED  # whoever asked went away: nobody is there to be answered, and nothing broke
        except Exception as error:
            broke = type(error).__name__
            raise
        finally:
            seconds = monotonic() - began
            route = getattr(scope.get("route"), "path", None) or UNMATCHED
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._count.labels(route, method, f"{status // 100}xx").inc()
            self._time.labels(route, method).observe(seconds)
            self._note(scope, route, status, broke)
            if self._log:
                self._tell(request, route, method, status, seconds)

    def _note(self, scope: Scope, route: str, status: int, broke: str) -> None:
        """Keep that a request was turned away by a rule or a check, or met a defect."""
        event: Event | Literal[""]
        event, rule = scope.get(AWAY) or ("", "")
        if broke or status == 500:
            event, rule = "unexpected error", broke or "Defect"
        elif not event and status in (408, 413):  # a body that went over its bounds while it was read
            event, rule = "around a control", str(status)
        if event:
            self._away.labels(event, rule).inc()
            self._kept.note(event, rule, route)

    def _tell(self, request: str, route: str, method: str, status: int, seconds: float) -> None:
        line = {
            "at": self._clock.now(),
            "event": "request",
            "request": request,
            "route": route,
            "method": method,
            "status": status,
            "duration_ms": round(1_000 * seconds, 2),
        }
        sys.stderr.write(msgspec.json.encode(line).decode() + "\n")


class _OfCity(Collector):
    """What is read from the city when somebody asks."""

    def __init__(self, city: City) -> None:
        self._city = city

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of the moment."""
        yield _gauge("cityward_ledger_entries", "Entries of the ledger.", self._city.ledger_size)
        yield self._rows()
        alerts = GaugeMetricFamily("cityward_security_alerts", "Alerts that stand open.", labels=["kind"])
        kinds = [one.kind for one in self._city.alerts.open()]
        for kind in DUTIES:
            alerts.add_metric([kind], kinds.count(kind))
        yield alerts
        yield from self._watch()
        yield from self._drill()
        copied = self._city.backups.remembered()
        if copied is not None:
            at = copied.copied_at.timestamp()
            yield _gauge("cityward_backup_copied_timestamp_seconds", "Moment of the newest copy.", at)

    def _rows(self) -> Metric:
        rows = GaugeMetricFamily("cityward_intake_rows", "Rows that came in.", labels=["source", "outcome"])
        for one in self._city.conservation()["by_source"][:SOURCES_MAX]:
            for outcome in ("admitted", "quarantined", "refused"):
                rows.add_metric([one["source"], outcome], one[outcome])
        return rows

    def _watch(self) -> Iterator[Metric]:
        watched, held = self._city.watched, self._city.isolation.held
        yield _gauge("cityward_isolated", "1 while nothing is written, since the files look attacked.", int(bool(held)))
        yield _gauge(
            "cityward_watch_deaths", "Times that the watch over the files died since the start.", watched.deaths
        )
        if watched.looked_at is not None:
            at = watched.looked_at.timestamp()
            yield _gauge("cityward_watch_looked_timestamp_seconds", "Moment of its last look.", at)

    def _drill(self) -> Iterator[Metric]:
        last = self._city.drills.last()
        if last is None:
            return
        prefix = "cityward_drill"
        yield _gauge(f"{prefix}_timestamp_seconds", "End of the last drill of ransomware.", last.ended_at.timestamp())
        yield _gauge(f"{prefix}_passed", "1 when it met every target.", int(last.passed))
        names = {"RPO, acknowledged reports lost": "rpo_reports", "RTO, alarm to first right answer": "rto_seconds"}
        for name, called in names.items():
            measured = last.measured(name)
            if measured is not None:
                yield _gauge(f"{prefix}_{called}", f"Of the last drill: {name}.", measured)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def add_metrics(app: FastAPI, city: City, *, log: bool = False) -> None:
    """Add the address ``/metrics``, and measure every request of ``app``.

    Called last, so that what other middleware refuses counts too.
    """
    registry = CollectorRegistry()
    registry.register(_OfCity(city))
    app.add_middleware(Measured, registry=registry, log=log, kept=city.turned_away)

    @app.get(
        "/metrics",
        tags=["city"],
        summary="Figures for Prometheus; from this machine, or with a token",
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)
