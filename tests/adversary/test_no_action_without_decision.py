"""Attacks that try to have work given out or sent without a decision that the ledger proves.

Each attacker can do what is named: hand objects to the library, write into the database, write to files of the city.
None holds the city's signing key. Each test says what the attack got, which is nothing, and what the operator is told.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.approved import approve, approved, give, inspection, of_need, of_plan, plan_of, propose

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import LedgerError, Unproved
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Decision, to_json
from cityward.core.work import Job, WorkOrder

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
ANA, BEN = "Ana Gómez", "Ben Okri"
ELSEWHERE = (-87.5, 41.9)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    """A city that sends by files, with one order that was really approved and waits to go out."""
    folder = tmp_path_factory.mktemp("acts") / "city"
    init(folder, name="Chicago", territories=chicago / "community_areas.geojson", time_zone="America/Chicago")
    with (folder / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[[send]]\nname = "files"\nadapter = "csv"\n')
    with open_city(folder, Clock.fixed(NOW)) as city:
        give(city, [inspection(1)])
    return folder


@pytest.fixture
def city(plain: Path, tmp_path: Path) -> Iterator[City]:
    folder = tmp_path / "city"
    shutil.copytree(plain, folder)
    with open_city(folder, Clock.fixed(NOW)) as opened:
        yield opened


def honest(city: City) -> WorkOrder:
    return next(one for one in city.orders.list() if one.job == inspection(1))


def left(city: City) -> list[str]:
    """Orders that left the house."""
    return sorted({path.name.split(".")[0] for path in (city.path / "orders" / "out").rglob("W-*")})


def forged(**changed: Any) -> Decision:
    return msgspec.structs.replace(
        Decision(
            id="D-00000f0f0f", proposal=make_id("proposal", inspection(2).about, ""), outcome="approved", by=ANA,
            because="A crew is free", rule="Approval of a proposal, row 1", system="cityward-need-scan 1", parties=(),
            at=NOW, explanation="e", appeal="a", receipt=0,
        ),
        **changed,
    )  # fmt: skip


def database(city: City) -> sqlite3.Connection:
    """The database as whoever has the file sees it."""
    return sqlite3.connect(city.path / "registers.db", isolation_level=None, timeout=10)


def write_decision(city: City, decision: Decision) -> None:
    with database(city) as held:
        held.execute("delete from records where id = ?", (decision.id,))
        held.execute(
            "insert into records (id, kind, state, body) values (?, 'decision', ?, ?)",
            (decision.id, decision.outcome, to_json(decision).decode()),
        )


def write_order(city: City, order: WorkOrder) -> None:
    """An order and the message that sends it, as rows."""
    (message,) = city.orders.dispatch_of(order)
    with database(city) as held:
        held.execute("delete from orders where id = ?", (order.id,))
        held.execute('delete from outbox where "order" = ?', (order.id,))
        held.execute(
            "insert into orders (id, state, job, decision, token_digest, steps, body) values (?, ?, ?, ?, ?, ?, ?)",
            (order.id, order.state, order.job.id, order.decision, order.id, len(order.events), to_json(order).decode()),
        )
        held.execute(
            'insert into outbox (key, "order", kind, way, body, state, made_us, due_us, attempts)'
            " values (?, ?, 'dispatch', 'files', ?, 'waiting', 0, 0, 0)",
            (message.key, order.id, message.body),
        )


def copy_of(order: WorkOrder, job: Job, decision: str, receipt: int | None) -> WorkOrder:
    """An order like a real one, for another job under another decision, that points to some entry."""
    event = msgspec.structs.replace(order.events[0], receipt=receipt)
    changed = {"id": make_id("order", decision, job.id), "job": job, "decision": decision, "events": (event,)}
    return msgspec.structs.replace(order, **changed)


def stopped(city: City, told: str, *, only: str | None = None) -> None:
    """A pass sends nothing but what was approved, and says why to the operator, then and on the page."""
    orders = {order.id for order in city.orders.list()}
    real = set() if only is None else {only}
    done = city.orders.dispatch()
    assert left(city) == sorted(real)
    health = city.orders.sender.health()
    said = [*done.troubles, *health["troubles"], *(one.error for one in health["failing"])]
    print(f"the attack got: nothing of {len(orders)} orders; the operator reads: {done.troubles}")
    assert any(told in one for one in done.troubles), done.troubles
    assert all(word not in " ".join(said) for word in (ANA, BEN, "Empty the carts"))
    assert city.orders.dispatch().delivered == 0  # nor with the next pass
    assert left(city) == sorted(real)


def refused(city: City, told: str, attempt: Any) -> None:
    """A call is turned down, and neither an order nor an entry about one came of it."""
    orders, size = {one.id for one in city.orders.list()}, city.ledger_size
    with pytest.raises(Unproved, match=told) as error:
        attempt()
    print(f"the attack got: nothing; the caller reads: {error.value}")
    city.orders.dispatch()
    assert {one.id for one in city.orders.list()} == orders
    assert left(city) == [honest(city).id]
    told_of = [one["subject"] for one in city.ledger_entries(size, 50) if one["kind"] in ("order", "delivery")]
    assert set(told_of) <= {honest(city).id}


def test_what_was_approved_leaves(city: City) -> None:
    """Without this none of the others says anything."""
    assert city.orders.dispatch().troubles == ()
    assert left(city) == [honest(city).id]


# -- objects that are handed in ----------------------------------------------------------------------


def test_a_made_up_decision_is_handed_in(city: City) -> None:
    propose(city, of_need(inspection(2)))
    work = [(inspection(2), None, None)]
    refused(city, "named, not handed in", lambda: city.orders.issue(work, forged()))  # type: ignore[arg-type]
    refused(city, "there is no decision", lambda: city.orders.issue(work, forged().id))
    for index in (-1, 0, honest(city).events[-1].receipt, 10**9):
        refused(city, "does not prove", lambda at=index: city.orders.prepare(work, forged(receipt=at)))


def test_a_made_up_decision_is_kept_by_the_library_itself(city: City) -> None:
    propose(city, of_need(inspection(2)))
    city.registers.put_decision(forged())
    assert city.registers.get_decision(forged().id) is not None
    refused(city, "does not prove", lambda: city.orders.issue([(inspection(2), None, None)], forged().id))


def test_orders_are_put_into_the_outbox_by_its_public_methods(city: City) -> None:
    order, outbox = honest(city), city.orders.outbox
    made_up = copy_of(order, inspection(2), forged().id, order.events[0].receipt)
    borrowed = copy_of(order, inspection(2), order.decision, order.events[0].receipt)
    message = city.orders.dispatch_of(made_up)
    moved = msgspec.structs.replace(order, job=msgspec.structs.replace(order.job, lon=ELSEWHERE[0]))
    planned = msgspec.structs.replace(order, crew="Crew 9", day=date(2014, 7, 2))
    elsewhere = [msgspec.structs.replace(message[0], order=order.id)]
    for told, attempt in (
        ("there is no decision", lambda: outbox.put_new(None, [(made_up, "d")], message)),
        ("about something else", lambda: outbox.put_new(None, [(borrowed, "d")])),
        ("is not given out with it", lambda: outbox.put_new(None, [], message)),
        ("cannot become another piece of work", lambda: outbox.move(order, moved)),
        ("is not as ledger entry", lambda: outbox.move(order, planned)),
        ("does not say what the order says", lambda: outbox.move(order, order, elsewhere)),
    ):
        refused(city, told, attempt)


# -- decisions in the database -----------------------------------------------------------------------


def test_a_decision_is_written_into_the_database(city: City) -> None:
    propose(city, of_need(inspection(2)))
    write_decision(city, forged(receipt=10**6))
    refused(city, "has no entry", lambda: city.orders.issue([(inspection(2), None, None)], forged().id))


def test_its_receipt_points_to_the_entry_of_another_decision(city: City) -> None:
    propose(city, of_need(inspection(2)))
    real = city.registers.get_decision(honest(city).decision)
    assert real is not None
    write_decision(city, forged(receipt=real.receipt))
    refused(city, "about something else", lambda: city.orders.issue([(inspection(2), None, None)], forged().id))


@pytest.mark.parametrize("changed", [{}, {"outcome": "approved"}], ids=["as it is", "turned into an approval"])
def test_a_rejection(city: City, changed: dict[str, Any]) -> None:
    decision = approve(city, of_need(inspection(2)), "rejected", "We were there last week")
    write_decision(city, msgspec.structs.replace(decision, **changed))
    told = "was changed since" if changed else "is a rejection"
    refused(city, told, lambda: city.orders.issue([(inspection(2), None, None)], decision.id))


@pytest.mark.parametrize(
    "changed",
    [
        {"because": "The mayor wants it"},
        {"by": "Bea Cole"},
        {"option": 2, "option_title": "First come, first served"},
        {"proposal": make_id("proposal", inspection(2).about, "")},
        {"as_of": date(2014, 6, 1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_decision_is_altered_after_its_order_was_given_out(city: City, changed: dict[str, Any]) -> None:
    decision = city.registers.get_decision(honest(city).decision)
    assert decision is not None
    write_decision(city, msgspec.structs.replace(decision, **changed))
    stopped(city, "was changed since entry")


def test_a_decision_is_deleted_after_its_order_was_given_out(city: City) -> None:
    with database(city) as held:
        held.execute("delete from records where kind = 'decision'")
    stopped(city, "there is no decision")


@pytest.mark.parametrize("body", ["", "{}", "[1]", '{"id": 5}', "\x00", '{"id":' * 2_000])
def test_a_decision_is_overwritten_with_anything(city: City, body: str) -> None:
    with database(city) as held:
        held.execute("update records set body = ? where kind = 'decision'", (body,))
    stopped(city, "cannot be read")


# -- proposals and plans -----------------------------------------------------------------------------


def test_a_proposal_that_nobody_made_is_put_before_a_person_who_approves_it(city: City) -> None:
    proposal = of_need(inspection(2))
    city.registers.put("proposal", [proposal], update=("body",), state="waiting")
    refused(city, "does not prove P-", lambda: city.decide(proposal.id, "approved", ANA, "It looks right to me"))
    assert city.proposal(proposal.id).state == "waiting"


def test_a_plan_is_altered_between_its_receipt_and_its_approval(city: City) -> None:
    plan = plan_of([inspection(2)], "Crew 4", date(2014, 7, 2))
    city.planning.keep(plan)
    proposal = propose(city, of_plan(plan, plan.jobs))
    jobs = tuple(msgspec.structs.replace(job, lon=ELSEWHERE[0], lat=ELSEWHERE[1]) for job in plan.jobs)
    city.registers.put("plan", [msgspec.structs.replace(plan, jobs=jobs)], update=("body",))
    refused(city, "does not prove L-", lambda: city.decide(proposal.id, "approved", ANA, "It looks right to me"))
    assert city.proposal(proposal.id).state == "waiting"


def test_a_decision_about_another_plan_or_need_is_used(city: City) -> None:
    first, decision = approved(city, [inspection(2)], "Crew 4")
    second, _ = approved(city, [inspection(3)], "Crew 5")
    refused(city, "is not in the plan", lambda: city.orders.issue(second, decision))
    for crew, day in (("Crew 5", first[0][2]), ("Crew 4", date(2015, 1, 1))):
        refused(
            city,
            "is not in the plan",
            lambda who=crew, when=day: city.orders.issue([(first[0][0], who, when)], decision),
        )
    of_one = honest(city).decision
    refused(city, "is not what", lambda: city.orders.issue([(inspection(3), None, None)], of_one))


def test_an_old_decision_is_used_again_for_new_jobs(city: City) -> None:
    decision, job = honest(city).decision, inspection(1)
    city.orders.dispatch()
    for number, changed in enumerate(({"territory": "8"}, {"service": "Demolition"}, {"title": "Pull it down"})):
        id_ = make_id("job", job.about, changed.get("territory", "64")) if number == 0 else f"J-{number:010x}"
        new = msgspec.structs.replace(job, id=id_, **changed)
        refused(city, "is not what", lambda one=new: city.orders.issue([(one, None, None)], decision))
    assert city.orders.issue([(job, None, None)], decision)[0].state == "sent"  # the order that there is, no new one


# -- orders and messages in the database -------------------------------------------------------------


def test_an_order_is_written_into_the_database(city: City) -> None:
    order = honest(city)
    for told, row in (
        ("there is no decision", copy_of(order, inspection(2), "D-00000f0f0f", order.events[0].receipt)),
        ("about something else", copy_of(order, inspection(3), order.decision, order.events[0].receipt)),
        ("has no entry", copy_of(order, inspection(4), order.decision, None)),
        ("has no entry", copy_of(order, inspection(4), order.decision, 10**6)),
    ):
        write_order(city, row)
        assert row.id in {one.id for one in city.orders.list()}
        assert any(row.id in one and told in one for one in city.orders.sender.health()["troubles"])
        stopped(city, told, only=order.id)
        refused(city, told, lambda name=row.id: city.orders.send_again(name, BEN))
        city.orders.report(row.id, "cancelled", ANA, "Nobody approved this")  # what an operator can always do


@pytest.mark.parametrize("part", ["place", "instructions", "crew", "identifier"])
def test_an_order_is_altered_in_the_database(city: City, part: str) -> None:
    order = honest(city)
    changes: dict[str, dict[str, Any]] = {
        "place": {"job": msgspec.structs.replace(order.job, lon=ELSEWHERE[0], lat=ELSEWHERE[1])},
        "instructions": {"instructions": "Take down the house"},
        "crew": {"crew": "Crew 9", "day": date(2014, 7, 2)},
        "identifier": {"id": "W-0123456789"},
    }
    write_order(city, msgspec.structs.replace(order, **changes[part]))
    if part == "identifier":
        stopped(city, "is not the order of its decision and job", only=order.id)
    else:
        stopped(city, "its state, work or place was changed since")


def test_a_message_is_altered_or_added_in_the_database(city: City) -> None:
    order = honest(city)
    with database(city) as held:
        (body,) = held.execute("select body from outbox").fetchone()
        data = json.loads(body)
        for change in ({"lon": ELSEWHERE[0]}, {"instructions": "Take down the house"}, {"order": "W-0123456789"}):
            other = json.dumps({**data, "data": {**data["data"], **change}})
            held.execute("update outbox set body = ?, state = 'waiting', due_us = 0", (other,))
            stopped(city, "does not say what the order says")
        for other in ("", "[]", '{"data": 5}', '{"type": "order.dispatch"}', "{" * 5_000):
            held.execute("update outbox set body = ?, state = 'waiting', due_us = 0", (other,))
            stopped(city, "cannot be read")
        held.execute("update outbox set body = ?, state = 'waiting', due_us = 0, kind = 'cancel'", (body,))
        stopped(city, "does not say what the order says")
        called_off = json.dumps({**data, "type": "order.cancel"})
        held.execute("update outbox set body = ?, state = 'waiting', due_us = 0", (called_off,))
        stopped(city, "was not taken back")
        held.execute("update outbox set \"order\" = 'W-0123456789', state = 'waiting', due_us = 0, kind = 'dispatch'")
        stopped(city, "there is no order")
    assert order.state == "planned"


def test_what_was_stopped_is_tried_again_by_hand(city: City) -> None:
    order = honest(city)
    write_order(city, msgspec.structs.replace(order, instructions="Take down the house"))
    stopped(city, "was changed since")
    (message,) = city.orders.outbox.messages()
    assert city.orders.outbox.retry(message.key, NOW)
    stopped(city, "was changed since")


def test_a_step_makes_no_work_of_an_altered_order(city: City) -> None:
    """Whoever alters an order that is done, and then says that it is not fixed, would have it sent and signed anew."""
    order = honest(city)
    city.orders.dispatch()
    city.orders.report(order.id, "done", BEN)
    held = city.orders.held(order.id)
    altered = msgspec.structs.replace(held, job=msgspec.structs.replace(held.job, lat=ELSEWHERE[1]))
    with database(city) as rows:
        rows.execute("update orders set body = ?", (to_json(altered).decode(),))
    token = city.orders.ask(order.id).rsplit("/", 1)[1]
    assert city.orders.answer(token, fixed=False, words="It still smells").state == "reopened"
    assert [message.key for message in city.orders.outbox.messages() if message.state == "waiting"] == []
    assert any(order.id in one for one in city.orders.sender.health()["troubles"])
    with pytest.raises(Unproved, match="was changed since"):
        city.orders.send_again(order.id, BEN)
    files = len(list((city.path / "orders" / "out").rglob("W-*")))
    assert city.orders.dispatch().delivered == 0
    assert len(list((city.path / "orders" / "out").rglob("W-*"))) == files


def test_an_order_that_nobody_approved_keeps_no_job_from_being_approved(city: City) -> None:
    write_order(city, copy_of(honest(city), inspection(2), "D-00000f0f0f", None))
    (order,) = give(city, [inspection(2)])
    assert order.decision != "D-00000f0f0f"
    city.orders.dispatch()
    assert left(city) == sorted([honest(city).id, order.id])


def test_an_order_from_before_works_were_digested_leaves(city: City) -> None:
    order = honest(city)
    with city.writing():
        told = {"state": "planned", "round": 1, "decision": order.decision}
        entry = receipt("order", order.id, NOW, b"as it was", **told)
        (index,) = city.writable_ledger().append([entry])
    write_order(city, copy_of(order, order.job, order.decision, index))
    assert city.orders.dispatch().delivered == 1


# -- the ledger --------------------------------------------------------------------------------------


def test_the_ledger_is_cut_replaced_or_signed_by_another(city: City, tmp_path: Path, chicago: Path) -> None:
    order = honest(city)
    city.close()
    ledger = city.path / "ledger"
    held = [file for file in (ledger / "tile" / "entries").rglob("*") if file.is_file()]
    tile = max(held, key=lambda file: file.stat().st_size)  # the newest part of the tile, which holds all
    assert order.decision.encode() in tile.read_bytes()
    entries = tile.read_bytes()
    tile.write_bytes(entries.replace(order.decision.encode(), b"D-ffffffffff"))
    with open_city(city.path, Clock.fixed(NOW)) as again:
        assert again.keeper.mandates.why_not([order])
    tile.write_bytes(entries)
    other = init(tmp_path / "other", name="Other", territories=chicago / "community_areas.geojson")
    with open_city(other, Clock.fixed(NOW)) as foreign:
        give(foreign, [inspection(1)])
    shutil.rmtree(ledger)
    shutil.copytree(other / "ledger", ledger)
    with open_city(city.path, Clock.fixed(NOW)) as again:
        assert any("is not signed by this city's key" in one for one in again.orders.sender.health()["troubles"])
        with pytest.raises(LedgerError, match="is not signed"):
            again.orders.dispatch()
    assert left(city) == []
