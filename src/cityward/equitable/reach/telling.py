"""Tells how far services are: shares of people within some minutes, by group, and the places that need longest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from cityward.core.words import percent
from cityward.equitable.reach.reach import Minutes, share_within
from cityward.equitable.reach.walking import Floats, Ints


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of people within some minutes of a service, at the median moment of leaving.

    Attributes
    ----------
    share, on_foot : float
        With public transport, and on foot alone.
    reduced_mobility : tuple of float or None
        For people with reduced mobility: at worst (what is unknown is not accessible) and at best (it is).
    """

    minutes: float
    share: float
    on_foot: float
    reduced_mobility: tuple[float, float] | None = None


class GroupReach(msgspec.Struct, frozen=True, kw_only=True):
    """One group: its people, the minutes of its median resident, and its shares."""

    group: str
    people: float
    median_minutes: float | None
    within: tuple[Within, ...]


class PlaceReach(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes from one place: least and median over the window, on foot; None beyond two hours."""

    place: str
    group: str
    people: float
    least: float | None
    median: float | None
    on_foot: float | None
    reduced_mobility: tuple[float | None, float | None] | None = None


class ServiceReach(msgspec.Struct, frozen=True, kw_only=True):
    """One service: locations, shares, groups, the widest gap between groups, and places, the farthest first."""

    service: str
    locations: int
    finding: str
    within: tuple[Within, ...]
    groups: tuple[GroupReach, ...]
    group_gap: float
    far: tuple[PlaceReach, ...]
    places: tuple[PlaceReach, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of all services."""

    finding: str
    day: str
    depart: str
    window_minutes: int
    rides: int
    trips: int
    people: float
    services: tuple[ServiceReach, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Residents:
    """Who lives where: identifiers, people and group (position in ``groups``) of each place."""

    places: Sequence[str]
    people: Floats
    group: Ints
    groups: Sequence[str]


def tell_service(
    name: str,
    locations: int,
    who: Residents,
    minutes: Minutes,
    limits: Sequence[float],
    reduced: Mapping[str, Minutes] | None = None,
) -> ServiceReach:
    """Return what is told of one service.

    Parameters
    ----------
    limits : sequence of float
        Minutes, the longest last.
    reduced : mapping of Minutes, optional
        ``worst`` and ``best``, for people with reduced mobility.
    """
    everybody = np.ones(who.people.size, bool)
    groups = []
    for at, group in enumerate(who.groups):
        mine = (who.group == at) & (who.people > 0)
        if mine.any():
            groups.append(
                GroupReach(
                    group=group,
                    people=float(who.people[mine].sum()),
                    median_minutes=_median_resident(minutes.median[mine], who.people[mine]),
                    within=_within(mine, who.people, minutes, limits, reduced),
                )
            )
    within = _within(everybody, who.people, minutes, limits, reduced)
    shares = [group.within[-1].share for group in groups]
    places = _places(who, minutes, reduced)
    far = tuple(one for one in places if one.people > 0 and (one.median is None or one.median > limits[-1]))
    return ServiceReach(
        service=name,
        locations=locations,
        finding=_finding(name, within, far, groups),
        within=within,
        groups=tuple(groups),
        group_gap=max(shares) - min(shares),
        far=far,
        places=places,
    )


def _within(
    mine: np.ndarray,
    people: Floats,
    minutes: Minutes,
    limits: Sequence[float],
    reduced: Mapping[str, Minutes] | None,
) -> tuple[Within, ...]:
    def share(of: Floats, limit: float) -> float:
        return share_within(of[mine], people[mine], limit)

    return tuple(
        Within(
            minutes=limit,
            share=share(minutes.median, limit),
            on_foot=share(minutes.walking, limit),
            reduced_mobility=None
            if reduced is None
            else (share(reduced["worst"].median, limit), share(reduced["best"].median, limit)),
        )
        for limit in limits
    )


def _median_resident(minutes: Floats, people: Floats) -> float | None:
    order = np.argsort(np.nan_to_num(minutes, nan=np.inf), kind="stable")
    middle = int(np.searchsorted(np.cumsum(people[order]), people.sum() / 2))
    return _known(minutes[order[min(middle, order.size - 1)]])


def _known(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) and value < 1e6 else None


def _places(who: Residents, minutes: Minutes, reduced: Mapping[str, Minutes] | None) -> tuple[PlaceReach, ...]:
    order = np.lexsort((-who.people, -np.nan_to_num(minutes.median, nan=np.inf)))
    return tuple(
        PlaceReach(
            place=who.places[at],
            group=who.groups[who.group[at]],
            people=float(who.people[at]),
            least=_known(minutes.least[at]),
            median=_known(minutes.median[at]),
            on_foot=_known(minutes.walking[at]),
            reduced_mobility=None
            if reduced is None
            else (_known(reduced["worst"].median[at]), _known(reduced["best"].median[at])),
        )
        for at in order.tolist()
    )


def _finding(name: str, within: tuple[Within, ...], far: tuple[PlaceReach, ...], groups: list[GroupReach]) -> str:
    told = ", ".join(f"{percent(one.share, 1)} within {one.minutes:g} minutes" for one in within)
    last = within[-1]
    sentence = f"{name}: {told} (on foot alone {percent(last.on_foot, 1)} within {last.minutes:g})."
    if last.reduced_mobility:
        worst, best = last.reduced_mobility
        between = percent(best, 1) if best - worst < 5e-4 else f"between {percent(worst, 1)} and {percent(best, 1)}"
        sentence += f" With reduced mobility {between} within {last.minutes:g}."
    if len(groups) > 1:
        most, least = (pick(groups, key=lambda one: one.within[0].share) for pick in (max, min))
        sentence += (
            f" Within {within[0].minutes:g} minutes: {percent(least.within[0].share, 1)} of {least.group}, "
            f"{percent(most.within[0].share, 1)} of {most.group}."
        )
    if far:
        people = sum(one.people for one in far)
        many = "1 place" if len(far) == 1 else f"{len(far):,} places"
        sentence += f" {people:,.0f} people in {many} need longer: first {far[0].place}."
    return sentence
