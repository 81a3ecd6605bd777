"""Published elections come out as they were published; bad files are named; ballots add up."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from tests.participate.small import PROJECTS, file

from cityward.core.errors import UserError
from cityward.participate.counting import pabulib
from cityward.participate.counting.count import Way, count, own_way, preferred
from cityward.participate.counting.election import Election, election, natural
from cityward.participate.counting.greedy import Greedy, greedy
from cityward.participate.counting.receive import Received, receive
from cityward.participate.counting.report import report, selected
from cityward.participate.counting.shares import equal_shares
from cityward.participate.counting.why import why


def received(text: str) -> Received:
    return receive(pabulib.read(text.encode()))


def named(known: Election, funded: tuple[int, ...]) -> str:
    return " ".join(known.ids[one] for one in funded)


@pytest.fixture(scope="module")
def elections(shared_data: Path) -> list[tuple[pabulib.Document, Received]]:
    documents = [pabulib.read(path.read_bytes()) for path in sorted((shared_data / "participation").glob("*.pb"))]
    return [(one, receive(one)) for one in documents]


def test_each_published_election_has_its_own_winners(elections: list[tuple[pabulib.Document, Received]]) -> None:
    found = [report(one, got, own_way(one.meta), count(got.election, own_way(one.meta))) for one, got in elections]
    told = [one.published for one in found if one.published]
    assert len(found) == 23
    assert len(told) == 20
    assert all(one.agrees for one in told)
    # Every total that a file states is that of its ballots, and every ballot counts.
    assert not [note for one in found for note in one.caveats if "states" in note]
    assert all(one.ballots.received == one.ballots.counted for one in found)


@pytest.mark.parametrize(
    ("city", "projects", "cost", "share"),
    [("Wieliczka", 30, 995_079, "0.822"), ("wiecie", 17, 1_040_337, "0.998"), ("Assen", 9, 76_700, "0.940")],
)
def test_equal_shares_in_the_cities_that_use_it(
    elections: list[tuple[pabulib.Document, Received]], city: str, projects: int, cost: int, share: str
) -> None:
    document, got = next(one for one in elections if city in one[0].meta["unit"])
    made = report(document, got, Way(rule="equal-shares"), equal_shares(got.election))
    assert (len(made.winners), made.total_cost) == (projects, cost)
    assert f"{made.representation.share:.3f}" == share


def test_what_is_written_reads_the_same(elections: list[tuple[pabulib.Document, Received]]) -> None:
    for document, got in elections:
        again = pabulib.read(pabulib.write(document).encode())
        assert again == document
        assert receive(again).election.digest == got.election.digest


def test_the_export_names_winners_and_their_rule() -> None:
    document = pabulib.read(file().encode())
    got = receive(document)
    way = Way(rule="equal-shares", completion="none")
    made = selected(document, got.election, way, count(got.election, way))
    assert made.meta["rule"] == "equalshares"
    assert [row[-1] for row in made.projects] == ["1", "0", "0"]
    assert own_way(made.meta) == way
    kept = selected(made, got.election, way, count(got.election, way))
    assert kept == made


def test_values_may_hold_separators_quotes_and_lines() -> None:
    projects = 'project_id; cost; name\na; 60;"Trees; ""tall""\nand small"\n'
    document = pabulib.read(file(projects, "voter_id;vote\r\n1;a\r\n").encode("utf-8-sig"))
    assert document.projects == (("a", "60", 'Trees; "tall"\nand small'),)
    assert pabulib.read(pabulib.write(document).encode()) == document


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no section META and no section PROJECTS"),
        (file().replace("VOTES\n", ""), "no section VOTES"),
        (file().replace("project_id", "project"), "Line 8 is no heading of section PROJECTS"),
        (file() + "META\nkey;value\n", "a second time"),
        (file(budget=""), "no budget"),
        (file(budget="-5"), "no budget"),
        (file(budget="1,000"), "budget is no number"),
        (file(budget="nan"), "budget is no number"),
        (file(vote_type=""), "no vote_type"),
        (file(vote_type="secret"), "no vote_type"),
        (file("project_id;cost\na;-1\n"), "Line 9: the cost of project a"),
        (file("project_id;cost\na;1e6\n"), "Line 9: the cost of project a"),
        (file("project_id;cost\na;1\na;2\n"), "Line 10 names project a a second time"),
        (file("project_id;cost\n"), "names no project"),
        (file("project_id;name\na;b\n"), "no column 'cost'"),
        (file("project_id;cost\n;1\n"), "needs an identifier"),
        (file(votes="voter_id;vote\n"), "No ballot counts (there are none)"),
        (file(votes="voter_id;vote\n1;x\n"), "No ballot counts (1 that name no project"),
        (file(votes="voter_id;votes\n1;a\n"), "no column 'vote'"),
        (file(vote_type="cumulative"), "no column 'points'"),
        (file('project_id;cost;name\na;60;"Trees\nb;50;Lights\nc;40;Benches\n'), "Line 9 holds a quotation mark"),
        (file() + "5;a\0\n", "is no text"),
    ],
)
def test_a_file_that_cannot_be_counted_says_why_and_where(text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        received(text)
    assert said in str(raised.value)


def test_another_encoding_is_named_with_its_line() -> None:
    with pytest.raises(UserError, match="Line 3 is not UTF-8"):
        pabulib.read(file(description="Łódź").encode("cp1250"))
    assert pabulib.read(file(description="Łódź").encode("utf-16")).meta["description"] == "Łódź"


def test_ballots_add_up_and_each_that_does_not_count_has_a_reason() -> None:
    votes = (
        "voter_id;vote;date\n1;a,b;01.05.2024\n1;b;01.05.2024\n2;a,a;02.05.2024\n3;x;02.05.2024\n4;a,x;2024-05-03\n"
        "5;;03.05.2024\n6;a,b,c;03.05.2024\n7;b;04.05.2024\n8;b;30.04.2024\n9;b;soon\n10;b\n11;c;03.05.2024;;z\n;c;03.05.2024\n"
    )
    got = received(file(votes=votes, date_begin="01.05.2024", date_end="03.05.2024", max_length="2"))
    assert got.received == 13
    assert got.election.voters == 4
    assert got.blank == 1
    assert sum(got.reasons.values()) == 9
    assert got.reasons == {
        "of a voter who had voted before": 1,
        "that name no project of this election": 1,
        "after the close of voting": 1,
        "before voting began": 1,
        "whose date cannot be read": 2,
        "with more values than the heading names": 1,
        "without a voter": 1,
        "beyond the limits of the ballot": 1,
    }
    assert got.election.votes.tolist() == [3, 1, 0]
    assert len([note for note in got.notes if "They count without that mark" in note]) == 2


def test_ballots_beyond_the_limits_count_where_the_city_counted_them() -> None:
    votes = "voter_id;vote\n1;a,b\n2;a\n"
    stated = "project_id;cost;votes\na;60;2\nb;50;1\n"
    assert received(file(stated, votes, max_length="1")).election.voters == 2
    assert received(file(stated.replace("60;2", "60;1"), votes, max_length="1")).election.voters == 1


def test_points_ranks_and_scores() -> None:
    points = received(
        file(votes="voter_id;vote;points\n1;a,b;1.5,2\n2;b;1\n3;a;x\n4;a,a;1,1\n", vote_type="cumulative")
    )
    assert points.election.weight_unit == 2
    assert points.election.scores.tolist() == [3, 6, 0]
    assert points.received - points.election.voters == 2
    ranked = received(file(votes="voter_id;vote\n1;b,a\n2;a\n3;a,x\n4;b,b\n", vote_type="ordinal", max_length="2"))
    assert ranked.election.scores.tolist() == [3, 2, 0]
    assert ranked.election.voters == 2
    scored = received(file(votes="voter_id;vote;points\n1;a;-3\n2;b;4\n", vote_type="scoring", default_score="1"))
    assert scored.election.scores.tolist() == [-2, 5, 2]
    assert scored.election.votes.tolist() == [1, 2, 2]


def test_decimal_costs_are_exact() -> None:
    text = file("project_id;cost\na;0.1\nb;0.2\n", "voter_id;vote\n1;a,b\n", budget="0.3")
    got = received(text)
    assert named(got.election, greedy(got.election).funded) == "a b"
    assert greedy(got.election).cost(got.election) == got.election.budget


def test_greedy_skips_or_stops_or_adds_a_last_one() -> None:
    a, b, c, d = ((one, 1) for one in range(4))
    known = election(["a", "b", "c", "d"], [50, 60, 40, 900], 100, [(a, b, d), (a, b), (a,), (c, d), (d,), (d,)])
    assert named(known, greedy(known).funded) == "a c"
    assert named(known, greedy(known, Greedy(skip=False)).funded) == "a"
    # With a share of a last one nothing is passed over.
    assert named(known, greedy(known, Greedy(False, None, Fraction(4, 5))).funded) == ""
    within = election(["a", "b"], [50, 60], 100, [((0, 1), (1, 1)), ((0, 1),)])
    last = greedy(within, Greedy(False, None, Fraction(4, 5)))
    assert (named(within, last.funded), last.rest) == ("a b", 1)
    assert named(known, greedy(known, Greedy(True, Fraction(2))).funded) == "a"


def test_ties_are_told_with_how_they_were_broken() -> None:
    known = election(["p10", "p2", "p3"], [40, 40, 30], 70, [((0, 1), (1, 1), (2, 1))])
    made = greedy(known)
    assert named(known, made.funded) == "p3 p2"
    assert [(tie.first, tie.by) for tie in made.ties] == [(2, "lower cost")]
    shared = equal_shares(known, satisfaction="cost", completion="none")
    assert shared.ties[0].by == "lower cost"
    assert sorted(["p10", "p2", "p1a"], key=natural) == ["p1a", "p2", "p10"]


def test_it_goes_on_though_nothing_more_would_fit() -> None:
    # After c, b and a of the first count nothing fits; with more for each, e is bought instead of a.
    ballots = [((1, 1), (2, 1), (4, 1)), ((0, 1), (3, 1), (4, 1)), ((1, 1), (2, 1))]
    known = election(["a", "b", "c", "d", "e"], [6, 3, 2, 14, 14], 23, ballots)
    first, last = equal_shares(known, completion="none"), equal_shares(known)
    assert named(known, first.funded) == "c b a"
    assert min(known.costs[3:]) > known.budget - first.cost(known)
    assert named(known, last.funded) == "c b e"
    assert last.share == Fraction(38, 3)


@pytest.mark.parametrize(
    ("rule", "way"),
    [
        ("greedy", "greedy"),
        ("greedy-threshold", "greedy"),
        ("greedy-no-skip", "greedy-no-skip"),
        ("greedy-exclusive", "greedy"),
        ("equalshares", "equal-shares"),
        ("equalshares/add1", "equal-shares/add1"),
        ("equalshares/add1u", "equal-shares/add1u"),
        ("equalshares-comparison", "equal-shares-comparison"),
        ("equalshares/add1-comparison", "equal-shares/add1-comparison"),
    ],
)
def test_rules_that_files_name(rule: str, way: str) -> None:
    assert own_way({"rule": rule}).name == way


def test_a_rule_in_words_is_followed_or_refused() -> None:
    meta = {"rule": "greedy-custom", "comment": "#1: if the rest is enough to fund at least 75% of it, we fund it"}
    assert own_way(meta).last_share == Fraction(3, 4)
    for other in ({"rule": "greedy-custom"}, {"rule": "unknown"}, {}):
        with pytest.raises(UserError, match="--rule"):
            own_way(other)


def test_equal_shares_gives_way_where_more_voters_prefer_greedy() -> None:
    known = election(["a", "b", "c"], [1, 1, 1], 2, [((0, 1),), ((0, 1),), ((1, 1),)])
    alone, compared = (count(known, Way(rule="equal-shares", completion="none", compared=one)) for one in (False, True))
    assert (named(known, alone.funded), named(known, compared.funded)) == ("a", "a b")
    voters = preferred(known, alone, compared)
    assert (voters.first, voters.second, voters.alike) == (0, 1, 2)


def test_why_says_what_would_have_been_enough() -> None:
    known = received(file()).election
    for way in (Way(rule="greedy"), Way(rule="equal-shares"), Way(rule="phragmen")):
        made = count(known, way)
        lost = next(one for one in range(3) if one not in made.funded)
        told = why(known, way, made, lost)
        assert told.enough_budget is not None
        assert told.budget_step == 1
        for budget, funded in ((told.enough_budget, True), (told.enough_budget - 1, False)):
            again = received(file(budget=str(budget))).election
            assert (lost in count(again, way).funded) is funded
        assert told.enough_voters is not None
        assert why(known, way, made, made.funded[0]).place == 1
    nobody = received(file(votes="voter_id;vote\n1;a\n")).election
    assert why(nobody, Way(rule="greedy"), greedy(nobody), 1).because == ("Nobody asked for it.",)


def test_nobody_is_funded_of_nothing() -> None:
    none = received(file(budget="0")).election
    for way in (Way(rule="greedy"), Way(rule="equal-shares"), Way(rule="phragmen")):
        assert count(none, way).funded == ()
    free = received(file("project_id;cost\na;0\nb;5\n", "voter_id;vote\n1;a,b\n", budget="0")).election
    for way in (Way(rule="greedy"), Way(rule="equal-shares"), Way(rule="phragmen")):
        assert named(free, count(free, way).funded) == "a"


def test_amounts_beyond_doubles_are_refused() -> None:
    with pytest.raises(UserError, match="larger unit"):
        received(file("project_id;cost\na;900000000000000000\n", "voter_id;vote\n1;a\n"))


def test_the_digest_knows_no_voters_and_no_order() -> None:
    first = received(file()).election
    second = received(file(votes="voter_id;vote\n9;a\n7;c,a\nx;b\ny;b,a\n")).election
    assert first.digest == second.digest
    other = received(file(PROJECTS.replace("60", "61"))).election
    assert other.digest != first.digest
