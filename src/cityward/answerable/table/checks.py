"""Checks a rule before anybody is decided by it: gaps, overlaps, contradictions, rows in vain, forbidden attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np

from cityward.answerable.table.attributes import recognise
from cityward.answerable.table.examples import run_tests
from cityward.answerable.table.geometry import (
    GAPS_TOLD,
    PAIR_ROWS_MAX,
    STEPS_MAX,
    an_example,
    clipped,
    explore,
    in_words,
    meetings,
    shared,
)

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table

Level = Literal["error", "warning", "note"]

TOLD_MAX: Final = 20
"""Most findings of a kind that are told one by one; of the others the number is told."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong or notable: its kind, how grave, the rows (from 1) and columns, in words, and what to do."""

    kind: str
    level: Level
    says: str
    remedy: str = ""
    rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    example: dict[str, Any] = {}


def check(table: Table, steps_max: int = STEPS_MAX) -> tuple[Finding, ...]:
    """Check a table; never raises. Errors come first, then warnings, then notes.

    Parameters
    ----------
    steps_max : int
        How far to look for gaps and rows that are never reached; what is not checked is a finding of its own.
    """
    found = [
        *_attributes(table),
        *_form(table),
        *_coverage(table, steps_max),
        *_meeting(table),
        *_columns(table),
        *_examples(table),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda one: order[one.level]))


def _attributes(table: Table) -> Iterator[Finding]:
    for name, given in table.sheet.inputs.items():
        known = recognise(name) or recognise(given.label) or recognise(given.source)
        if known is None:
            continue
        attribute, justified = known.attribute, table.sheet.justified.get(name, "").strip()
        if known.kind == "forbidden":
            yield Finding(
                kind="forbidden-attribute",
                level="error",
                says=f"Input {name} is about {attribute.name} ('{known.word}'), which {attribute.law} protects.",
                remedy=attribute.remedy,
                columns=(name,),
            )
        elif justified:
            yield Finding(
                kind="proxy-attribute",
                level="note",
                says=f"Input {name} may be about {attribute.name}; it is justified by {justified}.",
                columns=(name,),
            )
        else:
            yield Finding(
                kind="proxy-attribute",
                level="warning",
                says=f"Input {name} may be about {attribute.name} ('{known.word}').",
                remedy=attribute.remedy.replace("INPUT", name),
                columns=(name,),
            )


def _form(table: Table) -> Iterator[Finding]:
    sheet = table.sheet
    if not sheet.reference:
        yield Finding(
            kind="no-reference",
            level="warning",
            says="The rule names no law or decision that it carries out.",
            remedy='Add reference = "Act …, article …".',
        )
    if sheet.valid_from is None:
        yield Finding(
            kind="no-validity",
            level="note",
            says="The rule does not say since when it is valid, so it counts as valid always.",
            remedy="Add valid_from = 2026-01-01.",
        )
    for name, output in sheet.outputs.items():
        if output.type == "number" and not output.unit:
            yield Finding(
                kind="missing-unit",
                level="warning",
                says=f"Output {name} is a number without a unit.",
                remedy='Say it: unit = "EUR/month", and "1" for a pure number.',
                columns=(name,),
            )


def _coverage(table: Table, steps_max: int) -> Iterator[Finding]:
    yield from _impossible(table)
    explored = explore(table, steps_max)
    collects = table.sheet.hit.startswith("collect")
    for box in explored.gaps:
        example = an_example(table, box)
        yield Finding(
            kind="gap",
            level="note" if collects else "error",
            says=f"No row decides when {in_words(table, box)}.",
            remedy="Add a row for it, or a last row that holds for everything else.",
            columns=tuple(box),
            example=example,
        )
    if explored.gap_count > GAPS_TOLD:
        yield _more("gap", "note" if collects else "error", explored.gap_count - GAPS_TOLD, "gaps")
    if not explored.whole:
        yield Finding(
            kind="not-checked",
            level="warning",
            says=f"Gaps and rows that are never reached were looked for in {steps_max:,} steps and not beyond: what is "
            "told of them is true, but there may be more.",
            remedy="Part the rule into several that use each other, or give inputs min, max and values.",
        )
    elif table.sheet.hit in ("first", "priority"):
        yield from _unreached(table, explored.known, explored.missing)


def _impossible(table: Table) -> Iterator[Finding]:
    for row in range(len(table.conditions)):
        for axis in table.axes:
            condition = table.condition(row, axis.name)
            if not condition.is_any and not clipped(axis.segments(condition), axis.domain, axis.missing):
                yield Finding(
                    kind="unreachable",
                    level="error",
                    says=f"Row {row + 1} never holds: {axis.name} {condition} lies outside what can be.",
                    remedy=f"Correct the row, or the limits of {axis.name}.",
                    rows=(row + 1,),
                    columns=(axis.name,),
                )


def _unreached(table: Table, known: set[int], missing: set[int]) -> Iterator[Finding]:
    never = [row for row in range(len(table.conditions)) if row not in known and row not in missing]
    for row in never[:TOLD_MAX]:
        yield Finding(
            kind="unreachable",
            level="error",
            says=f"Row {row + 1} is never reached: the rows that are asked before it hold wherever it does.",
            remedy="Take it out, or ask it before them.",
            rows=(row + 1,),
        )
    if len(never) > TOLD_MAX:
        yield _more("unreachable", "error", len(never) - TOLD_MAX, "rows that are never reached")
    for row in sorted(missing - known)[:TOLD_MAX]:
        yield Finding(
            kind="only-when-missing",
            level="note",
            says=f"Row {row + 1} decides only when something is not given.",
            remedy="Make sure that this is meant: who leaves a field empty is decided by it.",
            rows=(row + 1,),
        )


def _meeting(table: Table) -> Iterator[Finding]:
    if len(table.conditions) > PAIR_ROWS_MAX:
        yield Finding(
            kind="not-checked",
            level="warning",
            says=f"Whether rows overlap is not checked beyond {PAIR_ROWS_MAX:,} rows.",
            remedy="Part the rule into several that use each other.",
        )
        return
    hit = table.sheet.hit
    if hit in ("first", "priority"):
        yield from _order_matters(table)
    elif hit in ("unique", "any"):
        yield from _overlaps(table)


def _overlaps(table: Table) -> Iterator[Finding]:
    said = _said(table)
    counts = {"contradiction": 0, "overlap": 0}
    for row, earlier in meetings(table):
        differs = said[earlier] != said[row]
        for kind, others in (("contradiction", earlier[differs]), ("overlap", earlier[~differs])):
            if kind == "overlap" and table.sheet.hit == "any":
                continue
            for other in others[: max(TOLD_MAX - counts[kind], 0)]:
                yield _overlap(table, int(other), row, kind)
            counts[kind] += len(others)
    for kind, count in counts.items():
        if count > TOLD_MAX:
            yield _more(kind, "error", count - TOLD_MAX, f"pairs of rows in {kind}")


def _said(table: Table) -> np.ndarray:
    """What each row says, as a number: equal numbers are equal answers."""
    told = [tuple(outcome.items()) for outcome in table.outcomes]
    numbers = {one: at for at, one in enumerate(dict.fromkeys(told))}
    return np.array([numbers[one] for one in told])


def _overlap(table: Table, row: int, other: int, kind: str) -> Finding:
    box = shared(table, row, other)
    what = "say different things" if kind == "contradiction" else "say the same"
    return Finding(
        kind=kind,
        level="error",
        says=f"Rows {row + 1} and {other + 1} both hold when {in_words(table, box)}, and {what}: such a case is not "
        f"decided under '{table.sheet.hit}'.",
        remedy='Narrow one of them, or let the order decide: hit = "first".'
        if kind == "contradiction"
        else 'Join them into one row, or allow it: hit = "any".',
        rows=(row + 1, other + 1),
        columns=tuple(box),
        example=an_example(table, box),
    )


def _order_matters(table: Table) -> Iterator[Finding]:
    said, count = _said(table), 0
    for row, met in meetings(table):
        earlier = met[said[met] != said[row]] + 1
        count += bool(len(earlier))
        if len(earlier) and count <= TOLD_MAX:
            yield Finding(
                kind="order-matters",
                level="note",
                says=f"Row {row + 1} decides only where {_listed(earlier.tolist())} not hold.",
                rows=(row + 1, *earlier[:TOLD_MAX].tolist()),
            )
    if count > TOLD_MAX:
        yield _more("order-matters", "note", count - TOLD_MAX, "rows whose order matters")


def _listed(rows: Sequence[int]) -> str:
    if len(rows) == 1:
        return f"row {rows[0]} does"
    if len(rows) > 2 and list(rows) == list(range(rows[0], rows[-1] + 1)):
        return f"rows {rows[0]} to {rows[-1]} do"
    shown = ", ".join(map(str, rows[:TOLD_MAX]))
    return f"rows {shown}{f' and {len(rows) - TOLD_MAX:,} more' if len(rows) > TOLD_MAX else ''} do"


def _columns(table: Table) -> Iterator[Finding]:
    for name in table.sheet.inputs:
        if not any(name in row for row in table.conditions):
            yield Finding(
                kind="input-never-used",
                level="warning",
                says=f"Input {name} is asked for, but no row looks at it.",
                remedy="Take it out: what is not needed must not be asked for (GDPR, article 5(1)(c)).",
                columns=(name,),
            )
    for name, output in table.sheet.outputs.items():
        given = {row[name] for row in table.outcomes if name in row}
        never = [value for value in output.values if value not in given]
        if not given:
            yield Finding(
                kind="output-never-given",
                level="error",
                says=f"No row gives {name}.",
                remedy="Add it to a row, or take the output out.",
                columns=(name,),
            )
        elif never:
            yield Finding(
                kind="output-never-given",
                level="warning",
                says=f"{name} is never {', '.join(never[:TOLD_MAX])}, though the rule lists it.",
                remedy="Add a row, or take the value out of the list.",
                columns=(name,),
            )


def _examples(table: Table) -> Iterator[Finding]:
    tried = run_tests(table)
    if not tried:
        yield Finding(
            kind="no-tests",
            level="warning",
            says="No test stands beside the table.",
            remedy="Add [[tests]] with given, expect and says for the cases that matter.",
        )
    for one in tried:
        if not one.passed:
            came = ", ".join(f"{name} {value}" for name, value in one.found.items()) or "nothing"
            wanted = ", ".join(f"{name} {value}" for name, value in one.expect.items()) or "that no row decides"
            which = f"Test {one.number}{f' ({one.says})' if one.says else ''}"
            by = f" by row {one.row}" if one.row else f": {one.reason}" if one.reason else ""
            yield Finding(
                kind="test-fails",
                level="error",
                says=f"{which} expects {wanted}, but comes to {came}{by}.",
                remedy="Correct the table or the test.",
                rows=(one.row,) if one.row else (),
            )


def _more(kind: str, level: Level, count: int, what: str) -> Finding:
    return Finding(kind=kind, level=level, says=f"There are {count:,} more {what}.", remedy="Mend these first.")
