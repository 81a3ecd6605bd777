"""Every rule against the same rule voter by voter in fractions, on small elections full of ties."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.participate import by_hand

from cityward.participate.counting.election import Election, election
from cityward.participate.counting.greedy import Greedy, greedy
from cityward.participate.counting.phragmen import phragmen
from cityward.participate.counting.shares import Satisfaction, equal_shares

SATISFACTIONS: Final[tuple[Satisfaction, ...]] = ("cost", "cardinality", "points")


@st.composite
def elections(draw: st.DrawFn) -> Election:
    projects = draw(st.integers(1, 6))
    costs = draw(st.lists(st.integers(0, draw(st.sampled_from([3, 20, 1000]))), min_size=projects, max_size=projects))
    most = draw(st.sampled_from([1, 1, 2, 7]))
    ballot = st.dictionaries(st.integers(0, projects - 1), st.integers(1, most))
    ballots = [tuple(sorted(one.items())) for one in draw(st.lists(ballot, min_size=1, max_size=10))]
    return election(
        [f"p{one}" for one in range(projects)],
        costs,
        draw(st.integers(0, sum(costs) + 1)),
        ballots,
        kind="approval" if most == 1 else "points",
        unit=draw(st.sampled_from([1, 1, 100])),
    )


@settings(max_examples=150)
@given(elections())
def test_greedy_and_phragmen(known: Election) -> None:
    assert list(greedy(known).funded) == by_hand.greedy(known)
    assert list(greedy(known, Greedy(skip=False)).funded) == by_hand.greedy(known, skip=False)
    assert list(phragmen(known).funded) == by_hand.phragmen(known)


@settings(max_examples=150)
@given(elections(), st.sampled_from(SATISFACTIONS))
def test_equal_shares(known: Election, satisfaction: Satisfaction) -> None:
    share = Fraction(known.budget, known.voters)
    plain = equal_shares(known, satisfaction=satisfaction, completion="none")
    assert (list(plain.funded), plain.share) == (by_hand.shares(known, share, satisfaction), share)
    more = equal_shares(known, satisfaction=satisfaction)
    assert (more.share, list(more.funded)) == by_hand.add1(known, satisfaction)[::1]


@settings(max_examples=50)
@given(elections())
def test_whatever_is_funded_fits_and_somebody_asked_for_it(known: Election) -> None:
    for completion in ("none", "add1", "add1u", "greedy"):
        made = equal_shares(known, completion=completion)
        assert made.cost(known) <= known.budget
        assert all(known.votes[one] for one in made.funded)
        assert len(set(made.funded)) == len(made.funded)
    greedy_more = equal_shares(known, completion="greedy")
    left = known.budget - greedy_more.cost(known)
    assert all(
        known.costs[one] > left for one in range(len(known.ids)) if known.votes[one] and one not in greedy_more.funded
    )
