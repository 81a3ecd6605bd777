"""Makes the screenshots of the docs from a running city: python docs/screenshots.py URL [FOLDER] [NAME ...] [--every].

The docs show the light theme on a wide screen; with ``--every`` both themes are taken, on a phone as well, to look at.

Pages of work need something decided, so the script decides: it approves the plan of the next day, says that the work of
one order is done, and opens the link that a resident would get. Pages of outcomes and sensors, which a demonstration of
one day does not have, are taken by name.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DOCS = (("light", 1280),)
EVERY = tuple((theme, width) for theme in ("light", "dark") for width in (1280, 390))
WAIT_MS = 120_000
LATER = ("outcomes", "outcome", "sensors", "sensor")
"""Pages of a city that has lived for longer, or has sensors."""

SHOWN = ("now", "silence", "ahead", "cases", "systems", "plan", "order", "privacy", "your-data")
"""Pages that the docs show; the others are taken to be looked at."""


def _made(page: Any) -> None:
    """Wait until a plan is made; one that nobody began is begun."""
    begin = page.get_by_role("button", name="Make this plan")
    if begin.count():
        begin.click()
    page.wait_for_selector("#plan", timeout=WAIT_MS)


def order_of(page: Any, url: str) -> dict[str, str]:
    """An order of the plan of the next day, done by the word of its crew; approved and reported here when it is not."""
    if not page.request.get(f"{url}/api/orders").json():
        page.goto(f"{url}/plan")
        _made(page)
        page.fill("#decide-by", "Ana Gómez")
        page.fill("#decide-because", "No group waits longer than the floor allows.")
        page.get_by_role("button", name="Approve").click()
        page.wait_for_url("**/explain/D-*", timeout=WAIT_MS)
    orders = page.request.get(f"{url}/api/orders").json()
    found: dict[str, str] = next((one for one in orders if one["state"] == "done"), orders[-1])
    if found["state"] == "planned":
        page.goto(f"{url}/work/{found['id']}")
        page.fill("#by", "Ben Okri")
        page.fill("#because", "The crew says that it took the carts away.")
        page.get_by_role("button", name="Done", exact=True).click()
        page.wait_for_load_state()
    return found


def link_of(page: Any, url: str) -> str:
    """The path that a resident is given."""
    page.goto(f"{url}/work/{order_of(page, url)['id']}")
    return "/r/" + str(page.locator("a.link").get_attribute("href")).rsplit("/", 1)[1]


def first(page: Any, url: str, path: str, link: str) -> str:
    """Where the first link of a page leads."""
    page.goto(url + path)
    return str(page.locator(link).first.get_attribute("href"))


def known(page: Any, url: str, what: str) -> str:
    """The identifier of the first need or proposal."""
    return str(page.request.get(f"{url}/api/{what}").json()[0]["id"])


PAGES: dict[str, Callable[[Any, str], str]] = {
    "now": lambda _page, _url: "/",
    "need": lambda page, url: f"/needs/{known(page, url, 'needs')}",
    "silence": lambda _page, _url: "/silence",
    "compare": lambda _page, _url: "/compare?a=36&b=7",
    "divide": lambda _page, _url: "/divide",
    "ahead": lambda _page, _url: "/ahead",
    "cases": lambda _page, _url: "/cases",
    "card": lambda page, url: first(page, url, "/cases", "a.button"),
    "systems": lambda _page, _url: "/systems",
    "privacy": lambda _page, _url: "/privacy",
    "your-data": lambda _page, _url: "/your-data",
    "plan": lambda _page, _url: "/plan",
    "proposals": lambda _page, _url: "/proposals",
    "proposal": lambda page, url: f"/proposals/{known(page, url, 'proposals?state=waiting')}",
    "intake": lambda _page, _url: "/intake",
    "ledger": lambda _page, _url: "/ledger",
    "explain": lambda page, url: f"/explain/{known(page, url, 'needs')}",
    "work": lambda _page, _url: "/work",
    "order": lambda page, url: f"/work/{order_of(page, url)['id']}",
    "resident": link_of,
    "steps": lambda page, url: f"/ledger?about={order_of(page, url)['id']}",
    "outcomes": lambda _page, _url: "/outcomes",
    "outcome": lambda page, url: first(page, url, "/outcomes", "main tbody th a"),
    "sensors": lambda _page, _url: "/sensors",
    "sensor": lambda page, url: first(page, url, "/sensors", "tbody th a"),
}
"""How to find the path of a page, by the name of its picture, in the order in which they are taken."""


def main(url: str, folder: Path, names: list[str], looks: tuple[tuple[str, int], ...]) -> None:
    """Write NAME-THEME-WIDTH.png of the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_ARGUMENTS)
        for name in names or (SHOWN if looks is DOCS else [one for one in PAGES if one not in LATER]):
            finder = browser.new_context()
            path = PAGES[name](finder.new_page(), url)
            finder.close()
            if name == "work":
                order = browser.new_context()
                order_of(order.new_page(), url)
                order.close()
            for theme, width in looks:
                context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)
                page = context.new_page()
                page.goto(url + path)
                if name == "plan":
                    _made(page)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(400)
                whole = width < 800 and name not in ("now", "plan", "cases")
                page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=whole)
                context.close()
        browser.close()


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--every"]
    looks = EVERY if "--every" in sys.argv else DOCS
    main(given[0].rstrip("/"), Path(given[1] if len(given) > 1 else "docs/images"), given[2:], looks)
