"""Who does something on a command line, and in which words: tidied, or told what is missing."""

from __future__ import annotations

from typing import Final

from cityward.core.errors import UserError
from cityward.core.person_names import NAME_CHARS_MAX
from cityward.private.redact import redact_text

WORDS_CHARS_MIN: Final = 10
WORDS_CHARS_MAX: Final = 2_000


def name_of(by: str, asks: str = "Who does this?") -> str:
    """First and last name; raises UserError, beginning with ``asks``, when it is not two words at least."""
    by = " ".join(by.split())
    if len(by.split()) < 2 or len(by) > NAME_CHARS_MAX:
        raise UserError(asks, "Give your first and last name with --by.")
    return by


def words_of(text: str, what: str, remedy: str = "Name nobody.") -> str:
    """Words without what tells who a person is; raises UserError when they say too little of ``what``."""
    text = redact_text(" ".join(text.split())[:WORDS_CHARS_MAX])
    if len(text) < WORDS_CHARS_MIN:
        raise UserError(f"Say {what or 'why'} in at least {WORDS_CHARS_MIN} characters.", remedy)
    return text
