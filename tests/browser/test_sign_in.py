"""Signing in, in a real Chromium: an invitation, a passkey of a virtual authenticator, a password without scripts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from tests.browser.test_privacy import CONTRASTS, UNNAMED

from cityward.city import init, open_city
from cityward.secure.access.codes import code_at, step_of
from cityward.secure.access.people import OFFICER

pytestmark = pytest.mark.browser
ON_THE_GROUND = CONTRASTS.replace("'main *'", "'main *:not(button):not(.button)'")
PASSWORD = "lantern hollow brisk umber"  # noqa: S105
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
ANA, BEN = "Ana Gómez", "Ben Okri"


class Guarded(NamedTuple):
    url: str
    codes: dict[str, str]


@pytest.fixture(scope="module")
def guarded(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """A console at the name localhost, where passkeys can be used, and codes of two invitations."""
    folder = tmp_path_factory.mktemp("guarded")
    areas = folder / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(folder / "city", name="Rivertown", territories=areas, name_property="name")
    with (home / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write("\n[access]\nopen_on_loopback = false\n")
    with open_city(home) as city:
        invited = [(ANA, [OFFICER]), (BEN, ["analyst"])]
        codes = {name: city.access.people.invite(name, roles, "machine")[1] for name, roles in invited}
    with served(home) as url:
        yield Guarded(url.replace("127.0.0.1", "localhost"), codes)


@pytest.fixture
def context(browser: Browser, guarded: Guarded) -> Iterator[Callable[..., BrowserContext]]:
    troubles: list[str] = []
    made: list[BrowserContext] = []

    def new(**options: object) -> BrowserContext:
        found = browser.new_context(**{"base_url": guarded.url, "viewport": {"width": 1280, "height": 860}, **options})
        found.on("weberror", lambda one: troubles.append(str(one.error)))
        found.on(
            "request",
            lambda asked: None if asked.url.startswith((guarded.url, "data:")) else troubles.append(asked.url),
        )
        made.append(found)
        return found

    yield new
    for one in made:
        one.close()
    assert troubles == []


def check(page: Page, width: int) -> None:
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(ON_THE_GROUND) >= 4.5


def with_authenticator(context: BrowserContext) -> Page:
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def test_an_invitation_is_taken_with_a_passkey_which_then_signs_in(
    context: Callable[..., BrowserContext], guarded: Guarded
) -> None:
    desk = context(viewport={"width": 390, "height": 860}, color_scheme="dark")
    page = with_authenticator(desk)
    page.goto("/account")
    page.wait_for_url("**/sign-in?next=/account")
    check(page, 390)
    page.goto(f"/sign-in/invited#{guarded.codes[ANA]}")
    assert page.get_by_label("Code").input_value() == guarded.codes[ANA]
    assert guarded.codes[ANA] not in page.url
    check(page, 390)
    page.get_by_role("button", name="Go on").click()
    check(page, 390)
    page.get_by_label("What you call this device").fill("My phone")
    page.get_by_role("button", name="Make a passkey").click()
    page.wait_for_url(f"{guarded.url}/account")
    check(page, 390)
    assert page.inner_text("h1") == ANA
    assert "passkey" in page.inner_text(".standfirst")
    assert "My phone" in page.inner_text("main")
    cookie = next(one for one in desk.cookies() if one["name"] == "cityward")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")

    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    page.goto("/sign-in?next=/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{guarded.url}/account")
    second = next(one for one in desk.cookies() if one["name"] == "cityward")
    assert second["value"] != cookie["value"]
    page.get_by_role("button", name="Remove").click()
    assert "Nothing would be left" in page.get_by_role("alert").inner_text()


def test_a_password_and_a_code_sign_in_without_scripts(
    context: Callable[..., BrowserContext], guarded: Guarded
) -> None:
    page = context(java_script_enabled=False).new_page()
    page.goto("/sign-in/invited")
    page.get_by_label("Code").fill(guarded.codes[BEN])
    page.get_by_role("button", name="Go on").click()
    text = page.locator(".link code").inner_text()

    def code() -> str:
        return code_at(base64.b32decode(text.replace(" ", "")), step_of(datetime.now(UTC)))

    page.locator("#password").fill("password1234")
    page.get_by_label("The code that the app shows now").fill(code())
    page.get_by_role("button", name="Set the password").click()
    assert "tried first" in page.get_by_role("alert").inner_text()
    assert page.locator(".link code").inner_text() == text  # the same secret, so that the app is right
    page.locator("#password").fill(PASSWORD)
    page.get_by_label("The code that the app shows now").fill(code())
    page.get_by_role("button", name="Set the password").click()
    paper = page.locator(".paper code").all_inner_texts()
    assert len(set(paper)) == 10
    page.get_by_role("link", name="They are on paper").click()
    page.get_by_role("button", name="Sign out", exact=True).click()

    def sign_in(name: str, password: str, given: str) -> None:
        page.get_by_label("First and last name").fill(name)
        page.locator("#password").fill(password)
        page.get_by_label("Code of your app").fill(given)
        page.get_by_role("button", name="Sign in").click()

    said = set()
    for name, password, given in ((BEN, "x" * 12, paper[0]), ("No Body", PASSWORD, paper[0]), (BEN, PASSWORD, "000")):
        sign_in(name, password, given)
        said.add(page.get_by_role("alert").inner_text())
    assert said == {"That does not match. Check each field, and try again."}
    sign_in(BEN, PASSWORD, paper[0])
    assert page.url == f"{guarded.url}/"
    page.goto("/account")
    assert "9 left" in page.inner_text("main")
    assert "2 wrong passwords or codes" not in page.inner_text(".standfirst")
    page.get_by_label("Password until now").fill(PASSWORD)
    page.get_by_label("New password").fill("amber thicket 99 silver")
    page.get_by_role("button", name="Change the password").click()
    assert "new password counts" in page.get_by_role("status").first.inner_text()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.goto("/account")
    assert "/sign-in" in page.url
