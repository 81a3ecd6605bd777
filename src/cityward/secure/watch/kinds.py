"""What the beginning of a file should look like, by its name.

Entropy alone says little: Parquet is compressed, and hashes look like noise. So a file is held against its own kind:
its magic bytes, or for text that it is text.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

HEAD_BYTES: Final = 4_096
"""As much of a file as is looked at."""

NOISE_BITS: Final = 7.2
"""Bits a byte from which a beginning without a known form counts as noise: 4,096 random bytes have 7.95 on average,
512 of them 7.6; base64, the densest text of a city, has 6 at most."""

NOISE_BYTES_MIN: Final = 256
"""Fewer bytes cannot be told from noise."""

MAGIC: Final = {
    ".parquet": (b"PAR1",),
    ".arrow": (b"ARROW1",),
    ".db": (b"SQLite format 3\x00",),
    ".db-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"),
    ".gz": (b"\x1f\x8b",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".pdf": (b"%PDF-",),
    ".xlsx": (b"PK\x03\x04",),
    ".zip": (b"PK\x03\x04",),
}
TEXT: Final = frozenset(
    {".toml", ".json", ".jsonld", ".geojson", ".ndjson", ".csv", ".txt", ".md", ".html", ".svg", ".pub", ".xml"}
)
NOISE: Final = frozenset({".key", ".leaves", ".sealed", ".seg", ".db-shm", ".lock"})
"""Kinds that may hold keys, hashes or compressed rows without a form that is known here."""

HASHES: Final = "ledger/"
"""Folder whose files without a suffix are hashes: its own proof says whether they are right."""


def entropy_bits(data: bytes) -> float:
    """Shannon entropy of the bytes of ``data``, in bits a byte (0 to 8)."""
    if not data:
        return 0.0
    counts = np.bincount(np.frombuffer(data, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(data)
    return float(-(shares * np.log2(shares)).sum())


def is_text(head: bytes) -> bool:
    """Whether a beginning is UTF-8 without control characters; a character cut at the end does not matter."""
    for cut in range(min(4, len(head) + 1)):
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return not any(ord(sign) < 32 and sign not in "\t\n\r\f\x1c\x1d\x1e\x1f" for sign in text)
    return False


def strange(path: str, head: bytes) -> str | None:
    """Why a beginning is not what its name promises, in words; None when it is.

    Parameters
    ----------
    path : str
        Of the file, from the root of the city.
    head : bytes
        Its first `HEAD_BYTES`. An empty one is not strange: a file begins empty.
    """
    suffix = PurePosixPath(path).suffix.lower()
    hashes = path.removeprefix("./").startswith(HASHES) and (not suffix or suffix == ".p")
    if not head or hashes:
        return None
    if suffix in MAGIC:
        return None if head.startswith(MAGIC[suffix]) else f"does not begin as a {suffix[1:]} file does"
    if suffix in TEXT:
        return None if is_text(head) else "is no text any more"
    if suffix in NOISE or is_text(head):
        return None
    bits = entropy_bits(head)
    if len(head) >= NOISE_BYTES_MIN and bits >= NOISE_BITS:
        return f"has a suffix without a known form and reads as noise ({bits:.1f} bits a byte)"
    return None
