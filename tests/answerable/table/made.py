"""Small tables for tests."""

from __future__ import annotations

from cityward.answerable.table import Table, make_table
from cityward.answerable.table.toml_form import read_toml

HEAD = """
id = "made"
version = "1"
reference = "Act 1, article 1"
valid_from = 2026-01-01
hit = "{hit}"
[inputs.income]
type = "number"
unit = "EUR/month"
min = 0
accepts = {{ "EUR/year" = "1/12" }}
[inputs.kind]
type = "text"
[inputs.since]
type = "date"
[inputs.adult]
type = "yes-no"
[outputs.outcome]
type = "text"
"""


def made(*rows: tuple[str, str], hit: str = "first", head: str = HEAD, tests: str = "") -> Table:
    """A table of rows: what stands in ``when`` and the outcome."""
    told = "".join(f'[[rows]]\nwhen = {{ {when} }}\nthen = {{ outcome = "{then}" }}\n' for when, then in rows)
    return make_table(read_toml(head.format(hit=hit) + told + tests, "made.toml"), "made.toml")
