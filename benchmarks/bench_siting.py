"""Sites: seconds and proof on the graphs of OR-Library, on larger ones of the same kind, and on the demonstration.

``python benchmarks/bench_siting.py``. The larger graphs are drawn as OR-Library drew pmed16 to pmed40: n²/50 edges
that cost 1 to 100, with 5, 10, n/10, n/5 and n/3 sites. The peer is HiGHS on the textbook formulation, in this run.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from cityward.core.clock import rng
from cityward.equitable.siting.choose import choose
from cityward.equitable.siting.distances import all_pairs
from cityward.equitable.siting.graph_text import read_graph
from cityward.equitable.siting.program import Program
from cityward.equitable.siting.task import Objective, Task

FILES = Path(__file__).resolve().parents[2] / "shared" / "data" / "facility_location"
LIMIT_SECONDS = 60.0
OBJECTIVES: tuple[Objective, ...] = ("p-median", "p-centre")
NODES = (400, 500, 600, 700, 800, 900)
NOBODY = np.empty(0, dtype=np.int64)


def drawn(nodes: int, seed: int) -> np.ndarray:
    """Ways between the nodes of a connected random graph."""
    chance = rng(seed, "graph", nodes)
    edges = nodes**2 // 50
    order = chance.permutation(nodes)
    tail, head = chance.integers(0, nodes, (2, edges))
    tail[: nodes - 1], head[: nodes - 1] = order[:-1], order[1:]
    return all_pairs(nodes, tail, head, chance.integers(1, 101, edges).astype(float))


def asked(way: np.ndarray, sites: int, objective: Objective) -> tuple[float, float, float, bool]:
    """Seconds, processor seconds, value and whether it is proven."""
    began, worked = perf_counter(), process_time()
    one = np.ones(way.shape[0])
    task = Task(objective, way, one, one, sites, NOBODY, unit=1.0)
    found = choose(task, lambda: began + LIMIT_SECONDS - perf_counter())
    return perf_counter() - began, process_time() - worked, found.value, found.optimal


def textbook(way: np.ndarray, sites: int) -> tuple[float, float]:
    """Processor seconds and value of the textbook p-median: x_ij ≤ y_j for each pair."""
    began = process_time()
    nodes = way.shape[0]
    pairs = nodes * nodes
    site, place = np.divmod(np.arange(pairs), nodes)
    program = Program(
        np.concatenate([np.zeros(nodes), way.ravel()]),
        np.zeros(nodes + pairs),
        np.ones(nodes + pairs),
        np.concatenate([np.ones(nodes, dtype=bool), np.zeros(pairs, dtype=bool)]),
    )
    program.one(np.arange(nodes), 1.0, sites, sites)
    program.add(place, nodes + np.arange(pairs), 1.0, 1.0, 1.0, nodes)
    columns = np.concatenate([nodes + np.arange(pairs), site])
    signs = np.concatenate([np.ones(pairs), -np.ones(pairs)])
    program.add(np.tile(np.arange(pairs), 2), columns, signs, -math.inf, 0.0, pairs)
    solved = program.solve(lambda: 10 * LIMIT_SECONDS)
    return process_time() - began, float(program.cost @ solved.values)


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    graphs = []
    for number in range(1, 16):
        graph = read_graph((FILES / f"pmed{number}.txt").read_text(), "pmed")
        graphs.append((all_pairs(graph.nodes, graph.tail, graph.head, graph.cost), graph.sites))
    larger = [(drawn(nodes, 1), sites) for nodes in NODES for sites in (5, 10, nodes // 10, nodes // 5, nodes // 3)]
    for objective in OBJECTIVES:
        asked(graphs[0][0], graphs[0][1], objective)  # compiles, once for each installation
    figures: dict[str, tuple[float, str]] = {}
    for objective in OBJECTIVES:
        for name, several in (("OR-Library 1 to 15", graphs), ("30 larger graphs, 400 to 900 nodes", larger)):
            told = []
            for way, sites in several:
                told.append(asked(way, sites, objective))
                print(f"{objective}, {way.shape[0]} nodes, {sites} sites: {told[-1]}", flush=True)
            figures[f"{objective}, {name}: not proven"] = (sum(not one[3] for one in told), "≤ 0")
            figures[f"{objective}, {name}: longest s"] = (max(one[0] for one in told), "≤ 60")
            figures[f"{objective}, {name}: median processor s"] = (median(one[1] for one in told), "")
            figures[f"{objective}, {name}: longest processor s"] = (max(one[1] for one in told), "")
    _, ours, value, _ = asked(*graphs[0], "p-median")
    theirs, same = textbook(*graphs[0])
    if abs(same - value) > 1e-3:
        raise SystemExit(f"The textbook says {same}, we say {value}.")
    figures["p-median, pmed1: times as fast as HiGHS on the textbook formulation"] = (theirs / ours, "≥ 1")
    return figures


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:,.3f} {target}")
