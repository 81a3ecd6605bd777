"""Plans: which crew goes where on which day, with a proven gap, a floor for fairness, and the floor's price.

Pure: jobs, crews and a seed go in, a plan comes out; equal input gives an equal plan. The method, the formulas and
the limits are in docs/planning.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cityward.act.plan_bound import bound
from cityward.act.plan_check import check
from cityward.act.plan_first_come import first_come
from cityward.act.plan_model import Model, Terms, model
from cityward.act.plan_search import Found, Tour, breach_days, cost, search, visited_on
from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.core.records import to_json
from cityward.core.work import Crew, FloorPrice, GroupWaiting, Job, Move, Unplanned, Visit, WorkPlan

SMALL_GROUP: Final = 5
"""The mean of fewer jobs says little; such a group is held to the floor as the others, and flagged."""

PRICED_FLOORS: Final = 3
"""So many floors between the lowest that can be held and none have their price in the list."""

FLOOR_ROUNDS: Final = 40_000
"""Rounds of the search for a floor, which begins from the plan without one."""

_HELD: Final = 1e-9
Way = Literal["least waiting", "first come"]


class FloorUnmet(UserError):
    """No plan holds the floor. ``nearest`` is the lowest floor for which one was found, to two decimals."""

    def __init__(self, what: str, remedy: str, nearest: float) -> None:
        super().__init__(what, remedy)
        self.nearest = nearest


@dataclass(slots=True)
class Planner:
    """Plans for the same jobs, crews and days, with one floor or another.

    Parameters
    ----------
    jobs, crews : sequence
        Checked: `cityward.core.errors.UserError` names the first that cannot be used.
    made_on, first_day : datetime.date
        The day up to which waiting is known, and the first day of work, which comes after it.
    days : int
        1 to `cityward.act.plan_check.DAYS_MAX`.
    groups : mapping
        Group of each territory.
    seed : int
        Of the search.
    most_visits : int, optional
        A cap on all visits.
    rounds : int, optional
        Of the search; default by size.
    """

    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    made_on: date
    first_day: date
    days: int = 1
    groups: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    seed: int = 1
    most_visits: int | None = None
    rounds: int | None = None
    model: Model = field(init=False)
    _found: dict[float | None, Found] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self.jobs, self.crews, self.made_on, self.first_day, self.days)
        self.model = model(
            self.jobs,
            self.crews,
            made_on=self.made_on,
            first_day=self.first_day,
            days=self.days,
            groups=self.groups,
            terms=self.terms,
        )

    def found(self, floor: float | None) -> Found:
        """The best tours for a floor; with one, from those without it."""
        if floor in self._found:
            return self._found[floor]
        begin: tuple[Tour, ...] = ()
        rounds = self.rounds
        if floor is not None:
            begin = self.found(None).tours
            if breach_days(self.model, begin, floor) <= _HELD:
                return self._found.setdefault(floor, Found(begin, 0.0))
            known = [found.tours for found in self._found.values()]
            holding = [tours for tours in known if breach_days(self.model, tours, floor) <= _HELD]
            begin = min(holding, key=lambda tours: cost(self.model, tours), default=begin)
            rounds = rounds if rounds is not None else FLOOR_ROUNDS
        self._found[floor] = search(
            self.model,
            rng(self.seed, "plan", str(floor)),
            floor=floor,
            begin=begin,
            most_visits=self.most_visits,
            rounds=rounds,
        )
        return self._found[floor]

    def worst(self, tours: tuple[Tour, ...]) -> tuple[float, str]:
        """Ratio and name of the group that waits longest, beside the city's mean."""
        if not self.jobs:
            return 1.0, ""
        waiting = self.model.waiting_days(visited_on(self.model, tours))
        means = self.model.group_means(waiting)
        at = int(means.argmax())
        return float(means[at] / max(float(waiting.mean()), 1e-12)), self.model.groups[at]

    def price(self, floor: float | None) -> FloorPrice:
        """What a floor costs."""
        free, tours = self.found(None), self.found(floor).tours
        ratio, group = self.worst(tours)
        return FloorPrice(
            floor=floor,
            waiting_days=self._waiting(tours),
            extra_days=self._waiting(tours) - self._waiting(free.tours),
            worst_ratio=ratio,
            worst_group=group,
            visited=sum(len(tour.stops) for tour in tours),
            met=floor is None or self.found(floor).breach_days <= _HELD,
        )

    def prices(self, asked: float | None = None) -> tuple[FloorPrice, ...]:
        """What each of several floors costs, the strictest first and none last; ``asked`` is among them."""
        free = self.worst(self.found(None).tours)[0]
        least = self.nearest(1.0)
        step = (free - least) / (PRICED_FLOORS + 1)
        floors = {round(least + step * at, 2) for at in range(1, PRICED_FLOORS + 1)} if step > 0.01 else set()
        floors |= {least} | ({asked} if asked is not None else set())
        return (*(self.price(floor) for floor in sorted(floors)), self.price(None))

    def nearest(self, floor: float) -> float:
        """The lowest floor, not below ``floor``, for which a plan was found; rounded up to two decimals."""
        found = self.found(floor)
        if found.breach_days <= _HELD:
            return floor
        return max(floor, math.ceil(self.worst(found.tours)[0] * 100 - 1e-6) / 100)

    def _waiting(self, tours: tuple[Tour, ...]) -> float:
        return float(self.model.waiting_days(visited_on(self.model, tours)).sum())

    def plan(
        self, floor: float | None = None, *, way: Way = "least waiting", prices: bool = True, prove: bool = True
    ) -> WorkPlan:
        """Return the plan.

        Parameters
        ----------
        floor : float, optional
            Most times the city's mean that a group may wait, expected (≥ 1).
        way : {"least waiting", "first come"}
            How it is made; first come knows no floor.
        prices : bool
            Whether to price several floors.
        prove : bool
            Whether to prove a bound; without one the plan has no gap.

        Raises
        ------
        FloorUnmet
            No plan was found that holds the floor; says why, and the nearest that can be held.
        UserError
            The floor is below 1.
        """
        if floor is not None and not (math.isfinite(floor) and floor >= 1):
            raise UserError(
                f"A floor of {floor:g} cannot be held: no mean of groups is below that of the city in every group.",
                "Give 1 or more; 1.5 lets a group wait half as long again as the city.",
            )
        if way == "first come":
            tours, floor = first_come(self.model, self.jobs, self.most_visits), None
        else:
            found = self.found(floor)
            if floor is not None and found.breach_days > _HELD:
                raise self._unmet(floor)
            tours = found.tours
        least = bound(self.model, floor=floor, most_visits=self.most_visits).objective if prove else None
        return self.record(tours, floor=floor, way=way, least=least, prices=self.prices(floor) if prices else ())

    def _unmet(self, floor: float) -> FloorUnmet:
        tours = self.found(floor).tours
        ratio, group = self.worst(tours)
        nearest = self.nearest(floor)
        waiting = self.model.waiting_days(visited_on(self.model, tours))
        at = self.model.groups.index(group)
        ages = self.model.age_days[self.model.group == at]
        allowed = floor * float(waiting.mean())
        old = int((ages > allowed).sum())
        unvisited = int(((visited_on(self.model, tours) < 0) & (self.model.group == at)).sum())
        proven = bound(self.model, floor=floor, most_visits=self.most_visits).breach_days > 1e-6
        sure = "No plan can hold" if proven else "No plan was found that holds"
        return FloorUnmet(
            f"{sure} a floor of {floor:g}: “{group}” would still wait {ratio:.2f} times the city's mean. Of its "
            f"{ages.size:,} jobs {old:,} have waited longer than the {allowed:,.1f} days that it may have on average, "
            f"and {unvisited:,} cannot be visited in time.",
            f"The nearest floor that can be held is {nearest:.2f}; give that, more crews, or more days.",
            nearest,
        )

    def record(
        self,
        tours: Sequence[Tour],
        *,
        floor: float | None,
        way: str,
        least: float | None,
        prices: tuple[FloorPrice, ...] = (),
        moves: tuple[Move, ...] = (),
    ) -> WorkPlan:
        """Return tours as a plan with its figures."""
        tours = tuple(sorted((tour for tour in tours if tour.stops), key=lambda tour: (tour.day, tour.crew)))
        days = visited_on(self.model, tours)
        total = cost(self.model, tours)
        visits = tuple(visit for tour in tours for visit in self._visits(tour))
        parts = (self.made_on, self.first_day, self.days, way, floor, to_json([self.jobs, self.crews, visits]), moves)
        return WorkPlan(
            id=make_id("plan", *parts),
            made_on=self.made_on,
            first_day=self.first_day,
            days=self.days,
            way=way,
            floor=floor,
            jobs=self.jobs,
            crews=self.crews,
            visits=visits,
            unplanned=tuple(self._unplanned(days)),
            objective=total,
            bound=least,
            gap=None if least is None else max(0.0, (total - least) / total) if total > 0 else 0.0,
            waiting_days=self._waiting(tours),
            travel_minutes=sum(tour.travel for tour in tours),
            tours=len(tours),
            exact_tours=sum(tour.exact for tour in tours),
            groups=tuple(self._groups(days)),
            prices=prices,
            caveats=tuple(self._caveats(tours, floor)),
            moves=moves,
        )

    def _visits(self, tour: Tour) -> Iterable[Visit]:
        crew = self.crews[tour.crew]
        now, before = crew.shift_begins_minutes, None
        for place, stop in enumerate(tour.stops, start=1):
            now += int(self.model.base[tour.crew, stop] if before is None else self.model.between[before, stop])
            day = self.first_day + timedelta(days=tour.day)
            yield Visit(job=self.jobs[stop].id, crew=crew.id, day=day, place=place, arrives_minutes=now)
            now, before = now + self.jobs[stop].minutes, stop

    def _unplanned(self, days: NDArray[np.int32]) -> Iterable[Unplanned]:
        able: list[bool] = np.asarray(self.model.able.any(axis=0)).tolist()
        skilled: list[bool] = np.asarray(self.model.skilled.any(axis=0)).tolist()
        for at in np.flatnonzero(days < 0).tolist():
            job = self.jobs[at]
            if not skilled[at]:
                why = f"No crew can do “{job.skill}”."
            elif not able[at]:
                crews = np.flatnonzero(self.model.skilled[:, at])
                way = int(2 * self.model.base[crews, at].min())
                longest = int(self.model.shift[crews].max())
                why = (
                    f"It takes {job.minutes:,} minutes and at least {way:,} on the way; the longest shift of a crew "
                    f"that can do “{job.skill}” has {longest:,}."
                )
            elif self.most_visits is not None and int((days >= 0).sum()) >= self.most_visits:
                why = f"The plan may have {self.most_visits:,} visits, and others weigh more."
            else:
                why = f"The crews that can do “{job.skill}” have no time left; what they do weighs more or lies nearer."
            yield Unplanned(job=job.id, because=why)

    def _groups(self, days: NDArray[np.int32]) -> Iterable[GroupWaiting]:
        if not self.jobs:
            return
        waiting = self.model.waiting_days(days)
        means = self.model.group_means(waiting)
        sizes = Counter(self.model.group.tolist())
        done = Counter(self.model.group[days >= 0].tolist())
        for at, name in enumerate(self.model.groups):
            yield GroupWaiting(
                group=name,
                jobs=sizes[at],
                visited=done[at],
                mean_days=float(means[at]),
                ratio=float(means[at] / max(float(waiting.mean()), 1e-12)),
                small=sizes[at] < SMALL_GROUP,
            )

    def _caveats(self, tours: tuple[Tour, ...], floor: float | None) -> Iterable[str]:
        small = [self.model.groups[at] for at, n in Counter(self.model.group.tolist()).items() if n < SMALL_GROUP]
        if small and self.jobs:
            yield f"Few jobs, so their mean says little: {', '.join(sorted(small))}."
        if breach_days(self.model, tours, floor) > _HELD:
            yield f"The floor of {floor:g} is no longer held: {self.worst(tours)[1]} waits longer."


def tours_of(plan: WorkPlan, planner: Planner) -> list[Tour]:
    """Return the tours of a plan, in the order of its visits."""
    job_at = {job.id: at for at, job in enumerate(plan.jobs)}
    crew_at = {crew.id: at for at, crew in enumerate(plan.crews)}
    stops: dict[tuple[int, int], list[int]] = {}
    for visit in sorted(plan.visits, key=lambda visit: visit.place):
        key = (crew_at[visit.crew], (visit.day - plan.first_day).days)
        stops.setdefault(key, []).append(job_at[visit.job])
    found = []
    for (crew, day), order in stops.items():
        way = [planner.model.base[crew, order[0]], planner.model.base[crew, order[-1]]]
        way += [planner.model.between[a, b] for a, b in pairwise(order)]
        found.append(Tour(crew, day, tuple(order), int(sum(way)), exact=False))
    return found
