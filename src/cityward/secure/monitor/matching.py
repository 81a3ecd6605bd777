"""Which events match which rules: every condition is asked once of every distinct value.

Literal texts of a field are found together, by one pass of Aho and Corasick's automaton over its distinct lower-case
values; what is left is boolean algebra over columns, which ends as soon as nothing can match any more. Regular
expressions run in linear time (Rust's engine, or RE2), and only over events that the rest of their rule has left.

**Source**: Aho and Corasick 1975, Efficient string matching, CACM 18(6).
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.secure.monitor.terms import (
    OPERATORS,
    TEXT,
    Compared,
    Detection,
    Every,
    Literally,
    Missing,
    Network,
    Never,
    Node,
    Pattern,
    Present,
    RuleSet,
    Same,
    Some,
    TimePart,
)

if TYPE_CHECKING:
    from cityward.secure.monitor.batches import Batch
    from cityward.secure.monitor.logsources import Kind

Flags = NDArray[np.bool_]
_Found = Flags | None
"""Which events match; None stands for none of them."""


class _Plan:
    """What rules of one kind need: their conditions by field."""

    def __init__(self, rules: RuleSet, kind: Kind) -> None:
        self.rules = [(at, one) for at, one in enumerate(rules.detections) if kind.concerns(one)]
        self.literals: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        seen: set[int] = set()
        waiting = [rule.root for _, rule in self.rules]
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            node = rules.nodes[number]
            if isinstance(node, Every | Some):
                waiting.extend(node.items)
            elif isinstance(node, Never):
                waiting.append(node.item)
            elif isinstance(node, Literally) and not node.cased:
                self.literals[node.field][node.how][node.value] = number


class Matcher:
    """Matches batches of events against a rule set."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._plans: dict[Kind, _Plan] = {}
        self._cost = _costs(rules.nodes)

    def concerned(self, kind: Kind) -> int:
        """How many rules look at events of this kind."""
        return len(self._plan(kind).rules)

    def _plan(self, kind: Kind) -> _Plan:
        if kind not in self._plans:
            self._plans[kind] = _Plan(self._rules, kind)
        return self._plans[kind]

    def match(self, batch: Batch) -> list[tuple[Detection, NDArray[np.int64]]]:
        """Rules that match, each with the events (positions in the batch) that it matches."""
        plan = self._plan(batch.kind)
        if not plan.rules or not len(batch):
            return []
        asked = _Asked(self._rules.nodes, self._cost, plan, batch)
        found = []
        for _, rule in plan.rules:
            rows = asked.node(rule.root, None)
            if rows is not None and rows.any():
                found.append((rule, np.flatnonzero(rows)))
        return found


def _costs(nodes: tuple[Node, ...]) -> NDArray[np.int8]:
    """0 for conditions that a pass over literals answers, 1 for negations, 2 where an engine has to run."""
    costs = np.zeros(len(nodes), dtype=np.int8)
    for number, node in enumerate(nodes):
        if isinstance(node, Every | Some):
            costs[number] = max(costs[item] for item in node.items)
        elif isinstance(node, Never):
            costs[number] = max(1, costs[node.item])
        elif isinstance(node, Pattern | Network | TimePart):
            costs[number] = 2
    return costs


class _Values:
    """A field of a batch: its distinct values, and which event has which of them."""

    def __init__(self, column: pl.Series, events: int) -> None:
        self.events = events
        rows = pl.DataFrame({"value": column, "row": np.arange(events, dtype=np.int64)})
        if isinstance(column.dtype, pl.List):
            rows = rows.explode("value")
        held = rows.drop_nulls("value").group_by("value", maintain_order=True).agg("row")
        self.values: pl.Series = held["value"].cast(pl.String)
        self.rows: NDArray[np.int64] = held["row"].explode(empty_as_null=False).to_numpy() if len(held) else _NONE
        self._at = np.repeat(np.arange(len(held)), held["row"].list.len().to_numpy()) if len(held) else _NONE
        self._lower: pl.Series | None = None
        self._known: dict[Any, NDArray[np.int8]] = {}

    @property
    def lower(self) -> pl.Series:
        if self._lower is None:
            self._lower = self.values.str.to_lowercase()
        return self._lower

    def events_of(self, hits: Flags) -> _Found:
        """Events that have one of the values for which ``hits`` is true."""
        if not hits.any():
            return None
        found = np.zeros(self.events, dtype=np.bool_)
        found[self.rows[hits[self._at]]] = True
        return found

    def asked(self, key: Any, ask: Callable[[pl.Series], Iterable[Any]], within: Flags | None) -> _Found:
        """Events whose value answers ``ask`` with true, among those of ``within``; every value is asked once."""
        known = self._known.setdefault(key, np.full(len(self.values), -1, dtype=np.int8))
        wanted = known < 0
        if within is not None:
            held = np.zeros(len(self.values), dtype=np.bool_)
            held[self._at[within[self.rows]]] = True
            wanted &= held
        if wanted.any():
            positions = np.flatnonzero(wanted)
            known[positions] = np.fromiter(ask(self.values.gather(positions)), dtype=np.int8, count=positions.size)
        return self.events_of(known == 1)


SEARCHED_BYTES: Final = 8 * 2**20
"""Bytes of the values in which literal texts are searched at once."""

_NONE: Final = np.zeros(0, dtype=np.int64)


class _Asked:
    """Answers of one batch, each kept once it is known."""

    def __init__(self, nodes: tuple[Node, ...], cost: NDArray[np.int8], plan: _Plan, batch: Batch) -> None:
        self._nodes, self._cost, self._plan, self._batch = nodes, cost, plan, batch
        self._answers: dict[int, _Found] = {}
        self._fields: dict[str, _Values | None] = {}
        self._searched: set[str] = set()

    def node(self, number: int, within: Flags | None) -> _Found:
        """Events that answer a node; where it is costly, only those of ``within`` need be right."""
        if number in self._answers:
            return self._answers[number]
        found = self._answer(number, self._nodes[number], within)
        if within is None or self._cost[number] < 2:
            self._answers[number] = found
        return found

    def _answer(self, number: int, node: Node, within: Flags | None) -> _Found:
        match node:
            case Every():
                return self._every(node, within)
            case Some():
                return self._some(node, within)
            case Never():
                inner = self.node(node.item, within)
                return np.ones(len(self._batch), dtype=np.bool_) if inner is None else ~inner
            case Literally(cased=False):
                self._search(node.field)
                return self._answers.get(number)
        return self._leaf(node, within)

    def _every(self, node: Every, within: Flags | None) -> _Found:
        left: _Found = None
        for item in sorted(node.items, key=self._cost.__getitem__):
            costly = self._cost[item] == 2
            asked_of = (left if left is not None else within) if costly else None
            found = self.node(item, asked_of)
            if found is None:
                return None
            left = found if left is None else left & found
            if not left.any():
                return None
        return left

    def _some(self, node: Some, within: Flags | None) -> _Found:
        found: _Found = None
        for item in node.items:
            one = self.node(item, within if self._cost[item] == 2 else None)
            if one is not None:
                found = one if found is None else found | one
        return found

    def _values(self, field: str) -> _Values | None:
        if field not in self._fields:
            column = self._batch.text() if field == TEXT else self._batch.column(field)
            self._fields[field] = None if column is None else _Values(column, len(self._batch))
        return self._fields[field]

    def _search(self, field: str) -> None:
        """Answer all conditions about literal texts of a field together."""
        if field in self._searched:
            return
        self._searched.add(field)
        held = self._values(field)
        if held is None or not len(held.values):
            return
        literals = self._plan.literals[field]
        for number, values in _found_literals(held.lower, literals):
            hits = np.zeros(len(held.values), dtype=np.bool_)
            hits[values] = True
            found, before = held.events_of(hits), self._answers.get(number)
            self._answers[number] = found if before is None or found is None else before | found

    def _leaf(self, node: Node, within: Flags | None) -> _Found:
        held = self._values(node.field)  # type: ignore[union-attr]
        match node:
            case Missing():
                if held is None:
                    return np.ones(len(self._batch), dtype=np.bool_)
                filled = held.events_of((held.values != "").to_numpy())
                return np.ones(len(self._batch), dtype=np.bool_) if filled is None else ~filled
            case Present():
                return None if held is None else held.events_of(np.ones(len(held.values), dtype=np.bool_))
            case Same():
                return self._same(node)
        if held is None:
            return None
        return held.asked(node, _question(node), within)

    def _same(self, node: Same) -> _Found:
        names = {"one": node.field, "other": node.other}
        columns = {key: self._batch.column(name) for key, name in names.items()}
        if any(column is None for column in columns.values()):
            return None
        both = pl.DataFrame(columns)
        lists = [name for name, kind in both.schema.items() if isinstance(kind, pl.List)]
        both = both.with_columns(pl.col(lists).list.first()).select(pl.all().str.to_lowercase())
        one, other = pl.col("one"), pl.col("other")
        asked = {
            "is": one == other,
            "has": one.str.contains(other, literal=True),
            "begins": one.str.starts_with(other),
            "ends": one.str.ends_with(other),
        }
        return both.select(asked[node.how].fill_null(value=False)).to_series().to_numpy()


def _found_literals(lower: pl.Series, literals: dict[str, dict[str, int]]) -> Iterable[tuple[int, NDArray[np.int64]]]:
    """Conditions about literal texts that some value answers: their numbers, and the positions of these values."""
    frame = pl.DataFrame({"value": lower, "at": np.arange(len(lower), dtype=np.int64)})
    if literals["is"]:
        wanted = pl.DataFrame({"value": list(literals["is"]), "node": list(literals["is"].values())})
        yield from _by_node(frame.join(wanted, on="value"))
    inside = {value for how in ("has", "begins", "ends") for value in literals[how] if value}
    if not inside:
        return
    # A long value of one letter has as many finds as letters: what is searched at once is bounded.
    pieces = frame.with_columns(piece=pl.col("value").str.len_bytes().cum_sum() // SEARCHED_BYTES)
    wanted_in = sorted(inside)
    for piece in pieces.partition_by("piece", maintain_order=True, include_key=False):
        found = piece.with_columns(
            literal=pl.col("value").str.extract_many(wanted_in, overlapping=True).list.unique()
        ).explode("literal")
        yield from _tested(found.drop_nulls("literal"), literals)


def _tested(found: pl.DataFrame, literals: dict[str, dict[str, int]]) -> Iterable[tuple[int, NDArray[np.int64]]]:
    tests = {
        "has": pl.lit(value=True),
        "begins": pl.col("value").str.starts_with(pl.col("literal")),
        "ends": pl.col("value").str.ends_with(pl.col("literal")),
    }
    for how, test in tests.items():
        if literals[how]:
            wanted = pl.DataFrame({"literal": list(literals[how]), "node": list(literals[how].values())})
            yield from _by_node(found.join(wanted, on="literal").filter(test))


def _by_node(pairs: pl.DataFrame) -> Iterable[tuple[int, NDArray[np.int64]]]:
    for node, at in pairs.group_by("node").agg("at").iter_rows():
        yield node, np.asarray(at, dtype=np.int64)


def _question(node: Node) -> Callable[[pl.Series], Iterable[Any]]:
    match node:
        case Literally():
            asked = {
                "is": lambda values: values == node.value,
                "has": lambda values: values.str.contains(node.value, literal=True),
                "begins": lambda values: values.str.starts_with(node.value),
                "ends": lambda values: values.str.ends_with(node.value),
            }
            return asked[node.how]
        case Pattern(engine="re2"):
            import re2  # type: ignore[import-untyped]

            compiled = re2.compile(node.pattern)
            return lambda values: (compiled.search(value) is not None for value in values)
        case Pattern():
            return lambda values: (values if node.cased else values.str.to_lowercase()).str.contains(node.pattern)
        case Compared():
            compare = OPERATORS[node.operator]
            return lambda values: compare(values.cast(pl.Float64, strict=False), node.number).fill_null(value=False)
        case Network():
            network = ipaddress.ip_network(node.network)
            return lambda values: (_within(value, network) for value in values)
        case TimePart():
            return lambda values: (_part(value, node.part) == node.number for value in values)
    raise TypeError(type(node).__name__)


def _within(value: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address) in network


def _part(value: str, part: str) -> int | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))
