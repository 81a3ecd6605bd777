"""Variables: values that are what their type says, and texts in which they stand.

Source: CACAO Security Playbooks 2.0, variables (``__name__:value``) and their types.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from cityward.core.errors import UserError
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.limits import VALUE_CHARS

REFERENCE: Final = re.compile(r"(__[a-zA-Z_][a-zA-Z0-9_-]{0,199}?__):value")
NAME: Final = re.compile(r"__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__")
HIDDEN: Final = "•••"
"""Stands for a secret wherever something is shown or kept."""

_BY_PATTERN: Final = {
    "hexstring": r"(?:[0-9a-fA-F]{2})+",
    "md5-hash": r"[0-9a-fA-F]{32}",
    "sha256-hash": r"[0-9a-fA-F]{64}",
    "hash": r"[0-9a-fA-F]{32,128}",
    "mac-addr": r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "integer": r"[+-]?[0-9]{1,10}",
    "long": r"[+-]?[0-9]{1,19}",
    "bool": r"true|false",
}


def _is_float(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?", text)) and math.isfinite(
        float(text)
    )


def _is_address(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return "%" not in text


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and not re.search(r"\s", text)


def _is_dictionary(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_BY_TEST: Final[dict[str, Callable[[str], bool]]] = {
    "string": lambda _: True,
    "float": _is_float,
    "ipv4-addr": lambda text: _is_address(text, ipaddress.IPv4Address),
    "ipv6-addr": lambda text: _is_address(text, ipaddress.IPv6Address),
    "uri": _is_uri,
    "dictionary": _is_dictionary,
}
TYPES: Final = (*_BY_PATTERN, *_BY_TEST)


def fits(kind: str, text: str) -> bool:
    """Whether ``text`` is a value of a type; of a type that is not known, never."""
    if len(text) > VALUE_CHARS or any(not sign.isprintable() and sign not in "\n\t" for sign in text):
        return False
    if kind in _BY_PATTERN:
        return re.fullmatch(_BY_PATTERN[kind], text) is not None
    return kind in _BY_TEST and _BY_TEST[kind](text)


def checked(name: str, kind: str, text: str) -> str:
    """``text`` if it is a value of a type; raises `UserError`, which does not repeat it."""
    if not fits(kind, text):
        raise UserError(f"The value of {printable(name, 80)} is no {kind}.", f"Give a value of type {kind}.")
    return text


def named_in(text: str) -> list[str]:
    """Names of the variables that stand in a text, each once."""
    return list(dict.fromkeys(REFERENCE.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables filled in.

    Raises
    ------
    UserError
        One of them has no value.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found is None:
            raise UserError(f"{match[1]} has no value yet.", f"Give one with --set {match[1].strip('_')}=VALUE.")
        return found

    return REFERENCE.sub(value, text)


def shown(text: str, values: Mapping[str, str], secrets: frozenset[str] | set[str]) -> str:
    """A text as it may be shown: secrets hidden, and the name of what has no value."""
    return REFERENCE.sub(
        lambda match: HIDDEN if match[1] in secrets else values.get(match[1], f"‹{match[1].strip('_')}›"), text
    )


def long_name(name: str) -> str:
    """``attacker`` → ``__attacker__``; the long form stays as it is."""
    return name if NAME.fullmatch(name) else f"__{name}__"
