"""What another voice costs in each place by each channel, and which places a budget reaches first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.errors import Defect, UserError
from cityward.core.records import Heard
from cityward.core.solver import Silent
from cityward.equitable.outreach.channels import Channel, Channels

Floats = NDArray[np.float64]

DRAWS: Final = 4_000
CLEAR: Final = 0.9
"""A channel is the cheapest where it is so in this share of draws."""

ALSO: Final = 0.1
"""A channel that is the cheapest in at least this share of draws may be it."""

BUDGET_MAX: Final = 1e12
PLACES_MAX: Final = 2_000
SECONDS_MAX: Final = 20.0
"""Longest search for the best plan; then the best that was found is told, with how far off it can be."""

_Z: Final = 1.6448536269514722
"""Of a normal law between 5 and 95 %."""

_GAP: Final = 1e-4

Why = Literal["quieter", "less ready"]


class Limits(msgspec.Struct, frozen=True):
    """A figure with its 90 % limits."""

    value: float
    low: float
    high: float


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel does in one place: how many it asks, what that costs, the voices that come, and one's cost.

    ``closes`` is whether enough people are within its reach to close the gap; ``first`` how often it is the cheapest.
    """

    channel: str
    name: str
    contacts: int
    cost: float
    voices: Limits
    cost_per_voice: Limits
    closes: bool
    first: float


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of which nothing can be told in a place, and why."""

    channel: str
    name: str
    why: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place that is heard too little. ``missing`` are the voices of a year that it lacks beside places like it.

    ``cheapest`` is empty where more than one channel may be it: ``may_be`` then names them. ``offers`` come in the
    order of what a voice costs.
    """

    territory: str
    name: str
    people: float
    heard: int
    why: Why
    missing: Limits
    cheapest: str
    may_be: tuple[str, ...]
    offers: tuple[Offer, ...]
    unknown: tuple[Unknown, ...]
    says: str


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """A place of the plan: whom to ask by which channel, and what comes of it."""

    territory: str
    name: str
    channel: str
    contacts: int
    cost: float
    voices: Limits


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which places a budget reaches first. No plan at its cost closes more of the gap than ``most``."""

    budget: float
    cost: float
    voices: Limits
    missing: float
    most: float
    places: tuple[Chosen, ...]
    left_out: tuple[str, ...]


class Outreach(msgspec.Struct, frozen=True, kw_only=True):
    """Places that are heard too little, the one that lacks most voices first."""

    finding: str
    currency: str
    source: str
    places: tuple[Place, ...]
    untold: tuple[str, ...] = ()
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """A place that lacks voices, with what is known of it."""

    one: Heard
    internet: float | None
    why: Why
    missing: Limits


def silent_places(heard: Sequence[Heard], internet: dict[str, float | None]) -> list[Lacking]:
    """Places that are clearly quieter than places like them, or clearly less ready, with the voices that they lack."""
    found = []
    for one in heard:
        if not one.population or one.population < 1:
            continue
        if one.verdict == "quieter" and one.expected is not None and one.ratio is not None:
            low, high = one.ratio_low or 0.0, one.ratio_high or 0.0
            missing = Limits(*(one.expected * (1 - ratio) for ratio in (one.ratio, high, low)))
            found.append(Lacking(one, internet.get(one.territory), "quieter", missing))
        elif one.readiness_verdict == "less readily" and one.heard:
            times = (one.readiness, one.readiness_high, one.readiness_low)
            missing = Limits(*(one.heard * (1 / max(each, 1e-6) - 1) for each in times))
            found.append(Lacking(one, internet.get(one.territory), "less ready", missing))
    found.sort(key=lambda place: (-place.missing.value, place.one.territory))
    return [place for place in found if place.missing.value >= 1][:PLACES_MAX]


def outreach(places: Sequence[Lacking], known: Channels, seed: int = 1, budget: float | None = None) -> Outreach:
    """Say how to hear each place, and with a budget which first.

    Parameters
    ----------
    places : sequence
        From `silent_places`.
    budget : float, optional
        In the currency of the channels.

    Raises
    ------
    UserError
        The budget is no amount.

    Notes
    -----
    In a place that lacks g voices a channel asks min(g / answers, people it reaches) people: as many as are expected
    to be enough. It costs fixed + per_contact times as many, whatever comes; the voices are uncertain. Answers of a
    channel are drawn once for all places (they are wrong everywhere together), on the scale of log odds, with the
    stated 90 % interval.
    """
    if budget is not None and not 0 < budget <= BUDGET_MAX:
        raise UserError("The budget is no amount.", f"Give one above 0 and up to {BUDGET_MAX:,.0f}.")
    drawn = {one.id: _answers(one, seed) for one in known.channel}
    made = [_place(place, known, drawn) for place in places]
    return Outreach(
        finding=_finding(made),
        currency=known.currency,
        source=known.source,
        places=tuple(made),
        plan=None if budget is None else _plan(made, known, drawn, budget),
    )


def _answers(one: Channel, seed: int) -> Floats:
    """Answers for each person asked in `DRAWS` worlds; the stated value is the median."""
    z = rng(seed, "outreach", one.id).standard_normal(DRAWS)
    low, middle, high = (np.log(p / (1 - p)) for p in (one.answers_low, one.answers, one.answers_high))
    odds = middle + z * np.where(z > 0, high - middle, middle - low) / _Z
    return np.asarray(1 / (1 + np.exp(-odds)))


def _reached(one: Channel, place: Lacking, known: Channels) -> float | str:
    """People whom a channel reaches in a place, or why that cannot be told."""
    share = one.reach
    if "internet" in one.needs:
        if place.internet is None:
            return "how many homes there have internet is not known"
        share *= place.internet
    if "phone" in one.needs:
        if known.phone_share is None:
            return "how many people have a telephone is not known (phone_share)"
        share *= known.phone_share
    return float((place.one.population or 0) * share)


def _place(place: Lacking, known: Channels, drawn: dict[str, Floats]) -> Place:
    offers: list[tuple[Offer, Floats]] = []
    unknown = []
    for one in known.channel:
        people = _reached(one, place, known)
        if isinstance(people, str):
            unknown.append(Unknown(channel=one.id, name=one.name, why=people))
        elif people < 1:
            unknown.append(Unknown(channel=one.id, name=one.name, why="it reaches nobody there"))
        else:
            offers.append(_offer(one, place.missing.value, people, drawn[one.id]))
    costs = np.array([each for _, each in offers]).reshape(len(offers), DRAWS)
    first = np.bincount(costs.argmin(axis=0), minlength=len(offers)) / DRAWS if offers else np.zeros(0)
    told = [msgspec.structs.replace(offer, first=float(often)) for (offer, _), often in zip(offers, first, strict=True)]
    told.sort(key=lambda one: (one.cost_per_voice.value, one.channel))
    may_be = tuple(one.channel for one in sorted(told, key=lambda one: -one.first) if one.first >= ALSO)
    cheapest = next((one.channel for one in told if one.first >= CLEAR), "")
    return Place(
        territory=place.one.territory,
        name=place.one.name,
        people=float(place.one.population or 0),
        heard=place.one.heard,
        why=place.why,
        missing=place.missing,
        cheapest=cheapest,
        may_be=may_be,
        offers=tuple(told),
        unknown=tuple(unknown),
        says=_says({one.channel: one for one in told}, cheapest, may_be),
    )


def _offer(one: Channel, missing: float, people: float, answers: Floats) -> tuple[Offer, Floats]:
    """What a channel does where it reaches so many people, and what a voice costs in every world."""
    enough = missing / one.answers
    # What costs nothing for each person asks everybody.
    contacts = int(np.ceil(min(enough, people))) if one.per_contact else int(people)
    cost = one.fixed + one.per_contact * contacts
    voices, value = contacts * answers, contacts * one.answers
    each = cost / voices
    offer = Offer(
        channel=one.id,
        name=one.name,
        contacts=contacts,
        cost=cost,
        voices=_limits(value, voices),
        cost_per_voice=_limits(cost / value, each),
        closes=people >= enough,
        first=0.0,
    )
    return offer, each


def _limits(value: float, drawn: Floats) -> Limits:
    low, high = np.quantile(drawn, (0.05, 0.95))
    return Limits(value, min(float(low), value), max(float(high), value))


def _says(offers: dict[str, Offer], cheapest: str, may_be: Sequence[str]) -> str:
    if not offers:
        return "By which channel a voice costs least there cannot be told."
    if cheapest:
        one = offers[cheapest]
        short = "" if one.closes else " It does not reach enough people to close the gap alone."
        return f"{one.name}: clearly the cheapest.{short}"
    return f"Which is the cheapest cannot be told: {' or '.join(offers[one].name for one in may_be)}."


def _finding(made: Sequence[Place]) -> str:
    if not made:
        return "No place is clearly heard too little."
    clear = sum(bool(one.cheapest) for one in made)
    places = "1 place is" if len(made) == 1 else f"{len(made):,} places are"
    missing = sum(one.missing.value for one in made)
    return (
        f"{places} clearly heard too little and lack about {missing:,.0f} voices a year. In {clear:,} of them one "
        "channel is clearly the cheapest."
    )


# -- a budget --------------------------------------------------------------------------------------


def _plan(made: Sequence[Place], known: Channels, drawn: dict[str, Floats], budget: float) -> Plan:
    """The plan that closes most of the gap within a budget, one channel a place: a mixed-integer program."""
    options = [(at, one) for at, place in enumerate(made) for one in place.offers]
    of = {one.id: one for one in known.channel}
    model: Any = Silent()  # type: ignore[no-untyped-call]
    model.setOptionValue("time_limit", SECONDS_MAX)
    model.setOptionValue("mip_rel_gap", _GAP)
    best = np.array([min(offer.voices.value, made[at].missing.value) for at, offer in options])
    each = np.array([of[offer.channel].per_contact / of[offer.channel].answers for _, offer in options])
    fixed = np.array([of[offer.channel].fixed for _, offer in options])
    count = len(options)
    use = [model.addBinary() for _ in range(count)]
    voices = [model.addVariable(lb=0, ub=float(most)) for most in best]
    for at in range(count):
        model.addConstr(voices[at] <= float(best[at]) * use[at])
    for place in range(len(made)):
        own = [use[at] for at, (where, _) in enumerate(options) if where == place]
        if own:
            model.addConstr(sum(own) <= 1)
    if count:
        cost = sum(float(fixed[at]) * use[at] + float(each[at]) * voices[at] for at in range(count))
        model.addConstr(cost <= budget)
        model.maximize(sum(voices))
        values = np.array(model.getSolution().col_value)
        if len(values) != 2 * count:
            raise Defect("The solver found no plan, though to do nothing is one.")
        bound = float(model.getInfo().mip_dual_bound)
        # Of the plans with as many voices the one that costs least.
        model.addConstr(sum(voices) >= float(values[count:].sum()) * (1 - _GAP))
        model.minimize(cost)
        cheaper = np.array(model.getSolution().col_value)
        values = cheaper if len(cheaper) == 2 * count else values
    else:
        values, bound = np.zeros(0), 0.0
    chosen, sums = [], np.zeros(DRAWS)
    for at, (where, offer) in enumerate(options):
        wanted = float(values[count + at]) if values[at] > 0.5 else 0.0
        one = of[offer.channel]
        # Rounded down, so that the budget holds.
        contacts = int(wanted / one.answers + 1e-6) if one.per_contact else offer.contacts
        if wanted <= 0 or contacts < 1:
            continue
        come = contacts * drawn[one.id]
        sums += come
        chosen.append(
            Chosen(
                territory=made[where].territory,
                name=made[where].name,
                channel=one.name,
                contacts=contacts,
                cost=one.fixed + one.per_contact * contacts,
                voices=_limits(contacts * one.answers, come),
            )
        )
    chosen.sort(key=lambda one: (-one.voices.value, one.territory))
    reached = {one.territory for one in chosen}
    return Plan(
        budget=budget,
        cost=sum(one.cost for one in chosen),
        voices=_limits(sum(one.voices.value for one in chosen), sums),
        missing=sum(one.missing.value for one in made),
        most=bound,
        places=tuple(chosen),
        left_out=tuple(one.name for one in made if one.territory not in reached),
    )
