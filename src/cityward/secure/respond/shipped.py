"""Playbooks that are here: those that ship, and those of a city; found by name, identifier or technique."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from cityward.core.errors import UnknownId
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.checks import called_problems, check, read_playbook
from cityward.secure.respond.limits import PLAYBOOK_BYTES
from cityward.secure.respond.problem import BadPlaybook, Problem
from cityward.secure.respond.records import Playbook
from cityward.secure.risk.attack import techniques

FILES_MAX: Final = 200
"""Most playbooks of one city."""


class Held:
    """A set of playbooks, checked, with their bytes.

    Parameters
    ----------
    texts : mapping of str to bytes
        Documents by name; a later one of the same name takes the place of an earlier one.
    """

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self.texts = dict(texts)
        self.problems: dict[str, list[Problem]] = {}
        self.books: dict[str, Playbook] = {}
        first = {key: _checked(key, data) for key, data in self.texts.items()}
        known = {book.id: book for book, problems in first.values() if book is not None and not problems}
        for key, (book, problems) in first.items():
            found = problems or (called_problems(book, known) if book is not None else [])
            if found or book is None:
                self.problems[key] = list(found)
            elif any(book.id == other.id for other in self.books.values()):
                self.problems[key] = [Problem(place="id", what="Another playbook has the same identifier.")]
            else:
                self.books[key] = book

    def by_id(self) -> dict[str, Playbook]:
        """The playbooks by their CACAO identifier."""
        return {book.id: book for book in self.books.values()}

    def get(self, key: str) -> Playbook:
        """One by its name or CACAO identifier.

        Raises
        ------
        UnknownId
            There is none such.
        BadPlaybook
            It is here, and cannot be used.
        """
        found = self.books.get(key) or self.by_id().get(key)
        if found is not None:
            return found
        if key in self.problems:
            raise BadPlaybook(key, self.problems[key])
        raise UnknownId(f"There is no playbook '{printable(key, 60)}'.", "'cityward respond list' lists them.")

    def read(self, data: bytes, name: str) -> Playbook:
        """A playbook of somebody else, which may call those that are here; raises `BadPlaybook`."""
        return read_playbook(data, name, self.by_id())

    def with_called(self, book: Playbook) -> dict[str, Playbook]:
        """A playbook and all that it calls, by identifier."""
        found, known = {book.id: book}, self.by_id()
        waiting = [book]
        while waiting:
            for step in waiting.pop().steps.values():
                other = known.get(step.playbook)
                if other is not None and other.id not in found:
                    found[other.id] = other
                    waiting.append(other)
        return found


@lru_cache(maxsize=2 * FILES_MAX)
def _checked(key: str, data: bytes) -> tuple[Playbook | None, tuple[Problem, ...]]:
    """A playbook is checked once for its bytes: they are read anew before each use, and rarely change."""
    book, problems = check(data, key, key=key)
    return book, tuple(problems)


@lru_cache(maxsize=1)
def shipped_texts() -> dict[str, bytes]:
    """Documents that ship, by name."""
    root = files(__package__) / "playbooks"
    return {
        one.name.removesuffix(".json"): one.read_bytes()
        for one in sorted(root.iterdir(), key=lambda each: each.name)
        if one.name.endswith(".json")
    }


def texts_in(folder: Path) -> dict[str, bytes]:
    """Documents of a folder, by name; one that is too large is cut, one that cannot be read empty: both are refused."""
    found = {}
    for path in sorted(folder.glob("*.json"))[:FILES_MAX] if folder.is_dir() else ():
        found[path.stem] = b""
        with suppress(OSError), path.open("rb") as file:
            found[path.stem] = file.read(PLAYBOOK_BYTES + 1)
    return found


@lru_cache(maxsize=1)
def shipped() -> Held:
    """The playbooks that ship."""
    return Held(shipped_texts())


def playbooks_for(wanted: Iterable[str], held: Held | None = None) -> list[Playbook]:
    """Playbooks that answer techniques of ATT&CK, those that answer the most first.

    Parameters
    ----------
    wanted : iterable of str
        Techniques (``T1486``); a sub-technique is answered by its technique, and a technique by its sub-techniques.
    held : Held, optional
        The playbooks of a city; default those that ship.
    """
    asked = set(wanted)
    counted = [(sum(_answers(book, one) for one in asked), book) for book in (held or shipped()).books.values()]
    return [book for count, book in sorted(counted, key=lambda one: (-one[0], one[1].key)) if count]


def _answers(book: Playbook, technique: str) -> bool:
    return any(akin(technique, one) for one in book.about.techniques)


def akin(one: str, other: str) -> bool:
    """Whether two techniques are the same, or one is the other's sub-technique."""
    return one == other or one.split(".", maxsplit=1)[0] == other or other.split(".", maxsplit=1)[0] == one


def named(book: Playbook) -> list[tuple[str, str]]:
    """The techniques that a playbook answers, with their names."""
    known = techniques()
    return [(one, known.get(one, "")) for one in book.about.techniques]
