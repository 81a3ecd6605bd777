"""The pages of sensors in a real browser: the finding, the map with its points, a stream and its chart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from tests.know.sensors import START, frame, streams

from cityward.city import init, open_city
from cityward.core.clock import Clock

HOSTILE = "<img src=x onerror=alert(1)>"
MAPPING = """
source = "air"
kind = "observation"
[columns]
sensor = "sensor"
observed_at = "observed_at"
property = "property"
value = "value"
unit = "unit"
lon = "lon"
lat = "lat"
"""


@pytest.fixture(scope="module")
def address(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sensors")
    ring = [[9.1, 48.7], [9.3, 48.7], [9.3, 48.9], [9.1, 48.9], [9.1, 48.7]]
    area = {"type": "Feature", "properties": {"id": "mitte"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    (folder / "map.toml").write_text(MAPPING, encoding="utf-8")
    values = streams(30)
    values[0, 700:] = np.nan
    values[2:, 690:] += 30.0
    rows = frame(values)
    rows = rows.with_columns(sensor=rows["sensor"].replace("s1", HOSTILE))
    rows.write_parquet(folder / "day.parquet")
    init(folder / "city", name="Sensors", territories=folder / "areas.geojson")
    with open_city(folder / "city", Clock.fixed(START + timedelta(days=30))) as city:
        city.sense(folder / "day.parquet", city.add_mapping(folder / "map.toml"))
        city.observing.watch()
    with served(folder / "city") as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 390, "height": 860})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert troubles == []


def test_the_page_says_the_finding_and_shows_no_stale_value_as_current(page: Page) -> None:
    page.goto("/sensors")
    assert "than the WHO advises" in page.inner_text("h1")
    page.wait_for_selector("#map[data-ready]")
    silent = page.locator("tr", has=page.locator("a", has_text="s0")).first.inner_text()
    assert "none" in silent
    assert "silent" in silent
    assert HOSTILE in page.inner_text("table")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_stream_has_its_chart_table_and_alerts(page: Page) -> None:
    page.goto("/sensors")
    page.get_by_role("link", name="s0", exact=True).first.click()
    assert "has no current value of PM2.5: it is silent" in page.inner_text("h1")
    page.wait_for_selector(".chart[data-ready]")
    page.get_by_text("The hours as a table").click()
    assert page.locator("figure table tbody tr").count() == 14 * 24
    page.get_by_role("link", name="Sensor s0 is silent").click()
    assert "patience" in page.inner_text("main")


def test_a_stream_that_does_not_exist_is_not_found(page: Page) -> None:
    answer = page.goto("/sensors/stream?source=air&sensor=nobody&property=pm2_5")
    assert answer
    assert answer.status == 404
    assert "There is no such sensor" in page.inner_text("main")


def test_the_first_page_has_a_line_about_open_alerts(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sensors").first.click()
    assert page.url.endswith("/sensors")
