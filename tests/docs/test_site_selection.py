"""The page on sites is true: its commands run, and its data are those of the demonstration."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest
from shapely.geometry import shape
from tests.typed import typed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "site-selection.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_finding_is_what_the_command_prints() -> None:
    said = typed(*shlex.split(COMMANDS[0])[1:], cwd=ROOT).stdout
    printed = re.search(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert printed
    for line in printed[1].splitlines():
        assert line.strip() in said, line


@pytest.mark.parametrize(
    ("number", "figures"),
    [(1, {"value": 7.956, "optimal": True}), (2, {"value": 109_746, "people": 176_646, "optimal": True})],
)
def test_the_other_commands_give_the_figures_of_the_page(number: int, figures: dict[str, float]) -> None:
    told = json.loads(typed(*shlex.split(COMMANDS[number])[1:], "--json", cwd=ROOT).stdout)
    assert {name: round(told[name], 3) for name in figures} == figures


def test_the_example_is_drawn_from_the_demonstration(chicago: Path) -> None:
    areas = json.loads((chicago / "community_areas.geojson").read_text(encoding="utf-8"))["features"]
    centre = {int(one["properties"]["area"]): shape(one["geometry"]).centroid for one in areas}
    known = {row["name"]: row for row in pl.read_csv(chicago / "indicators_77.csv").iter_rows(named=True)}
    with (ROOT / "docs/examples/households_without_internet.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(known) == 77
    for row in rows:
        area = known[row["place"]]
        point = centre[area["comm_num"]]
        assert (row["group"], int(row["people"])) == (area["side"], area["hh_no_internet"])
        assert (float(row["lon"]), float(row["lat"])) == pytest.approx((point.x, point.y), abs=1e-5)
