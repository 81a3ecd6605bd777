"""Drafts of rules in a city: replayed on its own decisions, and published with a receipt that covers the evidence."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner
from tests.answerable.replay.drawn import AWARD, people, stricter
from tests.city.awarded import NOW, awarded

from cityward.answerable.table import write_form
from cityward.city import City, init, open_city
from cityward.cli.main import group
from cityward.core.clock import Clock
from cityward.core.errors import Refused, SettingsError, UserError

MAY = date(2026, 5, 1), date(2026, 5, 31)
BECAUSE = "The council lowered the limit on 2 May."


@pytest.fixture(scope="module")
def decided_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city that awarded scholarships; tests that write work on a copy."""
    return awarded(tmp_path_factory.mktemp("drafting"))


@pytest.fixture
def city(decided_folder: Path, tmp_path: Path):
    with open_city(shutil.copytree(decided_folder, tmp_path / "city"), Clock.fixed(NOW)) as opened:
        yield opened


def test_a_draft_is_replayed_on_what_the_city_decided(city: City):
    found = city.drafting.replay(stricter(), *MAY, groups=["enrolled"])
    cases = people(400)
    lost = cases.filter(pl.col("enrolled"), pl.col("income").is_between(1000, 1200, closed="left"),
                        pl.col("grade").is_between(5, 9, closed="left")).height  # fmt: skip
    assert found.cases == 400
    assert found.whole.worse.cases == lost
    assert {one.group for one in found.groups} == {"true", "false"}
    assert len(found.territories) == 9
    assert found.cost is not None
    assert found.cost.change == -150 * lost
    assert not found.notes  # the rule of then is kept beside the decisions
    text = str(found)
    assert "S-1" not in text
    looked = city.keeper.consults(1)[0]
    assert (looked.reader, looked.purpose) == ("cityward-drafts", "rule-drafting")


def test_what_cannot_be_replayed_says_why(city: City, tmp_path: Path):
    drafting = city.drafting
    with pytest.raises(UserError, match="says the same as scholarship-award 1, which is in force"):
        drafting.replay(stricter(1200, "9"), *MAY)
    with pytest.raises(UserError, match=r"Nothing was decided by 'scholarship-award' from 2026-06-01"):
        drafting.replay(stricter(), date(2026, 6, 1), date(2026, 6, 30))
    with pytest.raises(UserError, match="Decided by then: scholarship-award"):
        drafting.replay(stricter(), *MAY, rule="benefit-control")
    with pytest.raises(UserError, match="is before"):
        drafting.replay(stricter(), MAY[1], MAY[0])
    with pytest.raises(UserError, match="nothing to group by"):
        drafting.replay(stricter(), *MAY, groups=["colour"])
    with pytest.raises(SettingsError, match="no rule 'nothing'"):
        drafting.replay(stricter(uses=("nothing",)), *MAY)
    with pytest.raises(UserError, match="still waits"):
        drafting.replay(stricter(), *MAY, against="outcome")
    (city.folder.grants / "decisions-replay.toml").unlink()
    with pytest.raises(Refused, match="cityward-drafts"):
        drafting.replay(stricter(), *MAY)


def test_a_city_without_decisions_points_to_a_table_of_cases(tmp_path: Path, chicago: Path):
    init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson", time_zone="UTC")
    with open_city(tmp_path / "city") as city:
        with pytest.raises(UserError, match="not decided any case yet"):
            city.drafting.replay(stricter(), *MAY)
        found = city.drafting.replay_cases(stricter(), people(200))
        assert found.cases == 200
        assert city.drafting.replay_cases(stricter(), people(200), groups=["enrolled"]).groups


def test_a_version_is_published_with_its_evidence_and_ends_the_one_before(city: City):
    found = city.drafting.replay(stricter(), *MAY)
    city.drafting.save(stricter())
    assert city.drafting.drafts() == ("scholarship-award",)
    first = date(2026, 6, 1)
    made = city.drafting.publish(stricter(), first, by="Ana Ruiz", because=BECAUSE, evidence=found)
    assert city.rule("scholarship-award").version == "1"
    old, new = (city.drafting.in_force("scholarship-award", day) for day in (first - timedelta(days=1), first))
    assert old is not None
    assert new is not None
    assert (old.version, new.version, made.replaces) == ("1", "2", "1")
    entry = city.ledger_entries(made.receipt, 1)[0]
    assert entry["facts"]["evidence"] == sha256(made.evidence.encode()).hexdigest()
    assert entry["facts"]["digest"] == made.digest
    assert "Ruiz" not in json.dumps(entry)
    assert city.drafting.drafts() == ()
    assert city.verify()
    told = city.explain(made.id)
    assert "Ana Ruiz published version 2 of scholarship-award" in told.sentence
    with pytest.raises(UserError, match="There is a version 2"):
        city.drafting.publish(stricter(), date(2026, 7, 1), by="Ana Ruiz", because=BECAUSE, evidence=found)
    with pytest.raises(UserError, match="valid from 2026-06-01, which is not before"):
        city.drafting.publish(stricter(900, "3"), first, by="Ana Ruiz", because=BECAUSE, evidence=None, without="none")


def test_a_signature_that_the_ledger_does_not_prove_counts_for_nothing(city: City):
    made = city.drafting.publish(
        stricter(), date(2026, 6, 1), by="Ana Ruiz", because=BECAUSE, evidence=city.drafting.replay(stricter(), *MAY)
    )
    assert city.drafting.published() == [made]
    city.registers.put("rule", [msgspec.structs.replace(made, by="Eva Sol")], update=("body",))
    assert city.drafting.published() == []


def test_nothing_is_published_without_name_reason_day_evidence_or_soundness(city: City):
    found = city.drafting.replay(stricter(), *MAY)
    later, publish = date(2026, 6, 1), city.drafting.publish
    hole = stricter(rows=stricter().sheet.rows[:-1])
    for what, draft, day, changed in (
        ("today is 2026-05-04", stricter(), NOW.date(), {}),
        ("[Nn]ame", stricter(), later, {"by": "Ana"}),
        ("reason", stricter(), later, {"because": "so"}),
        ("of another draft", stricter(900), later, {}),
        ("Nothing was replayed", stricter(), later, {"evidence": None}),
        ("has an error: No row decides", hole, later, {"evidence": None, "without": "There are no cases."}),
        ("cityward's own rule", stricter(id="proposal-approval"), later, {"evidence": None, "without": "none"}),
    ):
        with pytest.raises((Refused, UserError), match=what):
            publish(draft, day, **{"by": "Ana Ruiz", "because": BECAUSE, "evidence": found, **changed})
    assert not list(city.folder.rules.glob("*.toml"))
    assert not city.drafting.published()


def test_comments_of_the_version_that_ends_stay(city: City):
    city.folder.rules.mkdir(exist_ok=True)
    own = city.folder.rules / "award.toml"
    own.write_text("# Read the act first.\n" + write_form(AWARD, "toml"), encoding="utf-8")
    found = city.drafting.replay(stricter(), *MAY)
    city.drafting.publish(stricter(), date(2026, 6, 1), by="Ana Ruiz", because=BECAUSE, evidence=found)
    text = own.read_text("utf-8")
    assert text.startswith("# Read the act first.")
    assert "valid_until = 2026-05-31" in text
    assert sorted(path.name for path in city.folder.rules.glob("*.toml")) == ["award.toml", "scholarship-award-2.toml"]


def run(*arguments: object):
    return CliRunner().invoke(group, ["rules", *map(str, arguments)], standalone_mode=False)


def test_the_command_tells_people_and_programs(decided_folder: Path, tmp_path: Path):
    draft, cases = tmp_path / "draft.toml", tmp_path / "cases.csv"
    draft.write_text(write_form(stricter(), "toml"), encoding="utf-8")
    people(300).write_csv(cases)
    period = ("--from", "2026-05-01", "--to", "2026-05-31", "--city", decided_folder)
    done = run("replay", draft, *period, "--cost", "amount", "--group", "enrolled")
    assert done.exception is None, done.exception
    assert done.output.startswith("Of 400 cases ")
    for told in ("half → none", "Cost: ", "By territory, share that loses:", "95 %"):
        assert told in done.output
    found = json.loads(run("replay", draft, *period, "--json").output)
    assert found["cases"] == 400
    assert found["headline"] in done.output
    priced = json.loads(
        run("replay", draft, "--cases", cases, "--city", decided_folder, "--cost", "full=2,half=1", "--json").output
    )
    assert (priced["cases"], priced["cost"]["unit"]) == (300, "EUR")
    for wrong, what in (
        ((draft, "--city", decided_folder), "Which decisions"),
        ((draft, *period, "--cases", cases), "no period"),
        ((draft, *period, "--cost", "full=much"), "is no number"),
    ):
        assert what in str(run("replay", *wrong).exception)
    unit = tmp_path / "unit.toml"
    unit.write_text(draft.read_text("utf-8").replace('unit = "1"\n', "", 1), encoding="utf-8")
    assert "without a unit" in str(run("replay", unit, *period).exception)
    assert "later day" in str(
        run("publish", draft, "--valid-from", "2020-01-01", "--by", "Ana Ruiz", "--because", BECAUSE, *period).exception
    )


def test_ten_thousand_rows_are_replayed(city: City):
    rows = tuple(
        type(AWARD.sheet.rows[0])(
            when={"income": f"[{at / 4}..{(at + 1) / 4})"},
            then={"outcome": "half" if at < 4_000 else "none", "amount": 1},
        )
        for at in range(10_000)
    )
    found = city.drafting.replay(stricter(rows=rows), *MAY)
    assert found.cases == 400
