"""The ledger for monitors and witnesses, as C2SP tlog-tiles says: ``/ledger/checkpoint`` and ``/ledger/tile/…``."""

from __future__ import annotations

import gzip
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from cityward.api.problems import problem
from cityward.city import City

_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_FRESH: Final = {"cache-control": "no-cache"}
_LASTING: Final = {"cache-control": "public, max-age=31536000, immutable"}


def add_ledger(app: FastAPI, city: City) -> None:
    """Add the routes; a prefix for clients is the address of the city and ``/ledger``."""

    @app.get(
        "/ledger/checkpoint",
        tags=["answer"],
        summary="The signed checkpoint (C2SP tlog-checkpoint)",
        response_class=PlainTextResponse,
    )
    def checkpoint() -> Response:
        note = city.checkpoint()
        if not note:
            return problem(404, "The ledger has no entry yet.")
        return Response(note, media_type=_TEXT, headers=_FRESH)

    @app.get(
        "/ledger/handovers",
        tags=["answer"],
        summary="How each key of the ledger came after the one before: signed notes, 0x00 after each",
        response_class=PlainTextResponse,
    )
    def handovers() -> Response:
        notes = city.ledger_keys.handovers()
        return Response("".join(f"{note}\0" for note in notes), media_type=_TEXT, headers=_FRESH)

    @app.get(
        "/ledger/tile/{place:path}",
        tags=["answer"],
        summary="Hashes and entries (C2SP tlog-tiles)",
        response_class=Response,
        responses={200: {"content": {_BYTES: {}}}},
    )
    def tile(place: str, request: Request) -> Response:
        data = city.ledger_tile(f"tile/{place}")
        if data is None:
            return problem(404, "The ledger has no such tile.", headers=_FRESH)
        headers = dict(_LASTING)
        if place.startswith("entries/"):
            headers["vary"] = "accept-encoding"
            accepted = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
            if "gzip" in accepted:
                headers["content-encoding"] = "gzip"
                data = gzip.compress(data, mtime=0)
        return Response(data, media_type=_BYTES, headers=headers)
