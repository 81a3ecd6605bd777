"""Every page answers sensibly in a city that has next to nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console

MAPPING = """
source = "s"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
service = "what"
lon = "lon"
lat = "lat"

[service]
default = "x"
"""
CREWS = "id,name,skills,lon,lat,begins,hours\nc-1,Ana's crew,general,0.5,0.5,08:00,8\n"
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]


def _empty(folder: Path) -> Path:
    areas = folder / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    return init(folder / "city", name="Small", territories=areas, name_property="name")


def _reported(folder: Path) -> Path:
    """One area, 30 reports on 30 days, and a turn."""
    home = _empty(folder)
    mapping, file = folder / "map.toml", folder / "reports.ndjson"
    mapping.write_text(MAPPING, encoding="utf-8")
    rows = [
        {"id": str(at), "opened": f"{date(2014, 6, 1) + timedelta(days=at)}", "what": "x", "lon": 0.5, "lat": 0.4}
        for at in range(30)
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    with open_city(home) as city:
        city.sense(file, city.add_mapping(mapping))
        city.run()
    return home


def _with_crews(folder: Path) -> Path:
    """The same with a crew that nobody has planned yet."""
    home = _reported(folder)
    (home / "crews.csv").write_text(CREWS, encoding="utf-8")
    with (home / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[work]\ncrews = "crews.csv"\n')
    return home


CITIES: dict[str, Callable[[Path], Path]] = {"empty": _empty, "one area": _reported, "one crew": _with_crews}
PATHS = [
    "/",
    "/silence",
    "/compare",
    "/divide",
    "/divide?by=nothing",
    "/ahead",
    "/cases",
    "/proposals",
    "/plan",
    "/work",
    "/outcomes",
    "/sensors",
    "/intake",
    "/grants",
    "/privacy",
    "/privacy/records/processing",
    "/your-data",
    "/your-data?lang=es",
    "/your-data/request",
    "/report",
    "/report?lang=pt",
    "/reports/enter",
    "/follow?lang=es",
    "/vote?lang=pt",
    "/your-data?lang=pt",
    "/systems",
    "/rules",
    "/rules/scholarship-award",
    "/rules/scholarship-award/draft",
    "/systems/cityward-planner",
    "/ledger",
    "/ledger?verify=1",
    "/ledger?about=W-0123456789",
    "/ledger?before=9999999999999999999",
    "/systems/cityward-planner/algoritmeregister.json",
    "/console/areas.json",
    "/console/divide.json",
    "/export/needs.csv",
]
ABSENT = [
    "/needs/N-0123456789",
    "/proposals/P-0123456789",
    "/plan?id=L-0123456789",
    "/work/W-0123456789",
    "/r/" + "a" * 32,
    "/vote/none",
    "/vote/none/ballots.pb",
    "/systems/none",
    "/systems/none/json.json",
    "/systems/cityward-planner/none.json",
    "/cases/none.csv",
    "/console/plan/L-0123456789.json",
    "/privacy/records/none",
    "/open/catalogue.jsonld",
    "/open/reports-x-0123456789/data.csv",
    "/open/..%2f..%2fcity.toml/data.csv",
    *(f"/explain/{letter}-0123456789" for letter in "NFPDRBUSAECJLWOKY"),
]


@pytest.fixture(scope="module", params=CITIES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with open_city(CITIES[request.param](tmp_path_factory.mktemp("small"))) as city:
        yield city


@pytest.fixture(scope="module")
def client(city: City) -> TestClient:
    app = create_app(city)
    mount_console(app, city)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("path", PATHS)
def test_it_answers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    if "html" in answer.headers["content-type"]:
        assert answer.text.count("<h1") == 1
        assert "defect" not in answer.text
        assert "None" not in answer.text


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_there_is_said_with_the_way_on(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422), answer.text
    assert answer.text.count("<h1") == 1


def test_no_page_leads_nowhere(client: TestClient) -> None:
    """Each link of each page is followed once."""
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if "html" in answer.headers["content-type"]:
            links = (
                link.replace("&amp;", "&").split("#")[0] for link in re.findall(r'<a [^>]*href="(/[^"]*)"', answer.text)
            )
            links = (link for link in links if not link.startswith(("/theme/", "/language/")))
            waiting += sorted({link for link in links if link and link not in seen})
            waiting = list(dict.fromkeys(waiting))


def test_headings_go_down_one_level_at_a_time(client: TestClient) -> None:
    for path in PATHS[: PATHS.index("/ledger") + 1]:
        levels = [int(level) for level in re.findall(r"<h([1-6])", client.get(path).text)]
        assert levels[:1] == [1], path
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)


def _colours(css: str, block: str) -> dict[str, str]:
    start = css.index(block)
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6})", css[start : css.index("}", start)]))


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("block", [":root {", ':root[data-theme="dark"] {'])
def test_text_stands_out_in_both_themes(block: str) -> None:
    """WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text, 1.4.11: 3 to 1 for what a shape means."""
    static = Path(__file__).resolve().parents[2] / "src" / "cityward" / "console" / "static"
    page, plan = (_colours((static / name).read_text("utf-8"), block) for name in ("console.css", "plan.css"))
    for ground in ("ground", "wash"):
        for ink in ("ink", "soft", "accent", "alarm"):
            assert _contrast(page[ink], page[ground]) >= 4.5, (ink, ground)
    for crew in ("c1", "c2", "c3", "c4", "c5"):
        assert _contrast(plan["on-crew"], plan[crew]) >= 4.5, crew
        assert _contrast(plan[crew], page["map"]) >= 3, crew


def test_names_of_crews_and_words_of_residents_are_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    home = _with_crews(tmp_path)
    crews = home / "crews.csv"
    crews.write_text(crews.read_text("utf-8").replace("Ana's crew", hostile), encoding="utf-8")
    with open_city(home) as city:
        app = create_app(city)
        mount_console(app, city)
        client = TestClient(app, raise_server_exceptions=False)
        plan = city.planning.make(city.planning.first_day(), floor=3.0)
        decision = city.planning.approve("Ana Gómez", f"It is fair. {hostile}", plan.id)
        order = city.orders.list()[0]
        city.orders.report(order.id, "done", "Ben Okri", hostile)
        link = city.orders.ask(order.id)
        city.orders.answer(link.removeprefix("/r/"), False, hostile)
        paths = ["/", "/plan", "/work", f"/work/{order.id}", link, f"/ledger?about={order.id}"]
        paths += [f"/proposals/{decision.proposal}"]
        paths += [f"/explain/{one}" for one in (order.id, order.job.id, order.job.about, plan.id, decision.id)]
        pages = {path: client.get(path) for path in [*paths, f"/ledger?about={hostile}"]}
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == {}
    assert [path for path, page in pages.items() if "<img" in page.text] == []
    assert sum("&lt;img" in page.text for page in pages.values()) >= 4
