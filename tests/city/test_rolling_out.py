"""What closing half of the gap costs is computed from the city's own measures and areas, once, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cityward.city import City, init, open_city
from cityward.core.errors import SettingsError, UserError

MEASURES = "id,kind,places,cost,effect\nM1,kiosk,a1,100,0.2\nM2,connection,a1,1000,0.6\nM3,connection,a2,900,0.5\n"


def polygon(at: int) -> dict[str, object]:
    ring = [[at, 0], [at + 1, 0], [at + 1, 1], [at, 1], [at, 0]]
    internet, income = (40, 20_000) if at == 0 else (90, 60_000)
    return {
        "type": "Feature",
        "properties": {
            "id": f"a{at + 1}", "name": f"Area {at + 1}", "population": 1000, "internet_percent": internet,
            "income": income,
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    areas = tmp_path / "areas.geojson"
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [polygon(0), polygon(1)]}), "utf-8")
    made = init(tmp_path / "city", name="Small", territories=areas, name_property="name")
    toml = made / "city.toml"
    named = "".join(f'{one} = "{one}"\n' for one in ("population", "internet_percent", "income"))
    toml.write_text(toml.read_text("utf-8").replace('name = "name"\n', f'name = "name"\n{named}'), "utf-8")
    with toml.open("a", encoding="utf-8") as file:
        file.write('\n[rollout]\nmeasures = "measures.csv"\ncurrency = "EUR"\nnote = "Made up."\n')
    (made / "measures.csv").write_text(MEASURES, "utf-8")
    return made


@pytest.fixture
def city(home: Path) -> City:
    return open_city(home)


def test_half_of_the_gap_costs_the_cheapest_measures_that_close_it(city: City) -> None:
    found = city.rolling_out.settle()
    assert found is not None
    # 60 % and 10 % have none: 50 points. The connection ends 60 % of the poorer area's need, the kiosk too little.
    assert found.closed.cost == 1_000
    assert found.closed.gap_after == pytest.approx(0.14)
    assert found.begin == (("connection", ("Area 1",), 1_000.0),)
    assert "It starts with connection in Area 1 (1,000 EUR)." in found.finding
    assert city.rolling_out.kept == found


def test_it_is_computed_again_only_when_something_changed(city: City, home: Path) -> None:
    first = city.rolling_out.settle()
    assert city.rolling_out.settle() == first
    (home / "measures.csv").write_text(MEASURES.replace("a1,1000", "a1,1500"), "utf-8")
    again = city.rolling_out.settle()
    assert again is not None
    assert again.closed.cost == 1_500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("id,kind\n", "0 measures"),
        (MEASURES.replace("0.6", "-1"), "effect"),
        ("id,kind,places,cost,effect\nM1,kiosk,a1,100,0.01\n", "cannot be closed"),
        ("\0\xff", "measures.csv"),
    ],
)
def test_a_mistake_is_told_and_a_turn_goes_on_without(city: City, home: Path, text: str | None, said: str) -> None:
    file = home / "measures.csv"
    if text is None:
        file.unlink()
    else:
        file.write_text(text, "latin-1")
    with pytest.raises(UserError, match=said):
        city.rolling_out.settle()
    assert city.rolling_out.kept is None


def test_a_city_that_names_no_measures_has_nothing_to_tell(home: Path) -> None:
    text = (home / "city.toml").read_text("utf-8").split("[rollout]")[0]
    (home / "city.toml").write_text(text, "utf-8")
    city = open_city(home)
    assert city.rolling_out.settle() is None
    with pytest.raises(SettingsError, match="names no measures"):
        city.rolling_out.tables()
