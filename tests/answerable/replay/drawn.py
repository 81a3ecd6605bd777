"""A rule, drafts of it, and decisions of the past, made for tests."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from cityward.answerable.table import Table, load_tables, make_table
from cityward.core.clock import rng

AWARD = next(one for one in load_tables() if one.id == "scholarship-award")


def stricter(limit: int = 1000, version: str = "2", **changes: object) -> Table:
    """The award of scholarships with another upper limit than 1,200 EUR."""
    rows = [
        msgspec.structs.replace(
            row, when={name: str(cell).replace("1200", str(limit)) for name, cell in row.when.items()}
        )
        for row in AWARD.sheet.rows
    ]
    changed = {"rows": tuple(rows), "version": version, "tests": (), **changes}
    sheet = msgspec.structs.replace(AWARD.sheet, **changed)
    return make_table(sheet, "draft.toml")


def people(count: int, seed: int = 1) -> pl.DataFrame:
    """Households that ask for a scholarship."""
    random = rng(seed, "replay-tests")
    return pl.DataFrame(
        {
            "income": random.uniform(0, 2_500, count).round(2),
            "grade": random.uniform(2, 10, count).round(1),
            "enrolled": random.random(count) < 0.9,
            "territory": pl.Series([f"T{at}" for at in range(1, 10)]).gather(random.integers(0, 9, count)),
        }
    )


def decided(cases: pl.DataFrame, table: Table = AWARD) -> pl.DataFrame:
    """Decisions as history keeps them."""
    answers = table.decide(cases)
    told = cases.select(pl.struct(list(table.sheet.inputs)).struct.json_encode()).to_series()
    return pl.DataFrame(
        {
            "inputs": told,
            "recommended": answers["outcome"].fill_null(""),
            "outcome": answers["outcome"],
            "territory": cases["territory"] if "territory" in cases.columns else np.repeat("T1", cases.height),
            "cost": answers["amount"].cast(pl.Float64),
        }
    )
