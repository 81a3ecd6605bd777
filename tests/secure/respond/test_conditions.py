"""Conditions are read as STIX patterning means them, or refused by name."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.errors import UserError
from cityward.secure.respond.conditions import BadCondition, check_types, holds, read_condition
from cityward.secure.respond.values import checked, filled, fits, shown

VALUES = {"__n__": "3", "__t__": "water", "__b__": "true"}
KINDS = {"__n__": "integer", "__t__": "string", "__b__": "bool"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("__n__:value = 3", True),
        ("__n__:value == 3.0", True),
        ("[__n__:value >= 4]", False),
        ("__t__:value != 'fire'", True),
        ("__t__:value IN ('fire', 'water')", True),
        ("__t__:value NOT IN ('fire', 'water')", False),
        ("NOT __b__:value = true", False),
        ("__b__:value = false OR __n__:value < 4 AND __t__:value = 'water'", True),
        ("(__b__:value = true OR __n__:value < 4) AND __t__:value = 'fire'", False),
        ("__t__:value = 'it\\'s'", False),
    ],
)
def test_conditions_hold_or_not(text: str, wanted: bool) -> None:
    condition = read_condition(text)
    check_types(condition, KINDS)
    assert holds(condition, VALUES) is wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with __name__:value"),
        ("__t__:value LIKE 'w%'", "LIKE of STIX patterning is not evaluated"),
        ("__t__:value MATCHES '^w'", "MATCHES"),
        ("__t__:value ISSUBSET '10.0.0.0/8'", "ISSUBSET"),
        ("EXISTS __t__:value", "EXISTS"),
        ("[ipv4-addr:value = '1.2.3.4']", "begins with __name__:value"),
        ("__t__:value = 'a' FOLLOWEDBY __t__:value = 'b'", "was not expected"),
        ("__t__:value = 'a", "not"),
        ("__t__:value = a", "A value is"),
        ("__n__:value = 3 3", "was not expected"),
        ("(__n__:value = 3", "')' is missing"),
        ("__n__:value = __import__('os')", "A value is"),
        ("(" * 50 + "__n__:value = 3" + ")" * 50, "deep"),
        ("__n__:value = 3" + " OR __n__:value = 3" * 60, "signs"),
        ("__x__:value = 3", "__x__ is not defined"),
        ("__t__:value < 3", "compares numbers"),
        ("__n__:value = 'three'", "compared with something else"),
    ],
)
def test_everything_else_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(BadCondition) as refused:
        check_types(read_condition(text), KINDS)
    assert says in str(refused.value)


@given(st.text(max_size=60) | st.text("()[]'=<>!_:valueANDORNOT 3,", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(BadCondition):
        assert read_condition(text)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", "-12", "1.5"),
        ("float", "1e-3", "nan"),
        ("ipv4-addr", "192.0.2.1", "192.0.2.1;id"),
        ("ipv6-addr", "2001:db8::1", "fe80::1%eth0"),
        ("mac-addr", "00:1b:44:11:3a:b7", "00:1b"),
        ("sha256-hash", "a" * 64, "a" * 63),
        ("bool", "true", "True"),
        ("uri", "https://example.org/x", "https://example.org/ x"),
        ("uuid", "0c7a52a2-45c0-4d09-9e5c-0d2b8a1a9f10", "x"),
        ("dictionary", '{"a": 1}', "[1]"),
        ("string", "it is", "it\x1b[2J"),
        ("no-such-type", "", "x"),
    ],
)
def test_values_are_what_their_type_says(kind: str, good: str, bad: str) -> None:
    assert fits(kind, good) is (kind != "no-such-type")
    assert not fits(kind, bad)
    with pytest.raises(UserError) as refused:
        checked("__x__", kind, bad)
    assert bad not in str(refused.value) or len(bad) < 5


def test_secrets_are_hidden_and_what_has_no_value_is_named() -> None:
    assert shown("a __b__:value __c__:value __d__:value", {"__b__": "1", "__c__": "s"}, {"__c__"}) == "a 1 ••• ‹d›"
    with pytest.raises(UserError, match="--set d"):
        filled("__d__:value", {})
