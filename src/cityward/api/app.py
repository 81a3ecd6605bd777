"""The application: routes of the management API and the intake."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import Body, FastAPI, Query, Request
from starlette.responses import PlainTextResponse, Response

from cityward import __version__
from cityward.api.doors import DOORS
from cityward.api.gate import Gate
from cityward.api.isolated import Isolated
from cityward.api.ledger import add_ledger
from cityward.api.metrics import add_metrics
from cityward.api.orders import add_orders
from cityward.api.problems import add_problems, problem
from cityward.api.shield import Shield
from cityward.city import City
from cityward.core.errors import UserError
from cityward.core.limits import BODY_BYTES, PAGE_ROWS

INTAKE_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json")
SENDERS = 64
"""Larger requests that are decoded and wait for the writer at once; more wait in the server's own queue."""

_NDJSON = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"id": "1", "opened": "2014-06-30"}\n',
            }
        },
    }
}
"""How the description of a route of the intake tells what it takes."""

Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS)]
Offset = Annotated[int, Query(ge=0, le=10**9)]


def answer(value: Any, status: int = 200) -> Response:
    """Return records as JSON, encoded without a detour."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def create_app(
    city: City,
    *,
    hosts: Sequence[str] | None = None,
    gate: bool = False,
    here: bool = False,
    log: bool = False,
    only_proxies: bool = False,
) -> FastAPI:
    """Return the API of ``city``.

    Parameters
    ----------
    city : City
        Open; the caller closes it.
    hosts : sequence of str, optional
        Host names that are answered; default all.
    gate : bool
        Whether each request must be permitted (`cityward.api.gate.Gate`). Without it nobody signs in, and the caller
        sees to it that nobody but themselves reaches the app.
    here : bool
        Whether it listens on the loopback address alone, where the settings may say that nobody signs in.
    log : bool
        Whether each request is told in a line of JSON on the standard error.
    only_proxies : bool
        Whether it speaks plain http behind the proxies of the settings, and so answers nobody but them and this
        machine.
    """
    app = FastAPI(
        title="cityward",
        version=__version__,
        description="What a territory's people need, found and answered for. Errors are RFC 9457 problem documents.",
        docs_url=None,
        redoc_url=None,
    )
    add_problems(app)
    _add_intake(app, city)
    _add_findings(app, city)
    _add_sensors(app, city)
    _add_decisions(app, city)
    add_orders(app, city)
    _add_evidence(app, city)
    add_ledger(app, city)
    app.state.doors = dict(DOORS)
    app.add_middleware(Isolated, city=city)
    if gate:
        app.add_middleware(Gate, city=city, open_here=here)
    app.add_middleware(Shield, hosts=hosts, proxies=city.settings.access.proxies, only_proxies=only_proxies)
    add_metrics(app, city, log=log)
    return app


def _add_intake(app: FastAPI, city: City) -> None:
    senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="cityward-intake")

    @app.post(
        "/api/sources/{source}/interactions",
        tags=["intake"],
        summary="Take in interactions as NDJSON; answers once they are durable",
        openapi_extra=_NDJSON,
    )
    @app.post(
        "/api/sources/{source}/observations",
        tags=["intake"],
        summary="Take in observations, likewise",
        openapi_extra=_NDJSON,
    )
    async def take(source: str, request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in INTAKE_TYPES:
            return problem(
                415, f"'{kind[:60]}' is not taken in.", remedy="Send application/x-ndjson, one object a line."
            )
        body = await request.body()
        coding = request.headers.get("content-encoding", "identity")
        if coding == "gzip":
            body = await anyio.to_thread.run_sync(_expanded, body)
        elif coding != "identity":
            return problem(415, "Only gzip is expanded.", remedy="Send it plain or with gzip.")
        if city.takes(body):
            intake = await asyncio.wrap_future(city.take_soon(source, body))
        else:
            intake = await asyncio.get_running_loop().run_in_executor(senders, city.take, source, body)
        return answer({**msgspec.structs.asdict(intake), "admitted": intake.admitted})

    @app.get("/api/intake", tags=["intake"], summary="The conservation sum, and batches newest first")
    def intake(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer({"conservation": city.conservation(), "batches": city.intakes(limit, offset)})

    @app.get("/api/quarantine", tags=["intake"], summary="Rows that wait to be mended")
    def quarantine(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer(city.quarantine(limit, offset))

    @app.get("/api/refusals", tags=["intake"], summary="What the door refused")
    def refusals() -> Response:
        return answer(city.refusals()[:PAGE_ROWS])


def _expanded(body: bytes) -> bytes:
    """Return a gzip body expanded, never beyond the limit of a plain one."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            plain = file.read(BODY_BYTES + 1)
    except (OSError, EOFError) as error:
        raise UserError(f"The body is not valid gzip ({type(error).__name__}).", "Send it again, or plain.") from None
    if len(plain) > BODY_BYTES:
        raise UserError(f"The body expands to more than {BODY_BYTES // 2**20} MB.", "Send it in parts.")
    return plain


def _add_findings(app: FastAPI, city: City) -> None:
    @app.get("/api/health", tags=["city"], summary="Whether the city answers, and what it knows last")
    def health() -> Response:
        turn = city.turn()
        return answer({"city": city.name, "version": __version__, "as_of": turn.as_of if turn else None})

    @app.get("/api/territories", tags=["city"], summary="Territories of a level")
    def territories(level: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        return answer(city.territories(level))

    @app.get("/api/needs", tags=["know"], summary="Needs of the last turn, the rarest by chance first")
    def needs(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer(city.need_list()[offset : offset + limit])

    @app.get("/api/needs/{identifier}", tags=["know"], summary="One need")
    def need(identifier: str) -> Response:
        return answer(city.need(identifier))

    @app.get("/api/needs/{identifier}/evidence", tags=["know"], summary="The interactions that a need counts")
    def evidence(identifier: str, limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer(city.evidence.of(identifier, limit, offset))

    @app.get("/api/silences", tags=["know"], summary="Silent places of the last turn")
    def silences() -> Response:
        return answer(city.silences())

    @app.get("/api/warnings", tags=["anticipate"], summary="Open warnings; what is asked beside what can be done")
    def warnings(
        service: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 50, offset: Offset = 0
    ) -> Response:
        rows = [row for row in city.outlook().to_dicts() if service in (None, row["service"])]
        found = [one for one in city.warnings() if service in (None, one.service)]
        return answer({"warnings": found, "outlook": rows[offset : offset + limit]})

    @app.get("/api/forecast", tags=["anticipate"], summary="Forecast of a service and territory, with backtests")
    def forecast(
        service: Annotated[str, Query(max_length=200)], territory: Annotated[str, Query(max_length=200)]
    ) -> Response:
        days = city.forecast(service, territory).to_dicts()
        return answer({"days": days, "backtests": city.backtests()})


def _add_sensors(app: FastAPI, city: City) -> None:
    @app.get("/api/alerts", tags=["know"], summary="Alerts of the last watch, the gravest open ones first")
    def alerts(
        state: Annotated[str | None, Query(pattern="^(open|cleared)$")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        told = city.observing.told()
        cleared = [alert for alert in (told.alerts if told else ()) if alert.cleared_at][::-1]
        lasting = list(told.open if told else ())
        shown = {None: lasting + cleared, "open": lasting, "cleared": cleared}[state]
        return answer([{"state": alert.state, **msgspec.structs.asdict(alert)} for alert in shown[offset:][:limit]])

    @app.get("/api/sensors", tags=["know"], summary="Streams with their last value, its age and their state")
    def sensors(limit: Limit = 50, offset: Offset = 0) -> Response:
        frame = city.observing.sensors()
        return answer(frame.slice(offset, limit).to_dicts())

    @app.post("/api/watch", tags=["city"], summary="Watch the sensors up to now, or to a moment", status_code=201)
    def watch(until: Annotated[datetime | None, Body(embed=True)] = None) -> Response:
        if until is not None and until.tzinfo is None:
            raise UserError("The moment has no offset from UTC.", "Write 2026-03-08T12:00:00Z.")
        return answer(city.observing.watch(until), 201)


def _add_decisions(app: FastAPI, city: City) -> None:
    @app.get("/api/proposals", tags=["act"], summary="Proposals, optionally of one state")
    def proposals(
        state: Annotated[str | None, Query(pattern="^(waiting|approved|rejected)$")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        return answer(city.proposals(state)[offset : offset + limit])

    @app.post(
        "/api/proposals/{identifier}/decision", tags=["act"], summary="Approve or reject a proposal as a named person"
    )
    def decide(
        request: Request,
        identifier: str,
        outcome: Annotated[str, Body(pattern="^(approved|rejected)$")],
        because: Annotated[str, Body(max_length=4_000)],
        by: Annotated[str, Body(max_length=200)] = "",
        option: Annotated[int | None, Body(ge=1, le=100)] = None,
    ) -> Response:
        asker = getattr(request.state, "asker", None)
        name = by if asker is None else asker.name(by)
        return answer(city.decide(identifier, outcome, name, because, option), 201)  # type: ignore[arg-type]

    @app.get("/api/decisions", tags=["act"], summary="Decisions, newest first")
    def decisions(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer(city.decisions()[offset : offset + limit])

    @app.get("/api/outcomes", tags=["act"], summary="What came of decisions, the newest action first")
    def outcomes(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer({"sums": city.outcomes.sums(), "outcomes": city.outcomes.all()[offset : offset + limit]})

    @app.post("/api/turns", tags=["city"], summary="Take one turn of the loop", status_code=201)
    def run(
        as_of: Annotated[date | None, Body()] = None, seed: Annotated[int | None, Body(ge=0, le=2**62)] = None
    ) -> Response:
        return answer(city.run(as_of, seed), 201)


def _add_evidence(app: FastAPI, city: City) -> None:
    @app.get("/api/explain/{identifier}", tags=["answer"], summary="Why, from stored evidence alone")
    def explain(identifier: str) -> Response:
        return answer(city.explain(identifier))

    @app.get(
        "/api/ledger/checkpoint",
        tags=["answer"],
        summary="The signed checkpoint of the ledger",
        response_class=PlainTextResponse,
    )
    def checkpoint() -> Response:
        return Response(city.checkpoint(), media_type="text/plain; charset=utf-8")

    @app.get("/api/ledger/entries", tags=["answer"], summary="Entries of the ledger")
    def entries(limit: Limit = 50, offset: Offset = 0) -> Response:
        return answer(city.ledger_entries(offset, limit))

    @app.get("/api/verify", tags=["answer"], summary="Re-compute the whole ledger")
    def verify() -> Response:
        return answer(city.verify())
