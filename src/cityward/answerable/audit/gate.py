"""The gate: live error rates of groups against those at approval, by a test that may be looked at every day.

A band is kept when a system is approved. Live counts are judged against it as often as anybody likes: the chance of
ever stopping a system whose rates stay inside the band is at most `Band.false_stop`, over all groups, rates and looks.
A rate that leaves the band upwards stops the system. One that leaves it downwards raises an alarm, with the same
chance of a false one: so much fewer errors are more often outcomes that went missing than a system that learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.answerable.audit.report import Audit
from cityward.core.beta import incomplete_beta, log_beta
from cityward.core.errors import UserError
from cityward.core.words import day, percent

Floats = NDArray[np.float64]

FORM: Final = "cityward band 1"
WATCHED: Final = ("false_positive_rate", "false_negative_rate", "false_discovery_rate")
"""Who is selected without the outcome, who is missed with it, and how many of the selected are selected wrongly."""

_CELLS: Final = {
    "false_positive_rate": ((1, 0), (None, 0)),
    "false_negative_rate": ((0, 1), (None, 1)),
    "false_discovery_rate": ((1, 0), (1, None)),
}
"""Prediction and outcome of what is counted, and of those out of whom; None is either."""

_WORDS: Final = {
    "false_positive_rate": "false positives",
    "false_negative_rate": "misses",
    "false_discovery_rate": "wrongly selected among the selected",
}
_STEPS_MAX: Final = 1_000
RESTART_DAYS: Final = 28
"""After so many days with cases the evidence is also reckoned anew, so that long good data do not hide a change."""

RESTARTS_MAX: Final = 64
_SHOWN: Final = 4


Side = Literal["inside", "worse", "better"]


class Edge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched: a rate of a group, its counts at approval, and the highest and lowest value still inside.

    A ``floor`` of 0 is none: then no rate is improbably low.
    """

    by: tuple[str, ...]
    group: tuple[str, ...]
    rate: str
    count: int
    out_of: int
    limit: float
    floor: float = 0.0

    @property
    def name(self) -> str:
        """As it is said in a sentence."""
        who = f" in {' and '.join(self.by)} {' and '.join(self.group)}" if self.group else ""
        return f"{_WORDS.get(self.rate, self.rate)}{who}"


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is watched, and when it was kept (None of a band that older versions kept).

    ``edges`` are those of groups that were large enough at approval for a limit below one.
    """

    form: str
    false_stop: float
    margin: float
    edges: tuple[Edge, ...]
    saved_at: datetime | None = None


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A watched rate now.

    ``evidence`` is the e-value against being at most at the limit, ``evidence_better`` against being at least at the
    floor (None without one), as logarithms to base 10; ``needed`` of either is enough. ``after`` is of how many people
    it would have been enough (when the errors came evenly, or in the order of days, and then ``on`` is the day).
    """

    edge: Edge
    count: int
    out_of: int
    value: float
    evidence: float
    evidence_better: float | None
    needed: float
    side: Side
    after: int | None = None
    on: date | None = None


State = Literal["open", "alarm", "suspend", "not judged"]


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of the live data.

    ``suspend`` when a rate is worse than the band, ``alarm`` when one is better and none is worse, ``not judged`` when
    no watched rate is in the data: then it protects nobody.
    """

    state: State
    says: str
    watched: tuple[Watch, ...]
    missing: tuple[str, ...]
    new_groups: tuple[str, ...]
    margin: float
    false_stop: float
    band_saved_at: datetime | None


def band_of(audit: Audit, *, false_stop: float = 0.01, margin: float = 0.02, saved_at: datetime | None = None) -> Band:
    """Make the band of an approval.

    Parameters
    ----------
    audit : Audit
        On the evaluation data.
    false_stop : float
        Largest chance of ever stopping a system that is inside.
    margin : float
        How much above the upper limit at approval, or below the lower one, is still inside.
    saved_at : datetime, optional

    Raises
    ------
    UserError
        No error rate is in the data, or all groups are too small.

    Notes
    -----
    Half of ``false_stop`` pays for the rates at approval, which are estimates: their upper limits hold for all at
    once (Clopper and Pearson 1934, Bonferroni), and so do their lower ones. The other half pays for the looks at live
    data, on each side.
    """
    found = [
        (group, name, rate.count, rate.out_of)
        for group in (audit.everybody, *audit.groups)
        for name in WATCHED
        if (rate := group.rates[name]).count is not None and rate.out_of > 0
    ]
    if not found:
        raise UserError(
            f"There is no error rate to keep a band of. {audit.because}", "Make the band from data with outcomes."
        )
    count, out_of = (np.array([one[place] for one in found], dtype=float) for place in (2, 3))
    lows, highs = clopper_pearson(count, out_of, 1 - false_stop / len(found))
    edges = tuple(
        Edge(
            by=group.by,
            group=group.group,
            rate=name,
            count=int(wrong),
            out_of=int(people),
            limit=float(high) + margin,
            floor=max(0.0, float(low) - margin),
        )
        for (group, name, wrong, people), low, high in zip(found, lows, highs, strict=True)
        if wrong is not None and high + margin < 1
    )
    if not edges:
        raise UserError("Every group is too small for a band.", "Evaluate more people before approval.")
    return Band(form=FORM, false_stop=false_stop, margin=margin, edges=edges, saved_at=saved_at)


def read_band(text: bytes) -> Band:
    """Read what was kept.

    Raises
    ------
    UserError
        It is no band, or somebody wrote into it what cannot be.
    """
    try:
        band = msgspec.json.decode(text, type=Band)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        why = error if isinstance(error, msgspec.MsgspecError) else type(error).__name__
        raise UserError(f"This is no band of an approval: {why}.", "Make one with --save-band.") from None
    sound = 0 < band.false_stop < 1 and 0 <= band.margin < 1 and bool(band.edges)
    for one in band.edges:
        sound &= 0 <= one.floor < one.limit < 1 and 0 <= one.count <= one.out_of and one.rate in WATCHED
    if band.form != FORM or not sound:
        raise UserError("This is no band of an approval that can be used.", "Make one with --save-band.")
    return band


def evidence(count: Floats, out_of: Floats, limit: float | Floats) -> Floats:
    """Logarithm (base 10) of the e-value that a rate is above ``limit``; shape as ``count``.

    That it is below a floor is the same of those who are no errors, above one less the floor.

    Notes
    -----
    The likelihood of the counts at a rate drawn evenly from above the limit, over that at the limit. At any rate up
    to the limit its expectation never grows, so it ever reaches 1/a with chance a at most, however often one looks
    (Source: Ville 1939; the mixture is that of Robbins 1970, cut at the limit).
    """
    limit = np.broadcast_to(np.asarray(limit, dtype=float), count.shape)
    right = out_of - count
    above = incomplete_beta(right + 1, count + 1, 1 - limit)
    with np.errstate(divide="ignore"):
        at_mixture = log_beta(count + 1, right + 1) + np.log(above) - np.log1p(-limit)
    found: Floats = (at_mixture - count * np.log(limit) - right * np.log1p(-limit)) / math.log(10)
    return found


def restarted(errors: Floats, people: Floats, looks: NDArray[np.int64], limit: float) -> Floats:
    """Evidence at each look (a day by its number, rising), from the beginning and anew every `RESTART_DAYS`.

    Notes
    -----
    A mixture, with weights fixed beforehand, of e-values that each stay 1 until their first day is an e-value too, so
    what holds of `evidence` holds of this (Source: Shin, Ramdas and Rinaldo 2023, e-detectors, section 3).
    """
    weights = np.append(0.5, [0.5 / (at * (at + 1)) for at in range(1, RESTARTS_MAX + 1)])
    total = np.zeros(len(looks))
    for at, weight in enumerate(weights):
        begun = np.searchsorted(looks, at * RESTART_DAYS)
        value = np.ones(len(looks))
        if begun < len(looks):
            before = (errors[begun - 1], people[begun - 1]) if begun else (0.0, 0.0)
            logs = evidence(errors[begun:] - before[0], people[begun:] - before[1], limit)
            value[begun:] = 10 ** np.minimum(logs, 300)
        total += weight * value
    found: Floats = np.log10(total)
    return found


def judge(band: Band, audit: Audit, rows: pl.DataFrame | None = None, days: pl.Series | None = None) -> Gate:
    """Judge live data.

    Parameters
    ----------
    band : Band
    audit : Audit
        On all live data since approval.
    rows : polars.DataFrame, optional
        Group columns, ``prediction`` and ``outcome`` of the rows behind the rates, for the day of the stop.
    days : polars.Series, optional
        The day of each of them.
    """
    needed = math.log10(2 * len(band.edges) / band.false_stop)
    now = {(one.by, one.group): one for one in (audit.everybody, *audit.groups)}
    watched: list[Watch] = []
    missing: list[str] = []
    for edge in band.edges:
        group = now.get((edge.by, edge.group))
        rate = group.rates.get(edge.rate) if group else None
        if rate is None or rate.count is None or not rate.out_of:
            missing.append(edge.name)
            continue
        daily = _daily(edge, rows, days) if rows is not None and days is not None else None
        watched.append(_watch(edge, rate.count, rate.out_of, needed, daily))
    seen = {(one.by, one.group) for one in band.edges}
    columns = {one.by for one in band.edges}
    new = tuple(
        f"{' and '.join(one.by)} {one.name}"
        for one in audit.groups
        if one.by in columns and (one.by, one.group) not in seen and one.people >= audit.min_n
    )
    worse, better = ([one for one in watched if one.side == side] for side in ("worse", "better"))
    state: State = "suspend" if worse else "alarm" if better else "open" if watched else "not judged"
    told = _left(worse, better, band)
    if state == "open":
        told.append(f"The gate is open: none of {len(watched):,} watched rates is shown to be outside of the band.")
    elif state == "not judged":
        told.append(f"The gate cannot judge: no watched rate is in these data. {audit.because}")
    if missing and watched:
        told.append(f"Not in these data: {_some(missing)}.")
    if new:
        told.append(f"Not evaluated before approval: {_some(new)}.")
    return Gate(
        state=state,
        says=" ".join(told),
        watched=tuple(watched),
        missing=tuple(missing),
        new_groups=new,
        margin=band.margin,
        false_stop=band.false_stop,
        band_saved_at=band.saved_at,
    )


@dataclass(frozen=True, slots=True)
class _Daily:
    """Errors and people of a rate, each (days,), summed up to the end of each day that has a case."""

    days: pl.Series
    errors: Floats
    people: Floats


def _watch(edge: Edge, count: int, out_of: int, needed: float, daily: _Daily | None) -> Watch:
    worse = _evidence(count, out_of, edge.limit)
    better = _evidence(out_of - count, out_of, 1 - edge.floor) if edge.floor > 0 else None
    side: Side = "inside"
    after: int | None = None
    on: date | None = None
    if daily is not None:
        # Whoever looks every day stops on the first day that is enough, though later ones may be better.
        after, on = _first(daily, daily.errors, edge.limit, needed)
        side = "worse" if after is not None else "inside"
        if side == "inside" and better is not None:
            after, on = _first(daily, daily.people - daily.errors, 1 - edge.floor, needed)
            side = "better" if after is not None else "inside"
    elif worse >= needed:
        side, after = "worse", _evenly(count, out_of, edge.limit, needed)
    elif better is not None and better >= needed:
        side, after = "better", _evenly(out_of - count, out_of, 1 - edge.floor, needed)
    return Watch(
        edge=edge,
        count=count,
        out_of=out_of,
        value=count / out_of,
        evidence=worse,
        evidence_better=better,
        needed=needed,
        side=side,
        after=after,
        on=on,
    )


def _evidence(count: int, out_of: int, limit: float) -> float:
    return float(evidence(np.array([float(count)]), np.array([float(out_of)]), limit)[0])


def _evenly(count: int, out_of: int, limit: float, needed: float) -> int:
    """After how many people the evidence would have been enough, had they come evenly."""
    people = np.arange(1, out_of + 1, dtype=float)
    enough = evidence(np.floor(people * count / out_of), people, limit) >= needed
    return int(people[np.argmax(enough)]) if enough.any() else out_of


def _daily(edge: Edge, rows: pl.DataFrame, days: pl.Series) -> _Daily:
    """Rows without a day count on the last."""
    (wrong, then), (given, known) = _CELLS[edge.rate]
    kept = pl.col("prediction").is_not_null() & pl.col("outcome").is_not_null() & pl.col("day").is_not_null()
    for name, value in zip(edge.by, edge.group, strict=True):
        kept &= pl.col(name) == value
    kept &= pl.col("outcome") == known if known is not None else pl.col("prediction") == given
    error = (pl.col("prediction") == wrong) & (pl.col("outcome") == then)
    daily = (
        rows.with_columns(days.fill_null(days.max()).alias("day"))
        .filter(kept)
        .group_by("day")
        .agg(error.sum().alias("errors"), pl.len().alias("people"))
        .sort("day")
    )
    errors, people = (daily[name].cum_sum().to_numpy().astype(float) for name in ("errors", "people"))
    return _Daily(daily["day"], errors, people)


def _first(daily: _Daily, errors: Floats, limit: float, needed: float) -> tuple[int | None, date | None]:
    """After how many people, and on which day, the evidence was enough for the first time."""
    count = len(daily.days)
    if not count or _evidence(int(daily.people[-1]), int(daily.people[-1]), limit) < needed:
        return None, None  # even if all were errors it would not be enough
    step = max(1, -(-count // _STEPS_MAX))
    looks = np.unique(np.append(np.arange(0, count, step), count - 1))
    enough = restarted(errors[looks], daily.people[looks], looks, limit) >= needed
    if not enough.any():
        return None, None
    at = int(looks[np.argmax(enough)])
    return int(daily.people[at]), daily.days[at]


def _left(worse: list[Watch], better: list[Watch], band: Band) -> list[str]:
    """Sentences on what left the band; the first is what somebody has to act on."""
    told: list[str] = []
    if worse:
        worst = sorted(worse, key=lambda one: -one.evidence)
        told.append("Suspend the system: " + "; ".join(_told(one) for one in worst[:_SHOWN]) + ".")
        if len(worst) > _SHOWN:
            told.append(f"{len(worst) - _SHOWN:,} more rates are outside of the band.")
        told.append(
            f"The chance that the gate ever stops a system that is inside is at most {percent(band.false_stop, 1)}."
        )
    if better:
        best = sorted(better, key=lambda one: -(one.evidence_better or 0.0))
        head = "Improbably few errors, too: " if worse else "Alarm: improbably few errors: "
        told.append(head + "; ".join(_told(one) for one in best[:_SHOWN]) + ".")
        if len(best) > _SHOWN:
            told.append(f"{len(best) - _SHOWN:,} more rates are below the band.")
        told.append(
            "Look first whether outcomes went missing or are written down in another way; if the system did become "
            "better, evaluate it again and keep a new band."
        )
    return told


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _told(one: Watch) -> str:
    before, now = percent(one.edge.count / one.edge.out_of, 1), percent(one.value, 1)
    told = f"{one.edge.name} {now} ({one.count:,} of {one.out_of:,}), {before} at approval, "
    worse = one.side == "worse"
    told += f"at most {percent(one.edge.limit, 1)} inside" if worse else f"at least {percent(one.edge.floor, 1)} inside"
    if one.on is not None:
        told += f"; {'stopped' if worse else 'outside'} on {day(one.on)} after {one.after:,} people"
    elif one.after is not None:
        told += f"; {one.after:,} people would have been enough"
    return told
