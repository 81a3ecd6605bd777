"""Whose voice a vote is: exact intervals, nothing of few people, and a weighted count that is the same rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from tests.participate.small import file

from cityward.cli.count import count as command
from cityward.core.errors import UserError
from cityward.core.records import Territory
from cityward.participate.counting import pabulib
from cityward.participate.counting.areas import column_of, values_of
from cityward.participate.counting.count import Way, count
from cityward.participate.counting.places import places_of, read_places
from cityward.participate.counting.receive import receive
from cityward.participate.counting.voice import Asked, Voice, voice
from cityward.participate.counting.weighted import PARTS, strata_of, with_weights

PROJECTS = "project_id;cost;name;neighborhood\na;60;Trees;North\nb;50;Lights;South\nc;40;Benches;South\n"


def votes(**areas: tuple[int, str]) -> str:
    """Ballots by area: how many, and for what."""
    rows, number = [], 0
    for area, (many, wanted) in areas.items():
        for _ in range(many):
            number += 1
            rows.append(f"{number};{wanted};{'' if area == 'nowhere' else area}")
    return "voter_id;vote;neighborhood\n" + "\n".join(rows) + "\n"


def told(text: str, areas: pl.DataFrame, way: Way | None = None) -> Voice:
    document = pabulib.read(text.encode())
    received = receive(document)
    way = way or Way(rule="greedy")
    asked = Asked(by=column_of(document), values=values_of(document, received.kept))
    return voice(received.election, way, count(received.election, way).funded, asked, read_places(areas, "areas.csv"))


AREAS = pl.DataFrame({"area": ["North", "South"], "population": [1000, 4000]})


def test_the_ratio_and_its_exact_interval_and_who_would_win_with_the_other_weights() -> None:
    text = file(PROJECTS, votes(North=(80, "a"), South=(40, "b,c")))
    found = told(text, AREAS)
    north, south = found.areas
    # 80 of 120 ballots for a fifth of the people; limits of Clopper and Pearson for 80 of 120: 0.5748 to 0.7501.
    assert north.ratio
    assert (north.ratio.value, north.ratio.low, north.ratio.high) == pytest.approx((10 / 3, 2.874, 3.750), abs=2e-3)
    assert north.turnout
    assert north.turnout.value == 0.08
    assert (north.verdict, south.verdict) == ("more", "less")
    assert "South" in found.finding
    # As cast: a (80 votes, 60), then c fits beside it (40). With weights 0.3 and 2.4: b and c.
    other = found.reweighted
    assert [one.weight for one in other.strata] == pytest.approx([0.3, 2.4])
    assert [one.project for one in other.would_win] == ["b"]
    assert [one.project for one in other.would_lose] == ["a"]
    assert all(one.sure == 1 for one in (*other.would_win, *other.would_lose))
    assert other.effective == pytest.approx(120**2 / (80 * 0.09 + 40 * 5.76))
    assert "does not replace the result" in other.says


@pytest.mark.parametrize("rule", ["greedy", "greedy-no-skip", "equal-shares", "phragmen"])
def test_equal_weights_change_nothing_by_any_rule(rule: str) -> None:
    """A weight of 1 is a ballot as it was cast: under rules that deal the budget out as well."""
    chance = np.random.default_rng(5)
    ballots = "".join(
        f"{at};{','.join(sorted(chance.choice(list('abcdefgh'), 1 + at % 4, replace=False)))};{'NS'[at % 2]}\n"
        for at in range(90)
    )
    projects = "project_id;cost;name\n" + "".join(f"{one};{11 + 7 * at};x\n" for at, one in enumerate("abcdefgh"))
    received = receive(pabulib.read(file(projects, "voter_id;vote;district\n" + ballots).encode()))
    way = Way(rule=rule)  # type: ignore[arg-type]
    known = received.election
    same = with_weights(known, np.full(len(known.ballot_of), PARTS), PARTS)
    assert count(same, way).funded == count(known, way).funded
    thrice = with_weights(known, np.full(len(known.ballot_of), 3), 3)
    assert count(thrice, way).funded == count(known, way).funded


def test_a_ballot_of_weight_two_is_two_ballots() -> None:
    once = receive(pabulib.read(file(PROJECTS, votes(North=(3, "a"), South=(2, "b,c"))).encode())).election
    twice = receive(pabulib.read(file(PROJECTS, votes(North=(3, "a"), South=(4, "b,c"))).encode())).election
    weights = np.array([1] * 3 + [2] * 2)
    for way in (Way(rule="greedy"), Way(rule="equal-shares"), Way(rule="phragmen")):
        assert count(with_weights(once, weights, 1), way).funded == count(twice, way).funded


def test_when_many_ballots_tell_no_area_nothing_is_said_of_the_outcome() -> None:
    found = told(file(PROJECTS, votes(North=(80, "a"), South=(40, "b"), nowhere=(40, "c"))), AREAS)
    assert not found.reweighted.told
    assert "25 % of ballots tell no area" in found.reweighted.says
    assert not found.reweighted.would_win
    assert any("25 % of ballots" in note for note in found.notes)
    none = told(file(PROJECTS, votes(nowhere=(40, "c"))), AREAS)
    assert all(one.ratio is None for one in none.areas)
    assert "cannot be told" in none.finding


def test_few_voters_are_not_told_nor_follow_from_others() -> None:
    areas = pl.DataFrame(
        {"area": list("ABCDEF"), "population": [100] * 6, "internet_share": [0.1, 0.2, 0.5, 0.6, 0.8, 0.9]}
    )
    found = told(
        file(PROJECTS, votes(A=(40, "a"), B=(3, "b"), C=(40, "a"), D=(60, "b"), E=(50, "c"), F=(9, "a"))), areas
    )
    by_name = {one.name: one for one in found.areas}
    assert by_name["B"].ballots is None
    assert by_name["B"].turnout is None
    # Its third has 43 ballots: were those of A told, those of B would follow.
    assert by_name["A"].ballots is None
    third = next(one for one in found.groups if one.name == "least internet")
    assert third.ballots == 43
    assert by_name["F"].ballots == 9
    assert by_name["F"].few
    everything = sum(one.ballots or 0 for one in found.areas) + (found.untold or 0)
    assert found.ballots - everything == 43


def test_groups_too_small_for_a_weight_are_put_together() -> None:
    number = np.array([0] * 50 + [1] * 10 + [2] * 25 + [3] * 60 + [-1])
    found = strata_of(["w", "x", "y", "z"], np.array([0.1, 0.2, 0.3, 0.4]), number)
    assert found.names == (("w",), ("x", "y"), ("z",))
    assert found.share == pytest.approx([0.1, 0.5, 0.4])
    assert np.bincount(found.number[:-1]).tolist() == [50, 35, 60]
    assert found.number[-1] == -1


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"area": ["A", "A"], "population": [1, 2]}, "same area"),
        ({"area": ["A", "a "], "population": [1, 2]}, "Two areas"),
        ({"area": ["A", "B"], "population": [1, "many"]}, "row 3"),
        ({"area": ["A", "B"], "population": [0, 5]}, "row 2"),
        ({"area": ["A", "B"], "population": [5, 5], "internet_share": [0.5, 50]}, "row 3"),
        ({"area": ["A", "B"]}, "population"),
        ({"population": [5]}, "area"),
        ({"area": [], "population": []}, "0 areas"),
    ],
)
def test_a_table_of_areas_that_cannot_be_right_is_refused_with_its_row(
    table: dict[str, list[object]], why: str
) -> None:
    with pytest.raises(UserError, match=why):
        read_places(pl.DataFrame(table, strict=False), "areas.csv")


def test_people_of_voting_age_count_where_all_areas_have_them() -> None:
    areas = [Territory(id=one, name=one, level="a", population=100.0, internet_share=share)
             for one, share in (("A", 0.2), ("B", 0.5), ("C", 0.9), ("D", None))]  # fmt: skip
    assert places_of(areas[:3], [70.0, 80.0, 90.0]).people == (70, 80, 90)
    assert places_of(areas[:3], [70.0, None, 90.0]).base == "residents"
    assert places_of(areas[:3]).group == ("least internet", "middle internet", "most internet")
    assert places_of(areas).grouping == "areas"
    with pytest.raises(UserError, match="not known"):
        places_of([Territory(id="A", name="A", level="a")])


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("area,population\nNorth,1000\nSouth,4000\n", "utf-8")
    (tmp_path / "v.pb").write_text(file(PROJECTS, votes(North=(80, "a"), South=(40, "b,c"))), "utf-8")
    given = [str(tmp_path / "v.pb"), "--territories", str(tmp_path / "a.csv")]
    found = CliRunner().invoke(command, given)
    assert found.exit_code == 0, found.output
    assert "Clearly fewer ballots than its share of the people: South." in found.output
    assert "b would win: Lights" in found.output
    wrong = CliRunner().invoke(command, [*given, "--by", "age"])
    assert isinstance(wrong.exception, UserError)
    assert "neighborhood" in str(wrong.exception)
    alone = CliRunner().invoke(command, [given[0], "--by", "neighborhood"])
    assert isinstance(alone.exception, UserError)
