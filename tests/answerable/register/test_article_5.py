"""What article 5 forbids is refused by practice, and its words raise a question that a person has to answer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.answerable.register.making import a_system, a_text

from cityward.answerable.register.checking import findings, stands_in_the_way
from cityward.answerable.register.forbidden import FORBIDDEN, suspicions
from cityward.answerable.register.shape import Statement, System
from cityward.answerable.registry import read_systems
from cityward.core.errors import Refused

PURPOSES = {
    "5(1)(a)": "Uses subliminal sounds in the metro so that riders keep to the left.",
    "5(1)(b)": "Exploits the vulnerability of elderly tenants so that they sign.",
    "5(1)(c)": "Gives every resident a citizen score from his conduct in public.",
    "5(1)(d)": "Says how likely a person is to commit an offence from his profile.",
    "5(1)(e)": "Scrapes images of faces from the internet into a database.",
    "5(1)(f)": "Reads the emotions of pupils in the classroom.",
    "5(1)(g)": "Infers religion from facial images of visitors.",
    "5(1)(h)": "Live facial recognition in the squares for the police.",
}
INNOCENT = [
    "Orders visits to kitchens by the results of earlier inspections; burglaries nearby (crime of others) left out.",
    "Says which streets flood first when it rains, from gauges and the height of the ground.",
    "Finds places with more reports of rats than chance explains.",
    "Counts bicycles at a bridge with an induction loop.",
    "Emotional support groups are listed by district. Students can look them up.",
]


@pytest.mark.parametrize("clause", FORBIDDEN.values())
def test_every_clause_is_refused_by_practice_with_the_clause_named(tmp_path: Path, clause: str) -> None:
    practice = next(name for name, known in FORBIDDEN.items() if known == clause)
    with pytest.raises(Refused, match=rf"article {clause.replace('(', '.').replace(')', '.')}") as refused:
        a_system(tmp_path, a_text(replace={'practice = "case-priority"': f'practice = "{practice}"'}))
    assert refused.value.rule == f"ai-act-{clause}"


def test_all_eight_clauses_are_known() -> None:
    assert sorted(FORBIDDEN.values()) == [f"5(1)({letter})" for letter in "abcdefgh"] == sorted(PURPOSES)


@pytest.mark.parametrize("clause", PURPOSES)
@pytest.mark.parametrize("field", ["purpose", "data_used"])
def test_words_raise_a_question_that_nobody_can_pass_in_silence(tmp_path: Path, clause: str, field: str) -> None:
    harmless = msgspec.structs.replace(a_system(tmp_path), rights_affecting=False)
    system = msgspec.structs.replace(harmless, **{field: PURPOSES[clause]})
    assert clause in [one.clause for one in suspicions(system)]
    raised = stands_in_the_way(system, findings(system))
    assert f"ai-act-{clause}" in [one.rule for one in raised]
    clauses = [f"article {one.clause}" for one in suspicions(system)]
    answers = tuple(Statement(about=one, says="It is not that, because of this.", by="Ana Gómez") for one in clauses)
    answered = msgspec.structs.replace(system, statements=answers)
    assert not [one for one in findings(answered) if one.rule.startswith("ai-act-5")]


@pytest.mark.parametrize("words", INNOCENT)
def test_the_words_of_honest_systems_raise_nothing(tmp_path: Path, words: str) -> None:
    assert suspicions(msgspec.structs.replace(a_system(tmp_path), purpose=words, data_used=words)) == ()


def test_no_system_that_is_shipped_raises_a_question(chicago: Path) -> None:
    found = read_systems(chicago / "systems")
    assert not found.problems
    assert len(found.systems) == 6
    questions = [one for system in found.systems.values() for one in findings(system) if one.weight == "question"]
    assert questions == []


@pytest.mark.parametrize("written", ["Social  SCORING", "social\nscoring", "Sócial scoring", "social-scoring"])
def test_writing_it_otherwise_does_not_hide_it(tmp_path: Path, written: str) -> None:
    system: System = msgspec.structs.replace(a_system(tmp_path), purpose=f"A kind of {written} of the city")
    assert [one.clause for one in suspicions(system)] == ["5(1)(c)"]
