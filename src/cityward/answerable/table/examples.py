"""Runs the tests that stand beside a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cityward.answerable.table.judge import judge
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One test: what was given and expected, what came, and whether that is the same."""

    number: int
    says: str
    given: dict[str, Any]
    expect: dict[str, Any]
    found: dict[str, Any]
    row: int | None
    reason: str | None
    passed: bool


def run_tests(table: Table) -> tuple[Tried, ...]:
    """Try every test of a table; one that expects nothing passes when no row decides. Never raises for a test."""
    return tuple(_try(table, number) for number in range(1, len(table.sheet.tests) + 1))


def _try(table: Table, number: int) -> Tried:
    test = table.sheet.tests[number - 1]
    found: dict[str, Any] = {}
    row: int | None = None
    reason: str | None
    try:
        answer = judge(table, test.given)
    except UserError as error:
        reason, passed = str(error), False
    else:
        found, row, reason = dict(answer.outputs), answer.row, answer.reason
        expected = {name: _typed(value) for name, value in test.expect.items()}
        passed = {name: found[name] for name in expected} == expected if expected else row is None
    return Tried(
        number=number,
        says=test.says,
        given=dict(test.given),
        expect=dict(test.expect),
        found=found,
        row=row,
        reason=reason,
        passed=passed,
    )


def _typed(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
