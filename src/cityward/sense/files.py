"""Reads files and messages into validated batches: the way in of everything that is not a broker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from cityward.core.batch import Batch
from cityward.core.errors import SourceError
from cityward.sense import quick
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded, csv, geojson, ndjson, parquet
from cityward.sense.text import encoding_of, head_of
from cityward.sense.validate import validate

_READERS: dict[str, Callable[[Path, Reading], Iterator[Decoded]]] = {
    "csv": csv.read,
    "parquet": parquet.read,
    "ndjson": ndjson.read,
    "geojson": geojson.read,
}


_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
_CONTROLS = 8
"""Control characters that a damaged text may have at its beginning; a program or a picture has more."""

_COLLECTION = re.compile(r'"type"\s*:\s*"FeatureCollection"')


def read_file(path: Path, mapping: Reading, now: datetime) -> Iterator[Batch]:
    """Yield the batches of a file: CSV, Parquet, NDJSON or GeoJSON, told by its content, also gzipped.

    Parameters
    ----------
    path : pathlib.Path
        The file; only its name goes into batches.
    mapping : Reading
        Which column is what.
    now : datetime
        Aware; stamps well after it are not believed.

    Raises
    ------
    SourceError
        The file cannot be read at all. A bad *row* goes to quarantine instead.
    """
    kind = format_of(path)
    if kind == "geojson":
        mapping = geojson.with_position(mapping)
    for decoded in _READERS[kind](path, mapping):
        if decoded.frame.height or decoded.broken.height:
            yield validate(decoded, mapping, now, path.name)


def decoded_of(path: Path, mapping: Reading) -> Iterator[Decoded]:
    """Yield the rows of a file as its format gives them, before validation."""
    yield from _READERS[format_of(path)](path, mapping)


def decode_ndjson(body: bytes, mapping: Reading, now: datetime, origin: str = "http") -> Batch:
    """Return the batch of a message of NDJSON (or of a JSON array of objects); it may have no rows.

    Raises
    ------
    SourceError
        The message is too large, or an array that is not one of objects.
    """
    plain = quick.decode([body], mapping, now, origin)
    if plain is not None:
        return plain[0]
    return validate(ndjson.decode(body, mapping), mapping, now, origin, from_file=False)


def format_of(path: Path) -> str:
    """Return ``csv``, ``parquet``, ``ndjson`` or ``geojson`` from the first bytes of a file.

    Raises
    ------
    SourceError
        It is missing, empty, a folder, or of a kind that is not read.
    """
    head = head_of(path)
    zipped = path.name.endswith(".gz")
    if head.startswith(parquet.MAGIC):
        if zipped:
            raise SourceError(f"{path.name} is Parquet inside gzip.", "Unpack it; Parquet is compressed already.")
        return "parquet"
    if ".parquet" in path.suffixes:
        raise SourceError(f"{path.name} is not a Parquet file, whatever its name.", "Fetch or write it again.")
    start = head[:65_536].decode(encoding_of(head), errors="replace").lstrip("\ufeff \r\n\t")
    if start.startswith("{"):
        whole = _COLLECTION.search(start) or ".geojson" in path.suffixes
        return "geojson" if whole else "ndjson"
    if start.startswith("[") or {".ndjson", ".jsonl"} & set(path.suffixes):
        return "ndjson"
    if len(_CONTROL.findall(start)) > max(_CONTROLS, len(start) // 100):
        raise SourceError(f"{path.name} is not text, Parquet or JSON.", "Give CSV, Parquet, NDJSON or GeoJSON.")
    return "csv"
