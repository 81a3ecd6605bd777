"""What a plan can be made of: every job and crew is checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

from cityward.core.errors import UserError
from cityward.core.work import Crew, Job

JOBS_MAX: Final = 3_000
"""Every job is compared with every other: 9 million ways, and several such tables in the bound."""

CREWS_MAX: Final = 1_000
DAYS_MAX: Final = 14
"""A plan for later is made again before it comes."""

DAY_MINUTES: Final = 1440


def check(jobs: Sequence[Job], crews: Sequence[Crew], made_on: date, first_day: date, days: int) -> None:
    """Raise `UserError` for the first thing that no plan can be made of.

    No jobs are no mistake: the plan is empty. No crew that fits a job is none either: the plan says it of the job.
    """
    _sizes(jobs, crews, days)
    if first_day <= made_on:
        raise UserError(
            f"The plan begins on {first_day}, but what waits is known to the end of {made_on}.", "Begin a day later."
        )
    _distinct([job.id for job in jobs], "job")
    _distinct([crew.id for crew in crews], "crew")
    for job in jobs:
        _place(job.lon, job.lat, f"Job '{job.id[:60]}'")
        if not 1 <= job.minutes <= DAY_MINUTES:
            raise UserError(
                f"Job '{job.id[:60]}' takes {job.minutes:,} minutes; a visit takes 1 to {DAY_MINUTES:,}.",
                "Mend the minutes of its service.",
            )
        if not (math.isfinite(job.priority) and 0 <= job.priority <= 1):
            raise UserError(f"Job '{job.id[:60]}' has priority {job.priority:g}.", "Give one from 0 to 1.")
    for crew in crews:
        _place(crew.lon, crew.lat, f"Crew '{crew.id[:60]}'")
        if not 1 <= crew.shift_minutes <= DAY_MINUTES:
            raise UserError(
                f"The shift of crew '{crew.id[:60]}' has {crew.shift_minutes:,} minutes.",
                f"A shift has 1 to {DAY_MINUTES:,}; leave out a crew that does not work.",
            )


def _sizes(jobs: Sequence[Job], crews: Sequence[Crew], days: int) -> None:
    if not crews:
        raise UserError(
            "There are no crews, so nobody can go out.", "Name crews in the file that work.crews points to."
        )
    if not 1 <= days <= DAYS_MAX:
        raise UserError(f"A plan of {days:,} days cannot be made.", f"Give 1 to {DAYS_MAX}.")
    for count, most, what in ((len(jobs), JOBS_MAX, "jobs"), (len(crews), CREWS_MAX, "crews")):
        if count > most:
            raise UserError(
                f"{count:,} {what} are more than the {most:,} that one plan can have.",
                "Plan one skill or one side of the city at a time.",
            )


def _distinct(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UserError(f"Two {what}s are called '{name[:60]}'.", "Give each its own identifier.")
        seen.add(name)


def _place(lon: float, lat: float, whose: str) -> None:
    if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        raise UserError(f"{whose} has no place on the Earth.", "Give degrees of longitude and latitude.")
