"""Whatever the bytes are, they become a playbook or a list of problems with their place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.respond.books import action, document, named, written

from cityward.secure.respond.checks import check
from cityward.secure.respond.limits import PLAYBOOK_BYTES, PLAYBOOK_NODES, TEXT_CHARS
from cityward.secure.respond.problem import BadPlaybook
from cityward.secure.respond.reading import read_document

GOOD = document(named("action", "one"), [action("one")])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "no object"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "too long"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ("\ufeff{}".encode(), "not JSON"),
        (written(GOOD).decode().encode("utf-16"), "not UTF-8"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "nested more than"),
        (b"[" * 100_000, "nested more than"),
        (b" " * (PLAYBOOK_BYTES + 1), "bytes"),
        (json.dumps({"a": "x" * (TEXT_CHARS + 1)}).encode(), "signs"),
        (json.dumps({"a": "\u202egpj.exe"}).encode(), "U+202E"),
        (json.dumps({"a\x1b[2J": 1}).encode(), "U+001B"),
        (b'{"a": "\\ud800"}', "U+D800"),
        (json.dumps({"a": list(range(PLAYBOOK_NODES + 1))}).encode(), "more than"),
    ],
)
def test_hostile_bytes_are_told_and_not_followed(data: bytes, says: str) -> None:
    with pytest.raises(BadPlaybook) as refused:
        read_document(data, "odd.json")
    assert says in str(refused.value)
    assert str(refused.value).isprintable()


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    book, problems = check(data, "odd.json")
    assert problems
    assert book is None or not data.startswith(b"\xff")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(named("action", "one")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=25)
@given(st.sampled_from(sorted(GOOD)), _ANY)
def test_a_part_of_another_shape_is_a_problem_and_no_defect(part: str, value: object) -> None:
    book, problems = check(written({**GOOD, part: value}), "odd.json", {})
    assert problems or value == GOOD[part] or book is not None
    assert all(one.told.isprintable() for one in problems)


@settings(max_examples=25)
@given(_ANY, st.sampled_from(["type", "commands", "agent", "targets", "timeout", "on_completion", "step_extensions"]))
def test_a_step_of_another_shape_is_a_problem_and_no_defect(value: object, part: str) -> None:
    body = action("one")
    body[named("action", "one")][part] = value
    _, problems = check(written(document(named("action", "one"), [body])), "odd.json", {})
    assert all(one.told.isprintable() for one in problems)
