"""Proposals: what could be done, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from cityward.core.identifiers import make_id
from cityward.core.records import Backtest, Need, Proposal, Silence

MOST_PROPOSALS = 12
_FROM_NEEDS, _FROM_SILENCES, _FROM_FORECASTS = 6, 3, 3
_UNKNOWN_EFFECT = "Not known yet: what comes of it will tell, confirmed by residents."

RISE = 1.25
"""A forecast is worth a proposal when even its low estimate exceeds the recent average by this much."""

FEWEST_EXPECTED = 10.0


def propose(
    needs: Sequence[Need],
    silences: Sequence[Silence],
    forecasts: pl.DataFrame,
    backtests: Sequence[Backtest],
    *,
    recent: pl.DataFrame,
    names: Mapping[str, str],
) -> list[Proposal]:
    """Return at most `MOST_PROPOSALS` proposals: from needs, then silent places, then forecasts.

    Parameters
    ----------
    needs, silences : sequence
        Best first.
    forecasts : polars.DataFrame
        `cityward.core.frames.FORECAST` columns.
    backtests : sequence of Backtest
        Named in the reason of proposals from forecasts.
    recent : polars.DataFrame
        ``service``, ``territory``, ``per_day``: average of the last weeks.
    names : mapping
        Name of each territory.
    """
    found = [_from_need(need) for need in needs[:_FROM_NEEDS]]
    found += [_from_silence(silence) for silence in silences[:_FROM_SILENCES]]
    found += _from_forecasts(forecasts, backtests, recent, names)
    return found[:MOST_PROPOSALS]


def _from_need(need: Need) -> Proposal:
    service = need.service[0].lower() + need.service[1:]
    where = need.names[0] if len(need.names) == 1 else f"{len(need.names)} areas around {need.names[0]}"
    batch = any("data entry" in caveat for caveat in need.caveats)
    action = (
        f"Check with the intake desk whether these reports were typed in together; if not, inspect {where}."
        if batch
        else f"Send an inspection to {where} within three working days and report what is found for each address."
    )
    return Proposal(
        id=make_id("proposal", need.id, action),
        about=need.id,
        service=need.service,
        territories=need.territories,
        title=f"Look into {service} in {where}",
        because=f"{need.sentence[:-1]}; chance alone would show this about once in {need.recurrence_days:,.0f} days.",
        action=action,
        effect=_UNKNOWN_EFFECT,
        system="cityward-need-scan",
    )


def _from_silence(silence: Silence) -> Proposal:
    action = f"Ask in {silence.name}: knock on doors, call, or set up a table at a library or clinic for a week."
    return Proposal(
        id=make_id("proposal", silence.id, action),
        about=silence.id,
        service="all services",
        territories=(silence.territory,),
        title=f"Ask in {silence.name} what is missing",
        because=silence.sentence,
        action=action,
        effect=_UNKNOWN_EFFECT,
        system="cityward-silence",
    )


def _from_forecasts(
    forecasts: pl.DataFrame, backtests: Sequence[Backtest], recent: pl.DataFrame, names: Mapping[str, str]
) -> list[Proposal]:
    if not forecasts.height:
        return []
    rising = (
        forecasts.group_by("service", "territory")
        .agg(pl.col("mean", "q10").sum(), pl.len().alias("days"), pl.col("day").min().alias("first"))
        .join(recent, on=["service", "territory"], how="left")
        .with_columns((pl.col("per_day").fill_null(0.0) * pl.col("days")).alias("lately"))
        # Adding up daily low estimates understates the low estimate of the sum: a cautious test.
        .filter((pl.col("mean") >= FEWEST_EXPECTED) & (pl.col("q10") > RISE * pl.col("lately")))
        .sort((pl.col("mean") - pl.col("lately")), "service", "territory", descending=[True, False, False])
        .head(_FROM_FORECASTS)
    )
    return [_from_forecast(row, backtests, names) for row in rising.iter_rows(named=True)]


def _from_forecast(row: Mapping[str, object], backtests: Sequence[Backtest], names: Mapping[str, str]) -> Proposal:
    place, first = names.get(str(row["territory"]), str(row["territory"])), row["first"]
    service = str(row["service"])
    chosen = next((test for test in backtests if test.chosen), None)
    tested = (
        f" Model: {chosen.model}, best of {len(backtests)} on days it had not seen." if chosen else " Not tested yet."
    )
    since = f"{first:%-d %B}" if isinstance(first, date) else "tomorrow"
    action = f"Plan crews in {place} for about {row['mean']:.0f} reports in the {row['days']} days from {since}."
    return Proposal(
        id=make_id("proposal", service, row["territory"], action),
        about=make_id("forecast", service, row["territory"], first),
        service=service,
        territories=(str(row["territory"]),),
        title=f"Prepare for more {service[0].lower()}{service[1:]} in {place}",
        because=(
            f"about {row['mean']:.0f} reports are expected in {row['days']} days, where the last "
            f"four weeks had {row['lately']:.0f}.{tested}"
        ),
        action=action,
        effect=_UNKNOWN_EFFECT,
        system="cityward-forecast",
    )
