"""Keys of subjects: every leaf but the destroyed ones, whatever the order."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import SettingsError
from cityward.private.punctured import PuncturedKey

LEAF = st.text("0123456789abcdef", min_size=16, max_size=16)
SECRET = bytes(range(32))


def test_a_leaf_is_the_chain_of_hmacs_along_its_path() -> None:
    expected = SECRET
    for digit in "0123456789abcdef":
        expected = hmac.digest(expected, digit.encode(), "sha256")
    assert PuncturedKey.fresh(SECRET).key_of("0123456789abcdef") == expected


@given(gone=st.lists(LEAF, max_size=5), kept=st.lists(LEAF, max_size=5))
@settings(deadline=None)
def test_destroyed_leaves_are_gone_and_all_others_as_they_were(gone: list[str], kept: list[str]) -> None:
    whole = key = PuncturedKey.fresh(SECRET)
    for leaf in gone:
        key = key.without(leaf)
    again = PuncturedKey.from_bytes(key.to_bytes())
    for leaf in {*kept, *(leaf[:-1] + ("1" if leaf[-1] == "0" else "0") for leaf in gone)} - set(gone):
        assert again.key_of(leaf) == whole.key_of(leaf)
    assert [again.key_of(leaf) for leaf in gone] == [None] * len(gone)


def test_what_is_kept_holds_no_secret_above_a_destroyed_leaf() -> None:
    leaf = "0123456789abcdef"
    kept, above = PuncturedKey.fresh(SECRET).without(leaf).to_bytes(), SECRET
    for digit in leaf:
        assert above not in kept
        above = hmac.digest(above, digit.encode(), "sha256")
    assert above not in kept
    assert len(kept) == 240 * 49


def test_a_damaged_key_is_an_error() -> None:
    with pytest.raises(SettingsError, match="damaged"):
        PuncturedKey.from_bytes(b"short")
