"""Outcomes: what came of an action, in words that claim no more than the figures can bear.

Reports are not the thing itself, and what follows an action does not follow from it. So a difference is told only
when the count lies outside the interval of both counterfactuals of `cityward.act.counterfactual`, never before
`FEWEST_DAYS`, and never when the reports themselves fell silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.act.counterfactual import LEVEL, Case, Expected, alike, fading, going_on, usual, wander
from cityward.act.course import BACKGROUND_DAYS, FEW, HORIZON_DAYS, SHORTEST_DAYS, Daily, Surges
from cityward.core.clock import rng
from cityward.core.identifiers import make_id
from cityward.core.records import ALL_SERVICES, Outcome
from cityward.core.work import DO_NOTHING

FEWER: Final = "fewer than expected"
MORE: Final = "more than expected"
NONE: Final = "no difference that could be told from chance"
EARLY: Final = "too early"
UNKNOWN: Final = "cannot tell"
VERDICTS: Final = (FEWER, NONE, MORE, EARLY, UNKNOWN)

FEWEST_DAYS: Final = 14
"""Nothing is said before two whole weeks have passed: crews need days, and so do reports."""

SETTLED_DAYS: Final = 7
"""So many days after the last one that counts, hardly a report of it is still on its way."""

RESTED_DAYS: Final = 14
"""A need that was last found longer ago than this had ended before the action."""

SURELY_SILENT: Final = 12.0
"""Days without any report where so many were expected: by chance less than once in 100,000 (e to the -12)."""

SMALL: Final = 10.0
BEFORE_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Action:
    """A decision that was carried out, and the need it was about, as known when it was decided.

    ``day`` is the last day before it could be felt; ``starts`` and ``ends`` bound the need. ``earlier`` names an
    action on the same need that still runs on that day, ``next_day`` is the day of the next one.
    """

    decision: str
    proposal: str
    about: str
    service: str
    territories: tuple[str, ...]
    names: tuple[str, ...]
    option: str
    day: date
    starts: date
    ends: date
    earlier: str | None = None
    next_day: date | None = None


def outcome(
    action: Action, known: Daily, groups: NDArray[np.bool_], surges: Surges, *, as_of: date, seed: int
) -> Outcome:
    """Say what came of ``action`` by the end of ``as_of``.

    Parameters
    ----------
    action : Action
        What was done, where, and when.
    known : Daily
        Incidents up to ``as_of``.
    groups : ndarray of bool, shape (groups, areas)
        `cityward.act.course.neighbour_groups`.
    surges : Surges
        Past ones; those whose following weeks had not passed before the action are not used.
    seed : int
        Of the run; each decision has its own stream.

    Returns
    -------
    Outcome
        Its ``verdict`` is `UNKNOWN` with the reason, or `EARLY`, where nothing can be said.
    """
    days = min((as_of - action.day).days, HORIZON_DAYS)
    if action.next_day:
        days = min(days, (action.next_day - action.day).days)
    why = _no_answer(action, known, days)
    if why:
        return _made(action, as_of, max(days, 0), UNKNOWN, why)
    if days < FEWEST_DAYS:
        return _made(action, as_of, days, EARLY, _early(action, days))
    hush = _hush(action, known, days)
    if hush:
        return _made(action, as_of, days, UNKNOWN, hush)
    case = _case(action, known, groups, days)
    random = rng(seed, "outcome", action.decision)
    going, going_days = going_on(case, random)
    past = surges.by(case.action)
    faded = fading(case, past, random)
    kind = alike(past, case.length_days).size
    observed = int(case.inside[case.after].sum())
    verdict = judge(observed, going, faded[0] if faded else None)
    told = _Told(action, as_of, days, observed, going, faded[0] if faded else None, kind, verdict)
    shown = faded[1] if faded else going_days
    return _made(
        action,
        as_of,
        days,
        verdict,
        told.sentence(),
        observed=observed,
        usual=round(float(usual(case).sum()), 3),
        **told.figures(),
        past_surges=kind,
        settled=(as_of - action.day).days >= days + SETTLED_DAYS and days == HORIZON_DAYS,
        caveats=told.caveats(one_area=case.outside is None),
        series=_series(case, known, shown, going_days),
    )


def judge(observed: float, going: Expected, faded: Expected | None) -> str:
    """Return the verdict: a difference only where both counterfactuals agree that there is one."""
    if faded is None:
        # How much needs fade by themselves is not known here, so fewer proves nothing; more would.
        return MORE if observed > going.high else UNKNOWN
    if observed < going.low and observed < faded.low:
        return FEWER
    if observed > going.high and observed > faded.high:
        return MORE
    return NONE


@dataclass(frozen=True, slots=True)
class _Told:
    action: Action
    as_of: date
    days: int
    observed: int
    going: Expected
    faded: Expected | None
    surges: int
    verdict: str

    def sentence(self) -> str:
        reports = "report" if self.observed == 1 else "reports"
        came = f"{self.observed:,} {reports} came in the {self.days} days after {self.action.day:%-d %B %Y}"
        gone = f"{_amount(self.going)} had the days before gone on"
        if self.faded is None:
            more = "more than even that came." if self.verdict == MORE else "fewer would prove nothing: we cannot tell."
            return f"{came}, where one would expect {gone}. How needs fade by themselves is not known here, so {more}"
        ends = {
            FEWER: "That is fewer than expected. What caused it these figures cannot tell.",
            MORE: "That is more than expected: the need did not fade.",
        }.get(self.verdict, "No difference could be told from chance.")
        faded = f"{_amount(self.faded)} had it faded as past surges do"
        return f"{came}, where one would expect {faded}, and {gone}. {ends}"

    def figures(self) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for name, one in (("fading", self.faded), ("going_on", self.going)):
            found[name] = round(one.mean, 3) if one else None
            found[f"{name}_low"], found[f"{name}_high"] = (one.low, one.high) if one else (None, None)
        if self.faded:
            found["difference_low"] = self.observed - self.faded.high
            found["difference_high"] = self.observed - self.faded.low
        return found

    def caveats(self, *, one_area: bool) -> tuple[str, ...]:
        found = []
        if self.action.option == DO_NOTHING:
            found.append("It was decided to do nothing: this is how the need went by itself.")
        if one_area:
            found.append("There is no other area to compare with: season and weather may explain a change.")
        if self.faded and self.surges < FEW:
            found.append(f"Only {self.surges} past surges of this kind are known: a small number.")
        if self.faded and self.faded.mean < SMALL:
            found.append("Few reports were expected anyhow; only a very large effect could show.")
        if not self.observed:
            found.append("Not one report came. Make sure that people there can still be heard.")
        if (self.as_of - self.action.day).days < self.days + SETTLED_DAYS:
            found.append("Reports may still come in late and change this.")
        if self.action.next_day and self.days < HORIZON_DAYS:
            found.append(f"Only days up to the next action, on {self.action.next_day:%-d %B %Y}, are counted.")
        return tuple(found)


def _amount(expected: Expected) -> str:
    number = f"{expected.mean:,.0f}" if expected.mean >= 10 else f"{expected.mean:.1f}"
    return f"{number} ({100 * LEVEL:.0f} % interval {expected.low:,.0f} to {expected.high:,.0f})"


def _no_answer(action: Action, known: Daily, days: int) -> str:
    """Why nothing can ever be said of this action, or an empty text."""
    apart = (action.next_day - action.day).days if action.next_day else HORIZON_DAYS
    reasons = (
        (not known.members(action.territories), "None of the need's areas is known any more."),
        (action.day < action.starts, f"The action began before the need did, on {action.starts:%-d %B %Y}."),
        (
            (action.day - action.ends).days > RESTED_DAYS,
            f"The need was last found on {action.ends:%-d %B %Y}: it had ended before the action began.",
        ),
        (
            known.at(action.day) < SHORTEST_DAYS,
            f"Fewer than {SHORTEST_DAYS} days are known from before the action: too few to say what is usual.",
        ),
        (
            action.earlier is not None,
            f"{action.earlier} still ran when this began; what came of the one and the other cannot be told apart.",
        ),
        (
            apart < FEWEST_DAYS,
            f"Another action followed after {apart} days: too soon to tell what came of which.",
        ),
        (days < 0, f"The action begins on {action.day:%-d %B %Y}, which has not come yet."),
    )
    return next((why for holds, why in reasons if holds), "")


def _early(action: Action, days: int) -> str:
    were = "day has" if days == 1 else "days have"
    return f"Too early: {days} {were} passed since {action.day:%-d %B %Y}; nothing is said before {FEWEST_DAYS} have."


def _hush(action: Action, known: Daily, days: int) -> str:
    """Whether the reports fell silent after the action, so that nothing would look like no need."""
    last = known.at(action.day)
    everything = known.of(ALL_SERVICES)
    for what, series in (
        ("any report of the city", everything.sum(axis=1)),
        ("any report of this service in the city", known.of(action.service).sum(axis=1)),
    ):
        before, after = series[max(0, last + 1 - BACKGROUND_DAYS) : last + 1], series[last + 1 : last + 1 + days]
        gap, usual_gap = _longest_gap(after), _longest_gap(before)
        if gap > usual_gap and gap * before.mean() >= SURELY_SILENT:
            return f"There are {gap} days on end without {what} after the action: a source may have stopped."
    members = known.members(action.territories)
    inside = everything[:, members].sum(axis=1)
    expected = inside[max(0, last + 1 - BACKGROUND_DAYS) : last + 1].mean() * days
    if len(known.services) > 1 and expected >= SURELY_SILENT and not inside[last + 1 : last + 1 + days].any():
        return (
            f"Not one report of any service came from there in {days} days, where {expected:,.0f} are usual: "
            "the way in may be broken."
        )
    return ""


def _longest_gap(series: NDArray[np.int64]) -> int:
    """Most days on end with a zero."""
    heard = np.concatenate([[-1], np.flatnonzero(series), [series.size]])
    return int(np.diff(heard).max()) - 1


def _case(action: Action, known: Daily, groups: NDArray[np.bool_], days: int) -> Case:
    counts = known.of(action.service)
    members = known.members(action.territories)
    inside = counts[:, members].sum(axis=1)
    outside = counts.sum(axis=1) - inside
    last = known.at(action.day)
    heard = bool(outside[max(0, last + 1 - BACKGROUND_DAYS) : last + 1].any())
    return Case(
        inside=inside,
        outside=outside if heard else None,
        starts=max(0, known.at(action.starts)),
        action=last,
        horizon_days=days,
        weekday=known.first.weekday(),
        wander=wander(counts, groups, len(members), last) if heard else 0.0,
    )


def _series(
    case: Case, known: Daily, shown: NDArray[np.float64], going: NDArray[np.float64]
) -> tuple[tuple[date, int, float | None, float | None, float | None, float | None], ...]:
    low, high = np.quantile(shown, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="inverted_cdf")
    means, gone = shown.mean(axis=0), going.mean(axis=0)
    found: list[tuple[date, int, float | None, float | None, float | None, float | None]] = []
    for at in range(max(0, case.action + 1 - BEFORE_DAYS), case.after.stop):
        day, count, ahead = known.first + timedelta(days=at), int(case.inside[at]), at - case.after.start
        if ahead < 0:
            found.append((day, count, None, None, None, None))
            continue
        figures = (round(float(means[ahead]), 2), float(low[ahead]), float(high[ahead]), round(float(gone[ahead]), 2))
        found.append((day, count, *figures))
    return tuple(found)


def _made(action: Action, as_of: date, days: int, verdict: str, sentence: str, **more: object) -> Outcome:
    found = Outcome(
        id=make_id("outcome", action.decision),
        decision=action.decision,
        proposal=action.proposal,
        about=action.about,
        service=action.service,
        territories=action.territories,
        names=action.names,
        option=action.option,
        as_of=as_of,
        action_day=action.day,
        days=days,
        verdict=verdict,
        sentence=sentence,
    )
    return msgspec.structs.replace(found, **more)


def together(actions: Sequence[Action]) -> list[Action]:
    """Tell each action of the others on its need; of two on one day, the second cannot be told from the first."""
    ordered = sorted(actions, key=lambda action: (action.day, action.decision))
    found: list[Action] = []
    for at, one in enumerate(ordered):
        others = [other for other in ordered if other.about == one.about and other.option != DO_NOTHING]
        running = [
            other.decision for other in ordered[:at] if other in others and (one.day - other.day).days < HORIZON_DAYS
        ]
        later = [other.day for other in others if other.day > one.day]
        found.append(replace(one, earlier=running[0] if running else None, next_day=min(later, default=None)))
    return found
