"""The engine goes on where it stood whenever it dies, and does nothing twice that may have happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.secure.respond.books import (
    END,
    FIREWALL,
    SERVER,
    action,
    document,
    named,
    post,
    ssh,
    step,
    variable,
    written,
)

from cityward.core.records import from_json, to_json
from cityward.secure.respond.checks import read_playbook
from cityward.secure.respond.effects import Effect, Known
from cityward.secure.respond.engine import Engine, Failed, NotDone, Result, Unclear
from cityward.secure.respond.records import Approved, Command, Execution, Playbook, Run, Step

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Died(Exception):
    """The program was killed."""


@dataclass
class World:
    """What lasts when the program dies: what was kept, and what was done out there."""

    kept: bytes = b""
    done: list[tuple[str, str]] = field(default_factory=list)
    keeps: int = 0
    dies_at: int = -1
    dies_in: str = ""
    answers: dict[str, list[Any]] = field(default_factory=dict)
    paused: float = 0.0
    at: datetime = AT

    def now(self) -> datetime:
        return self.at

    def pause(self, seconds: float) -> None:
        self.paused += seconds

    def keep(self, run: Run, step_: Execution | None, told: str) -> Run:
        self.keeps += 1
        if self.keeps == self.dies_at:
            raise Died
        self.kept = to_json(run)
        return run

    def do(self, effect: Effect, step_: Step, key: str, values: Mapping[str, str]) -> Result:
        answer = (self.answers.get(step_.name) or [None]).pop(0)
        if isinstance(answer, NotDone):
            raise answer
        self.done.append((step_.name, key))
        if self.dies_in == step_.name:
            self.dies_in = ""
            raise Died
        if isinstance(answer, Exception):
            raise answer
        return Result(told="done", outputs=answer or {})

    def run(self) -> Run:
        return from_json(self.kept, Run)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.done]


def look(receiver: str, command: Command, values: Mapping[str, str]) -> Known:
    return Known(kind="ssh" if command.type == "ssh" else "webhook")


def begun(book: Playbook, **values: str) -> Run:
    return Run(
        id="PR-0000000001", playbook=book.id, title=book.name, sha256=book.sha256, books={book.id: book.sha256},
        about="asset", by="Ana Gomez", started_at=AT, state="running", values={"__about__": "asset", **values},
    )  # fmt: skip


def goes(world: World, book: Playbook, run: Run, *others: Playbook) -> Run:
    return Engine({one.id: one for one in (book, *others)}, run, world, look).go()


def sends(name: str, then: str = END, **marks: Any) -> dict[str, Any]:
    return action(name, post(), then=then, to=FIREWALL, marks=marks)


def book_of(first: str, *steps: Mapping[str, Any], **more: Any) -> Playbook:
    return read_playbook(written(document(first, steps, **more)), "test.json")


A, B, C, U, V = (named("action", name) for name in "abcuv")


def chain(**marks: Any) -> Playbook:
    """Three steps, the first two of which others undo."""
    return book_of(A, sends("a", B, undo=U), sends("b", C, undo=V, **marks), sends("c"), sends("u"), sends("v"))


@pytest.mark.parametrize("dies_at", range(1, 16))
def test_killed_at_every_moment_each_step_is_done_and_none_under_two_keys(dies_at: int) -> None:
    book, world = chain(), World(dies_at=dies_at)
    world.kept = to_json(begun(book))
    try:
        goes(world, book, world.run())
    except Died:
        goes(world, book, world.run())
    assert world.run().state == "done"
    assert list(dict.fromkeys(world.names)) == ["a", "b", "c"]
    assert len({key for _, key in world.done}) == 3  # one that was done twice had the same key


def test_killed_while_undoing_it_goes_on_undoing() -> None:
    for dies_at in range(1, 24):
        book, world = chain(), World(dies_at=dies_at, answers={"c": [NotDone("no"), NotDone("no"), NotDone("no")]})
        world.kept = to_json(begun(book))
        try:
            goes(world, book, world.run())
        except Died:
            goes(world, book, world.run())
        assert world.run().state == "failed"
        assert list(dict.fromkeys(world.names)) == ["a", "b", "v", "u"]
        assert len({key for _, key in world.done}) == 4


def test_a_command_on_a_server_that_may_have_happened_waits_for_a_person() -> None:
    book = book_of(A, action("a", ssh("reboot"), to=SERVER))
    world = World(dies_in="a")
    run = goes(world, book, begun(book))
    assert [one.waits_for for one in run.steps] == ["approval"]
    run = _approved(book, run, "Bo Li")
    with pytest.raises(Died):
        goes(world, book, run)
    assert world.names == ["a"]
    after = goes(world, book, world.run())
    assert world.names == ["a"]
    assert (after.state, after.steps[0].state, after.steps[0].waits_for) == ("waiting", "unclear", "person")
    assert goes(world, book, after) == after


def _approved(book: Playbook, run: Run, by: str) -> Run:
    import msgspec

    from cityward.secure.respond.effects import digest_of, effects_of

    one = run.steps[-1]
    digest = digest_of(book, one.key, effects_of(book, book.steps[one.step], run.values, look))
    changed = msgspec.structs.replace(one, approved=(*one.approved, Approved(by=by, at=AT, digest=digest)))
    return msgspec.structs.replace(run, steps=(*run.steps[:-1], changed))


def test_two_persons_are_two_and_what_they_approve_cannot_change() -> None:
    book = book_of(A, sends("a", destructive=True))
    world = World()
    run = _approved(book, goes(world, book, begun(book)), "Ana Gómez")
    for by in ("GOMEZ Ana", "Ana Gomez"):
        run = goes(world, book, _approved(book, run, by))
        assert run.state == "waiting"
    other = book_of(A, action("a", post("/other"), to=FIREWALL, marks={"destructive": True}))
    assert goes(World(), other, _approved(book, run, "Bo Li")).state == "waiting"
    late = World(at=AT + timedelta(hours=25))
    assert goes(late, book, _approved(book, run, "Bo Li")).state == "waiting"
    assert goes(world, book, _approved(book, run, "Bo Li")).state == "done"
    assert world.names == ["a"]


@pytest.mark.parametrize(
    ("answer", "tries", "undone"),
    [
        (NotDone("nobody answers", again=True), 0, ["u"]),
        (Failed("It answered 500.", again=True), 3, ["v", "u"]),
        (Failed("It answered 302: moved."), 1, ["v", "u"]),
        (Unclear("It did not answer.", again=True), 3, ["v", "u"]),
    ],
)
def test_what_fails_is_tried_within_bounds_and_undone_in_reverse(
    answer: Exception, tries: int, undone: list[str]
) -> None:
    book, world = chain(retries=2), World(answers={"b": [answer] * 9})
    run = goes(world, book, begun(book))
    assert run.state == "failed"
    assert world.names == ["a", *["b"] * tries, *undone]
    assert world.paused <= 6.0
    assert next(one.told for one in run.steps if one.name == "b") == str(answer)


def test_failure_that_has_a_way_takes_it() -> None:
    first = {**sends("a", "")}
    first[A] |= {"on_success": B, "on_failure": C}
    first[A].pop("on_completion", None)
    book = book_of(A, first, sends("b"), sends("c"))
    world = World(answers={"a": [NotDone("no")]})
    assert goes(world, book, begun(book)).state == "done"
    assert world.names == ["c"]


def test_an_exception_has_its_way_before_anything_is_undone() -> None:
    book = book_of(A, sends("a", B, undo=U), sends("b"), sends("c"), sends("u"), workflow_exception=C)
    world = World(answers={"b": [NotDone("no")]})
    assert goes(world, book, begun(book)).state == "failed"
    assert world.names == ["a", "c", "u"]


def test_branches_do_not_wait_for_each_other() -> None:
    book = book_of(
        named("parallel", "p"), step("parallel", "p", then=C, next_steps=[A, B]), action("a"), sends("b"), sends("c")
    )
    world = World()
    run = goes(world, book, begun(book))
    assert (run.state, world.names) == ("waiting", ["b"])
    run = goes(world, book, _said(run, "a"))
    assert (run.state, world.names) == ("done", ["b", "c"])


def _said(run: Run, name: str, **outputs: str) -> Run:
    import msgspec

    steps = tuple(
        msgspec.structs.replace(one, at=one.at + 1, waits_for="", by="Bo Li", outputs=outputs)
        if one.name == name and one.waits_for == "person"
        else one
        for one in run.steps
    )
    return msgspec.structs.replace(run, steps=steps)


def test_a_branch_that_fails_ends_the_others() -> None:
    book = book_of(named("parallel", "p"), step("parallel", "p", next_steps=[A, B]), action("a"), sends("b"))
    run = goes(World(answers={"b": [NotDone("no")]}), book, begun(book))
    assert run.state == "failed"
    assert {one.name: one.state for one in run.steps} == {"a": "skipped", "b": "failed"}


def test_loops_turn_until_they_hold_no_more_and_never_beyond_their_bound() -> None:
    loop = step("while-condition", "w", then=B, condition="__clean__:value = false", on_true=A, marks={"bound": 3})
    asks = action("a", post(), to=FIREWALL, out_args=["__clean__"])
    book = book_of(
        named("while-condition", "w"), loop, asks, sends("b"), variables={"__clean__": variable("bool", "false")}
    )
    world = World(answers={"a": [{"__clean__": "false"}, {"__clean__": "true"}]})
    assert goes(world, book, begun(book)).state == "done"
    assert world.names == ["a", "a", "b"]
    assert len({key for _, key in world.done}) == 3
    endless = World(answers={"a": [{"__clean__": "false"}] * 9})
    run = goes(endless, book, begun(book))
    assert (run.state, endless.names) == ("failed", ["a", "a", "a"])
    assert "its bound" in run.steps[-1].told


def test_a_way_that_was_decided_stays_decided() -> None:
    switch = step("switch-condition", "s", switch="__x__:value", cases={"one": A, "default": B})
    book = book_of(
        named("switch-condition", "s"), switch, action("a"), action("b"), variables={"__x__": variable("string", "one")}
    )
    run = goes(World(), book, begun(book))
    assert [one.name for one in run.steps] == ["s", "a"]
    import msgspec

    changed = msgspec.structs.replace(_said(run, "a"), values={**run.values, "__x__": "two"})
    assert [one.name for one in goes(World(), book, changed).steps] == ["s", "a"]


def test_values_of_the_wrong_type_are_not_taken() -> None:
    asks = action("a", post(), to=FIREWALL, then=B, out_args=["__n__"])
    book = book_of(A, asks, sends("b"), variables={"__n__": variable("integer", "1")})
    world = World(answers={"a": [{"__n__": "1; rm -rf /", "__about__": "other"}]})
    assert goes(world, book, begun(book)).steps[0].outputs == {}


def test_a_wait_is_waited_for() -> None:
    late = sends("a")
    late[A]["delay"] = 60_000
    book, world = book_of(A, late), World()
    run = goes(world, book, begun(book))
    assert (run.state, world.names) == ("waiting", [])
    world.at += timedelta(seconds=61)
    assert goes(world, book, run).state == "done"


def test_nobody_said_so_in_time() -> None:
    book, world = book_of(A, action("a")), World()
    run = goes(world, book, begun(book))
    world.at += timedelta(seconds=6)
    after = goes(world, book, run)
    assert (after.state, after.steps[0].told) == ("failed", "Nobody said in time that it was done.")


def test_another_playbook_has_variables_of_its_own() -> None:
    inner = book_of(
        A, action("a", post(), to=FIREWALL, out_args=["__x__"]), name="inner",
        variables={"__x__": variable("string", "inside")},
    )  # fmt: skip
    call = step("playbook-action", "call", then=B, playbook_id=inner.id, in_args=["__about__"], out_args=["__x__"])
    way = step("if-condition", "i", condition="__x__:value = 'new'", on_true=C)
    outer = document(
        named("playbook-action", "call"), [call, sends("b", named("if-condition", "i")), way, sends("c")], name="outer",
        variables={"__x__": variable("string", "outside")},
    )  # fmt: skip
    book = read_playbook(written(outer), "outer.json", {inner.id: inner})
    world = World(answers={"a": [{"__x__": "new"}]})
    assert goes(world, book, begun(book), inner).state == "done"
    assert world.names == ["a", "b", "c"]


def test_stopping_undoes_what_was_done_and_asks_before_what_needs_asking() -> None:
    book = book_of(A, sends("a", B, undo=U), action("b"), sends("u", approval="one"))
    world = World()
    run = goes(world, book, begun(book))
    stopped = Engine({book.id: book}, run, world, look).stop("it was nothing")
    assert (stopped.state, stopped.steps[-1].waits_for) == ("undoing", "approval")
    stopped = goes(world, book, _approved(book, stopped, "Bo Li"))
    assert (stopped.state, world.names) == ("stopped", ["a", "u"])
