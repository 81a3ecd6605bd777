"""The HTTP side of a witness (C2SP tlog-witness): ``POST /add-checkpoint``, and what it saw last of a log."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cityward.api.shield import BodyTooLarge, Shield
from cityward.core.errors import StoreError
from cityward.secure.witness import BODY_BYTES_MAX, TEXT_TYPE, Answer, Witness


def create_witness_app(witness: Witness) -> Starlette:
    """The application of ``witness``; nobody signs in, for a checkpoint is signed itself."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES_MAX:
                    break
            found = await run_sync(witness.add_checkpoint, bytes(body))
        except BodyTooLarge:
            found = Answer(400, "The request is too large.\n")
        except StoreError as error:
            found = Answer(503, f"{error}\n")
        # As it is written in the specification: Starlette would add a charset to every text.
        return Response(found.text, found.status, headers={"content-type": found.media_type})

    async def seen(request: Request) -> Response:
        note = await run_sync(witness.seen, request.path_params["digest"])
        return Response(
            note or "Nothing of that log was seen.\n",
            200 if note else 404,
            media_type=TEXT_TYPE,
            headers={"cache-control": "no-store"},
        )

    app = Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/checkpoint/{digest}", seen, methods=["GET"]),
        ]
    )
    app.add_middleware(Shield, hosts=None)
    return app
