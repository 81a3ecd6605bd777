"""The workbench of rules: what is typed stays, what is wrong is named, nothing is published without its evidence."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient
from tests.city.awarded import NOW, awarded

from cityward.api import create_app
from cityward.city import City, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock

PATH = "/rules/scholarship-award/draft"
HOSTILE = "<img src=x onerror=alert(1)>"
LOWER = {"w1.0": "[600..1000)", "w2.0": ">= 1000", "w3.0": ">= 1000", "w4.0": "< 1000", "tests": ""}
SIGNED = {"by": "Ana Ruiz", "because": "The council lowered the limit on 2 May."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return awarded(tmp_path_factory.mktemp("workbench"))


@pytest.fixture
def client(folder: Path, tmp_path: Path):
    with open_city(shutil.copytree(folder, tmp_path / "city"), Clock.fixed(NOW)) as city:
        app = create_app(city)
        mount_console(app, city)
        yield city, TestClient(app, raise_server_exceptions=False)


def fields(page: str) -> dict[str, str]:
    """What the form would send as it stands."""
    found = {
        name: unescape(value)
        for tag in re.findall(r"<input [^>]*>", page)
        for name, value in [(_of(tag, "name"), _of(tag, "value"))]
        if name
    }
    for name, text in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = unescape(text)
    for name, body in re.findall(r'<select name="([^"]+)">(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected', body) or re.search(
            r'<option value="([^"]*)"', body
        )
        found[name] = chosen[1] if chosen else ""
    return found


def _of(tag: str, name: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', tag)
    return found[1] if found else ""


def send(browser: TestClient, do: str, given: dict[str, str] | None = None, **changed: str):
    sent = {**(given or fields(browser.get(PATH).text)), **changed, "do": do}
    return browser.post(PATH, content=urlencode(sent), headers={"content-type": "application/x-www-form-urlencoded"},
                        follow_redirects=False)  # fmt: skip


def test_rules_are_listed_and_shown(client: tuple[City, TestClient]) -> None:
    page = client[1].get("/rules").text
    assert "<h1>" in page
    assert "rules decide here" in page
    assert 'href="/rules/scholarship-award/draft"' in page
    assert 'href="/rules/proposal-approval/draft"' not in page
    shown = client[1].get("/rules/scholarship-award").text
    assert "the grades are excellent" in shown
    assert "6 of 6 pass" in shown
    assert client[1].get("/rules/nothing").status_code == 404
    assert client[1].get("/rules/nothing/draft").status_code == 404


def test_the_form_holds_the_rule_in_force_as_its_next_version(client: tuple[City, TestClient]) -> None:
    sent = fields(client[1].get(PATH).text)
    assert sent["version"] == "2"
    assert sent["w1.0"] == "[600..1200)"
    assert sent["t1.1"] == "150"
    checked = send(client[1], "check")
    assert checked.status_code == 200
    assert "6 of 6 pass" in checked.text


def test_rows_and_columns_come_and_go_without_a_script(client: tuple[City, TestClient]) -> None:
    browser = client[1]
    more = fields(send(browser, "add-row").text)
    assert (more["rows"], more["w6.0"]) == ("7", "")
    inserted = fields(send(browser, "insert-row-0", **{"w0.0": "< 500"}).text)
    assert (inserted["w0.0"], inserted["w1.0"]) == ("", "< 500")
    fewer = fields(send(browser, "remove-row-0").text)
    assert (fewer["rows"], fewer["w0.0"]) == ("5", "[600..1200)")
    moved = fields(send(browser, "up-row-1").text)
    assert moved["w0.0"] == "[600..1200)"
    column = {"column-side": "condition", "column-name": "siblings", "column-type": "number", "column-unit": "1"}
    wider = send(browser, "add-column", **column)
    assert "Row 1, when siblings" in wider.text
    narrower = send(browser, "remove-input-3", fields(wider.text))
    assert "siblings" not in narrower.text
    unit = send(browser, "add-column", **{**column, "column-unit": ""})
    assert unit.status_code == 422
    assert "a number without a unit" in unit.text
    without = send(browser, "remove-input-2")
    assert "enrolled = " not in fields(without.text)["tests"]
    for nonsense in ("remove-row-99", "explode", "remove-input-x"):
        assert send(browser, nonsense).status_code == 422


def test_mistakes_are_named_and_what_was_typed_stays(client: tuple[City, TestClient]) -> None:
    browser = client[1]
    page = send(browser, "check", **{"w1.0": "much", "b1": HOSTILE}).text
    assert "row 2, income: &#39;much&#39; is not understood as number" in page
    assert fields(page)["w1.0"] == "much"
    assert fields(page)["b1"] == HOSTILE
    assert HOSTILE not in page
    gap = send(browser, "check", **{"w1.0": "[600..1100)", "tests": ""}).text
    assert "No row decides when" in gap
    assert "line" in send(browser, "check", tests="[[tests]\n").text
    for head in ("", "{", "[]", '{"id":"other","inputs":{},"outputs":{}}'):
        assert send(browser, "check", head=head).status_code == 422
    assert send(browser, "check", rows="999999").status_code == 422
    assert send(browser, "check", rows="x").status_code == 422


def test_a_replay_stands_before_the_form_and_has_a_map(client: tuple[City, TestClient]) -> None:
    city, browser = client
    done = send(browser, "replay", **LOWER, cost="amount", groups="enrolled")
    assert done.status_code == 200
    found = city.drafting.replay
    lost = re.search(r"<h1>Of 400 cases (\d+) would lose and nobody would gain</h1>", done.text)
    assert lost
    assert found
    for told in ("Before and after", "worse", "EUR/month", "By area", "By enrolled", "95 %"):
        assert told in done.text
    assert "S-1" not in done.text
    url = re.search(r'data-url="(/console/replays/[0-9a-f]+\.json)"', done.text)
    assert url
    areas = browser.get(url[1]).json()["features"]
    assert sum("lose" in one["properties"]["told"] for one in areas) == 9
    assert sum(one["properties"]["told"].endswith("no case") for one in areas) == len(areas) - 9
    assert browser.get("/console/replays/0.json").status_code == 404
    same = send(browser, "replay")
    assert same.status_code == 422
    assert "says the same as scholarship-award 1" in same.text
    assert "Nothing was decided" in send(browser, "replay", **LOWER, since="2020-01-01", until="2020-02-01").text
    assert "A day is missing" in send(browser, "replay", **LOWER, since="").text


def test_a_draft_is_kept_and_published_with_a_receipt(client: tuple[City, TestClient]) -> None:
    city, browser = client
    kept = send(browser, "save", **LOWER)
    assert "The draft is kept" in kept.text
    assert fields(browser.get(PATH).text)["w1.0"] == "[600..1000)"
    assert "go on with the draft" in browser.get("/rules").text
    unsigned = send(browser, "publish", by="Ana")
    assert unsigned.status_code == 422
    assert fields(unsigned.text)["by"] == "Ana"
    assert not city.drafting.published()
    done = send(browser, "publish", **SIGNED)
    assert done.status_code == 303
    made = city.drafting.published()[0]
    assert done.headers["location"] == f"/explain/{made.id}"
    assert made.says.startswith("Of 400 cases ")
    assert "published version 2" in browser.get(f"/explain/{made.id}").text
    shown = browser.get("/rules/scholarship-award").text
    assert "signed off by Ana Ruiz" in shown
    assert "valid from 5 May 2026" in shown
    elsewhere = browser.post(PATH, content="do=publish", headers={"origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403


def test_a_form_of_too_many_fields_is_a_mistake_and_no_defect(client: tuple[City, TestClient]) -> None:
    browser, many = client[1], "&".join(f"f{at}=x" for at in range(12_001))
    assert browser.post("/proposals/P-0000000000/decision", content=many).status_code == 404
    for sent in ("", many):
        answer = browser.post(PATH, content=sent)
        assert answer.status_code == 422
        assert "empty or too large" in answer.text
    untitled = send(browser, "check", title="")
    assert fields(untitled.text)["title"] == ""
