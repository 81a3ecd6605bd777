"""Compiled rules against a slow evaluator of Sigma's words, row by row; modifiers one by one; hostile rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.monitor.rule_files import compiled, matched, rule

from cityward.secure.monitor.logsources import Fields

WORDS = ["", "a", "A", "ab", "b.c", "\\a", "ba", "é", "É", "a b", "x*y", "7", "10", "-a", "/a", "K"]
FIELDS = ["One", "two"]


def _wild(value: str, text: str) -> bool:
    """Whether a value with Sigma's wildcards and escapes is the whole of a text, without case."""
    pattern, position = "", 0
    while position < len(value):
        sign = value[position]
        following = value[position + 1 : position + 2]
        if sign == "\\" and following and following in "\\*?":
            pattern += re.escape(following)
            position += 1
        else:
            pattern += {"*": ".*", "?": "."}.get(sign, re.escape(sign))
        position += 1
    return re.fullmatch(pattern.lower(), text.lower(), re.DOTALL) is not None


def _one(modifiers: list[str], value: Any, event: Fields, field: str) -> bool:
    held = event.get(field.lower())
    texts = [held] if isinstance(held, str) else held or []
    if value is None:
        return not any(texts)
    if "exists" in modifiers:
        return bool(texts) is value
    told = str(value)
    if "re" in modifiers:
        return any(re.search(told, text) for text in texts)
    if "gt" in modifiers:
        return any(text.isdecimal() and int(text) > value for text in texts)
    if "contains" in modifiers:
        told = f"*{told}*"
    elif "startswith" in modifiers:
        told = f"{told}*"
    elif "endswith" in modifiers:
        told = f"*{told}"
    return any(_wild(told, text) for text in texts)


def _selected(selection: dict[str, Any], event: Fields) -> bool:
    for key, values in selection.items():
        field, *modifiers = key.split("|")
        answers = [_one(modifiers, value, event, field) for value in (values if isinstance(values, list) else [values])]
        if not (all(answers) if "all" in modifiers else any(answers)):
            return False
    return True


_TEXT = st.sampled_from([word for word in WORDS if word]).flatmap(
    lambda word: st.sampled_from([word, word + "*", "*" + word, word + "?", word + "*" + word, "\\*" + word])
)
_ITEM = st.one_of(
    st.tuples(
        st.sampled_from(["", "|contains", "|startswith", "|endswith", "|contains|all"]),
        st.lists(_TEXT, min_size=2, max_size=3, unique=True),
    ),
    st.tuples(st.just(""), st.sampled_from([None, 7, 10, ""])),
    st.tuples(st.just("|exists"), st.booleans()),
    st.tuples(st.just("|re"), st.sampled_from(["^a", "a$", "[ab]{2}", "A|7"])),
    st.tuples(st.just("|gt"), st.sampled_from([3, 7])),
)
_SELECTION = st.dictionaries(st.sampled_from(FIELDS), _ITEM, min_size=1).map(
    lambda held: {field + modifier: value for field, (modifier, value) in held.items()}
)
_CONDITIONS = {
    "s1 and not s2": lambda a, b, _: a and not b,
    "s1 or (s2 and s3)": lambda a, b, c: a or (b and c),
    "all of s* and not (s1 and not s3)": lambda a, b, c: a and b and c,
    "1 of s*": lambda a, b, c: a or b or c,
    "not 1 of them": lambda a, b, c: not (a or b or c),
}
_VALUE = st.one_of(st.sampled_from(WORDS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=2))
_EVENT = st.dictionaries(st.sampled_from([field.lower() for field in FIELDS]), _VALUE)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(_SELECTION, _SELECTION, _SELECTION, st.sampled_from(sorted(_CONDITIONS))), min_size=1, max_size=4
    ),
    st.lists(_EVENT, min_size=1, max_size=12),
)
def test_columns_answer_as_row_by_row(
    asked: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]], events: list[Fields]
) -> None:
    documents = [
        rule({"s1": a, "s2": b, "s3": c, "condition": condition}, f"rule{at}")
        for at, (a, b, c, condition) in enumerate(asked)
    ]
    rules = compiled(*documents)
    assert rules.refused == ()
    expected = {}
    for at, (*selections, condition) in enumerate(asked):
        rows = [
            row
            for row, event in enumerate(events)
            if _CONDITIONS[condition](*(_selected(one, event) for one in selections))
        ]
        if rows:
            expected[f"rule{at}"] = rows
    assert matched(rules, events) == expected


@pytest.mark.parametrize(
    ("selection", "yes", "no"),
    [
        ({"f|cidr": "10.0.0.0/8"}, {"f": "10.9.8.7"}, {"f": "11.0.0.1"}),
        ({"f|cidr": "fe80::/10"}, {"f": "fe80::1%eth0"}, {"f": "10.0.0.1"}),
        ({"f|cidr": "10.0.0.0/8"}, {"f": "::ffff:10.0.0.1"}, {"f": "no address"}),
        ({"f|base64offset|contains": "http://"}, {"f": "xx aHR0cDovL2V2aWw= yy"}, {"f": "aaaa"}),
        ({"f|base64": "foo"}, {"f": "Zm9v"}, {"f": "foo"}),
        ({"f|wide|base64offset|contains": "IEX"}, {"f": "SQBFAFgA"}, {"f": "IEX"}),
        ({"f|windash|contains": " -enc"}, {"f": "powershell /enc x"}, {"f": "powershell enc x"}),
        ({"f|cased": "Abc"}, {"f": "Abc"}, {"f": "abc"}),
        ({"f|contains|cased": "B"}, {"f": "aBc"}, {"f": "abc"}),
        ({"f|re|i": "^EVIL"}, {"f": "evil.exe"}, {"f": "an evil"}),
        ({"f|re|m": "^second"}, {"f": "first\nsecond"}, {"f": "first second"}),
        ({"f|re|s": "a.b"}, {"f": "a\nb"}, {"f": "ab"}),
        ({"f|fieldref": "g"}, {"f": "Same", "g": "same"}, {"f": "one", "g": "other"}),
        ({"f|fieldref|endswith": "g"}, {"f": "the end", "g": "END"}, {"f": "the end", "g": "the"}),
        ({"f|lte": 3}, {"f": "3"}, {"f": "3.5"}),
        ({"f|gte": 3}, {"f": "3"}, {"f": "three"}),
        ({"f|hour": 23}, {"f": "2024-01-02T23:10:00Z"}, {"f": "2024-01-02T22:10:00Z"}),
        ({"f|neq": "a"}, {"f": "b"}, {"f": "A"}),
        ({"f": True}, {"f": "true"}, {"f": "false"}),
        ({"f": None}, {"g": "x"}, {"f": "x"}),
        ({"f": "*"}, {"f": "x"}, {"g": "x"}),
        ({"F.G": "x"}, {"f.g": "X"}, {"f": "x"}),
        (["one word", "other*word"], {"f": "there is ONE WORD here"}, {"f": "another one"}),
        (["other*word"], {"f": "other than a word"}, {"f": "word other"}),
        ({"|contains|all": ["here", "there"]}, {"f": "here", "g": "there"}, {"f": "here"}),
    ],
)
def test_each_modifier(selection: Any, yes: Fields, no: Fields) -> None:
    rules = compiled(rule({"s": selection, "condition": "s"}))
    assert rules.refused == ()
    assert matched(rules, [no, yes]) == {"one": [1]}


@pytest.mark.parametrize(
    ("detection", "why"),
    [
        ({"s": {"f|re": "(?=a)b"}, "condition": "s"}, "invalid"),
        ({"s": {"f|re": r"(a)\1"}, "condition": "s"}, "invalid"),
        ({"s": {"f|expand": "%admins%"}, "condition": "s"}, "placeholder"),
        ({"s": {"f": "a"}, "condition": "s | count() by f > 5"}, "pipe"),
        ({"s": {"f": "a"}, "condition": "s | near t"}, "pipe"),
        ({"s": {"f": "a"}, "condition": "t"}, "not defined"),
        ({"s": {"f|nothing": "a"}, "condition": "s"}, "modifier"),
        ({"s": {"f|cidr": "999.0.0.0/8"}, "condition": "s"}, "CIDR"),
        ({"s": {"f|contains": [f"{number}x" for number in range(30_000)]}, "condition": "s"}, "20,000"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name_and_the_others_stand(detection: dict[str, Any], why: str) -> None:
    rules = compiled(rule(detection, "wrong"), rule({"s": {"f": "a"}, "condition": "s"}, "right"))
    assert [one.told.id for one in rules.detections] == ["right"]
    assert [one.title for one in rules.refused] == ["wrong"]
    assert why in rules.refused[0].why


def test_a_condition_of_endless_depth_stops_nothing() -> None:
    deep = {"s": {"f": "a"}, "condition": "(" * 20_000 + "s" + ")" * 20_000}
    rules = compiled(rule(deep, "deep"), rule({"s": {"f": "a"}, "condition": "s"}, "right"))
    assert len(rules.detections) + len(rules.refused) == 2
    assert "right" in {one.told.id for one in rules.detections}


def test_a_regular_expression_that_would_run_for_ever_elsewhere_ends() -> None:
    rules = compiled(rule({"s": {"f|re": "^(a+)+$"}, "condition": "s"}))
    assert matched(rules, [{"f": "a" * 50_000 + "!"}, {"f": "aa"}]) == {"one": [1]}


def test_long_values_are_searched_piece_by_piece() -> None:
    rules = compiled(rule({"s": {"f|contains": ["a", "aa", "zz"]}, "condition": "s"}))
    events: list[Fields] = [{"f": f"{number:x}" + "a" * 200_000} for number in range(90)]
    assert matched(rules, [*events, {"f": "b"}, {"f": "zz"}]) == {"one": [*range(90), 91]}


def test_equal_conditions_of_rules_are_one_node() -> None:
    one = compiled(rule({"s": {"f|contains": ["a", "b"]}, "condition": "s"}))
    both = compiled(
        rule({"s": {"f|contains": ["a", "b"]}, "condition": "s"}),
        rule({"t": {"f|contains": ["a", "b"]}, "condition": "t"}, "two"),
    )
    assert both.nodes == one.nodes


def test_documents_that_are_no_rules() -> None:
    from cityward.secure.monitor.compiling import compile_rules

    rules = compile_rules(
        {
            "bomb.yml": b"a: &a [x,x]\nb: &b [*a,*a]\ndetection: {s: *b, condition: [s]}\nlogsource: 3",
            "broken.yml": b"detection: {",
            "large.yml": b"#" * (2**20 + 1),
            "binary.yml": bytes(range(256)),
            "list.yml": b"- 1\n- 2",
            "python.yml": b"detection: !!python/object/apply:os.system [id]\nlogsource: {}",
            "other.yml": b"hello: world",
        }
    )
    assert rules.detections == ()
    assert {one.file for one in rules.refused} == {"bomb.yml", "broken.yml", "large.yml", "binary.yml", "python.yml"}
