"""Messages from the real brokers on this machine."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cityward.core.errors import CityBusy, SourceError
from cityward.core.records import Intake
from cityward.sense.files import decode_ndjson
from cityward.sense.mapping import Mapping, parse_mapping
from cityward.sense.sources import mqtt, nats

NOW = datetime(2026, 1, 10, tzinfo=UTC)
MQTT_URL = "mqtt://127.0.0.1:1883"
NATS_URL = "nats://127.0.0.1:4222"
GOOD = b'{"id": "a", "at": "2026-01-05T10:00:00Z"}\n'


def lamp_mapping() -> Mapping:
    return parse_mapping(
        'source = "lamps"\nkind = "request"\ndomain = "energy"\n'
        '[columns]\nid = "id"\noccurred_at = "at"\n[service]\ndefault = "street light"\n',
        "lamps.toml",
    )


class Receiver:
    """Decodes what arrives; can be busy for a while."""

    def __init__(self, busy_times: int = 0) -> None:
        self.busy_times = busy_times
        self.valid = 0
        self.quarantined = 0
        self.bodies: list[bytes] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, body: bytes) -> Intake:
        if self.busy_times:
            self.busy_times -= 1
            raise CityBusy("The intake is full.")
        batch = decode_ndjson(body, lamp_mapping(), NOW, "message")
        self.bodies.append(body)
        self.valid += batch.frame.height
        self.quarantined += batch.quarantine.height
        self.arrived.release()
        return Intake(
            batch="B-0000000000",
            source="lamps",
            received_at=NOW,
            received=batch.received,
            added=batch.frame.height,
            revised=0,
            repeated=0,
            quarantined=batch.quarantine.height,
            refused=0,
        )

    def wait_for(self, messages: int) -> None:
        for _ in range(messages):
            assert self.arrived.acquire(timeout=20), f"only {len(self.bodies)} messages arrived"


class Listening:
    """A listener in a thread, stopped at the end."""

    def __init__(self, listen: Callable[..., None], url: str, topic: str, name: str, deliver: object) -> None:
        self.stop = threading.Event()
        self.errors: list[BaseException] = []

        def work() -> None:
            try:
                listen(url, topic, name, deliver, self.stop)
            except BaseException as error:  # noqa: BLE001 - told to the test
                self.errors.append(error)

        self.thread = threading.Thread(target=work)

    def __enter__(self) -> Listening:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()


def mqtt_publish(topic: str, *bodies: bytes) -> None:
    from paho.mqtt import publish

    publish.multiple([{"topic": topic, "payload": body, "qos": 1} for body in bodies], hostname="127.0.0.1", port=1883)


def mqtt_session(topic: str, name: str) -> None:
    """Make the persistent session, so that nothing published from now on is missed."""
    with Listening(mqtt.listen, MQTT_URL, topic, name, Receiver()) as listening:
        listening.stop.wait(1.0)


@pytest.fixture
def name() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.mark.mqtt
def test_mqtt_messages_arrive_and_malformed_ones_do_not_end_the_listener(name: str) -> None:
    topic, receiver = f"cityward/{name}", Receiver()
    mqtt_session(topic, name)
    with Listening(mqtt.listen, MQTT_URL, topic, name, receiver) as listening:
        mqtt_publish(topic, GOOD, b"\xff\xfenot json at all", b'{"id": "b"', GOOD)
        receiver.wait_for(4)
    assert not listening.errors
    assert (receiver.valid, receiver.quarantined) == (2, 2)


@pytest.mark.mqtt
def test_mqtt_what_was_not_acknowledged_comes_again(name: str) -> None:
    topic = f"cityward/{name}"
    mqtt_session(topic, name)

    def crash(_: bytes) -> Intake:
        raise RuntimeError("power loss before the rows were durable")

    with Listening(mqtt.listen, MQTT_URL, topic, name, crash) as first:
        mqtt_publish(topic, GOOD)
        first.thread.join(timeout=20)
    assert isinstance(first.errors[0], RuntimeError)

    second = Receiver(busy_times=2)
    with Listening(mqtt.listen, MQTT_URL, topic, name, second):
        second.wait_for(1)
    assert second.bodies == [GOOD]

    third = Receiver()
    with Listening(mqtt.listen, MQTT_URL, topic, name, third) as listening:
        listening.stop.wait(1.5)
    assert third.bodies == []


@pytest.mark.mqtt
def test_mqtt_broker_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        mqtt.listen("mqtt://127.0.0.1:1", "x", "x", Receiver(), threading.Event())


def nats_do(*bodies: bytes, topic: str, make: bool = False, drop: bool = False) -> None:
    async def work() -> None:
        import nats as client

        connection = await client.connect(NATS_URL)
        stream = connection.jetstream()
        if make:
            await stream.add_stream(name=topic.replace(".", "-"), subjects=[topic])
        for body in bodies:
            await stream.publish(topic, body)
        if drop:
            await stream.delete_stream(await stream.find_stream_name_by_subject(topic))
        await connection.close()

    asyncio.run(work())


@pytest.fixture
def subject(name: str) -> object:
    topic = f"cityward.{name}"
    nats_do(topic=topic, make=True)
    yield topic
    nats_do(topic=topic, drop=True)


@pytest.mark.nats
def test_nats_messages_arrive_and_malformed_ones_do_not_end_the_listener(name: str, subject: str) -> None:
    receiver = Receiver()
    with Listening(nats.listen, NATS_URL, subject, name, receiver) as listening:
        nats_do(GOOD, b"\xff\xfenot json at all", b'{"id": "b"', GOOD, topic=subject)
        receiver.wait_for(4)
    assert not listening.errors
    assert (receiver.valid, receiver.quarantined) == (2, 2)


@pytest.mark.nats
def test_nats_a_listener_that_comes_back_gets_what_it_missed_once(name: str, subject: str) -> None:
    nats_do(GOOD, topic=subject)
    first = Receiver(busy_times=2)
    with Listening(nats.listen, NATS_URL, subject, name, first):
        first.wait_for(1)
    nats_do(b'{"id": "c", "at": "2026-01-06"}\n', topic=subject)
    second = Receiver()
    with Listening(nats.listen, NATS_URL, subject, name, second) as listening:
        second.wait_for(1)
        listening.stop.wait(1.0)
    assert first.bodies == [GOOD]
    assert second.bodies == [b'{"id": "c", "at": "2026-01-06"}\n']


@pytest.mark.nats
def test_nats_makes_the_stream_that_is_missing(name: str) -> None:
    topic, receiver = f"cityward.{name}", Receiver()
    with Listening(nats.listen, NATS_URL, topic, name, receiver) as listening:
        for _ in range(40):
            listening.stop.wait(0.25)
            try:
                nats_do(GOOD, topic=topic)
                break
            except Exception:  # noqa: BLE001, S112 - no stream yet
                continue
        receiver.wait_for(1)
    nats_do(topic=topic, drop=True)
    assert receiver.valid == 1


@pytest.mark.nats
def test_nats_server_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        nats.listen("nats://127.0.0.1:1", "x", "x", Receiver(), threading.Event())
