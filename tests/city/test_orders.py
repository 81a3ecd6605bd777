"""An order through its life: given out, sent, done, asked about, reopened, confirmed; every step in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cityward.city import City
from cityward.core.errors import UnknownId, UserError

ANA, BEN = "Ana Gómez", "Ben Okri"
LOOKED = "I went there and looked"


def steps(city: City, identifier: str) -> list[tuple[str, str]]:
    return [(event.state, event.by) for event in city.orders.get(identifier).events]


def token(city: City, identifier: str) -> str:
    return city.orders.ask(identifier).rsplit("/", 1)[1]


def test_without_a_way_nothing_leaves_and_all_is_recorded_by_hand(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    name = issue(city)
    assert city.orders.dispatch().delivered == 0
    assert city.orders.outbox.messages() == []
    city.orders.report(name, "accepted", ANA)
    city.orders.report(name, "done", BEN)
    assert steps(city, name) == [("planned", ANA), ("accepted", ANA), ("done", BEN)]


def test_not_fixed_reopens_and_fixed_confirms_with_a_receipt_for_each_step(
    sending: Callable[..., City], issue: Any
) -> None:
    city = sending()
    name = issue(city)
    city.orders.report(name, "done", BEN)
    assert "waits for a resident" in city.orders.standing(city.orders.get(name))
    city.orders.answer(token(city, name), fixed=False, words="It still smells. Call me: 312-555-0147")
    order = city.orders.get(name)
    assert order.state == "reopened"
    assert "It still smells" in order.events[-1].because
    assert "0147" not in order.events[-1].because
    city.orders.report(name, "done", BEN)
    city.orders.answer(token(city, name), fixed=True)
    order = city.orders.get(name)
    assert order.state == "confirmed"
    told = city.explain(name)
    receipts = [event.receipt for event in order.events]
    assert len(set(receipts)) == len(receipts) == 5
    assert all(any(f"Ledger entry {receipt}." in value for _, value in told.evidence) for receipt in receipts)
    kinds = [
        (entry["kind"], entry["facts"]["state"]) for entry in city.ledger_entries(0, 50) if entry["kind"] == "order"
    ]
    assert kinds == [("order", event.state) for event in order.events]
    assert city.verify().ok


def test_nobody_confirms_his_own_work(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    name = issue(city)
    city.orders.report(name, "done", BEN)
    with pytest.raises(UserError, match="somebody else"):
        city.orders.report(name, "confirmed", "ben okri", LOOKED)
    assert city.orders.report(name, "confirmed", ANA, LOOKED).state == "confirmed"


def test_time_without_an_answer_is_not_confirmed_and_never_confirmed(
    sending: Callable[..., City], issue: Any, watch: Any
) -> None:
    city = sending()
    name = issue(city)
    city.orders.report(name, "done", BEN)
    watch.later(days=400)
    order = city.orders.get(name)
    assert order.state == "done"
    assert city.orders.standing(order).startswith("not confirmed")
    assert city.orders.answer(token(city, name), fixed=True).state == "confirmed"  # late is better than never


def test_an_answer_can_be_changed_until_its_time_is_over(sending: Callable[..., City], issue: Any, watch: Any) -> None:
    city = sending()
    name = issue(city)
    with pytest.raises(UserError, match="cannot be answered"):
        city.orders.answer(token(city, name), fixed=True)
    city.orders.report(name, "done", BEN)
    for fixed, state in ((True, "confirmed"), (False, "reopened"), (True, "confirmed"), (False, "reopened")):
        assert city.orders.answer(token(city, name), fixed=fixed).state == state
    assert not city.orders.is_escalated(city.orders.get(name))  # one piece of work was bad, not two
    city.orders.answer(token(city, name), fixed=True)
    watch.later(days=15)
    with pytest.raises(UserError, match="cannot be answered"):
        city.orders.answer(token(city, name), fixed=False)
    assert city.orders.get(name).state == "confirmed"


def test_a_double_click_changes_nothing_and_later_words_are_kept(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    name = issue(city)
    for _ in range(2):
        city.orders.report(name, "done", BEN)
    for _ in range(2):
        city.orders.answer(token(city, name), fixed=False)
    assert len(city.orders.get(name).events) == 3
    city.orders.answer(token(city, name), fixed=False, words="The second bin is full too")
    assert "second bin" in city.orders.get(name).events[-1].because
    assert city.orders.get(name).state == "reopened"
    assert len(city.orders.jobs()) == 1


def test_answers_are_bounded(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    name = issue(city)
    city.orders.report(name, "done", BEN)
    for number in range(20):
        city.orders.answer(token(city, name), fixed=bool(number % 2))
    with pytest.raises(UserError, match="many times"):
        city.orders.answer(token(city, name), fixed=False)


@pytest.mark.parametrize("guess", ["", "x", "a" * 32, "../../etc/passwd", "é" * 32, "a" * 10_000])
def test_a_guess_is_no_link(sending: Callable[..., City], issue: Any, guess: str) -> None:
    city = sending()
    issue(city)
    with pytest.raises(UnknownId, match="link is not right"):
        city.orders.answer(guess, fixed=True)


def test_a_link_is_kept_nowhere(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    secret = token(city, issue(city))
    city.close()
    files = [path for path in city.path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_two_operators_at_once(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    name = issue(city)
    city.orders.report(name, "cancelled", ANA, "It was reported twice")
    with pytest.raises(UserError, match="cannot become done"):
        city.orders.report(name, "done", BEN)


@pytest.mark.parametrize(
    ("state", "by", "because", "told"),
    [
        ("done", "boss", "", "first and a last name"),
        ("done", "x" * 200, "", "first and a last name"),
        ("cancelled", ANA, "no", "reason"),
        ("finished", ANA, LOOKED, "no state"),
        ("confirmed", ANA, LOOKED, "cannot become confirmed"),
        ("planned", BEN, LOOKED, "cannot become planned"),
    ],
)
def test_a_step_that_cannot_be(
    sending: Callable[..., City], issue: Any, state: Any, by: str, because: str, told: str
) -> None:
    city = sending()
    name = issue(city)
    with pytest.raises(UserError, match=told):
        city.orders.report(name, state, by, because)
    assert len(city.orders.get(name).events) == 1


def test_a_city_with_crews_plans_first_and_the_plan_fills_the_order(
    sending: Callable[..., City], issue: Any, webhook_toml: str
) -> None:
    city = sending('\n[work]\ncrews = "crews.csv"\n' + webhook_toml)
    name = issue(city)
    assert city.orders.outbox.messages() == []
    assert [job.title for job in city.orders.jobs()] == ["Empty the carts"]
    assert issue(city, crew="Crew 4", decision=2) == name
    assert city.orders.get(name).crew == "Crew 4"
    assert city.orders.jobs() == []
    assert [message.key for message in city.orders.outbox.messages()] == [f"{name}.1.dispatch.crews"]


def test_a_new_plan_changes_what_has_not_gone_out_and_nothing_else(
    sending: Callable[..., City], issue: Any, webhook_toml: str, receiver: Any
) -> None:
    city = sending('\n[work]\ncrews = "crews.csv"\n' + webhook_toml)
    name = issue(city, crew="Crew 4")
    assert issue(city, crew="Crew 5", decision=2) == name
    city.orders.dispatch()
    assert [json.loads(body)["data"]["crew"] for _, _, body in receiver.posts] == ["Crew 5"]
    assert issue(city, crew="Crew 6", decision=3) == name
    assert city.orders.get(name).crew == "Crew 5"
    assert city.orders.dispatch().delivered == 0
    assert len(city.orders.list()) == 1


def test_the_same_jobs_under_the_same_decision_are_given_out_once(sending: Callable[..., City], issue: Any) -> None:
    city = sending()
    assert issue(city) == issue(city)
    assert len(city.orders.list()) == 1
    assert [entry["kind"] for entry in city.ledger_entries(0, 50)].count("order") == 1


def test_an_approval_gives_out_one_order_for_each_area_with_the_decision(demo_copy: City) -> None:
    waiting = demo_copy.proposals("waiting")
    need = next(one for one in waiting if one.about.startswith("N-") and len(one.territories) > 1)
    other = next(one for one in waiting if one.about.startswith("S-"))
    demo_copy.decide(other.id, "rejected", ANA, "We were there last week")
    assert demo_copy.orders.list() == []
    decision = demo_copy.decide(need.id, "approved", ANA, "A crew is free on Tuesday")
    orders = demo_copy.orders.list()
    assert {order.job.territory for order in orders} == set(need.territories)
    assert {order.decision for order in orders} == {decision.id}
    index, _ = demo_copy.level(None)
    for order in orders:
        at = index.ids.index(order.job.territory)
        assert (order.job.lon, order.job.lat) == tuple(index.centroids[at])
        assert need.action in order.instructions
    assert len(demo_copy.orders.jobs()) == len(orders)
    assert demo_copy.verify().ok


def test_a_decision_and_its_orders_are_one_transaction(demo_copy: City, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal = demo_copy.proposals("waiting")[0]
    outbox = demo_copy.orders.outbox

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(type(outbox), "put_new", dies)
        with pytest.raises(KeyboardInterrupt):
            demo_copy.decide(proposal.id, "approved", ANA, "A crew is free on Tuesday")
    assert demo_copy.proposal(proposal.id).state == "waiting"
    assert demo_copy.decisions() == []
    demo_copy.decide(proposal.id, "approved", ANA, "A crew is free on Tuesday")
    assert len(demo_copy.orders.list()) == len(proposal.territories)
