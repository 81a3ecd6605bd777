"""Pseudonyms, redaction and coarsening."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.errors import SettingsError
from cityward.private.coarsen import coarsen_address
from cityward.private.pseudonym import Pseudonyms, load_or_create_key
from cityward.private.redact import luhn, redact

PERSONAL = {
    "mail me: Ana.Gomez+city@mail.example.co.uk please": "mail me: [e-mail] please",
    "call (312) 555-0142 after 5": "call [telephone] after 5",
    "tel 555-0142": "tel [telephone]",
    "mi teléfono es +57 301 555 0142": "mi teléfono es [telephone]",
    "card 4111 1111 1111 1111 was charged": "card [card number] was charged",
    "SSN 078-05-1120": "SSN [id number]",
    "IBAN DE89 3704 0044 0532 0130 00 bitte": "IBAN [account] bitte",
}
INNOCENT = [
    "4853 S WOOD, second floor",
    "request 14-00012345 of 2014-06-30 10:15:00",
    "since 2012 I wrote 3 times, paid $1,250.00",
    "at 41.881832, -87.623177",
    "sensor 8.6 to 11.2, route 151",
    "ZIP 60614-1234",
]


@pytest.mark.parametrize(("text", "clean"), PERSONAL.items())
def test_personal_numbers_are_redacted(text, clean):
    assert redact(pl.Series([text])).to_list() == [clean]


@pytest.mark.parametrize("text", INNOCENT)
def test_look_alikes_stay(text):
    assert redact(pl.Series([text, None])).to_list() == [text, None]


def test_luhn():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")


@given(st.lists(st.text(max_size=12) | st.none(), max_size=20))
def test_pseudonyms_keep_equality_within_a_purpose_and_nothing_across(values):
    series = pl.Series(values, dtype=pl.String)
    names = Pseudonyms(b"k" * 32)
    first, again, other = names.column(series, "a"), names.column(series, "a"), names.column(series, "b")
    assert first.to_list() == again.to_list()
    assert first.null_count() == series.null_count()
    assert first.drop_nulls().n_unique() == series.drop_nulls().n_unique()
    assert not set(first.drop_nulls()) & set(other.drop_nulls())


def test_a_key_is_made_once_for_its_owner_and_a_damaged_one_is_told(tmp_path):
    path = tmp_path / "keys" / "p.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(SettingsError, match="damaged"):
        Pseudonyms(b"short")


def test_addresses_become_blocks():
    frame = pl.DataFrame(
        {"a": ["4853 S WOOD", "12 ELM ST APT 3", "Rua 7", "1200-1210 W LAKE", None, "77 MAIN, unit 9"]}
    )
    assert frame.select(coarsen_address(pl.col("a")))["a"].to_list() == [
        "4800 block S WOOD",
        "0 block ELM ST",
        "Rua",
        "1200 block W LAKE",
        None,
        "0 block MAIN",
    ]
