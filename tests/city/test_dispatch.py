"""Messages that leave by real HTTP and real files, to receivers that misbehave, and the states that come back."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cityward.act.send.signing import check, sign
from cityward.city import City

KEY = bytes(range(32))
BEN = "Ben Okri"


def only(city: City) -> Any:
    (message,) = city.orders.outbox.messages()
    return message


def test_an_order_is_sent_signed_once_and_named_by_its_key(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, watch: Any
) -> None:
    city = sending(webhook_toml)
    name = issue(city)
    done = city.orders.dispatch()
    assert (done.delivered, done.failed, done.troubles) == (1, 0, ())
    ((path, headers, body),) = receiver.posts
    assert path == "/orders"
    assert check(KEY, headers, body, watch.now) == f"{name}.1.dispatch.crews"
    sent = json.loads(body)
    assert sent["type"] == "order.dispatch"
    assert sent["data"]["order"] == name
    assert city.orders.get(name).state == "sent"
    watch.later(days=1)
    assert city.orders.dispatch().delivered == 0
    assert len(receiver.posts) == 1
    kinds = [entry["kind"] for entry in city.ledger_entries(0, 20) if entry["kind"] in ("order", "delivery")]
    assert kinds == ["order", "delivery", "order"]


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("500", "answered 500"),
        ("redirect", "Redirects are not followed"),
        ("closes", "broke off"),
        ("hangs", "did not answer within"),
    ],
)
def test_a_receiver_that_fails_is_tried_again_later_under_the_same_key(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, watch: Any, behaviour: str, told: str
) -> None:
    city = sending(webhook_toml)
    name = issue(city)
    receiver.behave = behaviour
    assert city.orders.dispatch().failed == 1
    message = only(city)
    assert told in message.error
    assert timedelta(seconds=20) < message.due_at - watch.now < timedelta(seconds=40)
    assert city.orders.dispatch().failed == 0  # not due yet
    watch.later(seconds=45)
    assert city.orders.dispatch().failed == 1
    assert only(city).due_at - watch.now > timedelta(seconds=40)
    receiver.behave = "well"
    watch.later(minutes=5)
    assert city.orders.dispatch().delivered == 1
    assert set(receiver.keys()) == {f"{name}.1.dispatch.crews"}
    assert len({body for _, _, body in receiver.posts}) == 1
    assert receiver.elsewhere == []
    assert city.orders.get(name).state == "sent"


@pytest.mark.parametrize("behaviour", ["garbage", "large", "breaks-off"])
def test_an_acknowledgement_counts_however_its_body_ends(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, behaviour: str
) -> None:
    city = sending(webhook_toml)
    issue(city)
    receiver.behave = behaviour
    assert city.orders.dispatch().delivered == 1


def test_a_receiver_may_ask_for_patience_or_say_never_again(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, watch: Any
) -> None:
    city = sending(webhook_toml)
    issue(city)
    receiver.behave = "429"
    city.orders.dispatch()
    assert only(city).due_at - watch.now == timedelta(seconds=900)
    watch.later(seconds=901)
    receiver.behave = "gone"
    city.orders.dispatch()
    assert only(city).state == "stopped"
    receiver.behave = "well"
    watch.later(days=1)
    assert city.orders.dispatch().delivered == 0
    assert city.orders.outbox.retry(only(city).key, watch.now)
    assert city.orders.dispatch().delivered == 1


def test_a_receiver_that_is_dead_for_days_stops_and_is_shown(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, watch: Any
) -> None:
    city = sending(webhook_toml)
    issue(city)
    receiver.behave = "500"
    for _ in range(40):
        city.orders.dispatch()
        watch.later(hours=6)
    assert only(city).state == "stopped"
    assert 8 < len(receiver.posts) < 30
    assert city.orders.sender.health()["counts"]["stopped"] == 1


def test_one_dead_receiver_stops_no_other(
    sending: Callable[..., City], issue: Any, receiver: Any, make_webhook: Any
) -> None:
    dead = make_webhook("http://127.0.0.1:9/x", more='services = ["Graffiti"]\n').replace('"crews"', '"dead"')
    city = sending(dead + make_webhook(receiver.url))
    for number in range(1, 8):
        issue(city, number, service="Graffiti" if number < 6 else "Garbage in alley")
    done = city.orders.dispatch()
    assert (done.delivered, done.failed) == (2, 3)
    assert "Nobody answers" in next(one.error for one in city.orders.outbox.messages() if one.way == "dead")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://no-such-host.invalid/x", "not known"),
        ("https://127.0.0.1:9/x", "private network"),
        ("https://localhost:9/x", "private network"),
        ("https://[::1]:9/x", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("https://10.0.0.1/x", "private network"),
        ("https://[::ffff:127.0.0.1]/x", "private network"),
    ],
)
def test_only_addresses_that_are_allowed_are_asked(
    sending: Callable[..., City], issue: Any, make_webhook: Any, url: str, told: str
) -> None:
    city = sending(make_webhook(url).replace("allow_private = true", ""))
    issue(city)
    assert city.orders.dispatch().failed == 1
    assert told in only(city).error


def test_link_local_addresses_are_never_asked(sending: Callable[..., City], issue: Any, make_webhook: Any) -> None:
    city = sending(make_webhook("http://169.254.169.254/latest/meta-data"))
    issue(city)
    assert city.orders.dispatch().failed == 1
    assert "an address that no service has" in only(city).error


@pytest.mark.parametrize(
    "change",
    [
        ("allow_private = true", ""),  # plain http needs it
        ("http://", "ftp://"),
        ('secret_file = "keys/webhook.secret"', 'secret_file = "keys/none"'),
        ('secret_file = "keys/webhook.secret"', ""),
        ('secret_file = "keys/webhook.secret"', 'secret_environment = "CITYWARD_NO_SUCH"'),
        ('adapter = "webhook"', 'adapter = "pigeon"'),
        ("timeout_seconds = 0.4", "options = { colour = 'red' }"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_and_its_messages_wait(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str, change: tuple[str, str]
) -> None:
    city = sending(webhook_toml.replace(*change))
    issue(city)
    done = city.orders.dispatch()
    assert done.delivered == 0
    assert len(done.troubles) == 1
    assert "crews" in done.troubles[0] or "secret" in done.troubles[0]
    assert "password" not in done.troubles[0]
    assert receiver.posts == []
    assert only(city).state == "waiting"


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    sending: Callable[..., City], issue: Any, make_webhook: Any, tmp_path: Path
) -> None:
    pem = tmp_path / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-keyout", pem, "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    city = sending(make_webhook(f"https://127.0.0.1:{server.server_port}/x", timeout=5))
    issue(city)
    city.orders.dispatch()
    server.shutdown()
    server.server_close()
    assert "certificate" in only(city).error


def test_reopening_sends_again_until_a_person_has_to_look(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str
) -> None:
    city = sending(webhook_toml)
    name = issue(city)
    token = city.orders.ask(name).rsplit("/", 1)[1]
    for _ in range(2):
        city.orders.dispatch()
        city.orders.report(name, "done", BEN)
        city.orders.answer(token, fixed=False)
    city.orders.dispatch()
    assert receiver.keys() == [f"{name}.1.dispatch.crews", f"{name}.2.dispatch.crews"]
    assert "2nd time" in city.orders.standing(city.orders.get(name))
    city.orders.send_again(name, "Ana Gómez")
    city.orders.dispatch()
    assert receiver.keys()[-1] == f"{name}.3.dispatch.crews"
    assert city.orders.get(name).state == "sent"


def test_what_was_sent_is_taken_back_and_what_waits_is_not_sent(
    sending: Callable[..., City], issue: Any, receiver: Any, webhook_toml: str
) -> None:
    city = sending(webhook_toml)
    first, second = issue(city, 1), issue(city, 2)
    city.orders.report(second, "cancelled", BEN, "It was reported twice")
    city.orders.dispatch()
    city.orders.report(first, "cancelled", BEN, "It was reported twice")
    city.orders.dispatch()
    assert receiver.keys() == [f"{first}.1.dispatch.crews", f"{first}.1.cancel.crews"]


def test_the_question_goes_out_with_its_link_and_nothing_kept_holds_it(
    sending: Callable[..., City], issue: Any, receiver: Any, make_webhook: Any
) -> None:
    toml = '\n[orders]\npublic_url = "https://city.example/"\n' + make_webhook(receiver.url, more='sends = ["ask"]\n')
    city = sending(toml)
    name = issue(city)
    city.orders.report(name, "done", BEN)
    assert city.orders.dispatch().delivered == 1
    data = json.loads(receiver.posts[0][2])["data"]
    assert data["link"] == city.orders.ask(name)
    assert data["link"].startswith("https://city.example/r/")
    assert data["area"] == "CLEARING"
    assert data["link"].rsplit("/", 1)[1] not in only(city).body


# -- states that come back ---------------------------------------------------------------------------


def status(city: City, name: str, key: str, *, secret: bytes = KEY, shift: float = 0, **body: Any) -> Any:
    content = json.dumps({"order": name, **body}).encode()
    headers = sign(secret, key, city.clock.now() + timedelta(seconds=shift), content)
    return city.orders.sender.callback(name, headers, content)


def test_a_signed_status_moves_an_order_once(sending: Callable[..., City], issue: Any, webhook_toml: str) -> None:
    city = sending(webhook_toml)
    name = issue(city)
    city.orders.dispatch()
    assert status(city, name, "m1", state="accepted", by="Crew 4").changed
    assert not status(city, name, "m1", state="accepted", by="Crew 4").changed
    assert not status(city, name, "m2", state="accepted").changed
    assert status(city, name, "m3", state="done", because="Call 312-555-0147").changed
    assert not status(city, name, "m4", state="accepted").changed  # out of order
    assert [event.state for event in city.orders.get(name).events] == ["planned", "sent", "accepted", "done"]
    assert "0147" not in city.orders.get(name).events[-1].because


def test_a_status_of_an_earlier_try_does_not_close_the_next(
    sending: Callable[..., City], issue: Any, webhook_toml: str, watch: Any
) -> None:
    city = sending(webhook_toml)
    name = issue(city)
    city.orders.dispatch()
    status(city, name, "m1", state="done", round=1)
    before = watch.now.isoformat()
    watch.later(minutes=10)
    city.orders.answer(city.orders.ask(name).rsplit("/", 1)[1], fixed=False)
    assert not status(city, name, "m2", state="done", round=1).changed
    assert not status(city, name, "m3", state="done", at=before).changed
    assert not status(city, name, "m1", state="done").changed
    assert city.orders.get(name).state == "reopened"


# -- CSV ---------------------------------------------------------------------------------------------

CSV = '\n[[send]]\nname = "files"\nadapter = "csv"\n'


def test_orders_go_out_as_files_and_states_come_in_as_files(sending: Callable[..., City], issue: Any) -> None:
    city = sending(CSV)
    name, other = issue(city, 1, service="=cmd|' /C calc'!A0"), issue(city, 2)
    assert city.orders.dispatch().delivered == 2
    out, into = city.path / "orders" / "out", city.path / "orders" / "in"
    row = pl.read_csv(out / f"{name}.1.dispatch.files.csv", infer_schema=False).row(0, named=True)
    assert row["order"] == name
    assert row["service"].startswith("'=cmd")
    (into / "monday.csv").write_text(
        f"Order,State,By,Because,At\n{name},done,Crew 4,all clean,\n{other},accepted,Crew 5,,\n"
        f"{other},painted,Crew 5,,\nW-0000000000,done,Crew 5,,\n{other},done,,,\n{other},done,C,,yesterday\n",
        encoding="utf-8",
    )
    (into / "half.csv.part").write_text("order,st", encoding="utf-8")
    assert city.orders.dispatch().reports == 2
    assert [city.orders.get(one).state for one in (name, other)] == ["done", "accepted"]
    refused = pl.read_csv(into / "refused" / "monday.csv", infer_schema=False)
    assert refused.height == 4
    assert not refused["reason"].is_null().any()
    assert (into / "taken" / "monday.csv").exists()
    assert (into / "half.csv.part").exists()
    (into / "again.csv").write_text(f"order,state,by\n{name},done,Crew 4\n", encoding="utf-8")
    assert city.orders.dispatch().reports == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x00", b"a,b\n1,2\n", b"order,state,by\n1,2\n3,4,5,6,7\n", "Örder;Status\n1;2\n".encode("latin-1")],
    ids=["empty", "zeros", "columns", "ragged", "latin"],
)
def test_files_that_are_no_states_are_put_away_with_a_reason(
    sending: Callable[..., City], issue: Any, content: bytes
) -> None:
    city = sending(CSV)
    issue(city)
    city.orders.dispatch()
    (city.path / "orders" / "in" / "bad.csv").write_bytes(content)
    assert city.orders.dispatch().reports == 0
    assert not (city.path / "orders" / "in" / "bad.csv").exists()
    reasons = pl.read_csv(city.path / "orders" / "in" / "refused" / "bad.csv", infer_schema=False)["reason"]
    assert all(len(reason) > 10 for reason in reasons)


# -- Open311 -----------------------------------------------------------------------------------------


def open311(url: str) -> str:
    return (
        f'\n[[send]]\nname = "downtown"\nadapter = "open311"\nurl = "{url}"\nallow_private = true\n'
        'timeout_seconds = 0.4\nsends = ["dispatch"]\n[send.options]\nservice_code = "001"\n'
        'jurisdiction_id = "city.example"\n'
    )


def test_an_order_becomes_a_service_request_and_is_asked_after(
    sending: Callable[..., City], issue: Any, receiver: Any, watch: Any
) -> None:
    city = sending(open311(receiver.url))
    name = issue(city)
    assert city.orders.dispatch().delivered == 1
    form = receiver.requests["311-1"]
    assert (form["service_code"], form["jurisdiction_id"]) == ("001", "city.example")
    assert (float(form["lat"]), float(form["long"])) == (41.78, -87.77)
    assert only(city).reference == "id:311-1"
    watch.later(minutes=20)
    assert city.orders.dispatch().reports == 0
    receiver.requests["311-1"].update(status="closed", status_notes="Cleaned", agency_responsible="Streets")
    watch.later(minutes=20)
    assert city.orders.dispatch().reports == 1
    order = city.orders.get(name)
    assert (order.state, order.events[-1].by, order.events[-1].because) == ("done", "Streets", "Cleaned")


def test_a_token_becomes_a_service_request_later(
    sending: Callable[..., City], issue: Any, receiver: Any, watch: Any
) -> None:
    city = sending(open311(receiver.url))
    name = issue(city)
    receiver.behave = "token"
    city.orders.dispatch()
    assert only(city).reference == "token:t1"
    receiver.requests["R-t1"] = {"service_request_id": "R-t1", "status": "closed"}
    watch.later(minutes=20)
    assert city.orders.dispatch().reports == 1
    assert only(city).reference == "id:R-t1"
    assert city.orders.get(name).state == "done"


def test_an_order_whose_acknowledgement_was_lost_is_found_and_not_made_twice(
    sending: Callable[..., City], issue: Any, receiver: Any, watch: Any
) -> None:
    city = sending(open311(receiver.url))
    issue(city)
    receiver.behave = "breaks-off"
    city.orders.dispatch()
    assert "broke off" in only(city).error
    receiver.behave = "well"
    watch.later(minutes=2)
    assert city.orders.dispatch().delivered == 1
    assert len(receiver.posts) == 1
    assert only(city).reference == "id:311-1"


@pytest.mark.parametrize(
    ("behaviour", "told"), [("garbage", "not JSON"), ("large", "too large"), ("refuses", "service_code")]
)
def test_answers_of_other_systems_that_say_nothing(
    sending: Callable[..., City], issue: Any, receiver: Any, behaviour: str, told: str
) -> None:
    city = sending(open311(receiver.url))
    issue(city)
    receiver.behave = behaviour
    assert city.orders.dispatch().failed == 1
    assert told in only(city).error
