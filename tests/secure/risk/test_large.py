"""The largest inventory that is taken, and one more."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityward.core.errors import UserError
from cityward.core.limits import RISK_ASSETS
from cityward.secure.risk import inventory
from cityward.secure.risk.analysis import simulate
from cityward.secure.risk.cast import prepare_city
from cityward.secure.risk.plan import service_plan
from cityward.secure.risk.records import Hit, Inventory, Scenario, ScenarioFile
from cityward.secure.risk.restore_order import restore_order

HEAD = "id,owner,needs,territory,people,repair_hours\n"


def rows(count: int) -> str:
    """Chains of a hundred; every tenth serves people at its end."""
    return HEAD + "".join(
        f"a{at},IT,{f'a{at - 1}' * (at % 100 > 0)},all,{'100' * (at % 1000 == 99)},{'4' * (at % 10 == 0)}\n"
        for at in range(count)
    )


def test_as_many_assets_as_the_limit_are_read_simulated_and_put_in_order(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(rows(RISK_ASSETS))
    held = inventory.read_inventory(tmp_path)
    assert len(held.assets) == RISK_ASSETS
    city = prepare_city(Inventory(held.assets, {}), ScenarioFile((Scenario("s", frequency=0.5, hits=(Hit(("a0",)),)),)))
    years = simulate(city, (), years=1_000, seed=1)
    assert years.asset_hours.mean(axis=0)[city.graph.place["a99"]] == pytest.approx(0.5 * 4, rel=0.2)
    order = restore_order(city.graph, 10)
    assert order.assets.size == RISK_ASSETS // 10
    plan = service_plan(city.graph, city.graph.place["a99"], order)
    assert len(plan.supports) == 99


def test_one_more_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(rows(RISK_ASSETS))
    (tmp_path / "more.csv").write_text("id,owner\nb0,IT\n")
    with pytest.raises(UserError, match=r"more than 100,000 assets.*fails and is mended together"):
        inventory.read_inventory(tmp_path)
    (tmp_path / "list.csv").write_text(rows(RISK_ASSETS + 1))
    with pytest.raises(UserError, match="more than 100,000 rows"):
        inventory.read_inventory(tmp_path)
