"""The page *Account*: by what I sign in, and where I am signed in.

Enters: forms of a person who is signed in. Leaves: what is set, by kind, and sessions by kind of browser. Never: shows
a secret twice, or changes a way to sign in for somebody who did not prove just now who they are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from cityward.console.sign_in_forms import HEADERS, Desk, form_of, script_of, status_of, told
from cityward.console.sign_in_pages import posted
from cityward.console.tongue import say, say_many
from cityward.core.clock import micros
from cityward.core.errors import Refused, UserError
from cityward.core.principal import Principal
from cityward.secure.access.records import NotRecognised

if TYPE_CHECKING:
    from cityward.console.pages import Console

_AGAIN = "/sign-in?next=/account"


class Account:
    """The pages of somebody who is signed in."""

    def __init__(self, console: Console) -> None:
        self._console, self._desk = console, Desk(console)

    def show(self, request: Request, *, problem: str = "", status: int = 200, done: str = "") -> Response:
        """The page."""
        who = self._desk.who(request)
        if who is None:
            return RedirectResponse(_AGAIN, 303, HEADERS)
        access = self._desk.access
        mine = access.ways.of(who.id)
        used = [one.used_at for one in mine if one.used_at and one.kind == "password"]
        since = max(used, default=datetime(1970, 1, 1, tzinfo=UTC))
        return self._desk.page(
            request,
            "account.html",
            status,
            who=who,
            ways=mine,
            kinds={one.kind for one in mine},
            recent=self._desk.is_recent(who),
            minutes=access.settings.strong_minutes,
            sessions=access.sessions.of(who.id),
            tried=access.throttle.failures_since(who.name, micros(since)),
            token=access.form_token(who),
            passkeys=access.site(request.headers.get("host", "")) is not None,
            problem=problem,
            done=done,
        )

    def app(self, request: Request, sealed: str = "", problem: str = "", status: int = 200) -> Response:
        """The page on which an app of one-time codes is set up."""
        who = self._desk.who(request)
        if who is None or not self._desk.is_recent(who):
            return RedirectResponse(_AGAIN, 303, HEADERS)
        access = self._desk.access
        return self._desk.page(
            request,
            "account_app.html",
            status,
            app=access.signing.new_app(access.people.get(who.id), sealed),
            has_password=access.ways.password(who.id) is not None,
            token=access.form_token(who),
            problem=problem,
        )

    # -- changes -----------------------------------------------------------------------------------

    def _sender(self, request: Request, sent: dict[str, str]) -> Principal:
        """Who sent a form of theirs; raises `NotRecognised`."""
        who = self._desk.who(request)
        if who is None or not self._desk.is_own(request, who, sent.get("token", "")):
            raise NotRecognised(say("You are not signed in any more."), say("Sign in again."))
        return who

    def _strong(self, request: Request, sent: dict[str, str]) -> Principal:
        """As `_sender`, of somebody who proved just now who they are."""
        who = self._sender(request, sent)
        if not self._desk.is_recent(who):
            raise Refused(
                "sign-in-again", say("This asks for your sign-in once more."), say("Sign in again, then repeat it.")
            )
        return who

    def change(self, request: Request, body: bytes) -> Response:
        """Take a form of the page; ``act`` says which."""
        sent = form_of(body)
        acts: dict[str, Callable[[Request, dict[str, str]], Response]] = {
            "sign-out": self._sign_out,
            "everywhere": self._everywhere,
            "end": self._end,
            "others": self._others,
            "remove": self._remove,
            "password": self._password,
            "app": self._app,
            "paper": self._paper,
        }
        take = acts.get(sent.get("act", ""))
        if take is None:
            return self.show(request, status=422, problem=say("Choose one of the buttons."))
        try:
            answer = take(request, sent)
        except NotRecognised as error:
            if self._desk.who(request) is None:
                return RedirectResponse(_AGAIN, 303, HEADERS)
            return self.show(request, status=status_of(error), problem=told(error))
        except (UserError, Refused) as error:
            if sent["act"] == "app" and isinstance(error, UserError):
                return self.app(request, sent.get("app", ""), told(error), status_of(error))
            return self.show(request, status=status_of(error), problem=told(error))
        self._console.city.settle_access()
        return answer

    def _sign_out(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._sender(request, sent)
        self._desk.access.sessions.revoke(who.session, who.id)
        return self._desk.signed_out()

    def _everywhere(self, request: Request, sent: dict[str, str]) -> Response:
        self._desk.access.sessions.revoke_all(self._sender(request, sent).id)
        return self._desk.signed_out()

    def _end(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        self._desk.access.sessions.revoke(sent.get("session", ""), who.id)
        return self.show(request, done=say("That session is over."))

    def _others(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        ended = self._desk.access.sessions.revoke_all(who.id, but=who.session)
        return self.show(request, done=_ended(ended) or say("You are signed in nowhere else."))

    def _remove(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        self._desk.access.signing.remove(who, sent.get("way", ""))
        return self._changed(request, who, sent, say("It counts no more."))

    def _password(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        access = self._desk.access
        access.signing.change_password(who, sent.get("current", ""), sent.get("new", ""), self._desk.visit(request))
        return self._changed(request, who, sent, say("The new password counts from now on."))

    def _changed(self, request: Request, who: Principal, sent: dict[str, str], done: str) -> Response:
        return self.show(request, done=f"{done} {_ended(self._end_others(who, sent))}".strip())

    def _end_others(self, who: Principal, sent: dict[str, str]) -> int:
        """End the other sessions where the form says so; how many there were."""
        if sent.get("others") != "end":
            return 0
        return self._desk.access.sessions.revoke_all(who.id, but=who.session)

    def _app(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        paper = self._desk.access.signing.set_password_and_app(
            who, sent.get("password", ""), sent.get("app", ""), sent.get("code", "")
        )
        self._end_others(who, sent)
        return self._desk.page(request, "paper.html", paper=paper)

    def _paper(self, request: Request, sent: dict[str, str]) -> Response:
        who = self._strong(request, sent)
        paper = self._desk.access.signing.new_paper(who)
        self._end_others(who, sent)
        return self._desk.page(request, "paper.html", paper=paper)

    # -- passkeys, by the page's script ------------------------------------------------------------

    def passkey_options(self, request: Request, body: bytes) -> Response:
        """What the browser asks an authenticator to make."""
        script_of(request, body)
        who = self._strong(request, {"token": request.headers.get("x-form-token", "")})
        access = self._desk.access
        options, flow = access.passkeys.make(access.people.get(who.id), self._desk.site(request))
        return self._desk.going(Response(options, media_type="application/json", headers=HEADERS), flow)

    def passkey(self, request: Request, body: bytes) -> Response:
        """Take the passkey that was made."""
        sent = script_of(request, body)
        who = self._strong(request, {"token": request.headers.get("x-form-token", "")})
        self._desk.access.signing.add_passkey(
            who, self._desk.site(request), self._desk.flow(request), sent.answer, sent.label
        )
        self._console.city.settle_access()
        return Response(b'{"next": "/account"}', media_type="application/json", headers=HEADERS)


def _ended(count: int) -> str:
    return say_many("%(num)s other session ended.", "%(num)s other sessions ended.", count) if count else ""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/account``."""
    pages, desk = Account(console), Desk(console)

    @router.get("/account")
    def show(request: Request) -> Response:
        return pages.show(request)

    @router.get("/account/app")
    def app(request: Request) -> Response:
        return pages.app(request)

    scripts: dict[str, Callable[[Request, bytes], Any]] = {
        "/account/passkey/options": pages.passkey_options,
        "/account/passkey": pages.passkey,
    }
    router.post("/account")(posted(pages.change))
    for path, take in scripts.items():
        router.post(path)(posted(take, desk))
