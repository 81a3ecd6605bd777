"""A rule as DMN: one decision with its table, and what DMN does not know in extension elements.

**Source**: OMG DMN 1.5 (formal/24-01-01), clauses 8.3 (metamodel of decision tables) and 9 (S-FEEL); files of 1.2 to
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

from cityward.answerable.table.condition import Condition, Span, read_condition, write_value
from cityward.answerable.table.exchange import about, column_name, join, kind_of, literal, rule_id
from cityward.answerable.table.shape import Sheet
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_COLUMNS, RULE_ROWS

NAMESPACE: Final = "https://www.omg.org/spec/DMN/20230324/MODEL/"
_OWN: Final = "urn:cityward:rule"
_SPACES: Final = re.compile(r"https?://www\.omg\.org/spec/DMN/\d{8}/MODEL/")
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
    name = quoteattr(sheet.title or sheet.id)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<definitions xmlns="{NAMESPACE}" xmlns:cityward="{_OWN}" id={quoteattr(_id(sheet.id))} name={name} namespace="{_OWN}">'  # noqa: E501
    if sheet.reference:
        yield f"  <description>{escape(sheet.reference)}</description>"
    told = json.dumps(about(sheet), ensure_ascii=False)
    yield f"  <extensionElements><cityward:rule>{escape(told)}</cityward:rule></extensionElements>"
    for column, given in sheet.inputs.items():
        called = quoteattr(column)
        yield f'  <inputData id={quoteattr(_id("data-" + column))} name={called}><variable name={called} typeRef="{_KINDS[given.type]}"/></inputData>'  # noqa: E501
    yield f"  <decision id={quoteattr(_id('decision-' + sheet.id))} name={quoteattr(sheet.id)}>"
    yield f"    <variable name={quoteattr(sheet.id)}/>"
    for at, column in enumerate(sheet.inputs):
        yield f'    <informationRequirement id="need-{at}"><requiredInput href={quoteattr("#" + _id("data-" + column))}/></informationRequirement>'  # noqa: E501
    yield from _table(sheet)
    yield "  </decision>"
    yield "</definitions>"


def _table(sheet: Sheet) -> Iterator[str]:
    policy, _, aggregate = sheet.hit.partition("-")
    added = f' aggregation="{aggregate.upper()}"' if aggregate else ""
    yield f'    <decisionTable id="table" hitPolicy="{policy.upper()}"{added}>'
    for at, (column, given) in enumerate(sheet.inputs.items()):
        values = f"<inputValues><text>{_values(given.values)}</text></inputValues>" if given.values else ""
        label = quoteattr(given.label or column)
        yield f'      <input id="input-{at}" label={label}><inputExpression id="expression-{at}" typeRef="{_KINDS[given.type]}"><text>{escape(column)}</text></inputExpression>{values}</input>'  # noqa: E501
    for at, (column, output) in enumerate(sheet.outputs.items()):
        values = f"<outputValues><text>{_values(output.values)}</text></outputValues>" if output.values else ""
        label = quoteattr(output.label or column)
        yield f'      <output id="output-{at}" label={label} name={quoteattr(column)} typeRef="{_KINDS[output.type]}">{values}</output>'  # noqa: E501
    yield '      <annotation name="because"/><annotation name="law"/>'
    for number, row in enumerate(sheet.rows, start=1):
        tests = [
            _feel(read_condition(row.when.get(column, "-"), given.type, given.unit))
            for column, given in sheet.inputs.items()
        ]
        told = [_literal(row.then.get(column)) for column in sheet.outputs]
        yield f'      <rule id="row-{number}">'
        yield "        " + "".join(_entry("inputEntry", f"in-{number}-{at}", text) for at, text in enumerate(tests))
        yield "        " + "".join(_entry("outputEntry", f"out-{number}-{at}", text) for at, text in enumerate(told))
        yield "        " + "".join(
            f"<annotationEntry><text>{escape(text)}</text></annotationEntry>" for text in (row.because, row.law)
        )
        yield "      </rule>"
    yield "    </decisionTable>"


def _id(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)


def _entry(tag: str, identifier: str, text: str) -> str:
    return f'<{tag} id="{identifier}"><text>{escape(text)}</text></{tag}>'


def _values(values: tuple[str, ...]) -> str:
    return escape(", ".join(write_value(value, quoted=True) for value in values))


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
    return (
        re.sub(r"\d{4}-\d{2}-\d{2}", r'date("\g<0>")', str(span))
        if isinstance(span.low or span.high, date)
        else str(span)
    )


def losses(sheet: Sheet) -> tuple[str, ...]:
    """What other programs for DMN will not see of a sheet."""
    lost = [
        "units, limits of numbers, tests, validity in time and justifications stand in extension elements, which other programs do not look at"  # noqa: E501
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
            f"{name} is no DMN 1.2 to 1.5: its root is {root.name[:40]}.", "Export it as DMN 1.3 or newer."
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
    facts = {
        "id": rule_id(found.attributes.get("name") or stem),
        "title": found.attributes.get("name", ""),
        **known,
        "hit": _hit(table, name),
    }
    return join(shown, rows, facts, units, name)


def _known(root: _Node, name: str) -> dict[str, Any]:
    for extension in root.all("extensionElements"):
        for own in extension.children:
            if own.space == _OWN and own.name == "rule":
                try:
                    found = msgspec.json.decode("".join(own.text))
                except msgspec.DecodeError:
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
    if not re.fullmatch(r"[^\W\d][\w .-]*", text):
        raise SettingsError(
            f"{name}: the input '{(text or one.attributes.get('label', ''))[:60]}' is an expression, not the name of a value.",  # noqa: E501
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
        condition = read_condition(listed, "text")
        column["values"] = [term for term in condition.terms if isinstance(term, str)]
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
