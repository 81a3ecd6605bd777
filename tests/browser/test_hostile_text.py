"""Text of residents that would like to be a program: every page of the console shows it as text."""

from __future__ import annotations

import csv
import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cityward.city import City, init, open_city
from cityward.core.receipts import receipt
from cityward.core.records import to_json

pytestmark = pytest.mark.browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
OWNED = "window.owned = 1"
TRICKS = {
    "script": f"<script>{OWNED}</script>",
    "image": f'"><img src=x onerror="{OWNED}">',
    "end of data": f'</script><script>{OWNED}</script>{{"a":"',
    "template": "{{7*7}}${7*7}<%= 7*7 %>",
    "link": f"javascript:{OWNED}//",
    "anchor": f'<a href="javascript:{OWNED}">press</a>',
    "vector": f"<svg/onload='{OWNED}'>",
    "override": "\u202egnp.exe\u202c\u2066",
    "long": "A" * 10_000,
    "attribute": f"x' onmouseover='{OWNED}' autofocus onfocus='{OWNED}' y='",
    "swap": f"<b hx-get='/' hx-trigger='load' hx-on::load='{OWNED}'>b</b>",
}
"""By what they try. All go in as status, free text, address and identifier; those that fit, as service too."""

LIVE = ", ".join(
    [
        "img, svg[onload], [onmouseover], [onfocus], [onerror], b[hx-get], a[href^='javascript:' i]",
        "main script:not([type='application/json'])",
    ]
)
"""What would be in a page if one of them were taken for markup."""

ID_CHARS = 190
CHICAGO_CARD = Path(__file__).parents[2] / "src/cityward/city/demo/chicago/systems/chicago-food-inspection.toml"
MAPPING = """
source = "s"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
status = "status"
service = "what"
text = "told"
address = "address"
lon = "lon"
lat = "lat"

[status]
open = ["o"]

[service]
default = "x"

[classes]
told = "free-text"
address = "public"
"""


def row(identifier: str, opened: str, trick: str, at: int, status: str = "o") -> str:
    """A report whose every text is the trick; ``at`` keeps reports apart from each other."""
    what = trick[:ID_CHARS]
    place = {"lon": -87.66 - at % 12 / 250, "lat": 41.80 + at // 12 % 12 / 250}
    return json.dumps(
        {"id": identifier, "opened": opened, "status": status, "what": what, "told": trick, "address": trick, **place}
    )


def fill(city: City, folder: Path) -> None:
    """A year of each trick as a service, then a wave of them, so that they reach needs, proposals and forecasts."""
    mapping = folder / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    file = folder / "<img src=x onerror=alert(1)>.ndjson"
    lines = []
    for number, trick in enumerate(TRICKS.values()):
        for month in range(12):
            day = f"{2013 + (month > 5)}-{(month + 6) % 12 + 1:02d}-03"
            lines.append(row(f"{number}-{month}-{trick[:100]}", day, trick, 12 * number + month))
        lines += [row(f"w-{number}-{at}", "2014-06-2" + str(at % 9), trick, at * 7 + number) for at in range(24)]
        lines.append(row(f"s-{number}", "2014-06-20", trick, number, status=trick))
        lines.append(row(f"d-{number}", trick, trick, number))  # its day is no day: quarantine tells why
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    city.sense(file, city.add_mapping(mapping))
    city.run()


def wait(home: Path) -> None:
    """Visits of which every text is a trick: names, categories, and the words of the declaration and of the card."""
    for name in ("cases", "systems"):
        (home / name).mkdir(exist_ok=True)
    day, late = date(2013, 1, 1), date(2014, 7, 15)
    with (home / "cases" / "x.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["day", "who", "name", "kind", "bad", "lon", "lat"])
        for number in range(660):
            trick = [*TRICKS.values()][number % len(TRICKS)]
            when = day + timedelta(days=number * 530 // 600) if number < 600 else late
            table.writerow([when, f"{number % 60}{trick}", trick, trick, int(number % 7 < 2), trick[:1] + "0", 41.8])
    words = json.dumps(TRICKS["image"])
    (home / "cases" / "x.toml").write_text(
        f'id = "hostile-case"\ntitle = {words}\nservice = {words}\nsystem = "hostile-system"\ntable = "x.csv"\n'
        f'time = "day"\nentity = "who"\nname = "name"\noutcome = "bad"\nfound = {words}\nfeatures = ["kind"]\n'
        f'lon = "lon"\nlat = "lat"\n[same]\n{words} = "who"\n[words]\nkind = {words}\n',
        encoding="utf-8",
    )
    card = [f"{key} = {words}" for key in ("name", "purpose", "risk_reason", "data_used", "oversight", "appeal")]
    shipped = (CHICAGO_CARD).read_text(encoding="utf-8")
    parties = shipped[shipped.index("[[parties]]") :]
    head = ['id = "hostile-system"', 'version = "1"', 'practice = "case-priority"', 'risk_class = "minimal"', *card]
    (home / "systems" / "hostile-system.toml").write_text("\n".join([*head, "", parties]), encoding="utf-8")


def offer(city: City) -> None:
    """Options of which every title and text is a trick, in every proposal that waits and has options."""
    found = []
    for one in city.proposals("waiting"):
        if one.options:
            texts = [trick[:2_000] for trick in TRICKS.values()]
            same = [
                msgspec.structs.replace(one.options[0], title=text, action=text, effect=text, known_from=text)
                for text in texts
            ]
            found.append(msgspec.structs.replace(one, options=tuple(same)))
    assert found
    # What the ledger does not prove cannot be decided: these are told to it like any other.
    with city.writing():
        entries = [receipt("proposal", one.id, city.clock.now(), to_json(one)) for one in found]
        indexes = city.writable_ledger().append(entries)
        city.registers.put_findings([], [], found)
        city.registers.put_receipts({one.id: at for one, at in zip(found, indexes, strict=True)})


@pytest.fixture(scope="module")
def site(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory, chicago: Path
) -> Iterator[tuple[str, list[str]]]:
    """Address of a server, and the paths of all its pages."""
    folder = tmp_path_factory.mktemp("hostile")
    areas = json.loads((chicago / "community_areas.geojson").read_text(encoding="utf-8"))
    for at, feature in enumerate(areas["features"]):
        feature["properties"]["name"] = [*TRICKS.values()][at % len(TRICKS)][:ID_CHARS]
    territories = folder / "areas.geojson"
    territories.write_text(json.dumps(areas), encoding="utf-8")
    home = init(folder / "city", name=TRICKS["image"], territories=territories, name_property="name")
    wait(home)
    with open_city(home) as city:
        fill(city, folder)
        cases = city.cases.rankings()[0].cases
        exported = city.cases.export_csv()
        needs, proposals = city.need_list(), city.proposals()
        services = sorted(city.forecast()["service"].unique())
        total = city.conservation()
        offer(city)
    assert total["admitted"] >= 36 * len(TRICKS)
    assert needs
    assert proposals
    assert len(cases) >= 30
    assert b"onerror" not in exported.split(b"\n", 1)[0]
    paths = [
        "/",
        "/silence",
        "/compare",
        "/ahead",
        "/proposals",
        "/intake",
        "/ledger",
        "/nowhere",
        "/explain/" + TRICKS["script"],
    ]
    paths += [f"/needs/{need.id}" for need in needs[:3]] + [f"/explain/{need.id}" for need in needs[:2]]
    paths += ["/cases", "/systems/hostile-system", *(f"/explain/{case.id}" for case in cases[:3])]
    paths += [f"/proposals/{proposal.id}" for proposal in proposals[:3]]
    paths += [f"/ahead?{urllib.parse.urlencode({'service': service})}" for service in services]
    paths += ["/work", "/outcomes"]
    with served(home) as address:
        yield address, paths


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium without a graphics processor: no map hides what the pages say."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, site: tuple[str, list[str]]) -> Iterator[Page]:
    """A phone that notes every dialog, error and request to elsewhere."""
    context = browser.new_context(base_url=site[0], viewport={"width": 390, "height": 860})
    page = context.new_page()
    page.troubles = []
    page.on("console", lambda said: page.troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("dialog", lambda dialog: (page.troubles.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith((site[0], "data:", "blob:")) else page.troubles.append(r.url))
    yield page
    context.close()


def test_every_page_shows_it_as_text(page: Page, site: tuple[str, list[str]]) -> None:
    shown = ""
    for path in site[1]:
        status = page.goto(path).status
        page.wait_for_load_state("networkidle")
        for summary in page.locator("summary").all():
            summary.click()
        where = f"{path}: "
        expected_trouble = [text for text in page.troubles if status == 404 and "404" in text]
        assert where + "; ".join(set(page.troubles) - set(expected_trouble)) == where
        page.troubles.clear()
        assert page.evaluate("window.owned") is None, path
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert (
            page.locator("main img, main svg[onload], main [onmouseover], main [onfocus], main b[hx-get]").count() == 0
        )
        assert page.locator("a[href^='javascript:' i]").count() == 0
        assert page.locator("main script:not([type='application/json'])").count() == 0
        shown += page.inner_text("body")
    for name in ("script", "image", "template", "anchor", "vector"):
        assert TRICKS[name][:40].lower() in shown.lower(), name
    assert "49${49}" not in shown


def test_a_hostile_decision_is_text_in_every_place(page: Page, site: tuple[str, list[str]]) -> None:
    path = next(path for path in site[1] if path.startswith("/proposals/"))
    page.goto(path)
    page.fill("#by", f"Ana {TRICKS['vector']}")
    page.fill("#because", TRICKS["end of data"] + TRICKS["long"][:1000])
    page.get_by_role("button", name="Approve").first.click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.owned") is None
    page.troubles.clear()  # a name that is none is answered with 422, which the browser notes
    if page.locator("#by").count():
        page.fill("#by", "Ana Gómez")
        page.get_by_role("button", name="Approve").first.click()
        page.wait_for_url("**/explain/D-*")
    for after in (path, "/proposals"):
        page.goto(after)
        page.wait_for_load_state("networkidle")
        assert TRICKS["script"] in page.inner_text("main")
        assert page.evaluate("window.owned") is None
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, after
    assert page.troubles == []
