"""Redaction of free text: e-mail addresses, telephone, card, bank and personal id numbers.

A cheap columnar pattern finds the few texts with an ``@`` or a long run of digits; only on those is the
exact check (Luhn, ISO 13616) made. House numbers, dates, years, prices and request numbers stay.
"""

from __future__ import annotations

import re

import polars as pl

_EMAIL = r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
_IBAN = r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"
_SSN = r"\b\d{3}-\d{2}-\d{4}\b"
_DIGIT_RUN = r"\+?\(?\d(?:[ .()/-]{0,2}\d){8,22}"

_CANDIDATE = r"@|[0-9][0-9 .()/-]{5,}[0-9]"

_EMAIL_RE = re.compile(_EMAIL)
_IBAN_RE = re.compile(_IBAN)
_SSN_RE = re.compile(_SSN)
_RUN_RE = re.compile(_DIGIT_RUN)
_PHONE_WORDS = "tel|phone|call|cell|mobile|llame|telefono|teléfono|telefone|ligue|telefon|tél|fax"
_SHORT_PHONE_RE = re.compile(
    rf"\b(?P<word>{_PHONE_WORDS})(?P<gap>\W{{1,5}})\d{{3}}[ .-]\d{{4}}\b",
    re.IGNORECASE,
)
_REQUEST_NUMBER_RE = re.compile(r"^\d{2}-\d{8}$")
_DATE_TIME_RE = re.compile(r"^(?:19|20)\d{2}[-/.]\d{2}[-/.]\d{2}[ T]?\d{0,2}")
_COORDINATE_RE = re.compile(r"^\d{1,3}\.\d{4,}$")
_ZIP_PLUS_FOUR_RE = re.compile(r"^\d{5}-\d{4}$")
_INNOCENT = (_REQUEST_NUMBER_RE, _DATE_TIME_RE, _COORDINATE_RE, _ZIP_PLUS_FOUR_RE)


def redact(values: pl.Series) -> pl.Series:
    """Return ``values`` (String) with personal numbers and addresses replaced by ``[e-mail]`` and the like.

    Heights and nulls are kept.
    """
    candidates = values.str.contains(_CANDIDATE).fill_null(value=False)
    if not candidates.any():
        return values
    suspects = values.filter(candidates).unique()
    clean = pl.Series([redact_text(text) for text in suspects], dtype=pl.String)
    return values.replace(suspects, clean)


def redact_text(text: str) -> str:
    """Return one text without personal numbers and addresses."""
    text = _EMAIL_RE.sub("[e-mail]", text)
    text = _IBAN_RE.sub(lambda match: "[account]" if _iban(match[0]) else match[0], text)
    text = _SSN_RE.sub("[id number]", text)
    text = _SHORT_PHONE_RE.sub(lambda match: f"{match['word']}{match['gap']}[telephone]", text)
    return _RUN_RE.sub(lambda match: _number(match[0]), text)


def _number(run: str) -> str:
    """Name what a long run of digits is, or give it back."""
    digits = re.sub(r"\D", "", run)
    if any(pattern.match(run) for pattern in _INNOCENT):
        return run
    if 13 <= len(digits) <= 19 and luhn(digits):
        return "[card number]"
    if run.startswith("+") and 9 <= len(digits) <= 15:
        return "[telephone]"
    if 9 <= len(digits) <= 11 and (digits != run or len(digits) >= 10):
        return "[telephone]"
    return "[number]" if len(digits) >= 12 else run


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number holds (Source: ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _iban(text: str) -> bool:
    """Whether the check digits of a bank account hold (Source: ISO 13616, mod 97)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
