"""CSV: any delimiter, any encoding, quoted line breaks, stray quotes, ragged rows.

Rows are numbered from 1 after the header; a line without any value is not a row.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

import polars as pl

from cityward.core.errors import SourceError
from cityward.core.limits import BATCH_ROWS, LINE_BYTES
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded, broken_rows, numbered, present, without_nul
from cityward.sense.text import blocks, mend_utf8

DELIMITERS: Final = (",", ";", "\t", "|")
_QUOTED_LINES: Final = 200
"""Most lines of one quoted cell in a block that has stray quotes."""

_STEPS_BACK: Final = 1_000
csv.field_size_limit(2**31 - 1)  # `blocks` and checks bound what a cell may hold


def read(path: Path, mapping: Reading) -> Iterator[Decoded]:
    """Yield decoded rows; every column is text.

    Raises
    ------
    SourceError
        No rows, no header, a missing column, or not text at all.
    """
    parts = _records(path, mapping.encoding)
    start, _ = next(parts, (b"", False))
    head, body = _split_header(start)
    delimiter = mapping.delimiter or sniff_delimiter(start[: 2**16].decode(errors="replace"))
    names = header_of(head.decode(errors="replace"), delimiter)
    _check_header(path.name, names, mapping)
    first, found = 1, False
    for block, too_long in chain([(body, False)], parts):
        if too_long:
            reason = f"The line is longer than {LINE_BYTES // 2**20} MB; nothing of it was kept."
            yield Decoded(_empty(names, mapping), numbered(first, 0), broken_rows([first], [reason]))
            first, found = first + 1, True
            continue
        for decoded in _decode(block, names, delimiter, mapping, first):
            first += decoded.frame.height + decoded.broken.height
            found = True
            yield decoded
    if not found:
        raise SourceError(f"{path.name} has a header but no rows.", "Give a file with rows.")


def sniff_delimiter(text: str) -> str:
    """Return the delimiter that gives the most fields, equally often in the first lines."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(lines[: max(2, len(lines) - 1)], delimiter=delimiter))
        width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        score = (width - 1) * times / max(1, sum(widths.values()))
        if score > most:
            best, most = delimiter, score
    return best


def header_of(line: str, delimiter: str) -> list[str]:
    """Column names of a header line, stripped; empty at the end are dropped."""
    cells = _strictly(line, delimiter) or next(_loosely([line.replace("\n", " ")], delimiter), [])
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def table_of(path: Path, rows: int) -> tuple[pl.DataFrame, str]:
    """Return the first ``rows`` rows as text and the delimiter, for a look at an unknown file."""
    start, _ = next(_records(path, None), (b"", False))
    head, body = _split_header(start)
    delimiter = sniff_delimiter(start[: 2**16].decode(errors="replace"))
    names = header_of(head.decode(errors="replace"), delimiter)
    lines = _lines(body)
    cells = list(islice((row for row in _loosely(lines, delimiter) if any(row)), rows))
    columns = {name: [row[at] if at < len(row) else None for row in cells] for at, name in enumerate(names) if name}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), delimiter


def _records(path: Path, stated: str | None) -> Iterator[tuple[bytes, bool]]:
    """Blocks that end between records: a line break inside quotes ends none."""
    rest = b""
    for block, too_long in blocks(path, stated):
        if too_long:
            yield b"", True
            continue
        text = rest + mend_utf8(block)
        end = _last_record_end(text)
        rest = text[end:]
        if end:
            yield text[:end], False
    if rest:
        yield rest, False


def _last_record_end(text: bytes) -> int:
    """End of the last line break with an even number of quotes before it; of any, if none is near."""
    end = last = text.rfind(b"\n") + 1
    quotes = text.count(b'"', 0, end)
    for _ in range(_STEPS_BACK):
        if quotes % 2 == 0 or not end:
            return end or last
        earlier = text.rfind(b"\n", 0, end - 1) + 1
        quotes -= text.count(b'"', earlier, end)
        end = earlier
    return last


def _split_header(start: bytes) -> tuple[bytes, bytes]:
    """Header (first line with anything on it) and what follows."""
    start = start.lstrip(b"\r\n")
    if start.startswith(b"sep=") and b"\n" in start:  # a hint for spreadsheets, not a header
        start = start.split(b"\n", 1)[1]
    end = 0
    while True:
        end = start.find(b"\n", end) + 1
        if not end:
            return start.rstrip(b"\r\n"), b""
        if start.count(b'"', 0, end) % 2 == 0:
            return start[:end].rstrip(b"\r\n"), start[end:]


def _check_header(name: str, names: list[str], mapping: Reading) -> None:
    wanted = present(name, names, mapping)
    twice = [column for column, times in Counter(wanted).items() if times > 1]
    if twice:
        raise SourceError(f"{name} has two columns '{twice[0]}'.", "Rename one of them in its first line.")


def _empty(names: list[str], mapping: Reading) -> pl.DataFrame:
    wanted = set(mapping.wanted())
    return pl.DataFrame(schema=dict.fromkeys((name for name in names if name in wanted), pl.String))


def _decode(block: bytes, names: list[str], delimiter: str, mapping: Reading, first: int) -> Iterator[Decoded]:
    if not block.strip():
        return
    keep = {f"c{at}": name for at, name in enumerate(names) if name in set(mapping.wanted())}
    broken: dict[int, str] = {}
    try:
        table = _parse(block, len(names), delimiter, list(keep))
    except pl.exceptions.PolarsError:
        table, broken = _parse_slowly(block, len(names), delimiter)
    ragged = pl.col("over").is_not_null()
    numbers = pl.int_range(first, first + table.height, dtype=pl.Int64, eager=True)
    for start in range(0, table.height, BATCH_ROWS):
        part, rows = table.slice(start, BATCH_ROWS), numbers.slice(start, BATCH_ROWS)
        extra = part.select(ragged).to_series()
        quoted = [row for row in broken if start <= row < start + part.height]
        bad = extra | pl.Series([False]).new_from_index(0, part.height).scatter([row - start for row in quoted], True)
        reasons = [broken.get(row - first, _too_many(len(names))) for row in rows.filter(bad).to_list()]
        good = part.filter(~bad).select(pl.col(at).alias(name) for at, name in keep.items())
        decoded = Decoded(good, rows.filter(~bad), broken_rows(rows.filter(bad).to_list(), reasons))
        yield without_nul(decoded) if b"\0" in block else decoded


def _too_many(fields: int) -> str:
    return f"The row has more than the {fields} fields of the header; perhaps a delimiter inside a cell without quotes."


def _parse(block: bytes, width: int, delimiter: str, keep: list[str]) -> pl.DataFrame:
    """Columns ``keep`` (``c0``, ``c1``, ...) and ``over``: what lies beyond the header's last column."""
    header = delimiter.join([*(f"c{at}" for at in range(width)), "over"]).encode() + b"\n"
    options = {"separator": delimiter, "infer_schema": False, "truncate_ragged_lines": True}
    table = pl.read_csv(header + block, columns=[*keep, "over"], **options)  # type: ignore[arg-type]
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if blank.any():
        whole = pl.read_csv(header + block, **options)  # type: ignore[arg-type]
        table = table.filter(~whole.select(pl.all_horizontal(pl.all().is_null())).to_series())
    return table


def _parse_slowly(block: bytes, width: int, delimiter: str) -> tuple[pl.DataFrame, dict[int, str]]:
    """Line by line, for a block with quotes that do not match: one such row must not swallow the next.

    Returns the table as `_parse` does (all columns), and the reason of each row (0-based) that is no row.
    """
    lines = _lines(block)
    cells: list[list[str | None]] = []
    broken: dict[int, str] = {}
    at = 0
    while at < len(lines):
        row, used = _next_row(lines, at, width, delimiter)
        at += used
        if row is None:
            broken[len(cells)] = "A quotation mark is opened and never closed."
            row = []
        elif not any(row):
            continue
        padded: list[str | None] = [cell or None for cell in row[: width + 1]]
        cells.append(padded + [None] * (width + 1 - len(padded)))
    names = [*(f"c{at}" for at in range(width)), "over"]
    return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String), orient="row"), broken


def _lines(block: bytes) -> list[str]:
    """Lines as line feeds end them: a form feed or a Unicode separator belongs to its cell."""
    return list(io.StringIO(block.decode(errors="replace"), newline="\n"))


def _next_row(lines: list[str], at: int, width: int, delimiter: str) -> tuple[list[str] | None, int]:
    """Cells of the record that begins at line ``at``, or None; and the number of lines it takes."""
    row = _strictly(lines[at], delimiter)
    if row is not None:
        return row, 1
    text = lines[at]
    for used in range(2, min(_QUOTED_LINES, len(lines) - at) + 1):
        text += lines[at + used - 1]
        if text.count('"') % 2 == 0:
            row = _strictly(text, delimiter)
            if row is not None and len(row) == width:
                return row, used
            break
    loose = next(_loosely([lines[at].replace("\n", "")], delimiter), [])
    return (loose, 1) if len(loose) == width else (None, 1)


def _loosely(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Rows as far as they can be told; a carriage return inside a line, which the reader refuses, is a blank."""
    return csv.reader(
        [line.replace("\r\n", "\n").rstrip("\r").replace("\r", " ") for line in lines], delimiter=delimiter
    )


def _strictly(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if rows else []
