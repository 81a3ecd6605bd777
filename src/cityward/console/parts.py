"""A form that comes in parts, with at most one file, read by the standard library within bounds that are checked first.

The parser is that of e-mail (`email.parser`): a form in parts is written in its words (Source: RFC 7578). What it could
be led into by a hostile form is refused before: many parts, parts within parts, other codings.
"""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

PARTS_MAX: Final = 20
TYPE_CHARS_MAX: Final = 200
NAME_CHARS_MAX: Final = 60
BOUNDARY_CHARS_MAX: Final = 70
FIELD_BYTES_MAX: Final = 96 * 2**10
"""All fields together that are no file."""


def in_parts(content_type: str) -> bool:
    """Whether a form of this type comes in parts."""
    return content_type.strip().lower().startswith("multipart/form-data")


def parts_of(body: bytes, content_type: str, file: str) -> tuple[dict[str, list[str]], bytes] | None:
    """Fields of a form, and the bytes of its file.

    Parameters
    ----------
    body : bytes
        Within the bound of the shield.
    content_type : str
        With the boundary.
    file : str
        Name of the field whose part is the file.

    Returns
    -------
    tuple or None
        Values of each field, without those left empty, and the file (empty without one); None when it is no such form,
        is cut short, or beyond the bounds.
    """
    mark = _mark(content_type)
    if not mark or body.count(mark) > PARTS_MAX + 1 or not body.rstrip(b"\r\n").endswith(mark + b"--"):
        return None
    found = BytesParser(policy=compat32).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = found.get_payload()
    if not isinstance(parts, list) or found.defects:
        return None
    fields: dict[str, list[str]] = {}
    photo, taken = b"", 0
    for part in parts:
        name, data = _name(part), _data(part)
        if name is None or data is None:
            return None
        if name == file:
            photo = photo or data
            continue
        taken += len(data)
        if taken > FIELD_BYTES_MAX:
            return None
        if data:
            fields.setdefault(name, []).append(data.decode("utf-8", "replace"))
    return fields, photo


def _mark(content_type: str) -> bytes:
    """What stands between parts; empty where a type names nothing that can."""
    if len(content_type) > TYPE_CHARS_MAX or not content_type.isascii() or not content_type.isprintable():
        return b""
    head = Message(policy=compat32)
    head["content-type"] = content_type
    boundary = head.get_boundary()
    # Source of the length: RFC 2046, section 5.1.1.
    return b"--" + boundary.encode("ascii", "replace") if boundary and len(boundary) <= BOUNDARY_CHARS_MAX else b""


def _name(part: object) -> str | None:
    if not isinstance(part, Message) or part.get_content_disposition() != "form-data":
        return None
    name = part.get_param("name", header="content-disposition")
    return name if isinstance(name, str) and len(name) <= NAME_CHARS_MAX else None


def _data(part: object) -> bytes | None:
    """The bytes of a part; None of one that holds parts itself, or comes in another coding."""
    if not isinstance(part, Message) or part.is_multipart() or part.defects or part["content-transfer-encoding"]:
        return None
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else None
