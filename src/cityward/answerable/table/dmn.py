"""A rule as DMN: one decision with its table, and what DMN does not know in extension elements.

**Source**: OMG DMN 1.5 (formal/24-01-01), clauses 8.3 (metamodel of decision tables) and 9 (S-FEEL); files of 1.1 to
1.4 are read too. Documents with a DOCTYPE are refused: entities of XML have no place in a rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import msgspec

from cityward.answerable.table.condition import CellError, Condition, Span, read_condition, write_value
from cityward.answerable.table.exchange import about, check_quoted, column_name, join, kind_of, literal, rule_id
from cityward.answerable.table.shape import Sheet
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_COLUMNS, RULE_ROWS

NAMESPACE: Final = "https://www.omg.org/spec/DMN/20230324/MODEL/"
_OWN: Final = "urn:cityward:rule"
_SPACES: Final = re.compile(r"https?://www\.omg\.org/spec/DMN/(?:\d{8}/MODEL/|20151101/dmn\.xsd)")
_DEPTH_MAX: Final = 60
_NODES_MAX: Final = 4 * RULE_ROWS * 10
_KINDS: Final = {"number": "number", "text": "string", "yes-no": "boolean", "date": "date"}
_TYPES: Final = {
    "string": "text", "number": "number", "integer": "number", "long": "number", "double": "number",
    "boolean": "yes-no", "date": "date",
}  # fmt: skip
_AGGREGATES: Final = {"SUM": "sum", "MIN": "min", "MAX": "max", "COUNT": "count"}
_POLICIES: Final = {
    "UNIQUE": "unique", "ANY": "any", "FIRST": "first", "PRIORITY": "priority", "COLLECT": "collect",
    "RULE ORDER": "collect",
}  # fmt: skip


def write_dmn(sheet: Sheet) -> str:
    """Write a sheet as DMN 1.5; `read_dmn` reads the same again."""
    return "\n".join(_document(sheet)) + "\n"


def _document(sheet: Sheet) -> Iterator[str]:
    told = escape(_printable(json.dumps(about(sheet), ensure_ascii=False)))
    spaces = {"xmlns": NAMESPACE, "xmlns:cityward": _OWN, "namespace": _OWN}
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield _open("definitions", id=_id(sheet.id), name=sheet.title or sheet.id, **spaces)
    if sheet.reference:
        yield _element("description", escape(sheet.reference))
    yield _element("extensionElements", _element("cityward:rule", told))
    for column, given in sheet.inputs.items():
        variable = _element("variable", name=column, typeRef=_KINDS[given.type])
        yield _element("inputData", variable, id=_id(f"data-{column}"), name=column)
    yield _open("decision", id=_id(f"decision-{sheet.id}"), name=sheet.id)
    yield _element("variable", name=sheet.id)
    for at, column in enumerate(sheet.inputs):
        needed = _element("requiredInput", href=f"#{_id(f'data-{column}')}")
        yield _element("informationRequirement", needed, id=f"need-{at}")
    yield from _table(sheet)
    yield "</decision>\n</definitions>"


def _table(sheet: Sheet) -> Iterator[str]:
    policy, _, aggregate = sheet.hit.partition("-")
    added = {"aggregation": aggregate.upper()} if aggregate else {}
    yield _open("decisionTable", id="table", hitPolicy=policy.upper(), **added)
    for at, (column, given) in enumerate(sheet.inputs.items()):
        asked = _element("inputExpression", _text(column), id=f"expression-{at}", typeRef=_KINDS[given.type])
        values = _element("inputValues", _text(_values(given.values))) if given.values else ""
        yield _element("input", asked + values, id=f"input-{at}", label=given.label or column)
    for at, (column, output) in enumerate(sheet.outputs.items()):
        values = _element("outputValues", _text(_values(output.values))) if output.values else ""
        kind = _KINDS[output.type]
        yield _element("output", values, id=f"output-{at}", label=output.label or column, name=column, typeRef=kind)
    yield from (_element("annotation", name=name) for name in ("because", "law"))
    for number, row in enumerate(sheet.rows, start=1):
        tests = [
            _feel(read_condition(row.when.get(column, "-"), given.type, given.unit))
            for column, given in sheet.inputs.items()
        ]
        told = [_literal(row.then.get(column)) for column in sheet.outputs]
        yield _open("rule", id=f"row-{number}")
        yield from (_element("inputEntry", _text(text), id=f"in-{number}-{at}") for at, text in enumerate(tests))
        yield from (_element("outputEntry", _text(text), id=f"out-{number}-{at}") for at, text in enumerate(told))
        yield from (_element("annotationEntry", _text(text)) for text in (row.because, row.law))
        yield "</rule>"
    yield "</decisionTable>"


def _open(tag: str, /, **attributes: str) -> str:
    return f"<{' '.join([tag, *(f'{key}={quoteattr(_printable(value))}' for key, value in attributes.items())])}>"


def _element(tag: str, inner: str = "", /, **attributes: str) -> str:
    return f"{_open(tag, **attributes)}{inner}</{tag}>"


def _text(text: str) -> str:
    return _element("text", escape(_printable(text)))


def _printable(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


def _id(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)


def _values(values: tuple[str, ...]) -> str:
    return ", ".join(write_value(value, quoted=True) for value in values)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'date("{value.isoformat()}")' if isinstance(value, date) else write_value(value, quoted=True)


def _feel(condition: Condition) -> str:
    if condition.is_any:
        return "-"
    terms = ", ".join(_span(term) if isinstance(term, Span) else _literal(term) for term in condition.terms)
    return f"not({terms})" if condition.negated else terms


def _span(span: Span) -> str:
    """A stretch in FEEL, where a date is a call."""
    dated = isinstance(span.low, date) or isinstance(span.high, date)
    return re.sub(r"\d{4}-\d{2}-\d{2}", r'date("\g<0>")', str(span)) if dated else str(span)


def losses(sheet: Sheet) -> tuple[str, ...]:
    """What other programs for DMN will not see of a sheet."""
    lost = [
        "units, limits of numbers, tests, validity in time and justifications stand in extension elements, "
        "which other programs do not look at"
    ]
    if any(re.search(r"\bnot\(", condition) for row in sheet.rows for condition in row.when.values()):
        lost.append("not(…) does not hold for a missing value here; other programs may differ")
    return tuple(lost)


@dataclass
class _Node:
    """An element: local name, namespace, attributes, children and text."""

    name: str
    space: str
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[_Node]:
        return [child for child in self.children if child.name == name]

    def inner(self, name: str) -> str:
        """Text of the child ``text`` of a child; empty without."""
        for child in self.all(name):
            return "".join("".join(text.text) for text in child.all("text")).strip()
        return ""

    def told(self) -> str:
        return "".join("".join(text.text) for text in self.all("text")).strip()


def parse_xml(text: str, name: str) -> _Node:
    """Read XML into elements, without DOCTYPE, entities or anything from elsewhere.

    Raises
    ------
    SettingsError
        It is no XML, or has a DOCTYPE, more than `_DEPTH_MAX` levels or `_NODES_MAX` elements.
    """
    root = _Node("", "", {})
    open_, count = [root], 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_) > _DEPTH_MAX or count > _NODES_MAX:
            raise SettingsError(f"{name} has too many elements for a rule.", "Give a file with one decision.")
        space, _, local = tag.rpartition(" ")
        node = _Node(local, space, attributes)
        open_[-1].children.append(node)
        open_.append(node)

    def refuse(*_: object) -> None:
        raise SettingsError(f"{name} has a DOCTYPE, which no rule needs.", "Take the DOCTYPE and its entities out.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_.pop()
    parser.CharacterDataHandler = lambda data: open_[-1].text.append(data)  # noqa: PLW0108
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        # A declaration of another encoding does not hold for text that was read already.
        parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1).encode(), True)
    except expat.ExpatError as error:
        raise SettingsError(f"{name} is not valid XML: {error}.", "Export it again from where it was made.") from None
    return root.children[0]


def read_dmn(text: str, name: str, stem: str, units: Mapping[str, str], decision: str | None) -> Sheet:
    """Read the table of one decision.

    Raises
    ------
    SettingsError
        It is no DMN, holds no table or several, or a cell is an expression that no table holds.
    """
    root = parse_xml(text, name)
    if root.name != "definitions" or not _SPACES.fullmatch(root.space):
        raise SettingsError(
            f"{name} is no DMN 1.1 to 1.5: its root is {root.name[:40]}.", "Export it as DMN 1.3 or newer."
        )
    known = _known(root, name)
    found = _decision(root, name, decision)
    table = found.all("decisionTable")[0]
    inputs, outputs, rules = table.all("input"), table.all("output"), table.all("rule")
    if len(rules) > RULE_ROWS or len(inputs) + len(outputs) > RULE_COLUMNS:
        raise SettingsError(f"{name} has more than {RULE_ROWS:,} rows or {RULE_COLUMNS} columns.", "Part it.")
    named = [_input_name(one, name) for one in inputs]
    called = [column_name(one.attributes.get("name") or one.attributes.get("label") or "outcome") for one in outputs]
    tests = [[entry.told() or "-" for entry in rule.all("inputEntry")] for rule in rules]
    told = [[entry.told() or "-" for entry in rule.all("outputEntry")] for rule in rules]
    for number, (some, more) in enumerate(zip(tests, told, strict=True), start=1):
        if len(some) != len(inputs) or len(more) != len(outputs):
            raise SettingsError(
                f"{name}, row {number} does not have a cell for each column.", "Mend it where it was made."
            )
    shown = {
        "inputs": {
            column: _column(column, one, "inputValues", [row[at] for row in tests])
            for at, (column, one) in enumerate(zip(named, inputs, strict=True))
        },
        "outputs": {
            column: _column(column, one, "outputValues", [row[at] for row in told])
            for at, (column, one) in enumerate(zip(called, outputs, strict=True))
        },
    }
    for number, row in enumerate(tests, start=1):
        for column, cell in zip(named, row, strict=True):
            check_quoted(cell, shown["inputs"][column]["type"], f"{name}, row {number}, {column}")
    notes = [column_name(one.attributes.get("name", "")).casefold() for one in table.all("annotation")]
    rows = [
        {
            "when": dict(zip(named, tests[at], strict=True)),
            "then": {
                column: value
                for column, text_ in zip(called, told[at], strict=True)
                if (value := literal(text_, shown["outputs"][column]["type"], f"{name}, row {at + 1}, {column}"))
                is not None
            },
            **_annotated(rule, notes),
        }
        for at, rule in enumerate(rules)
    ]
    rows += _default(outputs, called, shown["outputs"], table, name)
    facts = {
        "id": rule_id(found.attributes.get("name") or stem),
        "title": found.attributes.get("name", ""),
        **known,
        "hit": _hit(table, name),
    }
    return join(shown, rows, facts, units, name)


def _default(
    outputs: list[_Node], called: list[str], columns: Mapping[str, Any], table: _Node, name: str
) -> list[dict[str, Any]]:
    """The row of what is answered where no other holds, which a table can say under FIRST alone."""
    texts = {column: one.inner("defaultOutputEntry") for column, one in zip(called, outputs, strict=True)}
    if not any(texts.values()):
        return []
    if table.attributes.get("hitPolicy", "").upper() != "FIRST":
        raise SettingsError(
            f"{name} has a default answer, which would hold beside every row here.",
            "Write rows for the other cases, or let the first row that holds decide (FIRST).",
        )
    told = {one: literal(text, columns[one]["type"], f"{name}, default, {one}") for one, text in texts.items()}
    return [{"then": {column: value for column, value in told.items() if value is not None}}]


def _known(root: _Node, name: str) -> dict[str, Any]:
    for extension in root.all("extensionElements"):
        for own in extension.children:
            if own.space == _OWN and own.name == "rule":
                try:
                    found = msgspec.json.decode("".join(own.text))
                except (msgspec.DecodeError, RecursionError):
                    found = None
                if not isinstance(found, dict):
                    raise SettingsError(f"{name}: what cityward wrote into it is damaged.", "Export the rule again.")
                return found
    return {}


def _decision(root: _Node, name: str, decision: str | None) -> _Node:
    found = [one for one in root.all("decision") if one.all("decisionTable")]
    if decision is not None:
        found = [one for one in found if decision in (one.attributes.get("name"), one.attributes.get("id"))]
    if len(found) != 1:
        names = ", ".join(one.attributes.get("name", "")[:60] for one in found[:20])
        raise SettingsError(
            f"{name} holds {len(found) or 'no'} decisions with a table{f': {names}' if names else ''}.",
            "Name one with --decision." if found else "Give a DMN file with a decision table.",
        )
    return found[0]


def _input_name(one: _Node, name: str) -> str:
    expression = next(iter(one.all("inputExpression")), None)
    text = expression.told() if expression else ""
    shown = (text or one.attributes.get("label", ""))[:60]
    if not re.fullmatch(r"[^\W\d][\w .-]*", text):
        raise SettingsError(
            f"{name}: the input '{shown}' is an expression, not the name of a value.",
            "Compute it before, as an input of its own.",
        )
    return column_name(text)


def _column(name: str, one: _Node, values: str, cells: list[str]) -> dict[str, Any]:
    expression = next(iter(one.all("inputExpression")), one)
    reference = expression.attributes.get("typeRef", "").rpartition(":")[2].rpartition("}")[2]
    kind = _TYPES.get(reference.casefold()) or kind_of(cells)
    column: dict[str, Any] = {"type": kind}
    if one.attributes.get("label", name) != name:
        column["label"] = one.attributes["label"]
    listed = one.inner(values)
    if listed and kind == "text":
        try:
            terms = read_condition(listed, "text").terms
        except CellError as error:
            raise SettingsError(f"The values of {name}: {error}.", 'Write them as "a", "b".') from None
        column["values"] = [term for term in terms if isinstance(term, str)]
    return column


def _annotated(rule: _Node, notes: list[str]) -> dict[str, str]:
    texts = [entry.told() for entry in rule.all("annotationEntry")]
    named = dict(zip(notes, texts, strict=False))
    description = "".join("".join(one.text) for one in rule.all("description")).strip()
    others = [text for note, text in named.items() if note not in ("because", "law") and text]
    return {"because": named.get("because") or description or "; ".join(others), "law": named.get("law", "")}


def _hit(table: _Node, name: str) -> str:
    policy = table.attributes.get("hitPolicy", "UNIQUE").upper()
    if policy not in _POLICIES:
        raise SettingsError(f"{name}: hit policy '{policy[:40]}' is not known.", f"Known: {', '.join(_POLICIES)}.")
    aggregate = table.attributes.get("aggregation", "").upper()
    if aggregate and aggregate not in _AGGREGATES:
        raise SettingsError(
            f"{name}: aggregation '{aggregate[:40]}' is not known.", f"Known: {', '.join(_AGGREGATES)}."
        )
    return f"collect-{_AGGREGATES[aggregate]}" if aggregate and policy == "COLLECT" else _POLICIES[policy]
