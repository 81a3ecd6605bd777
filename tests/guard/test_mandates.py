"""No function keeps or sends work without asking whether a decision allows it: read off the program's own text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import cityward
from cityward.guard.outbox import Outbox

ROOT = Path(cityward.__file__).parent
MODULES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}

CALLERS = {
    # An outbox keeps new orders, takes a step, or hands out a message to send.
    "put_new": {
        "city/orders.py:keep",
        "city/sending.py:_was_delivered",
        "guard/outbox.py:put_new",
        "store/outbox.py:put_new",
    },
    "claim": {"city/sending.py:_drain", "guard/outbox.py:claim"},
    # What makes orders, and what tells the ledger that there are some.
    "orders.prepare": {"city/effects.py:take_effect"},
    "self.prepare": {"city/orders.py:issue"},
    "_receipted": {f"city/orders.py:{name}" for name in ("prepare", "send_again", "step", "answer")},
    "take_effect": {"city/city.py:decide"},
    "put_decision": {"city/city.py:decide", "guard/registers.py:put_decision"},
    # What leaves the house.
    "open_way": {"city/sending.py:_opened", "act/send/way.py:open_way"},
    "way.send": {"city/sending.py:_try"},
    # What says that something is proved, and what makes a decision in the first place.
    "Mandates": {"guard/keeper.py:mandates"},
    "_Approved": {"guard/mandates.py:_approved"},
    "ProvedEntries": {"city/opened.py:keeper"},
    "decide": {"city/city.py:decide"},
}
"""By what is called: every function of the program that calls it."""

MOVERS = {f"city/orders.py:{name}" for name in ("keep", "send_again", "step", "answer")} | {"guard/outbox.py:move"}
RECEIPTS = {"decision": {"answerable/decide.py:decide"}, "order": {"city/orders.py:_receipted"}}


@cache
def calls(source: str) -> tuple[tuple[str, str, ast.Call], ...]:
    """Each call of a module: the function in which it is, what is called (with what it is called on), and the call."""
    return tuple(_calls(source))


def _calls(source: str) -> Iterator[tuple[str, str, ast.Call]]:
    def walk(node: ast.AST, inside: str) -> Iterator[tuple[str, str, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            name = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else inside
            if isinstance(child, ast.Call):
                yield inside, ast.unparse(child.func), child
            yield from walk(child, name)

    yield from walk(ast.parse(source), "")


def callers(wanted: str, modules: dict[str, str] = MODULES) -> set[str]:
    return {
        f"{path}:{inside}"
        for path, source in modules.items()
        for inside, called, _ in calls(source)
        if called == wanted or called.endswith(f".{wanted}")
    }


@pytest.mark.parametrize("wanted", CALLERS)
def test_only_these_functions_call_what_gives_out_or_sends(wanted: str) -> None:
    found = callers(wanted)
    if wanted == "decide":  # of a proposal; a table and a console have methods of that name
        found = {one for path in MODULES for one in found if one.startswith(f"{path}:") and _imports_decide(path)}
    assert found == CALLERS[wanted]


def _imports_decide(path: str) -> bool:
    return "from cityward.answerable.decide import decide" in MODULES[path]


def test_only_these_functions_take_a_step() -> None:
    moved = {
        f"{path}:{inside}"
        for path, source in MODULES.items()
        for inside, called, _ in calls(source)
        if called.endswith(("outbox.move", "for_crews.move", "for_residents.move", "_inside.move"))
    }
    assert moved == MOVERS


def test_the_tests_themselves_find_a_new_caller() -> None:
    more = {"city/new.py": "def sly(city):\n    city.orders.outbox.put_new(None, [])\n    x.way.send(m)\n"}
    assert callers("put_new", more) == callers("way.send", more) == {"city/new.py:sly"}


@pytest.mark.parametrize(("method", "asks"), [("put_new", "must_give_out"), ("move", "must_move")])
def test_the_outbox_asks_first_and_only_then_keeps(method: str, asks: str) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(Outbox, method))))
    (function,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    first, *others = (ast.unparse(one) for one in function.body[1:])
    assert first.startswith(f"self._mandates.{asks}(")
    assert len(others) == 1
    assert f"self._inside.{method}(" in others[0]


def test_a_claimed_message_is_handed_out_only_after_it_was_asked_about() -> None:
    told = inspect.getsource(Outbox.claim)
    assert told.index("self._inside.claim(") < told.index("why_not_sent(") < told.index("raise Unproved")
    assert told.index("raise Unproved") < told.index("return message")


def test_nothing_outside_guard_reaches_the_store_of_orders_and_in_guard_two_modules_do() -> None:
    users = {
        path
        for path, source in MODULES.items()
        if not path.startswith("store/")
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.ImportFrom) and node.module == "cityward.store" and _names(node, "outbox"))
        or (isinstance(node, ast.ImportFrom | ast.Import) and "cityward.store.outbox" in ast.unparse(node))
    }
    assert users == {"guard/outbox.py", "guard/keeper.py", "guard/erase.py"}
    # Whoever erases and limits changes what is kept and never keeps or sends anything new.
    for path in ("guard/erase.py", "guard/retain.py"):
        found = {called.rsplit(".", 1)[-1] for _, called, _ in calls(MODULES[path])}
        assert not found & {"put_new", "move", "claim", "retry"}


def _names(node: ast.ImportFrom, wanted: str) -> bool:
    return any(alias.name == wanted for alias in node.names)


def named(source: str, kind: ast.expr) -> str:
    """What a constant of its own module says; a question mark for every other variable."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        names = {one.id for one in targets if isinstance(one, ast.Name)}
        if isinstance(kind, ast.Name) and kind.id in names and isinstance(value, ast.Constant):
            return str(value.value)
    return "?"


def test_an_entry_about_a_decision_or_an_order_is_written_in_one_place() -> None:
    written: dict[str, set[str]] = {}
    for path, source in MODULES.items():
        for inside, called, call in calls(source):
            if called == "receipt" and call.args:
                kind = call.args[0]
                told = str(kind.value) if isinstance(kind, ast.Constant) else named(source, kind)
                written.setdefault(told, set()).add(f"{path}:{inside}")
    assert {kind: written[kind] for kind in RECEIPTS} == RECEIPTS
    # Where the kind is a variable, it can be none of those.
    for place in written["?"]:
        module, function = place.split(":")
        texts = {
            node.value
            for one in ast.walk(ast.parse(MODULES[module]))
            if isinstance(one, ast.FunctionDef) and one.name == function
            for node in ast.walk(one)
            if isinstance(node, ast.Constant)
        }
        assert not texts & {"decision", "order"}, place


def test_what_gives_out_takes_a_decision_by_its_name() -> None:
    from cityward.city.orders import Orders

    assert inspect.signature(Orders.issue).parameters["decision_id"].annotation == "str"
    for name in ("put_new", "move", "claim"):
        assert "Decision" not in str(inspect.signature(getattr(Outbox, name)))
