"""The command 'site': where services should be, on a graph of ways or on tables, with a proven bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import numpy as np

from cityward.cli.main import as_json, json_option, some
from cityward.core import words
from cityward.core.clock import monotonic
from cityward.core.errors import SourceError, UserError
from cityward.core.limits import SITE_FILE_BYTES

if TYPE_CHECKING:
    from cityward.cli.site_tables import Places, Sites
    from cityward.equitable.siting.graph_text import Graph
    from cityward.equitable.siting.task import Choice, Task

_FILE = click.Path(dir_okay=False, path_type=Path)
_NOTHING = "Give the file of a graph, or a table of places with --demand."


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of a choice on tables."""

    objective: Any
    demand: Path
    sites: Path | None
    travel: str
    count: int | None
    budget: float | None
    capacity: float | None
    radius: float | None
    whole: bool
    floor: float


@click.command()
@click.argument("graph", type=_FILE, required=False)
@click.option("--objective", type=click.Choice(["p-median", "p-centre", "covering"]), required=True)
@click.option("--p", "count", type=int, help="Sites in all, those that are open already among them.")
@click.option("--demand", type=_FILE, help="Table: place, people, and where known lon, lat, group.")
@click.option("--sites", type=_FILE, help="Table: site, and where known lon, lat, capacity, cost, open (yes or no).")
@click.option(
    "--travel", default="straight-line", show_default=True, help="Or a table of ways: place, then a site each."
)
@click.option("--budget", type=click.FloatRange(0), help="What the costs of new sites may sum to, instead of --p.")
@click.option("--capacity", type=click.FloatRange(0), help="Most people of a site, where the table does not say.")
@click.option("--radius", type=click.FloatRange(0), help="Of covering: the longest way, in the unit of --travel.")
@click.option("--whole", is_flag=True, help="With capacities: all people of a place go to one site.")
@click.option("--floor", type=click.FloatRange(1), default=1.5, show_default=True, help="Times the mean, for groups.")
@click.option("--time-limit", type=click.FloatRange(0.1, 86_400), default=60.0, show_default=True, help="Seconds.")
@json_option
def site(graph: Path | None, demand: Path | None, time_limit: float, json_: bool, **options: Any) -> None:
    """Say where services should be, how good that is, and what no choice can be better than.

    GRAPH is a text file of OR-Library: 'nodes edges sites', then 'from to cost' a line; every node is a place with
    one person and a candidate, and an edge that is repeated counts as it stands last. Or give --demand and --sites;
    without --sites every place is a candidate. p-median makes the mean way least, p-centre the longest way, covering
    serves the most people within --radius.
    """
    began = monotonic()

    def left() -> float:
        return began + time_limit - monotonic()

    if (graph is None) == (demand is None):
        raise UserError("There is nothing to choose from." if graph is None else "Both were given.", _NOTHING)
    # One of both is there.
    told = _of_graph(graph, options, left) if graph else _of_tables(_Asked(demand=demand, **options), left)  # type: ignore[arg-type]
    told["seconds"] = round(monotonic() - began, 3)
    if json_:
        as_json(told)
    else:
        _print(told)


def _of_graph(file: Path, options: dict[str, Any], left: Callable[[], float]) -> dict[str, Any]:
    from cityward.equitable.siting.choose import choose
    from cityward.equitable.siting.distances import all_pairs, parts_of
    from cityward.equitable.siting.graph_text import read_graph
    from cityward.equitable.siting.task import Task

    for name in ("sites", "budget", "capacity", "radius"):
        if options[name] is not None or options["objective"] == "covering":
            raise UserError("A graph has neither people nor capacities, costs or a radius.", "Give tables by --demand.")
    graph = read_graph(_text(file), file.name)
    count = graph.sites if options["count"] is None else options["count"]
    if not 1 <= count <= graph.nodes:
        raise UserError(
            f"{count:,} sites cannot be chosen among {graph.nodes:,} nodes.",
            f"Give --p from 1 to {graph.nodes:,}.",
        )
    way = all_pairs(graph.nodes, graph.tail, graph.head, graph.cost)
    task = Task(
        objective=options["objective"],
        way=way,
        people=np.ones(graph.nodes),
        price=np.ones(graph.nodes),
        most=count,
        kept=np.empty(0, dtype=np.int64),
        unit=1.0 if graph.unit else 0.0,
    )
    choice = choose(task, left)
    names = [str(node) for node in range(1, graph.nodes + 1)]
    return {
        "objective": task.objective,
        "places": graph.nodes,
        "p": count,
        **_figures(choice, graph.unit or 1.0),
        "sites": _sites(task, choice, names),
        "groups": [],
        "notes": _notes(graph, parts_of(way)),
    }


def _of_tables(asked: _Asked, left: Callable[[], float]) -> dict[str, Any]:
    from cityward.cli.site_tables import everywhere, read_places, read_sites
    from cityward.equitable.siting.choose import choose
    from cityward.equitable.siting.gains import gains

    if asked.objective == "covering" and asked.radius is None:
        raise UserError("Covering needs a radius.", "Give --radius, in the unit of the ways (km for straight lines).")
    if asked.objective == "p-centre" and asked.capacity is not None:
        raise UserError("The p-centre knows no capacities.", "Ask for p-median or covering, or leave out --capacity.")
    if (asked.count is None) == (asked.budget is None):
        raise UserError("How many sites there may be is not clear.", "Give either --p or --budget.")
    places = read_places(asked.demand)
    sites = read_sites(asked.sites) if asked.sites else everywhere(places)
    task = _task(asked, places, sites)
    choice = choose(task, left)
    groups = gains(task, choice, places.group or ["everybody"] * len(places.name), asked.floor)
    told = {
        "objective": task.objective,
        "places": len(places.name),
        "people": _whole(float(task.people.sum())),
        "p": asked.count,
        "budget": asked.budget,
        "travel": "straight lines, km" if asked.travel == "straight-line" else asked.travel,
        **_figures(choice, 1.0),
        "sites": _sites(task, choice, sites.name),
        "floor": asked.floor,
        "groups": msgspec.to_builtins(groups if places.group else groups[:1]),
        "served": _served(choice, places.name, sites.name),
        "notes": [f"{some(places.empty, 'place')} without people left out."] if places.empty else [],
    }
    if task.objective == "p-median":
        told["mean"] = choice.value / float(task.people.sum())
    return told


def _task(asked: _Asked, places: Places, sites: Sites) -> Task:
    from cityward.cli.site_tables import ways
    from cityward.equitable.siting.precision import step_of
    from cityward.equitable.siting.task import Task

    size = len(sites.name)
    price, most = np.ones(size), float(asked.count or 0)
    if asked.count is not None and not 1 <= asked.count <= size:
        raise UserError(f"{asked.count:,} sites cannot be chosen among {size:,}.", f"Give --p from 1 to {size:,}.")
    if asked.budget is not None:
        if sites.cost is None:
            raise SourceError("A budget needs to know what sites cost.", "Give the table of sites a column 'cost'.")
        price, most = sites.cost.copy(), asked.budget
        price[sites.kept] = 0.0
    capacity = sites.capacity
    if capacity is None and asked.capacity is not None:
        capacity = np.full(size, asked.capacity)
    way = ways(asked.travel, places, sites)
    return Task(
        objective=asked.objective,
        way=way,
        people=places.people,
        price=price,
        most=most,
        kept=sites.kept,
        capacity=None if asked.objective == "p-centre" else capacity,
        radius=asked.radius,
        whole=asked.whole,
        unit=step_of(way[np.isfinite(way)]),
    )


def _sites(task: Task, choice: Choice, names: list[str]) -> list[dict[str, Any]]:
    """Each open site with how many places and people go there."""
    served, size = choice.served, task.way.shape[0]
    places = np.bincount(served.site, minlength=size)
    people = np.bincount(served.site, served.people, minlength=size)
    kept = set(task.kept.tolist())
    return [
        {
            "site": names[at],
            "assigned": int(places[at]),
            "people": _whole(float(people[at])),
            "open_already": at in kept,
        }
        for at in choice.sites.tolist()
    ]


def _served(choice: Choice, places: list[str], sites: list[str]) -> list[dict[str, Any]]:
    """Who goes where, by name."""
    served = zip(choice.served.place.tolist(), choice.served.site.tolist(), choice.served.people.tolist(), strict=True)
    return [{"place": places[place], "site": sites[at], "people": _whole(people)} for place, at, people in served]


def _figures(choice: Choice, unit: float) -> dict[str, Any]:
    """Value, bound and gap in the unit of the file."""
    return {
        "value": _whole(choice.value * unit),
        "bound": _whole(choice.bound * unit),
        "gap": choice.gap,
        "optimal": choice.optimal,
    }


def _whole(value: float) -> float | int:
    """Whole numbers as such; others without what is an error of rounding in the last digits."""
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def _notes(graph: Graph, parts: int) -> list[str]:
    found = []
    if parts > 1:
        found.append(f"The graph is not connected: it has {parts:,} parts that no edge joins, and each has a site.")
    if graph.again:
        found.append(f"{some(graph.again, 'edge')} stood there again; the last one counts.")
    if graph.loops:
        found.append(f"{some(graph.loops, 'edge')} from a node to itself left out.")
    return found


def _text(file: Path) -> str:
    from cityward.cli.tables import check_size

    try:
        check_size(file, SITE_FILE_BYTES, "Take a part of it.")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{file} cannot be read ({error.strerror}).", "Check the path.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{file.name} is not a text in UTF-8.", "Give a text file of OR-Library.") from None


def _print(told: dict[str, Any]) -> None:
    best = (
        "proven: no choice is better" if told["optimal"] else f"the best is at most {words.percent(told['gap'], 2)} off"
    )
    mean = f" (a mean of {told['mean']:,.3f})" if "mean" in told else ""
    mean = f" of {told['people']:,.0f} people" if told["objective"] == "covering" else mean
    click.echo(
        f"{told['objective']}: {_short(told['value'])}{mean} with {some(len(told['sites']), 'site')}; {best}, "
        f"bound {_short(told['bound'])}. {told['seconds']:.1f} s."
    )
    for one in told["sites"]:
        people = "" if one["people"] == one["assigned"] else f", {one['people']:,.0f} people"
        already = " (open already)" if one["open_already"] else ""
        click.echo(f"  {one['site']}: {some(one['assigned'], 'place')}{people}{already}")
    for group in told["groups"]:
        click.echo(f"  {_group(group)}")
    if told.get("travel"):
        click.echo(f"  Ways: {told['travel']}.")
    for note in told["notes"]:
        click.echo(f"  Take care: {note}")


def _group(group: dict[str, Any]) -> str:
    parts = [f"{group['group']}: {group['people']:,.0f} people, {words.percent(group['served_share'])} have a site"]
    if group["mean"] is not None:
        parts.append(f"mean way {group['mean']:,.2f}, worst {group['worst']:,.2f}")
    if group["mean_before"] is not None:
        parts.append(f"before {group['mean_before']:,.2f}, worst {group['worst_before']:,.2f}")
    if group["ratio"] is not None and group["group"] != "all":
        parts.append(f"{group['ratio']:.2f} times the mean")
    if group["above_floor"]:
        parts.append(f"{group['above_floor']:,.2f} above the floor")
    if group["small"]:
        parts.append("few places")
    return "; ".join(parts)


def _short(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
