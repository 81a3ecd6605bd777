"""The certificate that a client showed to our own TLS, where a request can be asked for it.

Source: the ASGI extension ``tls``, which the server itself does not offer; the certificate stands here in its place.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection

from cityward.api.patience import PatientProtocol

SHOWN: Final = "cityward.client_certificate"


class ShowingProtocol(PatientProtocol):
    """HTTP whose requests know the certificate of their client, once TLS has checked it against the authorities."""

    def on_message_begin(self) -> None:
        """Begin a request, with the certificate beside it."""
        super().on_message_begin()
        tls = self.transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        if der:
            self.scope["extensions"] = {SHOWN: {"der": der}}


def shown_certificate(request: HTTPConnection) -> bytes | None:
    """The certificate (DER) that the client of a request proved to hold, or None."""
    found: dict[str, bytes] = request.scope.get("extensions", {}).get(SHOWN, {})
    return found.get("der")
