"""Gives a job of a plan to another crew: checked anew, the rest stays as it is."""

from __future__ import annotations

from cityward.act.plan import Planner, tours_of
from cityward.act.plan_search import Tour, ordered
from cityward.core.errors import UnknownId, UserError
from cityward.core.work import Move, WorkPlan


def move(plan: WorkPlan, planner: Planner, change: Move) -> WorkPlan:
    """Return the plan after ``change``; the other tours keep their order.

    Parameters
    ----------
    planner : Planner
        Of the jobs, crews and days of ``plan``.

    Raises
    ------
    UnknownId
        The plan has no such job or crew.
    UserError
        The crew lacks the skill or the time; or has the job already.
    """
    job_at = {job.id: at for at, job in enumerate(plan.jobs)}
    crew_at = {crew.id: at for at, crew in enumerate(plan.crews)}
    if change.job not in job_at or change.crew not in crew_at:
        raise UnknownId(f"Plan {plan.id} has no such job or crew.", "Choose both from its lists.")
    job, crew = job_at[change.job], crew_at[change.crew]
    tours = tours_of(plan, planner)
    day = next((tour.day for tour in tours if job in tour.stops), 0)
    _check_skill(plan, planner, job, crew)
    kept: list[Tour] = []
    stops: list[int] = []
    for tour in tours:
        if (tour.crew, tour.day) == (crew, day):
            stops = list(tour.stops)
        elif job in tour.stops:
            rest = [stop for stop in tour.stops if stop != job]
            kept += [ordered(planner.model, tour.crew, tour.day, rest)] if rest else []
        else:
            kept.append(tour)
    if job in stops:
        raise UserError(f"{plan.crews[crew].name} has this job already.", "Choose another crew.")
    grown = ordered(planner.model, crew, day, [*stops, job])
    spent = grown.travel + sum(plan.jobs[stop].minutes for stop in grown.stops)
    shift = plan.crews[crew].shift_minutes
    if spent > shift:
        raise UserError(
            f"The day of {plan.crews[crew].name} would take {spent:,} minutes, {spent - shift:,} more than the shift.",
            "Take another job from that crew first, or choose a crew with time left.",
        )
    return planner.record(
        [*kept, grown],
        floor=plan.floor,
        way=plan.way,
        least=plan.bound,
        prices=plan.prices,
        moves=(*plan.moves, change),
    )


def _check_skill(plan: WorkPlan, planner: Planner, job: int, crew: int) -> None:
    if not planner.model.skilled[crew, job]:
        who, skills = plan.crews[crew].name, ", ".join(plan.crews[crew].skills)
        raise UserError(
            f"{who} cannot do “{plan.jobs[job].skill}”: its skills are {skills}.",
            f"Choose a crew that can do “{plan.jobs[job].skill}”.",
        )
