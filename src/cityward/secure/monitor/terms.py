"""The compiled form of rules: one shared graph of conditions over columns of text.

Equal conditions of different rules are one node, so that a filter that a hundred rules share is asked once. The form
is plain data (msgspec): what lies in a cache can be wrong, but it cannot run.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

TEXT = ""
"""Field of conditions that ask the whole text of an event."""

How = Literal["is", "has", "begins", "ends"]
Operator = Literal["lt", "lte", "gt", "gte", "eq", "neq"]
OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}


class _Node(msgspec.Struct, frozen=True, array_like=True):
    """Base of all nodes. ``field`` is a lower-case name; names of fields are compared without case."""


class Literally(_Node, frozen=True, tag="t"):
    """The value is, has, begins or ends with a text; lower-case unless ``cased``."""

    field: str
    how: How
    value: str
    cased: bool = False


class Pattern(_Node, frozen=True, tag="p"):
    """A linear regular expression is found in the value; on lower-case values unless ``cased``."""

    field: str
    pattern: str
    cased: bool
    engine: Literal["polars", "re2"] = "polars"


class Missing(_Node, frozen=True, tag="0"):
    """The event has no such field, or an empty one."""

    field: str


class Present(_Node, frozen=True, tag="e"):
    """The event has such a field."""

    field: str


class Compared(_Node, frozen=True, tag="n"):
    """The value is a number on one side of another."""

    field: str
    operator: Operator
    number: float


class Network(_Node, frozen=True, tag="c"):
    """The value is an address in a network."""

    field: str
    network: str


class Same(_Node, frozen=True, tag="s"):
    """The value is, has, begins or ends with the value of another field, without case."""

    field: str
    how: How
    other: str


class TimePart(_Node, frozen=True, tag="d"):
    """The value is a moment whose minute, hour, day, week, month or year (UTC) is a number."""

    field: str
    part: Literal["minute", "hour", "day", "week", "month", "year"]
    number: int


class Every(_Node, frozen=True, tag="&"):
    """All of these nodes."""

    items: tuple[int, ...]


class Some(_Node, frozen=True, tag="|"):
    """At least one of these nodes."""

    items: tuple[int, ...]


class Never(_Node, frozen=True, tag="!"):
    """Not this node."""

    item: int


Leaf = Literally | Pattern | Missing | Present | Compared | Network | Same | TimePart
Node = Leaf | Every | Some | Never


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding says of its rule."""

    id: str
    name: str
    title: str
    level: str
    techniques: tuple[str, ...]
    file: str


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about single events of one log source; ``root`` is its node. ``quiet``: only correlations show it."""

    told: Told
    product: str | None
    category: str | None
    service: str | None
    root: int
    quiet: bool = False


class Expression(msgspec.Struct, frozen=True, array_like=True):
    """A boolean expression over references to rules; a leaf has a reference and no items."""

    how: Literal["rule", "and", "or", "not"]
    rule: str = ""
    items: tuple[Expression, ...] = ()


Correlates = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
]


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about several events within a time span.

    ``rules`` are keys of `RuleSet.by_key`; ``group_by`` lower-case fields or aliases; ``aliases`` maps an alias to
    the field of each rule. ``expression`` replaces ``operator`` and ``count`` where a temporal rule has one.
    """

    told: Told
    kind: Correlates
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: dict[str, dict[str, str]]
    span_seconds: int
    operator: Operator
    count: float
    fields: tuple[str, ...] = ()
    percentile: int | None = None
    expression: Expression | None = None
    quiet: bool = False

    def field_of(self, name: str, rule: str) -> str:
        """The field of ``rule`` that a name of group-by or of the condition stands for."""
        return self.aliases.get(name, {}).get(rule, name)


class NotCompiled(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that cannot be used, and why."""

    file: str
    title: str
    why: str


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules in compiled form; correlations stand after those that they refer to."""

    nodes: tuple[Node, ...]
    detections: tuple[Detection, ...]
    correlations: tuple[Correlation, ...]
    refused: tuple[NotCompiled, ...]
