"""Proxies that are planted are found, noise is not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cityward.answerable.audit.proxies import examine_proxies
from cityward.core.clock import rng
from cityward.core.errors import UserError

ROWS = 4_000


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    random = rng(3, "proxies")
    poor = random.random(ROWS) < 0.3
    return pl.DataFrame(
        {
            "income": np.where(poor, "low", "high"),
            "street": np.where(random.random(ROWS) < 0.9, np.where(poor, "east", "west"), "north"),
            "bus": random.normal(np.where(poor, 1.0, 0.6), 1.0),
            "middle": np.where(poor, random.normal(0, 0.3, ROWS), random.normal(0, 3, ROWS)),
            "noise": random.normal(0, 1, ROWS),
            "codes": random.integers(0, 50, ROWS).astype(str),
            "same": ["x"] * ROWS,
            "note": [f"text {at}" for at in range(ROWS)],
            "y": random.random(ROWS) < 0.5,
        }
    )


def test_what_gives_a_group_away_is_found(table: pl.DataFrame) -> None:
    found = examine_proxies(table, ["income"], outcome="y")
    told = {one.column: one for one in found.proxies if one.group == "low"}
    assert told["street"].verdict == "proxy"
    assert told["street"].auc == pytest.approx(0.995, abs=0.003)  # 0.9 + 0.1 × 0.95
    assert told["middle"].verdict == "proxy"  # neither high nor low: only the middle gives it away
    assert told["bus"].verdict == "weak"
    assert told["bus"].auc == pytest.approx(0.61, abs=0.03)  # of normals 0.4 apart: Φ(0.4/√2) = 0.611
    for name in ("noise", "codes"):
        assert told[name].verdict == "not a proxy"
        assert told[name].auc == pytest.approx(0.5, abs=0.04)
    assert told["street"].outcome_auc == pytest.approx(0.5, abs=0.03)
    assert set(found.not_examined) == {"same", "note"}
    assert found.finding.startswith("2 columns give a group away: street for income")
    assert "bus for income" in found.finding


def test_a_group_of_a_few_is_not_judged(table: pl.DataFrame) -> None:
    tiny = table.with_columns(income=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("tiny")).otherwise("income"))
    found = examine_proxies(tiny, ["income"], ["street"])
    assert {one.group: one.verdict for one in found.proxies}["tiny"] == "too few"


def test_what_cannot_be_examined_is_said(table: pl.DataFrame) -> None:
    with pytest.raises(UserError, match="no column 'nope'"):
        examine_proxies(table, ["nope"])
    with pytest.raises(UserError, match="No group is named"):
        examine_proxies(table, [])
    assert examine_proxies(table, ["same"], ["bus"]).finding.startswith("Nothing could be examined")
