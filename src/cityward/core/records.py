"""Records: the nouns of the loop that are kept one by one in the registers.

All are immutable, encode to canonical JSON by `to_json`, and carry no personal data.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all records."""


class Territory(Record, frozen=True, kw_only=True):
    """An area people live in.

    ``population`` and ``households`` are counts of people and homes; ``internet_share`` is the share
    of households with internet (0 to 1); ``income`` the median household income per year.
    """

    id: str
    name: str
    level: str
    population: float | None = None
    households: float | None = None
    internet_share: float | None = None
    income: float | None = None


class Intake(Record, frozen=True, kw_only=True):
    """What became of one batch: ``received = admitted + quarantined + refused``, always.

    ``admitted = added + revised + repeated``: new rows, new versions of rows held already, and rows
    held already word for word (which add nothing).
    """

    batch: str
    source: str
    received_at: datetime
    received: int
    added: int
    revised: int
    repeated: int
    quarantined: int
    refused: int

    @property
    def admitted(self) -> int:
        """Rows that went through the door."""
        return self.added + self.revised + self.repeated


class Refusal(Record, frozen=True, kw_only=True):
    """The fact that a door refused a payload; never the payload."""

    id: str
    source: str
    at: datetime
    columns: tuple[str, ...]
    field_class: str
    rule: str
    rows: int
    because: str


ALL_SERVICES = "all services"
"""Stands for the service of a need over all of them."""


class Moment(Record, frozen=True, kw_only=True):
    """What a turn found of a need: counts of its window, and its excess, reports above those expected."""

    day: date
    observed: int
    expected: float
    recurrence_days: float
    areas: int

    @property
    def excess(self) -> float:
        """Reports above those expected."""
        return self.observed - self.expected


class RankPart(Record, frozen=True, kw_only=True):
    """One reason why a need stands where it stands: ``value`` from 0 to 1, and what it was read from."""

    name: str
    value: float
    because: str


class Batch(Record, frozen=True, kw_only=True):
    """Many reports that are one act (data entry, a scripted flood, a campaign): shown, not counted as a need."""

    kind: str
    source: str | None
    channel: str | None
    service: str | None
    first: datetime
    last: datetime
    rows: int
    places: int
    why: str


class Heard(Record, frozen=True, kw_only=True):
    """How a territory is heard beside comparable ones, in a year.

    ``ratio`` is heard over expected with its 90 % interval; None where nothing can be compared. ``verdict`` is
    ``quieter``, ``as others``, ``more`` or ``cannot tell``. ``readiness`` is how readily residents report
    beside the city, with its 90 % interval and its own verdict.
    """

    territory: str
    name: str
    population: float | None
    heard: int
    expected: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    verdict: str
    readiness: float
    readiness_low: float
    readiness_high: float
    readiness_verdict: str


class Need(Record, frozen=True, kw_only=True):
    """Something detected that territories lack.

    ``statistic`` is the log-likelihood ratio of the scan; ``p_value`` its Monte Carlo rank,
    ``p_tail`` from a Gumbel distribution fitted to the replicates, which goes on where their number ends;
    ``recurrence_days`` how often chance alone would show one as strong; ``relative_risk_low`` and
    ``relative_risk_high`` bound observed over expected (exact Poisson, 90 %). ``series`` holds the
    cluster's (day, observed, expected) around the period. ``state`` is ``opened``, ``growing``, ``fading``,
    ``answered`` or ``closed``; ``moments`` tells how it developed, one for each turn that found it.
    ``corrected_low`` and ``corrected_high`` bound the count after correction for how readily residents report
    (90 %), and ``correction`` says it in words.
    """

    id: str
    service: str
    domain: str
    territories: tuple[str, ...]
    names: tuple[str, ...]
    starts: date
    ends: date
    observed: int
    expected: float
    relative_risk: float
    relative_risk_low: float
    relative_risk_high: float
    statistic: float
    p_value: float
    recurrence_days: float
    replicates: int
    population: float | None
    sentence: str
    caveats: tuple[str, ...] = ()
    series: tuple[tuple[date, int, float], ...] = ()
    p_tail: float = 1.0
    state: str = "opened"
    moments: tuple[Moment, ...] = ()
    corrected_low: float | None = None
    corrected_high: float | None = None
    correction: str = ""
    rank: tuple[RankPart, ...] = ()

    @property
    def chance(self) -> str:
        """How often chance alone would show its like, no more precisely than the shuffles can tell."""
        strongest = self.p_value * (self.replicates + 1) < 1.5
        years = self.recurrence_days / 365
        often = f"{years:,.1f} years" if years >= 1 else f"{self.recurrence_days:,.0f} days"
        return f"by chance less than once in {often}" if strongest else f"by chance once in {often}"


class Silence(Record, frozen=True, kw_only=True):
    """A territory that is heard less, per resident, than comparable territories are.

    ``ratio`` is heard over expected with its 90 % interval; ``compared_with`` names the peers.
    """

    id: str
    territory: str
    name: str
    heard: int
    expected: float
    ratio: float
    ratio_low: float
    ratio_high: float
    population: float
    compared_with: tuple[str, ...]
    sentence: str


class Option(Record, frozen=True, kw_only=True):
    """One way to answer a finding; to do nothing is one too.

    ``crew_hours`` is the work it takes and ``cost`` what these hours cost in the city's currency, both None
    where not known. ``effect`` says what is expected of it, ``effect_low`` and ``effect_high`` bound (80 %) by
    how many reports in the ``horizon_days`` that follow, beside doing nothing; None where nobody can know yet.
    ``people`` live where it is felt; ``known_from`` says what the effect was read from.
    """

    title: str
    action: str
    effect: str
    known_from: str
    crew_hours: float | None = None
    cost: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    horizon_days: int = 28
    people: float | None = None
    recommended: bool = False


class Proposal(Record, frozen=True, kw_only=True):
    """What could be done, and why. Waits for a person; ``options`` are the alternatives, the recommended first."""

    id: str
    about: str  # identifier of the need or forecast
    service: str
    territories: tuple[str, ...]
    title: str
    because: str
    action: str
    effect: str
    system: str  # identifier of the registered system that proposes
    options: tuple[Option, ...] = ()
    state: Literal["waiting", "approved", "rejected"] = "waiting"


class Party(Record, frozen=True, kw_only=True):
    """Who answers for what: a duty and who holds it."""

    duty: str
    name: str
    contact: str = ""


class Decision(Record, frozen=True, kw_only=True):
    """What was decided, by whom, under which rule, and how to appeal."""

    id: str
    proposal: str
    outcome: Literal["approved", "rejected"]
    by: str
    because: str
    rule: str
    system: str
    parties: tuple[Party, ...]
    at: datetime
    explanation: str
    appeal: str
    receipt: int  # index in the ledger


class Standing(Record, frozen=True, kw_only=True):
    """Which model speaks for a group of series, and why.

    The group's series bring ``least`` to ``most`` a step. ``loss`` and ``floor_loss`` are quantile losses of the
    model in use and of the floor, as a share of what came; ``gain`` is by what share ``tried`` lost less than the
    floor, with its 80 % interval. ``tried`` is the model in use, or the nearest one where that is the floor.
    """

    group: str
    series: int
    least: float
    most: float
    model: str
    tried: str
    loss: float
    floor_loss: float
    gain: float
    gain_low: float
    gain_high: float
    because: str


class Backtest(Record, frozen=True, kw_only=True):
    """How forecasts did on days they had not seen, over rolling origins.

    ``mase`` is the mean absolute scaled error of the median (seasonal naive in sample = 1);
    ``wql`` the weighted quantile loss; ``coverage_80`` the share of days inside the 80 % interval. The one
    ``chosen`` speaks for most series, and brings the ``standings`` of all groups of series.
    """

    model: str
    mase: float
    wql: float
    coverage_80: float
    origins: tuple[date, ...]
    horizon_days: int
    series: int
    chosen: bool = False
    standings: tuple[Standing, ...] = ()


class Explanation(Record, frozen=True, kw_only=True):
    """Why: the finding in a sentence, the evidence as pairs, the rule, and the receipt."""

    id: str
    kind: str
    sentence: str
    evidence: tuple[tuple[str, str], ...]
    rule: str
    receipt: int | None
    how_to_check: str


R = TypeVar("R", bound=Record)


def to_json(record: Any) -> bytes:
    """Encode canonically: sorted keys, no spaces, ISO times. Equal records give equal bytes."""
    return msgspec.json.encode(record, order="sorted")


def from_json(data: bytes | str, kind: type[R]) -> R:
    """Decode and check a record."""
    return msgspec.json.decode(data, type=kind)
