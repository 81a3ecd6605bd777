"""A rule as a GoRules decision (JDM): one table between an input and an output node.

**Source**: the JSON Decision Model of zen-engine (https://gorules.io), nodes of type ``decisionTableNode``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from cityward.answerable.table.condition import Condition, Span, read_condition, write_value
from cityward.answerable.table.exchange import (
    about,
    check_quoted,
    column_name,
    join,
    kind_of,
    literal,
    rule_id,
    travelled,
)
from cityward.answerable.table.shape import Sheet
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_CELL_CHARS, RULE_ROWS

_OWN: Final = "cityward"
_POLICIES: Final = {"first": "first", "collect": "collect"}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SUBJECT = re.compile(r"(?:date\(\$\)|\$)\s*(?:==|in\b)?\s*|==\s*")
_EXPRESSION = re.compile(
    r"(?:date\(\$\)|(?<!\()\$)(?!\s*(?:==|in\b|[<>]))|\{|\b(?:map|some|all|none|one|filter|len|sum)\("
)
_IN = re.compile(r"(?:\$\s+)?(not\s+)?in\s+([\[(].*[\])])", re.DOTALL)
_OR = re.compile(r"\s+or\s+|\) and not \(")


def write_gorules(sheet: Sheet) -> str:
    """Write a sheet as JDM; `read_gorules` reads the same again."""
    inputs = [{"id": f"in-{name}", "name": one.label or name, "field": name} for name, one in sheet.inputs.items()]
    outputs = [{"id": f"out-{name}", "name": one.label or name, "field": name} for name, one in sheet.outputs.items()]
    content = {
        "hitPolicy": "collect" if sheet.hit.startswith("collect") else "first",
        "inputs": inputs,
        "outputs": outputs,
        "rules": [_rule(sheet, number) for number in _order(sheet)],
        _OWN: about(sheet),
    }
    kinds = {"request": "inputNode", "table": "decisionTableNode", "response": "outputNode"}
    nodes = [
        {
            "id": key,
            "name": sheet.id if key == "table" else key,
            "type": kind,
            "position": {"x": 120 + 320 * at, "y": 160},
        }
        for at, (key, kind) in enumerate(kinds.items())
    ]
    nodes[1]["content"] = content
    edges = [
        {"id": f"edge-{at}", "type": "edge", "sourceId": one, "targetId": two}
        for at, (one, two) in enumerate((("request", "table"), ("table", "response")))
    ]
    document = {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _order(sheet: Sheet) -> tuple[int, ...]:
    from cityward.answerable.table.table import make_table

    return make_table(sheet, sheet.id).order


def _rule(sheet: Sheet, row: int) -> dict[str, str]:
    one = sheet.rows[row]
    rule = {"_id": f"row-{row + 1}", "_description": one.because}
    if one.law:
        rule["_law"] = one.law
    for name, given in sheet.inputs.items():
        rule[f"in-{name}"] = _test(read_condition(one.when.get(name, "-"), given.type, given.unit))
    for name in sheet.outputs:
        rule[f"out-{name}"] = _literal(one.then.get(name))
    return rule


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value.isoformat()) if isinstance(value, date) else write_value(value, quoted=True)


def _test(condition: Condition) -> str:
    """A condition in the words of zen, where a cell that says nothing may be anything."""
    if condition.is_any:
        return ""
    dated = any(isinstance(term, date) or (isinstance(term, Span) and _dates(term)) for term in condition.terms)
    parts = [_part(term, "date($)" if dated else "$") for term in condition.terms]
    if condition.negated:
        # Zen finds null different from anything; here what is missing meets no such condition. Each term is denied
        # by itself, because in a cell zen does not evaluate an 'or' within brackets.
        return " and ".join(["$ != null", *(f"not ({part})" for part in parts)])
    if dated:
        return " or ".join(parts)
    return ", ".join(str(term) if isinstance(term, Span) else _zen(term) for term in condition.terms)


def _dates(span: Span) -> bool:
    return isinstance(span.low, date) or isinstance(span.high, date)


def _part(term: Any, subject: str) -> str:
    if not isinstance(term, Span):
        return "$ == null" if term is None else f"{subject} == {_zen(term)}"
    if term.low is None:
        return f"{subject} {'<=' if term.high_in else '<'} {_zen(term.high)}"
    if term.high is None:
        return f"{subject} {'>=' if term.low_in else '>'} {_zen(term.low)}"
    ends = f"{_zen(term.low)}..{_zen(term.high)}"
    return f"{subject} in {'[' if term.low_in else '('}{ends}{']' if term.high_in else ')'}"


def _zen(value: Any) -> str:
    if isinstance(value, date):
        return f'date("{value.isoformat()}")'
    if value is None or isinstance(value, bool):
        return _literal(value)
    return write_value(value, quoted=True)


def losses(sheet: Sheet) -> tuple[str, ...]:
    """What GoRules does not know of a sheet."""
    lost = [
        "units, limits, tests, validity in time and references to the law are kept, but GoRules does not look at them"
    ]
    if sheet.hit not in _POLICIES:
        policy = "collect" if sheet.hit.startswith("collect") else "first"
        lost.append(f"hit policy '{sheet.hit}' becomes '{policy}' there")
    return tuple(lost)


def read_gorules(text: str, name: str, stem: str, units: Mapping[str, str], decision: str | None) -> Sheet:
    """Read a table of a JDM document.

    Raises
    ------
    SettingsError
        It is no JDM, holds no table or several, or a cell is an expression that no table holds.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SettingsError(f"{name} is not valid JSON: {error}.", "Export it again from GoRules.") from None
    node = _table(document, name, decision)
    content = node["content"]
    known = content.get(_OWN) if isinstance(content.get(_OWN), dict) else {}
    policy = str(content.get("hitPolicy", "first"))
    if policy not in _POLICIES.values():
        raise SettingsError(f"{name}: hit policy '{policy[:40]}' is unknown.", "Known: first, collect.")
    own = known.get("hit", policy)
    hit = own if policy == ("collect" if str(own).startswith("collect") else "first") else policy
    columns = {side: _columns(content.get(side), f"{name}: {side}") for side in ("inputs", "outputs")}
    rules = content.get("rules", [])
    if not isinstance(rules, list) or len(rules) > RULE_ROWS or not all(isinstance(rule, dict) for rule in rules):
        raise SettingsError(
            f"{name}: 'rules' is no list of at most {RULE_ROWS:,} rows.", "Export it again from GoRules."
        )
    if hit == "priority" and all(re.fullmatch(r"row-\d{1,9}", str(rule.get("_id"))) for rule in rules):
        rules = sorted(rules, key=lambda rule: int(rule["_id"][4:]))
    cells = {
        key: [from_zen(str(rule.get(key, "")), f"{name}, row {at}, {column}") for at, rule in enumerate(rules, start=1)]
        for key, column in columns["inputs"].items()
    }
    told = {key: [str(rule.get(key, "")) for rule in rules] for key in columns["outputs"]}
    shown = {
        side: {column: {"type": kind_of((cells | told)[key])} for key, column in columns[side].items()}
        for side in columns
    }
    kinds = {
        column: travelled(known, side, column).get("type", one["type"])
        for side in shown
        for column, one in shown[side].items()
    }
    for key, column in columns["inputs"].items():
        for at, cell in enumerate(cells[key], start=1):
            check_quoted(cell, kinds[column], f"{name}, row {at}, {column}")
    rows = [
        {
            "when": {column: cells[key][at] for key, column in columns["inputs"].items()},
            "then": {
                column: value
                for key, column in columns["outputs"].items()
                if (value := literal(told[key][at], kinds[column], f"{name}, row {at + 1}, {column}")) is not None
            },
            "because": str(rule.get("_description") or ""),
            "law": str(rule.get("_law") or ""),
        }
        for at, rule in enumerate(rules)
    ]
    facts = {"id": rule_id(str(node.get("name") or stem)), "title": str(node.get("name") or ""), **known, "hit": hit}
    return join(shown, rows, facts, units, name)


def _table(document: Any, name: str, decision: str | None) -> dict[str, Any]:
    nodes = document.get("nodes") if isinstance(document, dict) else None
    tables = [
        node
        for node in (nodes if isinstance(nodes, list) else [])
        if isinstance(node, dict) and node.get("type") == "decisionTableNode" and isinstance(node.get("content"), dict)
    ]
    if decision is not None:
        tables = [node for node in tables if decision in (node.get("name"), node.get("id"))]
    if len(tables) != 1:
        names = ", ".join(str(node.get("name"))[:60] for node in tables[:20])
        raise SettingsError(
            f"{name} holds {len(tables) or 'no'} decision tables{f': {names}' if names else ''}.",
            "Name one with --decision." if tables else "Give a JDM document with a decision table.",
        )
    return tables[0]


def _columns(given: Any, where: str) -> dict[str, str]:
    """Names of columns by their key in the rules."""
    if not isinstance(given, list) or not given:
        raise SettingsError(f"{where} are missing.", "Export it again from GoRules.")
    found: dict[str, str] = {}
    for one in given:
        field = one.get("field") if isinstance(one, dict) else None
        if not isinstance(field, str) or not column_name(field) or not isinstance(one.get("id"), str):
            raise SettingsError(
                f"{where}: a column has no field, so each cell is an expression of its own.",
                "Give the column a field in GoRules, and let its cells be conditions.",
            )
        found[one["id"]] = column_name(field)
    return found


def from_zen(cell: str, where: str) -> str:
    """A cell of zen as `read_condition` reads it; raises SettingsError for other expressions."""
    text = cell.strip()
    if len(text) > RULE_CELL_CHARS:
        raise SettingsError(f"{where} has more than {RULE_CELL_CHARS:,} characters.", "Part the row.")
    match = re.fullmatch(r"\$ != null and not \((.*)\)", text, re.DOTALL)
    if match:
        return f"not({_listed(match[1])})"
    if match := _IN.fullmatch(text):
        among = match[2] if ".." in _QUOTED.sub("", match[2]) else match[2][1:-1]
        return f"not({among})" if match[1] else among
    low, both, high = text.partition(" and ")
    if both and low.startswith(">") and high.lstrip().startswith("<"):
        low, high = low[1:], high.lstrip()[1:]
        opening, closing = "[" if low.startswith("=") else "(", "]" if high.startswith("=") else ")"
        return f"{opening}{low.lstrip('= ')}..{high.lstrip('= ')}{closing}"
    bare = _QUOTED.sub('""', text)
    if _EXPRESSION.search(bare):
        raise SettingsError(
            f"{where}: '{text[:60]}' is an expression that no table holds.",
            "Compute it before, as an input, and let the cell be a condition.",
        )
    return _listed(text.replace("'", '"') if '"' not in text else text)


def _listed(text: str) -> str:
    """Alternatives that are joined by ``or`` as a list, without the subject; what is quoted stays as it is."""
    parts = _QUOTED.split(text)
    quoted = _QUOTED.findall(text)
    plain = [_SUBJECT.sub("", _OR.sub(", ", part)) for part in parts]
    return "".join(one for pair in zip(plain, [*quoted, ""], strict=True) for one in pair)
