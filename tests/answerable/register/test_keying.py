"""A key is written into the tables of its party, and nothing else of the text changes."""

from __future__ import annotations

import tomllib

import pytest

from cityward.answerable.register.keying import with_key
from cityward.core.errors import UserError

TEXT = """# first
id = "x"

[[parties]]  # a comment
duty = "owner"
name = "Parks"

# between
[[parties]]
duty = "operator"
name = "Parks"
key = "held"

[[parties]]
duty = "overseer"
name = "Roads"
[model]
kind = "table"
"""


def test_a_key_goes_to_the_tables_of_its_party_that_have_none() -> None:
    told = with_key(TEXT, "Parks", "new")
    assert [one.get("key") for one in tomllib.loads(told)["parties"]] == ["new", "held", None]
    assert [line for line in told.splitlines() if line != 'key = "new"'] == TEXT.splitlines()
    assert tomllib.loads(with_key(TEXT, "Roads", "new"))["parties"][2]["key"] == "new"


@pytest.mark.parametrize(
    "text", ["id = ", 'parties = [{ name = "Parks" }]', 'id = "x"', TEXT.replace("Parks", "Woods")]
)
def test_what_cannot_be_written_is_said_and_not_done(text: str) -> None:
    with pytest.raises(UserError):
        with_key(text, "Parks", "new")
