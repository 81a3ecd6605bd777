"""Plans: against brute force, against their own rules, and what they say when something cannot be done."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.act.plan import FloorUnmet, Planner
from cityward.act.plan_check import JOBS_MAX
from cityward.act.plan_model import Terms, travel_minutes
from cityward.act.plan_move import move
from cityward.act.plan_search import Tour, cost, visited_on
from cityward.core.errors import UnknownId, UserError
from cityward.core.records import to_json
from cityward.core.work import Crew, Job, Move, WorkPlan

MADE, FIRST = date(2014, 6, 30), date(2014, 7, 1)
ROUNDS = 4_000


def job(name: str, lon: float = 0.0, lat: float = 0.0, **changed: object) -> Job:
    plain = {"minutes": 30, "skill": "a", "waiting_since": MADE, "priority": 0.5, "territory": "x"}
    return Job(id=name, about="C-0000000000", service="s", title=name, lon=lon, lat=lat, **{**plain, **changed})  # type: ignore[arg-type]


def crew(name: str, lon: float = 0.0, lat: float = 0.0, **changed: object) -> Crew:
    plain = {"skills": ("a",), "shift_begins_minutes": 480, "shift_minutes": 120}
    return Crew(id=name, name=name, lon=lon, lat=lat, **{**plain, **changed})  # type: ignore[arg-type]


def planner(jobs: list[Job], crews: list[Crew], **changed: object) -> Planner:
    plain = {"made_on": MADE, "first_day": FIRST, "groups": {"x": "x", "y": "y"}, "rounds": ROUNDS}
    return Planner(tuple(jobs), tuple(crews), **{**plain, **changed})  # type: ignore[arg-type]


def drawn(seed: int, jobs: int, crews: int, *, shift: int = 150) -> tuple[list[Job], list[Crew]]:
    random = np.random.default_rng(seed)
    some = [
        job(
            f"j{at}",
            *random.uniform(-0.1, 0.1, 2).tolist(),
            minutes=int(random.integers(10, 60)),
            skill="ab"[int(random.integers(2))],
            waiting_since=MADE - timedelta(days=int(random.integers(0, 60))),
            priority=round(float(random.uniform(0.1, 1)), 2),
            territory="xy"[int(random.integers(2))],
        )
        for at in range(jobs)
    ]
    skills = (("a",), ("b",), ("a", "b"))
    who = [
        crew(f"c{at}", *random.uniform(-0.1, 0.1, 2).tolist(), skills=skills[at % 3], shift_minutes=shift)
        for at in range(crews)
    ]
    return some, who


def brute(one: Planner, floor: float | None) -> float | None:
    """The least objective over every assignment to crews and days, or None when no assignment holds the floor."""
    model = one.model
    slots = [(c, d) for c in range(model.shift.size) for d in range(model.days)]
    best = None
    shortest: dict[tuple[int, tuple[int, ...]], int | None] = {}

    def tour(c: int, stops: tuple[int, ...]) -> int | None:
        if (c, stops) not in shortest:
            if not all(model.skilled[c, j] for j in stops):
                shortest[c, stops] = None
            else:
                ways = [
                    model.base[c, way[0]] + model.base[c, way[-1]]
                    + sum(model.between[a, b] for a, b in itertools.pairwise(way))
                    for way in itertools.permutations(stops)
                ]  # fmt: skip
                least = int(min(ways))
                work = int(model.minutes[list(stops)].sum())
                shortest[c, stops] = least if least + work <= model.shift[c] else None
        return shortest[c, stops]

    for given_to in itertools.product(range(-1, len(slots)), repeat=len(one.jobs)):
        tours = []
        for at, (c, d) in enumerate(slots):
            stops = tuple(j for j, slot in enumerate(given_to) if slot == at)
            if stops:
                way = tour(c, stops)
                if way is None:
                    break
                tours.append(Tour(c, d, stops, way, exact=True))
        else:
            if floor is not None:
                waiting = model.waiting_days(visited_on(model, tuple(tours)))
                if (model.group_means(waiting) > floor * waiting.mean() + 1e-9).any():
                    continue
            total = cost(model, tuple(tours))
            best = total if best is None or total < best else best
    return best


def holds(plan: WorkPlan, one: Planner) -> None:
    """Each job once, skills and shifts kept, times as the ways are, and the bound below the objective."""
    jobs, crews = {j.id: j for j in plan.jobs}, {c.id: c for c in plan.crews}
    names = [visit.job for visit in plan.visits]
    assert len(set(names)) == len(names)
    assert sorted(names + [one_.job for one_ in plan.unplanned]) == sorted(jobs)
    tours: dict[tuple[str, date], list] = {}
    for visit in plan.visits:
        assert jobs[visit.job].skill in crews[visit.crew].skills
        tours.setdefault((visit.crew, visit.day), []).append(visit)
    travel = 0
    for (name, day), visits in tours.items():
        who = crews[name]
        assert 0 <= (day - plan.first_day).days < plan.days
        assert [visit.place for visit in visits] == list(range(1, len(visits) + 1))
        lon = np.array([who.lon, *(jobs[visit.job].lon for visit in visits), who.lon])
        lat = np.array([who.lat, *(jobs[visit.job].lat for visit in visits), who.lat])
        way = travel_minutes(lon, lat, lon, lat, Terms())
        now = who.shift_begins_minutes
        for at, visit in enumerate(visits):
            now += int(way[at, at + 1])
            assert visit.arrives_minutes == now
            now += jobs[visit.job].minutes
        travel += int(sum(way[at, at + 1] for at in range(len(visits) + 1)))
        assert now + int(way[len(visits), len(visits) + 1]) - who.shift_begins_minutes <= who.shift_minutes
    assert travel == plan.travel_minutes
    assert plan.bound is None or plan.bound <= plan.objective + 1e-6
    if plan.floor is not None:
        assert all(group.ratio <= plan.floor + 1e-9 for group in plan.groups)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("days", [1, 2])
def test_a_small_plan_is_the_best_there_is(seed: int, days: int) -> None:
    one = planner(*drawn(seed, 5, 2, shift=90 if days == 2 else 120), days=days)
    plan = one.plan(prices=False)
    holds(plan, one)
    best = brute(one, None)
    assert best is not None
    assert plan.objective == pytest.approx(best)
    assert plan.bound <= best + 1e-6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("floor", [1.02, 1.1, 1.3])
def test_a_small_plan_with_a_floor_is_the_best_that_holds_it(seed: int, floor: float) -> None:
    one = planner(*drawn(seed, 5, 2, shift=100))
    best = brute(one, floor)
    if best is None:
        with pytest.raises(FloorUnmet) as unmet:
            one.plan(floor)
        assert unmet.value.nearest > floor
        assert brute(one, unmet.value.nearest) is not None
        assert one.plan(unmet.value.nearest).floor == unmet.value.nearest
    else:
        plan = one.plan(floor)
        holds(plan, one)
        assert plan.objective == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    jobs=st.integers(1, 30),
    crews=st.integers(1, 4),
    shift=st.integers(1, 500),
    days=st.integers(1, 3),
    floor=st.sampled_from([None, 1.0, 1.2, 2.0]),
)
def test_every_plan_keeps_its_rules(
    seed: int, jobs: int, crews: int, shift: int, days: int, floor: float | None
) -> None:
    one = planner(*drawn(seed, jobs, crews, shift=shift), days=days, rounds=300)
    holds(one.plan(way="first come", prices=False), one)
    try:
        plan = one.plan(floor)
    except FloorUnmet as unmet:
        plan = one.plan(unmet.nearest)
    holds(plan, one)


def test_equal_input_gives_an_equal_plan() -> None:
    jobs, crews = drawn(3, 25, 3)
    assert to_json(planner(jobs, crews).plan(1.5)) == to_json(planner(jobs, crews).plan(1.5))


def test_a_day_of_three_hundred_jobs_is_within_two_per_cent() -> None:
    jobs, crews = drawn(1, 300, 30, shift=480)
    one = planner(jobs, crews, rounds=40_000)
    plan = one.plan(1.5)
    holds(plan, one)
    assert plan.gap <= 0.02


def test_the_price_of_a_floor_is_what_it_costs_in_waiting() -> None:
    """Two groups, one far away and old: the floor sends the crew there, and others wait."""
    old = [job(f"o{at}", 0.2, 0, territory="y", waiting_since=MADE - timedelta(days=12)) for at in range(6)]
    near = [job(f"n{at}", 0.001 * at, 0, waiting_since=MADE - timedelta(days=10)) for at in range(6)]
    one = planner([*old, *near], [crew("c", shift_minutes=200)])
    free = one.price(None)
    floor = math.floor(free.worst_ratio * 1000 - 1) / 1000
    dear = one.price(floor)
    assert dear.met
    assert free.extra_days == 0
    assert dear.worst_ratio <= floor < free.worst_ratio
    assert dear.extra_days == pytest.approx(dear.waiting_days - free.waiting_days)
    assert dear.extra_days > 0
    floors = [price.floor for price in one.prices()]
    assert floors[-1] is None
    assert floors[:-1] == sorted(floors[:-1])


def test_an_unmet_floor_names_the_group_and_its_old_jobs() -> None:
    old = [job(f"o{at}", territory="y", waiting_since=MADE - timedelta(days=300)) for at in range(3)]
    new = [job(f"n{at}") for at in range(9)]
    with pytest.raises(FloorUnmet) as unmet:
        planner([*old, *new], [crew("c", shift_minutes=480)]).plan(1.5)
    said = str(unmet.value)
    assert "No plan can hold a floor of 1.5" in said
    assert "“y” would still wait" in said
    assert "Of its 3 jobs 3 have waited longer" in said
    assert f"nearest floor that can be held is {unmet.value.nearest:.2f}" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"skill": "z"}, "No crew can do “z”."),
        ({"minutes": 121}, "It takes 121 minutes and at least 0 on the way; the longest shift"),
        ({"lon": 170.0}, "minutes and at least"),
        ({"minutes": 120, "priority": 0.01}, "have no time left"),
    ],
)
def test_a_job_that_waits_on_says_why(changed: dict[str, object], said: str) -> None:
    plan = planner([job("odd", **changed), job("plain")], [crew("c")]).plan()  # type: ignore[arg-type]
    why = {one.job: one.because for one in plan.unplanned}
    assert said in why["odd"]
    assert [visit.job for visit in plan.visits] == ["plain"]


@pytest.mark.parametrize(
    ("jobs", "crews", "changed", "said"),
    [
        ([job("a")], [], {}, "There are no crews"),
        ([job("a"), job("a")], [crew("c")], {}, "Two jobs are called 'a'"),
        ([job("a")], [crew("c"), crew("c")], {}, "Two crews are called 'c'"),
        ([job("a", math.nan)], [crew("c")], {}, "Job 'a' has no place on the Earth"),
        ([job("a", 0, 91)], [crew("c")], {}, "Job 'a' has no place on the Earth"),
        ([job("a", minutes=-5)], [crew("c")], {}, "takes -5 minutes"),
        ([job("a", minutes=0)], [crew("c")], {}, "takes 0 minutes"),
        ([job("a", priority=math.nan)], [crew("c")], {}, "has priority nan"),
        ([job("a")], [crew("c", shift_minutes=0)], {}, "has 0 minutes"),
        ([job("a")], [crew("c", math.inf)], {}, "Crew 'c' has no place on the Earth"),
        ([job("a")], [crew("c")], {"days": 0}, "A plan of 0 days"),
        ([job("a")], [crew("c")], {"first_day": MADE}, "Begin a day later"),
        ([job(str(at)) for at in range(JOBS_MAX + 1)], [crew("c")], {}, "3,001 jobs are more than the 3,000"),
    ],
)
def test_what_no_plan_can_be_made_of_is_said(
    jobs: list[Job], crews: list[Crew], changed: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        planner(jobs, crews, **changed)


@pytest.mark.parametrize("floor", [0.5, 0.0, -1.0, math.nan, math.inf])
def test_a_floor_below_one_is_refused(floor: float) -> None:
    with pytest.raises(UserError, match="cannot be held"):
        planner([job("a")], [crew("c")]).plan(floor)


def test_no_jobs_make_an_empty_plan() -> None:
    plan = planner([], [crew("c")]).plan(1.5)
    assert (plan.visits, plan.unplanned, plan.gap, plan.objective) == ((), (), 0.0, 0.0)


def test_a_cap_on_visits_is_kept() -> None:
    one = planner(*drawn(2, 30, 4, shift=480), most_visits=7)
    for way in ("least waiting", "first come"):
        plan = one.plan(way=way, prices=False)  # type: ignore[arg-type]
        assert len(plan.visits) == 7


def moved(job_: str, crew_: str) -> Move:
    return Move(
        job=job_, from_crew=None, crew=crew_, by="Ana Rojas", because="She knows the place.",
        at=datetime(2014, 6, 30, 20, tzinfo=UTC),
    )  # fmt: skip


def test_a_moved_job_is_checked_and_the_rest_stays() -> None:
    one = planner(*drawn(5, 12, 3, shift=240))
    plan = one.plan(prices=False)
    target = plan.crews[2]
    given_ = next(visit for visit in plan.visits if visit.crew != target.id)
    roomy = msgspec.structs.replace(target, shift_minutes=480)
    wide = planner(list(plan.jobs), [*plan.crews[:2], roomy])
    pairs = [(c, j) for c, j in ((0, 0), (1, 1)) if wide.model.skilled[c, j]]
    tours = [Tour(c, 0, (j,), 2 * int(wide.model.base[c, j]), exact=True) for c, j in pairs]
    start = wide.record(tours, floor=None, way="least waiting", least=None)
    after = move(start, wide, moved(given_.job, roomy.id))
    holds(after, wide)
    assert {v.job for v in after.visits} == {v.job for v in start.visits} | {given_.job}
    assert next(v.crew for v in after.visits if v.job == given_.job) == roomy.id
    assert after.moves[-1].by == "Ana Rojas"
    assert after.id != start.id


def test_a_move_that_cannot_be_is_refused_with_its_reason() -> None:
    jobs = [job("a", minutes=60), job("b", minutes=100), job("z", skill="z")]
    one = planner(jobs, [crew("c1"), crew("c2"), crew("cz", skills=("z",))])
    plan = one.plan(prices=False)
    with pytest.raises(UserError, match="cz cannot do “a”: its skills are z"):
        move(plan, one, moved("a", "cz"))
    other = next(visit.crew for visit in plan.visits if visit.job == "b")
    with pytest.raises(UserError, match=f"The day of {other} would take 160 minutes, 40 more than the shift"):
        move(plan, one, moved("a", other))
    with pytest.raises(UserError, match="has this job already"):
        move(plan, one, moved("b", other))
    with pytest.raises(UnknownId):
        move(plan, one, moved("nobody", "c1"))
