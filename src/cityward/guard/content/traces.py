"""Traces of movement in other forms than points with times: coded places, encoded lines, packed doubles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from cityward.guard.content import words

STAMP: Final = (
    r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|"
    r"\d\d:\d\d:\d\d|(?<![\d.])1[0-9]{9}(?:\d{3})?(?![\d.]))"
)
PLACES_MIN: Final = 5
_CODE: Final = re.compile(
    r"(?=[a-z]*\d)(?=\d*[b-hjkmnp-z])[0-9b-hjkmnp-z]{6,12}|"  # geohash
    r"8[0-9a-f]{14}|"  # H3
    r"[23456789CFGHJMPQRVWX]{4,8}\+[23456789CFGHJMPQRVWX]{2,3}|"  # plus code
    r"\d{1,2}[C-X][A-Z]{2}\d{6,10}|"  # MGRS
    r"(?:///)?[^\W\d_]{3,}\.[^\W\d_]{3,}\.[^\W\d_]{3,}"  # three words
)
_GEOHASH: Final = re.compile(r"[0-9b-hjkmnp-z]{6,12}")
_STAMP_RE: Final = re.compile(STAMP)
_CODED: Final = re.compile(
    rf"{STAMP}[^\w\n]{{1,4}}({_CODE.pattern})(?!\w)|(?<!\w)({_CODE.pattern})[^\w\n]{{1,4}}{STAMP}"
)
_ANGLE: Final = r"\d{1,3}\s?°\s?\d{1,2}\s?['′]\s?[\d.]{1,7}\s?[\"″]?\s?"
_DMS: Final = re.compile(rf"{STAMP}[^\w\n]{{1,4}}{_ANGLE}[NS][, ]{{1,3}}{_ANGLE}[EWO]")
_TIMES: Final = re.compile(
    r"(?:^| )(?:t|ts|dt|times?|timestamps?|stamps?|datetimes?|seconds|deltas?|offsets|at|when|zeiten|tiempos|horas|"
    r"heures)$"
)


def of_codes(rows: Sequence[Any]) -> bool:
    """Whether ``rows`` (lists or objects) each have a time and the code of a place, of several near each other."""
    codes = set()
    for row in rows[:200]:
        parts = list(row.values()) if isinstance(row, Mapping) else list(row)
        timed = any(_is_time(part) for part in parts)
        coded = [
            part for part in parts if isinstance(part, str) and (_CODE.fullmatch(part) or _GEOHASH.fullmatch(part))
        ]
        if not timed or len(coded) != 1:
            return False
        codes.add(coded[0])
    return _near(codes)


def of_text(text: str) -> bool:
    """Whether ``text`` has times, each beside the code of a place."""
    if len(set(_DMS.findall(text[:50_000]))) >= PLACES_MIN:
        return True
    return _near({a or b for a, b in _CODED.findall(text[:50_000])})


def of_mapping(value: Mapping[Any, Any]) -> bool:
    """Whether an object is an encoded line with its times, or has places by time."""
    keys = list(value)
    if len(keys) >= PLACES_MIN and all(_STAMP_RE.fullmatch(str(key)) for key in keys[:50]):
        return all(_is_pair(part) for part in list(value.values())[:50])
    lists = [
        part
        for key, part in value.items()
        if isinstance(part, list) and len(part) >= PLACES_MIN - 1 and _TIMES.search(words.in_words(str(key)))
    ]
    if not lists:
        return False
    sizes = [_polyline(part) for part in value.values() if isinstance(part, str)]
    return any(size >= PLACES_MIN and size - 1 <= len(times) <= size for size in sizes for times in lists)


def of_doubles(data: bytes) -> bool:
    """Whether ``data`` are doubles in rows of a place and a time that runs."""
    if len(data) < PLACES_MIN * 24 or len(data) % 8:
        return False
    x = np.frombuffer(data[: 2**18], dtype="<f8")
    for width in (3, 4):
        if x.size % width:
            continue
        rows = x.reshape(-1, width)
        for time in range(width):
            column = rows[:, time]
            if not (np.all((column > 1e9) & (column < 5e12)) and np.all(np.diff(column) >= 0)):
                continue
            others = np.delete(rows, time, axis=1)
            if any(_degrees(others[:, at : at + 2]) for at in range(width - 2)):
                return True
    return False


def _degrees(pair: Any) -> bool:
    return bool(np.all(np.isfinite(pair)) and np.all(np.abs(pair) <= 180) and 0 < np.ptp(pair, axis=0).max() < 20)


def _is_time(part: Any) -> bool:
    if isinstance(part, str):
        return bool(_STAMP_RE.fullmatch(part))
    return isinstance(part, int | float) and (1e9 < part < 5e9 or 1e12 < part < 5e12)


def _is_pair(part: Any) -> bool:
    if isinstance(part, Mapping):
        part = list(part.values())
    return isinstance(part, list) and 2 <= len(part) <= 3 and all(isinstance(number, float) for number in part[:2])


def _near(codes: set[str]) -> bool:
    """Codes of places near each other begin alike, or (H3, three words) look alike in form only."""
    if len(codes) < 3:
        return False
    first = min(codes)
    together = "".join(codes)
    if (not any(map(str.isdigit, together)) and "." not in together) or not any(map(str.isalpha, together)):
        return False
    return all(code[:2] == first[:2] for code in codes) or all(code.count(".") == 2 for code in codes)


def _polyline(text: str) -> int:
    """Points of an encoded line (Source: Google's encoded polyline format); 0: it is none on earth."""
    if not 20 <= len(text) <= 100_000 or not re.fullmatch(r"[?-~]+", text):
        return 0
    numbers, held, shift = [], 0, 0
    for character in text:
        part = ord(character) - 63
        held |= (part & 31) << shift
        shift += 5
        if part < 32:
            numbers.append(~(held >> 1) if held & 1 else held >> 1)
            held, shift = 0, 0
        elif shift > 40:
            return 0
    if shift or len(numbers) % 2:
        return 0
    places = np.cumsum(np.array(numbers, dtype=np.float64).reshape(-1, 2), axis=0)
    on_earth = np.all(np.abs(places) <= np.array([9e7, 1.8e8])) and all(
        np.abs(a - b).max() < 2e7 for a, b in pairwise(places[1:])
    )
    return len(places) if on_earth else 0
