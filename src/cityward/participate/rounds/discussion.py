"""Statements about proposals, as people write them: short, cleaned of who somebody is, each once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from cityward.core.errors import UserError
from cityward.participate.portal.report import clean
from cityward.private.redact import redact_text

STATEMENT_CHARS: Final = (10, 140)
STATEMENTS_MAX: Final = 150
"""Statements of one round: a page of more nobody reads to its end."""

VOTES: Final[Mapping[str, int]] = {"agree": 1, "pass": 0, "disagree": -1}

_ADDRESS: Final = re.compile(
    r"\b\d{1,5}[A-Za-z]?\s+(?:[A-ZÀ-Ý][\w'.-]*\s+){1,4}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Square|Place|Way|Boulevard|Blvd)\b"
    r"|\b(?:Calle|Avenida|Rua|Av\.|Travessa|Plaza|Praça|Paseo)\s+(?:[\w'.-]+,?\s+){1,6}?(?:n[.º°o]*\s*)?\d{1,5}\b"
)
"""A house in words: its number with its street."""

_DIGITS: Final = re.compile(r"\+?(?:\d[\s()./-]*){7,}")
"""Digits in a row that could be anybody's telephone; in a sentence that all read, a large amount is the lesser loss."""


class NoStatement(UserError):
    """What was written is no statement; ``why`` is ``statement_`` and short, long, about, again or full."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"This is no statement ({why}).", "Write it in other words.")


def read_statement(typed: str, about: str, projects: Collection[str], there: Iterable[str]) -> str:
    """A statement without names, telephones, e-mail addresses and houses.

    Parameters
    ----------
    about : str
        Identifier of a project, or empty for all.
    projects : collection of str
        Those of the round.
    there : iterable of str
        Statements that there are about the same.

    Raises
    ------
    NoStatement
        It is too short or long, about nothing, or there already.
    """
    text = clean(typed, STATEMENT_CHARS[1] + 1)
    if len(text) > STATEMENT_CHARS[1]:
        raise NoStatement("statement_long")
    if about and about not in projects:
        raise NoStatement("statement_about")
    text = _DIGITS.sub("[number] ", _ADDRESS.sub("[address]", redact_text(text))).strip()
    if len(re.sub(r"\[[a-z -]+\]|\W", "", text)) < STATEMENT_CHARS[0] // 2 or len(text) < STATEMENT_CHARS[0]:
        raise NoStatement("statement_short")
    held = [_plain(one) for one in there]
    if _plain(text) in held:
        raise NoStatement("statement_again")
    if len(held) >= STATEMENTS_MAX:
        raise NoStatement("statement_full")
    return text


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def read_votes(fields: Mapping[str, str], statements: Collection[str]) -> dict[str, int]:
    """Answers of a form: ``s-ID`` is agree, disagree or pass; all else says nothing."""
    found = {one: fields.get(f"s-{one}", "") for one in statements}
    return {one: VOTES[said] for one, said in found.items() if said in VOTES}
