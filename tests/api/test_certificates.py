"""A client's certificate over real TLS: one of a known authority is told with its request; no other gets through."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI, Request

from cityward.api.certificates import ShowingProtocol, shown_certificate


class Pair(NamedTuple):
    certificate: Path
    key: Path


def made(folder: Path, name: str) -> Pair:
    """A certificate that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Pair, Path]]:
    server, client = made(tmp_path, "server"), made(tmp_path, "client")
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> dict[str, str]:
        return {"sha256": sha256(shown_certificate(request) or b"").hexdigest()}

    config = uvicorn.Config(
        app, port=0, log_level="critical", http=ShowingProtocol, ssl_certfile=str(server.certificate),
        ssl_keyfile=str(server.key), ssl_ca_certs=str(client.certificate), ssl_cert_reqs=ssl.CERT_OPTIONAL,
    )  # fmt: skip
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        thread.join(0.02)
    yield f"https://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/", client, server.certificate
    running.should_exit = True
    thread.join()


def ask(url: str, trusted: Path, shown: Pair | None) -> str:
    context = ssl.create_default_context(cafile=str(trusted))
    if shown:
        context.load_cert_chain(shown.certificate, shown.key)
    return str(httpx.get(url, verify=context).json()["sha256"])


def test_the_certificate_that_was_proved_stands_beside_the_request(
    secure: tuple[str, Pair, Path], tmp_path: Path
) -> None:
    url, client, trusted = secure
    der = x509.load_pem_x509_certificate(client.certificate.read_bytes()).public_bytes(Encoding.DER)
    assert ask(url, trusted, client) == sha256(der).hexdigest()
    assert ask(url, trusted, None) == sha256(b"").hexdigest()
    with pytest.raises(httpx.HTTPError):
        ask(url, trusted, made(tmp_path, "stranger"))
