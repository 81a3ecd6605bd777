"""Orders are read under a grant: what it does not cover is not there, and a look is one consult."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.guard.granted import NOW, grant, keeper

from cityward.city.granting import proposed
from cityward.core.clock import Clock
from cityward.core.errors import Refused
from cityward.core.work import RESIDENT, Job, Message, OrderEvent, WorkOrder
from cityward.guard.keeper import Keeper
from cityward.guard.outbox import LOOK

WORDS = "A resident says that it is not fixed: my mother cannot leave the house"
OPERATOR = ("cityward-operator", "case-handling")
CREWS = ("cityward-dispatch", "case-handling")
RESIDENTS = ("cityward-resident", "resident-information")


def order(number: int, service: str = "Garbage") -> WorkOrder:
    job = Job(
        id=f"J-{number:010x}", about="N-0123456789", service=service, title="Empty the carts", territory="64",
        lon=-87.77, lat=41.78, minutes=20, skill="sanitation", waiting_since=date(2014, 6, 9),
    )  # fmt: skip
    events = (
        OrderEvent(state="planned", at=NOW, by="Ana Gómez", because="Planned for the blue crew.", receipt=1),
        OrderEvent(state="done", at=NOW, by="Ben Okoro", because="Emptied", receipt=2),
        OrderEvent(state="reopened", at=NOW, by=RESIDENT, because=WORDS, receipt=3),
    )
    return WorkOrder(
        id=f"W-{number:010x}", job=job, decision="D-0000000001", crew="blue", day=date(2014, 6, 20),
        instructions="Empty the carts", state="reopened", events=events,
    )  # fmt: skip


def message(about: WorkOrder) -> Message:
    return Message(
        key=f"{about.id}.1.dispatch.crews", order=about.id, kind="dispatch", way="crews", body='{"lon": -87.77}',
        made_at=NOW, due_at=NOW,
    )  # fmt: skip


def kept(folder: Path, **grants: str) -> tuple[Keeper, list[bytes]]:
    """A keeper with three orders; by default with the grants that are proposed."""
    texts = {name.removesuffix(".toml"): text for name, text in proposed(NOW.date()).items() if "orders-" in name}
    found, entries = keeper(folder, **(grants or texts))
    orders = [order(1), order(2, "Street light"), order(3)]
    # As they lie in the store: who may read them has nothing to do with how they came there.
    found._orders.put_new(None, [(one, one.id) for one in orders], [message(one) for one in orders])
    return found, entries


def read_in_every_way(found: Keeper, who: Sequence[str]) -> list[WorkOrder]:
    outbox = found.outbox(*who)
    one, by_link = outbox.get(order(1).id), outbox.by_token(order(1).id)
    assert one is not None
    assert by_link is not None
    return [one, by_link, *outbox.orders(), *outbox.orders(["reopened"], 2)]


def test_without_a_grant_no_order_is_read(tmp_path: Path) -> None:
    found, _ = kept(tmp_path, other=grant())
    outbox = found.outbox(*OPERATOR)
    for attempt in (
        lambda: outbox.get(order(1).id),
        lambda: outbox.by_token(order(1).id),
        outbox.orders,
        outbox.counts,
        outbox.messages,
        outbox.message_counts,
        lambda: outbox.claim(["crews"], NOW, timedelta(minutes=1)),
    ):
        with pytest.raises(Refused, match="No grant lets cityward-operator read orders"):
            attempt()


def test_the_city_s_own_people_see_an_order_as_it_is(tmp_path: Path) -> None:
    found, _ = kept(tmp_path)
    assert read_in_every_way(found, OPERATOR)[0] == order(1)
    assert [one.id for one in found.outbox(*OPERATOR).orders()] == [order(at).id for at in (3, 2, 1)]


def test_who_sends_crews_sees_the_place_and_nothing_that_was_said(tmp_path: Path) -> None:
    found, _ = kept(tmp_path)
    for one in read_in_every_way(found, CREWS):
        assert (one.job.lon, one.job.title, one.crew) == (-87.77, "Empty the carts", "blue")
        assert [event.state for event in one.events] == ["planned", "done", "reopened"]
        assert {event.because for event in one.events} == {""}
        assert [event.by for event in one.events] == ["", "", RESIDENT]


def test_a_resident_is_told_no_place_no_name_and_no_words(tmp_path: Path) -> None:
    found, _ = kept(tmp_path)
    for one in read_in_every_way(found, RESIDENTS):
        assert math.isnan(one.job.lon)
        assert math.isnan(one.job.lat)
        assert (one.job.service, one.job.territory) in {("Garbage", "64"), ("Street light", "64")}
        assert (one.job.title, one.instructions, one.crew, one.decision) == ("", "", None, "")
        assert not {"Gómez", "Okoro", "mother"} & set(repr(one).replace(",", " ").split())
    with pytest.raises(Refused, match="does not cover messages"):
        found.outbox(*RESIDENTS).messages()


def test_what_was_sent_is_told_without_what_it_said(tmp_path: Path) -> None:
    found, _ = kept(tmp_path)
    told = found.outbox(*OPERATOR).messages()
    assert [one.key for one in told] == [message(order(at)).key for at in (1, 2, 3)]
    assert {one.body for one in told} == {""}


def test_orders_outside_of_a_grant_do_not_exist(tmp_path: Path) -> None:
    text = grant(reader="cityward-operator", purpose="case-handling", table="orders", services=["Street light"],
                 fields=["id", "state", "steps", "messages"], time="exact", row_ids="kept")  # fmt: skip
    found, _ = kept(tmp_path, one=text)
    outbox = found.outbox(*OPERATOR)
    assert outbox.get(order(1).id) is None
    assert [one.id for one in outbox.orders()] == [order(2).id]
    assert outbox.counts() == {"reopened": 1}
    assert [one.order for one in outbox.messages()] == [order(2).id]
    rows = found.reading(*OPERATOR, "orders").frame(("id", "messages"))
    assert rows["id"].to_list() == [order(2).id]
    assert "body" not in rows["messages"].explode().struct.fields


def test_a_look_is_one_consult_and_the_grant_is_asked_again_afterwards(tmp_path: Path) -> None:
    moments = [NOW]
    found, _ = kept(tmp_path)
    object.__setattr__(found._inside, "clock", Clock(lambda: moments[-1]))
    outbox = found.outbox(*OPERATOR)
    for _ in range(5):
        outbox.orders()
        outbox.counts()
    (noted,) = found.consults()
    assert (noted.reader, noted.table, noted.grant, noted.rows) == (
        "cityward-operator",
        "orders",
        "orders-operator",
        None,
    )
    assert {"words", "lon"} <= set(noted.fields)
    (tmp_path / "grants" / "orders-operator.toml").unlink()
    moments.append(NOW + LOOK)
    with pytest.raises(Refused):
        outbox.orders()
