"""First come, first served: what a plan is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityward.act.plan_model import Model
from cityward.act.plan_search import Tour
from cityward.core.work import Job


def first_come(model: Model, jobs: Sequence[Job], most_visits: int | None = None) -> tuple[Tour, ...]:
    """Return tours in the order of the queue: the oldest job goes to the crew that has the least way to it.

    Each job is put at the end of a tour of the first day on which a crew with the skill has the time; what fits in
    no day waits on. Of jobs of one day the identifier decides.
    """
    order = sorted(range(len(jobs)), key=lambda at: (jobs[at].waiting_since, jobs[at].id))
    stops: list[list[list[int]]] = [[[] for _ in range(model.days)] for _ in range(model.shift.size)]
    left = np.repeat(model.shift[:, None], model.days, axis=1).astype(np.int64)
    visits = 0
    for job in order:
        if most_visits is not None and visits >= most_visits:
            break
        visits += _give(model, job, stops, left)
    tours = []
    for crew in range(model.shift.size):
        for day in range(model.days):
            if stops[crew][day]:
                spent = int(model.shift[crew] - left[crew, day])
                work = int(model.minutes[stops[crew][day]].sum())
                tours.append(Tour(crew, day, tuple(stops[crew][day]), spent - work, exact=False))
    return tuple(tours)


def _give(model: Model, job: int, stops: list[list[list[int]]], left: np.ndarray) -> bool:
    crews = np.flatnonzero(model.able[:, job])
    for day in range(model.days):
        best, who = 1 << 30, -1
        for crew in crews.tolist():
            tour = stops[crew][day]
            home = int(model.base[crew, job])
            last = tour[-1] if tour else -1
            more = 2 * home if last < 0 else int(model.between[last, job]) + home - int(model.base[crew, last])
            if more < best and left[crew, day] >= more + model.minutes[job]:
                best, who = more, crew
        if who >= 0:
            stops[who][day].append(job)
            left[who, day] -= best + model.minutes[job]
            return True
    return False
