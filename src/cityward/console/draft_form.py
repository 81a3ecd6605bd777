"""The form in which a rule is edited: what was typed, kept as it was typed, and read as a rule.

A cell that cannot be read stays as it is and is named; only what can be read is checked, replayed or published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from cityward.answerable.table import Table, make_table
from cityward.answerable.table.condition import write_value
from cityward.answerable.table.shape import Example, Sheet
from cityward.answerable.table.toml_form import fields as said
from cityward.answerable.table.toml_form import written
from cityward.console.tongue import number, say
from cityward.core.errors import UserError
from cityward.core.toml_text import decode_toml_text

CELLS_MAX: Final = 6_000
"""Largest table that is edited in a page; a larger one is edited as a file."""
FIELDS_MAX: Final = 2 * CELLS_MAX
HEAD_CHARS: Final = 200_000
KINDS: Final = ("number", "text", "yes-no", "date")


class _Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tests: tuple[Example, ...] = ()


@dataclass
class Line:
    """One row as it was typed, its cells in the order of the columns."""

    when: list[str]
    then: list[str]
    because: str = ""
    law: str = ""


@dataclass
class DraftForm:
    """A draft as it was typed; ``head`` is all of it but rows and tests, as JSON holds it."""

    head: dict[str, Any]
    lines: list[Line]
    tests: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Columns of conditions."""
        return self.head["inputs"]  # type: ignore[no-any-return]

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """Columns of answers."""
        return self.head["outputs"]  # type: ignore[no-any-return]

    @property
    def head_json(self) -> str:
        """The head, to be sent along."""
        return msgspec.json.encode(self.head).decode()

    def table(self) -> Table:
        """Read it as a rule.

        Raises
        ------
        UserError
            Names the row and the cell, what is wrong and what may be written instead.
        """
        tests = decode_toml_text(self.tests, _Tests, "the tests").tests
        rows = [
            {
                "when": {name: cell for name, cell in zip(self.inputs, line.when, strict=True) if cell.strip()},
                "then": {
                    name: cell.strip() for name, cell in zip(self.outputs, line.then, strict=True) if cell.strip()
                },
                "because": line.because.strip(),
                "law": line.law.strip(),
            }
            for line in self.lines
        ]
        try:
            sheet = msgspec.convert({**self.head, "rows": rows}, Sheet)
        except msgspec.ValidationError as error:
            raise UserError(
                say("The draft is no rule: %(error)s.", error=error), say("Correct what is named.")
            ) from None
        return make_table(msgspec.structs.replace(sheet, tests=tests), "the draft")

    def change(self, what: str) -> None:
        """Add or remove a row or a column; raises UserError for what cannot be done."""
        name, _, at = what.rpartition("-")
        number = int(at) if at.isdigit() else -1
        if what == "add-row":
            self._insert(len(self.lines))
        elif name in ("insert-row", "remove-row", "up-row") and 0 <= number < len(self.lines):
            self._change_row(name, number)
        elif what == "add-column":
            self._add_column()
        elif name in ("remove-input", "remove-output"):
            self._remove_column(name.removeprefix("remove-"), number)
        else:
            raise UserError(say("That cannot be done with a draft."), say("Press one of the buttons."))

    def _insert(self, at: int) -> None:
        if (len(self.lines) + 1) * (len(self.inputs) + len(self.outputs)) > CELLS_MAX:
            raise _too_large()
        self.lines.insert(at, Line([""] * len(self.inputs), [""] * len(self.outputs)))

    def _change_row(self, what: str, at: int) -> None:
        if what == "insert-row":
            self._insert(at)
        elif what == "up-row":
            self.lines.insert(max(at - 1, 0), self.lines.pop(at))
        elif len(self.lines) == 1:
            raise UserError(say("A rule needs a row."), say("Change this one instead."))
        else:
            del self.lines[at]

    def _add_column(self) -> None:
        get = self.fields.get
        name, kind = get("column-name", "").strip(), get("column-type", "")
        side = self.outputs if get("column-side") == "answer" else self.inputs
        if not re.fullmatch(r"[^\W\d][\w-]{0,79}", name) or name in self.inputs or name in self.outputs:
            raise UserError(
                say("'%(name)s' cannot be the name of a column.", name=name[:60]),
                say("Use letters, digits and _, and no name twice."),
            )
        if kind not in KINDS:
            raise UserError(say("Of which type is the column?"), say("Types: %(types)s.", types=", ".join(KINDS)))
        if kind == "number" and not get("column-unit", "").strip():
            raise UserError(
                say("'%(name)s' is a number without a unit, so that nobody can tell what is compared.", name=name),
                say("Say it: “EUR/month”, and “1” for a pure number."),
            )
        values = [one.strip() for one in get("column-values", "").split(",") if one.strip()]
        side[name] = {
            "type": kind,
            **({"unit": get("column-unit", "").strip()} if kind == "number" else {}),
            **({"values": values} if values else {}),
            **({"label": get("column-label", "").strip()} if get("column-label", "").strip() else {}),
        }
        for line in self.lines:
            (line.when if side is self.inputs else line.then).append("")

    def _remove_column(self, side: str, at: int) -> None:
        columns = self.inputs if side == "input" else self.outputs
        if not 0 <= at < len(columns) or len(columns) == 1:
            raise UserError(say("A rule needs a condition and an answer."), say("Add another column first."))
        name = list(columns)[at]
        del columns[name]
        self.head.get("justified", {}).pop(name, None)
        for line in self.lines:
            del (line.when if side == "input" else line.then)[at]
        part = "given" if side == "input" else "expect"
        try:
            tests = decode_toml_text(self.tests, _Tests, "the tests").tests
        except UserError:
            return  # what cannot be read stays as it was typed, and is named when it is read
        kept = [
            msgspec.structs.replace(
                one, **{part: {key: value for key, value in getattr(one, part).items() if key != name}}
            )
            for one in tests
        ]
        self.tests = tests_toml(tuple(kept))


def fits(table: Table) -> bool:
    """Whether a rule is small enough for a page."""
    return len(table.sheet.rows) * (len(table.sheet.inputs) + len(table.sheet.outputs)) <= CELLS_MAX


def form_of(table: Table) -> DraftForm:
    """The form of a rule; raises UserError when it is too large for a page."""
    sheet = table.sheet
    if not fits(table):
        raise _too_large()
    head = msgspec.to_builtins(sheet)
    head.pop("rows")
    head.pop("tests", None)
    lines = [
        Line(
            [row.when.get(name, "") for name in sheet.inputs],
            [write_value(row.then[name]) if row.then.get(name) is not None else "" for name in sheet.outputs],
            row.because,
            row.law,
        )
        for row in sheet.rows
    ]
    return DraftForm(head, lines, tests_toml(sheet.tests))


def form_sent(fields: Mapping[str, str], identifier: str) -> DraftForm:
    """The form as it was sent; raises UserError when it is not one."""
    try:
        text = fields.get("head", "")
        head = msgspec.json.decode(text if len(text) <= HEAD_CHARS else "")
        inputs, outputs = head["inputs"], head["outputs"]
        rows = int(fields.get("rows", ""))
        if not (isinstance(inputs, dict) and isinstance(outputs, dict) and head.get("id") == identifier):
            raise TypeError
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError):
        raise UserError(say("This is not the form of a draft."), say("Open the page of the draft again.")) from None
    if not 0 <= rows * (len(inputs) + len(outputs)) <= CELLS_MAX:
        raise _too_large()
    for name in ("version", "title", "reference", "hit"):
        if name in fields:
            head[name] = fields[name].strip()
    lines = [
        Line(
            [fields.get(f"w{row}.{at}", "") for at in range(len(inputs))],
            [fields.get(f"t{row}.{at}", "") for at in range(len(outputs))],
            fields.get(f"b{row}", ""),
            fields.get(f"l{row}", ""),
        )
        for row in range(rows)
    ]
    return DraftForm(head, lines, fields.get("tests", "").replace("\r\n", "\n"), fields)


def tests_toml(tests: tuple[Example, ...]) -> str:
    """Tests as TOML."""
    return "\n".join(
        "\n".join(["[[tests]]", *(f"{key} = {written(value)}" for key, value in said(test).items()), ""])
        for test in tests
    )


def next_version(version: str) -> str:
    """A name for the version after another: ``2`` after ``1``, ``1.5`` after ``1.4``."""
    found = re.fullmatch(r"(.*?)(\d{1,9})", version)
    return f"{found[1]}{int(found[2]) + 1}" if found else f"{version}-2"[:40]


def _too_large() -> UserError:
    return UserError(
        say("A table of more than %(cells)s cells is too large for a page.", cells=number(CELLS_MAX)),
        say("Edit its file: 'cityward rules export', then 'cityward rules check' and 'cityward rules replay'."),
    )
