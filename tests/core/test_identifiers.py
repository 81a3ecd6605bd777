"""Identifiers are made from content and recognised by kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.identifiers import KINDS, kind_of, make_id, slug


@pytest.mark.parametrize("kind", KINDS)
def test_an_identifier_tells_its_kind(kind: str) -> None:
    assert kind_of(make_id(kind, "a", 1)) == kind


def test_each_kind_has_its_own_letter() -> None:
    assert len(set(KINDS.values())) == len(KINDS)


def test_the_same_content_has_the_same_name() -> None:
    assert make_id("need", "carts", "64", 3) == make_id("need", "carts", "64", 3)


@pytest.mark.parametrize("parts", [("carts64", 3), ("carts", "64", 4), ("carts", "643"), ("64", "carts", 3)])
def test_other_content_has_another_name(parts: tuple[object, ...]) -> None:
    assert make_id("need", *parts) != make_id("need", "carts", "64", 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "N-",
        "N-3f9c21d07",
        "N-3f9c21d07a1",
        "n-3f9c21d07a",
        "0-3f9c21d07a",
        "N-3F9C21D07A",
        "N-3f9c21d07a\n",
        "../keys",
    ],
)
def test_what_is_not_an_identifier_has_no_kind(text: str) -> None:
    assert kind_of(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Garbage in alley", "garbage-in-alley"),
        ("Iluminación pública", "iluminacion-publica"),
        ("  ", "unnamed"),
        ("道路", "unnamed"),
    ],
)
def test_a_slug_is_plain(text: str, expected: str) -> None:
    assert slug(text) == expected


@given(st.text())
def test_a_slug_is_safe_in_a_path_and_stays_as_it_is(text: str) -> None:
    made = slug(text)
    assert made
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug(made) == made
