"""Options of a proposal, and what came of a decision, in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from cityward.city import open_city
from cityward.core.records import Outcome, Proposal

pytestmark = pytest.mark.browser

Acted = tuple[str, list[Outcome], list[Proposal]]


@pytest.fixture(scope="module")
def acted(
    acted_folder: Path, served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Acted]:
    folder = shutil.copytree(acted_folder, tmp_path_factory.mktemp("acted") / "city")
    with open_city(folder) as city:
        outcomes, proposals = city.outcomes.all(), [one for one in city.proposals("waiting") if one.options]
    with served(folder) as url:
        yield url, outcomes, proposals


@pytest.fixture
def page(browser: Browser, acted: Acted) -> Iterator[Page]:
    context = browser.new_context(base_url=acted[0], viewport={"width": 1280, "height": 860})
    page = context.new_page()
    troubles: list[str] = []
    page.on(
        "console", lambda said: troubles.append(said.text) if said.type == "error" and "422" not in said.text else None
    )
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    context.close()
    assert troubles == []


def rows(page: Page, label: str) -> list[list[str]]:
    region = page.get_by_role("region", name=label, exact=True)
    return region.locator("tbody tr").evaluate_all(
        "all => all.map(row => [...row.children].map(cell => cell.innerText))"
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_load_and_fit(page: Page, acted: Acted, width: int) -> None:
    _, outcomes, proposals = acted
    page.set_viewport_size({"width": width, "height": 860})
    for path in ("/outcomes", f"/needs/{outcomes[0].about}", f"/proposals/{proposals[0].id}"):
        assert page.goto(path).status == 200
        page.wait_for_load_state("networkidle")
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_options_stand_before_the_recommendation_and_cost_one_click_each(page: Page, acted: Acted) -> None:
    proposal = acted[2][0]
    page.goto(f"/proposals/{proposal.id}")
    shown = rows(page, "Options")
    assert len(shown) == len(proposal.options)
    for row, option in zip(shown, proposal.options, strict=True):
        assert option.title in row[0]
        assert option.action in row[0]
        assert ("recommended" in row[0]) is option.recommended
        assert option.effect in row[1]
        assert row[2] == f"{option.crew_hours:,.1f}"
        assert row[3].endswith("USD")
    headings = page.locator("main h2").all_inner_texts()
    assert headings.index("Evidence") < headings.index("Options") < headings.index("Recommendation")
    buttons = page.locator("form.decide button").all_inner_texts()
    assert buttons == [f"Approve {at}: {one.title}" for at, one in enumerate(proposal.options, 1)] + ["Reject all"]


def test_another_option_than_the_recommended_is_approved_with_one_click(page: Page, acted: Acted) -> None:
    proposal = acted[2][0]
    page.goto(f"/proposals/{proposal.id}")
    page.fill("#by", "boss")
    page.fill("#because", "It costs less and will do")
    page.get_by_role("button", name="Approve 2").click()
    assert "no person is named" in page.inner_text("[role=alert]")
    page.fill("#by", "Ana Gómez")
    page.get_by_role("button", name="Approve 2").click()
    page.wait_for_url("**/explain/D-*")
    told = page.inner_text("main")
    assert f"option 2 of {len(proposal.options)} “{proposal.options[1].title}”" in told
    page.goto(f"/proposals/{proposal.id}")
    assert f"Approved by Ana Gómez: {proposal.options[1].title}" in page.inner_text("main")


@pytest.mark.parametrize("option", ["0", "99", "-1", "two", "<script>", "1e3", "٣"])
def test_an_option_that_is_none_is_answered_and_nothing_is_lost(page: Page, acted: Acted, option: str) -> None:
    form = {"option": option, "by": "Ana Gómez", "because": "It costs less and will do"}
    answer = page.request.post(f"/proposals/{acted[2][1].id}/decision", form=form)
    assert answer.status == 422
    assert "no option of that number" in answer.text()
    assert "It costs less and will do" in answer.text()


def test_what_came_of_it_is_told_drawn_and_tabled(page: Page, acted: Acted) -> None:
    one = acted[1][0]
    page.goto(f"/needs/{one.about}")
    section = page.get_by_role("region", name=f"Outcome {one.id}")
    assert one.sentence in section.inner_text()
    assert one.verdict in section.inner_text()
    page.wait_for_selector(f"[data-chart=outcome-{one.id}][data-ready=yes]")
    assert "going on" in section.locator("[data-chart]").inner_text()
    section.get_by_text("The chart as a table").click()
    shown = rows(page, "Reports before and after")
    assert [int(row[1]) for row in shown] == [row[1] for row in one.series]
    assert shown[0][2:] == ["–", "–", "–"]
    section.get_by_role("link", name="Why we say so").click()
    assert one.decision in page.inner_text("main")


def test_all_outcomes_are_listed_with_honest_sums(page: Page, acted: Acted) -> None:
    _, outcomes, _ = acted
    page.goto("/outcomes")
    apart = sum(one.verdict in ("fewer than expected", "more than expected") for one in outcomes)
    assert f"{apart} of {len(outcomes)} outcomes can be told from chance" in page.inner_text("h1")
    shown = rows(page, "Outcomes")
    assert [row[3] for row in shown] == [f"{one.observed:,}" for one in outcomes]
    assert [row[1].split("\n")[0].strip() for row in shown] == [one.verdict for one in outcomes]


def test_before_anything_was_done_the_page_says_how_it_begins(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/outcomes")
    assert "Nothing was done yet" in page.inner_text("h1")
    assert "When 14 days have passed" in page.inner_text("main")
