"""Settings hold no secret: it stands in a file of its own or in the environment, and an error never repeats it.

A settings file is copied, mailed and put under version control; whoever reads it learns what it holds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from cityward.core.errors import SettingsError
from cityward.core.toml_text import line_of

_NAMED: Final = re.compile(
    r"(^|[_-])(secret|password|passwd|passphrase|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
    r"|authorization)$",
    re.IGNORECASE,
)
"""Keys that can only mean a secret; ``secret_file`` and ``secret_environment`` say where one is."""

_IN_TEXT: Final = (
    re.compile(r"://[^/\s@]*:[^/\s@]+@"),
    re.compile(r"[?&;](password|passwd|secret|token|api_?key|access_token|sig|signature)=[^&\s]", re.IGNORECASE),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"^(bearer|basic) \S{8}", re.IGNORECASE),
)
"""A password in an address, a secret in its query, a private key, and what stands in a header of authorisation."""

REMEDY: Final = (
    "Put it into a file that nobody else can read, or into the environment, name that here (secret_file, "
    "secret_environment), and change the secret: whoever saw this file knows it."
)


def check_no_secret(text: str, name: str) -> None:
    """Raise `SettingsError` when a TOML text holds a secret; names the line, never the value.

    What is not TOML holds nothing that is looked at; its reader says so.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    for path, key, value in _texts(raw):
        if (_NAMED.search(key) and value) or any(one.search(value) for one in _IN_TEXT):
            raise SettingsError(f"{name}, line {line_of(text, path)}: {path.lstrip('.')} holds a secret.", REMEDY)


def holds_secret(url: str) -> bool:
    """Whether an address holds a password or another secret."""
    return any(one.search(url) for one in _IN_TEXT)


def _texts(value: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text of a decoded TOML: its path (``.send[0].url``), the key beside it, and itself."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}", name)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{at}]", key)
    elif isinstance(value, str):
        yield path, key, value
