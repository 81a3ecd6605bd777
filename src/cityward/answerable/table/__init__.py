"""Rules as decision tables: read, checked, compiled to columns, and traced.

Enters: a table as TOML, CSV, DMN or GoRules JSON, and frames of cases. Leaves: answers with the row that decided, a
full trace of any one case, and findings about the table. Never: opens a city, asks the clock, or guesses a missing
value, a unit or which of two versions is meant.
"""

from cityward.answerable.table.checks import Finding, check
from cityward.answerable.table.condition import Condition, read_condition
from cityward.answerable.table.examples import Tried, run_tests
from cityward.answerable.table.forms import ENDINGS, FORMS, load_tables, losses, read_form, write_form
from cityward.answerable.table.judge import Answer
from cityward.answerable.table.shape import Sheet
from cityward.answerable.table.table import Table, load_table, make_table
from cityward.answerable.table.trace import Change, Trace, WhyNot
from cityward.answerable.table.validity import decide_in_order, in_order, valid_on

__all__ = [
    "ENDINGS",
    "FORMS",
    "Answer",
    "Change",
    "Condition",
    "Finding",
    "Sheet",
    "Table",
    "Trace",
    "Tried",
    "WhyNot",
    "check",
    "decide_in_order",
    "in_order",
    "load_table",
    "load_tables",
    "losses",
    "make_table",
    "read_condition",
    "read_form",
    "run_tests",
    "valid_on",
    "write_form",
]
