"""From a proposal to an order that a resident confirms, in a real Chromium; every step is in the ledger."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> still full, call 312-555-0147"


@pytest.fixture(scope="module")
def folder(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demonstration whose orders leave as files."""
    copy = shutil.copytree(demo_folder, tmp_path_factory.mktemp("work") / "city")
    with (copy / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[[send]]\nname = "files"\nadapter = "csv"\n')
    return copy


@pytest.fixture(scope="module")
def url(folder: Path, served: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 860})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else troubles.append(r.url))
    yield page
    context.close()
    assert troubles == []


def asked(url: str, path: str) -> Any:
    return json.load(urllib.request.urlopen(url + path))


def becomes(url: str, identifier: str, state: str) -> None:
    for _ in range(600):
        if asked(url, f"/api/orders/{identifier}")["state"] == state:
            return
        time.sleep(0.1)
    pytest.fail(f"{identifier} did not become {state}")


def sends(page: Page, identifier: str) -> None:
    """In a city with crews an order waits for a plan; a person can send it without one."""
    page.goto(f"/work/{identifier}")
    if page.get_by_role("button", name="Send it out").count():
        page.fill("#by", "Ana Gómez")
        page.get_by_role("button", name="Send it out").click()
        page.wait_for_load_state()


def says_done(folder: Path, identifier: str, number: int) -> None:
    """The crew writes its file, under another name first, as programs should."""
    into = folder / "orders" / "in"
    part = into / f"{number}.csv.part"
    part.write_text(f"order,state,by,because,round\n{identifier},done,Crew 4,emptied,{number}\n", encoding="utf-8")
    part.rename(into / f"{number}.csv")


def answer(page: Page, link: str, button: str, words: str = "") -> None:
    page.goto(link)
    page.fill("#words", words)
    page.get_by_role("button", name=button).click()
    page.wait_for_load_state()


def test_a_resident_has_the_last_word(page: Page, url: str, folder: Path) -> None:
    page.goto("/work")
    assert page.inner_text("h1") == "No work order was given out yet"
    page.goto("/proposals")
    page.locator("main .ranked a").first.click()
    page.fill("#by", "Ana Gómez")
    page.fill("#because", "A crew is free on Tuesday")
    page.get_by_role("button", name="Approve 1").click()
    page.wait_for_url("**/explain/D-*")
    name = asked(url, "/api/orders")[0]["id"]
    sends(page, name)
    becomes(url, name, "sent")
    assert (folder / "orders" / "out" / f"{name}.1.dispatch.files.csv").exists()
    says_done(folder, name, 1)
    becomes(url, name, "done")
    page.goto("/work")
    assert "waits for a resident's answer" in page.inner_text("h1")
    page.goto(f"/work/{name}")
    link = page.locator("a.link").get_attribute("href")
    answer(page, link, "No, it is not fixed", HOSTILE)
    assert "has to look again" in page.inner_text("main")
    becomes(url, name, "sent")
    says_done(folder, name, 2)
    becomes(url, name, "done")
    answer(page, link, "Yes, it is fixed")
    assert "it is fixed. Thank you" in page.inner_text("main")
    order = asked(url, f"/api/orders/{name}")
    states = [event["state"] for event in order["events"]]
    assert states[-6:] == ["sent", "done", "reopened", "sent", "done", "confirmed"]
    assert set(states[:-6]) == {"planned"}
    size = 1 + order["events"][-1]["receipt"]
    entries = {entry["index"]: entry for entry in asked(url, f"/api/ledger/entries?limit={min(size, 200)}")}
    for event in order["events"]:
        proof = entries[event["receipt"]]
        assert (proof["subject"], proof["facts"]["state"]) == (name, event["state"])
    assert asked(url, "/api/verify")["ok"]
    page.goto(f"/work/{name}")
    assert page.locator("img").count() == 0
    life = page.inner_text(".life")
    assert "still full" in life
    assert "0147" not in life
    page.goto(f"/explain/{name}")
    assert "confirmed by a resident" in page.inner_text("main")


def test_a_mistake_loses_nothing(page: Page, url: str) -> None:
    order = next(one for one in asked(url, "/api/orders") if one["state"] in ("planned", "sent"))
    page.goto(f"/work/{order['id']}")
    page.fill("#by", "boss")
    page.fill("#because", HOSTILE)
    page.get_by_role("button", name="Cancel the order").click()
    assert "first and a last name" in page.inner_text("[role=alert]")
    assert page.input_value("#because") == HOSTILE
    page.fill("#by", "Ana Gómez")
    page.get_by_role("button", name="Cancel the order").click()
    page.wait_for_url(f"**/work/{order['id']}")
    assert asked(url, f"/api/orders/{order['id']}")["state"] == "cancelled"


@pytest.mark.parametrize("path", ["/work", "/r/" + "a" * 32])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_a_phone(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 860})
    page.goto(path)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_residents_page_is_light_works_without_scripts_and_speaks_their_language(
    browser: Browser, page: Page, url: str
) -> None:
    order = next(one for one in asked(url, "/api/orders") if one["state"] in ("planned", "sent"))
    page.goto(f"/work/{order['id']}")
    page.fill("#by", "Ben Okri")
    page.get_by_role("button", name="Done", exact=True).click()
    link = page.locator("a.link").get_attribute("href")
    context = browser.new_context(base_url=url, java_script_enabled=False, locale="es-CO")
    resident, sizes = context.new_page(), []
    resident.on("response", lambda found: sizes.append(len(found.body())))
    resident.goto(link)
    resident.wait_for_load_state("networkidle")
    assert sum(sizes) < 50_000
    assert resident.locator("script").count() == 0
    assert resident.inner_text("h1") == "¿Está arreglado?"
    shown = resident.inner_text("body")
    assert "Ben Okri" not in shown
    assert "Ana Gómez" not in shown
    resident.get_by_role("link", name="Português").click()
    resident.get_by_role("button", name="Sim").click()
    assert "está resolvido. Obrigado" in resident.inner_text("main")
    context.close()
