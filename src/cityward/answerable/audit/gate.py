"""The gate: live error rates of groups against those at approval, by a test that may be looked at every day.

A band is kept when a system is approved. Live counts are judged against it as often as anybody likes: the chance of
ever stopping a system whose rates stay inside the band is at most `Band.false_stop`, over all groups, rates and looks.
"""

from __future__ import annotations

import math
from datetime import date
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


class Edge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched: a rate of a group, its counts at approval, and the highest value that is still inside."""

    by: tuple[str, ...]
    group: tuple[str, ...]
    rate: str
    count: int
    out_of: int
    limit: float

    @property
    def name(self) -> str:
        """As it is said in a sentence."""
        who = f" in {' and '.join(self.by)} {' and '.join(self.group)}" if self.group else ""
        return f"{_WORDS.get(self.rate, self.rate)}{who}"


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is watched; ``edges`` are those of groups that were large enough at approval for a limit below one."""

    form: str
    false_stop: float
    margin: float
    edges: tuple[Edge, ...]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A watched rate now.

    ``evidence`` is the e-value against being inside, as a logarithm to base 10; ``needed`` is what stops the system.
    ``stops_after`` is of how many people it would have been enough (when the errors came evenly, or in the order of
    days, and then ``stops_on`` is the day).
    """

    edge: Edge
    count: int
    out_of: int
    value: float | None
    evidence: float
    needed: float
    outside: bool
    stops_after: int | None = None
    stops_on: date | None = None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says. ``not judged`` when no watched rate is in the live data: then it protects nobody."""

    state: Literal["open", "suspend", "not judged"]
    says: str
    watched: tuple[Watch, ...]
    missing: tuple[str, ...]
    new_groups: tuple[str, ...]


def band_of(audit: Audit, *, false_stop: float = 0.01, margin: float = 0.02) -> Band:
    """Make the band of an approval.

    Parameters
    ----------
    audit : Audit
        On the evaluation data.
    false_stop : float
        Largest chance of ever stopping a system that is inside.
    margin : float
        How much worse than the upper limit at approval is still tolerated.

    Raises
    ------
    UserError
        No error rate is in the data, or all groups are too small.

    Notes
    -----
    Half of ``false_stop`` pays for the rates at approval, which are estimates: their upper limits hold for all at
    once (Clopper and Pearson 1934, Bonferroni). The other half pays for the looks at live data.
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
    _, high = clopper_pearson(count, out_of, 1 - false_stop / len(found))
    edges = tuple(
        Edge(by=group.by, group=group.group, rate=name, count=int(wrong), out_of=int(people), limit=float(top) + margin)
        for (group, name, wrong, people), top in zip(found, high, strict=True)
        if wrong is not None and top + margin < 1
    )
    if not edges:
        raise UserError("Every group is too small for a band.", "Evaluate more people before approval.")
    return Band(form=FORM, false_stop=false_stop, margin=margin, edges=edges)


def read_band(text: bytes) -> Band:
    """Read what was kept.

    Raises
    ------
    UserError
        It is no band, or somebody wrote into it what cannot be.
    """
    try:
        band = msgspec.json.decode(text, type=Band)
    except msgspec.MsgspecError as error:
        raise UserError(f"This is no band of an approval: {error}.", "Make one with --save-band.") from None
    sound = 0 < band.false_stop < 1 and 0 <= band.margin < 1 and bool(band.edges)
    for one in band.edges:
        sound &= 0 < one.limit < 1 and 0 <= one.count <= one.out_of and one.rate in WATCHED
    if band.form != FORM or not sound:
        raise UserError("This is no band of an approval that can be used.", "Make one with --save-band.")
    return band


def evidence(count: Floats, out_of: Floats, limit: float | Floats) -> Floats:
    """Logarithm (base 10) of the e-value that a rate is above ``limit``; shape as ``count``.

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
        watched.append(_watch(edge, rate.count, rate.out_of, needed, rows, days))
    seen = {(one.by, one.group) for one in band.edges}
    columns = {one.by for one in band.edges}
    new = tuple(
        f"{' and '.join(one.by)} {one.name}"
        for one in audit.groups
        if one.by in columns and (one.by, one.group) not in seen and one.people >= audit.min_n
    )
    outside = [one for one in watched if one.outside]
    state: Literal["open", "suspend", "not judged"] = "suspend" if outside else "open" if watched else "not judged"
    says = _says(state, outside, len(watched), band, audit, missing, new)
    return Gate(state=state, says=says, watched=tuple(watched), missing=tuple(missing), new_groups=new)


def _watch(
    edge: Edge, count: int, out_of: int, needed: float, rows: pl.DataFrame | None, days: pl.Series | None
) -> Watch:
    found = float(evidence(np.array([float(count)]), np.array([float(out_of)]), edge.limit)[0])
    outside, after, on = found >= needed, None, None
    able = float(evidence(np.array([float(out_of)]), np.array([float(out_of)]), edge.limit)[0]) >= needed
    if rows is not None and days is not None:
        after, on = _first(edge, rows, days, needed) if able else (None, None)
        # Whoever looks every day stops on the first day that is enough, though later ones may be better.
        outside = after is not None
    elif outside:
        people = np.arange(1, out_of + 1, dtype=float)
        enough = evidence(np.floor(people * count / out_of), people, edge.limit) >= needed
        after = int(people[np.argmax(enough)]) if enough.any() else out_of
    return Watch(
        edge=edge,
        count=count,
        out_of=out_of,
        value=count / out_of,
        evidence=found,
        needed=needed,
        outside=outside,
        stops_after=after,
        stops_on=on,
    )


def _first(edge: Edge, rows: pl.DataFrame, days: pl.Series, needed: float) -> tuple[int | None, date | None]:
    """After how many people, and on which day, the evidence was enough for the first time."""
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
    if not daily.height:
        return None, None
    errors, people = (daily[name].cum_sum().to_numpy().astype(float) for name in ("errors", "people"))
    step = max(1, -(-daily.height // _STEPS_MAX))
    looks = np.unique(np.append(np.arange(0, daily.height, step), daily.height - 1))
    enough = restarted(errors[looks], people[looks], looks, edge.limit) >= needed
    if not enough.any():
        return None, None
    at = int(looks[np.argmax(enough)])
    return int(people[at]), daily["day"][at]


def _says(  # the first sentence is what somebody has to act on
    state: str, outside: list[Watch], watched: int, band: Band, audit: Audit, missing: list[str], new: tuple[str, ...]
) -> str:
    told: list[str] = []
    if state == "suspend":
        worst = sorted(outside, key=lambda one: -one.evidence)
        told.append("Suspend the system: " + "; ".join(_worse(one) for one in worst[:_SHOWN]) + ".")
        if len(worst) > _SHOWN:
            told.append(f"{len(worst) - _SHOWN:,} more rates are outside of the band.")
        told.append(
            f"The chance that the gate ever stops a system that is inside is at most {percent(band.false_stop, 1)}."
        )
    elif state == "open":
        told.append(f"The gate is open: none of {watched:,} watched rates is shown to be outside of the band.")
    else:
        told.append(f"The gate cannot judge: no watched rate is in these data. {audit.because}")
    if missing and state != "not judged":
        told.append(f"Not in these data: {', '.join(missing[:_SHOWN])}{_more(missing)}.")
    if new:
        told.append(f"Not evaluated before approval: {', '.join(new[:_SHOWN])}{_more(new)}.")
    return " ".join(told)


def _more(names: list[str] | tuple[str, ...]) -> str:
    return f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""


def _worse(one: Watch) -> str:
    before = percent(one.edge.count / one.edge.out_of, 1)
    now = percent(one.value or 0.0, 1)
    told = f"{one.edge.name} {now} ({one.count:,} of {one.out_of:,}), {before} at approval"
    told += f", at most {percent(one.edge.limit, 1)} inside"
    if one.stops_on is not None:
        told += f"; stopped on {day(one.stops_on)} after {one.stops_after:,} people"
    elif one.stops_after is not None:
        told += f"; {one.stops_after:,} people would have been enough"
    return told
