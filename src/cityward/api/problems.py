"""Errors as problem documents (Source: RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cityward.core.errors import CityBusy, CitywardError, Refused, StoreError, UnknownId, UserError

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


def problem(status: int, detail: str, *, remedy: str = "", rule: str = "", headers: Any = None) -> Response:
    """Return an RFC 9457 response."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, remedy=remedy, rule=rule)
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json", headers=headers)


def of_error(error: CitywardError) -> Response:
    """Return the response for an error of ours."""
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    what = getattr(error, "what", str(error))
    headers = {"Retry-After": "5"} if status == 503 else None
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
