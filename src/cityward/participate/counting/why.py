"""Why a project won or lost, and what would have been enough: a budget, or voters more."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

import msgspec

from cityward.participate.counting.count import Way, count
from cityward.participate.counting.election import Election, with_budget, with_more
from cityward.participate.counting.outcome import Outcome, cost_of
from cityward.participate.counting.represent import LEAST
from cityward.participate.counting.shares import exact_after

_MARKS: Final = 100_000
"""With more marks what is enough is looked for in steps of a thousandth of the budget, or of the voters, only."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a project won or lost.

    ``because`` are sentences. ``paid_in_full`` and ``paid_all_they_had`` count voters (None where they are few);
    ``most_paid`` is the most that one voter paid. ``enough_budget`` is a budget with which it wins while it does not
    with ``budget_step`` less; ``enough_voters`` is how many voters more, who ask for it alone, would have been enough,
    while ``voters_step`` fewer would not.
    """

    project: str
    name: str
    cost: int | float
    votes: int
    score: int | float
    funded: bool
    because: tuple[str, ...]
    place: int | None = None
    paid_in_full: int | None = None
    paid_all_they_had: int | None = None
    most_paid: float | None = None
    enough_budget: int | float | None = None
    budget_step: int | float | None = None
    enough_voters: int | None = None
    voters_step: int | None = None


def why(election: Election, way: Way, outcome: Outcome, project: int) -> Why:
    """Explain one project of a count by ``way`` that gave ``outcome``."""
    made = Why(
        project=election.ids[project],
        name=election.names[project],
        cost=election.amount(election.costs[project]),
        votes=int(election.votes[project]),
        score=election.points(int(election.scores[project])),
        funded=project in outcome.funded,
        because=(),
    )
    if made.funded:
        return _won(election, way, outcome, project, made)
    return _lost(election, way, outcome, project, made)


def _won(election: Election, way: Way, outcome: Outcome, project: int, made: Why) -> Why:
    place = outcome.funded.index(project)
    made = msgspec.structs.replace(made, place=place + 1)
    if way.rule == "phragmen":
        earned = _money(election, outcome.prices[place])
        told = f"Its {made.votes:,} supporters could pay for it together when every voter had earned {earned}."
        return msgspec.structs.replace(made, because=(told,))
    if outcome.share is None or project in outcome.completed:
        return msgspec.structs.replace(made, because=(_fits(election, outcome, project, place),))
    exact = exact_after(election, way.satisfaction, outcome.share, outcome.funded[:place])
    if not election.costs[project]:
        return msgspec.structs.replace(made, because=("It costs nothing.",))
    full, all_ = exact.paying(project)
    own = exact.supporters.of(project)
    most = outcome.prices[place] * max(exact.supporters.weight[own].tolist())
    told = f"Its {full + all_:,} supporters paid for it together, each {_money(election, most)} at most"
    # How many support it is public: where one of the two is small, the other tells it.
    few = any(0 < voters < LEAST for voters in (full, all_))
    parts = "" if few else f"; {full:,} paid their whole part and {all_:,} all that they had left"
    return msgspec.structs.replace(
        made,
        because=(f"{told}{parts}.",),
        paid_in_full=None if few else full,
        paid_all_they_had=None if few else all_,
        most_paid=float(most / election.unit),
    )


def _fits(election: Election, outcome: Outcome, project: int, place: int) -> str:
    left = election.budget - cost_of(election, outcome.funded[:place])
    if project == outcome.rest:
        return f"{_money(election, left)} were left when its turn came; the rest of its cost comes from elsewhere."
    return f"{_money(election, left)} were left when its turn came, and it fits into that."


def _lost(election: Election, way: Way, outcome: Outcome, project: int, made: Why) -> Why:
    budget, step = _budget(election, way, project)
    voters, voters_step = _voters(election, way, project)
    return msgspec.structs.replace(
        made,
        because=(_reason(election, way, outcome, project),),
        enough_budget=None if budget is None else election.amount(budget),
        budget_step=None if budget is None else election.amount(step),
        enough_voters=voters,
        voters_step=None if voters is None else voters_step,
    )


def _reason(election: Election, way: Way, outcome: Outcome, project: int) -> str:
    cost, score = election.costs[project], election.scores[project]
    if not election.votes[project]:
        return "Nobody asked for it."
    if cost > election.budget:
        return f"It costs more than the whole budget of {_money(election, election.budget)}."
    if outcome.share is not None:
        exact = exact_after(election, way.satisfaction, outcome.share, outcome.funded[: len(outcome.prices)])
        had = _money(election, exact.together(project))
        return (
            f"Its supporters had {had} left together at the end, of {_money(election, cost)}; each voter had "
            f"{_money(election, outcome.share)} at first."
        )
    if way.rule == "phragmen":
        told = "Another project that its voters could pay earlier did not fit any more, which ends this count."
    elif way.threshold is not None and score < way.threshold * election.weight_unit:
        told = f"It has fewer than the {float(way.threshold):g} that the election asks of every project."
    else:
        told = _too_late(election, outcome, project)
    return told


def _too_late(election: Election, outcome: Outcome, project: int) -> str:
    before = [one for one in outcome.funded if election.better(one) < election.better(project)]
    left, cost = election.budget - cost_of(election, before), election.costs[project]
    if cost <= left:
        return "One with more votes did not fit, and that ends this count."
    return f"{_money(election, left)} were left when its turn came, and it costs {_money(election, cost)}."


def _budget(election: Election, way: Way, project: int) -> tuple[int | None, int]:
    """A budget with which a project wins, and by how much less it does not, in units."""
    step = election.unit
    if len(election.project) > _MARKS:
        step *= max(1, election.budget // (1000 * election.unit))

    def wins(steps: int) -> bool:
        other = with_budget(election, election.budget + steps * step)
        return project in count(other, way).funded

    if not election.votes[project]:
        return None, step
    found = _first(wins, max(1, max(election.budget, sum(election.costs)) * 4 // step))
    return (None, step) if found is None else (election.budget + found * step, step)


def _voters(election: Election, way: Way, project: int) -> tuple[int | None, int]:
    """How many voters more who ask for a project alone are enough, and how many fewer are not."""
    step = 1 if len(election.project) <= _MARKS else max(1, election.voters // 1000)
    weight = int(election.weight.max(initial=1))
    if election.costs[project] > election.budget and way.last_share is None:
        return None, step

    def wins(steps: int) -> bool:
        return project in count(with_more(election, project, steps * step, weight), way).funded

    found = _first(wins, max(1, 4 * election.voters // step))
    return (None, step) if found is None else (found * step, step)


def _first(enough: Callable[[int], bool], most: int) -> int | None:
    """A number that is enough while one less is not; the least, where more never spoils it."""
    high = 1
    while not enough(high):
        high *= 4
        if high > most:
            return None
    low = high // 4
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _money(election: Election, units: int | Fraction) -> str:
    found = election.amount(units)
    return f"{found:,}" if isinstance(found, int) else f"{found:,.2f}"
