"""Planning: what waits for a visit, who goes out, and the plan that a person approves."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from cityward.act.plan import FloorUnmet, Planner, Way
from cityward.act.plan_move import move
from cityward.city.plan_extra import extra_crews
from cityward.city.plan_files import read_crews
from cityward.city.plan_groups import groups_of
from cityward.city.turn import HISTORY_COLUMNS, tell_apart
from cityward.core.clock import end_of_day
from cityward.core.errors import SettingsError, UnknownId, UserError
from cityward.core.identifiers import kind_of, make_id
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Option, Proposal, to_json
from cityward.core.work import THIS_PLAN, Crew, Job, Move, WorkPlan

if TYPE_CHECKING:
    from cityward.city.city import City

SYSTEM: Final = "cityward-planner"
_COLUMNS = tuple(name for name in HISTORY_COLUMNS if name != "person")
_KEPT: Final = 8
"""Planners that are kept: each holds the ways between its jobs."""

BESIDE: Final[dict[str, tuple[float | None, Way]]] = {
    "Without a floor": (None, "least waiting"),
    "First come, first served": (None, "first come"),
}
"""What else could be done: floor and way of the plans that are shown beside one."""

CASES_OFFERED: Final = 200
"""Cases ranked by risk that a plan may take, the likeliest: more than crews visit in a few days."""


class Planning:
    """Plans of a city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._lock = threading.Lock()
        self._planners: dict[tuple[date, int], Planner] = {}

    # -- what waits, and who goes out ----------------------------------------------------------------

    def jobs(self, day: date) -> list[Job]:
        """What waits for a visit at the end of ``day``: open cases, orders without a crew, and cases ranked by risk.

        Reports of the same thing are one case, as a turn counts them; it waits since its first report. A case
        without a position cannot be visited and is left out; `without_place` counts them.
        """
        cases = self._cases(day).filter(pl.col("lon").is_finite() & pl.col("lat").is_finite())
        names = self._city.area_names
        found = [self._job(row, names) for row in cases.iter_rows(named=True)]
        beside = [*self._city.orders.jobs(), *self._city.cases.jobs()[:CASES_OFFERED]]
        found += [job for job in beside if job.waiting_since <= day]
        return list({job.id: job for job in found}.values())

    def without_place(self, day: date) -> int:
        """How many open cases have no position."""
        cases = self._cases(day)
        return cases.height - cases.filter(pl.col("lon").is_finite() & pl.col("lat").is_finite()).height

    def _cases(self, day: date) -> pl.DataFrame:
        zone = self._city.time_zone
        known = self._city.read("cityward-planner", "case-handling").frame(_COLUMNS, as_of=end_of_day(day, zone))
        local = pl.col("occurred_at").dt.convert_time_zone(zone).dt.date()
        reports = tell_apart(known.with_columns(day=local), self._city.settings)[0]
        first = pl.col("occurred_at").arg_min()
        return (
            reports.group_by("incident")
            .agg(
                pl.col("closed_at").is_null().any().alias("open"),
                *(pl.col(name).get(first) for name in ("service", "territory", "day", "key")),
                *(pl.col(name).drop_nulls().first() for name in ("lon", "lat")),
            )
            .filter("open")
            .sort("day", "key")
        )

    def _job(self, row: dict[str, object], names: dict[str, str]) -> Job:
        service, territory = str(row["service"]), row["territory"]
        work = self._city.settings.work.of(service)
        where = names.get(str(territory), "a place outside the city") if territory else "a place outside the city"
        return Job(
            id=make_id("job", row["key"]),
            about=make_id("case", row["key"]),
            service=service,
            title=f"{service} in {where}",
            territory=str(territory) if territory else None,
            lon=float(row["lon"]),  # type: ignore[arg-type]
            lat=float(row["lat"]),  # type: ignore[arg-type]
            minutes=work.minutes,
            skill=work.skill,
            waiting_since=row["day"],  # type: ignore[arg-type]
        )

    def crews(self, day: date | None = None) -> tuple[Crew, ...]:
        """The crews of ``work.crews``, and those that were approved for early warnings and go out on ``day``."""
        named = self._city.settings.work.crews
        if named is None:
            raise SettingsError(
                "city.toml names no crews, so nothing can be planned.",
                'Write crews = "crews.csv" in [work]: a CSV with id,name,skills,lon,lat,begins,hours.',
            )
        return (*read_crews(self._city.path / named), *(extra_crews(self._city, day) if day else ()))

    def first_day(self) -> date:
        """The day after that of the last turn: the first that can be planned from what it knows."""
        turn = self._city.turn()
        if turn is None:
            raise UserError("No turn of the loop was taken yet.", "Take one with 'cityward run', then plan.")
        return turn.as_of + timedelta(days=1)

    # -- plans ---------------------------------------------------------------------------------------

    def planner(self, day: date, days: int = 1) -> Planner:
        """Jobs and crews of a plan that begins on ``day``, with the searches done so far; one at a time."""
        key = (day, days)
        if key not in self._planners:
            made = Planner(
                tuple(self.jobs(day - timedelta(days=1))),
                self.crews(day),
                made_on=day - timedelta(days=1),
                first_day=day,
                days=days,
                groups=groups_of(self._city.territories()),
                seed=self._city.settings.city.seed,
            )
            self._planners[key] = made
            while len(self._planners) > _KEPT:
                self._planners.pop(next(iter(self._planners)))
        return self._planners[key]

    def forget(self) -> None:
        """Plan anew from what is known now, also for days that were planned before."""
        with self._lock:
            self._planners.clear()

    def floor(self) -> float:
        """The floor of ``city.toml``."""
        return self._city.settings.work.waiting_floor

    def make(self, day: date, days: int = 1, floor: float | None = None) -> WorkPlan:
        """Make a plan that begins on ``day``, keep it and leave a receipt.

        Parameters
        ----------
        floor : float, optional
            Default: ``work.waiting_floor`` of ``city.toml``.

        Raises
        ------
        cityward.act.plan.FloorUnmet
            No plan holds the floor; its ``nearest`` is one that can be held.
        """
        plan = self.draft(day, days, floor)
        self.keep(plan)
        return plan

    def draft(self, day: date, days: int = 1, floor: float | None = None) -> WorkPlan:
        """As `make`, without keeping it."""
        with self._lock:
            return self.planner(day, days).plan(self.floor() if floor is None else floor)

    def draft_nearest(self, day: date, days: int = 1, floor: float | None = None) -> tuple[WorkPlan, str]:
        """As `draft`; where the floor cannot be held, the plan of the nearest that can be, and why."""
        try:
            return self.draft(day, days, floor), ""
        except FloorUnmet as unmet:
            return self.draft(day, days, unmet.nearest), f"{unmet.what} {unmet.remedy}"

    def keep(self, plan: WorkPlan) -> None:
        """Keep a draft, with its receipt."""
        self._keep(plan, "plan-made")

    def current(self) -> WorkPlan | None:
        """The plan that was made or changed last."""
        plans = self._city.registers.list_of("plan", WorkPlan, newest_first=True)
        return plans[0] if plans else None

    def find(self, identifier: str) -> WorkPlan | None:
        """A kept plan, or None."""
        return self._city.registers.get(identifier, WorkPlan) if kind_of(identifier) == "plan" else None

    def get(self, identifier: str) -> WorkPlan:
        """A kept plan; raises `UnknownId`."""
        plan = self.find(identifier)
        if plan is None:
            raise UnknownId(f"There is no plan '{identifier[:60]}'.", "Make one with 'cityward plan'.")
        return plan

    def move(self, job: str, crew: str, *, by: str, because: str, plan_id: str | None = None) -> WorkPlan:
        """Give a job of a plan (default: the current one) to another crew; the rest stays.

        Raises
        ------
        UserError
            The crew lacks skill or time; nobody is named; or the plan was approved already.
        """
        plan = self.get(plan_id) if plan_id else self.current()
        if plan is None:
            raise UserError("There is no plan yet.", "Make one with 'cityward plan'.")
        by, because = " ".join(by.split())[:120], because.strip()[:2_000]
        if not by or not because:
            raise UserError("A move needs a name and a reason.", "Say who moves the job, and why.")
        if self.decision(plan.id) is not None:
            raise UserError(f"{plan.id} was decided already.", "Make a new plan to change it.")
        held = next((visit.crew for visit in plan.visits if visit.job == job), None)
        change = Move(job=job, from_crew=held, crew=crew, by=by, because=because, at=self._city.clock.now())
        moved = move(plan, self._planner_of(plan), change)
        self._keep(moved, "plan-moved", job=job, crew=crew, before=plan.id)
        return moved

    def _keep(self, plan: WorkPlan, kind: str, **facts: str) -> None:
        with self._city.writing():
            entry = receipt(kind, plan.id, self._city.clock.now(), to_json(plan), **facts)
            self._city.enter([(plan.id, entry)])
            self._city.registers.put("plan", [plan], update=("body",))

    # -- approval ------------------------------------------------------------------------------------

    def proposal(self, plan: WorkPlan) -> Proposal:
        """The plan as a proposal, with what else could be done beside it."""
        planner = self._planner_of(plan)
        with self._lock:
            others = [
                (title, planner.plan(floor, way=way, prices=False, prove=False))
                for title, (floor, way) in BESIDE.items()
            ]
        day = f"{plan.first_day:%A %-d %B %Y}"
        crews = len({visit.crew for visit in plan.visits})
        title = f"Send {crews} crews to {len(plan.visits):,} of {len(plan.jobs):,} cases from {day}"
        worst = max(plan.groups, key=lambda group: group.ratio, default=None)
        because = (
            f"In this plan the expected wait is {plan.waiting_days / max(len(plan.jobs), 1):,.1f} days on average"
            + (f" and no group waits more than {worst.ratio:.2f} times that" if worst else "")
            + f"; it is proven to be within {100 * (plan.gap or 0):.1f} % of the best."
        )
        territories = tuple(sorted({job.territory for job in plan.jobs if job.territory}))
        return Proposal(
            id=make_id("proposal", plan.id),
            about=plan.id,
            service="all services",
            territories=territories,
            title=title,
            because=because,
            action=f"Work orders go to {crews} crews as plan {plan.id} says.",
            effect=f"{len(plan.visits):,} cases are visited in {plan.days} day{'s' if plan.days > 1 else ''}.",
            system=SYSTEM,
            options=(
                self._option(THIS_PLAN, plan, plan, recommended=True),
                *(self._option(name, other, plan) for name, other in others),
            ),
        )

    def _option(self, title: str, plan: WorkPlan, beside: WorkPlan, *, recommended: bool = False) -> Option:
        minutes = {job.id: job.minutes for job in plan.jobs}
        hours = (sum(minutes[visit.job] for visit in plan.visits) + plan.travel_minutes) / 60
        cost = self._city.settings.work.hour_cost
        more = plan.waiting_days - beside.waiting_days
        worst = max((group.ratio for group in plan.groups), default=1.0)
        told = f"{len(plan.visits):,} visits; the group that waits longest waits {worst:.2f} times the city's mean"
        if not recommended:
            told += f"; {abs(more):,.1f} days of waiting {'more' if more >= 0 else 'less'} in all than this plan"
        return Option(
            title=title,
            action=f"{plan.tours} tours, {plan.travel_minutes:,} minutes on the way.",
            effect=f"{told}.",
            known_from="computed from the open cases, the crews and the stated speed",
            crew_hours=round(hours, 1),
            cost=round(hours * cost, 2) if cost else None,
            horizon_days=plan.days,
            recommended=recommended,
        )

    def _planner_of(self, plan: WorkPlan) -> Planner:
        held = self._planners.get((plan.first_day, plan.days))
        if held is not None and held.jobs == plan.jobs and held.crews == plan.crews:
            return held
        return Planner(
            plan.jobs,
            plan.crews,
            made_on=plan.made_on,
            first_day=plan.first_day,
            days=plan.days,
            groups=groups_of(self._city.territories()),
            seed=self._city.settings.city.seed,
        )

    def decide(
        self, outcome: Literal["approved", "rejected"], by: str, because: str, plan_id: str | None = None
    ) -> Decision:
        """Approve or reject a plan (default: the current one) as a named person with a reason.

        Raises
        ------
        cityward.core.errors.Refused, UserError
            The rule says no; there is no plan; it was decided already.
        """
        plan = self.get(plan_id) if plan_id else self.current()
        if plan is None:
            raise UserError("There is no plan yet.", "Make one with 'cityward plan'.")
        return self._city.decide(self.propose(plan).id, outcome, by, because)

    def propose(self, plan: WorkPlan) -> Proposal:
        """Put a plan, with what else could be done, before whoever decides; the same again changes nothing.

        Raises
        ------
        UserError
            It was decided already.
        """
        if self.decision(plan.id) is not None:
            raise UserError(f"{plan.id} was decided already.", f"See 'cityward explain {plan.id}' for who and why.")
        held = self._city.registers.get_proposal(make_id("proposal", plan.id))
        if held is not None:
            return held
        proposal = self.proposal(plan)
        with self._city.writing():
            entry = receipt("proposal", proposal.id, self._city.clock.now(), to_json(proposal), plan=plan.id)
            self._city.enter([(proposal.id, entry)])
            self._city.registers.put("proposal", [proposal], update=("body",), state="waiting")
        return proposal

    def approve(self, by: str, because: str, plan_id: str | None = None) -> Decision:
        """As `decide`, approving."""
        return self.decide("approved", by, because, plan_id)

    def decision(self, plan_id: str) -> Decision | None:
        """What was decided about a plan, if anything."""
        name = make_id("proposal", plan_id)
        return next((one for one in self._city.decisions() if one.proposal == name), None)

    def assignments(self, plan_id: str, option: str = THIS_PLAN) -> list[tuple[Job, str, date]]:
        """Who does what on which day, in the order of the tours; of a plan, or of one of those shown `BESIDE` it."""
        plan = self.get(plan_id)
        if option in BESIDE:
            floor, way = BESIDE[option]
            with self._lock:
                plan = self._planner_of(plan).plan(floor, way=way, prices=False, prove=False)
        jobs = {job.id: job for job in plan.jobs}
        return [(jobs[visit.job], visit.crew, visit.day) for visit in plan.visits]
