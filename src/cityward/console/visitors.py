"""Who looks at a page without saying who he is: from which address, and in which language."""

from __future__ import annotations

from fastapi import Request

from cityward.console.tongue import LANGUAGES


def address_of(request: Request) -> str:
    """The other end of the connection; empty where there is none."""
    return request.client.host if request.client else ""


def language_asked(request: Request) -> str:
    """The language of a page of residents: as `language_of` for ``?lang=`` and ``Accept-Language``."""
    return language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def language_of(asked: str | None, accepted: str) -> str:
    """The language of a page: the one asked for, else the first of the browser's that we have, else English."""
    if asked in LANGUAGES:
        return str(asked)
    wanted = (part.split(";")[0].strip().lower()[:2] for part in accepted.split(",")[:10])
    return next((code for code in wanted if code in LANGUAGES), "en")
