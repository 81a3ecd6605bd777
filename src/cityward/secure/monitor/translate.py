"""Sigma rules, parsed by pySigma, to the shared graph of conditions.

Only the parser of pySigma is used. What cannot be asked of columns in linear time is refused by name.

**Source**: Sigma specification 2.0 (rules, modifiers, correlations), SigmaHQ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl
from sigma import conditions, types

from cityward.core.limits import MONITOR_RULE_NODES
from cityward.secure.monitor.terms import (
    TEXT,
    Compared,
    Every,
    How,
    Literally,
    Missing,
    Network,
    Never,
    Node,
    Pattern,
    Present,
    Same,
    Some,
    TimePart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$#&~-]")
_FLAGS: Final = {"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}


class NotTranslated(Exception):
    """A rule asks for what is not done here; the message says what."""


class Graph:
    """Nodes by number; an equal node is the same number."""

    def __init__(self) -> None:
        self._number: dict[Node, int] = {}
        self._budget = 0

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order of their numbers."""
        return tuple(self._number)

    def add(self, node: Node) -> int:
        """The number of a node; those it is made of come before it.

        Raises
        ------
        NotTranslated
            One rule asks for more nodes than `MONITOR_RULE_NODES`.
        """
        self._budget -= 1
        if self._budget < 0:
            raise NotTranslated(f"it has more than {MONITOR_RULE_NODES:,} conditions")
        return self._number.setdefault(node, len(self._number))

    def rule(self, parsed: Iterable[conditions.SigmaCondition]) -> int:
        """The root of a rule whose conditions are alternatives.

        Raises
        ------
        NotTranslated, sigma.exceptions.SigmaError
            With the reason.
        """
        self._budget = MONITOR_RULE_NODES
        return self._joined(Some, [self._condition(one.parsed) for one in parsed])

    def _joined(self, how: type[Every] | type[Some], items: list[int]) -> int:
        distinct = tuple(dict.fromkeys(items))
        if not distinct:
            raise NotTranslated("its condition is empty")
        return distinct[0] if len(distinct) == 1 else self.add(how(distinct))

    def _condition(self, asked: Any) -> int:
        match asked:
            case conditions.ConditionAND():
                return self._joined(Every, [self._condition(one) for one in asked.args])
            case conditions.ConditionOR():
                return self._joined(Some, [self._condition(one) for one in asked.args])
            case conditions.ConditionNOT():
                return self.add(Never(self._condition(asked.args[0])))
            case conditions.ConditionFieldEqualsValueExpression():
                return self._value(asked.field.lower(), asked.value)
            case conditions.ConditionValueExpression():
                return self._value(TEXT, asked.value)
        raise NotTranslated("its condition is empty")

    def _value(self, field: str, value: Any) -> int:
        match value:
            case types.SigmaExpansion():
                return self._joined(Some, [self._value(field, one) for one in value.values])
            case types.SigmaString():
                return self._string(field, value.s, cased=isinstance(value, types.SigmaCasedString))
            case types.SigmaNumber() | types.SigmaBool() if not isinstance(value, types.SigmaTimestampPart):
                return self._string(field, [str(value).lower()], cased=False)
            case types.SigmaExists():
                there = self.add(Present(field))
                return there if value.exists else self.add(Never(there))
        return self.add(_leaf(field, value))

    def _string(self, field: str, parts: list[Any], *, cased: bool) -> int:
        for part in parts:
            if isinstance(part, types.Placeholder):
                raise NotTranslated(f"the placeholder %{part.name[:40]}% has no values here")
        many = types.SpecialChars.WILDCARD_MULTI
        begin, end = 0, len(parts)
        while begin < end and parts[begin] is many:
            begin += 1
        while end > begin and parts[end - 1] is many:
            end -= 1
        body = [part.lower() if isinstance(part, str) and not cased else part for part in parts[begin:end]]
        if not body:
            return self.add(Present(field) if parts else Literally(field, "is", ""))
        open_begin, open_end = begin > 0 or field == TEXT, end < len(parts) or field == TEXT
        if all(isinstance(part, str) for part in body):
            how: How = ("has" if open_end else "ends") if open_begin else ("begins" if open_end else "is")
            return self.add(Literally(field, how, "".join(body), cased))
        pattern = "".join(_escaped(part) if isinstance(part, str) else ".*" if part is many else "." for part in body)
        pattern = f"(?s){'' if open_begin else '^'}{pattern}{'' if open_end else '$'}"
        found = self.add(Pattern(field, pattern, cased))
        longest = max((part for part in body if isinstance(part, str)), key=len, default="")
        if cased or not longest:
            return found
        return self.add(Every((self.add(Literally(field, "has", longest)), found)))


def _leaf(field: str, value: Any) -> Node:
    node: Node
    match value:
        case types.SigmaTimestampPart():
            node = TimePart(field, cast(Any, value.timestamp_part.name.lower()), int(value.number))
        case types.SigmaRegularExpression():
            node = _regular(field, value)
        case types.SigmaNull():
            node = Missing(field)
        case types.SigmaCIDRExpression():
            node = Network(field, str(value.network))
        case types.SigmaCompareExpression():
            node = Compared(field, cast(Any, value.op.name.lower()), float(value.number.number))
        case types.SigmaFieldReference():
            node = Same(field, _ENDS[value.starts_with, value.ends_with], value.field.lower())
        case _:
            raise NotTranslated(f"values of the kind {type(value).__name__} are not known here")
    return node


_ENDS: Final[dict[tuple[bool, bool], How]] = {
    (False, False): "is",
    (True, True): "has",
    (True, False): "begins",
    (False, True): "ends",
}


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def _regular(field: str, value: types.SigmaRegularExpression) -> Pattern:
    if value.regexp.contains_placeholder():
        raise NotTranslated("a placeholder in a regular expression has no values here")
    flags = "".join(sorted(_FLAGS[flag.name] for flag in value.flags))
    pattern = (f"(?{flags})" if flags else "") + str(value.regexp)
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        # pySigma has compiled it with RE2, which is linear too.
        return Pattern(field, pattern, cased=True, engine="re2")
    return Pattern(field, pattern, cased=True)
