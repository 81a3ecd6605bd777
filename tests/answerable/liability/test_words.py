"""A liability file states duties and facts: no sentence of ours says whose fault something is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.answerable.liability.making import a_file

from cityward.answerable.liability import provenance, readable
from cityward.core.records import to_json

ROOT = Path(__file__).resolve().parents[3] / "src" / "cityward"
SAYING = sorted(
    [
        *(ROOT / "answerable" / "liability").glob("*.py"),
        *(ROOT / "city" / name for name in ("liability.py", "liability_text.py", "liability_check.py", "holding.py")),
        ROOT / "cli" / "liability.py",
        ROOT / "console" / "liability_pages.py",
        ROOT / "core" / "liability.py",
    ]
)
JUDGEMENT = re.compile(
    r"\b(guilt\w*|culpab\w*|blam\w*|fault\w*|negligen\w*|wrongdo\w*|wrongful\w*|reckless\w*|careless\w*|liable|"
    r"to be held responsible|at fault|caused (?:the )?(?:harm|damage|injury)|breach of (?:duty|care)|"
    r"should have|ought to have|could have prevented|failed to|failure to|neglect\w*|ignored|must pay|damages|"
    r"violat\w*|misconduct|offen[cs]e|crim(?:e|inal)\w*|perpetrat\w*)\b",
    re.IGNORECASE,
)


def texts(path: Path) -> list[tuple[int, str]]:
    """Every text in a module, with its line; parts of formatted texts too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_the_words_of_judgement_are_found_where_they_are() -> None:
    for said in ("It is his fault.", "The owner was negligent.", "It failed to act.", "He should have known."):
        assert JUDGEMENT.search(said)
    for said in ("Held the duty of owner and had accepted it.", "Who answers for it", "defaults", "Liability file"):
        assert not JUDGEMENT.search(said)


@pytest.mark.parametrize("path", SAYING, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_text_of_ours_judges(path: Path) -> None:
    found = texts(path)
    assert found
    assert [(line, text) for line, text in found if JUDGEMENT.search(text)] == []


def test_the_page_judges_nobody() -> None:
    page = (ROOT / "console" / "templates" / "liability.html").read_text("utf-8")
    assert len(page) > 1_000
    assert not JUDGEMENT.search(page)


def test_a_whole_file_judges_nobody_and_says_so() -> None:
    file = a_file()
    told = readable(file)
    for text in (told.markdown(), told.html(), to_json(file).decode(), str(provenance(file))):
        assert len(text) > 1_000
        assert not JUDGEMENT.search(text)
    assert "It states duties and facts. What follows from them is not for this file to say." in told.about
    assert any("What follows from these duties" in one for one in file.cannot_say)


def test_what_a_person_wrote_stands_between_marks() -> None:
    file = a_file(because="It is her fault, she was negligent.")
    told = readable(file).markdown()
    assert JUDGEMENT.search(told)
    assert not JUDGEMENT.search(re.sub(r"“[^”]*”", "", told))


def test_words_of_others_are_text_in_the_document() -> None:
    page = readable(a_file(because="<script>alert(1)</script>")).html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
