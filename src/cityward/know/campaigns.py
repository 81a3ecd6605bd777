"""Batches and campaigns: many reports that are one act, shown as what they are and not counted as a need.

History goes in, history with a mark comes out, and a list of what was marked and why. Nothing is deleted,
and a report by itself is never judged: only many together are, by how they came. See
docs/incidents-and-campaigns.md for the signs in plain language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from cityward.know.incidents import normalised, words_of

FLOOD, DATA_ENTRY, CAMPAIGN = 0, 1, 2
"""Rank of a kind: a row is given the first that fits."""

ROWS_MIN: Final = 20
"""Fewer reports hardly make a need by themselves, and chance makes anything look like a sign."""

RUN_ROWS: Final = 30
EVENNESS_MAX: Final = 0.3
"""Largest spread of the gaps between `RUN_ROWS` reports over their mean. Residents come at random, where it is
about 1; by Greenwood's statistic chance gives 0.3 or less once in 2 × 10^10 runs, so never in a city's life."""

GAP_MAX_S: Final = 600
"""Slower than this on average it is a timetable, not a flood."""

PERSON_PER_HOUR: Final = 30
"""One person who reports more often than every two minutes for an hour uses a tool."""

SENDER_PER_HOUR: Final = 100
SENDER_SURGE: Final = 20
"""A sender that in an hour sends this many, and this many times its usual busy hour, while others do not."""

SURGE: Final = 10
"""Times what the sender usually enters on a day with any. Storms reach it too: it only opens the question."""

ODDS_MIN: Final = 3
"""How much more of a day's reports of a service come from one sender than usually. In a storm every channel
rises and this stays near 1; people turn from web to phone by less than threefold."""

DESK_ROWS: Final = 100
"""Nobody takes more calls in a day at one desk: eight hours at five minutes each."""

CROWD: Final = 3
CROWD_MIN: Final = 4
"""When this many times more senders than usual, and at least this many, report a service on one day, something
happened: a desk that then enters much, though not more than a desk can, enters what residents told it."""

AT_ONCE_MIN: Final = 0.9
AT_ONCE_USUAL_MAX: Final = 0.5
"""Share of reports closed on the day they came: nearly all of a batch, where usually not even half are."""

OFFICE_MIN: Final = 0.98
OFFICE_USUAL_MAX: Final = 0.8
OFFICE_FROM, OFFICE_TO, OFFICE_DAYS = 8, 18, 5
"""Share of reports within office hours: typed by an office, where residents also write in the evening."""

AT_ONE_MINUTE: Final = 0.5
"""Share of an hour's reports of a sender that bear one minute: chance gives one in sixty."""

ONE_TIME: Final = 0.02
"""A time of day, to the second, that this share of a source's reports bear stands for the day or the hour: by
chance one in 1,440 bears it even where stamps are to the minute."""

KNOWN_PERIODS: Final = 7
"""With fewer days (or hours) of a sender its usual is not known, and taken to be one report."""

CHAIN_DAYS: Final = 4
"""Days of one batch may lie this far apart: a weekend and a holiday."""

RUN_GAP_DAYS: Final = 7
CAMPAIGN_DAYS_MAX: Final = 60
NEW_MIN: Final = 0.5
"""A campaign comes in a run without a week's pause, is over within two months, and its run holds at least half
of all reports with that text: what people may choose from a menu is written all year round."""

WORDS_MIN: Final = 8
"""Distinct words, of three letters or more, of a text that two people hardly write alike by themselves."""

WORDS_FEW: Final = 4
FEW_SHARE: Final = 0.5
FEW_NEW_MIN: Final = 0.9
"""A shorter text, down to `WORDS_FEW` words, is a campaign's only when it is word for word the same, makes up this
share of all reports of its service on a day, and is hardly used otherwise: many short texts are alike, but not
most of a day's, and a sentence from a menu comes back with the next storm."""

ALIKE_MIN: Final = 0.7
"""Share of words common to a text and the commonest of its kind: of twelve words, one left out and one put in by
either. Texts about one thing in people's own words share less than half."""

CHARACTERS_MIN: Final = 15
"""The shortest text with `WORDS_FEW` words."""

HOURS_BETWEEN_FLOODS: Final = 1
"""A flood that pauses longer than this is told as two."""

_FOUND: Final[dict[str, Any]] = {
    "row": pl.UInt32,
    "time": pl.Datetime("us", "UTC"),
    "rank": pl.Int32,  # of the kind
    "group": pl.UInt64,  # what it is part of; hashed from values, so that no order of rows shows in it
}
FOUND: Final = pl.Schema(_FOUND)
"""Rows with a sign."""


@dataclass(frozen=True, slots=True)
class SetApart:
    """What one call tells apart: the reports that may speak of a need, and the batches to show."""

    history: pl.DataFrame
    batches: pl.DataFrame


_BATCH: Final[dict[str, Any]] = {
    "batch": pl.UInt32,
    "kind": pl.String,
    "source": pl.String,
    "channel": pl.String,
    "service": pl.String,
    "first": pl.Datetime("us", "UTC"),
    "last": pl.Datetime("us", "UTC"),
    "rows": pl.Int64,
    "places": pl.Int64,
    "why": pl.String,
}
BATCH: Final = pl.Schema(_BATCH)
"""A batch as shown: ``source``, ``channel`` and ``service`` are the commonest among its rows; ``places`` counts
distinct addresses, positions or territories."""


def set_apart(history: pl.DataFrame, *, time_zone: str = "UTC") -> SetApart:
    """Return the history without its batches, and the batches: what the cube of needs leaves out and the page shows.

    See `recognise` for what is read and how it is judged.
    """
    marked = recognise(history, time_zone=time_zone)
    kept = marked.filter(pl.col("batch").is_null()).drop("batch", "batch_kind")
    return SetApart(kept, summarise(marked, time_zone=time_zone))


def recognise(history: pl.DataFrame, *, time_zone: str = "UTC") -> pl.DataFrame:
    """Return ``history`` with columns ``batch`` (UInt32) and ``batch_kind``, null for reports that stand alone.

    Kinds, each row being given the first that fits:

    - ``scripted flood``: reports in the even rhythm of a machine, from one person far faster than a person,
      or from one sender far faster than that sender ever was while the others were as always;
    - ``data entry``: one office or channel alone enters, in one minute or on one day, many times what it
      usually does, as no desk could take from callers, or closes them as it types them;
    - ``campaign``: the same new text, nearly word for word, many times within days.

    Parameters
    ----------
    history : polars.DataFrame
        With ``service`` and ``occurred_at``; ``source``, ``channel``, ``person``, ``kind``, ``closed_at``,
        ``text``, ``address``, ``lon``, ``lat`` and ``territory`` are used when they are there. Without a
        channel, only rhythm, text and closing can tell. Rows of kind ``visit`` are counts of presence,
        not of asking, and never marked.
    time_zone : str
        In which a day is a day.

    Notes
    -----
    A genuine surge passes: it comes through every channel, at uneven moments, in everybody's own words, and
    is not closed as it comes. Where stamps tell only the day, no rhythm is read from them. Neither the order
    of the rows nor equal rows of other services change the answer. Time is that of a few sorts.

    Source
    ------
    Rhythm: Greenwood (1946), The statistical study of infectious diseases, J. R. Stat. Soc. 109. Near-equal
    text: Broder (1997), On the resemblance and containment of documents.
    """
    rows = _stamped(history, time_zone)
    found = pl.concat([_floods(rows), _data_entries(rows), _same_texts(rows, history)])
    # The first kind wins, and what it leaves of a later one has to be a batch still.
    found = found.sort("rank").unique("row", keep="first", maintain_order=True)
    found = _chained(found)
    found = found.filter(pl.len().over("group", "chain") >= ROWS_MIN)
    # Visits and rows without a time were not looked at; they stay in their places.
    marks = history.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    marks = marks.join(_numbered(found), on="row", how="left", maintain_order="left")
    return history.with_columns(marks["batch"], marks["batch_kind"])


def summarise(marked: pl.DataFrame, *, time_zone: str = "UTC") -> pl.DataFrame:
    """Return one row (`BATCH`) per batch of a history that `recognise` has marked, the largest first."""
    marked = _local(marked, time_zone)
    batches = marked.filter(pl.col("batch").is_not_null())
    if not batches.height:
        return BATCH.to_frame()
    told = batches.group_by("batch").agg(
        pl.col("batch_kind").first().alias("kind"),
        *(_commonest(marked, name) for name in ("source", "channel", "service")),
        pl.col("occurred_at").min().alias("first"),
        pl.col("occurred_at").max().alias("last"),
        pl.len().cast(pl.Int64).alias("rows"),
        _place(marked).n_unique().cast(pl.Int64).alias("places"),
        pl.col("day").n_unique().alias("days"),
        (pl.col("closed_day") == pl.col("day")).fill_null(value=False).mean().alias("at_once"),
    )
    told = told.join(_usual(marked), on=["source", "channel", "service"], how="left", nulls_equal=True)
    return (
        told.with_columns(_why().alias("why"))
        .cast(BATCH, strict=False)
        .select(BATCH.names())
        .sort("rows", "batch", descending=[True, False])
    )


def _local(marked: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Days as the city has them."""
    utc = pl.Datetime("us", "UTC")
    closed = pl.col("closed_at") if "closed_at" in marked.columns else pl.lit(None)
    return marked.with_columns(
        pl.col("occurred_at").cast(utc).dt.convert_time_zone(time_zone).dt.date().alias("day"),
        closed.cast(utc).dt.convert_time_zone(time_zone).dt.date().alias("closed_day"),
    )


def _chained(found: pl.DataFrame) -> pl.DataFrame:
    """Split a group where it pauses: a desk rests over a holiday, a script does not."""
    pause = pl.when(pl.col("rank") == FLOOD).then(HOURS_BETWEEN_FLOODS).otherwise(CHAIN_DAYS * 24)
    return found.sort("group", "time", "row").with_columns(
        chain=(pl.col("time").diff() > pl.duration(hours=pause)).fill_null(value=False).cum_sum().over("group")
    )


def _numbered(found: pl.DataFrame) -> pl.DataFrame:
    """Number the batches from 1 by when they began; the tie is broken by what they are, not where they stand."""
    names = {FLOOD: "scripted flood", DATA_ENTRY: "data entry"}
    groups = found.group_by("group", "chain").agg(pl.col("time").min(), pl.col("rank").first(), pl.len())
    groups = groups.sort("time", "rank", "len", "group").with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("batch"),
        pl.col("rank").replace_strict(names, default="campaign", return_dtype=pl.String).alias("batch_kind"),
    )
    return (
        found.select("row", "group", "chain")
        .join(groups.select("group", "chain", "batch", "batch_kind"), on=["group", "chain"])
        .select("row", "batch", "batch_kind")
    )


def _commonest(marked: pl.DataFrame, name: str) -> pl.Expr:
    return (
        pl.col(name).cast(pl.String).mode().sort().first() if name in marked.columns else pl.lit(None, pl.String)
    ).alias(name)


def _place(marked: pl.DataFrame) -> pl.Expr:
    """What tells one place from another: the address, else the position, else the territory."""
    parts: list[pl.Expr] = []
    if "address" in marked.columns:
        parts.append(pl.col("address").cast(pl.String))
    if {"lon", "lat"} <= set(marked.columns):
        parts.append(pl.format("{} {}", "lon", "lat"))
    parts += [pl.col(name).cast(pl.String) for name in ("territory", "stated_territory") if name in marked.columns]
    return pl.coalesce(parts) if parts else pl.lit("", pl.String)


def _usual(marked: pl.DataFrame) -> pl.DataFrame:
    """Median reports of a sender and service on the days when there are any, batches left out."""
    keys = ["source", "channel", "service"]
    rest = marked.filter(pl.col("batch").is_null()).select(
        *(
            (pl.col(name).cast(pl.String) if name in marked.columns else pl.lit(None, pl.String)).alias(name)
            for name in keys
        ),
        "day",
    )
    return rest.group_by(*keys, "day").len().group_by(keys).agg(pl.col("len").median().alias("usual"))


def _why() -> pl.Expr:
    who = pl.coalesce(pl.col("channel"), pl.col("source"), pl.lit("one source"))
    days = pl.when(pl.col("days") == 1).then(pl.lit("one day")).otherwise(pl.format("{} days", "days"))
    usual = pl.format("with any, about {}", pl.col("usual").round(0).cast(pl.Int64)).fill_null("none")
    once = (pl.col("at_once") * 100).round(0).cast(pl.Int64)
    seconds = (pl.col("last") - pl.col("first")).dt.total_milliseconds() / 1000 / (pl.col("rows") - 1)
    entry = pl.format(
        "{} entered {} reports on {}; on other days {}. {} % were closed on the day they came.",
        who, "rows", days, usual, once,
    )  # fmt: skip
    flood = pl.format(
        "{} sent {} reports, one every {} seconds: faster or more even than people report.",
        who, "rows", seconds.round(1),
    )  # fmt: skip
    campaign = pl.format(
        "{} reports within {} say nearly the same, word for word, in a text not seen otherwise.", "rows", days
    )
    return (
        pl.when(pl.col("kind") == "data entry")
        .then(entry)
        .when(pl.col("kind") == "scripted flood")
        .then(flood)
        .otherwise(campaign)
    )


def _stamped(history: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return what the signs are read from, one row per interaction.

    ``sender`` is the source with its channel; ``coarse`` rows tell only the day or the hour.
    """
    held = set(history.columns)

    def column(name: str, dtype: pl.DataType | type[pl.DataType] = pl.String) -> pl.Expr:
        return (pl.col(name).cast(dtype) if name in held else pl.lit(None, dtype)).alias(name)

    utc = pl.Datetime("us", "UTC")
    local = pl.col("time").dt.convert_time_zone(time_zone)
    frame = history.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        column("occurred_at", utc).alias("time"),
        column("closed_at", utc),
        *(column(name) for name in ("source", "channel", "service", "person", "kind")),
    )
    frame = frame.filter(pl.col("time").is_not_null(), pl.col("kind").fill_null("") != "visit")
    frame = frame.with_columns(
        pl.struct("source", "channel").hash().alias("sender"),
        pl.col("channel").is_not_null().alias("named"),
        local.dt.date().alias("day"),
        local.dt.time().alias("clock"),
        pl.col("time").dt.truncate("1h").alias("hour"),
        pl.col("time").dt.truncate("1m").alias("minute"),
        (local.dt.hour().is_between(OFFICE_FROM, OFFICE_TO - 1) & (local.dt.weekday() <= OFFICE_DAYS)).alias("office"),
        (pl.col("closed_at").dt.convert_time_zone(time_zone).dt.date() == local.dt.date())
        .fill_null(value=False)
        .alias("at_once"),
    )
    whole = frame.group_by("source").len("all")
    times = frame.group_by("source", "clock").agg(pl.len().alias("bear"), pl.col("day").n_unique().alias("days"))
    times = times.join(whole, on="source", nulls_equal=True).select(
        "source",
        "clock",
        coarse=(pl.col("bear") >= ONE_TIME * pl.col("all")) & (pl.col("days") >= KNOWN_PERIODS)
        | ((pl.col("clock") == pl.time(0)) & (pl.col("bear") > 1)),
    )
    frame = frame.join(times, on=["source", "clock"], how="left", nulls_equal=True, maintain_order="left")
    # Midnight somewhere, and not by chance: a source that says only the day.
    midnight = (pl.col("time").dt.time() == pl.time(0)) & (pl.len().over("source", "clock") > 1)
    return frame.with_columns(pl.col("coarse") | midnight).drop("closed_at", "clock", "kind")


def _floods(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that came in the rhythm, or at the pace, of a machine."""
    timed = rows.filter(~pl.col("coarse"))
    person = timed.filter(pl.col("person").is_not_null())
    person = person.filter(pl.len().over("source", "person", "hour") >= PERSON_PER_HOUR)
    parts = [
        _found(_even(timed), FLOOD, "sender"),
        _found(person, FLOOD, "source", "person"),
        _found(_pace(timed), FLOOD, "sender"),
    ]
    # One row may show several signs: the sender's rhythm names its group before its pace does.
    return pl.concat(parts).unique("row", keep="first", maintain_order=True)


def _data_entries(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that one desk or channel entered in a lump."""
    timed = rows.filter(~pl.col("coarse"))
    keys = ["sender", "service"]
    in_minute, in_hour = (
        timed.group_by(*keys, by).len(name) for by, name in (("minute", "in_minute"), ("hour", "in_hour"))
    )
    lumps = in_minute.filter(pl.col("in_minute") >= ROWS_MIN).with_columns(hour=pl.col("minute").dt.truncate("1h"))
    lumps = lumps.join(in_hour, on=[*keys, "hour"], nulls_equal=True)
    lumps = lumps.filter(pl.col("in_minute") >= AT_ONE_MINUTE * pl.col("in_hour"))
    minute = timed.join(lumps, on=[*keys, "minute"], how="semi", nulls_equal=True)
    day = rows.join(_lumped_days(rows), on=[*keys, "coarse", "day"], how="semi", nulls_equal=True)
    return pl.concat([_found(part, DATA_ENTRY, *keys) for part in (minute, day)]).unique("row", maintain_order=True)


def _same_texts(rows: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Rows whose text many others share within days, and hardly anybody before or after."""
    said = _worded(history).join(rows.select("row", "time", "service", "day"), on="row")
    if not said.height:
        return FOUND.to_frame()
    day = rows.group_by("service", "day").len("all_day")
    said = said.with_columns(ever=pl.len().over("likeness"), same=pl.len().over("likeness", "service", "day"))
    said = said.join(day, on=["service", "day"], nulls_equal=True)
    said = said.filter(~pl.col("few") | (pl.col("same") >= FEW_SHARE * pl.col("all_day")))
    said = said.sort("likeness", "time", "row").with_columns(
        run=(pl.col("time").diff() > pl.duration(days=RUN_GAP_DAYS)).fill_null(value=False).cum_sum().over("likeness")
    )
    runs = said.group_by("likeness", "run").agg(
        pl.len().alias("n"), pl.col("ever", "few").first(), (pl.col("time").max() - pl.col("time").min()).alias("span")
    )
    runs = runs.filter(
        pl.col("n") >= ROWS_MIN,
        pl.col("span") <= pl.duration(days=CAMPAIGN_DAYS_MAX),
        pl.col("n") >= pl.when("few").then(FEW_NEW_MIN).otherwise(NEW_MIN) * pl.col("ever"),
    )
    ours = said.join(runs, on=["likeness", "run"])
    # A text has several likenesses: the one that most share is the row's own, and a likeness whose rows mostly
    # have another as their own is part of that one.
    own = ours.sort(["n", "likeness"], descending=[True, False]).unique("row", keep="first", maintain_order=True)
    own = own.select("row", "time", pl.col("likeness").alias("own"))
    whole = (
        ours.join(own.select("row", "own"), on="row")
        .group_by("likeness")
        .agg(pl.col("own").mode().min().alias("whole"))
    )
    return _found(own.join(whole, left_on="own", right_on="likeness"), CAMPAIGN, "whole")


def _even(timed: pl.DataFrame) -> pl.DataFrame:
    """Rows in any run of `RUN_ROWS` of one sender whose gaps are too even."""
    gaps = RUN_ROWS - 1
    cap_ms = GAP_MAX_S * 1_000 * RUN_ROWS  # a gap this long breaks the run however it is counted
    ordered = timed.filter(pl.len().over("sender") >= RUN_ROWS).sort("sender", "time", "row")
    ordered = ordered.with_columns(
        gap=pl.col("time").diff().dt.total_milliseconds().clip(0, cap_ms).over("sender")
    ).with_columns(
        total=pl.col("gap").rolling_sum(gaps).over("sender"),
        squares=(pl.col("gap") ** 2).rolling_sum(gaps).over("sender"),
    )
    mean = pl.col("total") / gaps
    even = (mean > 0) & (mean <= GAP_MAX_S * 1_000) & (pl.col("squares") / gaps <= (1 + EVENNESS_MAX**2) * mean**2)
    ends = even.fill_null(value=False).cast(pl.Int32)
    inside = ends.reverse().rolling_max(RUN_ROWS, min_samples=1).reverse().over("sender")
    # Of reports at one moment, all or none: which came first is not known.
    return ordered.with_columns(inside=inside).filter(pl.col("inside").max().over("sender", "time") > 0)


def _pace(timed: pl.DataFrame) -> pl.DataFrame:
    """Rows of hours in which one sender, and no other, sent far more than it ever does."""
    cells = _standing_out(timed, [], "hour", SENDER_PER_HOUR, SENDER_SURGE)
    fast = cells.filter(pl.col("jumps"), ~pl.col("alone"), pl.col("odds") >= ODDS_MIN)
    return timed.join(fast, on=["sender", "hour"], how="semi")


def _lumped_days(rows: pl.DataFrame) -> pl.DataFrame:
    """Days of a sender and service that bear a sign of data entry."""
    keys = ["service", "coarse"]
    cells = _standing_out(rows, keys, "day", ROWS_MIN, SURGE)
    if not cells["jumps"].any():
        return cells.clear()
    usual = rows.join(cells.filter("jumps"), on=["sender", *keys, "day"], how="anti", nulls_equal=True)
    ways = usual.group_by("sender").agg(pl.col("at_once").mean().alias("usually_at_once"))
    hours = usual.filter(~pl.col("coarse")).group_by("source").agg(pl.col("office").mean().alias("usually_office"))
    jumps = (
        cells.filter("jumps")
        .join(ways, on="sender", how="left")
        .join(hours, on="source", how="left", nulls_equal=True)
        .with_columns(pl.col("usually_at_once", "usually_office").fill_null(1.0))
    )
    stands_out = ~pl.col("alone") & (pl.col("odds") >= ODDS_MIN)
    at_once = (pl.col("at_once") >= AT_ONCE_MIN) & (pl.col("usually_at_once") <= AT_ONCE_USUAL_MAX)
    office = (pl.col("office") >= OFFICE_MIN) & (pl.col("usually_office") <= OFFICE_USUAL_MAX) & ~pl.col("coarse")
    too_many = pl.col("n") >= DESK_ROWS
    signs = (at_once & (pl.col("alone") | stands_out)) | (
        pl.col("named") & stands_out & (office | (too_many & pl.col("coarse")))
    )
    return jumps.join(_crowds(cells, keys), on=[*keys, "day"], how="left", nulls_equal=True).filter(
        signs & (too_many | ~pl.col("crowd").fill_null(value=False))
    )


def _crowds(cells: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Days on which many more senders than usual reported a service."""
    senders = cells.group_by(*keys, "day").len("senders")
    usual = pl.col("senders").median().over(keys)
    return senders.select(
        *keys, "day", crowd=(pl.col("senders") >= CROWD_MIN) & (pl.col("senders") >= CROWD * usual)
    ).filter("crowd")


def _standing_out(rows: pl.DataFrame, keys: list[str], period: str, rows_min: int, surge: int) -> pl.DataFrame:
    """Counts by (sender, keys, period) with what is usual.

    ``jumps``: far above the sender's usual. ``odds``: odds that a report of the period is this sender's, over
    the same odds in ordinary periods. ``alone``: there is no other sender to compare with.
    """
    cells = rows.group_by("sender", *keys, period).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("source", "named").first(),
        pl.col("at_once", "office").mean(),
    )
    whose = ["sender", *keys]
    usual = pl.when(pl.len().over(whose) >= KNOWN_PERIODS).then(pl.col("n").median().over(whose)).otherwise(1.0)
    cells = cells.with_columns(jumps=(pl.col("n") >= rows_min) & (pl.col("n") >= surge * usual))
    quiet = pl.when(~pl.col("jumps")).then(pl.col("n")).otherwise(0)
    cells = cells.with_columns(own=quiet.sum().over(whose), quiet=quiet)
    cells = cells.with_columns(
        everybody=_over(pl.col("quiet").sum(), keys), rest=_over(pl.col("n").sum(), [*keys, period]) - pl.col("n")
    )
    others = pl.col("everybody") - pl.col("own")
    # Half a report more on each side: what was never seen is not impossible.
    now = (pl.col("n") + 0.5) / (pl.col("rest") + 0.5)
    before = (pl.col("own") + 0.5) / (others + 0.5)
    return cells.with_columns(
        odds=now / before, alone=(pl.col("everybody") < ROWS_MIN) | (others + pl.col("rest") == 0)
    )


def _over(expression: pl.Expr, keys: list[str]) -> pl.Expr:
    return expression.over(keys) if keys else expression


def _found(rows: pl.DataFrame, rank: int, *keys: str) -> pl.DataFrame:
    group = pl.struct(pl.lit(rank).alias("rank"), *keys).hash()
    return rows.select("row", "time", pl.lit(rank, pl.Int32).alias("rank"), group.alias("group")).cast(FOUND)


def _worded(history: pl.DataFrame) -> pl.DataFrame:
    """Return ``row`` (UInt32), ``likeness`` (UInt64) and ``few``, none to four for each text.

    Rows with one likeness share `ALIKE_MIN` of their words with its commonest text; of texts with ``few`` words,
    all. Two texts that share 80 % of their words get one in common with 94 % probability.
    """
    none = pl.DataFrame(schema={"row": pl.UInt32, "likeness": pl.UInt64, "few": pl.Boolean})
    if "text" not in history.columns or history["text"].null_count() == history.height:
        return none
    said = history.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), normalised(pl.col("text").cast(pl.String)).alias("text")
    ).filter(pl.col("text").str.len_chars() >= CHARACTERS_MIN)
    if said.height < ROWS_MIN:
        return none
    from cityward.core.compiled import prepare
    from cityward.know.incident_kernel import common_shares, sketch

    prepare()
    texts = said.group_by("text").len("said_by").sort("text").with_row_index("at")
    words, offsets = words_of(texts["text"])
    few = pl.Series("few", np.diff(offsets) < WORDS_MIN)
    bands = sketch(words, offsets, WORDS_FEW, WORDS_MIN)
    keys = pl.DataFrame({f"band_{band}": bands[:, band] for band in range(bands.shape[1])})
    keys = keys.with_columns(texts["at"], texts["said_by"], few)
    keys = keys.unpivot(index=["at", "said_by", "few"], value_name="likeness")
    keys = keys.filter(pl.col("likeness") != 0, pl.col("said_by").sum().over("likeness") >= ROWS_MIN)
    model = pl.col("at").sort_by(["said_by", "at"], descending=[True, False]).first().over("likeness")
    shares = common_shares(words, offsets, keys["at"].to_numpy(), keys.select(model).to_series().to_numpy())
    alike = keys.filter(pl.Series(shares) >= ALIKE_MIN).select("at", "likeness", "few")
    return said.join(texts.select("at", "text"), on="text").join(alike, on="at").select("row", "likeness", "few")
