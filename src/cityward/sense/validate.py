"""Validation, column by column: each row becomes an interaction or goes to quarantine with its reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

import polars as pl

from cityward.core.batch import Batch
from cityward.core.frames import INTERACTION, QUARANTINE, UTC_TIME
from cityward.core.limits import QUARANTINE_ROW_BYTES
from cityward.sense.checks import Check, checks_of, remedy
from cityward.sense.mapping import Mapping
from cityward.sense.sources import Decoded
from cityward.sense.stamps import to_utc

_CELL_CHARS = 200
"""Longest public cell kept of a quarantined row; a longer one is hardly public (a template, an essay)."""

_PLANS_KEPT = 64
_OFFSET = r"\d:\d\d.*(Z|UTC|[+-]\d\d:?\d\d)$"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Expressions for one mapping and one shape of its source; made once, used for every batch."""

    mapping: Mapping
    columns: list[pl.Expr]
    checks: list[Check]


_plans: dict[tuple[int, tuple[tuple[str, pl.DataType], ...]], _Plan] = {}


def validate(decoded: Decoded, mapping: Mapping, now: datetime, origin: str) -> Batch:
    """Return the batch of ``decoded``: ``received = valid + quarantined``, always.

    Parameters
    ----------
    decoded : Decoded
        Rows as their source gave them.
    mapping : Mapping
        Which column is what.
    now : datetime
        Aware; stamps well after it are not believed.
    origin : str
        File name or kind of message, for people.
    """
    raw = decoded.frame
    plan = _plan_of(mapping, raw)
    times = [_time(raw, mapping, name) for name in ("occurred_at", "closed_at")]
    work = raw.with_columns(times).select(plan.columns) if raw.width else _no_rows(plan)
    work = _mend_closing(work, raw, mapping)
    checks = [*plan.checks, *checks_of.time_bounds(mapping, now)]
    wrong = work.select(pl.any_horizontal(check.fails for check in checks).fill_null(False)).to_series()
    quarantine, extra_of = decoded.broken, raw
    if wrong.any():
        quarantine = _quarantine(work.filter(wrong), raw.filter(wrong), decoded.rows.filter(wrong), checks, mapping)
        quarantine = _settle(remedy(quarantine, origin), decoded.broken)
        work, extra_of = work.filter(~wrong), raw.filter(~wrong)
    elif decoded.broken.height:
        quarantine = decoded.broken
    return Batch(
        source=mapping.source,
        origin=origin,
        received=raw.height + decoded.broken.height,
        frame=work.select(INTERACTION.names()),
        quarantine=quarantine,
        classes=mapping.all_classes(),
        extra=_extra(extra_of, mapping),
    )
