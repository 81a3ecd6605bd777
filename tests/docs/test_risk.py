"""The pages on risk and exercises are true: their commands run, and the figures that they name are the example's."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.typed import typed

from cityward.city import init
from cityward.secure.exercise.script import shipped
from cityward.secure.risk.analysis import simulate
from cityward.secure.risk.cast import City, prepare_city
from cityward.secure.risk.inventory import read_inventory, read_scenarios
from cityward.secure.risk.standing import stand

ROOT = Path(__file__).resolve().parents[2]
RISK, EXERCISES = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("risk.md", "exercises.md"))
EXAMPLE = ROOT / "docs" / "examples" / "city-systems"
KNOWN = "cveID,vendorProject,product,knownRansomwareCampaignUse\nCVE-2024-0001,Fortinet,FortiOS,Known\n"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example and a city lie where the pages have them."""
    folder = tmp_path_factory.mktemp("risk")
    shutil.copytree(EXAMPLE, folder / "docs" / "examples" / "city-systems")
    areas = folder / "areas.geojson"
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": square}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}))
    init(folder / "city", name="Small", territories=areas, name_property="name")
    shutil.copytree(EXAMPLE, folder / "city" / "inventory")
    (folder / "known_exploited_vulnerabilities.csv").write_text(KNOWN)
    return folder


def lines(page: str) -> list[str]:
    return [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]


def test_every_command_on_risk_runs(work: Path) -> None:
    assert len(lines(RISK)) >= 8
    for line in lines(RISK):
        words = shlex.split(line)[1:]
        fewer = [] if {"--check", "--order"} & set(words) or words[0] != "risk" else ["--years", "2000"]
        assert typed(*words, *fewer, cwd=work).stdout.strip(), line


def test_every_command_on_exercises_runs_in_its_order(work: Path) -> None:
    assert len(lines(EXERCISES)) >= 8
    for line in lines(EXERCISES):
        assert typed(*shlex.split(line)[1:], "--city", work / "city", cwd=work).stdout.strip(), line
    for script in shipped().values():
        assert f"`{script.id}`" in EXERCISES
    assert (work / "report.html").is_file()


@pytest.fixture(scope="module")
def example() -> City:
    return prepare_city(read_inventory(EXAMPLE), read_scenarios(EXAMPLE))


def test_the_figures_of_the_example_are_those_of_the_page(example: City) -> None:
    told = stand(read_inventory(EXAMPLE), read_scenarios(EXAMPLE), (), years=20_000, seed=1)
    assert told.assets == 120
    assert "120 systems" in RISK
    assert sum(example.territories.values()) == 480_000
    best = next(one for one in reversed(told.choices) if one.spent <= 500_000)
    bought = set(best.controls)
    before, after = (float(one) for one in re.findall(r"([\d.]+) million \$ a year become ([\d.]+) million", RISK)[0])
    assert told.without / 1e6 == pytest.approx(before, rel=0.02)
    assert best.total / 1e6 == pytest.approx(after, rel=0.03)
    assert {"mfa", "lockout", "close-rdp"} <= bought
    assert "endpoint" not in bought


def test_one_success_of_each_known_attack_is_as_large_as_the_page_says(example: City) -> None:
    hours = {"rdp-ransomware": {"court": 170, "water-billing": 222}, "pipeline-password": {}}
    hours["pipeline-password"] = {"pipeline-billing": 141, "pipeline": 159, "fuel-depot": 62, "buses": 27}
    for name, known in hours.items():
        scenarios = [one for one in example.scenarios if one.id == name]
        alone = prepare_city(read_inventory(EXAMPLE), type(example.file)(scenarios=tuple(scenarios)))
        years = simulate(alone, (), years=40_000, seed=1)
        events = years.by_scenario[:, 0, 0].mean()
        down = years.asset_hours.mean(axis=0) / events
        for asset, told in known.items():
            assert f"{told}" in RISK
            assert down[alone.graph.place[asset]] == pytest.approx(told, rel=0.06), asset
        if name == "rdp-ransomware":
            assert "4.9 million" in RISK
            assert years.money.mean() / events / 1e6 == pytest.approx(4.9, rel=0.05)
            assert np.isclose(down[alone.graph.place["line-911"]], 0)
