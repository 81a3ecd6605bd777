"""The life of an order as a state machine: what is allowed, by whom, and what counts as a try."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.act.orders import (
    ALLOWED,
    STATES,
    Role,
    advance,
    is_escalated,
    is_late,
    is_unconfirmed,
    issue,
    reopenings,
    round_of,
    standing,
)
from cityward.core.errors import UserError
from cityward.core.work import Job, OrderState, WorkOrder

NOON = datetime(2014, 7, 1, 12, tzinfo=UTC)
JOB = Job(
    id="J-0000000001", about="N-0000000001", service="Garbage", title="Empty the carts", territory="64",
    lon=0.0, lat=0.0, minutes=20, skill="sanitation", waiting_since=date(2014, 6, 9),
)  # fmt: skip


def order() -> WorkOrder:
    return issue(JOB, decision="D-0000000001", crew=None, day=None, at=NOON, by="Ana Gómez")


def through(*steps: tuple[OrderState, Role]) -> WorkOrder:
    found = order()
    for number, (state, role) in enumerate(steps, start=1):
        at = NOON + timedelta(hours=number)
        found = advance(found, state, role=role, by=f"{role} {number}", because="x", at=at)
    return found


def test_a_worker_never_closes_an_order() -> None:
    reached = {after for (_, after), roles in ALLOWED.items() if "worker" in roles}
    assert reached == {"accepted", "done"}


def test_the_system_only_sends() -> None:
    assert {after for (_, after), roles in ALLOWED.items() if "system" in roles} == {"sent"}


def test_every_state_is_reached_and_only_what_is_over_has_no_way_on() -> None:
    assert {after for _, after in ALLOWED} | {"planned"} == set(STATES) == set(get_args(OrderState))
    assert set(STATES) - {before for before, _ in ALLOWED} == {"cancelled"}


@given(st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(get_args(Role))), max_size=25))
def test_whatever_is_tried_an_order_is_confirmed_only_after_done_and_not_by_the_worker(
    tried: list[tuple[OrderState, Role]],
) -> None:
    found = order()
    for number, (state, role) in enumerate(tried, start=1):
        at = NOON + timedelta(hours=number)
        try:
            found = advance(found, state, role=role, by=f"{role} {number}", because="x", at=at)
        except UserError:
            assert role not in ALLOWED.get((found.state, state), ())
    states = [event.state for event in found.events]
    assert states[-1] == found.state
    for at, event in enumerate(found.events):
        if event.state == "confirmed":
            assert "done" in states[:at]
            assert event.by.split()[0] in ("resident", "city")
    assert 0 <= reopenings(found) <= round_of(found) - 1


def test_the_same_job_under_the_same_decision_is_the_same_order() -> None:
    assert order().id == order().id
    other = issue(JOB, decision="D-0000000002", crew=None, day=None, at=NOON, by="Ana Gómez")
    assert other.id != order().id


def test_an_answer_that_is_taken_back_is_no_bad_work() -> None:
    back = through(("done", "city"), ("reopened", "resident"), ("confirmed", "resident"), ("reopened", "resident"))
    assert (reopenings(back), round_of(back)) == (1, 3)
    again = through(("done", "city"), ("reopened", "resident"), ("done", "city"), ("reopened", "resident"))
    assert (reopenings(again), is_escalated(again, 2), is_escalated(again, 3)) == (2, True, False)


def test_reports_that_come_late_say_nothing_new() -> None:
    done = through(("sent", "system"), ("accepted", "worker"), ("done", "worker"))
    assert is_late(done, "accepted")
    assert is_late(done, "done")
    reopened = advance(done, "reopened", role="resident", by="r", because="x", at=NOON + timedelta(hours=9))
    assert not is_late(reopened, "done", NOON + timedelta(hours=10))
    assert is_late(reopened, "done", NOON + timedelta(hours=8))
    assert not is_late(through(("sent", "system")), "done")


@pytest.mark.parametrize(("days", "late"), [(13, False), (14, False), (15, True), (4_000, True)])
def test_silence_is_never_a_yes(days: int, late: bool) -> None:
    done = through(("done", "city"))
    now = done.events[-1].at + timedelta(days=days)
    assert is_unconfirmed(done, now, 14) is late
    told = standing(done, now, answer_days=14, escalate_after=2)
    assert told.startswith("not confirmed" if late else "done, by the word")
