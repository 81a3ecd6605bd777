"""HTTP/1.1 with an end to waiting: a client that is slow to say what it wants is let go, one that says too much too.

A request for an absolute address is one for the host in it (RFC 9112, section 3.2.2), which the server underneath
leaves out: what stands before us and we would read two hosts.

The server underneath bounds neither the time nor the size of a request's head (CWE-400). The body of a request is
bounded by the shield, which knows what it is for.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cityward.core.limits import HEAD_BYTES, HEAD_SECONDS

_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """The protocol of one connection, for ``uvicorn.run(http=PatientProtocol)``."""

    head_seconds: float = HEAD_SECONDS
    head_bytes: int = HEAD_BYTES

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._waiting: asyncio.TimerHandle | None = None
        self._read = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the head of the first request, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        """Wait for the rest of the head of a further request."""
        super().on_message_begin()
        if self._waiting is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there; of an absolute address the host counts, whatever the header says."""
        self._stop_waiting()
        if not self.url.startswith((b"/", b"*")):
            _, _, rest = self.url.partition(b"://")
            host = rest.partition(b"/")[0].partition(b"?")[0].lower()
            self.headers[:] = [(name, host if name == b"host" else value) for name, value in self.headers]
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and no more of a head than a head has."""
        self._read += len(data)
        super().data_received(data)
        if self._waiting is not None and self._read > self.head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._read = 0
        self._waiting = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
