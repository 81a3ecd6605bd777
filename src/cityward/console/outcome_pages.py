"""What is shown of outcomes: a list of all, with how many could be told from chance."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cityward.act.outcome import FEWEST_DAYS


def mount(router: APIRouter, console: Any) -> None:
    """Add ``/outcomes``."""

    @router.get("/outcomes")
    def outcomes(request: Request) -> HTMLResponse:
        found = console.city.outcomes
        page: HTMLResponse = console.page(
            request, "outcomes.html", outcomes=found.all(), sums=found.sums(), fewest=FEWEST_DAYS
        )
        return page
