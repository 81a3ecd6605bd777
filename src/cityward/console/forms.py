"""What a browser sends of a form, read without ever failing: whoever takes it says what is missing."""

from __future__ import annotations

from urllib.parse import parse_qs


def fields_of(body: bytes, most: int, *, bytes_max: int | None = None, blank: bool = False) -> dict[str, list[str]]:
    """The values of each field; none of a form of more than ``most`` fields or ``bytes_max`` bytes.

    Fields that were left empty are not there, unless ``blank``.
    """
    if bytes_max is not None and len(body) > bytes_max:
        return {}
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=blank, max_num_fields=most)
    except ValueError:
        return {}


def first_of(fields: dict[str, list[str]]) -> dict[str, str]:
    """The first value of each field."""
    return {name: values[0] for name, values in fields.items()}
