"""Records encode canonically and read back what they said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import msgspec
import pytest

from cityward.core.receipts import receipt
from cityward.core.records import Decision, Intake, Need, Party, from_json, to_json

INTAKE = Intake(
    batch="B-0000000001",
    source="s",
    received_at=datetime(2014, 6, 30, 12, tzinfo=UTC),
    received=12,
    added=5,
    revised=2,
    repeated=1,
    quarantined=3,
    refused=1,
)


def test_admitted_is_added_revised_and_repeated() -> None:
    assert INTAKE.admitted == 8
    assert INTAKE.received == INTAKE.admitted + INTAKE.quarantined + INTAKE.refused


def test_json_is_canonical() -> None:
    body = to_json({"b": 1, "a": {"d": datetime(2014, 6, 30, tzinfo=UTC), "c": date(2014, 6, 30)}})
    assert body == b'{"a":{"c":"2014-06-30","d":"2014-06-30T00:00:00Z"},"b":1}'


def test_a_records_keys_are_sorted() -> None:
    keys = list(json.loads(to_json(INTAKE)))
    assert keys == sorted(keys)


def test_a_record_reads_back_equal() -> None:
    assert from_json(to_json(INTAKE), Intake) == INTAKE


def test_nested_records_read_back_equal() -> None:
    decision = Decision(
        id="D-0000000001",
        proposal="P-0000000001",
        outcome="approved",
        by="Ana Ruiz",
        because="it is so",
        rule="proposal-approval 1",
        system="cityward-need-scan",
        parties=(Party(duty="owner", name="the city"),),
        at=datetime(2014, 6, 30, tzinfo=UTC),
        explanation="…",
        appeal="…",
        receipt=3,
    )
    assert from_json(to_json(decision), Decision) == decision


@pytest.mark.parametrize("body", [b"{}", b'{"batch": 1}', to_json(INTAKE).replace(b'"received":12', b'"received":"x"')])
def test_a_damaged_record_is_not_read(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json(body, Intake)


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        INTAKE.received = 13  # type: ignore[misc]


def test_a_need_has_room_for_its_uncertainty() -> None:
    assert {"relative_risk_low", "relative_risk_high", "p_value", "recurrence_days", "caveats"} <= set(
        Need.__struct_fields__
    )


def test_a_receipt_holds_a_digest_and_never_the_content() -> None:
    at = datetime(2014, 6, 30, tzinfo=UTC)
    entry = receipt("need", "N-0000000001", at, b"Ana Ruiz, 555-0100", rows=3)
    assert b"Ana" not in entry
    assert json.loads(entry)["facts"] == {"rows": 3}
    assert entry != receipt("need", "N-0000000001", at, b"Ana Ruiz, 555-0101", rows=3)
