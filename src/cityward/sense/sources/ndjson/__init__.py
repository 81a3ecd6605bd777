"""NDJSON: one JSON object a line, from files and from messages (HTTP, MQTT, NATS) alike.

A dot in a column's name reaches into an object: ``location.lat``. A JSON array of objects is read too.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from cityward.core.errors import SourceError
from cityward.core.limits import BATCH_ROWS, BODY_BYTES, LINE_BYTES
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded, broken_rows, numbered, without_nul
from cityward.sense.text import blocks, encoding_of, head_of

ARRAY_BYTES: Final = 512 * 2**20
"""Largest JSON array or GeoJSON: it has to be held whole in memory."""

NUL: Final = rb"\u0000"
"""The only way in which JSON can write the character."""

_KEPT: Final = 64
_NOT_JSON: Final = "The line is not a whole JSON object."
NESTED: Final = "A list or an object stands where a single value is expected."
_TOO_LONG: Final = f"The line is longer than {LINE_BYTES // 2**20} MB; nothing of it was kept."


class _Reader:
    """Decoder of the wanted columns of one mapping; other keys are skipped without being built."""

    def __init__(self, mapping: Reading) -> None:
        self.mapping = mapping
        self.names = mapping.wanted()
        self.single = {name: at for at, name in enumerate(self.names) if name in set(mapping.sources().values())}
        keys = list(dict.fromkeys([*self.names, *(name.split(".")[0] for name in self.names)]))
        fields = [(f"f{at}", Any, None) for at in range(len(keys))]
        row: Any = msgspec.defstruct("Row", fields, rename=dict(zip((f[0] for f in fields), keys, strict=True)))
        self._decoder = msgspec.json.Decoder(row)
        self._array = msgspec.json.Decoder(list[row])
        place = {key: f"f{at}" for at, key in enumerate(keys)}
        self._getters = [_getter(name, place) for name in self.names]

    def columns(self, rows: Sequence[Any]) -> list[list[Any]]:
        return [list(map(get, rows)) for get in self._getters]

    def lines(self, body: bytes) -> list[Any]:
        return self._decoder.decode_lines(body)

    def line(self, line: bytes) -> Any:
        return self._decoder.decode(line)

    def array(self, body: bytes) -> list[Any]:
        return self._array.decode(body)


def _getter(name: str, place: dict[str, str]) -> Callable[[Any], Any]:
    plain = attrgetter(place[name])
    if "." not in name:
        return plain
    head, *path = name.split(".")
    outer = attrgetter(place[head])

    def reach(row: Any) -> Any:
        value = plain(row)
        if value is None:
            value = outer(row)
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    return reach


_readers: dict[int, _Reader] = {}


def _reader_of(mapping: Reading) -> _Reader:
    reader = _readers.get(id(mapping))
    if reader is None or reader.mapping is not mapping:
        if len(_readers) >= _KEPT:
            _readers.clear()
        reader = _readers[id(mapping)] = _Reader(mapping)
    return reader


def read(path: Path, mapping: Reading) -> Iterator[Decoded]:
    """Yield decoded rows of a file, numbered by line.

    Raises
    ------
    SourceError
        The file is empty, or is an array too large to be read at once.
    """
    if _is_array(head_of(path), mapping.encoding):
        yield from _read_array(path, mapping)
        return
    first = 1
    for block, too_long in blocks(path, mapping.encoding):
        if too_long:
            yield Decoded(_frame(_reader_of(mapping), []), numbered(first, 0), broken_rows([first], [_TOO_LONG]))
            first += 1
        else:
            yield from _in_batches(decode_lines(block, mapping, first))
            first += block.count(b"\n")


def decode(body: bytes, mapping: Reading) -> Decoded:
    """Decode a message.

    Raises
    ------
    SourceError
        It is larger than a message may be, or an array that is not one of JSON objects.
    """
    if len(body) > BODY_BYTES:
        raise SourceError(
            f"The message has {len(body):,} bytes; at most {BODY_BYTES:,} are taken.", "Send it in several parts."
        )
    body = _as_utf8(body, mapping.encoding)
    return decode_array(body, mapping) if body.lstrip()[:1] == b"[" else decode_lines(body, mapping, 1)


def objects_of(body: bytes, most: int) -> list[dict[str, Any]]:
    """Return the first whole objects of NDJSON or of a JSON array, for a look at an unknown file."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    found: list[dict[str, Any]] = []
    if body.lstrip()[:1] == b"[":
        try:
            return msgspec.json.decode(body, type=list[dict[str, Any]])[:most]
        except (msgspec.DecodeError, RecursionError):
            raise SourceError("The JSON array cannot be looked into.", "Convert it to one object a line.") from None
    for line in body.split(b"\n"):
        try:
            found.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if len(found) == most:
            break
    return found


def columns_of(bodies: Sequence[bytes], mapping: Reading) -> tuple[list[str], list[list[Any]], list[int]]:
    """Return wanted names and values of messages whose every line is a JSON object, and the rows of each.

    Raises
    ------
    msgspec.DecodeError
        One is not.
    """
    reader = _reader_of(mapping)
    parts = [reader.lines(body) for body in bodies]
    return reader.names, reader.columns(list(chain.from_iterable(parts))), list(map(len, parts))


def decode_lines(body: bytes, mapping: Reading, first: int) -> Decoded:
    """Decode lines of which the first has number ``first``. Blank lines are no rows."""
    decoded = _decode_lines(body, mapping, first)
    return without_nul(decoded) if NUL in body else decoded


def _decode_lines(body: bytes, mapping: Reading, first: int) -> Decoded:
    reader = _reader_of(mapping)
    count = body.count(b"\n") + (not body.endswith(b"\n"))
    short = len(body) <= LINE_BYTES or max(map(len, body.split(b"\n"))) <= LINE_BYTES
    try:
        rows = reader.lines(body) if short else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows = None
    if rows is not None and len(rows) == count:
        return _checked(reader, rows, numbered(first, count), {})
    kept, numbers, broken = [], [], {}
    for number, line in enumerate(body.split(b"\n"), start=first):
        if not line.strip():
            continue
        if len(line) > LINE_BYTES:
            broken[number] = _TOO_LONG
            continue
        try:
            kept.append(reader.line(line))
            numbers.append(number)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            broken[number] = _NOT_JSON
    return _checked(reader, kept, pl.Series(numbers, dtype=pl.Int64), broken)


def decode_array(body: bytes, mapping: Reading) -> Decoded:
    """Decode a JSON array of objects, numbered from 1."""
    reader = _reader_of(mapping)
    try:
        rows = reader.array(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SourceError("The JSON array is cut short, or holds something else than objects.", "Mend it.") from None
    decoded = _checked(reader, rows, numbered(1, len(rows)), {})
    return without_nul(decoded) if NUL in body else decoded


def _checked(reader: _Reader, rows: Sequence[Any], numbers: pl.Series, broken: dict[int, str]) -> Decoded:
    columns = reader.columns(rows)
    nested: set[int] = set()
    for at in reader.single.values():
        if {dict, list} & set(map(type, columns[at])):
            nested |= {row for row, value in enumerate(columns[at]) if isinstance(value, dict | list)}
    if nested:
        broken = broken | {int(numbers[row]): NESTED for row in nested}
        keep = [row for row in range(len(rows)) if row not in nested]
        columns, numbers = [[column[row] for row in keep] for column in columns], numbers.gather(keep)
    frame = _frame(reader, columns)
    if not broken:
        return Decoded(frame, numbers)
    order = sorted(broken)
    return Decoded(frame, numbers, broken_rows(order, [broken[row] for row in order]))


def _frame(reader: _Reader, columns: list[list[Any]]) -> pl.DataFrame:
    return table(reader.names, columns or [[] for _ in reader.names])


def table(names: Sequence[str], columns: Sequence[list[Any]]) -> pl.DataFrame:
    """Return decoded JSON values as a frame, each column of one type."""
    return pl.DataFrame([_series(name, values) for name, values in zip(names, columns, strict=True)])


def _series(name: str, values: list[Any]) -> pl.Series:
    """A column of one type: text, numbers, truth values or lists of numbers; anything mixed becomes text."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds or kinds == {str}:
        return pl.Series(name, values, dtype=pl.String)
    dtype: pl.DataType | None = None
    if kinds == {bool}:
        dtype = pl.Boolean()
    elif kinds == {int}:
        dtype = pl.Int64()
    elif kinds <= {int, float}:
        dtype = pl.Float64()
    elif kinds == {list}:
        dtype = pl.List(pl.Float64)
    if dtype is not None:
        try:
            return pl.Series(name, values, dtype=dtype)
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            pass  # numbers beyond 64 bits, or lists of something else: as text below
    texts = [value if value is None or isinstance(value, str) else _json(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _in_batches(decoded: Decoded) -> Iterator[Decoded]:
    if decoded.frame.height <= BATCH_ROWS:
        yield decoded
        return
    for start in range(0, decoded.frame.height, BATCH_ROWS):
        part = decoded.frame.slice(start, BATCH_ROWS), decoded.rows.slice(start, BATCH_ROWS)
        yield Decoded(*part, decoded.broken if start == 0 else broken_rows([], []))


def _is_array(head: bytes, stated: str | None) -> bool:
    text = head.decode(encoding_of(head, stated), errors="replace")
    return text.lstrip("\ufeff \r\n\t")[:1] == "["


def _read_array(path: Path, mapping: Reading) -> Iterator[Decoded]:
    parts, size = [], 0
    for block, too_long in blocks(path, mapping.encoding, whole=True):
        size += len(block)
        if size > ARRAY_BYTES or too_long:
            raise SourceError(
                f"{path.name} is one JSON array of more than {ARRAY_BYTES // 2**20} MB.",
                "Convert it to one object a line (NDJSON).",
            )
        parts.append(block)
    yield from _in_batches(decode_array(b"".join(parts), mapping))


def _as_utf8(body: bytes, stated: str | None) -> bytes:
    if body.startswith(codecs.BOM_UTF8):
        return body[3:]
    if stated or body[:2] in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
        return body.decode(encoding_of(body[:4096], stated), errors="replace").lstrip("\ufeff").encode()
    return body
