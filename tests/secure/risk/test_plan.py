"""Plans of services, their drawing, and the order of restore of a part."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from tests.secure.risk.risk_fixtures import asset

from cityward.city.contingency import write_plans
from cityward.core.errors import SettingsError, UserError
from cityward.secure.risk.chance_kernel import uncounted
from cityward.secure.risk.drawing import draw_service
from cityward.secure.risk.graph import Graph, make_graph
from cityward.secure.risk.inventory_check import check, require_sound
from cityward.secure.risk.plan import fails_after, hours_told, service_plan, tree
from cityward.secure.risk.quantities import Estimate
from cityward.secure.risk.records import Asset, Inventory, Need
from cityward.secure.risk.restore_order import lost_by, restore_order

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "city-systems"


def graph(*assets: Asset) -> Graph:
    inventory = Inventory(assets, {})
    require_sound(inventory)
    return make_graph(inventory)


def town() -> Graph:
    return graph(
        asset("power", hours=5),
        asset("a", Need(("power",), buffer_hours=3.0), hours=2),
        asset("b", hours=1),
        asset("desk", Need(("a", "b"), at_least=1), Need(("power",), buffer_hours=10.0), people=100, fallback=0.25),
        asset("<b>&x", Need(("desk",)), people=10),
    )


def test_a_service_goes_down_when_buffers_end_and_nothing_takes_the_place() -> None:
    made = town()
    among = range(len(made.assets))
    assert fails_after(made, {made.place["power"]: 0.0}, among)[made.place["desk"]] == 10
    assert fails_after(made, {made.place["power"]: 0.0, made.place["b"]: 1.0}, among)[made.place["desk"]] == 3
    assert made.place["desk"] not in fails_after(made, {made.place["a"]: 0.0}, among)


def test_the_plan_says_who_is_served_by_hand_what_stops_it_and_what_is_not_said() -> None:
    made = town()
    plan = service_plan(made, made.place["desk"], restore_order(made))
    assert (plan.people, plan.go_on) == (100, 25)
    assert {one.asset.id: one.stops_after for one in plan.supports} == {"power": 10, "a": math.inf, "b": math.inf}
    assert [one.hours for one in plan.buffers] == [3, 10]
    assert plan.missing == ("how people work on by hand", "what must go on whatever happens", "whom to call")


def test_a_buffer_that_is_uncertain_is_told_with_its_short_end() -> None:
    tank = Estimate(values=(0.0, 72.0), weights=(0.1, 0.9))
    made = graph(asset("fuel"), asset("bus", Need(("fuel",), buffer_hours=tank), people=1))
    (support,) = service_plan(made, 1, restore_order(made)).supports
    assert (support.stops_after, support.at_worst) == (72, 0)


def test_the_tree_tells_each_branch_once_however_long_the_chain() -> None:
    assert tree(town(), 4)[0] in ("<b>&x", "desk")
    lines = tree(town(), town().place["desk"])
    assert lines[1].startswith("├─ a, one of 2 of which 1 must work")
    assert sum("power" in line for line in lines) == 2
    long = [asset("x0"), *(asset(f"x{at}", Need((f"x{at - 1}",))) for at in range(1, 3_000))]
    assert len(tree(graph(*long), 2_999)) == 201


def test_the_drawing_escapes_names_keeps_boxes_apart_and_leaves_out_what_says_nothing_new() -> None:
    made = town()
    svg = draw_service(made, made.place["<b>&x"]).svg
    assert "<b>" not in svg
    assert "&lt;b&gt;&amp;x" in svg
    boxes = {(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', svg)}
    assert len(boxes) == 5
    for x, y in boxes:
        assert all(x != other or abs(y - lower) >= 40 for other, lower in boxes if (x, y) != (other, lower))
    assert svg.count("stroke-dasharray") == 2
    chain = graph(asset("c"), asset("b", Need(("c",))), asset("a", Need(("b",)), Need(("c",)), people=1))
    assert draw_service(chain, 2).svg.count("<path") == 2
    wide = graph(
        *(asset(f"n{at}") for at in range(100)), asset("s", *(Need((f"n{at}",)) for at in range(100)), people=1)
    )
    assert draw_service(wide, wide.place["s"]).left_out == 31


def test_an_order_of_restore_of_a_part_and_what_another_order_costs() -> None:
    made = graph(asset("slow", hours=10, people=1), asset("quick", hours=1, people=100))
    slow, quick = made.place["slow"], made.place["quick"]
    best = restore_order(made, 1)
    assert best.assets.tolist() == [quick, slow]
    assert lost_by(made, [slow, quick]) == pytest.approx(10 + 11 * 100)
    assert lost_by(made, []) >= best.lost
    only = restore_order(made, 1, [slow])
    assert only.assets.tolist() == [slow]
    assert only.lost == 10


@pytest.mark.parametrize(
    "more",
    [{"manual": "x" * 601}, {"minimum": "\x1b[31m"}, {"contact": "x" * 201}, {"drilled_by": ("Ransom ware",)}],
)
def test_what_cannot_be_printed_is_a_problem(more: dict[str, object]) -> None:
    (problem,) = check(Inventory((asset("a", **more),), {})).problems  # type: ignore[arg-type]
    assert next(iter(more)) in problem


def test_hours_are_told_as_people_say_them() -> None:
    told = [hours_told(one) for one in (0, 0.01, 0.5, 1, 1.25, 48, 72, 240, math.inf)]
    assert told == [
        "at once",
        "1 minute",
        "30 minutes",
        "1 hour",
        "1.2 hours",
        "48 hours",
        "3 days",
        "10 days",
        "never",
    ]


def test_pages_are_written_all_or_none_without_scripts_or_anything_from_elsewhere(tmp_path: Path) -> None:
    pages = write_plans(EXAMPLE, tmp_path / "plans")
    assert len(pages) == 35
    court = (tmp_path / "plans" / "court.html").read_text("utf-8")
    assert "clerk&#39;s cabinet" in court
    assert "Municipal court, clerk&#39;s office, 555-0180" in court
    assert "2,340 go without" in court
    for page in pages:
        assert not re.search(r"<script|https?://(?!www.w3.org/2000/svg)|<link|onload", page.read_text("utf-8"))
    with pytest.raises(UserError, match="not an empty folder"):
        write_plans(EXAMPLE, tmp_path / "plans")
    with pytest.raises(UserError, match="no service 'mail'"):
        write_plans(EXAMPLE, tmp_path / "other", "mail")
    assert [one.name for one in write_plans(EXAMPLE, tmp_path / "one", "buses")] == ["index.html", "buses.html"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one", "plans"]


def test_hostile_names_stay_text_and_files_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.toml").write_text(
        '[[assets]]\nid = "../../x"\nname = "<script>alert(1)</script>"\nserves = { all = 1 }\n'
        '[[assets]]\nid = "x"\nserves = { all = 1 }\n[[assets]]\nid = "index"\nserves = { all = 1 }\n'
    )
    pages = write_plans(tmp_path / "in", tmp_path / "out")
    assert sorted(page.name for page in pages) == ["index-2.html", "index.html", "x-2.html", "x.html"]
    assert all("<script" not in page.read_text("utf-8") for page in pages)
    (tmp_path / "in" / "a.toml").write_text('[[assets]]\nid = "a"\nneeds = [{ of = ["a"] }]\nserves = { all = 1 }\n')
    with pytest.raises(SettingsError):
        write_plans(tmp_path / "in", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_compiler_without_the_private_option_is_not_asked_for_it() -> None:
    class Older:
        nogil = True

    class Newer(Older):
        _nrt = True

    assert uncounted(Older) == {}
    assert uncounted(Newer) == {"_nrt": False}
