"""What is expected of needs when nobody acts, and what acting takes: what the options of a proposal rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.act.course import Daily, neighbour_groups, past_surges
from cityward.act.options import Course, Work, course
from cityward.city.settings import WorkSection
from cityward.core.records import Need
from cityward.know.territory import TerritoryIndex


def groups_of(index: TerritoryIndex) -> NDArray[np.bool_]:
    """Each area with its nearest neighbours."""
    return neighbour_groups(index.centroids[:, 0], index.centroids[:, 1])


def courses(known: Daily, index: TerritoryIndex, needs: Sequence[Need], *, seed: int) -> dict[str, Course]:
    """By need, what is expected of it when nobody acts; left out where past surges are too few."""
    if not needs:
        return {}
    surges = past_surges(known, groups_of(index), until=known.days - 1)
    ahead = {need.id: course(need, known, surges, seed=seed) for need in needs}
    return {identifier: one for identifier, one in ahead.items() if one is not None}


def work_of(section: WorkSection) -> Work:
    """What work takes, from the city's settings."""
    minutes = {service: one.minutes for service, one in section.services.items()}
    return Work(minutes, section.other.minutes, section.hour_cost)
