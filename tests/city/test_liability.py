"""Liability files of real cities: of a proposal and of a case, with holds, clocks, grants, and what people do wrong."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.city.conftest import NOON, Watch
from tests.city.deciding import CASES, CLERK, DECIDER, TREES, decided, settle, trees

from cityward.city import City, open_city
from cityward.city.liability_check import check_bytes
from cityward.core.clock import Clock
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.liability import LiabilityFile
from cityward.secure.evidence_file import pack, unpack

WHO, WHY = "Marta Ruiz", "A claim was announced by letter."
GONE, FELL = "D-00000000000000ff", "A branch fell on a bench."


@pytest.fixture(scope="session")
def felled(plain_city: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Trees that were decided yesterday, one of which waits; tests work on copies."""
    folder = shutil.copytree(plain_city, tmp_path_factory.mktemp("felled") / "city")
    with open_city(folder, Clock.fixed(NOON - timedelta(days=1))) as city:
        trees(city)
        return folder, decided(city, CASES, wait=("tree 4",))


@pytest.fixture
def city(felled: tuple[Path, dict[str, str]], tmp_path: Path, watch: Watch) -> Iterator[City]:
    folder = shutil.copytree(felled[0], tmp_path / "city")
    with open_city(folder, watch.clock()) as city:
        yield city


@pytest.fixture
def tree(felled: tuple[Path, dict[str, str]]) -> str:
    return felled[1]["tree 1"]


def whole(city: City) -> None:
    """Grant the inputs too, as a court would ask."""
    path = city.folder.grants / "liability-decisions.toml"
    path.write_text(path.read_text("utf-8").replace('  "inputs_digest",', '  "inputs",\n  "inputs_digest",'), "utf-8")


# -- decisions of cases ----------------------------------------------------------------------------


def test_a_case_is_told_from_rule_to_person(city: City, tree: str) -> None:
    file = city.liability.file(tree)
    assert file.kind == "case"
    assert file.rule is not None
    assert (file.rule.id, file.rule.version, file.rule.row, file.rule.law) == ("fell-a-tree", "2", 3, "article 7(1)")
    assert 'id = "fell-a-tree"' in file.rule.text
    assert file.system is not None
    assert file.system.approved_by == CLERK
    told = [one.what for one in file.happened]
    assert "applied fell-a-tree 2 to 4 cases at once; 4 of them waited for a person" in told[0]
    assert told[1].startswith(f"{DECIDER} decided: refuse, as the rule said. Looked for 60 s.")
    assert all(one.receipt is not None for one in file.happened)
    assert file.unaccepted == ()
    assert {one.duty for one in file.duties} == {"designer", "manufacturer", "owner", "operator", "overseer"}
    assert all(one.receipt is not None for one in file.duties)


def test_what_the_rule_asked_is_in_it_only_when_granted(city: City, tree: str) -> None:
    file, data = city.liability.seal(tree)
    assert file.inputs is None
    assert len(file.inputs_digest) == 64
    assert b"12.0" not in data
    assert any("the grant for this purpose leaves it out" in one for one in file.cannot_say)
    whole(city)
    again = city.liability.file(tree)
    assert again.inputs == {"height": 12.0, "kind": "oak", "ill": False}
    assert "height" in again.explanation


def test_without_a_grant_no_case_is_read(city: City, tree: str) -> None:
    (city.folder.grants / "liability-decisions.toml").unlink()
    with pytest.raises(Refused, match="liability"):
        city.liability.file(tree)
    assert city.keeper.consults(1)[0].refused


def test_a_case_file_proves_itself_and_names_what_was_changed(city: City, tree: str) -> None:
    _, data = city.liability.seal(tree)
    found = check_bytes(data)
    assert found.ok, found.problems
    assert found.decision == tree
    files, _ = unpack(data)
    proof = json.loads(files["proof.json"])
    assert json.loads(proof["row"])["id"] == tree


@pytest.mark.parametrize("wild", [b"", b"null", b"[]", b"{}", b"[" * 5_000, b'{"a":1e999}', b"\xff\xfe", b"{" * 9])
def test_no_text_in_the_place_of_another_stops_the_check(city: City, tree: str, wild: bytes) -> None:
    files, _ = unpack(city.liability.seal(tree)[1])
    for name in files:
        found = check_bytes(pack({**files, name: wild}))
        assert not found.ok, name
        assert name in " ".join(found.problems)


def test_one_that_waits_has_no_file_and_can_be_held(city: City, felled: tuple[Path, dict[str, str]]) -> None:
    for ask in (city.liability.file, city.liability.seal):
        with pytest.raises(UserError, match="waits for a person") as told:
            ask(felled[1]["tree 4"])
        assert "refuse" not in str(told.value)
    assert city.liability.hold(felled[1]["tree 4"], WHO, WHY).decisions == 1


def test_appeal_and_reversal_are_in_the_order_of_time(city: City, tree: str) -> None:
    appeal = city.appeals.contest(city.appeals.token_of(tree), "It is ill, ask Eva.", ["ill"])
    city.appeals.assign(appeal.id, "Ben Okri", CLERK)
    city.appeals.decide(appeal.id, "changed", "Ben Okri", "An expert looked at it.", after="allow", wrong=["ill"])
    file, data = city.liability.seal(tree)
    told = " | ".join(one.what for one in file.happened)
    places = [told.index(words) for words in ("applied fell", f"{DECIDER} decided", "was opened", "was given to Ben")]
    assert places == sorted(places)
    assert "refuse was changed to allow" in told
    assert "Ben Okri decided anew: allow, otherwise than the rule said" in told
    assert "ask Eva" not in data.decode("latin-1")
    assert check_bytes(data).ok


def test_how_others_were_settled_before_is_counted(
    city: City, felled: tuple[Path, dict[str, str]], watch: Watch
) -> None:
    settle(city, felled[1]["tree 4"], "allow")
    watch.later(hours=1)
    later = decided(city, CASES.with_columns(case="case" + CASES["case"]))
    told = city.liability.file(later["casetree 1"]).earlier
    assert told == (f"Of 4 cases of {TREES} that people had settled before, 1 went against the rule.",)


def test_an_incident_of_an_earlier_case_of_the_system_is_found(
    city: City, felled: tuple[Path, dict[str, str]], tree: str, watch: Watch
) -> None:
    one = city.liability.incidents.open(tree, "serious", FELL, WHO)
    watch.later(hours=1)
    later = decided(city, CASES.with_columns(case="case" + CASES["case"]))["casetree 1"]
    assert [told.id for told in city.liability.file(later).on_record if told.kind == "incident"] == [one.id]
    assert not [told for told in city.liability.file(tree).on_record if told.kind == "incident"], "it was not there yet"


# -- duties at that time ---------------------------------------------------------------------------


def test_duties_are_those_of_that_moment(city: City, tree: str, watch: Watch) -> None:
    watch.later(days=1)
    city.systems.end(TREES, CLERK, "It is not needed any more.")
    path = city.folder.systems / f"{TREES}.toml"
    path.write_text(path.read_text("utf-8").replace("Some Owner", "Another Owner"), encoding="utf-8")
    file = city.liability.file(tree)
    assert {one.party for one in file.duties if one.duty == "owner"} == {"Some Owner"}
    assert file.system is not None
    assert any("under the same version 1" in one for one in file.system.says)
    path.unlink()
    gone = city.liability.file(tree)
    assert gone.duties == file.duties
    assert gone.system is not None
    assert any("cannot be read today, or is gone" in one for one in gone.system.says)


def test_a_party_without_acceptance_is_named_as_such(demo_copy: City) -> None:
    file = approved(demo_copy)
    assert file.unaccepted == ("designer", "manufacturer", "owner", "operator")
    assert any("had not accepted it" in one.says for one in file.duties)
    by = next(one for one in file.duties if one.basis == "decided")
    assert (by.duty, by.party) == ("overseer", "Ana Gómez")


def test_an_event_written_by_hand_counts_for_nothing(city: City, tree: str) -> None:
    before = city.liability.file(tree).duties
    city.close()
    with sqlite3.connect(city.path / "registers.db") as held:
        (name, body), *_ = held.execute('select id, body from records where body like \'%"what":"accepted"%\'')
        held.execute("update records set body = ? where id = ?", (body.replace("Some ", "Other "), name))
    with open_city(city.path, Clock.fixed(NOON)) as again:
        file = again.liability.file(tree)
    assert sum(one.accepted is None for one in file.duties) == 1
    assert file.duties != before
    assert any("the ledger does not prove: 1" in one for one in file.cannot_say)


# -- decisions about proposals ---------------------------------------------------------------------


def approved(city: City) -> LiabilityFile:
    """The file of a need that was approved just now."""
    proposal = next(one for one in city.proposals("waiting") if one.about.startswith("N-"))
    decision = city.decide(proposal.id, "approved", "Ana Gómez", "A crew is free on Tuesday.")
    return city.liability.file(decision.id)


def test_a_proposal_is_told_with_its_orders_and_what_was_on_record(demo_copy: City) -> None:
    file = approved(demo_copy)
    decision = demo_copy.registers.get_decision(file.decision)
    assert decision is not None
    told = [one.what for one in file.happened]
    assert told[0].startswith("cityward-need-scan 0.1 proposed")
    assert "option 1 “Inspect what was reported”, the recommended one, under proposal-approval" in told[1]
    assert sum(one.about.startswith("W-") for one in file.happened) == len(
        [one for one in demo_copy.orders.outbox.orders() if one.decision == file.decision]
    )
    assert {one.kind for one in file.on_record} >= {"need", "register"}
    assert all(one.at <= decision.at for one in file.on_record)
    assert file.rule is not None
    assert any("not its text" in one for one in file.rule.says)
    _, data = demo_copy.liability.seal(file.decision)
    assert check_bytes(data).ok


def test_a_decision_changed_in_the_registers_has_no_file(demo_copy: City) -> None:
    file = approved(demo_copy)
    demo_copy.close()
    with sqlite3.connect(demo_copy.path / "registers.db") as held:
        held.execute("update records set body = replace(body, 'Ana', 'Eva') where id = ?", (file.decision,))
    with open_city(demo_copy.path) as again, pytest.raises(Refused, match="does not prove"):
        again.liability.file(file.decision)


@pytest.mark.parametrize("name", ["", "D-0123456789", GONE, "N-0123456789", "../keys", "<b>"])
def test_an_unknown_decision_is_named(city: City, name: str) -> None:
    for ask in (city.liability.file, city.liability.seal):
        with pytest.raises(UnknownId, match="There is no decision"):
            ask(name)
    with pytest.raises(UnknownId):
        city.liability.hold(name, WHO, WHY)


# -- holds -----------------------------------------------------------------------------------------


def test_a_hold_keeps_a_case_and_what_was_said_of_it_from_retention(city: City, tree: str, watch: Watch) -> None:
    appeal = city.appeals.contest(city.appeals.token_of(tree), "It is ill.", ["ill"])
    held = city.liability.hold(tree, WHO, WHY)
    assert (held.decisions, held.orders, held.interactions) == (1, 0, 0)
    with pytest.raises(Refused, match="17\\(3\\)\\(e\\)"):
        city.appeals.erase(appeal.id, CLERK)
    toml = city.path / "city.toml"
    toml.write_text(f"{toml.read_text('utf-8')}\n[retention]\ndecisions = 30\n", encoding="utf-8")
    city.close()
    watch.later(days=100)
    with open_city(city.path, watch.clock()) as later:
        done = later.persons.retain()
        assert done is not None
        assert done.held == {"decisions": 1}
        assert done.deleted["decisions"] > 0
        assert later.liability.file(tree).holds == (held,)
        released = later.liability.release(held.id, WHO, "The claim was withdrawn.")
        assert not released.stands
        again = later.persons.retain()
        assert again is not None
        assert not again.held
        with pytest.raises(UnknownId):
            later.liability.file(tree)


def test_a_hold_is_released_once_by_a_person_with_a_reason(city: City, tree: str) -> None:
    held = city.liability.hold(tree, WHO, WHY)
    for by, because in (("Marta", WHY), (WHO, "why")):
        with pytest.raises(UserError):
            city.liability.hold(tree, by, because)
        with pytest.raises(UserError):
            city.liability.release(held.id, by, because)
    city.liability.release(held.id, WHO, WHY)
    with pytest.raises(UserError, match="already"):
        city.liability.release(held.id, WHO, WHY)
    with pytest.raises(UnknownId):
        city.liability.release("Z-0123456789", WHO, WHY)
    assert "hold on evidence" in city.explain(held.id).kind


# -- the clock of serious incidents ----------------------------------------------------------------


@pytest.mark.parametrize(("kind", "days"), [("serious", 15), ("infrastructure", 2), ("widespread", 2), ("death", 10)])
def test_the_clock_runs_from_the_moment_of_awareness(city: City, tree: str, kind: str, days: int) -> None:
    aware = datetime(2014, 6, 30, 8, tzinfo=UTC)
    one = city.liability.incidents.open(tree, kind, FELL, WHO, aware)  # type: ignore[arg-type]
    assert one.due_at == aware + timedelta(days=days)
    assert city.liability.incidents.hours_left(one) == days * 24 - 28


def test_a_late_report_needs_its_reason_and_an_incomplete_one_is_completed(city: City, tree: str, watch: Watch) -> None:
    one = city.liability.incidents.open(tree, "widespread", FELL, WHO)
    first = city.liability.incidents.tell(one.id, WHO, incomplete=True)
    watch.later(days=3)
    full = city.liability.incidents.tell(one.id, WHO)
    assert (first.incomplete, full.incomplete, full.told_at) == (True, False, first.told_at)
    late = city.liability.incidents.open(tree, "widespread", FELL, WHO, watch.now - timedelta(days=5))
    with pytest.raises(UserError, match="ended on"):
        city.liability.incidents.tell(late.id, WHO)
    told = city.liability.incidents.tell(late.id, WHO, "The office was closed by a flood.")
    assert told.told_at == watch.now
    city.liability.incidents.close(late.id, WHO, "Branches are looked at twice a year.")
    with pytest.raises(UserError, match="closed"):
        city.liability.incidents.tell(late.id, WHO)
    _, data = city.liability.seal(tree)
    assert check_bytes(data).ok
    assert len(city.liability.file(tree).incidents) == 2


def test_nobody_becomes_aware_in_the_future_or_of_nothing(city: City, tree: str) -> None:
    for kind, what, aware in (
        ("serious", FELL, NOON + timedelta(minutes=1)),
        ("serious", "short", None),
        ("grave", FELL, None),
    ):
        with pytest.raises(UserError):
            city.liability.incidents.open(tree, kind, what, WHO, aware)  # type: ignore[arg-type]
    assert not city.liability.incidents.all()
