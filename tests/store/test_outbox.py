"""The outbox answers equally on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sql

from cityward.core.errors import CityBusy
from cityward.core.work import Job, Message, OrderEvent, WorkOrder
from cityward.store.outbox import Outbox
from cityward.store.registers import open_registers

NOW = datetime(2014, 7, 1, 12, 30, tzinfo=UTC)
LEASE = timedelta(minutes=5)
SCHEMA = "cityward_test_outbox"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def outbox(request, tmp_path) -> Iterator[Outbox]:
    if request.param == "sqlite":
        yield Outbox(open_registers(f"sqlite:///{tmp_path / 'registers.db'}").engine)
        return
    url = request.getfixturevalue("postgresql_url")
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema if exists {SCHEMA} cascade"))
        connection.execute(sql.text(f"create schema {SCHEMA}"))
    yield Outbox(open_registers(f"{url}?options=-csearch_path%3D{SCHEMA}").engine)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema {SCHEMA} cascade"))


def order(number: int = 1) -> WorkOrder:
    job = Job(
        id=f"J-{number:010x}", about="N-1", service="s", title="t", territory=None, lon=0.0, lat=0.0, minutes=5,
        skill="s", waiting_since=date(2014, 1, 1),
    )  # fmt: skip
    event = OrderEvent(state="planned", at=NOW, by="a", because="b", receipt=1)
    return WorkOrder(
        id=f"W-{number:010x}", job=job, decision="D-1", crew=None, day=None, instructions="t", state="planned",
        events=(event,),
    )  # fmt: skip


def message(number: int = 1, way: str = "w", **more: object) -> Message:
    values = {"key": f"W-{number:010x}.1.dispatch.{way}", "order": f"W-{number:010x}", "kind": "dispatch", "way": way}
    return Message(**{**values, "body": "{}", "made_at": NOW, "due_at": NOW, **more})


def moved(before: WorkOrder, state: str) -> WorkOrder:
    event = OrderEvent(state=state, at=NOW, by="a", because="b")
    return msgspec.structs.replace(before, state=state, events=(*before.events, event))


def test_an_order_and_its_message_are_kept_once_and_together(outbox: Outbox) -> None:
    for _ in range(2):
        outbox.put_new(None, [(order(), "digest")], [message()])
    assert outbox.get(order().id) == outbox.by_token("digest") == order()
    assert outbox.messages() == [message()]
    with pytest.raises(CityBusy):
        outbox.move(moved(order(), "sent"), moved(moved(order(), "sent"), "done"), [message(2)])
    assert outbox.messages() == [message()]
    outbox.move(order(), moved(order(), "sent"), [message(2)], report=("r", NOW))
    assert outbox.counts() == {"sent": 1}
    assert outbox.was_reported("r")
    assert len(outbox.messages()) == 2


def test_a_claim_is_one_holders_until_its_lease_is_over(outbox: Outbox) -> None:
    outbox.put_new(None, [(order(), "d")], [message(), message(2, way="other")])
    first = outbox.claim(["w"], NOW, LEASE)
    assert first
    assert (first.attempts, first.first_try_at) == (1, NOW)
    assert outbox.claim(["w"], NOW + LEASE - timedelta(seconds=1), LEASE) is None
    second = outbox.claim(["w"], NOW + LEASE, LEASE)
    assert second
    assert (second.attempts, second.first_try_at) == (2, NOW)


def test_many_at_once_never_claim_the_same(outbox: Outbox) -> None:
    outbox.put_new(None, [(order(), "d")], [message(number) for number in range(1, 41)])

    def drain(_: int) -> list[str]:
        found = []
        while claimed := outbox.claim(["w"], NOW, LEASE):
            found.append(claimed.key)
        return found

    with ThreadPoolExecutor(4) as pool:
        keys = [key for found in pool.map(drain, range(4)) for key in found]
    assert sorted(keys) == sorted({message(number).key for number in range(1, 41)})


def test_what_was_delivered_is_never_claimed_again(outbox: Outbox) -> None:
    outbox.put_new(None, [(order(), "d")], [message()])
    outbox.claim(["w"], NOW, LEASE)
    assert outbox.delivered(message().key, "ref", NOW, NOW)
    assert not outbox.delivered(message().key, "another", NOW, NOW)
    outbox.failed(message().key, "late news", NOW)
    assert not outbox.retry(message().key, NOW)
    assert outbox.claim(["w"], NOW + 100 * LEASE, LEASE) is None
    (held,) = outbox.messages()
    assert (held.state, held.reference, held.error) == ("delivered", "ref", None)
    assert [found.key for found in outbox.to_ask_after(["w"], NOW)] == [message().key]
    outbox.ask_after(message().key, NOW + LEASE, "id:2")
    assert outbox.to_ask_after(["w"], NOW) == []


def test_failures_wait_stop_and_begin_anew(outbox: Outbox) -> None:
    outbox.put_new(None, [(order(), "d")], [message()])
    outbox.claim(["w"], NOW, LEASE)
    outbox.failed(message().key, "x" * 5_000, NOW + timedelta(hours=1))
    assert len(outbox.messages()[0].error or "") == 500
    assert outbox.claim(["w"], NOW + LEASE, LEASE) is None
    outbox.failed(message().key, "gone", None)
    assert outbox.message_counts() == {"stopped": 1}
    assert outbox.retry(message().key, NOW)
    assert outbox.claim(["w"], NOW, LEASE)


def test_what_is_not_needed_any_more_is_not_sent(outbox: Outbox) -> None:
    outbox.put_new(None, [(order(), "d")], [message()])
    outbox.move(order(), moved(order(), "cancelled"), withdraw=True)
    assert outbox.claim(["w"], NOW, LEASE) is None
    assert outbox.message_counts() == {"withdrawn": 1}
