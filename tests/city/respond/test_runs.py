"""Playbooks run in a city against a real server of signed messages: dry, approved, undone, taken up after a death."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.city.respond.servers import SECRET, A, Answers, B, Make, begin, blocks, hook
from tests.secure.respond.books import END, FIREWALL, action, document, named, post, step, variable

from cityward.act.send.signing import check, key_of
from cityward.city import open_city
from cityward.city.respond_acts import _ACTS
from cityward.core.errors import LedgerError, Refused, SettingsError, UserError
from cityward.secure.respond.acts import ACTS
from cityward.secure.respond.records import Document

# -- dry -------------------------------------------------------------------------------------------


def test_a_dry_run_opens_no_socket_and_keeps_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    city = make(blocks(), toml=hook("https://firewall.example.org"))
    before = city.ledger_size

    def no(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no)
    monkeypatch.setattr(socket, "getaddrinfo", no)
    book, plan = city.responses.plan("test", "file-server")
    assert [(one.name, one.by, one.missing) for one in plan] == [("a", "webhook", ""), ("b", "manual", "")]
    assert (plan[0].to, plan[0].undo) == ("Firewall", "u")
    for name in city.responses.held().books:
        assert city.responses.plan(name, "file-server")[1]
    assert (city.ledger_size, list(city.responses.all())) == (before, [])
    assert book.sha256 == city.responses.held().get("test").sha256


def test_what_respond_toml_does_not_name_is_not_reached(make: Make, server: Answers) -> None:
    city = make(blocks())
    assert "names no target" in city.responses.plan("test", "file-server")[1][0].missing
    with pytest.raises(UserError, match="names no target"):
        begin(city)
    other = make(blocks(), toml=hook(server.url, paths='["/other"]'))
    with pytest.raises(UserError, match="does not allow the path /block"):
        begin(other)
    assert server.came == []


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("nonsense", "not valid TOML"),
        ('[[target]]\nid = "x"\nname = "x"\nby = "telnet"\n', "by"),
        ('[[target]]\nid = "x"\nname = "x"\nby = "webhook"\n', "has no url"),
        ('[[target]]\nid = "x"\nname = "x"\nby = "ssh"\nhost = "h"\nuser = "u"\nkey_file = "k"\n', "known_hosts"),
        (hook("https://x.example") + hook("https://x.example"), "twice"),
        (hook("https://x.example") + 'password = "x"\n', "unknown key 'password'"),
        (hook("https://x.example") + '[[target.allow]]\ncommand = "rm -rf /; id"\n', "understand otherwise"),
        (hook("https://x.example") + '[[target.allow]]\ncommand = "say {x}"\n', "has no type"),
    ],
)
def test_a_broken_respond_toml_is_told(make: Make, toml: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make(blocks(), toml=toml).responses.plan("test", "file-server")
    assert says in str(refused.value)


# -- signed messages -------------------------------------------------------------------------------


def test_a_message_is_signed_and_carries_its_key(make: Make, server: Answers) -> None:
    content = {"address": "__attacker__:value", "list": ["__about__:value"]}
    city = make(
        blocks(content, variables={"__attacker__": variable("ipv4-addr", external=True)}), toml=hook(server.url)
    )
    run = begin(city, attacker="203.0.113.9")
    assert [(one.name, one.state, one.waits_for) for one in run.steps] == [("a", "done", ""), ("b", "waits", "person")]
    path, headers, body = server.came[0]
    assert path == "/block"
    assert check(key_of(SECRET), headers, body, city.clock.now()) == headers["idempotency-key"]
    assert json.loads(body)["data"]["content"] == {"address": "203.0.113.9", "list": ["file-server"]}
    assert b"Ana" not in body
    run = city.responses.done(run.id, "2", "Bo Li", "Everything was looked at")
    assert run.state == "done"
    assert city.verify().ok
    entries = [one for one in city.ledger_entries(0, 50) if one["subject"] == run.id]
    assert [one["facts"]["what"] for one in entries] == [
        "begun", "begun", "done", "waits", "said", "done", "done",
    ]  # fmt: skip
    assert entries[0]["facts"]["playbook_sha256"] == run.sha256
    told = json.dumps(entries)
    assert not any(word in told for word in ("Ana", "Bo Li", "203.0.113.9", "looked at"))
    assert "done to its end" in city.explain(run.id).sentence
    assert run.id in city.explain(run.id).how_to_check


@pytest.mark.parametrize(
    ("mode", "says", "sent"),
    [
        ("never", "did not answer within", 2),
        ("500", "It answered 500", 2),
        ("moved", "Redirects are not followed; write the new address in respond.toml", 1),
        ("drip", "", 1),
    ],
)
def test_a_server_that_fails_is_told_and_what_may_have_happened_is_undone(
    make: Make, server: Answers, mode: str, says: str, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityward.city.respond_host.pause", lambda _: None)
    monkeypatch.setattr("cityward.city.respond_host.GRACE_SECONDS", 0.6 if mode == "drip" else 10.0)
    server.mode = mode
    city = make(blocks(retries=1 if sent == 2 else 0), toml=hook(server.url))
    began = time.monotonic()
    run = begin(city)
    assert time.monotonic() - began < 20
    server.free.set()
    assert (run.state, run.steps[0].state) == ("failed", "failed")
    assert says in run.steps[0].told
    paths = [path for path, _, _ in server.came]
    assert paths == ["/block"] * sent + ["/unblock"]
    assert len({headers["webhook-id"] for _, headers, _ in server.came}) == 2
    assert all("169.254" not in path for path in paths)


def test_a_huge_answer_is_a_yes_that_is_not_read_to_its_end(make: Make, server: Answers) -> None:
    server.mode = "huge"
    run = begin(make(blocks(), toml=hook(server.url)))
    assert run.steps[0].state == "done"


def test_nothing_goes_to_a_private_address_that_is_not_allowed(make: Make, server: Answers) -> None:
    toml = hook(server.url).replace("allow_private = true\n", "")
    run = begin(make(blocks(), toml=toml))
    assert (run.state, server.came) == ("failed", [])
    https = hook(server.url.replace("http:", "https:")).replace("allow_private = true\n", "")
    run = begin(make(blocks(), toml=https))
    assert "private network" in run.steps[0].told
    assert [one.name for one in run.steps] == ["a"]  # nothing was sent, so nothing is undone
    assert server.came == []


def test_a_secret_goes_to_its_target_alone_and_is_kept_nowhere(
    make: Make, server: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    content = {"token": "__token__:value"}
    secret = {"variables": {"__token__": variable("string")}, "about": {"secrets": ["__token__"]}}
    toml = hook(server.url) + f'[secrets.token]\nto = "{FIREWALL}"\nenvironment = "TOKEN"\n'
    city = make(blocks(content, **secret), toml=toml)
    assert "•••" in city.responses.plan("test", "file-server")[1][0].does
    with pytest.raises(UserError) as refused:
        begin(city, token="hunter2")
    assert "hunter2" not in str(refused.value)
    run = begin(city)
    assert json.loads(server.came[0][2])["data"]["content"] == {"token": "s3cr3t-token"}
    assert "s3cr3t" not in str(city.responses.get(run.id))
    assert not any(b"s3cr3t" in path.read_bytes() for path in city.path.rglob("*") if path.is_file())
    wrong = toml.replace(f'to = "{FIREWALL}"', 'to = "another"')
    with pytest.raises(UserError, match="does not say where __token__ is read from"):
        begin(make(blocks(content, **secret), toml=wrong))


def test_a_secret_that_others_can_read_is_not_used(make: Make, server: Answers) -> None:
    city = make(blocks(), toml=hook(server.url))
    (city.path / "keys" / "hook.secret").chmod(0o644)
    assert "opens to others" in begin(city).steps[0].told
    assert server.came == []


def test_an_answer_sets_what_the_step_may_set_if_it_is_of_its_type(make: Make, server: Answers) -> None:
    asks = action("a", post("/block"), to=FIREWALL, then=B, out_args=["__ticket__", "__n__", "__wrong__"])
    kinds = {"__ticket__": variable("string"), "__n__": variable("integer"), "__wrong__": variable("integer")}
    run = begin(make(document(A, [asks, action("b")], variables=kinds), toml=hook(server.url)))
    assert run.steps[0].outputs == {"__ticket__": "T-1", "__n__": "12"}


# -- people ----------------------------------------------------------------------------------------


def test_what_can_hurt_takes_two_different_persons_with_the_role(make: Make, server: Answers) -> None:
    found = document(A, [action("a", post("/block"), to=FIREWALL, marks={"destructive": True, "role": "operator"})])
    city = make(found, toml=hook(server.url))
    run = begin(city)
    assert (run.steps[0].waits_for, run.steps[0].needs, server.came) == ("approval", 2, [])
    assert city.responses.resume(run.id).state == "waiting"
    with pytest.raises(Refused, match="operator"):
        city.responses.approve(run.id, "1", "Ana Gomez", ["analyst"])
    city.responses.approve(run.id, "1", "Ana Gomez", ["operator"])
    with pytest.raises(Refused, match="already"):
        city.responses.approve(run.id, "1", "Gómez Ana", ["operator"])
    with pytest.raises(Refused, match="not what you were shown"):
        city.responses.approve(run.id, "1", "Bo Li", ["operator"], shown="0" * 64)
    assert server.came == []
    shown = city.responses.exactly(run, run.steps[0])
    assert city.responses.approve(run.id, "1", "Bo Li", ["security officer"], shown=shown).state == "done"
    assert len(server.came) == 1
    with pytest.raises(UserError, match="waits for no approval"):
        city.responses.approve(run.id, "1", "Cy Dee")


def test_a_person_gives_evidence_and_values_of_the_right_type(make: Make) -> None:
    asks = action("a", out_args=["__n__"])
    city = make(document(A, [asks], variables={"__n__": variable("integer", "1")}))
    run = begin(city)
    for evidence, given, says in (
        ("short", {}, "at least 10"),
        ("It was looked at", {"n": "many"}, "no integer"),
        ("It was looked at", {"other": "1"}, "does not set"),
    ):
        with pytest.raises(UserError, match=says):
            city.responses.done(run.id, "1", "Bo Li", evidence, given=given)
    with pytest.raises(UserError, match="first and last name"):
        city.responses.done(run.id, "1", "Bo", "It was looked at")
    run = city.responses.done(run.id, A, "Bo Li", "Seen by bo@example.org at noon", given={"n": "3"})
    assert run.steps[0].outputs == {"__n__": "3"}
    assert "example.org" not in run.steps[0].told


def test_stopping_undoes_in_reverse_and_says_why(make: Make, server: Answers) -> None:
    city = make(blocks(), toml=hook(server.url))
    run = begin(city)
    with pytest.raises(UserError, match="at least 10"):
        city.responses.stop(run.id, "Ana Gomez", "no")
    run = city.responses.stop(run.id, "Ana Gomez", "It was a false alarm")
    assert (run.state, [path for path, _, _ in server.came]) == ("stopped", ["/block", "/unblock"])
    assert {one.name: one.state for one in run.steps} == {"a": "done", "b": "skipped", "u": "done"}
    with pytest.raises(UserError, match="over already"):
        city.responses.stop(run.id, "Ana Gomez", "It was a false alarm")


def test_a_playbook_that_is_edited_changes_no_run_that_has_begun(make: Make, server: Answers) -> None:
    city = make(blocks(), toml=hook(server.url))
    run = begin(city)
    (city.path / "playbooks" / "test.json").write_text("{}")
    assert "test" in city.responses.held().problems
    assert city.responses.done(run.id, "2", "Bo Li", "Everything is well").state == "done"
    other = make(blocks(), toml=hook(server.url))
    run = begin(other)
    held = other.registers.list_of("playbook", Document)
    changed = [
        Document(id=one.id, key=one.key, sha256=one.sha256, text=one.text.replace("/block", "/x")) for one in held
    ]
    other.registers.put("playbook", changed, update=("body",))
    with pytest.raises(LedgerError, match="not the one that was begun"):
        other.responses.resume(run.id)


@pytest.mark.parametrize(
    ("about", "given", "says"),
    [
        ("Ana Gomez's laptop", {}, "no identifier"),
        ("", {}, "no identifier"),
        ("x" * 200, {}, "no identifier"),
        ("asset", {"about": "other"}, "cannot be given"),
        ("asset", {"nothing": "1"}, "cannot be given"),
    ],
)
def test_what_a_run_is_for_is_an_identifier(make: Make, about: str, given: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make(document(A, [action("a")])).responses.begin("test", about, "Ana Gomez", given)


def test_a_playbook_that_is_revoked_or_over_is_not_begun(make: Make) -> None:
    for more in ({"revoked": True}, {"valid_until": "2020-01-01T00:00:00Z"}, {"valid_from": "2999-01-01T00:00:00Z"}):
        with pytest.raises(UserError, match="revoked, or not valid"):
            begin(make(document(A, [action("a")], **more)))


# -- a death in between ----------------------------------------------------------------------------

KILLED = """
import sys
from cityward.city import open_city
with open_city(sys.argv[1]) as city:
    city.responses.begin("test", "file-server", "Ana Gomez", {})
"""


def test_killed_in_the_middle_of_a_message_it_goes_on_with_the_same_key(make: Make, server: Answers) -> None:
    server.mode = "never"
    toml = hook(server.url).replace("timeout_seconds = 0.3", "timeout_seconds = 4.0")
    city = make(blocks(), toml=toml)
    city.close()
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(city.path)], env={**os.environ})
    until = time.monotonic() + 180
    while not server.came and time.monotonic() < until and child.poll() is None:
        time.sleep(0.02)
    child.kill()
    child.wait()
    server.free.set()
    server.mode = "yes"
    with open_city(city.path) as again:
        (run,) = again.responses.all()
        assert run.steps[0].state == "begun"
        run = again.responses.resume(run.id)
        assert (run.state, run.steps[0].state) == ("waiting", "done")
    assert len(server.came) == 2
    assert len({headers["webhook-id"] for _, headers, _ in server.came}) == 1


# -- acts of this program --------------------------------------------------------------------------


def test_every_act_is_there() -> None:
    assert set(_ACTS) == set(ACTS)


def act(name: str, **more: Any) -> dict[str, Any]:
    return action(name, {"type": "x-cityward", "command": name}, **more)


def test_acts_look_after_the_city_itself(make: Make) -> None:
    a, b, c = (named("action", name) for name in ("verify-ledger", "check-files", "open-breach"))
    city = make(
        document(
            a,
            [
                act("verify-ledger", then=b, out_args=["__ledger_sound__"]),
                act("check-files", then=c, out_args=["__files_sound__"]),
                act("open-breach", out_args=["__breach__"]),
            ],
            variables={
                "__ledger_sound__": variable("bool"), "__files_sound__": variable("bool"),
                "__breach__": variable("string"),
            },
        )
    )  # fmt: skip
    run = begin(city)
    assert run.state == "done"
    outputs = {name: text for one in run.steps for name, text in one.outputs.items()}
    assert outputs["__ledger_sound__"] == outputs["__files_sound__"] == "true"
    breach = city.breaches.get(outputs["__breach__"])
    assert (breach.due_at - breach.aware_at).total_seconds() == 72 * 3600
    assert [one.id for one in city.breaches.all()] == [breach.id]


def test_an_act_on_a_person_takes_two_and_waits_for_a_person_when_nobody_is_named(make: Make) -> None:
    found = document(
        named("action", "sign-out"), [act("sign-out")], variables={"__person__": variable("string", external=True)}
    )
    city = make(found)
    assert city.responses.plan("test", "asset")[1][0].instead
    person, _ = city.access.people.invite("Cy Dee", ["security officer"], "machine")
    run = begin(city, person=person.id)
    assert run.steps[0].needs == 2
    city.responses.approve(run.id, "1", "Ana Gomez")
    run = city.responses.approve(run.id, "1", "Bo Li")
    assert (run.state, run.steps[0].told) == ("done", "Sessions that were ended: 0.")
    run = begin(city, person="p-nobody")
    city.responses.approve(run.id, "1", "Ana Gomez")
    assert city.responses.approve(run.id, "1", "Bo Li").state == "failed"


def test_two_do_not_work_on_one_run_at_once(make: Make, server: Answers) -> None:
    server.mode = "never"
    city = make(blocks(), toml=hook(server.url).replace("0.3", "4.0"))
    run = city.responses.begin("test", "file-server", "Ana Gomez", {}, go=False)
    city.responses.in_background(run.id)
    until = time.monotonic() + 20
    while not server.came and time.monotonic() < until:
        time.sleep(0.02)
    with pytest.raises(UserError, match="works on"):
        city.responses.resume(run.id)
    assert city.responses.busy(run.id)
    server.free.set()
    city.responses.wait()
    assert len(server.came) <= 2


def test_a_way_by_another_playbook_is_begun_with_it(make: Make) -> None:
    inner = document(A, [action("a")], name="inner")
    outer = document(
        named("playbook-action", "c"), [step("playbook-action", "c", END, playbook_id=inner["id"])], name="test"
    )
    city = make(inner, outer)
    run = begin(city)
    assert [one.name for one in run.steps] == ["a"]
    assert len(run.books) == 2
    assert city.responses.done(run.id, "1", "Bo Li", "It was looked at").state == "done"


def test_a_quiet_run_is_not_named_in_the_ledger(make: Make) -> None:
    city = make(document(A, [action("a")], about={"quiet": True}))
    run = begin(city)
    told = json.dumps(city.ledger_entries(0, 20))
    assert run.id in told
    assert run.sha256 not in told
    assert A not in told
    assert city.responses.held().get("insider").about.quiet
    assert not any(word in str(city.explain(run.id)) for word in ("Do a", "Ana", "file-server", run.sha256))
