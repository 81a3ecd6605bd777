"""A discussion of proposals without a thread: short statements, answers to them, and which groups agree on what.

A voter is a keyed digest of his code, or of the token of the page that he opened: the first cannot be made up, the
second can, and both are told apart. Neither leads to a ballot.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import polars as pl

from cityward.city.rounds import CodeRefused, NotOpen
from cityward.city.saying import name_of, words_of
from cityward.core.errors import CitywardError, UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Record
from cityward.participate.opinions.answers import answers
from cityward.participate.opinions.report import VOTERS_LEAST, Opinions, opinions
from cityward.participate.portal.numbers import SECRET_LETTERS, as_typed, spelt
from cityward.participate.rounds.discussion import read_statement, read_votes
from cityward.participate.rounds.shape import Round
from cityward.private.pseudonym import load_or_create_key

if TYPE_CHECKING:
    from cityward.city.city import City

ANSWERS_TOLD: Final = 5
"""Of a statement that fewer answered no figure is told."""

ANSWERS_MAX: Final = 1_000_000
"""Most answers of one round; a program that sends more is no resident."""

SECONDS: Final = 60
"""How old what is told may be: to find groups takes seconds, and anybody can ask."""

Whose = Literal["coded", "all"]


class Said(Record, frozen=True, kw_only=True):
    """A statement. ``hidden`` is why nobody is shown it; taken back by its author it has no text either."""

    id: str
    round: str
    about: str
    text: str
    at: datetime
    hidden: str = ""
    hidden_by: str = ""
    receipt: int | None = None


class Made(Record, frozen=True, kw_only=True):
    """A statement that was taken, and the secret by which its author takes it back."""

    said: Said
    secret: str
    repeated: bool


class Told(Record, frozen=True, kw_only=True):
    """What a discussion says. Groups are looked for among answers with a code where these are enough, else among all.

    ``coded`` and ``uncoded`` are answers with and without a code: the second can come from anybody, as often as he
    likes. ``differs`` names statements on which the two are clearly apart: there the box may have been stuffed.
    """

    round: str
    whose: Whose
    opinions: Opinions | None
    statements: dict[str, str]
    coded: int
    uncoded: int
    differs: tuple[str, ...]
    hidden: int


class Discussion:
    """Discussions of the rounds of ``city``; reached as ``city.rounds.discussion``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._told: dict[str, tuple[datetime, Told]] = {}

    @cached_property
    def _key(self) -> bytes:
        return load_or_create_key(self._city.folder.residents_key)

    # -- statements --------------------------------------------------------------------------------

    def statements(self, name: str) -> list[Said]:
        """Statements of a round that are shown, oldest first."""
        return [one for one in self._all(name) if not one.hidden]

    def _all(self, name: str) -> list[Said]:
        return [one for one in self._city.registers.list_of("statement", Said) if one.round == name]

    def say(self, name: str, about: str, typed: str, token: str) -> Made:
        """Take a statement; the same form again changes nothing.

        Raises
        ------
        UnknownId, NotOpen, cityward.participate.rounds.discussion.NoStatement
            No such round; it takes none; what was written is none.
        cityward.city.portal.TooSoon, cityward.city.portal.TooOld
            The form has to be sent once more.
        """
        found = self._open(name)
        checked = self._city.portal.checked(token)
        identifier = make_id("statement", name, self._digest("statement", name, checked.text))
        secret = self._secret(identifier)
        with self._city.writing():
            every = self._all(name)
            held = next((one for one in every if one.id == identifier), None)
            if held is not None:
                return Made(said=held, secret=secret, repeated=True)
            there = [one.text for one in every if one.about == about]
            text = read_statement(typed, about, [one.id for one in found.projects], there)
            said = Said(id=identifier, round=name, about=about, text=text, at=self._city.clock.now())
            return Made(said=self._city.keep("statement", said, {"round": name}), secret=secret, repeated=False)

    def take_back(self, identifier: str, secret: str) -> Said:
        """Take a statement back, for whoever has its secret: its text is gone from the register."""
        right = hmac.compare_digest(as_typed(secret, SECRET_LETTERS).encode(), self._secret(identifier).encode())
        held = self._city.registers.get(identifier, Said) if right else None
        if held is None:
            raise UserError("That is not right, or there is no such statement.", "Check the number and the secret.")
        if held.hidden == "author":
            return held
        gone = msgspec.structs.replace(held, text="", hidden="author", receipt=None)
        return self._city.keep("statement", gone, {"round": held.round, "hidden": "author"}, told="statement-hidden")

    def hide(self, name: str, identifier: str, by: str, because: str) -> Said:
        """Hide a statement, with a reason that stands in the register and a receipt in the ledger.

        Raises
        ------
        UnknownId, UserError
            There is no such statement; nobody is named, or no reason.
        """
        by, because = name_of(by, "Who hides this statement?"), words_of(because, "why it is hidden")
        held = next((one for one in self._all(name) if one.id == identifier), None)
        if held is None:
            raise UnknownId(f"There is no statement '{identifier[:20]}' in {name}.", "The discussion lists them.")
        if held.hidden:
            raise UserError(f"{held.id} is hidden already.", "Nothing was changed.")
        gone = msgspec.structs.replace(held, hidden=because, hidden_by=by, receipt=None)
        return self._city.keep("statement", gone, {"round": name, "hidden": "city"}, told="statement-hidden")

    # -- answers -----------------------------------------------------------------------------------

    def answer(self, name: str, fields: Mapping[str, str], code: str, token: str) -> int:
        """Keep answers of a voter to statements; return how many. Later ones to the same statement count instead.

        Parameters
        ----------
        fields : mapping of str to str
            ``s-ID``: agree, disagree or pass.
        code : str
            A voting code of the round, as it was typed; empty for none. It is not spent.
        token : str
            Of the page: without a code it is the voter.

        Raises
        ------
        UnknownId, NotOpen, CodeRefused
            No such round; it takes no answers; no such code.
        cityward.city.portal.TooSoon, cityward.city.portal.TooOld
            The form has to be sent once more.
        """
        self._open(name)
        checked = self._city.portal.checked(token)
        votes = read_votes(fields, [one.id for one in self.statements(name)])
        digest = self._city.rounds.code_digest(name, code) if code.strip() else None
        if code.strip() and digest is None:
            raise CodeRefused("unknown")
        if not votes:
            return 0
        if self._city.keeper.discussion.count(name) >= ANSWERS_MAX:
            raise NotOpen("This discussion has all the answers that it can hold.", "Vote on the projects instead.")
        voter = self._digest("voter", name, digest or f"token {checked.text}")
        self._city.keeper.discussion.put(name, voter, votes, coded=digest is not None)
        return len(votes)

    # -- what is said ------------------------------------------------------------------------------

    def told(self, name: str) -> Told:
        """Groups of opinion and statements that bridge them, at most `SECONDS` old.

        Raises
        ------
        UnknownId
            There is no such round.
        """
        self._city.rounds.get(name)
        now = self._city.clock.now()
        at, told = self._told.get(name, (None, None))
        if told is None or at is None or not 0 <= (now - at).total_seconds() < SECONDS:
            told = self._tell(name)
            self._told[name] = (now, told)
        return told

    def _tell(self, name: str) -> Told:
        shown = {one.id: one.text for one in self.statements(name)}
        table = self._city.keeper.discussion.table(name).filter(pl.col("statement").is_in(list(shown)))
        coded = table.filter("coded")
        first = _found(coded)
        # Too few with a code show no groups: then all are told of, and that it is all is told beside.
        whose: Whose = "coded" if first is not None and first.voters_grouped >= VOTERS_LEAST else "all"
        found = first if whose == "coded" else _found(table)
        return Told(
            round=name,
            whose=whose,
            opinions=found,
            statements=shown,
            coded=coded.height,
            uncoded=table.height - coded.height,
            differs=_apart(table),
            hidden=len(self._all(name)) - len(shown),
        )

    def _open(self, name: str) -> Round:
        found = self._city.rounds.get(name)
        if not found.takes_proposals(self._city.today):
            raise NotOpen(f"The discussion of {name} is over.", "Read what was said.")
        return found

    def _digest(self, what: str, name: str, text: str) -> str:
        return hmac.digest(self._key, f"discussion {what}\0{name}\0{text}".encode(), "sha256").hex()

    def _secret(self, identifier: str) -> str:
        return spelt(hmac.digest(self._key, f"statement secret\0{identifier}".encode(), "sha256"), SECRET_LETTERS)


_APART: Final = 3.29
"""Standard errors between two shares beyond which chance (1 in 1,000) is no answer."""


def _found(table: pl.DataFrame) -> Opinions | None:
    if not table.height:
        return None
    try:
        return opinions(answers(table.select("voter", "statement", "vote")))
    except CitywardError:
        return None


def _apart(table: pl.DataFrame) -> tuple[str, ...]:
    """Statements on which answers with a code and answers without one agree clearly otherwise."""
    sums = table.group_by("statement", "coded").agg(rows=pl.len(), agree=(pl.col("vote") == 1).sum())
    both: dict[str, dict[bool, tuple[int, int]]] = {}
    for statement, coded, rows, agree in sums.iter_rows():
        both.setdefault(statement, {})[coded] = (agree, rows)
    apart = []
    for statement, parts in sorted(both.items()):
        if len(parts) < 2 or min(rows for _, rows in parts.values()) < ANSWERS_TOLD:
            continue
        (a, n), (b, m) = parts[True], parts[False]
        p, q = (a + 1) / (n + 2), (b + 1) / (m + 2)
        if abs(p - q) > _APART * (p * (1 - p) / n + q * (1 - q) / m) ** 0.5:
            apart.append(statement)
    return tuple(apart)
