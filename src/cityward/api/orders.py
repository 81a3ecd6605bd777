"""Work orders over HTTP: what is out, and the status that receivers send back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from cityward.act.send.signing import Unsigned
from cityward.api.problems import problem
from cityward.city import City
from cityward.city.sending import REPORT_BYTES_MAX
from cityward.core.limits import PAGE_ROWS

Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS)]
Offset = Annotated[int, Query(ge=0, le=10**9)]
_TOO_LARGE = "A status may have at most 64 KB."


def add_orders(app: FastAPI, city: City) -> None:
    """Add the routes of work orders to ``app``."""

    @app.get("/api/orders", tags=["act"], summary="Work orders, newest first, optionally of one state")
    def orders(
        state: Annotated[str | None, Query(max_length=20)] = None, limit: Limit = 50, offset: Offset = 0
    ) -> Response:
        return _answer(city.orders.list(state)[offset : offset + limit])

    @app.get("/api/orders/{identifier}", tags=["act"], summary="One work order with every step of its life")
    def order(identifier: str) -> Response:
        return _answer(city.orders.get(identifier))

    @app.post(
        "/api/orders/{identifier}/status",
        tags=["act"],
        summary="Report that an order is accepted or done; signed as Standard Webhooks 1.0 asks",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "required": ["order", "state"]},
                        "example": {"order": "W-3f9c21d07a", "state": "done", "by": "Crew 4", "because": "Removed"},
                    }
                },
            }
        },
    )
    async def status(identifier: str, request: Request) -> Response:
        body = await request.body()
        if len(body) > REPORT_BYTES_MAX:
            return problem(413, _TOO_LARGE)
        try:
            return _answer(await run_in_threadpool(city.orders.sender.callback, identifier, request.headers, body))
        except Unsigned as error:
            return problem(401, error.what, remedy=error.remedy, rule=error.rule)


def _answer(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
