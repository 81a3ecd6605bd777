"""Work that a person really approved, for tests that need an order: a proposal and a decision that the ledger proves.

Nothing here is a way past what it tests: the proposal, the plan and the decision are made as a city makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from cityward.answerable.decide import decide
from cityward.answerable.table import load_tables, valid_on
from cityward.city import City
from cityward.core.identifiers import kind_of, make_id
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Proposal, to_json
from cityward.core.work import Job, Visit, WorkOrder, WorkPlan

BY = "Ana Gómez"


def inspection(number: int = 1, service: str = "Garbage in alley", title: str = "Empty the carts") -> Job:
    """A job of the kind that an approved need gives out."""
    about = f"N-{number:010x}"
    return Job(
        id=make_id("job", about, "64"), about=about, service=service, title=title, territory="64", lon=-87.77,
        lat=41.78, minutes=20, skill="sanitation", waiting_since=date(2014, 6, 9),
    )  # fmt: skip


def give(
    city: City, jobs: Sequence[Job], crew: str | None = None, *, day: date | None = None, salt: str = ""
) -> list[WorkOrder]:
    """Approve jobs and give them out: inspections by their needs, to a ``crew`` or of other jobs by a plan."""
    return city.orders.issue(*approved(city, jobs, crew, day=day, salt=salt))


def approved(
    city: City, jobs: Sequence[Job], crew: str | None = None, *, day: date | None = None, salt: str = ""
) -> tuple[list[tuple[Job, str | None, date | None]], str]:
    """As `give`, before anything is given out: the assignments, and the decision that approved them."""
    one = jobs[0]
    if crew is None and one.id == make_id("job", one.about, one.territory) and kind_of(one.about) == "need":
        return [(jobs[0], None, None)], approve(city, of_need(jobs[0], salt)).id
    plan = plan_of(jobs, crew or "Crew 4", day or city.clock.now().date() + timedelta(days=1), salt)
    city.planning.keep(plan)
    decided = approve(city, of_plan(plan, jobs, salt))
    return [(job, visit.crew, visit.day) for job, visit in zip(jobs, plan.visits, strict=True)], decided.id


def of_need(job: Job, salt: str = "") -> Proposal:
    """The proposal to do an inspection."""
    return Proposal(
        id=make_id("proposal", job.about, salt), about=job.about, service=job.service,
        territories=(job.territory or "",), title=job.title, because="More reports than usual.", action="Look at it.",
        effect="It is seen.", system="cityward-need-scan",
    )  # fmt: skip


def plan_of(jobs: Sequence[Job], crew: str, day: date, salt: str = "") -> WorkPlan:
    """A plan in which one crew visits every job."""
    visits = tuple(
        Visit(job=job.id, crew=crew, day=day, place=at, arrives_minutes=480 + at) for at, job in enumerate(jobs)
    )
    return WorkPlan(
        id=make_id("plan", *(job.id for job in jobs), crew, str(day), salt), made_on=day, first_day=day, days=1,
        way="least waiting", floor=None, jobs=tuple(jobs), crews=(), visits=visits, unplanned=(), objective=1.0,
        bound=None, gap=None, waiting_days=1.0, travel_minutes=0, tours=1, exact_tours=1, groups=(),
    )  # fmt: skip


def of_plan(plan: WorkPlan, jobs: Sequence[Job], salt: str = "") -> Proposal:
    """The proposal to do as a plan says."""
    return Proposal(
        id=make_id("proposal", plan.id, salt), about=plan.id, service="all services",
        territories=tuple(sorted({job.territory or "" for job in jobs})), title="Send a crew", because="It waits.",
        action="The orders go out.", effect="It is visited.", system="cityward-planner",
    )  # fmt: skip


def propose(city: City, proposal: Proposal) -> Proposal:
    """Keep a proposal as a turn keeps it."""
    with city.writing():
        entry = receipt("proposal", proposal.id, city.clock.now(), to_json(proposal))
        index = city.writable_ledger().append([entry])[0]
        city.registers.put("proposal", [proposal], update=("body",), state="waiting")
        city.registers.put_receipts({proposal.id: index})
    return proposal


def approve(city: City, proposal: Proposal, outcome: str = "approved", because: str = "A crew is free") -> Decision:
    """Decide a proposal as a city does, without what follows from it."""
    propose(city, proposal)
    now = city.clock.now()
    with city.writing():
        decision = decide(
            proposal,
            outcome=outcome,  # type: ignore[arg-type]
            by=BY,
            because=because,
            system=city.systems.answering(proposal.system)[0],
            rule=valid_on(load_tables(), "proposal-approval", now, time_zone=city.time_zone),
            at=now,
            append_receipt=lambda entry: city.writable_ledger().append([entry])[0],
        )
        if city.registers.get_decision(decision.id) is None:
            city.registers.put_decision(decision)
    return decision
