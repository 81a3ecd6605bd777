"""What a plan is made of, as arrays: minutes on the way, what a day of waiting counts, and who can do what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.work import Crew, Job

EARTH_KM: Final = 6371.0088
"""Mean radius of the Earth (Source: IUGG, WGS 84)."""

MINUTES_MAX: Final = 100_000
"""Travel that takes longer is as good as impossible; the bound keeps sums in 32 bits."""

AGE_DAYS_MAX: Final = 365
"""A case forgotten for years would otherwise outweigh a whole district."""

LATER_DAYS_MAX: Final = 365.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan assumes and what it weighs; every figure is stated where a plan is shown.

    Parameters
    ----------
    speed_kmh, detour : float
        Travel takes great-circle distance × ``detour`` / ``speed_kmh``, rounded up to whole minutes.
    aging_days : float
        A day of waiting counts ``priority × (1 + age / aging_days)``: twice as much at this age.
    travel_days_per_hour : float
        An hour on the way counts as much as one job of weight 1 that waits this many days.
    """

    speed_kmh: float = 25.0
    detour: float = 1.3
    aging_days: float = 30.0
    travel_days_per_hour: float = 0.1


@dataclass(frozen=True, slots=True)
class Model:
    """Jobs, crews and days as arrays; made by `model`.

    Attributes
    ----------
    between : ndarray of int32, shape (jobs, jobs)
        Travel minutes.
    base : ndarray of int32, shape (crews, jobs)
        Travel minutes from a crew's base, and back.
    minutes : ndarray of int32, shape (jobs,)
    shift : ndarray of int32, shape (crews,)
    able : ndarray of bool, shape (crews, jobs)
        The crew has the skill, and could do the job if it did nothing else on a day.
    age_days : ndarray, shape (jobs,)
        Days waited when the plan is made.
    weight : ndarray, shape (jobs,)
        What one more day counts.
    later_days : float
        Expected further days of a job that is not in the plan.
    group : ndarray of int32, shape (jobs,)
        Position in ``groups``.
    """

    between: NDArray[np.int32]
    base: NDArray[np.int32]
    minutes: NDArray[np.int32]
    shift: NDArray[np.int32]
    able: NDArray[np.bool_]
    skilled: NDArray[np.bool_]
    age_days: NDArray[np.float64]
    weight: NDArray[np.float64]
    later_days: float
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    first_days: int
    days: int
    minute_cost: float

    def saved_days(self, day: int) -> float:
        """Days that a job visited on a day of the plan (from 0) waits less than one that is left out."""
        return self.later_days - self.first_days - day

    def waiting_days(self, visited_on: NDArray[np.int32]) -> NDArray[np.float64]:
        """Expected days from report to visit, shape (jobs,); ``visited_on`` is the day from 0, or -1."""
        further = np.where(visited_on >= 0, self.first_days + visited_on, self.later_days)
        return self.age_days + further

    def group_means(self, waiting: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of ``waiting`` in each group."""
        return np.bincount(self.group, waiting, len(self.groups)) / np.bincount(self.group, minlength=len(self.groups))


def model(
    jobs: Sequence[Job],
    crews: Sequence[Crew],
    *,
    made_on: date,
    first_day: date,
    days: int,
    groups: Mapping[str, str],
    terms: Terms,
) -> Model:
    """Return jobs and crews as arrays.

    Parameters
    ----------
    groups : mapping
        Group of each territory; a territory that is not named, or none, is ``elsewhere``.
    """
    lon = np.array([job.lon for job in jobs])
    lat = np.array([job.lat for job in jobs])
    base = travel_minutes(
        np.array([crew.lon for crew in crews]), np.array([crew.lat for crew in crews]), lon, lat, terms
    )
    minutes = np.array([job.minutes for job in jobs], dtype=np.int32)
    shift = np.array([crew.shift_minutes for crew in crews], dtype=np.int32)
    skilled = np.array([[job.skill in crew.skills for job in jobs] for crew in crews], dtype=np.bool_)
    skilled = skilled.reshape(len(crews), len(jobs))
    between = travel_minutes(lon, lat, lon, lat, terms)
    age = np.array([max(0, (made_on - job.waiting_since).days) for job in jobs], dtype=np.float64)
    names = [groups.get(job.territory or "", ELSEWHERE) for job in jobs]
    held = tuple(sorted(set(names)))
    able = skilled & (2 * base + minutes <= shift[:, None])
    first_days = (first_day - made_on).days
    priority = np.array([job.priority for job in jobs])
    return Model(
        between=between,
        base=base,
        minutes=minutes,
        shift=shift,
        able=able,
        skilled=skilled,
        age_days=age,
        weight=priority * (1 + np.minimum(age, AGE_DAYS_MAX) / terms.aging_days),
        later_days=first_days + days - 1 + _further_days(able, between, minutes, shift, days),
        group=np.array([held.index(name) for name in names], dtype=np.int32),
        groups=held,
        first_days=first_days,
        days=days,
        minute_cost=terms.travel_days_per_hour / 60,
    )


ELSEWHERE: Final = "elsewhere"


def travel_minutes(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    to_lon: NDArray[np.float64],
    to_lat: NDArray[np.float64],
    terms: Terms,
) -> NDArray[np.int32]:
    """Return whole minutes of travel between every two points, shape (from, to).

    Notes
    -----
    **Source**: haversine formula, R. W. Sinnott (1984), "Virtues of the haversine", Sky and Telescope 68.
    """
    x, y, to_x, to_y = (np.radians(value) for value in (lon, lat, to_lon, to_lat))
    half = (
        np.sin((to_y[None, :] - y[:, None]) / 2) ** 2
        + np.cos(y)[:, None] * np.cos(to_y)[None, :] * np.sin((to_x[None, :] - x[:, None]) / 2) ** 2
    )
    km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    # Rounded before rounding up, so that a distance of nothing takes no minute.
    minutes: NDArray[np.float64] = np.ceil(np.round(60 * km * terms.detour / terms.speed_kmh, 6))
    return np.minimum(minutes, MINUTES_MAX).astype(np.int32)


def _further_days(
    able: NDArray[np.bool_],
    between: NDArray[np.int32],
    minutes: NDArray[np.int32],
    shift: NDArray[np.int32],
    days: int,
) -> float:
    """Expected days after the plan's last day until a job is visited that the plan leaves out.

    What is left is worked off at the plan's own pace: a job waits one day more, and half of the days that the
    rest takes. The way to a job is taken to be that to its nearest neighbour.
    """
    if not able.size or not able.any():
        return LATER_DAYS_MAX
    doable = able.any(axis=0)
    if doable.sum() > 1:
        away = between[np.ix_(doable, doable)].copy()
        np.fill_diagonal(away, MINUTES_MAX)
        step = float(away.min(axis=1).mean())
    else:
        step = 0.0
    pace = float(shift[able.any(axis=1)].sum()) / (float(minutes[doable].mean()) + step)
    left = max(0.0, float(doable.sum()) - pace * days)
    return min(LATER_DAYS_MAX, 1.0 + left / max(pace, 1e-9) / 2)
