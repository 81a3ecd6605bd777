"""The command 'site': where services should be, on a graph of ways or on tables, with a proven bound."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from cityward.cli.main import as_json, json_option, some
from cityward.core import words
from cityward.core.clock import monotonic
from cityward.core.errors import SourceError, UserError
from cityward.core.limits import SITE_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from cityward.equitable.siting.graph_text import Graph
    from cityward.equitable.siting.task import Choice

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("graph", type=_FILE, required=False)
@click.option("--objective", type=click.Choice(["p-median", "p-centre", "covering"]), required=True)
@click.option("--p", "count", type=int, help="Sites in all, those that are open already among them.")
@click.option("--time-limit", type=click.FloatRange(0.1, 86_400), default=60.0, show_default=True, help="Seconds.")
@json_option
def site(graph: Path | None, objective: Any, count: int | None, time_limit: float, json_: bool) -> None:
    """Choose sites.

    GRAPH is a text file of OR-Library: 'nodes edges sites', then 'from to cost' a line; every node is a place with
    one person and a candidate. An edge that is repeated counts as it stands last.
    """
    began = monotonic()
    left = lambda: began + time_limit - monotonic()  # noqa: E731
    if graph is None:
        raise UserError("There is nothing to choose from.", "Give the file of a graph, or --demand and --sites.")
    told = _of_graph(graph, objective, count, left)
    told["seconds"] = round(monotonic() - began, 3)
    if json_:
        as_json(told)
    else:
        _print(told)


def _of_graph(file: Path, objective: Any, count: int | None, left: Callable[[], float]) -> dict[str, Any]:
    from cityward.equitable.siting.choose import choose
    from cityward.equitable.siting.distances import all_pairs, parts_of
    from cityward.equitable.siting.graph_text import read_graph
    from cityward.equitable.siting.task import Task

    if objective == "covering":
        raise UserError("Covering needs people and a radius.", "Give --demand, --sites and --radius.")
    graph = read_graph(_text(file), file.name)
    asked = graph.sites if count is None else count
    if not 1 <= asked <= graph.nodes:
        raise UserError(f"{asked:,} sites cannot be chosen among {graph.nodes:,} nodes.", "Give --p from 1 on.")
    way = all_pairs(graph.nodes, graph.tail, graph.head, graph.cost)
    task = Task(
        objective=objective,
        way=way,
        people=np.ones(graph.nodes),
        price=np.ones(graph.nodes),
        most=asked,
        kept=np.empty(0, dtype=np.int64),
        unit=1.0 if graph.unit else 0.0,
    )
    choice = choose(task, left)
    unit = graph.unit or 1.0
    load = Counter(choice.served.site.tolist())
    return {
        "objective": objective,
        "nodes": graph.nodes,
        "p": asked,
        **_figures(choice, unit),
        "sites": [{"site": int(at) + 1, "assigned": load[at]} for at in choice.sites.tolist()],
        "notes": _notes(graph, parts_of(way)),
    }


def _figures(choice: Choice, unit: float) -> dict[str, Any]:
    """Value, bound and gap in the unit of the file; whole numbers stay whole."""
    return {
        "value": _scaled(choice.value, unit),
        "bound": _scaled(choice.bound, unit),
        "gap": 0.0 if choice.optimal and choice.value == choice.bound else choice.gap,
        "optimal": choice.optimal,
    }


def _scaled(value: float, unit: float) -> float | int:
    scaled = round(value * unit, 9)
    return int(scaled) if scaled == int(scaled) else scaled


def _notes(graph: Graph, parts: int) -> list[str]:
    found = []
    if parts > 1:
        found.append(f"The graph has {parts:,} parts that no edge joins; each has a site.")
    if graph.again:
        found.append(f"{some(graph.again, 'edge')} stood there again; the last one counts.")
    if graph.loops:
        found.append(f"{some(graph.loops, 'edge')} from a node to itself left out.")
    return found


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > SITE_FILE_BYTES:
            raise SourceError(f"{file.name} is larger than {SITE_FILE_BYTES // 2**20} MB.", "Take a part of it.")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{file} cannot be read ({error.strerror}).", "Check the path.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{file.name} is not a text in UTF-8.", "Give a text file of OR-Library.") from None


def _print(told: dict[str, Any]) -> None:
    proven = (
        "proven: no choice is better" if told["optimal"] else f"at most {words.percent(told['gap'], 2)} from the best"
    )
    click.echo(
        f"{told['objective']} {told['value']:,} with {some(len(told['sites']), 'site')}; {proven} "
        f"(bound {told['bound']:,}). {told['seconds']:.1f} s."
    )
    for one in told["sites"]:
        click.echo(f"  {one['site']}: {one['assigned']:,} assigned")
    for note in told["notes"]:
        click.echo(f"  Take care: {note}")
