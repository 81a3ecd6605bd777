"""A round and its ballots as a file that any program of participatory budgeting reads.

Source: D. Stolicki, S. Szufa and N. Talmon, Pabulib: a participatory budgeting library, 2020, arXiv:2012.06539; the
format as described at pabulib.org/format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cityward.participate.rounds.ballot import Ballot
from cityward.participate.rounds.shape import Round

_TYPES: Final = {"approval": "approval", "cumulative": "cumulative", "ranked": "ordinal"}


def pabulib_text(found: Round, ballots: Mapping[str, Ballot], unit: str, areas_below: int) -> str:
    """The file.

    Parameters
    ----------
    found : Round
        The round.
    ballots : mapping of str to Ballot
        By their numbers; they are written in the order of these, which says nothing of when they came.
    unit : str
        Name of the city.
    areas_below : int
        Areas of fewer ballots are left out, and as many more as are needed for those left out not to stand alone.
    """
    told = told_areas(Counter(one.area for one in ballots.values()), areas_below)
    lines = ["META", "key;value"]
    lines += [f"{key};{_cell(value)}" for key, value in _meta(found, len(ballots), unit)]
    lines += ["PROJECTS", "project_id;cost;name" + (";neighborhood" if _any_area(found) else "")]
    for one in found.projects:
        cells = [one.id, str(one.cost), _cell(one.title), *([_cell(one.area or "")] if _any_area(found) else [])]
        lines.append(";".join(cells))
    lines += ["VOTES"]
    points = found.vote == "cumulative"
    lines += ["voter_id;vote" + (";points" if points else "") + (";neighborhood" if found.ask_area else "")]
    for number, ballot in sorted(ballots.items()):
        cells = [number, ",".join(ballot.chosen), *([",".join(map(str, ballot.points))] if points else [])]
        cells += [_cell(ballot.area if ballot.area in told else "")] if found.ask_area else []
        lines.append(";".join(cells))
    return "\n".join(lines) + "\n"


def _meta(found: Round, votes: int, unit: str) -> Sequence[tuple[str, str]]:
    most = "max_sum_points" if found.vote == "cumulative" else "max_length"
    return (
        ("description", found.title),
        ("country", found.country),
        ("unit", unit),
        ("instance", str(found.closes.year)),
        ("num_projects", str(len(found.projects))),
        ("num_votes", str(votes)),
        ("budget", str(found.budget)),
        ("rule", found.rule),
        ("vote_type", _TYPES[found.vote]),
        ("date_begin", f"{found.opens:%d.%m.%Y}"),
        ("date_end", f"{found.closes:%d.%m.%Y}"),
        ("min_length", "1"),
        (most, str(found.most)),
        ("currency", found.currency),
    )


def _any_area(found: Round) -> bool:
    return any(one.area for one in found.projects)


def _cell(text: str) -> str:
    """Text for one cell: the format knows no quotes, so what would end a cell or a line becomes something like it."""
    return " ".join(text.replace(";", ",").replace('"', "'").split())


def told_areas(counts: Mapping[str, int], below: int) -> frozenset[str]:
    """Areas that may stand beside ballots.

    Parameters
    ----------
    counts : mapping of str to int
        Ballots of each area; those of nobody's area under the empty text.
    below : int
        Areas of fewer are left out. Those left out and the voters who said nothing are one crowd: while that is not
        empty and smaller than this too, the next smallest area is left out as well.
    """
    areas = sorted((count, area) for area, count in counts.items() if area)
    hidden = counts.get("", 0)
    told = []
    for count, area in areas:
        if count < below or 0 < hidden < below:
            hidden += count
        else:
            told.append(area)
    return frozenset(told)
