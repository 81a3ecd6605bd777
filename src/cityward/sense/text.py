"""Bytes of a text source as UTF-8 blocks of whole lines: encodings, gzip, bombs, endless lines."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from cityward.core.errors import SourceError
from cityward.core.limits import EXPANDED_BYTES, EXPANSION_RATIO, FILE_BYTES, LINE_BYTES

BLOCK_BYTES: Final = 16 * 2**20
"""Read at a time: a hundred thousand rows or so, far above the cost of a call."""

_HEAD_BYTES: Final = 2**20
_SLACK_BYTES: Final = 16 * 2**20
"""A small file may expand to this whatever its ratio: a bomb is big or it is none."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT: Final = {
    b"PK\x03\x04": ("a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save the sheet as CSV."),
    b"%PDF": ("a PDF", "Ask for the data as CSV."),
    b"SQLite": ("an SQLite database", "Export the table as CSV."),
    b"BZh": ("compressed with bzip2", "Unpack it, or use gzip."),
    b"\x28\xb5\x2f\xfd": ("compressed with zstandard", "Unpack it, or use gzip."),
    b"\xfd7zXZ": ("compressed with xz", "Unpack it, or use gzip."),
}


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file (expanded when gzipped).

    Raises
    ------
    SourceError
        It is missing, a folder, empty, too large, unreadable, or of a kind that is not read.
    """
    if path.is_dir():
        raise SourceError(f"{path.name} is a folder, not a file.", "Give one file.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(8)
    except FileNotFoundError:
        raise SourceError(f"{path.name} does not exist.", "Check the path.") from None
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror}).", "Check its permissions.") from None
    if size > FILE_BYTES:
        raise SourceError(f"{path.name} is larger than {FILE_BYTES // 2**30} GB.", "Split it.")
    head = next(_expanded(path, _HEAD_BYTES), b"") if size else b""
    if not head.strip(b" \r\n\t\0\xef\xbb\xbf\xff\xfe"):
        raise SourceError(f"{path.name} is empty.", "Give a file with rows.")
    for magic, (what, advice) in _NOT_TEXT.items():
        if first.startswith(magic):
            raise SourceError(f"{path.name} is {what}; it cannot be read as rows.", advice)
    return head


def encoding_of(head: bytes, stated: str | None = None) -> str:
    """Return the Python name of the encoding of a text that begins with ``head``.

    A byte order mark decides; then zero bytes (UTF-16); then whether it is valid UTF-8; what is not is
    taken for Windows-1252, of which Latin-1 text is a part.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if stated:
        return stated
    sample = head[:4096]
    if len(sample) >= 2 and sample.count(0) > len(sample) // 4:
        return "utf-16-le" if sample[1] == 0 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def blocks(path: Path, stated: str | None = None, *, whole: bool = False) -> Iterator[tuple[bytes, bool]]:
    """Yield UTF-8 blocks of whole lines, without byte order mark; a block may end inside quotes.

    With ``whole``, blocks end anywhere: their reader puts them together again.

    A block of ``(line start, True)`` says that a line longer than `LINE_BYTES` was left out there; its
    bytes are not kept.

    Raises
    ------
    SourceError
        It cannot be decoded, ends in the middle of its compression, or expands beyond all measure.
    """
    head = head_of(path)
    encoding = encoding_of(head, stated)
    returns = _line_ends(head, encoding)
    rest, skipping = b"", False
    for chunk in _as_utf8(_expanded(path, BLOCK_BYTES), encoding, stated is not None, path.name):
        block = rest + (chunk.replace(b"\r", b"\n") if returns else chunk)
        if whole:
            yield block, False
            continue
        if skipping:
            _, found, block = block.partition(b"\n")
            skipping = not found
        end = block.rfind(b"\n") + 1
        if end:
            yield block[:end], False
        rest = block[end:]
        if len(rest) > LINE_BYTES + BLOCK_BYTES:
            yield b"", True
            rest, skipping = b"", True
    if rest:
        yield rest, False


def _line_ends(head: bytes, encoding: str) -> bool:
    """Whether lines end with carriage returns alone, as old Macs wrote them."""
    text = head.decode(encoding, errors="ignore")
    return "\r" in text and "\n" not in text


def _expanded(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            while chunk := file.read(size):
                yield chunk
            return
        yield from _gunzipped(file, path.name, size)


def _gunzipped(file: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    expanded = 0
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            while chunk := stream.read(size):
                expanded += len(chunk)
                if expanded > EXPANDED_BYTES or expanded > max(_SLACK_BYTES, EXPANSION_RATIO * file.tell()):
                    raise SourceError(
                        f"{name} expands to more than {EXPANSION_RATIO} times its size or "
                        f"{EXPANDED_BYTES // 2**30} GB; it looks like a decompression bomb.",
                        "If it is not, unpack it yourself and give the plain file.",
                    )
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(
            f"{name} is damaged: its compression ends early or is broken ({type(error).__name__}).", "Fetch it again."
        ) from None


def _as_utf8(chunks: Iterator[bytes], encoding: str, stated: bool, name: str) -> Iterator[bytes]:
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
        first = True
        for chunk in chunks:
            yield chunk.removeprefix(codecs.BOM_UTF8) if first else chunk
            first = False
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict" if stated else "replace")
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise SourceError(
            f"{name} is not {encoding}, as the mapping says.", "Mend 'encoding' there, or leave it out."
        ) from None


def mend_utf8(block: bytes) -> bytes:
    """Return ``block`` as valid UTF-8: lines that are not are read as Windows-1252."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return b"\n".join(_mend_line(line) for line in block.split(b"\n"))
    return block


def _mend_line(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace").encode()
    return line
