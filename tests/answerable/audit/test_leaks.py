"""Leaks that are planted are found; in honest data nothing is."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.report import Audit
from cityward.answerable.audit.rows import Request
from cityward.core.clock import rng

ROWS = 3_000


def honest(seed: int = 1) -> pl.DataFrame:
    random = rng(seed, "honest")
    y = random.random(ROWS) < 0.35
    return pl.DataFrame(
        {
            "seen": [date(2020, 1, 1) + timedelta(days=int(at)) for at in random.integers(0, 700, ROWS)],
            "p": random.random(ROWS) < np.where(y, 0.6, 0.3),
            "y": y,
            "g": np.where(random.random(ROWS) < 0.5, "a", "b"),
            "prior": random.poisson(np.where(y, 3.0, 2.0)),
            "person": np.arange(ROWS),
        }
    )


def audited(table: pl.DataFrame, **named: object) -> Audit:
    return examine(table, Request(groups=("g",), prediction="p", outcome="y", **named))  # type: ignore[arg-type]


def kinds(found: Audit) -> set[tuple[str, str]]:
    return {(one.kind, one.column) for one in found.checks}


@pytest.mark.parametrize("seed", range(5))
def test_honest_data_raise_no_alarm(seed: int) -> None:
    assert not audited(honest(seed)).checks


@pytest.mark.parametrize("time", [None, "seen"])
def test_rows_that_are_there_because_of_their_outcome_are_found(time: str | None) -> None:
    late = pl.col("seen") > date(2021, 9, 1)
    table = honest().filter(~late | pl.col("y"))
    found = audited(table, time=time)
    assert kinds(found) == {("one outcome", "seen")}
    assert found.without
    assert found.without.rows_left_out == table.filter(late).height


def test_a_column_written_after_the_outcome_is_found() -> None:
    table = honest().with_columns(closed_as=pl.when("y").then(pl.lit("guilty")).otherwise(pl.lit("free")))
    assert ("tells the outcome", "closed_as") in kinds(audited(table))


def test_a_score_made_after_the_outcome_is_found() -> None:
    table = honest().with_columns(s=pl.col("y").cast(pl.Float64) + pl.col("prior") / 1_000)
    assert ("made after the outcome", "s") in kinds(audited(table, score="s"))


def test_outcomes_before_the_prediction_or_too_soon_are_counted() -> None:
    table = honest().with_columns(done=pl.col("seen") + pl.duration(days=30)).with_row_index()
    table = table.with_columns(
        done=pl.when(pl.col("index") < 7).then(pl.col("seen") - pl.duration(days=3)).otherwise("done")
    )
    found = audited(table.drop("index"), time="seen", outcome_time="done", follow_up_days=365, until=date(2021, 11, 30))
    told = {one.kind: one.rows for one in found.checks}
    assert told["outcome first"] == 7
    assert told["not followed"] == honest().filter(pl.col("seen") > date(2020, 11, 30)).height


def test_people_who_are_counted_twice_and_outcomes_that_are_missing_by_group() -> None:
    table = honest()
    assert ("counted twice", "person") in kinds(audited(pl.concat([table, table.head(60)])))
    assert ("counted twice", "person") in kinds(audited(pl.concat([table, table])))  # the whole file, twice
    gone = (pl.col("g") == "a") & (pl.col("person") % 3 == 0)
    hidden = table.with_columns(y=pl.when(~gone).then("y"))
    assert ("missing outcomes", "g") in kinds(audited(hidden))
