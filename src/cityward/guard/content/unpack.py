"""Undoes encodings and packings, with bounds: what comes out is never kept, and never more than a budget."""

from __future__ import annotations

import base64
import binascii
import bz2
import html
import io
import lzma
import quopri
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
SHORTEST: Final = 12
"""Characters of the shortest value that may be packed."""
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
    if kind == "locked":
        raise Locked
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
        else:  # xz, or LZMA as it was before
            out = lzma.LZMADecompressor(memlimit=128 * 2**20).decompress(data, most + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return b""
    if len(out) > most:
        raise Bomb
    return out


def deflated(data: bytes) -> bytes:
    """Return what ``data`` was before it was deflated without any header; empty if it is nothing of the kind."""
    inflating = zlib.decompressobj(wbits=-15)
    try:
        out = inflating.decompress(data, OUT_BYTES)
    except zlib.error:
        return b""
    return out if inflating.eof and len(inflating.unused_data) <= 8 and len(out) >= 16 else b""


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
_BASE32: Final = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z2-7]{32,}|(?=[a-z]{0,60}[2-7])[a-z2-7]{32,})={0,6}(?![A-Za-z0-9])")
_BASE32_HEX: Final = re.compile(r"(?<![A-Za-z0-9])[0-9A-V]{64,}={0,6}(?![A-Za-z0-9])")
_BITS: Final = re.compile(r"(?<!\d)(?:[01]{8}\s?){16,}(?!\d)")
_LINES: Final = re.compile(r"(?:^|\n\s*)((?:[A-Za-z0-9+/_-]{40,}\s+){1,}[A-Za-z0-9+/_-]*={0,2})\s*(?=\n|$)")
_BASE85: Final = re.compile(r"<~[!-u\s]{16,}~>|(?<!\S)[!-~]{40,}(?!\S)")
_NUMBERS: Final = re.compile(r"[\d.,;:|eE+-]+")
_GROUPED: Final = re.compile(r"[A-Za-z0-9+/_=-]+")
_LETTERS: Final = re.compile(r"[a-z]{20}|(?:[A-Za-z]+[-_/]){4}")


def decoded(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes that parts of ``text`` may encode, and the encoding; most are no bytes of anything."""
    together = _joined(text)
    dump = _DUMP.findall(text)
    if len(dump) > 1:
        yield bytes.fromhex("".join(re.sub(r"[^0-9A-Fa-f]", "", line) for line in dump)), "hex dump"
    seen_hex = False
    for match in _HEX.finditer(together):
        seen_hex = True
        yield bytes.fromhex(match[0]), "hex"
    if not seen_hex:
        for match in _PARTED_HEX.finditer(text):
            if not _HEX_LETTER.search(match[0]):
                continue  # numbers of four digits
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
    yield from _escaped(text)
    yield from _rare(text)


_DUMP: Final = re.compile(
    r"(?m)^\s*[0-9A-Fa-f]{6,8}:?\s{1,3}((?:[0-9A-Fa-f]{2}){1,2}(?:[ -]{1,2}(?:[0-9A-Fa-f]{2}){1,2}){3,15})(?=\s|$)"
)
"""A line of ``hexdump -C`` or ``xxd``."""
_HEX_LETTER: Final = re.compile(r"[A-Fa-fx%]")
_ESCAPES: Final = (
    ("entities", re.compile(r"&#(?:\d{1,3}|x[0-9A-Fa-f]{1,2});")),
    ("percent", re.compile(r"%[0-9A-Fa-f]{2}")),
    ("quoted-printable", re.compile(r"=[0-9A-F]{2}|=\r?\n")),
    ("escapes", re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2}|[0-3][0-7]{2}|[0abtnvfr\\'\"])")),
)
_ESCAPES_MIN: Final = 6
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([0-3]?[0-7]{1,2})|([abtnvfr\\'\"])|u00([0-9A-Fa-f]{2}))")
_SHORT_ESCAPES: Final = dict(zip("abtnvfr\\'\"", "\a\b\t\n\v\f\r\\'\"", strict=True))


def _escaped(text: str) -> Iterator[tuple[bytes, str]]:
    """Bytes of which only some are written as escapes: URLs, mail, literals of programs."""
    for encoding, pattern in _ESCAPES:
        if len(pattern.findall(text[:100_000])) < _ESCAPES_MIN:
            continue
        if encoding == "entities":
            yield html.unescape(text).encode("latin-1", errors="replace"), encoding
            yield (
                bytes(int(f"0{part}", 16) if part[0] == "x" else int(part) & 255 for part in _ENTITY.findall(text)),
                encoding,
            )
        elif encoding == "percent":
            yield urllib.parse.unquote_to_bytes(text), encoding
        elif encoding == "quoted-printable":
            yield quopri.decodestring(text.encode("latin-1", errors="replace")), encoding
        else:
            literal = re.sub(r"^[bB]?(['\"])(.*)\1$", r"\2", text, flags=re.DOTALL)
            yield _ESCAPE.sub(_unescaped, literal).encode("latin-1", errors="replace"), encoding


def _unescaped(match: re.Match[str]) -> str:
    by_hex = match[1] or match[4]
    if by_hex:
        return chr(int(by_hex, 16))
    return chr(int(match[2], 8) & 255) if match[2] else _SHORT_ESCAPES[match[3]]


_ENTITY: Final = re.compile(r"&#(\d{1,3}|x[0-9A-Fa-f]{1,2});")
_UU_LINE: Final = re.compile(r"(?m)^M[ -`]{60}$|^begin(?:-base64)? [0-7]{3} ")


def _rare(text: str) -> Iterator[tuple[bytes, str]]:
    if _UU_LINE.search(text):
        yield _uudecoded(text), "uuencode"
    for match in _BITS.finditer(text):
        run = re.sub(r"\s", "", match[0])
        yield int(run[: len(run) // 8 * 8], 2).to_bytes(len(run) // 8), "bits"
    yield from _base32(text)
    yield from _base85(text[: 2**20])


def _base32(text: str) -> Iterator[tuple[bytes, str]]:
    for match in _BASE32.finditer(text):
        run = match[0].rstrip("=").upper()
        try:
            yield base64.b32decode(run + "=" * (-len(run) % 8)), "base32"
        except (binascii.Error, ValueError):
            continue
    for match in _BASE32_HEX.finditer(text):
        run = match[0].rstrip("=")
        if not _HEX.fullmatch(run):
            yield (
                base64.b32hexdecode(run + "=" * (-len(run) % 8)) if len(run) % 8 in (0, 2, 4, 5, 7) else b"",
                "base32hex",
            )


def _base85(text: str) -> Iterator[tuple[bytes, str]]:
    for match in _BASE85.finditer(text):
        if _NUMBERS.fullmatch(match[0]):
            continue
        run = match[0].removeprefix("<~").removesuffix("~>")
        for decode in (base64.b85decode, base64.a85decode):
            try:
                yield decode("".join(run.split())), "base85"
            except (ValueError, binascii.Error):
                continue


def _uudecoded(text: str) -> bytes:
    out = []
    for line in text.splitlines():
        try:
            out.append(binascii.a2b_uu(line))
        except (binascii.Error, UnicodeEncodeError):
            continue  # its first line and its last
    return b"".join(out)


def _joined(text: str) -> str:
    """Return ``text`` with lines or groups of an encoding put together again."""
    if not re.search(r"\s|\\n", text[:200].strip()):
        return text
    lines_of_it = _LINES.search(text)
    if lines_of_it and not text[: lines_of_it.start()].strip().startswith("begin "):
        return "".join(lines_of_it[1].split())  # below the headers of a mail, or whatever else stands above
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
