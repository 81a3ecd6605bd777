"""The page *Plan*: who goes where, what waits on, how fairly, and what fairness costs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from cityward.console.asking import permit, signed
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import problem_of, say, significant
from cityward.console.words import number
from cityward.core.errors import CitywardError, Refused, UnknownId, UserError
from cityward.core.records import Decision
from cityward.core.work import FloorPrice, WorkPlan

SHAPES = ("circle", "square", "triangle", "diamond")
COLOURS = 5
"""A crew has a number, a shape and a colour: none of them is needed to tell it from the others."""

DRAFTS_MAX = 64
"""Plans kept in memory: a few hundred kB each."""

FIELDS_MAX = 10
FLOOR_MIN, FLOOR_MAX = 1.0, 3.0
_NOTHING = 0.05
"""Days of waiting, over all cases, that a page with one decimal shows as none."""


class Drafts:
    """Plans that are being made in the background, one at a time, so that no page waits for one."""

    def __init__(self, make: Callable[[date, int, float], tuple[WorkPlan, str]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._done: dict[tuple[date, int, float], tuple[WorkPlan, str] | CitywardError] = {}
        self._working: set[tuple[date, int, float]] = set()

    def get(self, day: date, days: int, floor: float) -> tuple[WorkPlan, str] | None:
        """The plan and what is to be said of it, or None while it is made, or where nobody began it.

        Raises
        ------
        CitywardError
            It could not be made.
        """
        key = (day, days, floor)
        with self._lock:
            found = self._done.get(key)
            if isinstance(found, CitywardError):
                del self._done[key]
                raise found
            return found

    def begun(self, day: date, days: int, floor: float) -> bool:
        """Whether it is being made."""
        with self._lock:
            return (day, days, floor) in self._working

    def begin(self, day: date, days: int, floor: float) -> None:
        """Make it in the background, unless it is there or being made."""
        key = (day, days, floor)
        with self._lock:
            if key not in self._done and key not in self._working:
                self._working.add(key)
                threading.Thread(target=self._work, args=(key,), daemon=True).start()

    def named(self, identifier: str) -> WorkPlan | None:
        """A plan that was made here, by its identifier."""
        with self._lock:
            found = [one[0] for one in self._done.values() if isinstance(one, tuple)]
        return next((plan for plan in found if plan.id == identifier), None)

    def _work(self, key: tuple[date, int, float]) -> None:
        try:
            found: tuple[WorkPlan, str] | CitywardError = self._make(*key)
        except CitywardError as error:
            found = error
        except Exception as error:  # noqa: BLE001 (a thread has nobody to raise to; the page shows it)
            found = UserError(
                say("The plan could not be made (%(kind)s).", kind=type(error).__name__), say("Please report this.")
            )
        with self._lock:
            self._working.discard(key)
            self._done[key] = found
            while len(self._done) > DRAFTS_MAX:
                del self._done[next(iter(self._done))]


def mount(router: APIRouter, console: Any) -> None:
    """Add the page, its map, and what its forms do."""
    pages = PlanPages(console)

    @router.get("/plan")
    def plan(request: Request) -> Response:
        return pages.plan(request)

    @router.post("/plan")
    async def begin(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.begin, body)

    @router.get("/console/plan/{identifier}.json")
    def tours(identifier: str) -> Response:
        return JSONResponse(tours_of(pages.get(identifier)), headers={"cache-control": "no-cache"})

    @router.post("/plan/{identifier}/{what}")
    async def change(request: Request, identifier: str, what: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.change, request, identifier, what, body)


class PlanPages:
    """What the routes show."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self.drafts = Drafts(self._make)

    @property
    def planning(self) -> Any:
        """Plans of the city."""
        return self.console.city.planning

    def _make(self, day: date, days: int, floor: float) -> tuple[WorkPlan, str]:
        found: tuple[WorkPlan, str] = self.planning.draft_nearest(day, days, floor)
        return found

    def _keep(self, plan: WorkPlan) -> None:
        """To look at a plan keeps nothing; to work with it does."""
        if self.drafts.named(plan.id) is not None and self.planning.find(plan.id) is None:
            self.planning.keep(plan)

    def plan(self, request: Request) -> Response:
        """The plan that is asked for: by identifier, or by floor; one that is new is made when somebody says so."""
        query = request.query_params
        if query.get("id"):
            return self._show(request, self.get(query["id"]), "")
        if self.console.city.turn() is None or self.console.city.settings.work.crews is None:
            return self._nothing(request)
        usual = self.planning.floor()
        floor, note = _floor(query.get("floor"), usual)
        day = self.planning.first_day()
        current = self.planning.current()
        if "floor" not in query and current and current.first_day == day:
            return self._show(request, current, "")
        found = self.drafts.get(day, 1, floor)
        if found is None:
            begun = self.drafts.begun(day, 1, floor)
            shown: Response = self.console.page(
                request, "plan_wait.html", day_of=day, floor=floor, begun=begun, note=note
            )
            if begun:
                shown.headers["refresh"] = "2"
            return shown
        made, why = found
        return self._show(request, made, " ".join(part for part in (note, why) if part))

    def begin(self, body: bytes) -> Response:
        """Make a plan in the background, and lead to where it will stand."""
        asked = first_of(fields_of(body, FIELDS_MAX)).get("floor")
        floor, note = _floor(asked, self.planning.floor())
        if not note:
            self.drafts.begin(self.planning.first_day(), 1, floor)
        return RedirectResponse(f"/plan?{urlencode({'floor': asked if note else floor})}", 303)

    def get(self, identifier: str) -> WorkPlan:
        """A plan that is kept, or one that is only looked at."""
        draft = self.drafts.named(identifier)
        found: WorkPlan = draft or self.planning.get(identifier)
        return found

    def _nothing(self, request: Request) -> Response:
        found: Response = self.console.page(request, "plan_none.html")
        return found

    def _show(self, request: Request, plan: WorkPlan, note: str, status: int = 200, **form: str) -> Response:
        decision = self.planning.decision(plan.id)
        typed = {"by": "", "because": "", "problem": "", "move_problem": "", "job": "", "crew": "", **form}
        shown = {"note": note, "form": typed, "decision": decision, "instead": _instead(decision), **plan_page(plan)}
        orders = self.console.city.orders.outbox.orders() if decision else ()
        shown["kept"] = self.planning.find(plan.id) is not None
        shown["order_of"] = {order.job.id: order.id for order in reversed(orders)}
        found: Response = self.console.page(request, "plan.html", status, **shown)
        return found

    def change(self, request: Request, identifier: str, what: str, body: bytes) -> Response:
        """Move a job or decide; a mistake shows the page again with what was typed."""
        plan = self.get(identifier)
        typed = signed(request, first_of(fields_of(body, FIELDS_MAX)))
        by, because = typed.get("by", ""), typed.get("because", "")
        try:
            if what == "move":
                job, crew = typed.get("job", ""), typed.get("crew", "")
                if not job or not crew:
                    raise UserError(say("Choose a case and a crew."), say("Then say who moves it, and why."))
                self._keep(plan)
                moved = self.planning.move(job, crew, by=by, because=because, plan_id=plan.id)
                return RedirectResponse(f"/plan?{urlencode({'id': moved.id})}#moved", 303)
            if what == "decision" and typed.get("outcome") in ("approved", "rejected"):
                permit(request, "decide-proposal", "Plan", plan.id)
                self._keep(plan)
                decision = self.planning.decide(typed["outcome"], by, because, plan.id)
                return RedirectResponse(f"/explain/{decision.id}", 303)
            if what == "options":
                self._keep(plan)
                return RedirectResponse(f"/proposals/{self.planning.propose(plan).id}", 303)
            raise UnknownId(say("There is no such button."), say("Go back to the plan."))
        except (Refused, UserError) as error:
            problem: Any = problem_of(error)
            name = "move_problem" if what == "move" else "problem"
            kept = {key: typed.get(key, "") for key in ("by", "because", "job", "crew")}
            return self._show(request, plan, "", 422, **{**kept, name: problem})


def _instead(decision: Decision | None) -> bool:
    """Whether another plan than the one shown was approved."""
    from cityward.city.planning import BESIDE

    return decision is not None and decision.option_title in BESIDE


def _floor(text: str | None, usual: float) -> tuple[float, str]:
    if text is None:
        return usual, ""
    try:
        floor = round(float(text), 2)
    except ValueError:
        floor = 0.0
    if not FLOOR_MIN <= floor <= FLOOR_MAX:
        return usual, say(
            "A floor is a number from %(low)s to %(high)s; %(usual)s is used.",
            low=significant(FLOOR_MIN, 3),
            high=significant(FLOOR_MAX, 3),
            usual=significant(usual, 3),
        )
    return floor, ""


def plan_page(plan: WorkPlan) -> dict[str, Any]:
    """Return what the page shows of a plan: its headline, tours with times, what waits on, groups and prices."""
    jobs = {job.id: job for job in plan.jobs}
    crews = []
    for at, crew in enumerate(plan.crews):
        stops = [(visit, jobs[visit.job]) for visit in plan.visits if visit.crew == crew.id]
        back = stops[-1][0].arrives_minutes + stops[-1][1].minutes if stops else crew.shift_begins_minutes
        crews.append({"number": at + 1, "crew": crew, "stops": stops, "mark": mark(at), "done": back})
    worst = max(plan.groups, key=lambda group: group.ratio, default=None)
    here = next((price for price in plan.prices if price.floor == plan.floor), None)
    return {
        "plan": plan,
        "crews": crews,
        "out": len({visit.crew for visit in plan.visits}),
        "waiting_on": [(jobs[one.job], one.because) for one in plan.unplanned],
        "worst": worst,
        "longest": max((group.mean_days for group in plan.groups), default=1.0) or 1.0,
        "price": here,
        "told": price_told(plan.prices, here),
        "dearest": max((price.extra_days for price in plan.prices), default=0.0) or 1.0,
        "clock": clock,
        "crew_names": {crew.id: crew.name for crew in plan.crews},
        "job_titles": {job.id: job.title for job in plan.jobs},
        "floor_min": FLOOR_MIN,
        "floor_max": FLOOR_MAX,
    }


def price_told(prices: tuple[FloorPrice, ...], here: FloorPrice | None) -> str:
    """What the chosen floor costs, beside none and beside the strictest that can be held; in one breath."""
    if here is None:
        return ""
    free = next((one for one in prices if one.floor is None), here)
    strict = next((one for one in prices if one.floor is not None and one.met), None)
    if here.floor is None:
        told = say("Without a floor cases wait %(days)s days in all.", days=number(here.waiting_days))
    elif here.extra_days < _NOTHING:
        told = say(
            "A floor of %(floor)s costs no waiting: %(days)s days in all, as without one.",
            floor=number(here.floor, 2),
            days=number(here.waiting_days),
        )
    else:
        told = say(
            "A floor of %(floor)s costs %(extra)s days of waiting in all: %(days)s instead of %(free)s.",
            floor=number(here.floor, 2),
            extra=number(here.extra_days, 1),
            days=number(here.waiting_days),
            free=number(free.waiting_days),
        )
    if strict is None or strict.floor is None or strict.floor == here.floor:
        return told
    strictest = say(
        "The strictest that was found to hold, %(floor)s, costs %(extra)s.",
        floor=number(strict.floor, 2),
        extra=number(strict.extra_days, 1),
    )
    return f"{told} {strictest}"


def mark(at: int) -> dict[str, Any]:
    """Shape and colour of a crew by its place in the list."""
    return {"shape": SHAPES[at % len(SHAPES)], "colour": at % COLOURS + 1}


def clock(minutes: int) -> str:
    """``485`` → ``08:05``."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def tours_of(plan: WorkPlan) -> dict[str, Any]:
    """Return tours as GeoJSON: a line for each, and a point for each base, visit and job that waits on."""
    jobs = {job.id: job for job in plan.jobs}
    features = []
    for at, crew in enumerate(plan.crews):
        stops = [(visit, jobs[visit.job]) for visit in plan.visits if visit.crew == crew.id]
        home = [crew.lon, crew.lat]
        shown = {"crew": crew.id, "name": crew.name, "number": at + 1, **mark(at)}
        base = say("Base of %(crew)s", crew=" ".join((str(at + 1), crew.name)))
        features.append(_feature("Point", home, kind="base", told=base, **shown))
        if stops:
            line = [home, *([job.lon, job.lat] for _, job in stops), home]
            features.append(_feature("LineString", line, kind="tour", **shown))
        for visit, job in stops:
            time = clock(visit.arrives_minutes)
            told = {"title": job.title, "time": time, "place": visit.place, "job": job.id}
            told["told"] = f"{at + 1} {crew.name}, {time}: {job.title}"
            features.append(_feature("Point", [job.lon, job.lat], kind="visit", **told, **shown))
    for one in plan.unplanned:
        job = jobs[one.job]
        waits = say("Waits on: %(case)s", case=job.title)
        features.append(_feature("Point", [job.lon, job.lat], kind="waits", title=job.title, job=job.id, told=waits))
    return {"type": "FeatureCollection", "features": features}


def _feature(kind_of: str, coordinates: list[Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind_of, "coordinates": coordinates}, "properties": properties}
