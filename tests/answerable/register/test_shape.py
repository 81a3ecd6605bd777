"""What a file may say: classes of risk, parties, two versions at once."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from tests.answerable.register.making import a_system, a_text

from cityward.answerable.register.annex_iii import USES, looks_like
from cityward.answerable.register.checking import findings, stands_in_the_way
from cityward.answerable.register.shape import ANNEX_III, RandomArm
from cityward.answerable.registry import read_systems
from cityward.core.errors import SettingsError

MINIMAL = 'risk_class = "minimal"'
DEROGATION = 'derogation = { condition = "a", because = "It only sorts papers that a person reads." }\n'


def test_a_complete_system_lacks_nothing(tmp_path: Path) -> None:
    assert findings(a_system(tmp_path)) == ()


def test_every_point_of_annex_iii_is_a_class_and_has_its_words() -> None:
    assert len(ANNEX_III) == 25
    assert set(USES) == set(ANNEX_III)


@pytest.mark.parametrize("wrong", ["high", "annex III 9", "minimal: because", "unacceptable"])
def test_a_class_of_risk_is_one_of_the_law(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"line 7: risk_class .* is unknown"):
        a_system(tmp_path, a_text(replace={MINIMAL: f'risk_class = "{wrong}"'}))


def test_a_use_of_annex_iii_is_not_minimal_without_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"annex III \(5\(a\).*cannot be called minimal without a reason"):
        a_system(tmp_path, a_text(more='annex_iii = ["5(a)"]\n'))
    assert a_system(tmp_path, a_text(more=f'annex_iii = ["5(a)"]\n{DEROGATION}')).risk_class == "minimal"
    high = a_text(more='annex_iii = ["5(a)"]\n', replace={MINIMAL: 'risk_class = "annex III 5(a)"'})
    assert a_system(tmp_path, high).high_risk


def test_who_profiles_people_has_no_way_out_of_annex_iii(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="always high-risk"):
        a_system(tmp_path, a_text(more=f'annex_iii = ["5(a)"]\nprofiles_people = true\n{DEROGATION}'))


@pytest.mark.parametrize(
    ("purpose", "point"),
    [
        ("Says who is eligible for housing benefits first.", "5(a)"),
        ("Awards a scholarship by marks and income.", "5(a)"),
        ("Orders emergency calls by how grave they sound: priority of ambulances.", "5(d)"),
        ("Assigns children to schools by distance.", "3(a)"),
        ("Controls the traffic lights of the ring.", "2"),
        ("Ranks job applicants of the city hall.", "4(a)"),
    ],
)
def test_a_purpose_that_reads_like_annex_iii_raises_a_question(tmp_path: Path, purpose: str, point: str) -> None:
    harmless = msgspec.structs.replace(a_system(tmp_path), rights_affecting=False)
    system = msgspec.structs.replace(harmless, purpose=purpose)
    assert f"annex III {point}" in [one.clause for one in looks_like(system)]
    assert "ai-act-6(2)" in [one.rule for one in stands_in_the_way(system, findings(system))]
    named = msgspec.structs.replace(system, annex_iii=(point,), risk_class=f"annex III {point}")
    assert "ai-act-6(2)" not in [one.rule for one in findings(named)]


def test_a_manufacturer_outside_the_union_needs_an_importer(tmp_path: Path) -> None:
    outside = a_text(replace={}).replace('name = "Some Manufacturer"', 'name = "Some Manufacturer"\noutside = true')
    with pytest.raises(SettingsError, match="nobody is named as importer"):
        a_system(tmp_path, outside)
    both = (
        '\n[[parties]]\nduty = "importer"\nname = "An Importer"\n[[parties]]\nduty = "distributor"\nname = "A Shop"\n'
    )
    assert {"importer", "distributor"} <= {one.duty for one in a_system(tmp_path, outside + both).parties}


def test_a_selection_without_a_lot_is_not_ready(tmp_path: Path) -> None:
    system = a_system(tmp_path)
    for arm in (None, RandomArm(share=0.0, because="Because of a very good reason.")):
        lacking = msgspec.structs.replace(system, random_arm=arm)
        assert "random-arm" in [one.rule for one in stands_in_the_way(lacking, findings(lacking))]
    harmless = msgspec.structs.replace(system, rights_affecting=False, random_arm=arm)
    assert "random-arm" not in [one.rule for one in findings(harmless)]


def test_rights_that_nobody_spoke_of_count_as_affected(tmp_path: Path) -> None:
    system = a_system(tmp_path, a_text(replace={"rights_affecting = true\n": ""}))
    assert system.strict
    assert not msgspec.structs.replace(system, rights_affecting=False).strict
    assert msgspec.structs.replace(system, rights_affecting=False, risk_class="annex III 5(a)").strict


def test_an_overseer_of_a_strict_system_is_competent(tmp_path: Path) -> None:
    text = a_text().replace('competence = "Reads applications since 2010."\n', "")
    found = findings(a_system(tmp_path, text))
    assert [one.says for one in found] == ["Of its overseer, Some Overseer, it does not give competence."]


def test_a_figure_stands_within_its_interval(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"0\.9 is not within 0\.6 to 0\.8"):
        a_system(tmp_path, a_text(replace={"value = 0.7": "value = 0.9"}))


def test_two_versions_at_once_are_neither(tmp_path: Path) -> None:
    a_system(tmp_path)
    a_system(tmp_path, a_text(replace={'version = "1"': 'version = "2"'}), name="tree-permits-new")
    found = read_systems(tmp_path)
    assert "tree-permits" not in found.systems
    assert "cityward-planner" in found.systems
    assert set(found.problems) == {"tree-permits.toml", "tree-permits-new.toml"}
    for problem in found.problems.values():
        assert isinstance(problem, SettingsError)
        assert re.search(r"two versions at once: (1|2) in .*(1|2) in", str(problem))


def test_a_broken_file_does_not_let_the_shipped_one_answer(tmp_path: Path) -> None:
    (tmp_path / "cityward-planner.toml").write_text('id = "cityward-planner"\n', encoding="utf-8")
    found = read_systems(tmp_path)
    assert "cityward-planner" not in found.systems
    assert "cityward-silence" in found.systems
