"""Attempts at signing in as the watch reads them: keyed digests and outcomes, nothing that names anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
import sqlalchemy as sql

from cityward.store.engine import answering

if TYPE_CHECKING:
    from cityward.guard.registers import Registers

ROWS_MAX: Final = 1_000_000
SCHEMA: Final = pl.Schema(
    {"at_us": pl.Int64, "account": pl.String, "network": pl.String, "device": pl.String, "outcome": pl.String}
)
_TABLE: Final = "access_attempts"


def attempts_since(registers: Registers, since_us: int) -> pl.DataFrame:
    """Attempts since a moment (microseconds since 1970), the newest `ROWS_MAX`; none where nobody signs in yet."""
    engine = registers._inside.engine
    with answering(), engine.connect() as connection:
        if not sql.inspect(connection).has_table(_TABLE):
            return pl.DataFrame(schema=SCHEMA)
        table = sql.table(_TABLE, *(sql.column(name) for name in (*SCHEMA, "ordinal")))
        wanted = sql.select(*(table.c[name] for name in SCHEMA)).where(table.c.at_us >= since_us)
        rows = connection.execute(wanted.order_by(table.c.ordinal.desc()).limit(ROWS_MAX)).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=SCHEMA, orient="row")
