"""Text of unknown origin, made safe to show: no escape sequence, no hidden direction, no endless line."""

from __future__ import annotations

SHOWN_CHARS = 400


def printable(text: str, longest: int = SHOWN_CHARS) -> str:
    """``text`` with every sign that is not printed as ``\\xNN``, cut at ``longest`` characters.

    A terminal obeys escape sequences in what it shows (CWE-150), and a log is written by whoever attacks.
    """
    cut = text[:longest]
    if not cut.isprintable():
        cut = "".join(sign if sign.isprintable() else _coded(sign) for sign in cut)
    return cut if len(text) <= longest else f"{cut}… ({len(text):,} characters)"


def _coded(sign: str) -> str:
    code = ord(sign)
    return " " if sign in "\t\n" else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
