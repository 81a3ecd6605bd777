"""Graphs as texts: what is read, and what is said of mistakes."""

from __future__ import annotations

import pytest

from cityward.core.errors import SourceError
from cityward.core.limits import SITE_PLACES
from cityward.equitable.siting.graph_text import read_graph

GOOD = "3 4 1\n1 2 5\n2 3 7\n2 1 4\n3 3 9\n"


def test_the_last_of_repeated_edges_counts_and_loops_are_left_out() -> None:
    graph = read_graph(GOOD, "g.txt")
    assert (graph.nodes, graph.sites, graph.again, graph.loops) == (3, 1, 1, 1)
    assert dict(zip(zip(graph.tail.tolist(), graph.head.tolist(), strict=True), graph.cost.tolist(), strict=True)) == {
        (0, 1): 4.0,
        (1, 2): 7.0,
    }


@pytest.mark.parametrize(
    ("costs", "unit", "read"),
    [
        (("1.5", "2.25"), 0.75, [2.0, 3.0]),
        (("10", "30"), 10.0, [1.0, 3.0]),
        (("1e3", "0"), 1000.0, [1.0, 0.0]),
        (("0", "0"), 1.0, [0.0, 0.0]),
        (("0.12345678", "1"), 0.0, [0.12345678, 1.0]),
        (("1000000000", "0.000001"), 0.0, [1e9, 1e-6]),
    ],
)
def test_costs_are_whole_numbers_of_the_largest_unit(costs: tuple[str, str], unit: float, read: list[float]) -> None:
    graph = read_graph(f"3 2 1\n1 2 {costs[0]}\n2 3 {costs[1]}", "g.txt")
    assert (graph.unit, graph.cost.tolist()) == (unit, read)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("what is this", "three whole numbers"),
        ("3 2", "three whole numbers"),
        ("3 2 1.5", "three whole numbers"),
        ("-3 2 1", "three whole numbers"),
        ("٣ 0 1", "three whole numbers"),
        ("99999999999999999999 2 1", "three whole numbers"),
        ("0 0 1", "has no nodes"),
        (f"{SITE_PLACES + 1} 0 1", "the limit is"),
        ("3 99999999999 1", "the limit is"),
        ("3 2 1\n1 2 5", "cut off"),
        ("3 2 1\n1 2 5\n2 3", "has 2 words"),
        ("3 1 1\n1 2 5\n2 3 4", "first too many in line 3"),
        ("3 1 1\n1 4 5", "line 2: node 4 is not among the 3 nodes"),
        ("3 1 1\n0 1 5", "node 0"),
        ("3 1 1\n1 x 5", "“x” is no node"),
        ("3 1 1\n1 2 -5", "is negative"),
        ("3 1 1\n1 2 nan", "is no number"),
        ("3 1 1\n1 2 inf", "is no number"),
        ("3 1 1\n1 2 1_0", "is no number"),
        ("3 1 1\n1 2 1e99", "is larger than"),
        ("3 1 1\n1 2 1,5", "is no number"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SourceError) as told:
        read_graph(text, "g.txt")
    assert said in told.value.what
    assert told.value.remedy
