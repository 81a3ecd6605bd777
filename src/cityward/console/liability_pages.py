"""The page of a liability file: who held which duty for a decision, what happened, and what was on record before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from cityward.answerable.liability.readable import STATES_ONLY, readable, told_incident
from cityward.console.tongue import gettext, listed, say

if TYPE_CHECKING:
    from cityward.console.pages import Console
    from cityward.core.liability import LiabilityFile


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/liability/{decision}``, and what seals it into a file to take away."""

    @router.get("/liability/{decision}")
    def page(request: Request, decision: str) -> HTMLResponse:
        city = console.city
        file = city.liability.file(decision)
        now, zone = city.clock.now(), city.time_zone
        clocks = [(one, told_incident(one, zone, now), one.hours_left(now) < 0) for one in file.incidents]
        sections = {one.heading: one.lines for one in readable(file).sections}

        def lines(heading: str) -> list[str]:
            # Texts stand on the page itself, not in files beside it.
            return [line for line in sections[heading] if not line.startswith("Its whole text is in ")]

        return console.page(
            request, "liability.html", file=file, headline=headline(file), states=STATES_ONLY, clocks=clocks,
            rule_lines=lines("Which version of the rule"), system_lines=lines("Which version of the system"),
        )  # fmt: skip

    @router.post("/liability/{decision}")
    async def seal(decision: str) -> Response:
        # Sealing leaves a receipt, so it is asked for with a button and not with an address.
        file, data = await run_in_threadpool(console.city.liability.seal, decision)
        headers: dict[str, Any] = {"content-disposition": f'attachment; filename="liability-{file.decision}.zip"'}
        return Response(data, media_type="application/zip", headers=headers)


def headline(file: LiabilityFile) -> str:
    """The finding: whether every duty had been accepted when it was decided."""
    if not file.duties:
        return say("No version of the system is on record, so no duty can be told")
    lacking = file.unaccepted
    if not lacking:
        return say("Every duty had been accepted when this was decided")
    if len(lacking) == 1:
        return say("When this was decided nobody had accepted the duty of %(duty)s", duty=gettext(lacking[0]))
    duties = listed([gettext(one) for one in lacking])
    return say("When this was decided nobody had accepted the duties of %(duties)s", duties=duties)
