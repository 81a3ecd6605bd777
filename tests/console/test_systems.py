"""The page of systems tells a resident what is used, who answers, what is wrong, and how to contest it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.answerable.register.making import a_text

from cityward.api import create_app
from cityward.city import City
from cityward.console import mount_console
from cityward.console.system_pages import headline

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def client(demo_copy: City) -> tuple[City, TestClient]:
    app = create_app(demo_copy)
    mount_console(app, demo_copy)
    return demo_copy, TestClient(app, raise_server_exceptions=False)


def test_the_finding_comes_first(client: tuple[City, TestClient]) -> None:
    city, browser = client
    page = browser.get("/systems").text
    assert "<h1>6 systems propose here: 5 have a duty that nobody has accepted</h1>" in page
    assert "all accepted" in page
    assert headline(city.systems.all()) in page
    assert headline([]) == "No system is in use here"


def test_a_page_says_who_answers_and_how_to_contest(client: tuple[City, TestClient]) -> None:
    page = client[1].get("/systems/chicago-food-inspection").text
    assert "everybody who answers for it has signed" in page
    assert "ombudsperson" in page
    assert "Marta Kowalska" in page
    record = client[1].get("/systems/chicago-food-inspection/atrs.json").json()
    assert record["1.1"] == "Order of food inspections"


def test_a_hand_edit_is_on_the_page(client: tuple[City, TestClient]) -> None:
    city, browser = client
    card = city.folder.systems / "chicago-food-inspection.toml"
    card.write_text(card.read_text("utf-8").replace("A business can ask", "Nobody can ask"), encoding="utf-8")
    assert "one was edited after approval" in browser.get("/systems").text
    assert "The file of Order of food inspections was edited after its approval." in browser.get("/").text
    page = browser.get("/systems/chicago-food-inspection").text
    assert "This version is edited after its approval" in page
    assert "appeal was changed" in page


def test_what_is_forbidden_is_named_and_the_rest_stands(client: tuple[City, TestClient]) -> None:
    city, browser = client
    bad = a_text(replace={'practice = "case-priority"': 'practice = "social-scoring"'})
    (city.folder.systems / "tree-permits.toml").write_text(bad, encoding="utf-8")
    page = browser.get("/systems").text
    assert "article 5(1)(c) of the EU AI Act" in page
    assert "Order of food inspections" in page
    assert browser.get("/systems/tree-permits").status_code == 409
    assert browser.get("/cases").status_code == 200


def test_words_of_a_file_are_text(client: tuple[City, TestClient]) -> None:
    city, browser = client
    text = a_text(replace={"a clerk reads first": HOSTILE, "Owners of trees": HOSTILE})
    (city.folder.systems / "tree-permits.toml").write_text(text.replace("Some Owner", HOSTILE), encoding="utf-8")
    for path in ("/systems", "/systems/tree-permits"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "&lt;img" in page.text
