"""Plans for days without a service, one printed page for each service of an inventory, and one for all of them."""

from __future__ import annotations

import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from cityward.core.disk import durable
from cityward.core.errors import UserError
from cityward.core.identifiers import slug
from cityward.secure.risk.drawing import draw_service
from cityward.secure.risk.graph import Graph, make_graph
from cityward.secure.risk.inventory import read_inventory, shown
from cityward.secure.risk.inventory_check import require_sound
from cityward.secure.risk.plan import ServicePlan, hours_told, name_of, service_plan, services_of
from cityward.secure.risk.restore_order import RestoreOrder, restore_order

PLANS_MOST: Final = 400
"""Plans that are printed at once; as many services have an order of restore."""

ORDER_MOST: Final = 500
"""Steps of restore that the page of the whole city lists."""

INDEX: Final = "index.html"


def printer() -> Environment:
    """Makes pages that are printed: no script, nothing that is asked of elsewhere, every word escaped."""
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(hours=hours_told, people=lambda value: f"{value:,.0f}", named=name_of)
    return made


def written(template: str, **told: Any) -> bytes:
    """A page of a template beside this module."""
    source = (files(__package__) / template).read_text("utf-8")
    style = Markup((files(__package__) / "printed.css").read_text("utf-8"))  # noqa: S704 (our own file)
    return printer().from_string(source).render(style=style, **told).encode()


def write_plans(inventory: Path, into: Path, service: str | None = None, crews: int = 1) -> list[Path]:
    """Write a page for each service of the folder ``inventory``, or for one, into the new folder ``into``.

    Returns
    -------
    list of pathlib.Path
        The pages, the one of the whole city first.

    Raises
    ------
    UserError
        The inventory cannot be worked with, serves nobody or too many, there is no such service, or the folder is
        not empty. Then nothing is written.
    """
    held = read_inventory(inventory)
    require_sound(held)
    graph = make_graph(held)
    chosen = _chosen(graph, service)
    order = restore_order(graph, crews)
    plans = [service_plan(graph, at, order) for at in chosen]
    pages = {
        INDEX: written("contingency_index.html", plans=plans, names=_names(plans), crews=crews, **_order(graph, order))
    }
    for at, plan, name in zip(chosen, plans, _names(plans), strict=True):
        pages[name] = _page(graph, at, plan, crews)
    return write_folder(into, pages)


def _chosen(graph: Graph, service: str | None) -> list[int]:
    known = services_of(graph)
    if service is not None:
        place = graph.place.get(service)
        if place is None or place not in known:
            some = ", ".join(shown(graph.assets[at].id) for at in known[:10])
            raise UserError(f"There is no service '{shown(service)}'.", f"Services are: {some or 'none'}.")
        return [place]
    if not known:
        raise UserError("No asset of the inventory serves people.", "Write serves = { AREA = PEOPLE } for services.")
    if len(known) > PLANS_MOST:
        raise UserError(f"There are more than {PLANS_MOST} services.", "Print one at a time with --service ID.")
    return known


def _names(plans: list[ServicePlan]) -> list[str]:
    """Names of files: of two services that would share one the later gets a number."""
    taken: dict[str, int] = {"index": 1}
    names = []
    for plan in plans:
        name = slug(plan.asset.id)[:80]
        taken[name] = taken.get(name, 0) + 1
        names.append(f"{name}{'' if taken[name] == 1 else f'-{taken[name]}'}.html")
    return names


def _order(graph: Graph, order: RestoreOrder) -> dict[str, Any]:
    plain = min(order.lost_as_needed, order.lost_largest_first)
    steps = zip(order.assets.tolist()[:ORDER_MOST], order.done_hours.tolist(), strict=False)
    return {
        "steps": [(graph.assets[at], hours) for at, hours in steps],
        "steps_left": max(0, order.assets.size - ORDER_MOST),
        "lost": order.lost,
        "saved": 1 - order.lost / plain if plain > 0 else 0.0,
    }


def _page(graph: Graph, at: int, plan: ServicePlan, crews: int) -> bytes:
    drawing = draw_service(graph, at)
    svg = Markup(drawing.svg)  # noqa: S704 (names are escaped where they are drawn)
    return written("contingency_plan.html", plan=plan, drawing=svg, not_drawn=drawing.left_out, crews=crews)


def write_folder(into: Path, pages: dict[str, bytes]) -> list[Path]:
    """Write files into a new folder, all or none.

    Raises
    ------
    UserError
        There is something already.
    """
    if into.is_symlink() or (into.exists() and (not into.is_dir() or any(into.iterdir()))):
        raise UserError(f"{into} is there already and is not an empty folder.", "Choose a new folder.")
    with durable("writing the pages"):
        into.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".cityward-pages-", dir=into.parent))
        try:
            for name, page in pages.items():
                (made / name).write_bytes(page)
            made.chmod(0o755)
            made.rename(into)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    return [into / name for name in pages]
