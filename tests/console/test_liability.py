"""The page of a liability file says first whether duties were accepted, judges nobody, and seals with a button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.city.deciding import TREES, small_city

from cityward.api import create_app
from cityward.city import City, open_city
from cityward.city.liability_check import check_bytes
from cityward.console import mount_console

HOSTILE = "<img src=x onerror=alert(1)> is what he wrote"


@pytest.fixture(scope="module")
def felled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, TestClient, dict[str, str]]]:
    home, trees = small_city(tmp_path_factory.mktemp("felled"))
    with open_city(home) as city:
        app = create_app(city)
        mount_console(app, city)
        yield city, TestClient(app, raise_server_exceptions=False), trees


def test_the_finding_comes_first(felled: tuple[City, TestClient, dict[str, str]]) -> None:
    _, browser, trees = felled
    page = browser.get(f"/liability/{trees['tree 1']}").text
    assert "<h1>Every duty had been accepted when this was decided</h1>" in page
    assert "Some Overseer decided: refuse, as the rule said." in page
    assert "id = &#34;fell-a-tree&#34;" in page
    assert TREES in page
    assert f'href="/liability/{trees["tree 1"]}"' in browser.get(f"/explain/{trees['tree 1']}").text
    assert "/liability/" not in browser.get(f"/explain/{trees['tree 4']}").text
    assert browser.get(f"/liability/{trees['tree 4']}").status_code == 422


def test_a_button_seals_and_an_address_does_not(felled: tuple[City, TestClient, dict[str, str]]) -> None:
    city, browser, trees = felled
    name = trees["tree 2"]
    sealed = [entry["kind"] for entry in city.ledger_entries(0, 1_000)].count("liability")
    browser.get(f"/liability/{name}")
    assert [entry["kind"] for entry in city.ledger_entries(0, 1_000)].count("liability") == sealed
    answer = browser.post(f"/liability/{name}")
    assert answer.headers["content-type"] == "application/zip"
    assert f"liability-{name}.zip" in answer.headers["content-disposition"]
    assert check_bytes(answer.content).decision == name
    elsewhere = browser.post(f"/liability/{name}", headers={"origin": "https://evil.example"})
    assert elsewhere.status_code == 403


def test_holds_and_clocks_are_on_the_page(felled: tuple[City, TestClient, dict[str, str]]) -> None:
    city, browser, trees = felled
    name = trees["tree 3"]
    assert "No hold is placed" in browser.get(f"/liability/{name}").text
    held = city.liability.hold(name, "Marta Ruiz", HOSTILE)
    city.liability.incidents.open(name, "widespread", HOSTILE, "Marta Ruiz")
    page = browser.get(f"/liability/{name}").text
    assert held.id in page
    assert "AI Act, article 73(3): 2 days" in page
    assert "<img" not in page
    assert "&lt;img" in page
    assert "hold on evidence" in browser.get(f"/explain/{held.id}").text


@pytest.mark.parametrize("name", ["D-0123456789", "D-00000000000000ff", "N-1", "%3Cimg%3E"])
def test_an_unknown_decision_is_no_page(felled: tuple[City, TestClient, dict[str, str]], name: str) -> None:
    for answer in (felled[1].get(f"/liability/{name}"), felled[1].post(f"/liability/{name}")):
        assert answer.status_code in (404, 405)
        assert "<img>" not in answer.text


def test_without_a_grant_the_page_says_so(felled: tuple[City, TestClient, dict[str, str]]) -> None:
    city, browser, trees = felled
    grant = city.folder.grants / "liability-decisions.toml"
    text = grant.read_text("utf-8")
    grant.unlink()
    answer = browser.get(f"/liability/{trees['tree 1']}")
    grant.write_text(text, encoding="utf-8")
    assert answer.status_code == 409
    assert "No grant lets cityward-liability read decisions" in answer.text
