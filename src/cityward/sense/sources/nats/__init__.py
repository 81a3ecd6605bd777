"""NATS JetStream: a durable pull consumer, acknowledged after the rows are durable.

What is not acknowledged is delivered again; the store recognises repeated rows, so nothing doubles.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, unquote

from cityward.core.errors import SourceError
from cityward.core.identifiers import slug
from cityward.core.records import Intake
from cityward.secure.outbound import NotAllowed, address_of
from cityward.secure.services import ENCRYPTED, broker_at
from cityward.sense.sources.delivery import hand_over

_log = logging.getLogger("cityward.sense.nats")
_BATCH_MESSAGES: Final = 64
_PATIENCE_S: Final = 0.5
_FIRST_TRIES: Final = 2
_ACK_WAIT_S: Final = 30.0
"""After this the server delivers an unacknowledged message again."""


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
        ``tls://[user@]host[:port]``, or ``nats://`` for a server on this machine.
    topic : str
        Subject; a JetStream stream must hold it, and is made when none does. A message is a body of NDJSON.
    mapping_name : str
        Source the messages belong to; also names the durable consumer, so that a listener that comes
        back gets what arrived while it was away.
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
        The server cannot be reached, has no JetStream, or would be spoken to in plain.
    UserError
        The address may not be used; see `cityward.secure.services.broker_at`.
    """
    where = broker_at(url if "//" in url else f"nats://{url}", plain=plain)
    asyncio.run(_listen(where, password, topic, mapping_name, deliver, stop))


async def _connected(where: SplitResult, password: str) -> Any:
    """A connection to the one address that the name had when it was looked up, by TLS where the scheme says so.

    What a server says of other servers is not followed: it could lead to any machine. A server that offers no TLS is
    not spoken to in plain, which the library would do.
    """
    from nats.aio.client import Client
    from nats.errors import Error

    encrypted = where.scheme in ENCRYPTED

    class Pinned(Client):
        async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
            if encrypted and initial_connection and not info.get("tls_required"):
                raise Error("nats: the server offers no TLS")
            await super()._process_info({**info, "connect_urls": []}, initial_connection)

    host, port = where.hostname or "", where.port or 4222
    address = await asyncio.to_thread(address_of, host, port, private=True)
    # A server that was never there is told at once; one that goes away later is waited for.
    _, probe = await asyncio.wait_for(asyncio.open_connection(address, port), 5)
    probe.close()
    told: dict[str, Any] = {"tls": ssl.create_default_context(), "tls_hostname": host} if encrypted else {}
    if where.username:
        told |= {"user": unquote(where.username), "password": password}
    client = Pinned()
    try:
        await client.connect(
            f"{'tls' if encrypted else 'nats'}://{f'[{address}]' if ':' in address else address}:{port}",
            connect_timeout=5,
            allow_reconnect=True,
            max_reconnect_attempts=_FIRST_TRIES,
            reconnect_time_wait=1,
            **told,
        )
    except BaseException:
        await client.close()
        raise
    client.options["max_reconnect_attempts"] = -1
    return client


async def _listen(
    where: SplitResult,
    password: str,
    topic: str,
    mapping_name: str,
    deliver: Callable[[bytes], Intake],
    stop: threading.Event,
) -> None:
    from nats.errors import Error, NoServersError
    from nats.js.api import ConsumerConfig

    try:
        connection = await _connected(where, password)
    except (OSError, TimeoutError, ValueError, NotAllowed, Error, NoServersError) as error:
        raise SourceError(
            f"The NATS server cannot be reached ({type(error).__name__}).",
            "Check that it runs, the address, the password, and that it offers TLS where the address says tls://.",
        ) from None
    try:
        stream = connection.jetstream()
        await _ensure_stream(stream, topic)
        durable = f"cityward-{mapping_name}-{slug(topic)}"[:64]
        consumer = await stream.pull_subscribe(topic, durable=durable, config=ConsumerConfig(ack_wait=_ACK_WAIT_S))
        while not stop.is_set():
            await _take(consumer, deliver, stop)
    finally:
        await connection.close()


async def _take(consumer: Any, deliver: Callable[[bytes], Intake], stop: threading.Event) -> None:
    """One fetch; each message is handed over in a thread, so that the connection stays alive meanwhile."""
    from nats.errors import TimeoutError as NothingThere

    try:
        messages = await consumer.fetch(_BATCH_MESSAGES, timeout=_PATIENCE_S)
    except NothingThere:
        return
    for message in messages:
        task = asyncio.create_task(asyncio.to_thread(hand_over, message.data, deliver, stop, _log))
        while not (await asyncio.wait({task}, timeout=_ACK_WAIT_S / 3))[0]:
            await message.in_progress()
        if task.result():
            await message.ack_sync(timeout=5)


async def _ensure_stream(stream: Any, topic: str) -> None:
    from nats.js.errors import Error, NotFoundError

    try:
        await stream.find_stream_name_by_subject(topic)
    except NotFoundError:
        name = f"CITYWARD-{slug(topic).upper()}"[:64]
        await stream.add_stream(name=name, subjects=[topic])
    except Error as error:
        raise SourceError(
            f"The NATS server offers no JetStream ({type(error).__name__}).", "Start it with 'nats-server -js'."
        ) from None
