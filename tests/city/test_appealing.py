"""Appeals of a real city: links, steps, who may decide, what follows, what is proved, and what is published."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest
from tests.city.conftest import NOON
from tests.city.deciding import CASES, CLERK, DECIDER, TREES, decided, trees

from cityward.city import City, open_city
from cityward.console.now_lines import tidings
from cityward.core.appeals import RESIDENT, Appeal
from cityward.core.clock import Clock
from cityward.core.errors import Refused, SettingsError, UnknownId, UserError

OTHER = "Ben Okri"
WHY = "An expert of trees looked at it."
ILL = "The oak is ill. Call me: Eva Braun, eva@mail.example, 312-555-0177"
TREE_IDS: dict[str, str] = {}
UNKNOWN = "D-00000000000000ff"


@pytest.fixture(scope="session")
def trees_city(plain_city: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Four trees were decided yesterday, and a fifth waits; tests work on copies."""
    folder = shutil.copytree(plain_city, tmp_path_factory.mktemp("trees") / "city")
    with open_city(folder, Clock.fixed(NOON - timedelta(days=1))) as city:
        trees(city)
        found = decided(city)
        five = CASES.head(1).with_columns(case=pl.lit("tree 5"))
        return folder, found | decided(city, five, wait=("tree 5",))


@pytest.fixture
def city(trees_city: tuple[Path, dict[str, str]], tmp_path: Path, watch) -> Iterator[City]:
    folder = shutil.copytree(trees_city[0], tmp_path / "city")
    with open_city(folder, watch.clock()) as city:
        yield city


@pytest.fixture(autouse=True)
def trees_by_name(trees_city: tuple[Path, dict[str, str]]) -> None:
    TREE_IDS.update(trees_city[1])


def tree(number: int = 1) -> str:
    """Identifier of a decision."""
    return TREE_IDS[f"tree {number}"]


def steps(city: City, kind: str = "appeal") -> int:
    """How many entries of a kind are in the ledger."""
    return sum(entry["kind"] == kind for entry in city.ledger_entries(0, 1_000))


def token(city: City, number: int = 1) -> str:
    return city.appeals.token_of(tree(number))


def reopened(city: City, watch) -> City:
    """The same city with a clock that remembers nothing."""
    return open_city(city.path, watch.clock())


def changed(city: City, number: int = 1) -> Appeal:
    appeal = assigned(city, number)
    return city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="allow", wrong=["ill"])


def assigned(city: City, number: int = 1) -> Appeal:
    appeal = city.appeals.contest(token(city, number), "It is ill.", ["ill"])
    return city.appeals.assign(appeal.id, OTHER, CLERK)


def test_a_link_leads_to_its_case_alone_and_nothing_that_is_kept_holds_it(city: City) -> None:
    secret = token(city)
    assert city.appeals.case(secret).told.decision.id == tree()
    assert city.appeals.link_of(tree()).endswith(f"/case/{secret}")
    assert city.appeals.enter(f" {tree().upper()} ", f"https://city.example/case/{secret}/?lang=es") == secret
    city.appeals.contest(secret, "It is ill.")
    city.close()
    kept = b"".join(path.read_bytes() for path in city.path.rglob("*") if path.is_file())
    assert secret.encode() not in kept


@pytest.mark.parametrize("number", ["that of tree 1", UNKNOWN, "", "D-", "é" * 500, "'; drop table"])
def test_a_wrong_number_and_a_wrong_secret_are_answered_alike(city: City, number: str) -> None:
    number = tree() if number == "that of tree 1" else number
    secrets = (token(city, 2), "A" * 32, "", "é" * 32, "/" * 40, token(city)[:-1] + "!", "..%2f" + token(city))
    told = set()
    for secret in secrets:
        with pytest.raises(UnknownId) as error:
            city.appeals.enter(number, secret)
        told.add(str(error.value))
    assert len(told) == 1


def test_the_secret_of_a_decision_that_is_not_there_opens_nothing(city: City) -> None:
    forged = city.appeals._token(UNKNOWN)
    with pytest.raises(UnknownId):
        city.appeals.case(forged)


def test_an_appeal_keeps_redacted_words_and_its_receipt_none(city: City) -> None:
    appeal = city.appeals.contest(token(city), f"{ILL}\u202e\x00", ["ill"])
    assert (appeal.by, appeal.due_on, appeal.appeal_by) == (RESIDENT, date(2014, 7, 29), date(2014, 8, 11))
    words = appeal.said[0].words
    assert "The oak is ill." in words
    assert not any(secret in words for secret in ("eva@mail", "555-0177", "\u202e", "\x00"))
    entry = city.ledger_entries_at([appeal.receipt])[appeal.receipt]
    assert (entry["kind"], entry["subject"]) == ("appeal", appeal.id)
    assert entry["facts"] == {
        "what": "opened", "system": "tree-permits", "rule": "fell-a-tree 2", "due_on": "2014-07-29", "late": 0,
    }  # fmt: skip
    assert city.explain(appeal.id).sentence == "A decision was contested."


def test_pressing_twice_is_once_and_another_appeal_is_not(city: City) -> None:
    first = city.appeals.contest(token(city), "It is ill.", ["ill"])
    assert city.appeals.contest(token(city), "It is  ill.", ["ill"]) == first
    with pytest.raises(UserError, match="contested already"):
        city.appeals.contest(token(city), "Something else.")
    more = city.appeals.add_by_link(token(city), "It is an elm.", "kind")
    assert city.appeals.add_by_link(token(city), "It is an elm.", "kind") == more
    assert more.contests == ("ill", "kind")
    assert steps(city) == 2


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (lambda city: city.appeals.contest(token(city), "  "), "What is wrong"),
        (lambda city: city.appeals.contest(token(city), "x" * 4_001), "at most 4,000"),
        (lambda city: city.appeals.contest(token(city), "Wrong.", ["no such fact"]), "not a fact"),
        (lambda city: city.appeals.contest(token(city, 5), "Wrong."), "Nothing is decided yet"),
        (lambda city: city.appeals.add_by_link(token(city), "Wrong."), "was not contested"),
        (lambda city: city.appeals.open(tree(), "a resident", "It is ill, he says."), "Who does this"),
        (lambda city: city.appeals.open(tree(), CLERK, "Ill"), "10 to 2,000"),
        (lambda city: city.appeals.open("D-1", CLERK, "It is ill, he says."), "no decision"),
        (lambda city: city.appeals.get("M-0123456789"), "no appeal"),
        (lambda city: city.appeals.get("Q-0123456789"), "no appeal"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    city: City, attempt: Callable[[City], object], why: str
) -> None:
    with pytest.raises(UserError, match=why):
        attempt(city)
    assert (steps(city), city.appeals.all()) == (0, [])


def test_late_is_refused_by_link_and_taken_in_by_a_person_with_a_reason(city: City, watch) -> None:
    watch.later(days=50)
    assert city.appeals.case(token(city)).late
    with pytest.raises(UserError, match="ended on 2014-08-11"):
        city.appeals.contest(token(city), "It is ill.")
    told = city.appeals.open(
        tree(), CLERK, "It is ill, he says.", told_on=date(2014, 6, 30), late_because="He was away at sea."
    )
    assert told.late
    assert [one.words for one in told.said] == ["It is ill, he says.", "He was away at sea."]
    in_time = city.appeals.open(tree(2), CLERK, "It is ill, he says.", told_on=date(2014, 8, 1))
    assert not in_time.late


@pytest.mark.parametrize("name", [DECIDER, "overseer SOME", "Sómé Overseer"])
def test_who_decided_or_oversees_is_not_assigned(city: City, name: str) -> None:
    appeal = city.appeals.contest(token(city), "It is ill.")
    with pytest.raises(Refused, match="cannot decide the appeal"):
        city.appeals.assign(appeal.id, name, CLERK)
    assert city.appeals.get(appeal.id).assigned_to == ""


def test_who_became_the_overseer_since_is_refused(city: City) -> None:
    appeal = assigned(city)
    card = city.folder.systems / "tree-permits.toml"
    card.write_text(card.read_text("utf-8").replace("Some Overseer", OTHER), encoding="utf-8")
    with pytest.raises(Refused, match="oversees the system"):
        city.appeals.decide(appeal.id, "upheld", OTHER, WHY)


def test_a_change_reverses_tells_who_answers_and_lists_what_is_like_it(city: City) -> None:
    before = city.deciding.get(tree(2))
    done = changed(city)
    decision = city.deciding.get(tree())
    assert (decision.state, decision.outcome, decision.by) == ("reversed", "allow", OTHER)
    assert [one.name for one in done.parties] == ["Some Manufacturer", "Some Owner"]
    event = city.systems.get("tree-permits").events[-1]
    assert (event.what, event.id) == ("reversed", done.register_event)
    assert event.because == f"{done.id} changed a decision by fell-a-tree 2, row 3; wrong: ill."
    assert city.systems.get("tree-permits").state == "approved"
    found = city.appeals.similar(done.id)
    assert (done.similar, set(found["case"])) == (3, {"tree 2", "tree 4", "tree 5"})
    assert found.filter(pl.col("case") == "tree 5")["state"].to_list() == ["waiting"]
    assert city.deciding.get(tree(2)) == before  # nothing is changed silently
    assert city.appeals.reversed_of("tree-permits") == [done]


def test_a_person_reopens_a_case_like_it_and_no_other(city: City, watch) -> None:
    done = changed(city)
    watch.later(days=100)
    again = city.appeals.open(tree(2), CLERK, "The same fact was wrong.", like=done.id)
    assert (again.like, again.late) == (done.id, False)
    assert set(city.appeals.similar(done.id)["appeal"]) == {again.id, None}
    with pytest.raises(UserError, match="did not change a decision that this one is like"):
        city.appeals.open(tree(3), CLERK, "The same fact was wrong.", like=again.id)


def test_what_was_cut_off_after_the_reversal_is_finished(city: City) -> None:
    appeal = assigned(city)
    city.appeals.deciding.reverse(tree(), "allow", by=OTHER, because=WHY, appeal=appeal.id)
    done = city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="Allow")
    assert (done.state, done.after) == ("changed", "allow")
    assert steps(city, "reversed") == 1


def test_a_system_whose_file_is_broken_is_no_reason_to_keep_a_wrong_decision(city: City) -> None:
    appeal = assigned(city)
    card = city.folder.systems / f"{TREES}.toml"
    card.write_text(card.read_text("utf-8").replace("Some Overseer", "Some Body"), encoding="utf-8")
    done = city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="allow")
    assert done.state == "changed"
    assert city.systems.events()[-1].digest == city.deciding.get(tree()).system_digest


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (lambda city, name: city.appeals.decide(name, "changed", OTHER, WHY), "What counts instead"),
        (lambda city, name: city.appeals.decide(name, "changed", OTHER, WHY, after="refuse"), "decided before"),
        (lambda city, name: city.appeals.decide(name, "changed", OTHER, "Ill", after="allow"), "10 to 2,000"),
        (lambda city, name: city.appeals.decide(name, "upheld", OTHER, WHY, wrong=["ill"]), "no fact was wrong"),
        (lambda city, name: city.appeals.decide(name, "perhaps", OTHER, WHY), "is not an outcome"),
        (lambda city, name: city.appeals.decide(name, "changed", CLERK, WHY, after="allow"), "assigned to Ben Okri"),
        (lambda city, name: city.appeals.decide(name, "changed", OTHER, WHY, after="x" * 201), "at most 200"),
    ],
)
def test_a_decision_on_an_appeal_is_whole_or_nothing(
    city: City, attempt: Callable[[City, str], object], why: str
) -> None:
    appeal = assigned(city)
    with pytest.raises((UserError, Refused), match=why):
        attempt(city, appeal.id)
    assert city.appeals.get(appeal.id).state == "assigned"
    assert city.deciding.get(tree()).state == "decided"


def test_what_was_taken_back_is_not_decided_and_can_be_contested_again(city: City) -> None:
    appeal = assigned(city)
    taken = city.appeals.withdraw_by_link(token(city))
    assert city.appeals.withdraw_by_link(token(city)) == taken
    with pytest.raises(UserError, match="was taken back"):
        city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="allow")
    assert city.appeals.case(token(city)).may_contest
    assert city.appeals.contest(token(city), "It is ill.").id != appeal.id


def test_a_clock_that_goes_back_stops_every_step_before_anything_is_changed(city: City, watch) -> None:
    appeal = assigned(city)
    city.close()
    watch.now -= timedelta(hours=1)
    city = reopened(city, watch)
    with pytest.raises(UserError, match="stands before the last step"):
        city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="allow")
    assert city.deciding.get(tree()).state == "decided"
    city.close()
    watch.now -= timedelta(days=10)
    city = reopened(city, watch)
    with pytest.raises(UserError, match="stands before the decision"):
        city.appeals.contest(token(city, 2), "It is ill.")
    city.close()


@pytest.mark.parametrize("change", [{"because": "Because I say so."}, {"state": "withdrawn"}, {"said": ()}])
def test_an_edit_by_hand_counts_for_nothing(city: City, change: dict[str, object]) -> None:
    done = changed(city)
    forged = msgspec.structs.replace(done, **change)
    with sqlite3.connect(city.folder.path / "registers.db") as database:
        database.execute("update records set body = ? where id = ?", (msgspec.json.encode(forged).decode(), done.id))
    assert city.appeals.all() == []
    assert [one.id for one in city.appeals.unproved()] == [done.id]
    with pytest.raises(UnknownId):
        city.appeals.get(done.id)


def test_words_that_were_put_into_somebodys_mouth_are_found(city: City) -> None:
    appeal = city.appeals.contest(token(city), "It is ill.")
    forged = msgspec.structs.replace(appeal, said=(msgspec.structs.replace(appeal.said[0], words="It is healthy."),))
    city.registers.put("appeal", [forged], update=("body",))
    assert [one.id for one in city.appeals.unproved()] == [appeal.id]


def test_words_are_erased_on_wish_and_after_their_time_and_the_rest_stays_proved(city: City, watch) -> None:
    done = changed(city)
    open_one = city.appeals.contest(token(city, 2), "The elm is ill.")
    watch.later(days=40)
    assert city.appeals.erase_closed_before(watch.now) == 1
    assert city.appeals.erase_closed_before(watch.now) == 0
    assert city.appeals.get(done.id).said[0].words == ""
    assert city.appeals.get(open_one.id).said[0].words == "The elm is ill."
    city.appeals.erase_by_link(token(city, 2))
    city.close()
    kept = b"".join(path.read_bytes() for path in city.path.rglob("registers.db*"))
    assert b"The elm" not in kept
    assert city.appeals.unproved() == []


def test_figures_are_of_whole_months(sending: Callable[[str], City], watch) -> None:
    city = sending("\n[release]\nsuppress_below = 2\n")
    trees(city)
    for at, (_, one) in enumerate(sorted(decided(city).items())):
        appeal = city.appeals.contest(city.appeals.token_of(one), "It is wrong.")
        city.appeals.assign(appeal.id, OTHER, CLERK)
        watch.later(days=at)
        if city.deciding.get(one).outcome == "refuse" and at != 3:
            city.appeals.decide(appeal.id, "changed", OTHER, WHY, after="allow")
        else:
            city.appeals.decide(appeal.id, "upheld", OTHER, WHY)
    assert city.appeals.statistics().all.opened == 0  # the month has not ended
    watch.later(days=31)
    told = city.appeals.statistics()
    assert (told.since, told.until, told.below) == (date(2013, 8, 1), date(2014, 7, 31), 2)
    assert (told.all.opened, told.all.changed, told.all.upheld, told.all.share_changed) == (4, 2, 2, 0.5)
    assert (told.all.share_low, told.all.share_high) == pytest.approx((0.0676, 0.9324), abs=1e-4)  # R: binom.test(2, 4)
    assert told.all.median_days == 1.5
    assert [one.system for one in told.systems] == [TREES]
    counted = city.appeals.outcomes(TREES)
    assert counted.select("territory", "prediction", "outcome", "changed", "weight").rows() == [
        ("1", "allow", "allow", "no", 1), ("1", "refuse", "refuse", "no", 1), ("64", "refuse", "allow", "yes", 2),
    ]  # fmt: skip
    early = city.appeals.statistics(until=date(2014, 7, 1))  # as it stood then: the first alone was decided
    assert (early.all.opened, early.all.open, early.all.share_changed) == (None, None, None)


def test_a_few_appeals_are_counted_by_nobody(city: City, watch) -> None:
    changed(city)
    watch.later(days=40)
    told = city.appeals.statistics()
    assert (told.all.opened, told.all.changed, told.all.share_changed, told.all.median_days) == (None,) * 4


def test_the_deadlines_and_their_law_are_the_citys(sending: Callable[[str], City], watch) -> None:
    city = sending('\n[appeals]\nappeal_days = 10\nappeal_law = "the by-law of trees, article 9"\nanswer_days = 5\n')
    trees(city)
    (one,) = decided(city, CASES.head(1)).values()
    appeal = city.appeals.contest(city.appeals.token_of(one), "It is ill.")
    assert (appeal.appeal_by, appeal.due_on) == (date(2014, 7, 11), date(2014, 7, 6))
    watch.later(days=6)
    assert city.appeals.is_overdue(appeal)
    assert city.appeals.late() == [appeal]
    assert "1 appeal overdue" in str(tidings(city, None))
    with pytest.raises(SettingsError):
        sending("\n[appeals]\nappeal_days = 0\n")
