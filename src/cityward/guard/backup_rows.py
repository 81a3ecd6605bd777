"""Files of interactions in the form in which a repository of backups may hold them: each person's rows sealed.

What leaves for a repository: rows of nobody as they are, and of each person a record under a key of his own, which
lies with the city alone. What a repository gives back: the rows of those whose key is still there.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from cityward.core.errors import StoreError
from cityward.guard.backup import leaf_of
from cityward.private.punctured import LEAF_DIGITS, PuncturedKey

KIND: Final = "persons"
_MAGIC: Final = b"cityward rows 1\n"
_NONCE_BYTES: Final = 12
_LENGTH: Final = struct.Struct(">Q")
_RECORD: Final = struct.Struct(f">{LEAF_DIGITS}s{_NONCE_BYTES}sI")
_SLICE_ROWS: Final = 5_000
"""Rows that are turned from columns at once: about 10 MB of them."""

KeyOf = Callable[[str], bytes | None]
"""The key of a leaf; None when it was destroyed."""

_REMEMBERED: Final = 100_000  # about 15 MB: people come again in file after file

_OUT_BYTES: Final = 2**20


def has_persons(file: Path) -> bool:
    """Whether a file of interactions holds a row of a person."""
    return bool(pl.scan_parquet(file).select(pl.col("person").is_not_null().any()).collect().item())


def remembering(keys: PuncturedKey) -> KeyOf:
    """The keys of ``keys``; those that were asked for lately cost no new derivation."""
    return lru_cache(maxsize=_REMEMBERED)(keys.key_of)


def sealed_rows(file: Path, key_of: KeyOf) -> Iterator[bytes]:
    """Yield a file of interactions in its sealed form, in runs of about a MiB."""
    rows = pl.read_parquet(file, hive_partitioning=False)
    named = rows.filter(pl.col("person").is_not_null())
    who = named.select(pl.struct("source", "person").unique(maintain_order=True)).to_series().struct.unnest()
    leaves = [leaf_of(source, person) for source, person in who.iter_rows()]
    secret = [key_of(leaf) for leaf in leaves]
    # Of one who was erased before and is here again the key is gone: the key of the epoch has to do.
    who = who.with_columns(leaf=pl.Series(leaves, dtype=pl.String), number=pl.int_range(len(leaves), dtype=pl.Int64))
    open_again = who.filter(pl.Series([key is None for key in secret], dtype=pl.Boolean))
    common = pl.concat(
        [rows.filter(pl.col("person").is_null()), named.join(open_again, on=["source", "person"], how="semi")]
    )
    yield from _head(common)
    sealed = named.join(open_again, on=["source", "person"], how="anti")
    numbers = sealed.join(who, on=["source", "person"], how="left", maintain_order="left")["number"]
    ordered = sealed.with_columns(numbers.alias("_person")).sort("_person")
    out = bytearray()
    for part in ordered.iter_slices(_SLICE_ROWS):
        for number, group in groupby(part.iter_rows(), key=lambda row: row[-1]):
            key, leaf = secret[number], leaves[number].encode()
            assert key is not None  # noqa: S101 - for the type checker: filtered above
            nonce = secrets.token_bytes(_NONCE_BYTES)
            plain = msgspec.msgpack.encode([row[:-1] for row in group])
            body = ChaCha20Poly1305(key).encrypt(nonce, plain, leaf)
            out += _RECORD.pack(leaf, nonce, len(body)) + body
            if len(out) >= _OUT_BYTES:
                yield bytes(out)
                out.clear()
    yield bytes(out)


def _head(common: pl.DataFrame) -> Iterator[bytes]:
    buffer = BytesIO()
    common.write_parquet(buffer, compression="snappy")
    yield _MAGIC + _LENGTH.pack(buffer.tell())
    view = buffer.getbuffer()
    for at in range(0, len(view), _OUT_BYTES):
        yield bytes(view[at : at + _OUT_BYTES])


def opened_rows(parts: Iterable[bytes | memoryview], key_of: KeyOf) -> tuple[pl.DataFrame, int]:
    """Rows of a sealed file in the order in which they came, and how many records cannot be opened any more.

    Raises
    ------
    StoreError
        It is no sealed file of rows.
    """
    stream = _Stream(parts)
    if stream.take(len(_MAGIC)) != _MAGIC:
        raise StoreError("A file of interactions in the backup is of another form.")
    common = pl.read_parquet(BytesIO(stream.take(_LENGTH.unpack(stream.take(_LENGTH.size))[0])))
    frames, rows, gone = [common], [], 0
    while head := stream.take(_RECORD.size):
        leaf, nonce, length = _RECORD.unpack(head)
        body, key = stream.take(length), key_of(leaf.decode())
        if key is None:
            gone += 1
            continue
        rows += msgspec.msgpack.decode(ChaCha20Poly1305(key).decrypt(nonce, body, leaf))
        if len(rows) >= _SLICE_ROWS:
            frames.append(pl.DataFrame(rows, schema=common.schema, orient="row"))
            rows = []
    frames.append(pl.DataFrame(rows, schema=common.schema, orient="row"))
    return pl.concat(frames).sort("sequence"), gone


class _Stream:
    """Runs of bytes, taken by the length."""

    def __init__(self, parts: Iterable[bytes | memoryview]) -> None:
        self._parts, self._held = iter(parts), bytearray()

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes; none at the end, and a cut-off rest is an error."""
        while len(self._held) < count:
            more = next(self._parts, None)
            if more is None:
                break
            self._held += more
        if self._held and len(self._held) < count:
            raise StoreError("A file of interactions in the backup is cut short.")
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken
