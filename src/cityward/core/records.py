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
    of households with internet (0 to 1); ``income`` the median household income per year; ``parent`` the
    name of the group it belongs to.
    """

    id: str
    name: str
    level: str
    population: float | None = None
    households: float | None = None
    internet_share: float | None = None
    income: float | None = None
    parent: str | None = None


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
    (90 %), and ``correction`` says it in words. ``evidence_sha256`` is a digest of the ``evidence_count``
    interactions that were counted, so that their list can be checked (empty for needs of before there was one).
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
    evidence_count: int = 0
    evidence_sha256: str = ""

    @property
    def chance(self) -> str:
        """How often chance alone would show its like, no more precisely than the shuffles can tell."""
        strongest = self.p_value * (self.replicates + 1) < 1.5
        years = self.recurrence_days / 365
        often = f"{years:,.1f} years" if years >= 1 else f"{self.recurrence_days:,.0f} days"
        return f"by chance less than once in {often}" if strongest else f"by chance once in {often}"


class EvidenceItem(Record, frozen=True, kw_only=True):
    """An interaction that a need counts: the source's own identifier, what, where and when; nothing of a person."""

    source: str
    id: str
    service: str
    territory: str
    day: date
    status: str


class Evidence(Record, frozen=True, kw_only=True):
    """A page of the interactions that a need counts.

    ``count`` were counted and ``sha256`` is their digest, as in the need and so in its receipt; ``present`` of
    them are in history still, and ``changed`` of these were revised since.
    """

    need: str
    count: int
    sha256: str
    present: int
    changed: int
    offset: int
    items: tuple[EvidenceItem, ...]


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
    ``people`` live where it is felt; ``known_from`` says what the effect was read from. ``extra_crews`` go out on
    each of the ``extra_days`` that follow, when it is approved.
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
    extra_crews: int = 0
    extra_days: int = 0


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
    """What was decided, by whom, under which rule, and how to appeal.

    ``option`` is the number (from 1) of the option that was approved and ``option_title`` its name; None and empty
    where nothing was approved, or there was nothing to choose. ``as_of`` is the last day that was known when it was
    decided: what comes of it is counted from the day after.
    """

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
    option: int | None = None
    option_title: str = ""
    as_of: date | None = None


class Outcome(Record, frozen=True, kw_only=True):
    """What came of a decision about a need, against what was expected without action.

    ``observed`` counts the ``days`` after ``action_day``. ``fading`` is what would have come had the need faded as
    past surges here did (``past_surges`` of them), ``going_on`` what would have come had the days before gone on;
    each with its 90 % interval, None where nothing can be said. ``difference_low`` and ``difference_high`` bound
    observed less fading. ``verdict`` is one of `cityward.act.outcome.VERDICTS`. ``series`` holds (day, observed,
    fading, low, high, going on), the last four None before the action. ``settled`` says that no later day and
    hardly a late report can change it.
    """

    id: str
    decision: str
    proposal: str
    about: str
    service: str
    territories: tuple[str, ...]
    names: tuple[str, ...]
    option: str
    as_of: date
    action_day: date
    days: int
    verdict: str
    sentence: str
    observed: int | None = None
    usual: float | None = None
    fading: float | None = None
    fading_low: float | None = None
    fading_high: float | None = None
    going_on: float | None = None
    going_on_low: float | None = None
    going_on_high: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    past_surges: int = 0
    settled: bool = False
    caveats: tuple[str, ...] = ()
    series: tuple[tuple[date, int, float | None, float | None, float | None, float | None], ...] = ()


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
    ``wql`` the weighted quantile loss; ``coverage_80`` the share of days inside the 80 % interval, in series
    that bring a report in five days or more: where less comes no interval can hold as few as 80 %. The one
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


class LevelTest(Record, frozen=True, kw_only=True):
    """How forecasts of a service did at one level: mean absolute error a day, alone, summed and reconciled.

    ``nodes`` territories of the level were forecast a week ahead in ``weeks`` weeks. ``used`` says whether
    reconciled figures are in use for the service; sums of areas are, where not.
    """

    service: str
    level: str
    nodes: int
    weeks: int
    alone: float
    summed: float
    reconciled: float
    used: bool


class EarlyWarning(Record, frozen=True, kw_only=True):
    """Something that will probably go wrong: a service asked for more than it can do.

    ``probability`` is that more is reported in ``horizon_days`` than the ``capacity`` for them; ``climatology``
    how often that was so in the past. ``expected`` reports have their 80 % interval; ``open_cases`` wait
    already. It opened on ``opened`` and keeps its name until it is ``closed``; ``moments`` are the probabilities
    of each turn. ``brier`` is its kind's mean squared error in ``weeks`` past weeks, beside climatology's.
    """

    id: str
    service: str
    territory: str
    level: str
    name: str
    opened: date
    as_of: date
    horizon_days: int
    probability: float
    climatology: float
    expected: float
    low: float
    high: float
    capacity: float
    capacity_from: str
    open_cases: int
    weeks: int
    brier: float
    brier_climatology: float
    sentence: str
    state: Literal["open", "closed"] = "open"
    moments: tuple[tuple[date, float], ...] = ()


class Growth(Record, frozen=True, kw_only=True):
    """How likely an open need is to grow in a week: ``probability`` with its 90 % interval, and where from.

    ``method`` is ``model`` where that was clearly better than climatology on past surges, else ``climatology``.
    """

    need: str
    probability: float
    low: float
    high: float
    method: str


class GrowthTest(Record, frozen=True, kw_only=True):
    """How the model of growth did on past ``surges`` in ``weeks`` weeks, beside climatology (Brier scores)."""

    surges: int
    weeks: int
    rate: float
    brier: float
    brier_climatology: float
    used: bool


class Alert(Record, frozen=True, kw_only=True):
    """Something that a sensor says, or that is wrong with it, from its opening to its clearing.

    ``kind`` is ``limit``, ``event``, ``unusual``, ``shift``, ``silent``, ``stuck``, ``implausible`` or ``moved``.
    ``sensors`` are several for an event; ``measured`` is the property. ``peak`` is the worst value so far in
    ``unit``, beside the ``level`` that it is held against. ``known_at`` is the moment of knowledge;
    ``cleared_because`` says why it ended.
    """

    id: str
    kind: str
    source: str
    sensors: tuple[str, ...]
    measured: str
    unit: str
    territory: str | None
    opened_at: datetime
    cleared_at: datetime | None
    cleared_because: str
    known_at: datetime
    peak: float | None
    level: float | None
    sentence: str
    advice: str
    evidence: tuple[tuple[str, str], ...]
    rule: str

    @property
    def state(self) -> str:
        """``opened`` in its first hours, then ``lasting``; ``cleared`` in the end."""
        if self.cleared_at is not None:
            return "cleared"
        return "opened" if (self.known_at - self.opened_at).total_seconds() < 3 * 3600 else "lasting"


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


def entered(record: Any) -> bytes:
    """The bytes of a record with a ``receipt`` that its ledger entry covers: as it was before it had one."""
    return to_json(msgspec.structs.replace(record, receipt=-1))


def from_json(data: bytes | str, kind: type[R]) -> R:
    """Decode and check a record."""
    return msgspec.json.decode(data, type=kind)
