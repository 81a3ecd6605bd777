"""Errors as problem documents (Source: RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cityward.core.errors import CityBusy, CityIsolated, CitywardError, Refused, StoreError, UnknownId, UserError

_STATUS: list[tuple[type[Exception], int]] = [
    (UnknownId, 404),
    (CityBusy, 503),
    (UserError, 422),
    (Refused, 409),
    (StoreError, 503),
    (CitywardError, 500),
]


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem document; ``remedy`` says what to do next."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    remedy: str = ""
    rule: str = ""


BUSY_WAIT_SECONDS: Final = 5
ISOLATED_WAIT_SECONDS: Final = 60
"""What senders are told to wait: a person has to look at the city first."""
AWAY: Final = "cityward.turned_away"
"""Under which the scope of a request says that it was turned away: the kind of event, and the rule or check."""

MEDIA: Final = "application/problem+json"

DETAIL_CHARS: Final = 2_000
"""Longest detail: what was sent may be quoted in it, and is not sent back whole."""


def problem(status: int, detail: str, *, remedy: str = "", rule: str = "", headers: Any = None) -> Response:
    """Return an RFC 9457 response."""
    told = detail if len(detail) <= DETAIL_CHARS else f"{detail[:DETAIL_CHARS]}…"
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=told, remedy=remedy, rule=rule)
    return Response(msgspec.json.encode(body), status, media_type=MEDIA, headers=headers)


def of_error(error: CitywardError) -> Response:
    """Return the response for an error of ours."""
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    what = getattr(error, "what", str(error))
    wait = ISOLATED_WAIT_SECONDS if isinstance(error, CityIsolated) else BUSY_WAIT_SECONDS
    headers = {"Retry-After": str(wait)} if status == 503 else None
    return problem(status, what, remedy=getattr(error, "remedy", ""), rule=getattr(error, "rule", ""), headers=headers)


def add_problems(app: FastAPI) -> None:
    """Make every error of ``app`` below ``/api`` a problem document."""

    @app.exception_handler(CitywardError)
    async def ours(_: Request, error: CitywardError) -> Response:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5])
        return problem(422, told, remedy="See /openapi.json for what is expected.")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> Response:
        return problem(500, f"This is a defect of cityward ({type(error).__name__}).", remedy="Please report it.")

    _describe(app)


def _describe(app: FastAPI) -> None:
    """Let the API's description say what every route answers when it says no."""
    written = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = written()
        (_, schemas) = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
        parts = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        parts.update(schemas)
        answer = {
            "description": "A problem document (RFC 9457)",
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"] = {
                    status: told for status, told in operation["responses"].items() if status != "422"
                } | {"4XX": answer, "503": answer}
        return document

    app.openapi = described  # type: ignore[method-assign]
