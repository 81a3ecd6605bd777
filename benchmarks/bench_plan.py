"""Plans: seconds and proven gap of a day of Chicago, and June 2014 day by day beside first come, first served.

``python benchmarks/bench_plan.py``. The replay takes each case that was open as the city's record has it, and lets
each way choose which of them are visited: as many a day as the city closed on that day, by the example crews.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from cityward.act.plan import FloorUnmet, Planner
from cityward.city.folder import load_territories
from cityward.city.plan_files import read_crews
from cityward.city.plan_groups import groups_of
from cityward.city.settings import TerritorySection, load_settings
from cityward.core.clock import rng
from cityward.core.work import Job, WorkPlan

DATA = Path(__file__).resolve().parents[1] / "src/cityward/city/demo/chicago"
FIRST, DAYS = date(2014, 6, 1), 30
NAMES = {
    "Dumpster not being emptied": "Dumpster not emptied",
    "Dog feces in yard": "Dog waste in yard",
    "Construction Site Cleanliness/Fence": "Construction site, cleanliness or fence",
    "Graffiti Commercial Vehicle": "Graffiti on commercial vehicle",
}
"""As the mapping of the demonstration names them; the others have their names already."""

OLDEST_DAYS = 365
"""A case older than a year was never closed in the record; what it would wait says nothing of crews."""

FLOOR = 1.05
WORKDAY = 20
"""Cases that the city closes on a day on which its crews work; on others it closes hardly any."""
ROUNDS = 20_000


def _cases() -> pl.DataFrame:
    """Cases without the duplicates that the city marks: id, service, area, lon, lat, opened, closed."""
    raw = pl.read_parquet(DATA / "sanitation_requests.parquet")
    return (
        raw.select(
            id=pl.col("service_request_number"),
            service=pl.col("nature").replace(NAMES).fill_null(""),
            area=pl.col("community_area").cast(pl.Float64).cast(pl.Int64).cast(pl.String),
            lon="longitude",
            lat="latitude",
            opened=pl.col("creation_date").cast(pl.Date),
            closed=pl.col("completion_date").cast(pl.Date),
            status="status",
        )
        .filter(~pl.col("status").str.contains("Dup"), pl.col("lon").is_finite(), pl.col("lat").is_finite())
        .unique("id", keep="first", maintain_order=True)
        .sort("opened", "id")
    )


def _jobs(cases: pl.DataFrame) -> dict[str, Job]:
    """A job for each case, with the example settings of its kind."""
    work = load_settings(DATA).work
    return {
        row["id"]: Job(
            id=row["id"],
            about=row["id"],
            service=row["service"],
            title=row["service"],
            territory=row["area"],
            lon=row["lon"],
            lat=row["lat"],
            minutes=work.of(row["service"]).minutes,
            skill=work.of(row["service"]).skill,
            waiting_since=row["opened"],
        )
        for row in cases.iter_rows(named=True)
    }


def _groups() -> dict[str, str]:
    section = TerritorySection(
        level="area",
        file="community_areas.geojson",
        id="area",
        name="name",
        attributes="indicators_77.csv",
        attributes_id="comm_num",
        internet_percent="hh_internet(%)",
    )
    return groups_of(load_territories(DATA, section)[1])


def day_of_chicago() -> dict[str, float]:
    """300 real cases drawn from the second quarter of 2014, the 30 example crews, floor 1.5."""
    cases = _cases().filter(pl.col("opened").is_between(date(2014, 4, 1), date(2014, 6, 30)))
    drawn = rng(1, "day").choice(cases.height, 300, replace=False)
    jobs, crews, groups = _jobs(cases[np.sort(drawn)]), read_crews(DATA / "crews.csv"), _groups()

    def made(**changed: object) -> Planner:
        plain = {"made_on": date(2014, 6, 30), "first_day": date(2014, 7, 1), "groups": groups}
        return Planner(tuple(jobs.values()), crews, **{**plain, **changed})  # type: ignore[arg-type]

    made(rounds=10).plan(1.5)  # compiles, once for each installation
    began, worked = perf_counter(), process_time()
    plan = made().plan(1.5)
    seconds, processor = perf_counter() - began, process_time() - worked
    served = made().plan(way="first come", prices=False, prove=False)
    return {
        "seconds": seconds,
        "processor seconds": processor,
        "gap": plan.gap or 0.0,
        "visits": len(plan.visits),
        "travel": plan.travel_minutes,
        "first come travel": served.travel_minutes,
        "first come visits": len(served.visits),
        "exact tours": plan.exact_tours / max(plan.tours, 1),
    }


Choice = Callable[[Planner], WorkPlan]


def _first_come(planner: Planner) -> WorkPlan:
    return planner.plan(way="first come", prices=False, prove=False)


def _least(planner: Planner) -> WorkPlan:
    return planner.plan(prices=False, prove=False)


def _fair(planner: Planner) -> WorkPlan:
    """With the strictest floor, from `FLOOR` on, that can be held on the day."""
    try:
        return planner.plan(FLOOR, prices=False, prove=False)
    except FloorUnmet as unmet:
        return planner.plan(unmet.nearest, prices=False, prove=False)


def june(*, by_shift: bool = False) -> dict[str, dict[str, float]]:
    """Waiting in June 2014 as the city did it, and as each way would have.

    By count each way visits as many a day as the city closed; ``by_shift`` ten of the crews do what their shifts
    allow on the days on which the city worked, so that a shorter way is more visits.
    """
    cases = _cases().filter(pl.col("opened") <= FIRST + timedelta(days=DAYS - 1))
    cases = cases.filter(
        pl.col("closed").is_null() | (pl.col("closed") >= FIRST),
        pl.col("opened") > FIRST - timedelta(days=OLDEST_DAYS),
    )
    jobs, crews, groups = _jobs(cases), read_crews(DATA / "crews.csv"), _groups()
    crews = crews[::3] if by_shift else crews
    done = Counter(cases["closed"].drop_nulls().to_list())
    scores = {"as it was": _score(jobs, dict(cases.select("id", "closed").iter_rows()), groups, 0)}
    ways: dict[str, Choice] = {"first come": _first_come, "least waiting": _least, "with a floor": _fair}
    for name, way in ways.items():
        visited: dict[str, date] = {}
        travel = 0
        for day in (FIRST + timedelta(days=at) for at in range(DAYS)):
            open_ = tuple(job for job in jobs.values() if job.waiting_since < day and job.id not in visited)
            if done[day] > (WORKDAY if by_shift else 0) and open_:
                planner = Planner(
                    open_,
                    crews,
                    made_on=day - timedelta(days=1),
                    first_day=day,
                    groups=groups,
                    most_visits=None if by_shift else done[day],
                    rounds=ROUNDS,
                )
                plan = way(planner)
                travel += plan.travel_minutes
                visited |= {visit.job: visit.day for visit in plan.visits}
        scores[name] = _score(jobs, visited, groups, travel)
    return scores


def _score(
    jobs: dict[str, Job], visited: dict[str, date | None], groups: dict[str, str], travel: int
) -> dict[str, float]:
    """Days waited until the visit, or until the end of the month by those that still wait."""
    end = FIRST + timedelta(days=DAYS - 1)
    when = {name: day for name in jobs if (day := visited.get(name)) and day <= end}
    waits = {name: ((when.get(name) or end) - job.waiting_since).days for name, job in jobs.items()}
    served = np.array([waits[name] for name in when])
    by_group: dict[str, list[int]] = {}
    for name, job in jobs.items():
        by_group.setdefault(groups.get(job.territory or "", "elsewhere"), []).append(waits[name])
    means = [float(np.mean(one)) for one in by_group.values() if len(one) >= 5]
    overall = float(np.mean(list(waits.values())))
    return {
        "visited": len(when),
        "mean": float(served.mean()),
        "median": float(np.median(served)),
        "p90": float(np.quantile(served, 0.9)),
        "mean of all": overall,
        "p90 of all": float(np.quantile(list(waits.values()), 0.9)),
        "worst group": max(means) / overall,
        "spread": max(means) - min(means),
        "travel": travel / 60,
    }


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    day = day_of_chicago()
    scores = june()
    shifts = june(by_shift=True)
    for name, one in [*scores.items(), *((f"{name}, by shift", one) for name, one in shifts.items())]:
        print(f"{name}: " + ", ".join(f"{key} {value:,.2f}" for key, value in one.items()))
    print(", ".join(f"{key} {value:,.3f}" for key, value in day.items()))
    figures = {
        "plan of 300 jobs and 30 crews, s": (day["seconds"], "≤ 10"),
        "plan of 300 jobs and 30 crews, processor s": (day["processor seconds"], ""),
        "plan of 300 jobs and 30 crews, proven gap %": (100 * day["gap"], "≤ 2"),
        "plan of 300 jobs and 30 crews, way over first come": (day["travel"] / day["first come travel"], ""),
    }
    for name in ("first come", "least waiting", "with a floor"):
        figures[f"June 2014, {name}: hours on the way, visits as the city"] = (scores[name]["travel"], "")
        figures[f"June 2014, {name}: mean days of all cases, ten crews"] = (shifts[name]["mean of all"], "")
        figures[f"June 2014, {name}: longest group over the mean, ten crews"] = (shifts[name]["worst group"], "")
    return figures


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:,.2f} {target}")
