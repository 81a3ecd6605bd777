"""What each may do: files of policies, decisions, and what a broken file does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cityward.core.errors import SettingsError
from cityward.core.principal import Principal
from cityward.secure.policy import Around, Policies, Resource, at_machine, nobody
from cityward.secure.policy import policies as deciding
from cityward.secure.policy.policies import ROLES, check_files, standing_for
from cityward.secure.policy.table import matrix_text

CITY = Resource(kind="City")
GOOD = """@id("own")
@advice("Analysts read privacy here.")
permit (principal in Role::"analyst", action == Action::"read-privacy", resource);
"""
NOW = Around(age_seconds=0)


@pytest.fixture(scope="module")
def shipped() -> Policies:
    return Policies()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("\n// a word\npermit (principal, action", 3, "cannot be read"),
        ("permit (principal, action, resource);", 1, "no @id"),
        (GOOD + '@id("x")\n@advice(" ")\npermit (principal, action, resource);', 4, "no @id or no @advice"),
        (GOOD.replace("read-privacy", "read-everything"), 1, "unrecognized action"),
        (GOOD.replace(";", " when { context.moon };"), 1, "moon"),
        (GOOD.replace('"own"', '"public"'), 1, "is that of public.cedar"),
        (GOOD.replace('principal in Role::"analyst"', "principal == ?principal"), 1, "template"),
        (
            '@id("a;b // c")\n@advice("a \\" ; b")\npermit (principal, action, resource) when { 1 + "a" == 2 };',
            1,
            "type",
        ),
    ],
)
def test_a_broken_file_is_refused_whole_with_file_and_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    (tmp_path / "own.cedar").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        Policies(tmp_path)
    assert f"own.cedar, line {line}:" in refused.value.what
    assert why in refused.value.what
    assert refused.value.remedy
    assert check_files([tmp_path / "own.cedar"], None)[0].what.split(": ", 1)[1] == refused.value.what.split(": ", 1)[1]


def test_hostile_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "own.cedar"
    for data in (b"\xff\xfe\x00", b"// x\n" * 100_000):
        file.write_bytes(data)
        with pytest.raises(SettingsError, match=r"own\.cedar"):
            Policies(tmp_path)


def test_the_last_good_set_stays_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "LOOKED_SECONDS", 0.0)
    file, analyst = tmp_path / "own.cedar", standing_for("analyst")
    found = Policies(tmp_path)

    def may() -> bool:
        return found.decide(analyst, "read-privacy", CITY, NOW).allowed

    assert not may()
    file.write_text(GOOD, encoding="utf-8")
    assert may()
    assert not found.problem
    file.write_text(GOOD + "permit (", encoding="utf-8")
    assert may()
    assert "line 4" in found.problem
    file.write_text(GOOD.replace("permit", "forbid"), encoding="utf-8")
    assert not may()
    assert not found.problem
    file.unlink()
    os.utime(tmp_path)
    assert not may()


def test_no_own_rule_lifts_what_is_forbidden(tmp_path: Path) -> None:
    text = '@id("all")\n@advice("All may all.")\npermit (principal, action, resource);\n'
    (tmp_path / "own.cedar").write_text(text, encoding="utf-8")
    found = Policies(tmp_path)
    rule = Resource(kind="Rule", id="fee")
    assert found.decide(standing_for("analyst"), "read-privacy", CITY, NOW).allowed
    verdict = found.decide(standing_for("analyst"), "publish-rule", rule, NOW)
    assert not verdict.allowed
    assert [one.id for one in verdict.rules] == ["second-person"]


@pytest.mark.parametrize(
    ("around", "assurance", "rules"),
    [
        (Around(age_seconds=600, four_eyes=True), "passkey", ["publish-rule"]),
        (Around(age_seconds=601, four_eyes=True), "passkey", ["fresh-sign-in"]),
        (Around(age_seconds=0, four_eyes=False), "passkey", ["second-person"]),
        (Around(age_seconds=0, four_eyes=True), "password", ["two-factors"]),
        (Around(), "password", ["fresh-sign-in", "second-person", "two-factors"]),
    ],
)
def test_what_matters_most_takes_two_people_two_factors_and_a_fresh_sign_in(
    shipped: Policies, around: Around, assurance: str, rules: list[str]
) -> None:
    who = Principal(id="p-1", name="Ana Gómez", kind="person", roles=("legislator",), assurance=assurance)  # type: ignore[arg-type]
    verdict = shipped.decide(who, "publish-rule", Resource(kind="Rule", id="fee"), around)
    assert [one.id for one in verdict.rules] == rules
    assert verdict.allowed == (rules == ["publish-rule"])
    assert all(one.file.endswith(".cedar") and one.line > 0 for one in verdict.rules)


def test_the_machine_is_bound_where_the_city_says_so(shipped: Policies) -> None:
    rule = Resource(kind="Rule", id="fee")
    asked = {
        two: shipped.decide(at_machine(), "publish-rule", rule, Around(loopback=True, two_at_machine=two))
        for two in (True, False)
    }
    assert not asked[True].allowed
    assert asked[False].allowed
    stranger = Principal(id="machine", name="", kind="person", roles=())
    assert not shipped.decide(stranger, "read-privacy", CITY, Around(loopback=False)).allowed


def test_a_token_sends_rows_of_its_own_source_and_nothing_else(shipped: Policies) -> None:
    def token(*scopes: str) -> Principal:
        return Principal(id="t-1", name="feed", kind="service", roles=("source",), assurance="token", scopes=scopes)

    def sends(who: Principal, source: str) -> bool:
        return shipped.decide(who, "send-rows", Resource(kind="Source", id=source), NOW).allowed

    right = token("intake:write", "source:311")
    assert sends(right, "311")
    assert not any(sends(right, other) for other in ("312", "311.", "311/", " 311", "", "*", "３１１"))
    assert not sends(token("intake:write"), "311")
    assert not sends(token("intake:read", "source:311"), "311")
    for action, known in shipped.actions.items():
        if "public" not in known.groups and action != "send-rows":
            facts = {"state": "waiting", "overseers": []} if "Decision" in known.kinds else {}
            thing = Resource(kind=known.kinds[0], id="311", facts=facts if known.kinds[0] == "Decision" else {})
            assert not shipped.decide(
                right, action, thing, Around(loopback=True, four_eyes=True, age_seconds=0)
            ).allowed


def test_an_overseer_whom_the_register_names_settles_and_no_other(shipped: Policies) -> None:
    def settles(name: str, state: str, overseers: list[str]) -> bool:
        who = Principal(id="p-1", name=name, kind="person", roles=("overseer",), assurance="passkey")
        thing = Resource(kind="Decision", id="D-1", facts={"state": state, "overseers": overseers})
        return shipped.decide(who, "settle-decision", thing, NOW).allowed

    assert settles("Ana Gómez", "waiting", [])
    assert settles("Ana Gómez", "waiting", ["Ana Gómez"])
    assert not settles("Ben Okri", "waiting", ["Ana Gómez"])
    assert not settles("Ana Gómez", "decided", ["Ana Gómez"])
    unknown = Resource(kind="Decision", id="D-2")
    overseer = standing_for("overseer")
    assert not shipped.decide(overseer, "settle-decision", unknown, NOW).allowed


def test_somebody_unknown_may_what_is_public_and_nothing_else(shipped: Policies) -> None:
    for action, known in shipped.actions.items():
        for kind in known.kinds:
            told = shipped.decide(nobody(), action, Resource(kind=kind, id="x"), Around(loopback=True))
            assert told.allowed == ("public" in known.groups), action


def test_the_matrix_in_the_docs_is_current(shipped: Policies) -> None:
    page = Path(__file__).parents[3] / "docs" / "access-matrix.md"
    assert matrix_text(shipped.matrix()) in page.read_text(encoding="utf-8"), "python docs/write_references.py"


def test_a_refusal_says_who_may_and_not_whether_there_is_such_a_thing(shipped: Policies) -> None:
    told = shipped.decide(standing_for("analyst"), "settle-decision", Resource(kind="Decision", id="D-7"), NOW).told
    assert told == "You may not settle a decision that waits for a person. No rule permits it. Who may: overseers."
    assert {role for _, may in shipped.matrix() for role in may} == set(ROLES)
