"""Passwords: which are taken, and how they are kept.

Source: NIST SP 800-63B-4, section 3.1.1 (length, no rules of composition, a list of what is refused, NFKC, the whole
password is checked); OWASP ASVS 5.0, V6.2; RFC 9106 (argon2id).
"""

from __future__ import annotations

import lzma
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core.errors import SettingsError, UserError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

CHARS_MIN: Final = 12
BYTES_MAX: Final = 1024
"""Longest password; a longer one costs time and gains nothing."""

MEMORY_KIB: Final = 64 * 1024
TIME_COST: Final = 3
AT_ONCE: Final = 2
"""Passwords hashed at one time: 128 MiB, whoever asks."""

WAIT_SECONDS: Final = 10.0
"""Longest wait for a turn to be hashed."""

WAITING_MAX: Final = 8
"""Strangers that wait for a turn at one time; more are sent away at once, so that they do not hold up pages."""

PAIRED: Final = 10_000
"""So many of the most common are refused in pairs too: 27 bits, which an offline guesser tries in a second."""

WORD_CHARS_MIN: Final = 3
"""Shortest name that a password must not mostly consist of."""

OWN_CHARS_MIN: Final = 8
"""Letters and digits that must be left when the names of the city and of the person are taken out."""

DIFFERENT_MIN: Final = 5
"""Fewest different characters."""

_LIST: Final = Path(__file__).with_name("common_passwords.txt.xz")
_SPELT: Final = str.maketrans("013457@$!", "oleastasi")
_RUNS: Final = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)


def normalized(password: str) -> str:
    """The password in NFKC, so that every keyboard writes it alike."""
    return unicodedata.normalize("NFKC", password)


def _hashed(password: str) -> bytes:
    """The bytes that are hashed, of a text that is too long as many as show it to be none that was taken."""
    return normalized(password[: BYTES_MAX + 1]).encode("utf-8", "surrogatepass")[: BYTES_MAX + 1]


@cache
def _common() -> dict[str, int]:
    """Rank of each common or breached password, in small letters."""
    return {word: rank for rank, word in enumerate(lzma.decompress(_LIST.read_bytes()).decode().split("\n"))}


def check_password(password: str, names: Iterable[str] = ()) -> None:
    """Raise unless a new password may be taken.

    Parameters
    ----------
    password : str
        As typed.
    names : iterable of str
        Of the city and of the person: words that it must not mostly consist of.

    Raises
    ------
    UserError
        Says why; never repeats the password.
    """
    plain = normalized(password)
    if len(plain) < CHARS_MIN:
        raise UserError(f"A password needs at least {CHARS_MIN} characters.", "Four or five words do well.")
    if len(plain.encode("utf-8", "replace")) > BYTES_MAX:
        raise UserError(f"A password may have at most {BYTES_MAX} bytes.", "Choose a shorter one.")
    folded = plain.casefold()
    if len(set(folded)) < DIFFERENT_MIN or _is_run(folded) or any(_is_common(form) for form in _forms(folded)):
        raise UserError("This password is among those that are tried first.", "Choose another, of several words.")
    rest = folded
    for word in sorted({word for name in names for word in re.findall(r"\w+", name.casefold())}, key=len, reverse=True):
        if len(word) >= WORD_CHARS_MIN:
            rest = rest.replace(word, "")
    if rest != folded and len(re.findall(r"\w", rest)) < OWN_CHARS_MIN:
        raise UserError("This password is mostly the name of a person or of the city.", "Choose another.")


def _forms(folded: str) -> Iterator[str]:
    """What a password is a small change of: ends of digits and signs cut, letters written as digits undone."""
    for form in (folded, re.sub(r"\s+", "", folded)):
        core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", form)
        yield from (form, core, form.translate(_SPELT), core.translate(_SPELT), re.sub(r"[\W_]+", "", form))


def _is_common(form: str) -> bool:
    common = _common()
    if form in common or _unit(form) in common:
        return True
    halves = ((common.get(form[:at], PAIRED), common.get(form[at:], PAIRED)) for at in range(1, len(form)))
    return any(max(pair) < PAIRED for pair in halves)


def _unit(form: str) -> str:
    """What a text repeats: ``abcabcabc`` → ``abc``; the text itself when it repeats nothing."""
    at = (form + form).find(form, 1)
    return form[:at] if form else form


def _is_run(folded: str) -> bool:
    """Whether nearly every character follows its neighbour in a row of the keyboard, the alphabet or the numbers."""
    rows = [*_RUNS, *(row[::-1] for row in _RUNS)]
    following = {pair for row in rows for pair in pairwise(row + row[0])} | {(one, one) for one in folded}
    steps = sum(pair in following for pair in pairwise(folded))
    return steps >= 0.8 * (len(folded) - 1)


class Hashing:
    """Hashes passwords with argon2id, a few at a time, so that nobody can fill memory by signing in."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        # Whoever is not known waits in a line of its own, so that a flood of strangers leaves a turn for the others.
        self._strangers = threading.BoundedSemaphore(AT_ONCE - 1)
        self._seats = threading.BoundedSemaphore(WAITING_MAX)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        try:
            from argon2 import PasswordHasher
        except ModuleNotFoundError:
            raise missing_extra() from None
        return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1)

    @cached_property
    def _nobody(self) -> str:
        """The hash of a password that nobody knows, so that an unknown name costs what a known one does."""
        import secrets

        return self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Return the hash of a password, with its salt and costs.

        Raises
        ------
        UserError
            Too many are being hashed just now.
        """
        with self._turn(known=True):
            return self._hasher.hash(_hashed(password))

    def verify(self, kept: str | None, password: str, *, known: bool) -> bool:
        """Whether a password is the one that ``kept`` is the hash of; None takes as long and is never.

        Parameters
        ----------
        known : bool
            Whether it comes from a device of somebody who signed in before.

        Raises
        ------
        UserError
            Too many are being hashed just now.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        against = kept if kept is not None else self._nobody
        with self._turn(known=known):
            try:
                return self._hasher.verify(against, _hashed(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _turn(self, *, known: bool) -> Iterator[None]:
        """Wait for a turn; strangers have all turns but one between them."""
        lines = [(self._turns, WAIT_SECONDS)]
        if not known:
            lines = [(self._seats, 0.0), (self._strangers, WAIT_SECONDS), *lines]
        held: list[threading.BoundedSemaphore] = []
        try:
            for line, seconds in lines:
                if not line.acquire(timeout=seconds):
                    raise UserError("Too many people sign in just now.", "Try again in a minute.")
                held.append(line)
            yield
        finally:
            for line in reversed(held):
                line.release()


def missing_extra() -> SettingsError:
    """What is said where the libraries of access are not installed."""
    return SettingsError("Signing in needs libraries that are not installed.", "Install cityward[access].")
