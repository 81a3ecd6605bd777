"""Who may settle, and what is said of how they do: counts with their uncertainty, never an accusation."""

from __future__ import annotations

import polars as pl
import pytest

from cityward.answerable.oversight import (
    SMALL,
    check_overseer,
    competence_of,
    outcome_of,
    person,
    reason,
    seconds,
    watch,
)
from cityward.core.errors import Refused


@pytest.mark.parametrize("name", ["", "Ada", "operator", "Ada  ", "4da 1ovelace", "x" * 200 + " y", "Ada; Lovelace"])
def test_nobody_decides_without_a_name(name: str):
    with pytest.raises(Refused, match="No person is named"):
        person(name)


def test_a_name_is_a_first_and_last_name():
    assert person("  Ada   Lovelace ") == "Ada Lovelace"
    assert person("José María d'Été") == "José María d'Été"


@pytest.mark.parametrize("words", ["", "short", "x" * 2_001])
def test_nobody_decides_without_a_reason(words: str):
    with pytest.raises(Refused, match="A reason has"):
        reason(words)


def test_nobody_decides_without_competence():
    with pytest.raises(Refused, match="competence"):
        competence_of(" ")


def test_an_outcome_is_one_that_the_rule_knows():
    assert outcome_of(" full ", ("full", "none")) == "full"
    assert outcome_of("anything", ("one",)) == "anything"
    for wrong in ("", "fulll", "x" * 300):
        with pytest.raises(Refused, match="no outcome of the rule"):
            outcome_of(wrong, ("full", "none"))


def test_only_the_overseer_of_the_register_decides_on_rights():
    check_overseer("ada Lovelace", ["Ada  Lovelace"])
    check_overseer("LOVELACE Áda", ["Ada Lovelace, head of awards"])
    check_overseer("Grace Hopper", ["the person who decides"])
    with pytest.raises(Refused, match="does not name this person"):
        check_overseer("Grace Hopper", ["Ada Lovelace"])
    with pytest.raises(Refused, match="does not name this person"):
        check_overseer("Grace Hopper", [])


def test_time_is_bounded_or_not_known():
    assert [seconds(one) for one in (None, -1, float("nan"), float("inf"), 3, 1e9)] == [
        None, None, None, None, 3.0, 86_400.0,
    ]  # fmt: skip


def rows(by: str, count: int, *, against: int = 0, looked: float | None = 60.0, moved: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "by": [by] * count,
            "agreed": [at >= against for at in range(count)],
            "looked_seconds": [looked] * count,
            "own_view": ["no" if at >= count - moved else "yes" for at in range(count)],
            "recommended": ["yes"] * count,
            "outcome": ["no" if at < against else "yes" for at in range(count)],
            "words": [100] * count,
        },
        schema_overrides={"looked_seconds": pl.Float64},
    )


def test_a_rubber_stamp_is_told_by_counts_and_not_by_a_verdict():
    fast, slow = watch(pl.concat([rows("Ada Lovelace", 200, looked=2.0), rows("Grace Hopper", 100, against=12)]))
    assert (fast.by, fast.count, fast.faster, fast.overridden) == ("Ada Lovelace", 200, 200, 0)
    assert fast.override_low == 0
    assert fast.override_high == pytest.approx(1 - 0.025 ** (1 / 200))  # Clopper and Pearson, of none
    assert fast.others == pytest.approx(0.12)
    assert "That alone proves nothing" in fast.says
    assert slow.faster == 0
    assert slow.override_low < 0.12 < slow.override_high
    assert "None was settled faster" in slow.says


def test_of_few_decisions_nothing_is_said():
    (one,) = watch(rows("Ada Lovelace", SMALL - 1, looked=0.1))
    assert one.small
    assert one.others is None
    assert "too few" in one.says
    assert "faster" not in one.says


def test_views_that_were_given_up_are_counted():
    (one,) = watch(rows("Ada Lovelace", 40, moved=7))
    assert (one.viewed, one.moved) == (40, 7)


def test_where_the_rule_says_nothing_nobody_goes_against_it():
    (one,) = watch(rows("Ada Lovelace", 5).with_columns(agreed=pl.lit(None, dtype=pl.Boolean)))
    assert (one.compared, one.overridden, one.override_share, one.override_high) == (0, 0, 0.0, 1.0)


def test_time_that_nobody_measured_is_no_speed():
    (one,) = watch(rows("Ada Lovelace", 50, looked=None))
    assert one.median_seconds is None
    assert "not measured" in one.says


def test_nobody_is_told_of_where_nobody_settled():
    assert watch(rows("", 3)) == ()
    assert watch(rows("Ada Lovelace", 1).head(0)) == ()


def test_whoever_writes_a_name_in_two_ways_has_one_habit():
    (one,) = watch(pl.concat([rows("Ada Lovelace", 20), rows("LOVELACE Ada", 20, against=2)]))
    assert (one.by, one.count, one.overridden) == ("Ada Lovelace", 40, 2)
