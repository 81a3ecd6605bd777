"""p-median and p-centre optima of OR-Library, proven, and larger graphs of the same kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cityward.equitable.siting.choose import choose
from cityward.equitable.siting.distances import all_pairs
from cityward.equitable.siting.graph_text import read_graph
from cityward.equitable.siting.task import Choice, Objective, Task

MEDIANS = (5819, 4093, 4250, 3034, 1355, 7824, 5631, 4445, 2734, 1255, 7696, 6634, 4374, 2968, 1729)


def chosen(folder: Path, number: int, objective: Objective) -> Choice:
    graph = read_graph((folder / f"pmed{number}.txt").read_text(), "pmed")
    way = all_pairs(graph.nodes, graph.tail, graph.head, graph.cost)
    one = np.ones(graph.nodes)
    none = np.empty(0, dtype=np.int64)
    return choose(Task(objective, way, one, one, graph.sites, none, unit=1.0), lambda: 60.0)


@pytest.fixture(scope="module")
def files(shared_data: Path) -> Path:
    return shared_data / "facility_location"


@pytest.mark.parametrize("number", range(1, 16))
def test_the_published_medians_are_found_and_proven(files: Path, number: int) -> None:
    found = chosen(files, number, "p-median")
    assert (found.value, found.bound, found.optimal) == (MEDIANS[number - 1], MEDIANS[number - 1], True)


@pytest.mark.parametrize("number", [1, 2, 5, 6, 10, 15])
def test_the_published_centres_are_found_and_proven(files: Path, number: int) -> None:
    lines = (files / "p_center_optima.txt").read_text().split()
    published = dict(zip(lines[::2], map(float, lines[1::2]), strict=True))[f"pmed{number}"]
    found = chosen(files, number, "p-centre")
    assert (found.value, found.bound, found.optimal) == (published, published, True)


@pytest.mark.parametrize("sites", [10, 40, 133])
def test_two_ways_of_proof_agree_on_larger_graphs(random_graph: Callable[[int, int], np.ndarray], sites: int) -> None:
    """Ways in sevenths of a unit have no step that a bound may be rounded up to, so the proof takes another way."""
    way = random_graph(400, sites)
    one, none = np.ones(400), np.empty(0, dtype=np.int64)
    whole = choose(Task("p-median", way, one, one, sites, none, unit=1.0), lambda: 60.0)
    part = choose(Task("p-median", way / 7, one, one, sites, none), lambda: 60.0)
    assert whole.optimal
    assert part.optimal
    assert part.value * 7 == pytest.approx(whole.value, rel=1e-6)


@pytest.fixture
def random_graph() -> Callable[[int, int], np.ndarray]:
    """Ways in a connected random graph as OR-Library made them: n²/50 edges that cost 1 to 100."""

    def made(nodes: int, seed: int) -> np.ndarray:
        chance = np.random.default_rng(seed)
        edges = nodes**2 // 50
        order = chance.permutation(nodes)
        tail, head = chance.integers(0, nodes, (2, edges))
        tail[: nodes - 1], head[: nodes - 1] = order[:-1], order[1:]
        return all_pairs(nodes, tail, head, chance.integers(1, 101, edges).astype(float))

    return made
