"""What docs/early-warning.md says of Chicago 2012 to 2014, computed again from the data that ship."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cityward.anticipate.growth import learn, past_surges
from cityward.anticipate.warning import reliability, standing
from cityward.core.words import percent

ROOT = Path(__file__).resolve().parents[2]
TOLD = (ROOT / "docs" / "early-warning.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("early_warning", ROOT / "docs" / "early_warning.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def chicago(script: ModuleType):
    return script.chicago()


@pytest.fixture(scope="module")
def weeks(script: ModuleType, chicago):
    return script.tried(chicago[1], chicago[2])


def row(level: str) -> list[float]:
    cells = re.search(rf"^\| {level} \|(.*)\|$", TOLD, re.MULTILINE)
    assert cells
    return [float(cell.strip().replace(",", "").rstrip("%")) for cell in cells[1].split("|")]


@pytest.mark.parametrize(("kind", "level"), [(0, "city"), (1, "side")])
def test_warnings_beat_climatology_as_the_page_says(weeks, kind: int, level: str) -> None:
    tried, kinds = weeks
    known = tried.known & (kinds == kind)[:, None]
    stands = standing(tried, kinds == kind)
    tested, forecasts, happened, brier, climatology, skill = row(level)
    assert (stands.weeks, known.sum()) == (tested, forecasts)
    assert tried.happened[known].mean() == pytest.approx(happened, abs=0.001)
    assert stands.brier == pytest.approx(brier, abs=0.0002)
    assert stands.climatology == pytest.approx(climatology, abs=0.0002)
    assert 100 * (1 - stands.brier / stands.climatology) == pytest.approx(skill, abs=0.6)
    assert stands.warns


@pytest.mark.parametrize(("kind", "level"), [(0, "city"), (1, "side")])
def test_warnings_would_have_come_as_often_as_the_page_says(
    script: ModuleType, chicago, weeks, kind: int, level: str
) -> None:
    opened, lasted, right, came, caught = script.alarms(weeks[0], chicago[1], weeks[1], kind)
    line = f"| {level} | {opened} | {lasted} | {percent(right / lasted)} | {came} | {percent(caught / came)} |"
    assert line in TOLD
    assert right / lasted > 0.5


def test_probabilities_for_the_city_hold(script: ModuleType, weeks) -> None:
    tried, kinds = weeks
    known = tried.known & (kinds == 0)[:, None]
    for given, happened, count in reliability(tried.chance[known], tried.happened[known], script.EDGES):
        assert abs(given - happened) <= 0.02 + 2.6 * np.sqrt(given * (1 - given) / count)


def test_growth_of_needs_is_not_clearer_than_its_rate(chicago) -> None:
    model = learn(past_surges(chicago[3]))
    assert not model.used
    assert f"Of {model.surges} past surges" in TOLD
    assert f"{percent(model.grew / model.surges)} grew" in TOLD
    assert f"a Brier score of {model.brier:.3f} where that rate alone has {model.climatology:.3f}" in TOLD


def test_the_picture_is_what_the_script_draws(script: ModuleType, weeks) -> None:
    tried, kinds = weeks
    steps = {}
    for kind, level in enumerate(script.LEVELS):
        known = tried.known & (kinds == kind)[:, None]
        steps[level] = reliability(tried.chance[known], tried.happened[known], script.EDGES)
    assert script.picture(steps) == (ROOT / "docs" / "early-warning.svg").read_text(encoding="utf-8")


def test_every_area_of_chicago_has_its_side(chicago) -> None:
    import polars as pl

    table = pl.read_csv(ROOT / "src/cityward/city/demo/chicago/indicators_77.csv")
    sizes = dict(table.group_by("side").len().iter_rows())
    assert sizes == {
        "Far North Side": 12, "North Side": 5, "Northwest Side": 6, "Central": 3, "West Side": 9, "South Side": 12,
        "Southwest Side": 12, "Far Southwest Side": 6, "Far Southeast Side": 12,
    }  # fmt: skip
    sides = dict(table.select("name", "side").iter_rows())
    assert (sides["Loop"], sides["Rogers Park"], sides["O'Hare"]) == ("Central", "Far North Side", "Far North Side")
    assert (sides["Hyde Park"], sides["Riverdale"], sides["Ashburn"]) == (
        "South Side",
        "Far Southeast Side",
        "Far Southwest Side",
    )
