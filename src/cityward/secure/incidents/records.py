"""Records of security incidents: what is kept of each, and of what is silent for a while."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from cityward.core.records import Record

State = Literal["open", "taken", "silenced", "closed", "joined"]


class Trace(msgspec.Struct, frozen=True, array_like=True):
    """One sighting that belongs to a security incident: a rule saw an actor at a host within one day (UTC)."""

    rule: str
    host: str | None
    source: str | None
    account: str | None
    first_us: int
    last_us: int
    events: int


class RuleSeen(Record, frozen=True, kw_only=True):
    """What an incident says of a rule that matched; ``techniques`` are those of ATT&CK."""

    id: str
    title: str
    level: str
    techniques: tuple[str, ...] = ()


class Step(Record, frozen=True, kw_only=True):
    """What one rule saw at one place, in the order of what happened. ``actors`` says how many different ones."""

    rule: str
    title: str
    level: str
    techniques: tuple[str, ...]
    place: str
    first: datetime
    last: datetime
    events: int
    actors: int


class Touched(Record, frozen=True, kw_only=True):
    """A place that was hit: an asset of the inventory (``how`` it was told), or a host that the inventory lacks."""

    id: str
    name: str
    how: Literal["id", "address", "name", "product", "unknown"]
    owner: str = ""


class Behind(Record, frozen=True, kw_only=True):
    """A service of residents that stands on what was hit, with how many people use it."""

    id: str
    name: str
    people: float


class Expected(Record, frozen=True, kw_only=True):
    """What a scenario of the city says of such an attack.

    ``success`` is which share of tries succeeds; money and hours are means of one that does, with the standard error
    of simulation.
    """

    scenario: str
    name: str
    fits: Literal["techniques and assets", "techniques"]
    success: float
    money: float
    money_error: float
    citizen_hours: float
    citizen_hours_error: float


class SecurityIncident(Record, frozen=True, kw_only=True):
    """What belongs together of what rules found.

    Attributes
    ----------
    id : str
    headline : str
        What it is, in a sentence.
    level : str
        The gravest of its rules: critical, high, medium.
    first, last : datetime
        When it was seen first and last (UTC).
    steps, places, services : tuple
        What happened in order, where, and which services of residents stand on that.
    actors : tuple of str
        Addresses and pseudonyms that were seen, those with most events first; ``actors_more`` beyond these.
    reasons : tuple of str
        Why it is one.
    expected : tuple of Expected
        By scenarios that name its techniques, the costliest first; empty where none does.
    loss : float
        What the costliest is expected to come to: its share of success times money and hours, in ``currency``.
    people : float
        So many people at least use ``services``: within a territory those of its largest one.
    silent_until : datetime, optional
        Until when it is silent, in the state ``silenced``.
    joined : str
        The incident that it became part of, in the state ``joined``.
    traces_more : int
        Traces beyond those that are kept; where there are any, ``events`` is what was counted at least.
    """

    id: str
    headline: str
    level: str
    opened_at: datetime
    first: datetime
    last: datetime
    events: int
    rules: tuple[RuleSeen, ...]
    steps: tuple[Step, ...]
    steps_more: int = 0
    places: tuple[Touched, ...] = ()
    places_more: int = 0
    actors: tuple[str, ...] = ()
    actors_more: int = 0
    reasons: tuple[str, ...] = ()
    services: tuple[Behind, ...] = ()
    services_more: int = 0
    people: float = 0.0
    expected: tuple[Expected, ...] = ()
    loss: float = 0.0
    lost_hours: float = 0.0
    currency: str = ""
    remarks: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()
    traces_more: int = 0
    state: State = "open"
    by: str = ""
    because: str = ""
    silent_until: datetime | None = None
    joined: str = ""
    receipt: int | None = None

    @property
    def techniques(self) -> tuple[str, ...]:
        """Techniques of ATT&CK that its rules name."""
        return tuple(sorted({one for rule in self.rules for one in rule.techniques}))


class SecuritySilence(Record, frozen=True, kw_only=True):
    """Findings that are counted and open nothing, until a day.

    ``pairs`` are of a rule and a place (an asset, or a host that the inventory lacks; empty where none was told);
    ``actor`` narrows it to one address or pseudonym. ``counted`` is how many matches it held back, each once however
    often its log is read, by ``traces``.
    """

    id: str
    incident: str
    pairs: tuple[tuple[str, str], ...]
    actor: str
    because: str
    by: str
    at: datetime
    until: datetime
    counted: int = 0
    last: datetime | None = None
    traces: tuple[Trace, ...] = ()
    receipt: int | None = None
