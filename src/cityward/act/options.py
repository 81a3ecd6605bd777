"""Options: the ways to answer a finding, with what each takes and what is known of its effect.

To do nothing is always one of them, with what is then expected. What an action does is not known before it was done
here; it is read off measured outcomes, once there are some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cityward.act.counterfactual import FEWEST_SURGES, Case, alike, excess_a_day, left, usual
from cityward.act.course import FEW, HORIZON_DAYS, SHORTEST_DAYS, Daily, Surges
from cityward.core.clock import rng
from cityward.core.records import Need, Option, Outcome, Silence
from cityward.core.work import DO_NOTHING

INSPECT: Final = "Inspect what was reported"
ROUND: Final = "Go round the areas"
READ: Final = "Read the reports first"
DESK: Final = "Ask the intake desk first"
DOORS: Final = "Ask at doors and by phone"
TABLE: Final = "Set up a table"

UNKNOWN_EFFECT: Final = "Not known yet: what comes of it will tell, confirmed by residents."

ROUND_HOURS: Final = 4.0
"""Half a working day to go down the streets of one area once: an assumption, as areas differ in size."""

READ_MINUTES: Final = 5
"""To read one report and compare it with the others."""

HOMES_ASKED, HOME_MINUTES = 60, 10
"""Sixty answers tell a share to within 13 percentage points (95 %); ten minutes a home with the way there."""

TABLE_HOURS: Final = 40.0
"""Two people at a table, four hours a day, five days."""

FEWEST_OUTCOMES: Final = 3
"""An effect is expected from no fewer measured outcomes of the same action."""

LOW, HIGH = 0.1, 0.9
_Z80: Final = 1.2816
_Z90: Final = 1.6449


@dataclass(frozen=True, slots=True)
class Work:
    """What work takes: minutes on the spot by service, ``other`` for the rest; cost of an hour, None if unknown."""

    minutes: Mapping[str, int]
    other: int = 30
    hour_cost: float | None = None

    def hours(self, service: str, reports: float) -> float:
        """Hours on the spot for so many reports of a service."""
        return reports * self.minutes.get(service, self.other) / 60

    def cost(self, hours: float | None) -> float | None:
        """What hours cost, where that is known."""
        return None if hours is None or self.hour_cost is None else round(hours * self.hour_cost, 2)


NO_WORK: Final = Work({})


@dataclass(frozen=True, slots=True)
class Course:
    """What is expected of a need when nobody acts: reports in `HORIZON_DAYS`, with their 80 % interval.

    ``first`` and ``second`` are the shares of its daily excess left in the first and the following two weeks, each
    as (mean, low, high), read off ``surges`` past surges of its kind; ``usual`` is what would be reported anyhow.
    """

    surges: int
    usual: float
    expected: float
    low: float
    high: float
    first: tuple[float, float, float]
    second: tuple[float, float, float]


def course(need: Need, known: Daily, surges: Surges, *, seed: int) -> Course | None:
    """Return what is expected of ``need`` if nobody acts, or None when too little is known of past surges.

    Parameters
    ----------
    need : Need
        Found on the last day of ``known``.
    known : Daily
        Incidents up to that day.
    surges : Surges
        Past ones, whose following weeks had passed by then.
    seed : int
        Of the run.
    """
    members, last = known.members(need.territories), known.days - 1
    kind = alike(surges, (need.ends - need.starts).days + 1)
    if not members or last < SHORTEST_DAYS or kind.size < FEWEST_SURGES:
        return None
    counts = known.of(need.service)
    inside = counts[:, members].sum(axis=1)
    outside = counts.sum(axis=1) - inside
    # The city's next four weeks are taken to be like its last four.
    ahead = np.concatenate([outside, outside[-HORIZON_DAYS:]])
    case = Case(inside, ahead, max(0, known.at(need.starts)), last, HORIZON_DAYS, known.first.weekday())
    generator = rng(seed, "course", need.id)
    base, excess = float(usual(case).sum()), excess_a_day(case)
    half = HORIZON_DAYS // 2
    whole, first, second = (
        left(kind, *days, generator) for days in ((1, HORIZON_DAYS), (1, half), (half + 1, 2 * half))
    )
    drawn = generator.poisson(base + whole * excess * HORIZON_DAYS)
    low, high = np.quantile(drawn, (LOW, HIGH), method="inverted_cdf")
    expected = base + float(whole.mean()) * excess * HORIZON_DAYS
    return Course(kind.size, base, expected, float(low), float(high), _spread(first), _spread(second))


def _spread(draws: NDArray[np.float64]) -> tuple[float, float, float]:
    low, high = np.quantile(draws, (LOW, HIGH))
    return round(float(draws.mean()), 4), round(float(low), 4), round(float(high), 4)


def for_need(
    need: Need, where: str, action: str, ahead: Course | None, work: Work, measured: Sequence[Outcome]
) -> tuple[Option, ...]:
    """Return the options for a need, the recommended first; ``action`` is what is recommended, in words."""
    reports, areas = need.observed, len(need.territories)
    visit = round(work.hours(need.service, reports), 1)
    inspect = (
        INSPECT,
        f"Send an inspection to each of the {reports:,} reports in {where}.",
        visit,
        "Hours on the spot, without the way there.",
    )
    desk = round(reports * READ_MINUTES / 60, 1)
    read = (READ, action, desk, f"Hours to read them, {READ_MINUTES} minutes each; what then follows comes on top.")
    ask = (DESK, action, desk, f"Hours at the desk, {READ_MINUTES} minutes a report; an inspection comes on top.")
    sweep = (
        ROUND,
        f"Go down the streets of {where} once, and mend what is seen, also where nobody reported.",
        ROUND_HOURS * areas,
        f"Hours for {areas} area{'s' if areas > 1 else ''}, {ROUND_HOURS:.0f} each: an assumption.",
    )
    if action.startswith("Check"):
        ways = [ask, inspect, sweep]
    elif action.startswith("Read"):
        ways = [read, inspect, sweep]
    else:
        ways = [(INSPECT, action, visit, inspect[3]), sweep]
    found = [
        Option(
            title=title,
            action=told,
            **_effect(title, need.service, ahead, measured, because),
            crew_hours=hours,
            cost=work.cost(hours),
            people=need.population,
            recommended=at == 0,
        )
        for at, (title, told, hours, because) in enumerate(ways)
    ]
    return (*found, _nothing(need, ahead))


def _nothing(need: Need, ahead: Course | None) -> Option:
    told, known_from = "Nobody can say: too few past surges are known here.", "Nothing."
    if ahead:
        told = (
            f"About {ahead.expected:,.0f} reports in {HORIZON_DAYS} days ({ahead.low:,.0f} to {ahead.high:,.0f}), "
            f"where {ahead.usual:,.0f} are usual. Of the daily excess, {_share(ahead.first)} is left in the first two "
            f"weeks and {_share(ahead.second)} in the two after."
        )
        small = ": a small number" if ahead.surges < FEW else ""
        known_from = (
            f"{ahead.surges} past surges of this kind in this city{small}. Intervals hold 80 %. The city's next four "
            "weeks are taken to be like its last four."
        )
    return Option(
        title=DO_NOTHING,
        action="Wait and see. The need stays on the list, and what came of it is told.",
        effect=told,
        known_from=known_from,
        crew_hours=0.0,
        cost=0.0,
        people=need.population,
    )


def _share(share: tuple[float, float, float]) -> str:
    mean, low, high = (100 * part for part in share)
    return f"{mean:.0f} % ({low:.0f} to {high:.0f} %)"


def _effect(
    title: str, service: str, ahead: Course | None, measured: Sequence[Outcome], because: str
) -> dict[str, Any]:
    """What is known of an action's effect: from outcomes of it for this service, else for any."""
    done = [one for one in measured if one.option == title and one.settled and one.observed is not None and one.fading]
    same = [one for one in done if one.service == service]
    done = same if len(same) >= FEWEST_OUTCOMES else done
    if len(done) < FEWEST_OUTCOMES or ahead is None:
        told = f" Measured so far: {len(done)}, from {FEWEST_OUTCOMES} on it is told." if done else ""
        return {"effect": f"{UNKNOWN_EFFECT}{told}", "known_from": because}
    expected = sum(one.fading or 0.0 for one in done)
    change = sum((one.observed or 0) - (one.fading or 0.0) for one in done) / expected
    width = sum((((one.fading_high or 0.0) - (one.fading_low or 0.0)) / (2 * _Z90)) ** 2 for one in done) ** 0.5
    low, high = ((change + sign * _Z80 * width / expected) * ahead.expected for sign in (-1, 1))
    told = "fewer than" if high < 0 else "more than" if low > 0 else "not clearly different from"
    return {
        "effect": (
            f"{_signed(low)} to {_signed(high)} reports in {HORIZON_DAYS} days beside doing nothing (80 %): "
            f"{told} expected without it."
        ),
        "known_from": f"{len(done)} measured outcomes of it{' for this service' if done is same else ''}. {because}",
        "effect_low": round(low, 1),
        "effect_high": round(high, 1),
    }


def _signed(number: float) -> str:
    return f"{number:+,.0f}".replace("-", "−")


def for_silence(silence: Silence, action: str, work: Work) -> tuple[Option, ...]:
    """Return the options for a silent place, the recommended first."""
    doors = HOMES_ASKED * HOME_MINUTES / 60
    return (
        Option(
            title=DOORS,
            action=action,
            effect=UNKNOWN_EFFECT,
            known_from=f"Hours for {HOMES_ASKED} homes, {HOME_MINUTES} minutes each: an assumption.",
            crew_hours=doors,
            cost=work.cost(doors),
            people=silence.population,
            recommended=True,
        ),
        Option(
            title=TABLE,
            action=f"Set up a table at a library or clinic in {silence.name} for a week, and ask who comes by.",
            effect=f"{UNKNOWN_EFFECT} It hears those who come by, not those who stay at home.",
            known_from="Hours of two people, four a day for five days: an assumption.",
            crew_hours=TABLE_HOURS,
            cost=work.cost(TABLE_HOURS),
            people=silence.population,
        ),
        Option(
            title=DO_NOTHING,
            action="Wait and see. The place stays on the list of silent places.",
            effect="We go on not knowing what is missing there.",
            known_from="That it is silent.",
            crew_hours=0.0,
            cost=0.0,
            people=silence.population,
        ),
    )
