"""Files of elections as Pabulib has them (.pb): three tables, META, PROJECTS and VOTES, with semicolons.

Source: Faliszewski et al. 2023, Participatory Budgeting: Data, Tools, and Analysis (arXiv 2305.11035), section 3, and
the format at pabulib.org/format.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

from cityward.core.errors import SourceError
from cityward.core.limits import COUNT_BALLOTS, COUNT_PROJECTS

SECTIONS: Final = ("META", "PROJECTS", "VOTES")
_FIRST: Final = {"META": "key", "PROJECTS": "project_id", "VOTES": "voter_id"}
_CELL_CHARS: Final = 100_000

Row = tuple[str, ...]
_Line = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Document:
    """A file as its cells, trimmed. Two are equal when they say the same, wherever their lines lie."""

    meta: dict[str, str]
    project_fields: Row
    projects: tuple[Row, ...]
    vote_fields: Row
    votes: tuple[Row, ...]
    project_lines: tuple[int, ...] = field(default=(), compare=False)
    vote_lines: tuple[int, ...] = field(default=(), compare=False)


def read(body: bytes) -> Document:
    """Read a file.

    Raises
    ------
    SourceError
        It is not such a file; names the line.
    """
    lines = list(_rows(decoded(body)))
    at = dict(_sections(lines))
    missing = [name for name in SECTIONS if name not in at]
    if missing:
        raise SourceError(
            f"The file has no section {' and no section '.join(missing)}.",
            "Each begins with a line of its name alone; see docs/participation.md.",
        )
    parts = {name: _part(lines, name, at) for name in SECTIONS}
    meta_rows = parts["META"][1]
    project_fields, projects, project_lines = _table("PROJECTS", *parts["PROJECTS"], COUNT_PROJECTS)
    vote_fields, votes, vote_lines = _table("VOTES", *parts["VOTES"], COUNT_BALLOTS)
    return Document(_meta(meta_rows), project_fields, projects, vote_fields, votes, project_lines, vote_lines)


def write(document: Document) -> str:
    """Write a file; reading it gives the same document."""
    out = StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerows([["META"], ["key", "value"], *document.meta.items()])
    writer.writerows([["PROJECTS"], document.project_fields, *document.projects])
    writer.writerows([["VOTES"], document.vote_fields, *document.votes])
    return out.getvalue()


def decoded(body: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark.

    Raises
    ------
    SourceError
        It is in neither; names the line of the first byte that is not.
    """
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        body = body.decode("utf-16", errors="replace").encode()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise SourceError(f"Line {line:,} is not UTF-8.", "Save the file as UTF-8.") from None
    if "\0" in text:
        raise SourceError(f"Line {text[: text.index(chr(0))].count(chr(10)) + 1:,} is no text.", "Save it as UTF-8.")
    return text


def _rows(text: str) -> Iterator[_Line]:
    """Rows that are not empty, trimmed, each with the number of its first line."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=";")
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise SourceError(
                f"Line {line:,} holds a value that does not end.", 'Close its quotation mark, or double it ("").'
            ) from None
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            if any(_is_rows(cell) for cell in cells):
                raise SourceError(
                    f"Line {line:,} holds a quotation mark that is not closed before the line ends.",
                    'Close it, or double it ("").',
                )
            if any(len(cell) > _CELL_CHARS for cell in cells):
                raise SourceError(
                    f"Line {line:,} holds a value of more than {_CELL_CHARS:,} characters.", "Shorten it."
                )
            yield line, cells
        line = reader.line_num + 1


def _is_rows(cell: str) -> bool:
    """Whether what was read as one value is rows that a quotation mark without its end swallowed."""
    return "\n" in cell and sum(";" in line for line in cell.splitlines()) > 2


def _sections(lines: Sequence[_Line]) -> Iterator[tuple[str, int]]:
    """Each section with the place of its name; a name is followed by its heading."""
    seen: set[str] = set()
    for at, (line, cells) in enumerate(lines):
        name = cells[0].upper()
        if name not in SECTIONS or any(cells[1:]):
            continue
        heading = lines[at + 1][1] if at + 1 < len(lines) else []
        if _FIRST[name] not in [cell.lower() for cell in heading]:
            raise SourceError(
                f"Line {line + 1:,} is no heading of section {name}: it lacks '{_FIRST[name]}'.",
                "Name its columns there.",
            )
        if name in seen:
            raise SourceError(f"Line {line:,} begins section {name} a second time.", "Leave one of them.")
        seen.add(name)
        yield name, at


def _part(lines: Sequence[_Line], name: str, at: dict[str, int]) -> tuple[list[str], list[_Line]]:
    """Heading and rows of a section."""
    begin = at[name] + 2
    end = min((place for place in at.values() if place >= begin), default=len(lines))
    return [cell.lower() for cell in lines[begin - 1][1]], list(lines[begin:end])


def _meta(rows: Sequence[_Line]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, cells in rows:
        key, value = cells[0], cells[1] if len(cells) > 1 else ""
        # A value with a semicolon that was not quoted.
        value = ";".join([value, *cells[2:]]).rstrip(";") if any(cells[2:]) else value
        if found.setdefault(key, value) != value:
            raise SourceError(f"Line {line:,} says another {key[:60]} than a line before.", "Leave one of them.")
    return found


def _table(
    name: str, heading: Sequence[str], rows: Sequence[_Line], most: int
) -> tuple[Row, tuple[Row, ...], tuple[int, ...]]:
    """Columns, rows of that many cells, and their lines; a longer row keeps what is too much."""
    fields = list(heading)
    while fields and not fields[-1]:
        fields.pop()
    twice = next((one for one in fields if fields.count(one) > 1), None)
    if twice is not None:
        raise SourceError(f"Section {name} has two columns that are called '{twice[:60]}'.", "Rename one of them.")
    if len(rows) > most:
        raise SourceError(f"Section {name} has {len(rows):,} rows; the most is {most:,}.", "Count it in parts.")
    width = len(fields)
    made = []
    for _, cells in rows:
        while len(cells) > width and not cells[-1]:
            cells.pop()
        made.append((*cells, *[""] * (width - len(cells))))
    return tuple(fields), tuple(made), tuple(line for line, _ in rows)
