"""A public key written into the text of a system: one line, and nothing else of the text changes."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from cityward.core.errors import UserError

_TABLE = re.compile(r"^\s*\[", re.MULTILINE)
_PARTIES = re.compile(r"^\s*\[\[\s*parties\s*\]\]", re.MULTILINE)


def with_key(text: str, name: str, key: str) -> str:
    """The text of a system in which each ``[[parties]]`` table of ``name`` that has no key has this one.

    Raises
    ------
    UserError
        The text is no TOML; no party has that name without a key; or its tables are written so that a line cannot
        be added, in which case it says where to write it.
    """
    wanted = _parsed(text)
    lacking = [one for one in wanted.get("parties", []) if _named(one) == name and not one.get("key")]
    if not lacking:
        raise UserError(
            f"No [[parties]] table of the name '{name[:60]}' is without a key.", "Give --name as the table says it."
        )
    for one in lacking:
        one["key"] = key
    parts, start = [], 0
    for found in _PARTIES.finditer(text):
        after = _TABLE.search(text, found.end())
        body, end = text[found.start() : after.start() if after else len(text)], after.start() if after else len(text)
        told = _parsed(body)["parties"][0]
        if _named(told) == name and not told.get("key"):
            written = body.rstrip()
            body = f'{written}\nkey = "{key}"{body[len(written) :] or chr(10)}'
        parts += [text[start : found.start()], body]
        start = end
    changed = "".join([*parts, text[start:]])
    if _parsed(changed) != wanted:
        raise UserError("The key cannot be added to this file.", f'Write it by hand: key = "{key}"')
    return changed


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The file is no TOML: {error}.", "'cityward systems check FILE' says more.") from None


def _named(party: object) -> str:
    return " ".join(str(party.get("name", "")).split()) if isinstance(party, dict) else ""
