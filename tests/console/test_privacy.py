"""The pages Privacy, Grants and Your data: what matters most comes first, and what they say is what is configured."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.console.now_lines import tidings
from cityward.console.privacy_pages import told_period
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES
from cityward.console.your_data_texts import PURPOSE_WORDS, YOUR_DATA
from cityward.console.your_request_texts import YOUR_REQUEST
from cityward.core.clock import Clock
from cityward.core.errors import Refused
from cityward.guard.open_data import name_of
from cityward.private.purposes import PURPOSES

NOW = datetime(2014, 8, 4, 3, 0, tzinfo=UTC)
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
BUDGET = """
[release]
rows_per_person = 1
cells_per_person = 1

[release.groups.neighbours]
epsilon = 2.0
every = "quarter"
"""
MAPPING = """
source = "lamps"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
person = "mail"
text = "said"
address = "street"

[service]
default = "Lamps"
"""
CAMERA = """
source = "camera"
kind = "visit"
domain = "mobility"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"

[service]
default = "People"

[classes]
face = "biometric"
"""

Opened = Callable[..., AbstractContextManager[City]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open a city of one area at a moment, with more in its city.toml."""
    areas = tmp_path / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(tmp_path / "city", name="Small", territories=areas, name_property="name")

    @contextmanager
    def city(more: str = "", now: datetime = NOW) -> Iterator[City]:
        with (home / "city.toml").open("a", encoding="utf-8") as toml:
            toml.write(more)
        with open_city(home, Clock.fixed(now)) as opened:
            yield opened

    return city


def sense(city: City, folder: Path, mapping: str, rows: list[dict[str, str]]) -> None:
    """Take in rows of a source."""
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    (folder / "rows.ndjson").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    city.sense(folder / "rows.ndjson", city.add_mapping(folder / "map.toml"))


def reports(count: int = 30) -> list[dict[str, str]]:
    return [
        {"id": f"L{at}", "opened": "2014-05-06", "mail": f"r{at}@example.org", "said": "It is dark.", "street": "3 Elm"}
        for at in range(count)
    ]


def client(city: City) -> TestClient:
    app = create_app(city)
    mount_console(app, city)
    return TestClient(app, raise_server_exceptions=False)


def heading(page: str) -> str:
    return re.sub("<[^>]+>", "", page[page.index("<h1") : page.index("</h1>")]).strip()


def cells(page: str, section: str) -> list[list[str]]:
    """Texts of the rows of the table after the heading ``section``, without tags."""
    part = page[page.index(f'id="{section}"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", part[part.index("<tbody>") : part.index("</tbody>")], re.DOTALL)
    return [
        [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


# -- what matters most ---------------------------------------------------------------------------------


def test_what_matters_most_comes_first(opened: Opened, tmp_path: Path) -> None:
    """A clock of 72 hours before a month, a deadline before the budget."""
    with opened(BUDGET) as city:
        shown = client(city)
        assert heading(shown.get("/privacy").text).startswith("Nothing about residents was published yet")
        city.persons.open_request("erase", "Olga Officer")
        assert "No resident waits" not in shown.get("/privacy").text
        assert heading(shown.get("/privacy").text).startswith("Nothing about residents was published yet")
    with opened(now=NOW + timedelta(days=27)) as city:
        assert heading(client(city).get("/privacy").text) == "A resident has to be answered by 4 September 2014"
    with opened(now=NOW + timedelta(days=40)) as city:
        shown = client(city)
        late = "1 request of a resident is overdue: it was due on 4 September 2014"
        assert heading(shown.get("/privacy").text) == late
        assert "overdue by 9 days" in shown.get("/privacy").text
        assert tidings(city, None)[0] == ("Privacy", f"{late}.", "/privacy#waits", True)
        city.breaches.open("A laptop was left on a train", "Olga Officer")
        told = "The authority has to be told of a breach of personal data within 72 hours"
        assert heading(shown.get("/privacy").text) == told
    with opened(now=NOW + timedelta(days=43, hours=2)) as city:
        shown = client(city)
        told = "The authority was not told of a breach of personal data: its 72 hours ended 2 hours ago"
        assert heading(shown.get("/privacy").text) == told
        city.breaches.tell(city.breaches.all()[0].id, "Olga Officer", "The train was found late")
        assert "is overdue" in heading(shown.get("/privacy").text)


def test_a_request_is_a_number_and_names_nobody(opened: Opened, tmp_path: Path) -> None:
    with opened() as city:
        sense(city, tmp_path, MAPPING, reports())
        city.persons.access(city.persons.by_identifier("r7@example.org"), "Olga Officer")
        (request,) = city.persons.requests()
        page = client(city).get("/privacy").text
    (row,) = cells(page, "waits")
    assert row[:2] == [request.id, "access"]
    assert row[-1].startswith("answered 4 Aug 2014")
    assert [name for name in ("Olga", "example.org", "interactions") if name in page] == []


# -- what was published and refused --------------------------------------------------------------------


def test_a_release_has_its_error_and_the_bar_says_what_the_table_says(opened: Opened, tmp_path: Path) -> None:
    with opened(BUDGET) as city:
        sense(city, tmp_path, MAPPING, reports())
        asked = city.releases.request("count", date(2014, 4, 1), date(2014, 6, 30), every="month", epsilon=0.5)
        release = city.releases.make(asked)
        shown = client(city)
        page = shown.get("/privacy").text
        file = shown.get(f"/open/{name_of(release)}/data.csv")
        assert file.content == (city.releases.folder_of(release) / "data.csv").read_bytes()
        assert shown.get("/open/catalogue.jsonld").json()["dcat:dataset"][0]["dct:identifier"] == release.id
        for path in (f"/open/{name_of(release)}/release.json", f"/open/{name_of(release)}/%2e%2e", "/open/none"):
            assert shown.get(path).status_code == 404
    assert heading(page) == "25 % of the privacy budget of neighbours for April to June 2014 is spent"
    (row,) = cells(page, "published")
    assert row[0].startswith("Reports: all services by area by month, from 1 April 2014 to 30 June 2014")
    assert row[1] == f"± {release.error_95:g} reports"
    assert f"/open/{name_of(release)}/data.parquet" in page
    marked = {0: "no figure is too noisy", release.rows: "too noisy to use for allocation"}
    assert row[2].startswith(marked.get(release.too_noisy, f"{release.too_noisy} of {release.rows} figures are"))
    (budget,) = cells(page, "budget")
    assert budget == ["neighbours", "April to June 2014", "25\N{NO-BREAK SPACE}%", "0.5", "2", "1.5", "1"]
    assert re.search(r'class="part"[^>]*width="25.0"', page)


def test_a_spent_budget_is_the_finding_and_says_what_is_over(opened: Opened, tmp_path: Path) -> None:
    with opened(BUDGET) as city:
        sense(city, tmp_path, MAPPING, reports())
        asked = city.releases.request("count", date(2014, 4, 1), date(2014, 6, 30), every="month", epsilon=2.0)
        city.releases.make(asked)
        page = client(city).get("/privacy").text
    told = "The privacy budget of neighbours for April to June 2014 is used up: nothing more can be published of them"
    assert heading(page) == told
    assert cells(page, "budget")[0][5] == "none"


def test_a_source_that_is_refused_again_and_again_is_one_line(opened: Opened, tmp_path: Path) -> None:
    with opened() as city:
        for at in range(5):
            rows = [{"id": f"{at}-{row}", "opened": "2014-05-06", "face": "0.1,0.2"} for row in range(3)]
            sense(city, tmp_path, CAMERA, rows)
        for field in ("person", "text"):
            with pytest.raises(Refused):
                city.read("health-office", "research").frame((field,))
        shown = client(city)
        page, resident = shown.get("/privacy").text, shown.get("/your-data").text
    rows = cells(page, "refused")
    assert sorted(row[:3] for row in rows) == [["camera", "5", "15"], ["health-office", "2", "–"]]
    told = next(row[3] for row in rows if row[0] == "camera")
    assert "rule admit-by-class 1" in told
    assert "Ask whoever runs camera to send its rows without face; they are then taken in." in told
    assert "So far 15 records were turned away" in resident


def test_periods_are_named_as_people_name_them() -> None:
    found = [told_period(name) for name in ("2013", "2013-Q4", "2013-02", "any")]
    assert found == ["2013", "October to December 2013", "February 2013", "any period"]


# -- grants --------------------------------------------------------------------------------------------


def test_a_grant_that_nobody_reviewed_says_so_until_somebody_does(opened: Opened) -> None:
    with opened() as city:
        shown = client(city)
        page = shown.get("/grants").text
        count = len(city.keeper.grants().in_force())
        assert page.count("that nobody of the city has reviewed yet") == count
        assert "Granted by proposed" not in page
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", page)
        assert f"{count} grants are proposals of cityward" in shown.get("/privacy").text
        file = city.folder.grants / "cases.toml"
        text = file.read_text("utf-8")
        proposed = "proposed by cityward; the city reviews it"
        assert proposed in text
        file.write_text(text.replace(proposed, "Ada Lovelace, data protection officer"), encoding="utf-8")
        page = shown.get("/grants").text
        assert page.count("that nobody of the city has reviewed yet") == count - 1
        assert "Granted by Ada Lovelace, data protection officer." in page


# -- what residents read -------------------------------------------------------------------------------


def test_what_residents_read_follows_what_is_configured(opened: Opened, tmp_path: Path) -> None:
    with opened() as city:
        assert "nothing is kept" in client(city).get("/your-data").text
        sense(city, tmp_path, MAPPING, reports())
        page = client(city).get("/your-data").text
        assert "a made-up word takes its place" in page
        assert "Only the block, about 100 metres around" in page
        assert "(programs of the city). Sees of you: the made-up word, what you wrote, the place." in page
        assert "people who work for the city, programs of the city). Sees of you: what you wrote, the place" in page
        assert "No name comes with the reports" not in page
        assert "Nothing was published yet" in page
        assert "it must answer by 4 September 2014" in page
        assert re.search(r"What you wrote</dt><dd>[^<]*Kept until you ask us", page)
    with opened("\n[retention]\ninteractions = 3650\nfree_text = 40\npersonal = 3660\n") as city:
        page = client(city).get("/your-data?lang=es").text
    assert re.search(r"Lo que escribió</dt><dd>[^<]*Se guarda 40 días\.", page)
    assert re.search(r"Quién es usted</dt><dd>[^<]*Se guarda 3\.650 días\.", page)


def test_residents_are_told_whom_to_ask_as_the_city_says(opened: Opened) -> None:
    with opened() as city:
        assert "Data protection officer:" not in client(city).get("/your-data").text
        assert "contact</code> is missing under <code>[privacy]" in client(city).get("/privacy").text
        assert "to be filled in" in city.processing.record().markdown().split("officer:")[1].split("\n")[0]
    with opened('\n[privacy]\ncontact = "Ana Prado <dpo@small.example>"\n') as city:
        pages = {language: client(city).get(f"/your-data?lang={language}").text for language in LANGUAGES}
        privacy, record = client(city).get("/privacy").text, city.processing.record().markdown()
    for page in (*pages.values(), privacy):
        assert "Ana Prado &lt;dpo@small.example&gt;" in page
    assert "Delegado de protección de datos: Ana" in pages["es"]
    assert "is missing under" not in privacy
    assert "Data protection officer: Ana Prado" in record


def test_residents_read_who_is_no_program_of_the_city(opened: Opened, tmp_path: Path) -> None:
    with opened() as city:
        sense(city, tmp_path, MAPPING, reports())
        assert "Only programs of the city read it" not in client(city).get("/your-data").text
        (city.folder.grants / "orders-operator.toml").unlink()
        assert "Only programs of the city read it" in client(city).get("/your-data").text
        file = city.folder.grants / "cases.toml"
        file.write_text(file.read_text("utf-8").replace('"cityward-cases"', '"health-office"'), encoding="utf-8")
        page = client(city).get("/your-data").text
    assert "Only programs of the city read it" not in page
    assert "(health-office). Sees of you: the place." in page


def test_residents_need_no_account_no_script_and_little_data(opened: Opened, tmp_path: Path) -> None:
    with opened() as city:
        sense(city, tmp_path, MAPPING, reports())
        shown = client(city)
        for language in LANGUAGES:
            answer = shown.get(f"/your-data?lang={language}")
            assert f'<html lang="{language}">' in answer.text
            assert "<script" not in answer.text
            assert len(answer.content) < 12_000
        assert 'lang="pt"' in shown.get("/your-data", headers={"accept-language": "pt-BR,en;q=0.5"}).text[:40]
        answers = [shown.get("/your-data").status_code for _ in range(70)]
    assert set(answers) == {200, 429}


def test_every_language_says_everything_with_the_same_figures() -> None:
    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for texts in (TEXTS, YOUR_DATA, YOUR_REQUEST):
        assert set(texts) == set(LANGUAGES)
        for language in LANGUAGES:
            assert texts[language].keys() == texts["en"].keys()
            assert {key: blanks(text) for key, text in texts[language].items()} == {
                key: blanks(text) for key, text in texts["en"].items()
            }
    assert {*PURPOSE_WORDS, "en"} == set(LANGUAGES)
    for words in PURPOSE_WORDS.values():
        assert words.keys() == PURPOSES.keys()
