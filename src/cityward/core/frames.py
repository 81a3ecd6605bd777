"""Frame schemas: what a batch looks like at each station of its way.

Everything on the data path is a Polars frame with one of these schemas. Times are UTC with
microseconds; a stamp that its source gives by the day is local midnight of that day.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from cityward.core.errors import Defect

UTC_TIME: Final = pl.Datetime("us", "UTC")


DOMAINS: Final = (
    "health",
    "education",
    "culture",
    "environment",
    "mobility",
    "construction",
    "security",
    "energy",
    "public space",
    "participation",
)

KINDS: Final = ("request", "complaint", "visit", "vote", "appeal")
STATUSES: Final = ("open", "closed")

FIELD_CLASSES: Final = (
    "public",
    "personal",
    "sensitive",
    "biometric",
    "location-of-person",
    "free-text",
)
"""What a column holds; the door `guard.admit` acts by class."""

_INTERACTION: Final[dict[str, Any]] = {
    "source": pl.String,
    "id": pl.String,  # the source's own identifier
    "kind": pl.String,
    "domain": pl.String,
    "service": pl.String,
    "occurred_at": UTC_TIME,
    "closed_at": UTC_TIME,
    "status": pl.String,
    "marked_duplicate": pl.Boolean,  # the source itself says so
    "lon": pl.Float64,
    "lat": pl.Float64,
    "stated_territory": pl.String,
    "address": pl.String,
    "text": pl.String,
    "person": pl.String,
    "channel": pl.String,
}
INTERACTION: Final = pl.Schema(_INTERACTION)
"""An interaction as decoded from a source, before the door."""

PLACED: Final = pl.Schema([*INTERACTION.items(), ("territory", pl.String), ("placed_by", pl.String)])
"""An interaction with its territory; ``placed_by`` is ``point``, ``code`` or null (nowhere)."""

_HISTORY: Final[dict[str, Any]] = {
    **PLACED,
    "month": pl.String,  # partition, "2014-06"
    "received_at": UTC_TIME,
    "key": pl.UInt64,  # (source, id)
    "digest": pl.UInt64,  # (source, id, content)
    "sequence": pl.Int64,  # place in the order of acknowledgement; the highest of a key is current
    "revision": pl.Boolean,  # the key was held before with other content
}
HISTORY: Final = pl.Schema(_HISTORY)
"""An interaction as kept in history."""

_OBSERVATION: Final[dict[str, Any]] = {
    "source": pl.String,
    "sensor": pl.String,  # the source's own identifier of the sensor
    "property": pl.String,  # what is measured, by its name in `cityward.core.properties`
    "unit": pl.String,  # that of ``value``, by its sign
    "observed_at": UTC_TIME,
    "value": pl.Float64,
    "lon": pl.Float64,
    "lat": pl.Float64,
    "stated_territory": pl.String,
}
OBSERVATION: Final = pl.Schema(_OBSERVATION)
"""One measured value of a sensor's datastream, as decoded from a source, before the door."""

PLACED_OBSERVATION: Final = pl.Schema([*OBSERVATION.items(), ("territory", pl.String), ("placed_by", pl.String)])
"""An observation with its territory."""

_OBSERVED: Final[dict[str, Any]] = {
    **PLACED_OBSERVATION,
    "month": pl.String,
    "received_at": UTC_TIME,
    "key": pl.UInt64,  # (source, sensor, property, observed_at)
    "digest": pl.UInt64,
    "sequence": pl.Int64,
    "revision": pl.Boolean,
}
OBSERVED: Final = pl.Schema(_OBSERVED)
"""An observation as kept in history; the columns of bookkeeping mean what they mean in `HISTORY`."""

_ORDERED: Final[dict[str, Any]] = {
    "id": pl.String,
    "job": pl.String,
    "about": pl.String,  # what the job comes from
    "service": pl.String,
    "title": pl.String,
    "territory": pl.String,
    "lon": pl.Float64,
    "lat": pl.Float64,
    "minutes": pl.Int64,
    "skill": pl.String,
    "waiting_since": pl.Date,
    "priority": pl.Float64,
    "decision": pl.String,
    "crew": pl.String,
    "day": pl.Date,
    "instructions": pl.String,
    "state": pl.String,
    "steps": pl.List(pl.Struct({"state": pl.String, "at": UTC_TIME, "receipt": pl.Int64, "by_resident": pl.Boolean})),
    "people": pl.List(pl.String),  # who took each step
    "words": pl.List(pl.String),  # why, in the words of whoever took it: residents' answers are among them
    "messages": pl.List(
        pl.Struct(
            {
                "key": pl.String,
                "order": pl.String,
                "kind": pl.String,
                "way": pl.String,
                "made_at": UTC_TIME,
                "due_at": UTC_TIME,
                "state": pl.String,
                "attempts": pl.Int64,
                "first_try_at": UTC_TIME,
                "error": pl.String,
                "reference": pl.String,
                "delivered_at": UTC_TIME,
            }
        )
    ),  # what was sent about it; never what it said
}
ORDERED: Final = pl.Schema(_ORDERED)
"""A work order as a reader of orders is shown it."""

_DECISION: Final[dict[str, Any]] = {
    "id": pl.String,
    "batch": pl.String,
    "system": pl.String,
    "version": pl.String,
    "system_digest": pl.String,
    "rule": pl.String,
    "rule_version": pl.String,
    "rule_digest": pl.String,
    "case": pl.String,
    "territory": pl.String,
    "row": pl.Int64,  # number from 1 of the rule's row that decided; null: none did
    "recommended": pl.String,  # what the rule says
    "outcome": pl.String,  # what counts; null while a person has still to decide
    "state": pl.String,  # one of `cityward.core.decided.STATES`
    "agreed": pl.Boolean,  # whether the person said what the rule says; null where none decided
    "own_view": pl.String,  # what the person said before seeing what the rule says; null where nobody was asked
    "by": pl.String,
    "competence": pl.String,
    "because": pl.String,
    "looked_seconds": pl.Float64,
    "inputs": pl.String,  # JSON object of what the rule asked of the case
    "inputs_digest": pl.String,  # keyed, so that nobody can guess what it is of
    "estimate": pl.Float64,  # what the system computed of the case, with its interval
    "low": pl.Float64,
    "high": pl.Float64,
    "cost": pl.Float64,
    "decided_at": UTC_TIME,  # when the rule was applied
    "changed_at": UTC_TIME,
}
DECISION: Final = pl.Schema(_DECISION)
"""A decision of one case, as the door takes it."""

_DECIDED: Final[dict[str, Any]] = {
    **DECISION,
    "month": pl.String,
    "received_at": UTC_TIME,
    "key": pl.UInt64,  # (id)
    "digest": pl.UInt64,
    "sequence": pl.Int64,
    "revision": pl.Boolean,
}
DECIDED: Final = pl.Schema(_DECIDED)
"""A decision of a case as kept in history; the columns of bookkeeping mean what they mean in `HISTORY`."""

QUARANTINE: Final = pl.Schema({"row": pl.Int64, "reason": pl.String, "column": pl.String, "raw": pl.String})
"""A row that failed validation: its 1-based number, why, where, and what it said (as JSON)."""

CUBE: Final = pl.Schema(
    {"service": pl.String, "territory": pl.String, "day": pl.Date, "interactions": pl.Int64, "incidents": pl.Int64}
)
"""Counts by (service, territory, time)."""

_FORECAST: Final[dict[str, Any]] = {
    "service": pl.String,
    "territory": pl.String,
    "day": pl.Date,
    "mean": pl.Float64,
    "q05": pl.Float64,
    "q10": pl.Float64,
    "q50": pl.Float64,
    "q90": pl.Float64,
    "q95": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "model": pl.String,
    "level": pl.String,
}
FORECAST: Final = pl.Schema(_FORECAST)
"""A distribution of what will be asked, per day.

``low`` and ``high`` are the interval that is shown: calibrated to hold 80 % of days that the model had not
seen, in whole reports. It need not be that of ``q10`` to ``q90``, which are the model's own. Null in turns of
older versions.

``level`` is that of the territory: areas first (or null, where nothing else is forecast), then groups of them
(``side:West Side``) and the whole (``city:Chicago``). Means of upper levels are the sums of their areas'
means, so a sum over rows of different levels counts twice.
"""

_OUTLOOK: Final[dict[str, Any]] = {
    "service": pl.String,
    "territory": pl.String,
    "level": pl.String,
    "name": pl.String,
    "open_cases": pl.Int64,  # reports that wait, as of the day
    "expected": pl.Float64,  # reports in the next week, with their 80 % interval
    "low": pl.Float64,
    "high": pl.Float64,
    "expected_month": pl.Float64,  # in the next 28 days, or as far as is forecast
    "capacity": pl.Float64,  # reports that can be done in a week; null: not known
    "capacity_from": pl.String,  # "stated", "estimated" or "not known"
    "probability": pl.Float64,  # that more is reported than can be done; null: not known
    "climatology": pl.Float64,  # how often that was so in the weeks that were tested
    "weeks": pl.Int64,  # tested for this service and level
    "brier": pl.Float64,
    "brier_climatology": pl.Float64,
    "warns": pl.Boolean,  # clearly better than climatology there, so that warnings are made of it
}
OUTLOOK: Final = pl.Schema(_OUTLOOK)
"""What is asked in the next week beside what can be done, by service and upper territory."""


def conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return ``frame`` with exactly the columns, order and types of ``schema``.

    Missing columns become null. A type that cannot be cast is a defect of the caller: data from
    outside is validated before it comes here.
    """
    if frame.schema == schema:
        return frame
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    ]
    try:
        return frame.select(columns)
    except pl.exceptions.PolarsError as error:
        raise Defect(f"A frame does not fit its schema: {error}") from error
