"""Pages of appeals: what a person is told of his case, what strangers learn, and what people of the city do."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient
from tests.city.deciding import CLERK, DECIDER, small_city

from cityward.answerable.appeals import Why
from cityward.api import create_app
from cityward.city import City, open_city
from cityward.console import mount_console
from cityward.console.case_wording import WORDING
from cityward.console.contest_texts import CONTEST
from cityward.core.clock import Clock

HOSTILE = "<img src=x onerror=alert(1)>"
OTHER, WHY = "Ben Okri", "An expert of trees looked at it."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    return small_city(tmp_path_factory.mktemp("contested"))


@pytest.fixture
def city(made: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[City]:
    with open_city(shutil.copytree(made[0], tmp_path / "city")) as city:
        yield city


@pytest.fixture
def browser(city: City) -> TestClient:
    app = create_app(city)
    mount_console(app, city)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def number(made: tuple[Path, dict[str, str]]) -> str:
    return made[1]["tree 1"]


@pytest.fixture
def case(city: City, number: str) -> str:
    """Address of a case."""
    return f"/case/{city.appeals.token_of(number)}"


def test_every_sentence_is_in_every_language() -> None:
    assert len({frozenset(texts) for texts in CONTEST.values()}) == 1
    places = [{name: sorted(text.split("{")[1:]) for name, text in texts.items()} for texts in CONTEST.values()]
    for name in places[0]:
        fields = [{one.split("}")[0] for one in texts[name]} for texts in places]
        assert fields[0] == fields[1] == fields[2], name


def test_number_and_secret_lead_to_the_case_and_anything_else_nowhere(
    browser: TestClient, case: str, number: str
) -> None:
    right = browser.post("/case", data={"number": number, "secret": case}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, f"{case}?lang=en")
    answers = [
        browser.post("/case", data=form)
        for form in (
            {"number": number, "secret": "A" * 32},
            {"number": "D-00000000000000ff", "secret": case},
            {"number": "", "secret": ""},
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert all("do not belong together" in answer.text for answer in answers)
    assert all(case.rsplit("/", 1)[-1] not in answer.text for answer in answers)
    assert browser.get(f"/case/{'A' * 32}").status_code == 404
    assert browser.get("/case/D-1").status_code == 404


def test_who_tries_secrets_is_made_to_wait(browser: TestClient, number: str) -> None:
    codes = [browser.post("/case", data={"number": number, "secret": "A" * 32}).status_code for _ in range(12)]
    assert codes == [404] * 10 + [429] * 2
    assert browser.get("/case").status_code == 200


@pytest.mark.parametrize(
    ("language", "title", "says"),
    [("en", "It was decided: refuse", "You can contest this until"),
     ("es", "Se decidió: refuse", "Puede reclamar hasta"),
     ("pt", "Foi decidido: refuse", "Você pode contestar até")],
)  # fmt: skip
def test_a_person_reads_why_in_his_language(
    browser: TestClient, case: str, language: str, title: str, says: str
) -> None:
    page = browser.get(f"{case}?lang={language}")
    assert f"<h1>{title}</h1>" in page.text
    assert says in page.text
    assert "article 7(1)" in page.text
    assert "it is tall and healthy" in page.text
    assert f"ill: {CONTEST[language]['false']}" in page.text
    assert "height: 12 m" in page.text
    assert DECIDER in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.text


ENGLISH_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        the is was were are with would have been of and not given more below above at most either or answer
        asks system gave that this by you can yes nothing because decided already contested fact your his
        what which who it to in on press longer than six weeks month article between number rule
        """,
    )
)


def own_words(city: City, number: str) -> list[str]:
    """What the city wrote itself, in its rule, its register and its reasons: longest first."""
    told = city.appeals.case(city.appeals.token_of(number)).told
    rule = city.deciding.rule(told.decision)
    assert rule is not None
    rows = [text for row in rule.sheet.rows for text in (row.because, row.law)]
    parties = [text for one in told.parties for text in (one.name, one.contact)]
    said = [told.law, told.appeal, told.decision.because, told.decision.by, *rows, *parties, rule.sheet.reference]
    system = city.systems.read().systems[told.decision.system]
    said += [text for one in system.evaluation for text in (one.name, one.on, one.audit)]
    return sorted({text.rstrip(".") for text in said if text}, key=len, reverse=True)


def english_in(page: str, own: list[str]) -> set[str]:
    """English words of a page beside those that the city wrote itself."""
    text = html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page.split("<main", 1)[1], flags=re.DOTALL))
    for one in own:
        text = text.replace(one, " ")
    return set(re.findall(r"[^\W\d_]+", text.casefold())) & ENGLISH_WORDS


@pytest.mark.parametrize("language", ["es", "pt"])
def test_no_english_is_left_on_the_page_of_a_case_or_in_what_it_says_of_mistakes(
    browser: TestClient, city: City, case: str, number: str, made, language: str
) -> None:
    own, where = own_words(city, number), f"{case}?lang={language}"
    assert english_in(browser.get(f"{case}?lang=en").text, own) >= {"the", "with", "would"}  # the test can fail
    pages = [browser.get(f"/case?lang={language}"), browser.get(where)]
    would = {"es": "Con «ill»: sí, la respuesta habría sido «outcome»: allow.",
             "pt": "Com “ill”: sim, a resposta teria sido “outcome”: allow."}  # fmt: skip
    assert would[language] in html.unescape(pages[1].text)
    forms = [{"do": "contest", "words": ""}, {"do": "contest", "words": "x" * 5_000}, {"do": "add", "words": "?"},
             {"do": "contest", "wrong": ["bogus"]}, {"do": "withdraw"}, {"do": "erase"}, {"do": "burn"},
             {"do": "contest", "words": "Mal."}, {"do": "contest", "words": "Peor."}, {"do": "add", "words": ""},
             {"do": "withdraw"}, {"do": "add", "words": "Mal."}, {"do": "erase"}]  # fmt: skip
    pages += [browser.post(where, data=form) for form in forms]
    pages += [browser.post(f"/case?lang={language}", data={"number": number, "secret": "A" * 32})]
    pages += [browser.get(f"/case/{city.appeals.token_of(made[1]['tree 4'])}?lang={language}")]
    found = {at: words for at, page in enumerate(pages) if (words := english_in(page.text, own))}
    assert found == {}


def test_wording_has_the_same_names_and_places_in_every_language() -> None:
    places = [
        {name: sorted(part.split("}")[0].split(":")[0] for part in text.split("{")[1:]) for name, text in words.items()}
        for words in WORDING.values()
    ]
    assert places[0] == places[1] == places[2]


def test_a_case_that_waits_says_so_and_offers_nothing_to_contest(browser: TestClient, city: City, made) -> None:
    page = browser.get(f"/case/{city.appeals.token_of(made[1]['tree 4'])}")
    assert "Nothing is decided yet" in page.text
    assert 'value="contest"' not in page.text


def test_the_whole_way_from_contest_to_answer(browser: TestClient, city: City, case: str, number: str) -> None:
    page = browser.post(case, data={"do": "contest", "words": f"{HOSTILE} It is ill.", "wrong": ["ill"]})
    assert "Your appeal" in page.text
    assert HOSTILE not in page.text
    (appeal,) = city.appeals.all()
    assert "1 appeal" not in browser.get("/appeals").text
    assert "One appeal waits for somebody to look at it" in browser.get("/appeals").text

    refused = browser.post(f"/appeals/{appeal.id}/assign", data={"to": DECIDER, "by": CLERK})
    assert (refused.status_code, "cannot decide the appeal" in refused.text) == (422, True)
    assert f'value="{DECIDER}"' in refused.text
    browser.post(f"/appeals/{appeal.id}/assign", data={"to": OTHER, "by": CLERK})
    assert f"{OTHER} looks at it." in browser.get(case).text
    assert "Añadir algo" in browser.get(f"{case}?lang=es").text
    browser.post(case, data={"do": "add", "words": "A branch fell.", "about": "kind"})

    form = {"by": OTHER, "because": WHY, "outcome": "changed", "after": "allow", "wrong": ["ill"]}
    staff = browser.post(f"/appeals/{appeal.id}/decide", data=form)
    assert "Changed on appeal: “allow” instead of “refuse”" in staff.text
    assert "Some Manufacturer (manufacturer), Some Owner (owner) answer for the system" in staff.text
    assert "2 decisions rest on the same row and on ill as it was here" in staff.text
    assert HOSTILE not in staff.text
    told = browser.get(case).text
    assert "It was decided anew: allow" in told
    assert "These facts were wrong: ill." in told
    assert "Before, it was decided: refuse." in told
    assert "Reversed" in browser.get("/systems/tree-permits").text
    assert browser.get(f"/explain/{appeal.id}").status_code == 200
    for path in ("/appeals", f"/appeals/{appeal.id}", "/systems", "/"):
        assert number not in browser.get(path).text  # the case number stays with the person


@pytest.mark.parametrize(
    "form",
    [{"do": "contest", "words": ""}, {"do": "contest", "words": "x" * 5_000}, {"do": "contest", "wrong": ["no fact"]},
     {"do": "add", "words": "More."}, {"do": "withdraw"}, {"do": "erase"}, {"do": "burn"}, {}],
)  # fmt: skip
def test_a_mistake_is_told_and_what_was_typed_stays(browser: TestClient, city: City, case: str, form) -> None:
    page = browser.post(case, data=form)
    assert (page.status_code, city.appeals.all()) == (422, [])
    assert 'role="alert"' in page.text


@pytest.mark.parametrize("body", [b"\xff" * 500, b"words=" + b"a" * 300_000, b"&" * 5_000, b"do=contest&words=%00%ff"])
def test_no_body_breaks_a_page(browser: TestClient, case: str, body: bytes) -> None:
    for path in ("/case", case, "/appeals/M-0123456789/assign", "/appeals/M-0123456789/decide"):
        assert browser.post(path, content=body).status_code in (200, 404, 422)


def test_taken_back_and_erased_by_link(browser: TestClient, city: City, case: str) -> None:
    browser.post(case, data={"do": "contest", "words": "It is ill."})
    assert "The appeal was taken back" in browser.post(case, data={"do": "withdraw"}).text
    gone = browser.post(case, data={"do": "erase"}).text
    assert "(erased)" in gone
    assert "It is ill." not in gone
    assert 'value="contest"' in gone


def test_figures_are_public_and_small_ones_are_not(browser: TestClient) -> None:
    told = browser.get("/case/statistics.json").json()
    assert told["all"]["opened"] == 0
    assert "too few appeals" in browser.get("/case").text
    assert "muy pocos" in browser.get("/case?lang=es").text


def test_every_reason_for_which_a_step_is_not_taken_is_said_in_every_language() -> None:
    assert {f"no_{why}" for why in get_args(Why)} <= set(CONTEST["en"])


def test_a_megabyte_is_told_to_be_too_long_and_strange_signs_do_no_harm(
    browser: TestClient, city: City, case: str
) -> None:
    assert browser.post(case, data={"do": "contest", "words": "x" * 2**20}).status_code == 413
    long = browser.post(case, data={"do": "contest", "words": "x" * 2**19})
    assert (long.status_code, "longer than 4000 characters" in long.text) == (422, True)
    files = {"words": (None, "Mal."), "do": (None, "contest"), "file": ("a.exe", b"MZ")}
    assert browser.post(case, files=files).status_code == 415
    many = "&".join(f"wrong=ill{at}" for at in range(300)) + "&do=contest"
    assert browser.post(case, content=many).status_code == 422
    assert city.appeals.all() == []
    latin = b"do=contest&words=%E1rbol+\xe1+%00%1b[31m%E2%80%AEetirw%E2%80%AC&wrong=ill&wrong=ill&wrong="
    assert browser.post(case, content=latin).status_code == 200
    (appeal,) = city.appeals.all()
    assert appeal.contests == ("ill",)
    assert all(sign.isprintable() and ord(sign) not in range(0x202A, 0x202F) for sign in appeal.said[0].words)


def test_a_form_that_is_sent_twice_makes_one_appeal(browser: TestClient, city: City, case: str) -> None:
    form = {"do": "contest", "words": "It is ill.", "wrong": ["ill", "ill"]}
    with ThreadPoolExecutor(4) as clicks:
        answers = list(clicks.map(lambda _: browser.post(case, data=form, follow_redirects=False), range(4)))
    assert [answer.status_code for answer in answers] == [303] * 4
    (appeal,) = city.appeals.all()
    assert [step.what for step in appeal.steps] == ["opened"]
    for _ in range(2):
        browser.post(case, data={"do": "add", "words": "A branch fell."})
    assert len(city.appeals.all()[0].said) == 2


def test_of_two_who_decide_at_once_one_does(browser: TestClient, city: City, case: str) -> None:
    browser.post(case, data={"do": "contest", "words": "It is ill."})
    (appeal,) = city.appeals.all()
    city.appeals.assign(appeal.id, OTHER, CLERK)
    forms = [{"by": OTHER, "because": WHY, "outcome": "upheld"},
             {"by": OTHER, "because": WHY, "outcome": "changed", "after": "allow"}]  # fmt: skip
    with ThreadPoolExecutor(2) as people:
        send = lambda form: browser.post(f"/appeals/{appeal.id}/decide", data=form, follow_redirects=False)  # noqa: E731
        codes = sorted(answer.status_code for answer in people.map(send, forms))
    assert codes == [303, 422]
    done = city.appeals.get(appeal.id)
    assert sum(step.what in ("upheld", "changed") for step in done.steps) == 1
    assert (city.deciding.get(appeal.decision).state == "reversed") == (done.state == "changed")
    again = browser.post(case, data={"do": "contest", "words": "Once more."})
    assert (again.status_code, "The next step is a court" in again.text) == (422, True)


def test_after_the_time_a_form_is_refused_with_what_can_be_done(made, number: str, tmp_path: Path) -> None:
    folder = shutil.copytree(made[0], tmp_path / "city")
    with open_city(folder, Clock.fixed(datetime.now(UTC) + timedelta(days=60))) as city:
        app = create_app(city)
        mount_console(app, city)
        late = TestClient(app, raise_server_exceptions=False)
        page = late.post(f"/case/{city.appeals.token_of(number)}?lang=es", data={"do": "contest", "words": "Mal."})
        assert (page.status_code, city.appeals.all()) == (422, [])
        assert CONTEST["es"]["no_late"] in page.text
        assert "El plazo para reclamar terminó" in page.text
