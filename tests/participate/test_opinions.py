"""Groups of opinion: found where they are, not where they are not, the same each time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cityward.core.clock import rng
from cityward.core.errors import SourceError
from cityward.participate.opinions.answers import answers
from cityward.participate.opinions.groups import alike, best, divide, place
from cityward.participate.opinions.report import opinions


def consultation(voters: int, groups: int, statements: int = 12) -> pl.DataFrame:
    """All agree with the first two statements; groups think otherwise of the rest."""
    chance = rng(7, "consultation", voters, groups)
    agree = chance.choice([0.1, 0.9], (groups, statements))
    agree[:, :2] = 0.9
    if groups == 2:
        agree[1, 2:] = 1 - agree[0, 2:]
    rows = [
        (f"v{voter}", f"s{at}", "pass" if chance.random() < 0.1 else "agree" if chance.random() < share else "disagree")
        for voter in range(voters)
        for at, share in enumerate(agree[voter % groups])
        if chance.random() < 0.8
    ]
    return pl.DataFrame(rows, schema=["voter", "statement", "vote"], orient="row")


def test_groups_are_found_and_what_bridges_them() -> None:
    found = opinions(answers(consultation(90, 2)))
    assert found.known
    assert found.stability is not None
    assert found.stability > 0.9
    assert sum(found.groups) == found.voters_grouped
    assert {one.statement for one in found.statements[:2]} == {"s0", "s1"}
    first, last = found.statements[0].bridge, found.statements[-1].bridge
    assert first is not None
    assert last is not None
    assert first.low <= first.share <= first.high
    assert first.low > last.high


def test_the_names_and_order_of_voters_change_nothing() -> None:
    table = consultation(60, 2)
    renamed = table.with_columns(voter=pl.col("voter").str.replace("v", "x").str.reverse())
    other = renamed.sample(fraction=1.0, shuffle=True, seed=3)
    assert opinions(answers(other)) == opinions(answers(table))


def test_no_groups_are_made_up() -> None:
    found = opinions(answers(consultation(90, 1)))
    assert not found.known
    assert found.finding.startswith("No groups show")
    assert found.groups == ()
    assert all(one.bridge is None for one in found.statements)


def test_of_few_voters_it_says_that_we_do_not_know() -> None:
    found = opinions(answers(consultation(20, 2)))
    assert not found.known
    assert found.finding.startswith("We do not know")
    assert found.stability is None


def test_a_matrix_reads_like_a_list() -> None:
    table = consultation(30, 2)
    value = pl.col("vote").replace_strict({"agree": 1, "disagree": -1, "pass": 0})
    wide = table.with_columns(value).pivot("statement", index="voter", values="vote").with_columns(**{"n-votes": 3})
    order = answers(wide).statements
    first, second = answers(table), answers(wide)
    columns = [first.statements.index(one) for one in order]
    assert sorted(map(tuple, first.cells[:, columns].tolist())) == sorted(map(tuple, second.cells.tolist()))


def test_what_does_not_count_has_a_reason() -> None:
    rows = [("a", "s", "agree"), ("a", "s", "no"), ("b", "s", "maybe"), (None, "s", "pass"), ("c", "t", "0")]
    found = answers(pl.DataFrame(rows, schema=["voter", "statement", "vote"], orient="row"))
    assert found.received == 5
    assert sum(found.reasons.values()) == 3
    assert int((found.cells != -2).sum()) == 2
    assert set(found.cells[found.cells != -2].tolist()) == {-1, 0}


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"statement": ["a"], "vote": [1]}),
        pl.DataFrame({"voter": ["a"]}),
        pl.DataFrame({"voter": ["a", "a"], "s": [1, 1]}),
        pl.DataFrame({"voter": ["a"], "statement": ["s"], "vote": ["perhaps"]}),
    ],
)
def test_a_table_that_holds_no_answers_is_refused(table: pl.DataFrame) -> None:
    with pytest.raises(SourceError):
        answers(table)


def test_likeness_of_divisions() -> None:
    first = np.array([0, 0, 1, 1, 2, 2])
    assert alike(first, (first + 1) % 3) == 1.0
    assert alike(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(0.242424, abs=1e-6)


def test_no_group_is_smaller_than_five() -> None:
    points = np.vstack([np.zeros((20, 2)), np.full((3, 2), 9.0)]) + rng(1, "points").normal(0, 0.1, (23, 2))
    labels, _ = divide(points, 2)
    assert np.bincount(labels).tolist() == [20, 3]
    found = best(points)
    assert found is None or np.bincount(found[0]).min() >= 5


def test_directions_have_a_fixed_sign() -> None:
    cells = answers(consultation(40, 2)).cells
    where = place(cells)
    assert (where.directions[np.abs(where.directions).argmax(axis=0), [0, 1]] > 0).all()
