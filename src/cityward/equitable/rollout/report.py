"""What is told of a roll-out: the names that ``--json`` prints."""

from __future__ import annotations

import msgspec

Interval = tuple[float, float]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Why a measure is in or out.

    Attributes
    ----------
    year : int or None
        1 is the first; None when it is not chosen.
    gain : float
        Person-years that are lost without it, or that it would add, the others being as they are.
    gain_per_cost, cut_off : float or None
        Person-years for one unit of money: its own, and the price of the budget below which nothing gets in.
    margin : float
        Gain less what the money is worth elsewhere; below 0: so many person-years short of being chosen.
    worth_cost : float or None
        The cost at which it would just get in.
    exchange : tuple of str
        Chosen: what would come in without it. Not chosen: what would have to go.
    exchange_gain : float or None
        Person-years won (+) or lost (−) by that exchange.
    """

    measure: str
    kind: str
    cost: float
    year: int | None
    places: int
    people_reached: float
    gain: float
    gain_per_cost: float | None
    cut_off: float | None
    margin: float
    worth_cost: float | None
    exchange: tuple[str, ...] = ()
    exchange_gain: float | None = None
    because: str
    sure: str = ""


class Year(msgspec.Struct, frozen=True, kw_only=True):
    """One year of the plan: what begins, what it costs, and who is helped by its end."""

    year: int
    budget: float
    spent: float
    begins: tuple[str, ...]
    people_helped: float
    need: float
    gap: float


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of places before and after; ``interval`` holds the share in need after in 90 of 100 draws."""

    group: str
    places: int
    people: float
    need_before: float
    need_after: float
    interval: Interval
    helped_share: float
    spent: float


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place before and after, and why it is reached or not."""

    place: str
    name: str
    group: str
    people: float
    need_before: float
    need_after: float
    people_helped: float
    measures: tuple[str, ...]
    because: str


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A point between benefit and equality: the best benefit with a floor, proven to ``gap``."""

    floor: float
    benefit: float
    bound: float
    people_helped: float
    least_helped: float
    group_gap: float


class FloorPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What the equity costs: person-years less than without it, from what is surely to at most."""

    benefit_without: float
    price: float
    at_least: float
    at_most: float


class MoreBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What more money buys, by planning again; the limits hold whatever the gaps of both plans are."""

    extra: float
    gain: float
    at_least: float
    at_most: float
    gain_per_unit: float
    relaxation_price: float


class Robust(msgspec.Struct, frozen=True, kw_only=True):
    """How much holds when effects are not as expected.

    Attributes
    ----------
    protected : int
        So many measures may fall to their low effect, whichever they are; 0: the plan was not protected.
    guaranteed : float or None
        Person-years that hold whenever no more than ``protected`` do.
    holds_at_90 : float
        Person-years that are reached in 90 of 100 draws.
    share_at_90 : float
        The same as a share of the expected benefit.
    draws, scenarios : int
    sure, likely, never : tuple of str
        Measures that are in the plan of every scenario; of more than half; chosen here, but of less than half.
    """

    protected: int
    guaranteed: float | None
    expected: float
    holds_at_90: float
    share_at_90: float
    interval: Interval
    draws: int
    scenarios: int
    sure: tuple[str, ...]
    likely: tuple[str, ...]
    doubtful: tuple[str, ...]


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A plan. Benefits are person-years: people helped, counted once for each year in which they are."""

    finding: str
    equity: str
    level: float | None
    budgets: tuple[float, ...]
    cost: float
    cost_of_all: float
    chosen: int
    measures: int
    people_helped: float
    people_in_need: float
    benefit: float
    bound: float
    gap: float
    need_before: float
    need_after: float
    group_gap_before: float
    group_gap_after: float
    group_gap_interval: Interval
    years: tuple[Year, ...]
    groups: tuple[Group, ...]
    choices: tuple[Choice, ...]
    places: tuple[Place, ...]
    frontier: tuple[Point, ...] = ()
    floor_price: FloorPrice | None = None
    more_budget: MoreBudget | None = None
    robust: Robust | None = None
    notes: tuple[str, ...] = ()


class GapClosed(msgspec.Struct, frozen=True, kw_only=True):
    """The least cost by which the gap between groups shrinks by a share, and where it starts.

    ``begin`` lists measures, ``where`` the names of the places of each.
    """

    finding: str
    share: float
    gap_before: float
    gap_asked: float
    gap_after: float
    cost: float
    at_least: float
    begin: tuple[str, ...]
    where: tuple[tuple[str, ...], ...]
    years: int | None
    plan: Rollout
