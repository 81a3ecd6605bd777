"""Validation, column by column: a row becomes an interaction or observation, or is quarantined with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cityward.core.batch import Batch
from cityward.core.frames import QUARANTINE
from cityward.core.limits import QUARANTINE_ROW_BYTES
from cityward.sense.canonical import canonical, with_times
from cityward.sense.checks import RAW, Check, checks_now, checks_of, latest, with_remedy
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded

_CELL_CHARS = 200
"""Longest public cell kept of a quarantined row; a longer one is hardly public (a template, an essay)."""

_PLANS_KEPT = 64
_OFFSET = r"\d:\d\d.*(Z|UTC|[+-]\d\d:?\d\d)$"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Expressions for one mapping and one shape of its source: made once, used for every batch."""

    mapping: Reading
    columns: list[pl.Expr]
    checks: list[Check]
    classes: dict[str, str]


_plans: dict[tuple[int, tuple[tuple[str, pl.DataType], ...]], _Plan] = {}


def validate(decoded: Decoded, mapping: Reading, now: datetime, origin: str, *, from_file: bool = True) -> Batch:
    """Return the batch of ``decoded``: ``received = valid + quarantined``, always.

    Parameters
    ----------
    decoded : Decoded
        Rows as their source gave them.
    mapping : Reading
        Which column is what.
    now : datetime
        Aware; stamps well after it are not believed.
    origin : str
        File name or kind of message, for people.
    from_file : bool
        Whether the remedy is to mend a file or to send a message again.
    """
    raw = decoded.frame
    plan = _plan_of(mapping, raw.schema)
    work = with_times(raw, mapping).select(plan.columns)
    checks = [*plan.checks, *checks_now(mapping, now)] if _any_after(work, latest(now)) else plan.checks
    wrong = _wrong(work, checks)
    if wrong.any():
        work = _mend_closing(work, raw, mapping)
        wrong = _wrong(work, checks)
    quarantine, kept = decoded.broken, raw
    if wrong.any():
        failed = _quarantine(work.filter(wrong), raw.filter(wrong), decoded.rows.filter(wrong), checks, mapping)
        quarantine = pl.concat([quarantine, failed]).sort("row")
        work, kept = work.filter(~wrong), raw.filter(~wrong)
    if quarantine.height:
        quarantine = quarantine.with_columns(with_remedy(pl.col("reason"), origin, from_file))
    return Batch(
        source=mapping.source,
        origin=origin,
        received=raw.height + decoded.broken.height,
        frame=work.select(mapping.frame.names()),
        quarantine=quarantine,
        classes=plan.classes,
        extra=kept.select(pl.col(name).alias(beside) for name, beside in mapping.extras().items() if name in kept),
    )


def _plan_of(mapping: Reading, schema: pl.Schema) -> _Plan:
    key = (id(mapping), tuple(schema.items()))
    plan = _plans.get(key)
    if plan is None or plan.mapping is not mapping:
        if len(_plans) >= _PLANS_KEPT:
            _plans.clear()
        plan = _Plan(mapping, canonical(mapping, schema), checks_of(mapping), mapping.all_classes())
        _plans[key] = plan
    return plan


def _any_after(work: pl.DataFrame, moment: datetime) -> bool:
    """Whether a time lies after ``moment``: seldom, so that its check is seldom made."""
    times = ("occurred_at", "closed_at", "observed_at")
    return any(bool((work[name] > moment).any()) for name in times if name in work)


def _wrong(work: pl.DataFrame, checks: list[Check]) -> pl.Series:
    return work.select(pl.any_horizontal([check.fails for check in checks]).fill_null(value=False)).to_series()


def _mend_closing(work: pl.DataFrame, raw: pl.DataFrame, mapping: Reading) -> pl.DataFrame:
    """Mend closing times that only look earlier than what they close.

    A closing given by the day is the local midnight before a request of the same day: it closes at the
    time of the request. A local closing time that occurs twice is the second of both if the first is
    too early.
    """
    source = mapping.sources().get("closed_at")
    if source is None:
        return work
    closed, occurred, zone = pl.col("closed_at"), pl.col("occurred_at"), mapping.time_zone
    local = closed.dt.convert_time_zone(zone)
    day_only = (local.dt.time() == pl.time(0)) & (local.dt.date() == occurred.dt.convert_time_zone(zone).dt.date())
    second = local.dt.replace_time_zone(None).dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    second = second.dt.convert_time_zone("UTC")
    naive = _is_local(raw[source])
    mended = (
        pl.when(closed >= occurred)
        .then(closed)
        .when(day_only)
        .then(occurred)
        .when(naive & (second >= occurred))
        .then(second)
        .otherwise(closed)
    )
    return work.with_columns(mended.alias("closed_at"))


def _is_local(values: pl.Series) -> pl.Expr:
    """Whether each stamp was written without an offset."""
    if values.dtype == pl.String:
        return pl.lit(~values.str.contains(_OFFSET).fill_null(value=False))
    return pl.lit(isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is None)


def _quarantine(
    work: pl.DataFrame, raw: pl.DataFrame, rows: pl.Series, checks: list[Check], mapping: Reading
) -> pl.DataFrame:
    """Rows that failed with every reason, the worst first, and their public cells."""
    own = [
        (raw[source].cast(pl.String, strict=False) if not raw[source].dtype.is_nested() else pl.lit(None)).alias(
            RAW + name
        )
        for name, source in mapping.sources().items()
        if source in raw
    ]
    reasons = [pl.when(check.fails).then(check.says) for check in checks]
    columns = [pl.when(check.fails).then(pl.lit(check.column)) for check in checks]
    return work.with_columns(own).select(
        rows.alias("row"),
        pl.concat_str(reasons, separator=" ", ignore_nulls=True).alias("reason"),
        pl.coalesce(columns).alias("column"),
        _public_cells(raw, mapping).alias("raw"),
    )


def _is_plain(dtype: pl.DataType) -> bool:
    return not dtype.is_nested() and dtype not in (pl.Binary, pl.Duration, pl.Object)


def _public_cells(raw: pl.DataFrame, mapping: Reading) -> pl.Series:
    """One JSON object per row with its public single values; others are not kept."""
    mapped = [(source, mapping.class_of(name)) for name, source in mapping.sources().items()]
    held = {*mapped, *mapping.classes.items()}
    closed = {name for name, field_class in held if field_class != "public"}
    public = [name for name, dtype in raw.schema.items() if (name, "public") in held and _is_plain(dtype)]
    public = [name for name in public if name not in closed]
    if not public:
        return pl.Series("raw", ["{}"] * raw.height, dtype=QUARANTINE["raw"])
    cells = [
        pl.when(pl.col(name).str.len_chars() <= _CELL_CHARS)
        .then(pl.col(name))
        .when(pl.col(name).is_not_null())
        .then(pl.lit("(too long to keep)"))
        .alias(name)
        for name in public
    ]
    texts = raw.select(pl.col(name).cast(pl.String, strict=False) for name in public)
    json = texts.select(pl.struct(cells).struct.json_encode().alias("raw"))
    fits = pl.col("raw").str.len_bytes() <= QUARANTINE_ROW_BYTES
    return json.select(pl.when(fits).then(pl.col("raw")).otherwise(pl.lit("{}"))).to_series()
