"""The checks say everything that is wrong with a playbook, at once and with its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.secure.respond.books import (
    END,
    FIREWALL,
    SERVER,
    START,
    action,
    document,
    named,
    post,
    ssh,
    step,
    variable,
    written,
)

from cityward.secure.respond.checks import check
from cityward.secure.respond.records import EXTENSION
from cityward.secure.respond.schema import schemas
from cityward.secure.respond.shipped import playbooks_for, shipped, shipped_texts

ONE, TWO = named("action", "one"), named("action", "two")


def problems_of(found: dict[str, Any]) -> list[str]:
    return [one.told for one in check(written(found), "test.json", shipped().by_id())[1]]


def test_what_ships_is_valid() -> None:
    assert len(schemas()) == 51
    assert shipped().problems == {}
    assert set(shipped().books) == {
        "data-centre-loss", "data-leak", "insider", "plant-control-loss", "ransomware", "stolen-password",
        "supplier-breach",
    }  # fmt: skip
    for book in shipped().books.values():
        assert book.about.techniques
        assert book.about.owner_roles
        assert book.about.when
        assert book.about.fallback
    assert set(shipped_texts()) == set(shipped().books)


def test_a_small_playbook_has_no_problem() -> None:
    assert problems_of(document(ONE, [action("one", then=TWO), action("two")])) == []


def _with(change: Callable[[dict[str, Any]], None], steps: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    found = copy.deepcopy(document(ONE, steps or [action("one")]))
    change(found)
    return found


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        for part in path[:-1]:
            found = found[part]
        found[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (_with(_set("workflow", ONE, "on_completion", value=TWO)), "there is no such step"),
        (_with(_set("workflow", ONE, "on_completion", value=ONE)), "comes back to itself: one → one"),
        (document(ONE, [action("one"), action("two")]), "No way leads to it"),
        (document(ONE, [action("one", then=TWO), action("two", then=ONE)]), "comes back to itself"),
        (_with(_set("workflow", ONE, "on_success", value=END)), "beside on_success"),
        (_with(lambda found: found["workflow"][ONE].pop("on_completion")), "not what comes after"),
        (_with(_set("workflow_start", value=ONE)), "no step of type start"),
        (_with(_set("workflow_exception", value=TWO)), "workflow_exception: There is no such step"),
        (_with(lambda found: found["workflow"][ONE].pop("timeout")), "has no time-out"),
        (_with(_set("workflow", ONE, "timeout", value=-5)), "out of bounds"),
        (_with(_set("workflow", ONE, "timeout", value=10**12)), "out of bounds"),
        (_with(_set("workflow", ONE, "delay", value=10**9)), "The delay is out of bounds"),
        (_with(_set("workflow", ONE, "agent", value=named("group", "nobody"))), "is not defined"),
        (_with(_set("workflow", ONE, "targets", value=[named("ssh", "nobody")])), "is not defined"),
        (_with(_set("workflow", ONE, "commands", 0, "type", value="bash")), "'bash' are not done here"),
        (_with(_set("workflow", ONE, "commands", 0, "type", value="openc2-http")), "are not done here"),
        (_with(_set("workflow", ONE, "commands", 0, "command_b64", value="QQ==")), "Write the command plainly"),
        (_with(_set("workflow", ONE, "commands", 0, "comand", value="x")), "knows no such name"),
        (_with(_set("workflow", ONE, "on_compltion", value=END)), "knows no such name"),
        (_with(_set("plabook", value=1)), "knows no such name"),
        (_with(_set("spec_version", value="cacao-1.0")), "Only cacao-2.0"),
        (_with(_set("id", value="nonsense")), "id: "),
        (_with(lambda found: found.pop("extension_definitions")), "is used and not defined"),
        (_with(_set("playbook_variables", "__x__", value=variable("int", "1"))), "'int' is no type"),
        (_with(_set("playbook_variables", "__x__", value=variable("integer", "one"))), "The value is no integer"),
        (_with(_set("playbook_extensions", EXTENSION, "techniques", value=["T9999"])), "no technique of ATT&CK"),
        (_with(_set("playbook_extensions", EXTENSION, "tecniques", value=[])), "cannot be read"),
        (_with(_set("workflow", ONE, "step_extensions", value={EXTENSION: {"retries": 9}})), "tried too often"),
        (_with(_set("workflow", ONE, "step_extensions", value={EXTENSION: {"undo": TWO}})), "there is no such step"),
        (_with(_set("workflow", ONE, "step_extensions", value={EXTENSION: {"undo": START}})), "is another action"),
        (_with(_set("workflow", ONE, "out_args", value=["__y__"])), "__y__ is not defined"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(found: dict[str, Any], says: str) -> None:
    assert any(says in one for one in problems_of(found)), problems_of(found)


@pytest.mark.parametrize(
    ("commands", "to", "says"),
    [
        ([post()], SERVER, "is of type ssh"),
        ([ssh("reboot")], FIREWALL, "is of type http-api"),
        ([{"type": "http-api", "command": "GET /"}], FIREWALL, "Only 'POST /path'"),
        ([{"type": "http-api", "command": "POST http://evil.example/"}], FIREWALL, "Only 'POST /path'"),
        ([{**post(), "content": "{"}], FIREWALL, "not JSON"),
        ([{**post(), "headers": {"a": ["b"]}}], FIREWALL, "It is not used here"),
        ([post(content="__nobody__:value")], FIREWALL, "__nobody__ is not defined"),
        ([ssh("say __token__:value")], SERVER, "is a secret"),
        ([{"type": "x-cityward", "command": "format-disk"}], "", "no act of this program"),
        ([{"type": "x-cityward", "command": "revoke-token"}], "", "needs a variable __token__"),
    ],
)
def test_commands_are_checked(commands: list[dict[str, Any]], to: str, says: str) -> None:
    secret = {"variables": {"__token__": variable("uri", external=True)}, "about": {"secrets": ["__token__"]}}
    found = document(ONE, [action("one", *commands, to=to)], **secret)
    assert any(says in one for one in problems_of(found)), problems_of(found)


def test_a_secret_stands_in_no_playbook_and_steers_nothing() -> None:
    way = step("if-condition", "if", condition="__token__:value = 'x'", on_true=END)
    found = document(
        named("if-condition", "if"), [way], variables={"__token__": variable("string", "hunter2")},
        about={"secrets": ["__token__"]},
    )  # fmt: skip
    told = problems_of(found)
    assert any("A secret stands in the playbook" in one for one in told)
    assert any("which way is taken would tell it" in one for one in told)
    assert not any("hunter2" in one for one in told)


def test_loops_have_a_bound() -> None:
    loop = {"condition": "__n__:value < 3", "on_true": ONE}
    unbounded = document(
        named("while-condition", "w"), [step("while-condition", "w", **loop), action("one")],
        variables={"__n__": variable("integer", "0")},
    )  # fmt: skip
    assert any("The loop has no bound" in one for one in problems_of(unbounded))
    bounded = document(
        named("while-condition", "w"), [step("while-condition", "w", marks={"bound": 3}, **loop), action("one")],
        variables={"__n__": variable("integer", "0")},
    )  # fmt: skip
    assert problems_of(bounded) == []


def test_a_step_is_done_once() -> None:
    both = step("parallel", "p", next_steps=[ONE, TWO])
    shared = document(named("parallel", "p"), [both, action("one", then=TWO), action("two")])
    assert any("stands in two branches" in one for one in problems_of(shared))
    after = step("if-condition", "i", then=ONE, condition="__about__:value = 'x'", on_true=ONE)
    assert any(
        "in a branch of 'i' and after it" in one
        for one in problems_of(document(named("if-condition", "i"), [after, action("one")]))
    )


def test_playbooks_that_call_each_other_end() -> None:
    mine = document(named("playbook-action", "c"), [step("playbook-action", "c", playbook_id=document(ONE, [])["id"])])
    book, _ = check(written(mine), "a.json")
    assert book is not None
    again = [one.told for one in check(written(mine), "a.json", {book.id: book})[1]]
    assert any("calls itself" in one for one in again)
    assert any("is not here" in one for one in [each.told for each in check(written(mine), "a.json", {})[1]])


def test_everything_is_told_at_once() -> None:
    found = document(ONE, [action("one", {"type": "bash", "command": "x"}, then=TWO, timeout=0), action("three")])
    told = problems_of(found)
    assert len(told) >= 4
    assert all("workflow/" in one for one in told)


def test_playbooks_are_found_by_technique() -> None:
    assert [one.key for one in playbooks_for(["T1486"])] == ["ransomware"]
    assert playbooks_for(["T1486", "T1490", "T1021"])[0].key == "ransomware"
    assert "stolen-password" in {one.key for one in playbooks_for(["T1110.003"])}
    assert "supplier-breach" in {one.key for one in playbooks_for(["T1195.003"])}
    assert playbooks_for(["T0000"]) == []
