"""A round of a city with the voice of its areas: after the close, on the page in three languages, and proposals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.city.test_rounds import BY, ROUND

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock
from cityward.core.errors import UserError

AREAS = {"West": (3000, 40), "Centre": (1000, 70), "East": (1000, 95)}


class World:
    """A city of three areas with people and internet, and a round that asks where voters live."""

    def __init__(self, folder: Path) -> None:
        features = [
            {"type": "Feature", "properties": {"name": name},
             "geometry": {"type": "Polygon",
                          "coordinates": [[[at, 0], [at + 1, 0], [at + 1, 1], [at, 1], [at, 0]]]}}
            for at, name in enumerate(AREAS)
        ]  # fmt: skip
        areas = folder / "areas.geojson"
        areas.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
        home = init(folder / "city", name="Small", territories=areas, name_property="name")
        (home / "rounds").mkdir()
        (home / "rounds" / "parks.toml").write_text(ROUND, "utf-8")
        rows = "".join(f"{name},{people},{share}\n" for name, (people, share) in AREAS.items())
        (home / "areas.csv").write_text("name,population,internet\n" + rows, "utf-8")
        settings = home / "city.toml"
        more = 'attributes = "areas.csv"\nattributes_id = "name"\n'
        more += 'population = "population"\ninternet_percent = "internet"\n'
        text = settings.read_text("utf-8")
        settings.write_text(text.replace("[[territories]]\n", "[[territories]]\n" + more), "utf-8")
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.city: City = open_city(home, Clock(lambda: self.now))
        self.handed: list[str] = []

    def vote(self, code: str, area: str, *chosen: str) -> None:
        token = self.city.portal.new_token()
        self.now += timedelta(seconds=5)
        self.city.rounds.vote("parks", {"choice": list(chosen), "area": [area]}, code, token)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.city.rounds.open("parks", BY)
    made.city.rounds.codes("parks", 120, BY, made.handed.extend)
    yield made
    made.city.close()


def test_the_result_with_whose_voice_it_is_in_three_languages(world: World) -> None:
    names = {name: identifier for identifier, name in world.city.area_names.items()}
    codes = iter(world.handed)
    for area, many, chosen in (("East", 40, ["p1"]), ("West", 32, ["p3"]), ("Centre", 3, ["p2"])):
        for _ in range(many):
            world.vote(next(codes), names[area], *chosen)
    app = create_app(world.city)
    mount_console(app, world.city)
    client = TestClient(app, raise_server_exceptions=False)
    with pytest.raises(UserError, match="is not closed"):
        world.city.rounds.voices.of_round("parks")
    assert "Who was heard" not in client.get("/vote/parks").text
    world.now = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)
    world.city.rounds.close("parks", BY)
    counted = world.city.rounds.voices.of_round("parks")
    assert counted.voice, counted.untold
    assert [one.id for one in counted.report.winners] == ["p1", "p2"]
    # The three of the Centre are no area in the list of ballots, with the smaller area beside them.
    centre = next(one for one in counted.voice.areas if one.name == "Centre")
    assert centre.ballots in (None, 0)
    for language, words in (("en", "Who was heard"), ("es", "A quién se oyó"), ("pt", "Quem foi ouvido")):
        page = client.get(f"/vote/parks?lang={language}")
        assert page.status_code == 200
        assert words in page.text
        assert "{" not in page.text.split("<main")[1].split("</main")[0]
        assert len(page.content) < 50_000
