"""What is said of a divide, as records; `docs/the-divide.md` tells them field by field, and JSON has the same names."""

from __future__ import annotations

import msgspec

from cityward.equitable.divide.reading import SetAside


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its interval; None where it has no value, and ``why``."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None


class AtEpsilon(msgspec.Struct, frozen=True, kw_only=True):
    """Atkinson's index at one aversion to inequality."""

    epsilon: float
    index: Estimate


class Fifths(msgspec.Struct, frozen=True, kw_only=True):
    """Mean of the fifth of people who have least and of that who have most, their ratio and their difference."""

    least: Estimate
    most: Estimate
    ratio: Estimate
    gap: Estimate


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is under a floor. ``needed`` is what brings all of them to it, in what is counted (None: unit unknown)."""

    floor: float
    places: Estimate
    people: float
    people_share: Estimate
    needed: Estimate | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Places of one group; ``gini`` is among them."""

    group: str
    places: int
    people: float
    mean: Estimate
    gini: float | None
    small: bool


class Decomposed(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the inequality lies within groups and between them; within and between add up to the whole."""

    theil_t_within: Estimate
    theil_t_between: Estimate
    between_share: Estimate
    theil_l_within: Estimate
    theil_l_between: Estimate
    groups: tuple[Group, ...]
    ungrouped: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one time. ``noise_share`` is the part of the variance between places that is stated error."""

    period: str
    places: int
    without_value: int
    people: float
    mean: Estimate
    mean_of_places: Estimate
    median_of_places: float
    gini: Estimate
    theil_t: Estimate
    theil_l: Estimate
    atkinson: tuple[AtEpsilon, ...]
    variation: Estimate
    fifths: Fifths
    floor: Floor | None
    decomposed: Decomposed | None
    noise_share: float | None
    few: bool


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """From one time to another, with intervals that draw the same places at both."""

    before: str
    after: str
    mean: Estimate
    gini: Estimate
    theil_t: Estimate
    fifths_gap: Estimate
    fifths_ratio: Estimate
    under_floor: Estimate | None
    between_share: Estimate | None


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a roll-out widened the gap: ``relative`` by Gini, ``absolute`` by the distance of the outer fifths."""

    raised: bool
    relative: bool
    absolute: bool
    says: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A place that advanced or fell back; ranks count from 1, the highest value, among places known at both times."""

    place: str
    before: float
    after: float
    rank_before: int
    rank_after: int


class Mobility(msgspec.Struct, frozen=True, kw_only=True):
    """Places by fifth before (rows, lowest first) and after (columns). ``shorrocks`` is 0 when none moves, about 1
    when where a place was says nothing of where it is."""

    table: tuple[tuple[int, ...], ...]
    stayed_share: Estimate
    up: int
    down: int
    shorrocks: Estimate


class Convergence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether those behind catch up.

    ``sigma`` is the change of the spread between places: of the standard deviation of logarithms, where places at zero
    have none, and of the coefficient of variation. ``beta`` is the slope of yearly (or whole) growth on the start, in
    logarithms; ``beta_level`` that of the change on the start. A slope below zero says that those behind grow faster.
    """

    places: int
    places_in_logs: int
    sigma_log: Estimate
    sigma_variation: Estimate
    beta: Estimate
    beta_level: Estimate
    years: float | None
    half_life_years: float | None
    verdict: str
    caveat: str


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Slope of Gini over all periods, per period, with an interval that draws whole places again."""

    periods: int
    gini_per_period: Estimate


class Boundaries(msgspec.Struct, frozen=True, kw_only=True):
    """Places known at one end only, and places whose people changed by half or more: their boundaries may have."""

    both: int
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    only_before_count: int
    only_after_count: int
    people_changed: tuple[str, ...]
    people_changed_count: int


class OverTime(msgspec.Struct, frozen=True, kw_only=True):
    """The gap from one time to another."""

    change: Change
    alarm: Alarm
    convergence: Convergence
    mobility: Mobility | None
    rose: int
    fell: int
    advanced: tuple[Moved, ...]
    fell_back: tuple[Moved, ...]
    boundaries: Boundaries


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place with the limits of its rank; ranks count from 1, the best."""

    place: str
    value: float
    low: float | None
    high: float | None
    rank: int
    rank_low: int
    rank_high: int
    tier: int
    name: str = ""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Places in tiers. Places of one tier are not ordered; ``ordered_share`` of all pairs are."""

    period: str
    level: float
    method: str
    errors: str
    tiers: int
    ordered_share: float
    without_error: int
    places: tuple[Place, ...]


class Divide(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer about one value."""

    finding: str
    value: str
    unit: str
    rows: int
    periods: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    level: float
    intervals: str
    figures: tuple[Figures, ...]
    over_time: OverTime | None
    trend: Trend | None
    ranking: Ranking | None
