"""TLS of this server: which versions and suites it speaks, whatever the library would choose.

Source: OWASP ASVS 5.0, 12.1.1 and 12.1.2; RFC 9325, sections 3.1.1 and 4.2 (TLS 1.2 or later, forward secrecy, AEAD).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of TLS 1.3 are all of this kind."""


def pinned(_config: Any, usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The context of this server, for ``uvicorn.run(ssl_context_factory=pinned)``."""
    context = usual()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context
