"""MQTT: a persistent session with QoS 1, acknowledged by hand after the rows are durable.

What is not acknowledged is delivered again; the store recognises repeated rows, so nothing doubles.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from cityward.core.errors import SourceError
from cityward.core.identifiers import slug
from cityward.core.records import Intake
from cityward.secure.outbound import NotAllowed, address_of
from cityward.secure.services import ENCRYPTED, broker_at
from cityward.sense.sources.delivery import hand_over

_log = logging.getLogger("cityward.sense.mqtt")
_PATIENCE_S: Final = 0.2
_WAITING_MESSAGES: Final = 1_000
"""Most messages in flight: the broker holds back what lies beyond it."""


class _Named(ssl.SSLContext):
    """TLS with the broker of one name, whatever address is connected to."""

    name = ""

    @classmethod
    def of(cls, name: str) -> _Named:
        """As `ssl.create_default_context`, for one name."""
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made.load_default_certs()
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.name = name
        return made

    def wrap_socket(self, sock: socket.socket, *given: Any, **named: Any) -> ssl.SSLSocket:
        """Check the certificate against the name."""
        return super().wrap_socket(sock, *given, **{**named, "server_hostname": self.name})


def listen(
    url: str,
    topic: str,
    mapping_name: str,
    deliver: Callable[[bytes], Intake],
    stop: threading.Event,
    *,
    password: str = "",
    plain: bool = False,
) -> None:
    """Hand every message of ``topic`` to ``deliver`` until ``stop`` is set; blocks.

    Parameters
    ----------
    url : str
        ``mqtts://[user@]host[:port]``, or ``mqtt://`` for a broker on this machine.
    topic : str
        Topic filter; a message is a body of NDJSON.
    mapping_name : str
        Source the messages belong to; also names the session, so that a listener that comes back
        gets what arrived while it was away.
    deliver : callable
        Returns when the rows are durable. Only then is the message acknowledged.
    stop : threading.Event
        Ends the listening within a second.
    password : str
        Of the user in the address.
    plain : bool
        Whether a plain connection to another machine is right.

    Raises
    ------
    SourceError
        The broker cannot be reached or does not let us in.
    UserError
        The address may not be used; see `cityward.secure.services.broker_at`.
    """
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    parts = broker_at(url, plain=plain)
    encrypted = parts.scheme in ENCRYPTED
    host = parts.hostname or ""
    waiting: queue.Queue[Any] = queue.Queue()
    refused: list[str] = []
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"cityward-{mapping_name}-{slug(topic)}"[:64],
        clean_session=False,
        protocol=paho.MQTTv311,
        manual_ack=True,
    )
    client.max_inflight_messages_set(_WAITING_MESSAGES)
    if encrypted:
        client.tls_set_context(_Named.of(host))
    if parts.username:
        client.username_pw_set(unquote(parts.username), password)

    def connected(session: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        else:
            session.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_message = lambda _client, _data, message: waiting.put(message)
    port = parts.port or (8883 if encrypted else 1883)
    try:
        # The address, not the name, now and at each reconnection: the name may lead elsewhere by then.
        client.connect(address_of(host, port, private=True), port, keepalive=30)
    except (OSError, NotAllowed) as error:
        raise SourceError(
            f"The MQTT broker at {host}:{port} cannot be reached ({type(error).__name__}).",
            "Check that it runs and that the address is right.",
        ) from None
    client.loop_start()
    try:
        while not stop.is_set():
            if refused:
                raise SourceError(f"The MQTT broker does not let us in: {refused[0]}.", "Check name and password.")
            try:
                message = waiting.get(timeout=_PATIENCE_S)
            except queue.Empty:
                continue
            if hand_over(message.payload, deliver, stop, _log):
                client.ack(message.mid, message.qos)
    finally:
        client.disconnect()
        client.loop_stop()
