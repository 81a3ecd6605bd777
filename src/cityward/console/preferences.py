"""Light or dark, and which language: what somebody chose, in cookies that prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import LANGUAGES
from cityward.secure.access.access import LANGUAGE_COOKIE, SECURE, THEME_COOKIE

if TYPE_CHECKING:
    from cityward.city import City

THEMES: Final = ("light", "dark", "auto")
LASTS_SECONDS: Final = 31_536_000
CHOICES: Final = {THEME_COOKIE: THEMES, LANGUAGE_COOKIE: tuple(LANGUAGES)}
"""What can be chosen, by the name of its cookie and of its field; the last theme and the first language are usual."""


def theme_of(request: Request, city: City) -> str:
    """The theme that was chosen; ``auto`` without one, and for whatever else stands there."""
    chosen = request.cookies.get(_name(THEME_COOKIE, _is_secure(request, city)), "auto")
    return chosen if chosen in THEMES else "auto"


def choose(request: Request, body: bytes, city: City) -> Response:
    """Keep what was chosen, and go back to the page on which it was; what cannot be chosen changes nothing."""
    asked = first_of(fields_of(body, 4))
    back = urlsplit(request.headers.get("referer", "/"))
    path = "/" + back.path.replace("\\", "/").lstrip("/")  # of this site, however it is written
    query = "&".join(one for one in back.query.split("&") if one and not one.startswith("lang="))
    answer = RedirectResponse(path + (f"?{query}" if query else ""), 303)
    secure = _is_secure(request, city)
    for cookie, allowed in CHOICES.items():
        if (chosen := asked.get(cookie)) in allowed:
            answer.set_cookie(
                _name(cookie, secure), chosen, max_age=LASTS_SECONDS, path="/", secure=secure, httponly=True,
                samesite="strict",
            )  # fmt: skip
    return answer


def _name(cookie: str, secure: bool) -> str:
    return f"{SECURE}{cookie}" if secure else cookie


def _is_secure(request: Request, city: City) -> bool:
    """Whether the browser speaks https: to us, or to the proxy before us."""
    return request.url.scheme == "https" or (city.settings.access.origin or "").startswith("https://")
