"""Tells embeddings of faces, voices and walks from series of sensors, by what their numbers are like.

An embedding's numbers stand in no order: neighbours are not alike, signs are as often plus as minus, there
are many decimals, the length is one that networks have and the norm often one. A sensor's neighbours are
alike, or its values lie around a level, and its length is a day's, a week's or an hour's.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.guard.content import words

NUMBERS_MIN: Final = 32
"""Shortest vector that is judged without a telling name; templates in use have 64 to 2,048 numbers."""
NAMED_MIN: Final = 12
LONGEST: Final = 4096
"""Numbers of the longest template in use."""
SCORE_MIN: Final = 3.0
"""Evidence from which on a vector counts as a template; the weights below were set on the labelled set."""

_LENGTHS: Final = frozenset({64, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 2622, 3072, 4096})
_TIMES: Final = frozenset(
    {
        24,
        48,
        52,
        60,
        72,
        90,
        96,
        120,
        144,
        168,
        180,
        240,
        288,
        336,
        360,
        365,
        366,
        672,
        720,
        730,
        744,
        1000,
        1440,
        2016,
        3600,
        8760,
        8784,
        10080,
    }
)

Numbers = NDArray[np.float64]


def is_template(numbers: Numbers, name: str = "", *, decimals: bool = True) -> bool:
    """Return whether ``numbers`` (any length) are a template.

    Parameters
    ----------
    numbers : numpy.ndarray
        In the order given.
    name : str
        Name of the column and key, in words.
    decimals : bool
        Whether numbers were written in decimals; packed in bytes they have all of them.
    """
    numbers = numbers[np.isfinite(numbers)]
    told = bool(words.BIOMETRIC.search(name))
    if numbers.size < (NAMED_MIN if told else NUMBERS_MIN):
        return False
    return score(numbers, name, decimals=decimals) >= SCORE_MIN


def score(x: Numbers, name: str = "", *, decimals: bool = True) -> float:  # noqa: C901 - one piece of evidence after the other
    """Return the evidence that ``x`` is a template; see `SCORE_MIN`."""
    size, spread = x.size, float(np.std(x))
    if spread == 0:
        return 0.0
    whole = bool(np.all(x == np.rint(x)))
    bits = whole and bool(np.all((x == 0) | (x == 1)))
    named = bool(words.BIOMETRIC.search(name))
    serial = bool(words.SERIES.search(name)) and not named
    if bits:
        return 3.0 if size >= 1024 and (size in (1024, 2048, 4096, 8192) or named) and not serial else 1.5 * named
    if not whole and ((named and size >= 2 * NUMBERS_MIN) or words.BODY.search(name)):
        return SCORE_MIN  # the name and the length say it, whatever the numbers are like
    evidence = 2.0 * named - 1.0 * serial
    alike = _alike(x)
    limit = 3.2 / np.sqrt(size)
    evidence += 1.0 if abs(alike) < limit else (-2.0 if alike > max(0.35, 2 * limit) else 0.0)
    below = float(np.mean(x < 0))
    evidence += _level(x, spread, below, whole=whole)
    if size in _LENGTHS:
        evidence += 1.0
    elif size in _TIMES and size != 96:
        evidence -= 1.0
    if 0.2 < below < 0.8 and _unit(x):
        evidence += 2.0
    if not whole and (not decimals or _many_decimals(x)):
        evidence += 1.0
    if whole and below > 0.3 and 120 <= float(np.max(np.abs(x))) <= 128:
        evidence += 1.0  # quantised to a byte with its sign
    if whole:
        evidence -= 1.0 if np.min(x) >= 0 and not _byte_like(x, spread) else 0.0
    if not whole and _coarse(x, spread):
        evidence -= 1.0
    distinct = np.unique(x).size / size
    if distinct < 0.3 and not whole:
        evidence -= 1.0
    return evidence


def _alike(x: Numbers) -> float:
    """The larger of the correlations of neighbours, one and two apart, beyond outliers' reach."""
    low, high = np.quantile(x, [0.01, 0.99])
    y = np.clip(x, low, high)
    y = y - y.mean()
    total = float(np.dot(y, y))
    if total == 0:
        return 1.0
    return max(float(np.dot(y[:-lag], y[lag:])) / total for lag in (1, 2))


def _level(x: Numbers, spread: float, below: float, *, whole: bool) -> float:
    """Evidence from where the numbers lie: around zero, around the middle of a byte, or many zeros and decimals."""
    if 0.3 < below < 0.7 and abs(float(np.mean(x))) < 0.35 * spread:
        return 1.0
    if whole:
        return 1.0 if _byte_like(x, spread) else -1.0
    if below == 0:
        zeros = float(np.mean(x == 0))
        if 0.15 < zeros < 0.85:
            return 0.5 if _many_decimals(x[x > 0]) else -0.5
        top, bell = float(np.max(x)), float(np.mean((x - np.mean(x)) ** 4)) / spread**4
        if (
            bell > 2.2
            and top <= 1.0
            and ((top > 0.999 and float(np.min(x)) < 0.001) or abs(float(np.mean(x)) - 0.5) < 0.06)
        ):
            return 1.0  # squeezed into 0 to 1
        return 0.5 if _unit(x) and top < 0.6 else -1.0
    return 0.0


def _byte_like(x: Numbers, spread: float) -> bool:
    """Whole numbers that fill a byte around its middle, as quantised numbers do."""
    return bool(np.max(x) <= 255 and 15 < spread < 65 and abs(float(np.mean(x)) - 127.5) < 20 and np.max(x) > 160)


def _unit(x: Numbers) -> bool:
    return abs(float(np.linalg.norm(x)) - 1.0) < 0.02


def _many_decimals(x: Numbers) -> bool:
    """Whether most numbers have four or more decimals, measured against their own size."""
    x = x[x != 0]
    if not x.size:
        return False
    size = float(np.median(np.abs(x)))
    step = 10.0 ** np.floor(np.log10(size)) * 1e-2 if size < 1 else 1e-3
    rest = np.abs(x / step - np.rint(x / step))
    return float(np.mean(rest > 1e-6)) > 0.5


def _coarse(x: Numbers, spread: float) -> bool:
    """Whether numbers have one or two decimals and few steps of them, as instruments and prices have."""
    return any(spread * scale < 100 and np.all(np.abs(x * scale - np.rint(x * scale)) < 1e-6) for scale in (10, 100))


# -- numbers packed in bytes -----------------------------------------------------------------------


def packed_template(data: bytes, name: str = "") -> bool | None:
    """Return whether ``data`` holds a template packed as float32, float16, float64, int8 or bits.

    False: it holds numbers, but of a series; None: no numbers.
    """
    if not 64 <= len(data) <= 2**22:
        return None
    runs = _float_runs(data[: 2**18])
    if any(is_template(x, name, decimals=False) for x in runs):
        return True
    whole = bool(runs) and max(x.size for x in runs) * 4 >= len(data)
    if not whole and _quantised(data, name):
        return True
    if runs:
        return False
    return True if _iris(data, name) else None


def bits_of_template(values: list[int], name: str = "") -> bool:
    """Return whether whole numbers are the bits of decimals, and these a template."""
    low, high = min(values), max(values)
    if len(values) < NUMBERS_MIN or high < 2**24 or not (low >= -(2**31) and high < 2**32):
        return False
    x = _read((np.array(values, dtype=np.int64) & (2**32 - 1)).astype("<u4").tobytes(), "<f4")
    return bool(_likely(x, "<f4").all()) and _one_quantity(x) and is_template(x, name, decimals=False)


_TYPED: Final = (
    (re.compile(rb"(?:[\xca\xfa].{4}){32,}", re.DOTALL), ">f4", 5),
    (re.compile(rb"(?:[\xcb\xfb].{8}){32,}", re.DOTALL), ">f8", 9),
    (re.compile(rb"(?:G.{8}){32,}", re.DOTALL), ">f8", 9),
)
"""Numbers one by one with their type before each (Source: MessagePack, RFC 8949 CBOR, Python's pickle)."""


def _float_runs(data: bytes) -> list[Numbers]:
    """Return the longest run of numbers in ``data`` of each width, wherever a header ends.

    Bytes of anything else are none for long. Read at a wrong place, numbers still look like some: the reading
    that covers the most bytes is the right one, and of equal ones that which begins first.
    """
    for pattern, kind, stride in _TYPED:
        match = pattern.search(data)
        if match:
            raw = np.frombuffer(match[0], dtype=np.uint8).reshape(-1, stride)[:, 1:]
            return [_read(raw.tobytes(), kind)]
    best: tuple[int, Numbers] | None = None
    for kind in ("<f4", ">f4", "<f8", ">f8", "<f2", ">f2"):
        width = int(kind[2])
        for skip in range(width):
            rest = data[skip : skip + (len(data) - skip) // width * width]
            x = _read(rest, kind)
            for start, end in _stretches(_likely(x, kind)):
                covered = (end - start) * width
                if (best is None or covered > best[0]) and _one_quantity(x[start:end]):
                    best = covered, x[start:end]
                    break
    return [] if best is None else [best[1]]


def _likely(x: Numbers, kind: str) -> NDArray[np.bool_]:
    """Which numbers somebody would write; few of random bytes and texts are."""
    size = np.abs(x)
    low, high = (2e-6, 64.0) if kind.endswith("2") else (1e-7, 1e6)
    likely: NDArray[np.bool_] = np.isfinite(x) & ((size == 0) | ((size > low) & (size < high)))
    return likely


def _stretches(fine: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of `NUMBERS_MIN` or more of ``fine``, the longest first."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fine, [False])).astype(np.int8)))
    pairs = [(int(start), int(end)) for start, end in edges.reshape(-1, 2) if end - start >= NUMBERS_MIN]
    return sorted(pairs, key=lambda pair: pair[0] - pair[1])[:3]


def _one_quantity(x: Numbers) -> bool:
    """Whether numbers span few powers of ten, as those of one quantity do."""
    held = np.abs(x[x != 0])
    return held.size >= NUMBERS_MIN // 2 and bool(np.quantile(held, 0.95) / np.quantile(held, 0.25) < 200)


def _read(data: bytes, kind: str) -> Numbers:
    with np.errstate(all="ignore"):
        return np.frombuffer(data, dtype=kind).astype(np.float64)


def _quantised(data: bytes, name: str) -> bool:
    if len(data) not in _LENGTHS | {96} and not words.BIOMETRIC.search(name):
        return False
    raw = np.frombuffer(data, dtype=np.uint8)
    for x in (raw.view(np.int8).astype(np.float64), raw.astype(np.float64) - 128):
        spread = float(np.std(x))
        bell = float(np.mean((x - x.mean()) ** 4)) / max(spread, 1e-9) ** 4
        if (
            8 < spread < 60
            and abs(float(np.mean(x))) < 0.25 * spread
            and bell > 2.15
            and abs(_alike(x)) < 3.2 / np.sqrt(x.size)
        ):
            return True
    return False


def _iris(data: bytes, name: str) -> bool:
    """2,048 bits, or that with its mask; nothing but the name tells a signature of that length apart."""
    if words.OPAQUE.search(name) and not words.BIOMETRIC.search(name):
        return False
    named = bool(words.BIOMETRIC.search(name))
    return len(data) == 256 or (len(data) in (128, 512, 1024) and named)


# -- numbers written in text -----------------------------------------------------------------------

_NUMBER: Final = r"[-+−]?(?:\d+(?:[.]\d*)?|[.]\d+)(?:[eE][-+]?\d{1,3})?"
_RUN: Final = re.compile(rf"(?<![\d.]){_NUMBER}(?:[\s,;:|/\\_\[\](){{}}\"'f]{{1,8}}{_NUMBER}){{{NAMED_MIN - 1},}}")
_COMMA: Final = re.compile(r"(?<![\d,])-?\d+,\d+(?:[\s;|]{1,4}-?\d+,\d+){11,}")
_PAIR: Final = re.compile(r"(?<![\d.])\d{1,4}:(?=[-+.\d])")
_HEX_FLOAT: Final = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-]\d{1,4}")
_MARKUP: Final = re.compile(r"(?<=\d)f0?(?=[,\s\])}])|<[^<>\d][^<>]{0,60}>|\n\s*-\s")
"""Tags of XML and items of YAML between numbers, and what some languages write after a float."""
_NUMBER_RE: Final = re.compile(_NUMBER)


def runs(text: str) -> list[Numbers]:
    """Return the runs of numbers written in ``text``, of `NAMED_MIN` numbers or more."""
    comma = _COMMA.search(text)
    if comma:
        return [np.array([float(part.replace(",", ".")) for part in re.findall(r"-?\d+,\d+", comma[0])])]
    if "p" in text and _HEX_FLOAT.search(text):
        return [np.array([float.fromhex(part) for part in _HEX_FLOAT.findall(text)])]
    plain = _MARKUP.sub(" ", text) if _MARKUP.search(text[:4000]) else text
    if len(_PAIR.findall(text[:4000])) >= NAMED_MIN and "T" not in text[:4000]:
        plain = _PAIR.sub(" ", text)  # 1:0.12 2:-0.33
    found = []
    for match in _RUN.finditer(plain):
        numbers = [float(part.replace("−", "-")) for part in _NUMBER_RE.findall(match[0])]
        found.append(np.array(numbers))
    return found
