"""Records of cases that wait for a visit, and of the ranking that orders them."""

from __future__ import annotations

from datetime import date

from cityward.core.records import Record


class Reason(Record, frozen=True, kw_only=True):
    """One thing that speaks for a high or low rank: in words, its value, and how many times it moves the odds."""

    name: str
    value: str
    odds: float


class Case(Record, frozen=True, kw_only=True):
    """Something that waits for a visit.

    ``probability`` that the visit finds what it looks for, with its 90 % interval; ``usual`` is the share among
    all past visits. ``entity`` (a licence number) and ``name`` may be a person's: they are for handling the case.
    """

    id: str
    type: str
    entity: str
    name: str
    territory: str | None
    area: str
    lon: float | None
    lat: float | None
    known_to: date
    waiting_since: date | None
    place: int
    of: int
    probability: float
    low: float
    high: float
    usual: float
    reasons: tuple[Reason, ...]
    system: str
    appeal: str


class GroupResult(Record, frozen=True, kw_only=True):
    """How the order fell on a group of places: shares of its found cases that lie in the first half."""

    group: str
    cases: int
    found: int
    ranked_share: float | None
    done_share: float | None
    days_earlier: float | None
    small: bool


class Ranking(Record, frozen=True, kw_only=True):
    """A ranked list of one type of case, and how the same way of ranking did on later visits of the past.

    ``tried_*`` are read from visits that were foretold from earlier ones only: the first-half share in the order
    done (``tried_done``) and in the order of risk (``tried_ranked``), with 90 % intervals; ``brier`` and
    ``brier_usual`` are the squared error of the probability and of the share of all. ``calibration`` holds
    (told, happened, cases) by tenth. ``refused`` tells which columns were not used, and why.
    """

    type: str
    title: str
    system: str
    known_to: date
    model: str
    learned_from: int
    usual: float
    cases: tuple[Case, ...]
    tried: int
    tried_found: int
    tried_done: float
    tried_ranked: float
    tried_ranked_interval: tuple[float, float]
    tried_days_earlier: float
    tried_days_earlier_interval: tuple[float, float]
    brier: float
    brier_usual: float
    calibration: tuple[tuple[float, float, int], ...]
    groups: tuple[GroupResult, ...]
    refused: tuple[tuple[str, str], ...]
    used: bool
