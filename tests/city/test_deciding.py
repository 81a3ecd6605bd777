"""Decisions of cases: made by a rule, settled by people, counted only as far as the ledger proves them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from cityward.answerable.table import load_tables, write_form
from cityward.city import City, open_city
from cityward.core.clock import Clock
from cityward.core.decided import KeptRule, Proof
from cityward.core.errors import CityBusy, Refused, SettingsError, UnknownId, UserError
from cityward.core.identifiers import kind_of
from cityward.guard.decided import leaves_path
from cityward.secure.keys import create_signer, load_public_key
from cityward.secure.proofs import check_proof
from cityward.store.erasure import rewrite
from cityward.store.history_table import DECISIONS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CASES = pl.DataFrame(
    {
        "case": [f"pupil-{at}" for at in range(6)],
        "income": [100.0, 2_000.0, 700.0, 1_300.0, None, 50.0],
        "grade": [6.0, 9.5, 7.0, 5.0, 8.0, 4.0],
        "enrolled": [True, True, False, True, True, True],
        "territory": ["8", "8", "32", "32", "8", None],
    }
)
ADA = {"by": "Ada Lovelace", "competence": "head of the office of scholarships", "because": "the papers say so"}
SYSTEM = """
id = "awards"
name = "Awards"
version = "1"
purpose = "Proposes who is awarded a municipal scholarship."
practice = "other"
risk_class = "minimal"
risk_reason = "it applies a rule that people read"
rights_affecting = {rights}
data_used = "income, grade and enrolment"
oversight = "A person settles each case that waits."
appeal = "Write to the office of scholarships within six weeks."
parties = [
  {{ duty = "designer", name = "City" }}, {{ duty = "manufacturer", name = "City" }},
  {{ duty = "owner", name = "City" }}, {{ duty = "operator", name = "Office" }},
  {{ duty = "overseer", name = "Ada Lovelace", contact = "ada@example.org" }},
]
"""


@pytest.fixture
def city(plain_city: Path, tmp_path: Path) -> Iterator[City]:
    folder = tmp_path / "city"
    shutil.copytree(plain_city, folder)
    (folder / "systems").mkdir(exist_ok=True)
    (folder / "systems" / "awards.toml").write_text(SYSTEM.format(rights="false"), encoding="utf-8")
    with open_city(folder, Clock.fixed(NOON)) as opened:
        yield opened


def make(city: City, frame: pl.DataFrame = CASES, rule: str = "scholarship-award", **more: object):
    return city.deciding.make("awards", rule, frame, **more)  # type: ignore[arg-type]


def waiting(city: City) -> str:
    return city.deciding.list("waiting")[0].id


def test_a_batch_is_decided_with_one_receipt(city: City):
    batch = make(city)
    assert (batch.cases, batch.waiting, kind_of(batch.id)) == (6, 1, "decisions")
    (entry,) = city.ledger_entries(batch.receipt, 1)
    assert (entry["kind"], entry["subject"]) == ("decisions", batch.id)
    assert entry["facts"]["root"] == batch.root
    assert entry["facts"]["count"] == 6
    told = str(entry)
    assert not any(name in told for name in CASES["case"])
    assert city.deciding.counts() == {"waiting": 1, "decided": 5, "reversed": 0}
    found = {one.case: one for one in city.deciding.list()}
    assert found["pupil-0"].outcome == "full"
    assert found["pupil-0"].by == ""
    assert found["pupil-4"].state == "waiting"
    assert found["pupil-4"].outcome is None
    assert {kind_of(one.id) for one in found.values()} == {"case-decision"}
    assert city.deciding.unproved() == {}
    assert city.verify().ok


def test_what_was_decided_is_still_there_after_the_city_was_closed(city: City):
    make(city)
    before = city.deciding.list()
    city.close()
    with open_city(city.path, Clock.fixed(NOON)) as again:
        assert again.deciding.list() == before
        assert again.deciding.unproved() == {}


def test_a_person_settles_what_waits_and_the_ledger_says_so(city: City):
    make(city)
    name = waiting(city)
    done = city.deciding.settle(name, "half", **ADA, looked_seconds=40.0, own_view="half")
    assert (done.state, done.outcome, done.own_view, done.agreed) == ("decided", "half", "half", None)
    entry = city.ledger_entries(city.receipt_of(name) or 0, 1)[0]
    assert (entry["kind"], entry["subject"]) == ("settled", name)
    assert "Ada" not in str(entry)
    assert city.deciding.get(name) == done
    with pytest.raises(UserError, match="was decided already"):
        city.deciding.settle(name, "full", **ADA)
    turned = city.deciding.reverse(name, "full", by="Grace Hopper", because="the income was known", appeal="Z-1")
    assert (turned.state, turned.outcome) == ("reversed", "full")
    assert city.deciding.counts()["reversed"] == 1
    assert city.deciding.unproved() == {}
    proof = city.deciding.prove(name)
    assert check_proof(proof, load_public_key(city.folder.public_key)) == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"by": "operator"}, "No person is named"),
        ({"competence": ""}, "competence"),
        ({"because": "yes"}, "A reason has"),
        ({"outcome": "fulll"}, "no outcome of the rule"),
        ({"own_view": "fulll"}, "no view of the rule"),
    ],
)
def test_nobody_settles_without_name_competence_and_reason(city: City, changed: dict[str, str], says: str):
    make(city)
    with pytest.raises(Refused, match=says):
        city.deciding.settle(waiting(city), **{"outcome": "half", **ADA, **changed})
    assert city.deciding.counts()["waiting"] == 1


def test_nobody_decides_on_a_complaint_against_himself(city: City):
    make(city)
    name = waiting(city)
    with pytest.raises(UserError, match="not decided yet"):
        city.deciding.reverse(name, "full", by="Grace Hopper", because="it is due to them", appeal="Z-1")
    city.deciding.settle(name, "half", **ADA)
    with pytest.raises(Refused, match="against himself"):
        city.deciding.reverse(name, "full", by="ADA Lovelace", because="it is due to them", appeal="Z-1")
    with pytest.raises(UserError, match="says that already"):
        city.deciding.reverse(name, "half", by="Grace Hopper", because="it is due to them", appeal="Z-1")


def test_a_system_that_affects_rights_must_be_approved(city: City):
    text = SYSTEM.format(rights="true")
    (city.folder.systems / "awards.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="affects rights"):
        make(city)
    with pytest.raises(Refused, match="is not registered"):
        city.deciding.make("nobody", "scholarship-award", CASES)


def test_a_system_that_affects_rights_waits_for_its_overseer(city: City):
    make(city)
    name = waiting(city)
    text = SYSTEM.format(rights="true").replace('name = "Ada', 'name = "Grace')
    (city.folder.systems / "awards.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="does not name this person"):
        city.deciding.settle(name, "half", **ADA)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (NOON + timedelta(hours=1), "ahead of the city's clock"),
        (NOON.replace(tzinfo=None), "no time zone"),
        (datetime(2025, 12, 31, tzinfo=UTC), "No version of scholarship-award is valid"),
    ],
)
def test_a_moment_outside_what_is_valid_is_refused(city: City, at: datetime, says: str):
    with pytest.raises(UserError, match=says):
        make(city, at=at)
    assert city.deciding.list() == []


def test_two_versions_that_are_valid_at_once_decide_nothing(city: City):
    city.folder.rules.mkdir(exist_ok=True)
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    for version in ("2", "3"):
        text = write_form(own, "toml").replace('version = "1"', f'version = "{version}"')
        (city.folder.rules / f"{version}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="Two versions of scholarship-award"):
        make(city)


def test_the_same_at_the_same_moment_is_decided_once(city: City):
    make(city)
    with pytest.raises(UserError, match="at that moment already"):
        make(city)
    assert sum(city.deciding.counts().values()) == 6
    assert make(city, at=NOON - timedelta(hours=1)).cases == 6
    assert sum(city.deciding.counts().values()) == 12


def test_a_decision_is_told_with_what_mattered_and_what_would_have_changed_it(city: City):
    make(city)
    one = next(one for one in city.deciding.list() if one.case == "pupil-2")
    rules = city.folder.rules
    rules.mkdir(exist_ok=True)
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    (rules / "mine.toml").write_text(write_form(own, "toml").replace('"none"', '"other"').split("[[tests]]")[0])
    told = city.deciding.told(one.id)  # by the rule as it was, whatever its file says today
    assert told.decision.outcome == "none"
    assert "row" in told.says
    assert told.factors
    assert any("enrolled" in one for one in told.would_change)
    assert told.overseer == "Ada Lovelace"
    assert told.appeal.startswith("Write to the office")
    explained = city.explain(one.id)
    assert explained.receipt == told.receipt
    assert ("case", "pupil-2") in explained.evidence


def test_what_does_not_exist_is_not_found(city: City):
    for name in ("D-0123456789abcdef", "D-0123456789", "nonsense"):
        with pytest.raises(UnknownId):
            city.deciding.get(name)
    make(city)
    with pytest.raises(UnknownId):
        city.deciding.prove("D-0123456789abcdef")
    with pytest.raises(UserError, match="no state"):
        city.deciding.list("undecided")


def test_without_a_grant_nobody_reads_decisions(city: City):
    make(city)
    name = waiting(city)
    (city.folder.grants / "decisions.toml").unlink()
    for read in (city.deciding.list, lambda: city.deciding.get(name), lambda: city.deciding.prove(name)):
        with pytest.raises(Refused, match="No grant lets cityward-decisions read decisions"):
            read()


def test_a_second_writer_is_told(city: City):
    make(city)
    with open_city(city.path, Clock.fixed(NOON)) as other, pytest.raises(CityBusy):
        make(other, at=NOON - timedelta(hours=2))


# -- what is shown to whom ---------------------------------------------------------------------------


def test_nobody_is_told_what_the_rule_says_of_a_waiting_case_before_an_own_view(city: City):
    make(city, rule=all_wait(city))
    name = next(one.id for one in city.deciding.list("waiting") if one.case == "pupil-0")
    shown = (
        city.deciding.list("waiting"), city.deciding.get(name), city.deciding.told(name),
        city.deciding.overview(9), city.explain(name),
    )  # fmt: skip
    for told in shown:
        text = str(told)
        assert "says full" not in text, told
        assert "recommended='full'" not in text, told
        assert "the rule asks for" not in text, told
    assert city.deciding.get(name).withheld
    assert city.deciding.told(name).factors
    assert not city.deciding.told(name).would_change
    with pytest.raises(Refused, match="holds what the rule says"):
        city.deciding.prove(name)
    with pytest.raises(Refused, match="no view of the rule"):
        city.deciding.told(name, own_view="whatever")
    told = city.deciding.told(name, own_view="none")
    assert (told.decision.recommended, told.decision.withheld) == ("full", False)
    done = city.deciding.settle(name, "full", **ADA, own_view="none")
    assert (done.agreed, done.recommended, city.deciding.get(name).withheld) == (True, "full", False)


def all_wait(city: City) -> str:
    """A rule that has all wait, and ends today."""
    city.folder.rules.mkdir(exist_ok=True)
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    text = write_form(own, "toml").split("[[tests]]")[0].replace("valid_from = 2026-01-01", "valid_until = 2026-05-01")
    text = text.replace("[[rows]]", '[outputs.waits]\ntype = "yes-no"\n\n[[rows]]', 1)
    text = text.replace("amount =", "waits = true, amount =").replace('version = "1"', 'version = "0"')
    text = text.replace('id = "scholarship-award"', 'id = "all-wait"')
    (city.folder.rules / "all-wait.toml").write_text(text, encoding="utf-8")
    return "all-wait"


def test_a_decision_is_found_by_its_case(city: City):
    make(city, at=NOON - timedelta(hours=1))
    newest = make(city)
    found = city.deciding.get(city.deciding.find("pupil-1"))
    assert (found.case, found.batch) == ("pupil-1", newest.id)
    assert city.deciding.find(found.id) == found.id
    with pytest.raises(UnknownId) as error:
        city.deciding.find("Maria Nobody")
    assert "Maria" not in str(error.value)


def test_the_overview_is_two_looks(city: City):
    make(city)
    before = len(city.keeper.consults(limit=100))
    found = city.deciding.overview(3)
    assert len(city.keeper.consults(limit=100)) == before + 2
    assert found.counts == city.deciding.counts()
    assert [one.id for one in found.waiting] == [one.id for one in city.deciding.list("waiting")]
    assert len(found.decided) == 3


# -- which text decided, and what had to be said -----------------------------------------------------


def change_rule(city: City, change: Callable[[KeptRule], KeptRule]) -> None:
    """Change the text of the rule that is kept, as somebody with access to the registers would."""
    registers = city.keeper.registers._inside
    (kept,) = registers.list_of("rule-version", KeptRule)
    registers.put("rule-version", [change(kept)], update=("body",))


def test_the_text_that_decided_is_told_and_proved(city: City):
    make(city)
    one = city.deciding.list("decided")[0]
    told = city.deciding.told(one.id)
    assert one.rule_digest in told.text
    assert "Valid from 2026-01-01" in told.text
    assert ("text of the rule", told.text) in city.explain(one.id).evidence
    proof = city.deciding.prove(one.id)
    assert proof.rule is not None
    assert proof.rule.holds(one.rule_digest)
    assert 'id = "scholarship-award"' in proof.rule.body


def test_a_rule_whose_text_was_changed_is_named_and_explains_nothing(city: City):
    batch = make(city)
    name = city.deciding.list("decided")[0].id
    change_rule(city, lambda kept: msgspec.structs.replace(kept, body=kept.body.replace("none", "half")))
    assert "not kept as it was" in city.deciding.prove(name).problem
    assert list(city.deciding.unproved()) == [batch.id]
    told = city.deciding.told(name)
    assert "not kept as it was" in told.text
    assert not told.factors


def test_what_had_to_be_said_of_the_system_stays_with_the_decision(city: City):
    batch = make(city)
    assert "is not approved by anybody" in batch.caveats
    (entry,) = city.ledger_entries(batch.receipt, 1)
    assert entry["facts"]["caveats"] == batch.caveats
    name = waiting(city)
    assert city.deciding.told(name).caveats == batch.caveats
    assert ("to be said of the system", batch.caveats) in city.explain(name).evidence


# -- clocks, and rules that end ----------------------------------------------------------------------


def test_a_case_is_settled_by_the_rule_that_was_valid_when_it_was_decided(city: City):
    make(city, rule=all_wait(city))
    city.close()
    with open_city(city.path, Clock.fixed(NOON + timedelta(days=2))) as later:
        with pytest.raises(UserError, match="No version of all-wait is valid on 2026-05-03"):
            later.deciding.make("awards", "all-wait", CASES)
        name = later.deciding.find("pupil-0")
        assert "not valid today" in later.deciding.told(name).text
        assert later.deciding.settle(name, "full", **ADA, own_view="full").agreed
        assert "not valid today" in later.deciding.told(name).text
        assert later.deciding.prove(name).proved


def test_a_clock_that_was_set_back_settles_nothing(city: City):
    make(city, at=NOON + timedelta(minutes=2))
    name = waiting(city)
    assert city.deciding.settle(name, "half", **ADA).changed_at >= NOON + timedelta(minutes=2)
    make(city)
    name = next(one.id for one in city.deciding.list("waiting"))
    city.close()
    with open_city(city.path, Clock.fixed(NOON - timedelta(hours=1))) as earlier:
        with pytest.raises(UserError, match="clock says 2026-05-01 11:00"):
            earlier.deciding.settle(name, "half", **ADA)
        assert earlier.deciding.counts()["waiting"] == 1


# -- persons -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["LOVELACE Ada", "Áda Lovelace", "Ada  Lovelace"])
def test_whoever_oversaw_decides_no_appeal_however_the_name_is_written(city: City, by: str):
    make(city)
    one = next(one.id for one in city.deciding.list("decided") if one.case == "pupil-0")
    with pytest.raises(Refused, match="against himself"):
        city.deciding.reverse(one, "half", by=by, because="it is due to them", appeal="Z-1")


def test_nobody_decides_his_own_case(city: City):
    make(city, CASES.with_columns(case=pl.Series(["Ada Lovelace", "Grace Hopper", "c", "d", "Ada LOVELACE", "f"])))
    with pytest.raises(Refused, match="his own case"):
        city.deciding.settle(waiting(city), "half", **ADA)
    name = city.deciding.find("Grace Hopper")
    with pytest.raises(Refused, match="his own case"):
        city.deciding.reverse(name, "none", by="Grace Hopper", because="it is due to me", appeal="Z-1")


# -- what the ledger does not prove ------------------------------------------------------------------


def forge(city: City, whose: tuple[str, str], change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change rows on disk, as somebody with access to the machine would."""
    city.close()
    column, value = whose
    done = rewrite(city.folder.history, DECISIONS, lambda part: part[column] == value, (column,), change)
    assert done.files == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("outcome", "full"), ("case", "other"), ("inputs", '{"income":1}'), ("by", "Ada Lovelace"), ("state", "waiting")],
)
def test_a_row_that_was_changed_by_hand_counts_for_nothing(city: City, column: str, value: str):
    make(city)
    name = next(one.id for one in city.deciding.list() if one.case == "pupil-3")
    forge(city, ("id", name), lambda rows: rows.with_columns(pl.lit(value).alias(column)))
    assert name not in {one.id for one in city.deciding.list()}
    assert len(city.deciding.list()) == 5
    with pytest.raises(Refused, match="counts for nothing"):
        city.deciding.get(name)
    assert list(city.deciding.unproved()) == [name]
    assert not city.deciding.prove(name).proved


def test_a_row_that_was_added_by_hand_counts_for_nothing(city: City):
    make(city)
    new = "D-00000000000000ff"

    def twice(rows: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([rows, rows.with_columns(id=pl.lit(new), key=pl.lit(7).cast(rows.schema["key"]))])

    forge(city, ("case", "pupil-0"), twice)
    assert new not in {one.id for one in city.deciding.list()}
    assert list(city.deciding.unproved()) == [new]


def test_a_settled_row_that_was_exchanged_counts_for_nothing(city: City):
    make(city)
    name = waiting(city)
    city.deciding.settle(name, "half", **ADA)
    forge(city, ("by", "Ada Lovelace"), lambda rows: rows.with_columns(outcome=pl.lit("full")))
    assert list(city.deciding.unproved()) == [name]
    with pytest.raises(Refused, match="counts for nothing"):
        city.deciding.reverse(name, "none", by="Grace Hopper", because="it is due to them", appeal="Z-1")


def test_what_was_taken_out_in_silence_is_found(city: City):
    batch = make(city)
    name = waiting(city)
    city.deciding.settle(name, "half", **ADA)
    forge(city, ("by", "Ada Lovelace"), pl.DataFrame.clear)
    assert list(city.deciding.unproved()) == [name]
    forge(city, ("case", "pupil-0"), pl.DataFrame.clear)
    assert set(city.deciding.unproved()) == {name, batch.id}
    assert len(city.deciding.list()) == 5  # what is left is proved without the others


def test_what_was_kept_for_long_enough_goes_and_is_not_missed(city: City):
    make(city)
    city.deciding.settle(waiting(city), "half", **ADA)
    make(city, at=NOON - timedelta(days=40))
    toml = city.path / "city.toml"
    text = toml.read_text(encoding="utf-8")
    city.close()
    toml.write_text(f"{text}\n[retention]\ndecisions = 30\n", encoding="utf-8")
    with open_city(city.path, Clock.fixed(NOON)) as later:
        done = later.persons.retain()
        assert done is not None
        assert done.deleted["decisions"] == 6
        assert len(later.deciding.list()) == 6
        assert later.deciding.unproved() == {}


def test_the_tree_is_made_again_from_the_rows_when_its_file_is_lost(city: City):
    batch = make(city)
    path = leaves_path(city.folder.history, batch.id)
    for data in (None, b"", path.read_bytes()[:-1]):
        path.unlink() if data is None else path.write_bytes(data)
        assert len(city.deciding.list()) == 6
        assert (
            check_proof(city.deciding.prove(waiting(city), own_view="half"), load_public_key(city.folder.public_key))
            == ""
        )


def test_a_proof_that_was_changed_anywhere_proves_nothing(city: City):
    proof, key = proof_of(city), load_public_key(city.folder.public_key)
    assert check_proof(proof, key) == ""
    assert proof.change is not None
    forged = msgspec.structs.replace(proof.change, row=proof.change.row.replace('"half"', '"full"'))
    for field in Proof.__struct_fields__:
        if field in ("erased", "handovers"):
            continue  # nothing rests on what was erased; hand-overs are looked at below
        value = getattr(proof, field)
        kept = ("problem", "change", "rule")
        other = value + 1 if isinstance(value, int) else value[1:] if field not in kept else "no"
        other = forged if field == "change" else other
        if field == "rule":
            assert proof.rule is not None
            other = msgspec.structs.replace(proof.rule, body=proof.rule.body.replace("none", "full"))
        assert check_proof(msgspec.structs.replace(proof, **{field: other}), key), field


def proof_of(city: City) -> Proof:
    make(city)
    name = waiting(city)
    city.deciding.settle(name, "half", **ADA)
    return city.deciding.prove(name)


def test_a_proof_leads_from_a_retired_key_to_the_one_that_signs(city: City):
    make(city)
    old = load_public_key(city.folder.public_key)
    for _ in range(2):
        city.ledger_keys.rotate()
        city.ledger_keys.retire()
    name = waiting(city)
    city.deciding.settle(name, "half", **ADA)
    proof = city.deciding.prove(name)
    assert len(proof.handovers) == 2
    assert check_proof(proof, old) == ""
    assert check_proof(proof, load_public_key(city.folder.public_key)) == ""
    # A chain that lacks a link, or whose link one key alone signed, leads nowhere.
    cut = msgspec.structs.replace(proof, handovers=proof.handovers[1:])
    assert "not signed" in check_proof(cut, old)
    forged = proof.handovers[0].rpartition("\u2014")[0]
    assert check_proof(msgspec.structs.replace(proof, handovers=(forged, *proof.handovers[1:])), old)


def test_a_proof_is_of_the_key_of_its_city(city: City, tmp_path: Path):
    stranger = create_signer(tmp_path / "other.key").public_key()
    assert "not signed by this city's key" in check_proof(proof_of(city), stranger)


# -- keeping -----------------------------------------------------------------------------------------


def test_a_sealed_backup_brings_decisions_back(city: City, tmp_path: Path):
    from cityward.guard.backup import open_sealed, seal

    make(city)
    city.deciding.settle(waiting(city), "half", **ADA)
    before = city.deciding.list()
    city.close()
    seal(city.path, city.folder.history, city.path / "keys", tmp_path / "sealed", NOON.date())
    open_sealed(tmp_path / "sealed", city.path / "keys", tmp_path / "back")
    with open_city(tmp_path / "back", Clock.fixed(NOON)) as back:
        assert back.deciding.list() == before
        assert back.deciding.unproved() == {}


def test_the_watch_tells_of_each_person(city: City):
    assert city.deciding.watch() == ()
    make(city)
    city.deciding.settle(waiting(city), "half", **ADA, looked_seconds=30.0)
    (one,) = city.deciding.watch()
    assert (one.by, one.count, one.median_seconds, one.small) == ("Ada Lovelace", 1, 30.0, True)
