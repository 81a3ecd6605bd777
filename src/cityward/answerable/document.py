"""A document of headings, sentences and tables, as Markdown and as HTML. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

TO_FILL: str = "to be filled in by {}"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, then a table; either may be empty. The first row of the table names its columns."""

    heading: str
    lines: list[str] = field(default_factory=list)
    table: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Document:
    """A title, one sentence beneath it, and sections."""

    title: str
    about: str
    sections: list[Section]

    def markdown(self) -> str:
        """The document as Markdown."""
        parts = [f"# {_plain(self.title)}", _plain(self.about)]
        for section in self.sections:
            parts.append(f"## {_plain(section.heading)}")
            if section.lines:
                parts.append("\n".join(f"- {_plain(line)}" for line in section.lines))
            if section.table:
                head, *rows = section.table
                parts.append("\n".join(_row(cells) for cells in (head, ["---"] * len(head), *rows)))
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """The document as one HTML page, without scripts or anything from elsewhere."""
        title = escape(self.title)
        parts = [
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>',
            f"<h1>{title}</h1>\n<p>{escape(self.about)}</p>",
        ]
        for section in self.sections:
            parts.append(f"<h2>{escape(section.heading)}</h2>")
            if section.lines:
                parts.append(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in section.lines)}</ul>")
            if section.table:
                head, *rows = section.table
                body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
                heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
                parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>")
        return "\n".join([*parts, "</body></html>"]) + "\n"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _row(cells: list[str]) -> str:
    # A bar would end the cell.
    return f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"
