"""Makes the screenshots of the docs from a running demonstration: python docs/screenshots.py URL [FOLDER]."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

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
WIDTHS = (1280, 390)


def pages(page: object, url: str) -> dict[str, str]:
    """Paths to show, by name; the need and the proposal are the first of the demonstration."""
    needs = page.request.get(f"{url}/api/needs").json()  # type: ignore[attr-defined]
    proposals = page.request.get(f"{url}/api/proposals?state=waiting").json()  # type: ignore[attr-defined]
    return {
        "now": "/",
        "need": f"/needs/{needs[0]['id']}",
        "silence": "/silence",
        "compare": "/compare?a=36&b=7",
        "ahead": "/ahead",
        "plan": "/plan",
        "proposals": "/proposals",
        "proposal": f"/proposals/{proposals[0]['id']}",
        "intake": "/intake",
        "ledger": "/ledger?verify=1",
        "explain": f"/explain/{needs[0]['id']}",
    }


def main(url: str, folder: Path) -> None:
    """Write NAME-THEME-WIDTH.png of every page."""
    folder.mkdir(parents=True, exist_ok=True)
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_ARGUMENTS)
        for theme in ("light", "dark"):
            for width in WIDTHS:
                context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)
                page = context.new_page()
                for name, path in pages(page, url).items():
                    page.goto(url + path)
                    if name == "plan":
                        page.wait_for_selector("#plan", timeout=120_000)  # it is made while a page waits
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(400)
                    page.screenshot(
                        path=folder / f"{name}-{theme}-{width}.png", full_page=width < 800 and name != "now"
                    )
                context.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images"))
