"""TOML read into a checked structure, with errors that name the line and the remedy."""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from cityward.core.errors import SettingsError

T = TypeVar("T")
TOML_TEXTS_MAX: Final = 256
"""How many decoded texts are kept; one has some kilobytes."""
_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")


def decode_toml(path: Path, kind: type[T]) -> T:
    """Read ``path`` and convert it to ``kind`` (a msgspec Struct that forbids unknown fields).

    Raises
    ------
    SettingsError
        Names the file, the line, what is wrong and what to write instead.
    """
    return decode_toml_text(read_toml(path), kind, str(path))


def read_toml(path: Path) -> str:
    """Text of a TOML file.

    Raises
    ------
    SettingsError
        The file does not exist or is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist.", "Check the path, or make it with 'cityward init'.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"{path} cannot be read as UTF-8 text ({type(error).__name__}).", "Save it as UTF-8."
        ) from None


def line_of(text: str, path: str) -> int:
    """Line (1-based) of a dotted key path such as ``.columns.lon`` in a TOML text, for errors of meaning."""
    return _line_of(text, path)


def decode_toml_text(text: str, kind: type[T], name: str) -> T:
    """As `decode_toml`, for a text whose origin is called ``name``."""
    hashable: Any = kind
    config = getattr(kind, "__struct_config__", None)
    decoded: T = (_decoded_once if config is not None and config.frozen else _decoded)(text, hashable, name)
    return decoded


def _decoded(text: str, kind: type[T], name: str) -> T:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}.", "Mend that line; strings need quotes.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets in thousands of brackets
        raise SettingsError(
            f"{name} is not valid TOML: a number is too long, or brackets stand too deep.", "Write what it means."
        ) from None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, kind, name) from None


@lru_cache(maxsize=TOML_TEXTS_MAX)
def _decoded_once(text: str, kind: Any, name: str) -> Any:
    """Settings, grants and rules are read before each use, so that an edit counts at once; they rarely change."""
    return _decoded(text, kind, name)


def _explain(message: str, text: str, kind: type[Any], name: str) -> SettingsError:
    at = _AT.search(message)
    path = at[1] if at else ""
    message = _AT.sub("", message)
    unknown = _UNKNOWN.search(message)
    if unknown:
        key = unknown[1]
        line = _line_of(text, f"{path}.{key}")
        known = sorted(_fields_at(kind, path))
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known here: {', '.join(known)}."
        return SettingsError(f"{name}, line {line}: unknown key '{key}'.", hint)
    line = _line_of(text, path)
    where = path.lstrip(".") or "the file"
    return SettingsError(
        f"{name}, line {line}: {where}: {message[0].lower()}{message[1:]}.", "Correct the value and run again."
    )


def _line_of(text: str, path: str) -> int:
    """Line (1-based) of a dotted key path such as ``.territories[1].file``, or of its nearest parent."""
    parts = re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", path)
    wanted: list[str] = []
    index = 0
    for key, position in parts:
        if key:
            wanted.append(key)
        elif position.isdigit():
            index = int(position)
    best, header, seen = 1, [""], -1
    for number, line in enumerate(text.splitlines(), start=1):
        table = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if table:
            header = [part.strip().strip("\"'") for part in table[2].split(".")]
            if header == wanted[: len(header)]:
                seen += table[1] == "[["
                best = number
            continue
        pair = re.match(r"\s*([A-Za-z0-9_\"'.-]+)\s*=", line)
        if not pair:
            continue
        keys = [part.strip("\"'") for part in pair[1].split(".")]
        full = keys if header == [""] else [*header, *keys]
        if full == wanted[: len(full)] and (seen < 0 or seen == index):
            return number
    return best


def _fields_at(kind: Any, path: str) -> set[str]:
    """Field names of the structure at ``path`` inside ``kind``."""
    info: Any = msgspec.inspect.type_info(kind)
    for key in re.findall(r"\.([^.\[\]]+)|(?:\[[^\]]*\])", path):
        info = _inner(info)
        if key and hasattr(info, "fields"):
            info = next((field.type for field in info.fields if field.encode_name == key), info)
    info = _inner(info)
    return {field.encode_name for field in getattr(info, "fields", ())}


def _inner(info: Any) -> Any:
    while not hasattr(info, "fields"):
        if hasattr(info, "item_type"):
            info = info.item_type
        elif hasattr(info, "value_type"):
            info = info.value_type
        elif hasattr(info, "types"):
            info = next((kind for kind in info.types if hasattr(kind, "fields") or hasattr(kind, "item_type")), None)
        else:
            return info
    return info
