"""What a browser sends of a form is read without ever failing."""

from __future__ import annotations

import re
from pathlib import Path

import cityward.console
from cityward.console.forms import fields_of, first_of


def test_fields_with_their_values() -> None:
    found = fields_of(b"by=Ana+Ruiz&wrong=a&wrong=b&empty=", 10)
    assert found == {"by": ["Ana Ruiz"], "wrong": ["a", "b"]}
    assert first_of(found) == {"by": "Ana Ruiz", "wrong": "a"}
    assert fields_of(b"by=Ana&empty=", 10, blank=True) == {"by": ["Ana"], "empty": [""]}


def test_too_much_is_nothing_and_odd_bytes_are_marks() -> None:
    assert fields_of(b"a=1&b=2&c=3", 2) == {}
    assert fields_of(b"a=12", 2, bytes_max=4) == {"a": ["12"]}
    assert fields_of(b"a=123", 2, bytes_max=4) == {}
    assert fields_of(b"a=\xff", 2) == {"a": ["\ufffd"]}


def test_one_function_alone_reads_forms() -> None:
    folder = Path(cityward.console.__file__).parent
    others = [one.name for one in folder.glob("*.py") if re.search(r"\bparse_qsl?\b|\.form\(\)", one.read_text())]
    assert others == ["forms.py"]
