"""Work: the orders that are out, what became of each, and how the messages about them fare."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.act import orders as life
from cityward.city.crew_names import crew_namer
from cityward.console import words
from cityward.console.asking import signed
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import english, marked, marked_many, problem_of, say, say_many
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.work import Message, WorkOrder

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

SHOWN: Final = 50
"""Most orders of one state on the page; the newest are the ones that somebody looks for."""

HEADINGS: Final = {
    "reopened": marked("Reopened: done, and not fixed"),
    "done": marked("Done by the worker's word; a resident is asked"),
    "planned": marked("Planned, not sent yet"),
    "sent": marked("Sent, not accepted yet"),
    "accepted": marked("Accepted"),
    "confirmed": marked("Confirmed as fixed"),
    "cancelled": marked("Cancelled"),
}
BUTTONS: Final = {
    "accepted": marked("Accepted"),
    "done": marked("Done"),
    "confirmed": marked("I looked: it is fixed"),
    "reopened": marked("I looked: it is not fixed"),
    "cancelled": marked("Cancel the order"),
}
FORM_BYTES: Final = 64 * 2**10


class OrderPages:
    """The page of all orders and the page of one."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def work(self, request: Request) -> HTMLResponse:
        """All orders by state, those that need a person first, and the outbox."""
        city = self._console.city
        counts, now, called = city.orders.outbox.counts(), city.clock.now(), crew_namer(city)
        lists = [
            (
                say(heading),
                [_row(city, order, now, called) for order in city.orders.outbox.orders([state], SHOWN)],
                counts[state],
            )
            for state, heading in HEADINGS.items()
            if counts.get(state)
        ]
        return self._console.page(
            request,
            "work.html",
            headline=headline(city, counts),
            lists=lists,
            any_orders=bool(counts),
            health=_health(city, now),
        )

    def order(self, request: Request, identifier: str, **form: Any) -> HTMLResponse:
        """One order: how it stands, its life, what a person can do, and the resident's link."""
        city = self._console.city
        order, now = city.orders.get(identifier), city.clock.now()
        link = city.orders.ask(order.id)
        return self._console.page(
            request,
            "order.html",
            form.pop("status", 200),
            order=order,
            area=city.orders.area(order),
            crew=crew_namer(city)(order.crew) if order.crew else "",
            standing=english(city.orders.standing(order)),
            alarm=order.state == "reopened" or city.orders.is_unconfirmed(order),
            events=[(event, age(now - event.at)) for event in reversed(order.events)],
            messages=[_message(message, now) for message in city.orders.outbox.messages(order.id)],
            link=link if link.startswith("http") else f"{str(request.base_url).rstrip('/')}{link}",
            asks=any(event.state == "done" for event in order.events),
            buttons=[(state, say(label)) for state, label in BUTTONS.items() if _may(order, state)],
            can_send=_can_send(city, order),
            about=words.where(order.job.about),
            told=city.explain(order.id),
            photos=self._photos(order),
            photo=form.pop("photo", ""),
            form={"by": "", "because": "", "problem": "", "photo_problem": "", **form},
        )

    def _photos(self, order: WorkOrder) -> list[str]:
        """Numbers of the reports behind an order that have a photo; none where no grant lets them be seen."""
        try:
            return self._console.city.portal.photos.of_order(order)
        except Refused:
            return []

    def photo(self, request: Request, identifier: str, body: bytes) -> Response:
        """Show a photo to whoever gives a reason; it stands in the page and has no address of its own."""
        fields = signed(request, first_of(fields_of(body[:FORM_BYTES], 10)))
        by, because, number = (fields.get(name, "") for name in ("by", "because", "number"))
        city = self._console.city
        try:
            shown = city.portal.photos.look(city.orders.get(identifier), number, by, because)
        except UnknownId:
            raise
        except UserError as error:
            problem = f"{error.what} {error.remedy}"
            return self.order(request, identifier, status=422, by=by, because=because, photo_problem=problem)
        return self.order(request, identifier, photo=f"data:image/jpeg;base64,{b64encode(shown).decode()}")

    def step(self, request: Request, identifier: str, body: bytes) -> Response:
        """Take the form; on a mistake show it again with everything that was typed."""
        fields = signed(request, first_of(fields_of(body[:FORM_BYTES], 10)))
        by, because, wanted = fields.get("by", ""), fields.get("because", ""), fields.get("state", "")
        orders = self._console.city.orders
        try:
            if wanted == "send":
                orders.send_again(identifier, by)
            elif wanted in BUTTONS:
                orders.report(identifier, wanted, by, because)  # type: ignore[arg-type]
            else:
                raise UserError(say("Which step?"), say("Press one of the buttons."))
        except UnknownId:
            raise
        except UserError as error:
            problem: Any = problem_of(error)
            return self.order(request, identifier, status=422, by=by, because=because, problem=problem)
        return RedirectResponse(f"/work/{identifier}", 303)

    def retry(self, key: str) -> Response:
        """Let a message be tried at once."""
        city = self._console.city
        city.orders.outbox.retry(key, city.clock.now())
        return RedirectResponse("/work#outbox", 303)


def headline(city: City, counts: Mapping[str, int]) -> str:
    """The finding: who waits for whom."""
    count = {state: counts.get(state, 0) for state in life.STATES}
    waiting, back = (city.orders.outbox.orders([state]) for state in ("done", "reopened"))
    late, escalated = sum(map(city.orders.is_unconfirmed, waiting)), sum(map(city.orders.is_escalated, back))
    asked, out = count["done"] - late, count["sent"] + count["accepted"]
    numbers = (asked, late, count["reopened"], escalated, out, count["planned"])
    waits = [(number, first, others) for number, (first, others) in zip(numbers, _WAITS, strict=True) if number]
    if not waits:
        return say("Every order is closed") if counts else say("No work order was given out yet")
    # The first part names what is counted, and the others go on from it.
    parts = [first if at == 0 else others for at, (_, first, others) in enumerate(waits[:3])]
    return "; ".join(say_many(*part, waits[at][0]) for at, part in enumerate(parts))


_WAITS: Final = (
    (
        marked_many("%(num)s order waits for a resident's answer", "%(num)s orders wait for a resident's answer"),
        marked_many("%(num)s waits for a resident's answer", "%(num)s wait for a resident's answer"),
    ),
    (
        marked_many(
            "%(num)s order was never answered and is not confirmed",
            "%(num)s orders were never answered and are not confirmed",
        ),
        marked_many(
            "%(num)s was never answered and is not confirmed", "%(num)s were never answered and are not confirmed"
        ),
    ),
    (
        marked_many("%(num)s order was reopened", "%(num)s orders were reopened"),
        marked_many("%(num)s was reopened", "%(num)s were reopened"),
    ),
    (
        marked_many("%(num)s order needs a person to look", "%(num)s orders need a person to look"),
        marked_many("%(num)s needs a person to look", "%(num)s need a person to look"),
    ),
    (
        marked_many("%(num)s order is with a crew", "%(num)s orders are with crews"),
        marked_many("%(num)s is with a crew", "%(num)s are with crews"),
    ),
    (
        marked_many("%(num)s order is planned and not sent", "%(num)s orders are planned and not sent"),
        marked_many("%(num)s is planned and not sent", "%(num)s are planned and not sent"),
    ),
)


def age(passed: Any) -> str:
    """A length of time as people say it: ``3 h ago``."""
    minutes = max(0, int(passed.total_seconds() // 60))
    if minutes < 1:
        return say("just now")
    if minutes < 120:
        return say("%(num)s min ago", num=minutes)
    if minutes < 48 * 60:
        return say("%(num)s h ago", num=minutes // 60)
    return say("%(num)s days ago", num=minutes // 1440)


def _row(city: City, order: WorkOrder, now: datetime, called: Callable[[str], str]) -> dict[str, Any]:
    return {
        "order": order,
        "area": city.orders.area(order),
        "crew": called(order.crew) if order.crew else "",
        "standing": english(city.orders.standing(order)),
        "alarm": city.orders.is_escalated(order) or city.orders.is_unconfirmed(order),
        "age": age(now - order.events[-1].at),
    }


def _may(order: WorkOrder, state: str) -> bool:
    return any(
        before == order.state and after == state and "city" in roles for (before, after), roles in life.ALLOWED.items()
    )


def _can_send(city: City, order: WorkOrder) -> bool:
    """Whether it waits for a person to send it, and there is a way."""
    messages = city.orders.dispatch_of(order) if order.state in ("planned", "reopened") else []
    held = {message.key for message in city.orders.outbox.messages(order.id)}
    return bool(messages) and not any(message.key in held for message in messages)


def _message(message: Message, now: datetime) -> dict[str, Any]:
    return {"message": message, "age": age(now - message.made_at)}


def _health(city: City, now: datetime) -> dict[str, Any]:
    health = city.orders.sender.health()
    return {**health, "failing": [_message(message, now) for message in health["failing"]]}


def mount(router: APIRouter, console: Console) -> None:
    """Add the pages of work."""
    pages = OrderPages(console)

    @router.get("/work")
    def work(request: Request) -> Response:
        return pages.work(request)

    @router.get("/work/{identifier}")
    def order(request: Request, identifier: str) -> Response:
        return pages.order(request, identifier)

    @router.post("/work/{identifier}")
    async def step(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.step, request, identifier, body)

    @router.post("/work/{identifier}/photo")
    async def photo(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.photo, request, identifier, body)

    @router.post("/outbox/{key}/retry")
    def retry(key: str) -> Response:
        return pages.retry(key)
