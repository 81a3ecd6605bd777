"""Undoes encodings and packings, with bounds: what comes out is never kept, and never more than a budget."""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import lzma
import re
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from cityward.core.limits import EXPANSION_RATIO

OUT_BYTES: Final = 16 * 2**20
"""Most bytes that one packed value may become."""
MEMBERS: Final = 200
"""Most files of one archive that are looked into."""


class Bomb(Exception):
    """A packed value that expands beyond its bounds, or has more files than are looked into."""


class Locked(Exception):
    """A packed value that cannot be opened: encrypted, or of an unknown method."""


def unpacked(data: bytes, kind: str) -> Iterator[bytes]:
    """Yield what is packed in ``data``.

    Raises
    ------
    Bomb
        It would become more than `OUT_BYTES`, expand more than 200 times, or has too many files.
    Locked
        It is encrypted.
    """
    if kind == "zip":
        yield from _zipped(data)
    elif kind == "tar":
        yield from _tarred(data)
    else:
        yield _inflated(data, kind)


def _inflated(data: bytes, kind: str) -> bytes:
    most = max(OUT_BYTES if len(data) * EXPANSION_RATIO > OUT_BYTES else len(data) * EXPANSION_RATIO, 2**16)
    try:
        if kind in ("gzip", "zlib"):
            inflating = zlib.decompressobj(wbits=47)
            out = inflating.decompress(data, most + 1)
        elif kind == "bzip2":
            out = bz2.BZ2Decompressor().decompress(data, most + 1)
        else:
            out = lzma.LZMADecompressor(memlimit=128 * 2**20).decompress(data, most + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return b""
    if len(out) > most:
        raise Bomb
    return out


def _zipped(data: bytes) -> Iterator[bytes]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
        raise Locked from error
    if len(entries) > MEMBERS or sum(entry.file_size for entry in entries) > OUT_BYTES:
        raise Bomb
    left = OUT_BYTES
    for entry in entries:
        if entry.is_dir():
            continue
        if entry.flag_bits & 1:
            raise Locked
        if entry.file_size > EXPANSION_RATIO * max(entry.compress_size, 64):
            raise Bomb
        try:
            with archive.open(entry) as file:
                out = file.read(left + 1)  # the stated size may lie
        except (
            zipfile.BadZipFile,
            OSError,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise Locked from error
        left -= len(out)
        if left < 0:
            raise Bomb
        yield out


def _tarred(data: bytes) -> Iterator[bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for count, entry in enumerate(archive):
                if count >= MEMBERS:
                    raise Bomb
                file = archive.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    yield file.read(OUT_BYTES)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise Locked from error


DATA_URL: Final = re.compile(
    r"data:([\w.+-]{1,60}/[\w.+-]{1,80})?((?:;[\w=.+-]{1,80}){0,6}),([^\"'<>\s)]*)", re.IGNORECASE
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{28,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){12,}")
_PARTED_HEX: Final = re.compile(r"(?:(?:\\?[0x]?x|0x|%|#)?[0-9A-Fa-f]{2}[\s,:;.-]{0,3}){12,}")
_BASE32: Final = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{32,}={0,6}(?![A-Za-z0-9])")
_BASE85: Final = re.compile(r"<~[!-u\s]{16,}~>|(?<!\S)[!-~]{40,}(?!\S)")
_GROUPED: Final = re.compile(r"[A-Za-z0-9+/_=-]+")
_LETTERS: Final = re.compile(r"[a-z]{20}|(?:[A-Za-z]+[-_/]){4}")


def decoded(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes that parts of ``text`` may encode, and the encoding; most are no bytes of anything."""
    together = _joined(text)
    seen_hex = False
    for match in _HEX.finditer(together):
        seen_hex = True
        yield bytes.fromhex(match[0]), "hex"
    if not seen_hex:
        for match in _PARTED_HEX.finditer(text):
            pairs = re.findall(r"[0-9A-Fa-f]{2}", re.sub(r"0x|\\x|x", " ", match[0]))
            yield bytes.fromhex("".join(pairs)), "hex"
    for match in _BASE64.finditer(together):
        run = match[0].rstrip("=")
        if _HEX.fullmatch(run):
            continue
        yield base64_bytes(run), "base64"
        if match.start() > 0 or not match[0].endswith("="):
            # Something before it may have been taken for its beginning.
            for skip in (1, 2, 3):
                yield base64_bytes(run[skip:]), "shifted base64"
    if "%" in text and len(re.findall(r"%[0-9A-Fa-f]{2}", text[:100_000])) >= 6:
        yield urllib.parse.unquote_to_bytes(text), "percent"
    yield from _rare(text)


def _rare(text: str) -> Iterator[tuple[bytes, str]]:
    for match in _BASE32.finditer(text):
        run = match[0].rstrip("=")
        try:
            yield base64.b32decode(run[: len(run) // 8 * 8]), "base32"
        except (binascii.Error, ValueError):
            continue
    for match in _BASE85.finditer(text[: 2**20]):
        run = match[0].removeprefix("<~").removesuffix("~>")
        for decode in (base64.b85decode, base64.a85decode):
            try:
                yield decode("".join(run.split())), "base85"
            except (ValueError, binascii.Error):
                continue


def _joined(text: str) -> str:
    """Return ``text`` with lines or groups of an encoding put together again."""
    if not re.search(r"\s|\\n", text[:200].strip()):
        return text
    parts = re.split(r"(?:\s|\\r|\\n)+", text.strip())
    sizes = {len(part) for part in parts[:-1]}
    regular = len(parts) > 2 and len(sizes) == 1 and next(iter(sizes)) >= 4 and next(iter(sizes)) % 2 == 0
    lines = "\n" in text and sum(len(part) >= 60 for part in parts) >= (1 if len(parts) == 2 else 2)
    if (regular or lines) and sum(_GROUPED.fullmatch(part) is not None for part in parts) >= len(parts) * 0.6:
        return "".join(parts)
    return text


def base64_bytes(run: str) -> bytes:
    """Return what ``run`` encodes in base64 of either alphabet, padded or not; empty if nothing."""
    plain = run.replace("-", "+").replace("_", "/")
    plain = plain[: len(plain) - 1] if len(plain) % 4 == 1 else plain
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def of_data_url(parameters: str, body: str) -> bytes:
    """Return the bytes of a data URL."""
    if "base64" in parameters.lower():
        return base64_bytes(re.sub(r"[^A-Za-z0-9+/_-]", "", urllib.parse.unquote(body)))
    return urllib.parse.unquote_to_bytes(body)
