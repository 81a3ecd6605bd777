"""Signatures of messages: what the standard asks for, and everything that is not it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.act.send.signing import Unsigned, check, key_of, sign
from cityward.core.errors import SettingsError

KEY, NOW, BODY = bytes(range(32)), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b'{"state": "done"}'


def test_the_signed_text_is_id_stamp_and_body_with_dots_between() -> None:
    headers = sign(KEY, "msg_1", NOW, BODY)
    text = b"msg_1." + str(int(NOW.timestamp())).encode() + b"." + BODY
    wanted = base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1767323045",
        "webhook-signature": f"v1,{wanted}",
    }


def test_a_secret_is_base64_with_or_without_its_prefix() -> None:
    text = base64.b64encode(KEY).decode()
    assert key_of(f"whsec_{text}\n") == key_of(text) == KEY


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "not base64!", base64.b64encode(bytes(65)).decode()]
)
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="24 to 64 bytes"):
        key_of(secret)


def test_one_of_several_signatures_is_enough_so_that_keys_can_change() -> None:
    headers = sign(KEY, "m", NOW, BODY)
    other = sign(bytes(32), "m", NOW, BODY)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,xyz {other} {headers['webhook-signature']}"
    assert check(KEY, headers, BODY, NOW) == "m"


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_what_is_too_old_or_too_new_is_not_taken(seconds: int) -> None:
    headers = sign(KEY, "m", NOW, BODY)
    assert check(KEY, headers, BODY, NOW + timedelta(seconds=299)) == "m"
    with pytest.raises(Unsigned, match="seconds away"):
        check(KEY, headers, BODY, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": ""},
        {"webhook-id": "other"},
        {"webhook-id": "x" * 129},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,abc"},
        {"webhook-signature": "v1,\udce9"},
    ],
)
def test_forged_headers(change: dict[str, str]) -> None:
    with pytest.raises(Unsigned):
        check(KEY, {**sign(KEY, "m", NOW, BODY), **change}, BODY, NOW)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_signature_fits_its_own_body_alone(body: bytes, other: bytes) -> None:
    headers = sign(KEY, "m", NOW, body)
    assert check(KEY, headers, body, NOW) == "m"
    if body != other:
        with pytest.raises(Unsigned):
            check(KEY, headers, other, NOW)
