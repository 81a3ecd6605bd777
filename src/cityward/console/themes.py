"""Light, dark, or as the system says: what somebody chose, in a cookie that proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from cityward.console.forms import fields_of, first_of

if TYPE_CHECKING:
    from cityward.city import City

THEMES: Final = ("light", "dark", "auto")
LASTS_SECONDS: Final = 31_536_000
COOKIE: Final = "theme"
SECURE: Final = "__Host-"
"""Before its name on https, as of every other cookie: a browser takes it from this host alone then."""


def theme_of(request: Request, city: City) -> str:
    """The theme that was chosen; ``auto`` without one, and for whatever else stands there."""
    chosen = request.cookies.get(_name(_is_secure(request, city)), "auto")
    return chosen if chosen in THEMES else "auto"


def choose(request: Request, body: bytes, city: City) -> Response:
    """Keep what was chosen, and go back to the page on which it was."""
    asked = first_of(fields_of(body, 4)).get("theme", "")
    back = urlsplit(request.headers.get("referer", "/"))
    path = "/" + back.path.replace("\\", "/").lstrip("/")  # of this site, however it is written
    answer = RedirectResponse(path + (f"?{back.query}" if back.query else ""), 303)
    secure = _is_secure(request, city)
    answer.set_cookie(
        _name(secure), asked if asked in THEMES else "auto", max_age=LASTS_SECONDS, path="/", secure=secure,
        httponly=True, samesite="strict",
    )  # fmt: skip
    return answer


def _name(secure: bool) -> str:
    return f"{SECURE}{COOKIE}" if secure else COOKIE


def _is_secure(request: Request, city: City) -> bool:
    """Whether the browser speaks https: to us, or to the proxy before us."""
    return request.url.scheme == "https" or (city.settings.access.origin or "").startswith("https://")
