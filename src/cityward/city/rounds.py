"""Rounds of participatory budgeting in a city: opened, voted in by one-time codes, closed, published.

What keeps a vote secret: codes carry no name, the box holds ballots without code or time, and nobody sees a ballot
before the close. What proves it: the round stands in the ledger before the first code is made, each ballot as a
commitment that only its voter can open, and the list of ballots at the close.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from cityward.city.saying import name_of
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Record, from_json
from cityward.core.toml_text import read_toml
from cityward.guard.small_counts import SMALL
from cityward.participate.portal.numbers import NUMBER_LETTERS, as_typed, spelt
from cityward.participate.portal.report import read_proposal
from cityward.participate.rounds.ballot import Ballot, commitment, content_of, read_ballot
from cityward.participate.rounds.pabulib import pabulib_text
from cityward.participate.rounds.shape import NAME, Round, digest_of, parse_round
from cityward.private.pseudonym import load_or_create_key

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.discussing import Discussion
    from cityward.city.portal import Reported
    from cityward.city.voices import Voices

CODE_LETTERS: Final = 15
"""64.8 bits: with a million codes one guess in 3 · 10^13 is right."""

NONCE_LETTERS: Final = 30
"""130 bits: nobody finds the ballot of a commitment by trying."""

CODES_MAX: Final = 200_000
"""Most codes made at once."""

State = Literal["draft", "changed", "announced", "open", "closed"]
"""``draft`` is not in the ledger yet; ``changed`` is there in other words; ``announced`` does not take votes yet."""


class RoundOpened(Record, frozen=True, kw_only=True):
    """A round as it stands in the ledger: what is voted on, by its digest."""

    id: str
    name: str
    digest: str
    by: str
    at: datetime
    receipt: int | None = None


class CodesMade(Record, frozen=True, kw_only=True):
    """That codes were made: how many, never which."""

    id: str
    name: str
    count: int
    by: str
    at: datetime
    receipt: int | None = None


class RoundClosed(Record, frozen=True, kw_only=True):
    """The end of a round: its counts, and the SHA-256 of the file of its ballots."""

    id: str
    name: str
    codes: int
    ballots: int
    file_sha256: str
    by: str
    at: datetime
    receipt: int | None = None


class Cast(Record, frozen=True, kw_only=True):
    """A ballot in the box, as its voter is told of it.

    ``number`` finds it in the list at the end; ``nonce``, which nobody keeps, proves with ``digest``, which the ledger
    has, what it said. ``repeated``: the same form came twice, and counted once.
    """

    number: str
    nonce: str
    digest: str
    ballot: Ballot
    repeated: bool


class CodeRefused(UserError):
    """A code that there is not (``unknown``), or that was used (``spent``)."""

    def __init__(self, why: Literal["unknown", "spent"]) -> None:
        self.why = why
        super().__init__(f"This code is {why}.", "Look at the letter that you got.")


class NotOpen(UserError):
    """The round takes no votes today."""


class Rounds:
    """Rounds of ``city``; reached as ``city.rounds``."""

    def __init__(self, city: City) -> None:
        self._city = city

    @cached_property
    def voices(self) -> Voices:
        """Counts of rounds that were closed, and whose voice they are."""
        from cityward.city.voices import Voices

        return Voices(self._city)

    @cached_property
    def discussion(self) -> Discussion:
        """What residents say about projects, in short statements."""
        from cityward.city.discussing import Discussion

        return Discussion(self._city)

    def code_digest(self, name: str, code: str) -> str | None:
        """The keyed digest of a code as it was typed; None when there is no such code, which is counted."""
        digest, box = self._digest(name, as_typed(code, CODE_LETTERS)), self._city.keeper.ballot_box
        if box.is_spent(name, digest) is None:
            box.note_wrong(name, self._city.today)
            return None
        return digest

    # -- reading -----------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of the rounds that have a file."""
        files = self._city.folder.rounds.glob("*.toml")
        return sorted(file.stem for file in files if NAME.fullmatch(file.stem))

    def get(self, name: str) -> Round:
        """One round.

        Raises
        ------
        UnknownId, cityward.core.errors.SettingsError
            There is no such file; it has a mistake, named with its line.
        """
        path = self._city.folder.rounds / f"{name}.toml"
        if not NAME.fullmatch(name) or not path.is_file():
            raise UnknownId(f"There is no round '{name[:40]}'.", "'cityward round list' lists them.")
        return parse_round(read_toml(path), f"rounds/{name}.toml")

    def sound(self) -> dict[str, Round]:
        """Rounds by their names, without those whose files have a mistake: they stop nothing else."""
        found = {}
        for name in self.names():
            with contextlib.suppress(UserError):
                found[name] = self.get(name)
        return found

    def services(self) -> list[tuple[str, str]]:
        """Service and domain of the proposals of each round."""
        return sorted({(_service(one), "participation") for one in self.sound().values()})

    def service_of(self, name: str) -> str:
        """The service under which proposals of a round are held; raises as `get`."""
        return _service(self.get(name))

    def state(self, name: str, found: Round) -> State:
        """How a round stands today."""
        opened = self._city.registers.get(make_id("round", name), RoundOpened)
        if opened is None:
            return "draft"
        if opened.digest != digest_of(found):
            return "changed"
        if self._city.today < found.opens:
            return "announced"
        return "open" if found.takes_votes(self._city.today) else "closed"

    def counts(self, name: str) -> dict[str, int]:
        """How many ``codes``, how many ``spent``, how many ``ballots``, how many ``wrong`` codes were tried."""
        return self._city.keeper.ballot_box.counts(name)

    def closed(self, name: str) -> RoundClosed | None:
        """The record of the close, once there is one."""
        return self._city.registers.get(make_id("round", name, "closed"), RoundClosed)

    # -- before ------------------------------------------------------------------------------------

    def open(self, name: str, by: str) -> RoundOpened:
        """Enter a round in the ledger, so that it can be voted in; again after a change, while there is no ballot.

        Raises
        ------
        UserError
            Nothing can be voted on, its last day is over, or somebody voted already.
        """
        by, found = name_of(by, "Who opens this round?"), self.get(name)
        if not found.projects:
            raise UserError(f"rounds/{name}.toml has no projects.", "Write [[projects]] with id, title and cost.")
        if found.closes < self._city.today:
            raise UserError(f"The round {name} closed on {found.closes}.", "Write a later day.")
        if self.counts(name)["ballots"]:
            raise UserError("Somebody voted already; a round is not changed under its voters.", "Undo the change.")
        opened = RoundOpened(
            id=make_id("round", name), name=name, digest=digest_of(found), by=by, at=self._city.clock.now()
        )
        return self._city.keep("round", opened, {"round": name, "digest": opened.digest}, told="round-opened")

    def codes(self, name: str, count: int, by: str, write: Callable[[Sequence[str]], None]) -> int:
        """Make one-time codes, hand them to ``write``, and keep their keyed digests alone; return how many there are.

        Raises
        ------
        UserError
            The round is not in the ledger as it stands, or its last day is over.
        """
        by, found = name_of(by, "Who makes these codes?"), self.get(name)
        if self.state(name, found) not in ("announced", "open"):
            raise UserError(f"The round {name} takes no votes.", f"First 'cityward round open {name}'.")
        if not 1 <= count <= CODES_MAX:
            raise UserError(f"Make 1 to {CODES_MAX:,} codes at once.", "Make them in parts.")
        codes = [spelt(secrets.token_bytes(32), CODE_LETTERS) for _ in range(count)]
        before = self.counts(name)["codes"]
        write(codes)  # first: a code that is kept and that nobody has would be one to stuff the box with
        made = CodesMade(
            id=make_id("round", name, "codes", before), name=name, count=count, by=by, at=self._city.clock.now()
        )
        with self._city.writing():
            self._city.keep("round", made, {"round": name, "count": count}, told="voting-codes")
            self._city.keeper.ballot_box.add_codes(name, [self._digest(name, code) for code in codes])
        return before + count

    @cached_property
    def _key(self) -> bytes:
        return load_or_create_key(self._city.folder.residents_key)

    def _digest(self, name: str, code: str) -> str:
        return hmac.digest(self._key, f"voting code\0{name}\0{code}".encode(), "sha256").hex()

    def propose(self, name: str, fields: Mapping[str, str]) -> Reported:
        """Take a proposal for a round: it comes in as every report does.

        Raises
        ------
        UnknownId, NotOpen, cityward.participate.portal.report.NoReport
            There is no such round; it takes no proposals; the form says too little.
        cityward.core.errors.CitywardError
            As `cityward.city.portal.Portal.take`.
        """
        found = self.get(name)
        if not found.takes_proposals(self._city.today):
            raise NotOpen(f"The round {name} takes no proposals.", "Vote on those that there are.")
        said = read_proposal(fields, _service(found), self._city.area_names)
        return self._city.portal.take(said, fields.get("token", ""))

    # -- voting ------------------------------------------------------------------------------------

    def vote(self, name: str, fields: Mapping[str, Sequence[str]], code: str, token: str) -> Cast:
        """Put a ballot into the box for a code; the same form again changes nothing.

        Parameters
        ----------
        name : str
            Of the round.
        fields : mapping of str to sequence of str
            As `read_ballot` takes them.
        code : str
            As it was typed.
        token : str
            Of the form, from `cityward.city.portal.Portal.new_token`.

        Raises
        ------
        UnknownId, NotOpen, CodeRefused, cityward.participate.rounds.ballot.NoBallot
            There is no such round, or it takes no votes; no such code, or a spent one; no ballot.
        cityward.city.portal.TooSoon, cityward.city.portal.TooOld
            The form has to be sent once more.
        cityward.core.errors.CityBusy, cityward.core.errors.StoreError
            It is not in the box; the same form can be sent again.
        """
        found = self.get(name)
        if self.state(name, found) != "open":
            raise NotOpen(f"The round {name} takes no votes today.", f"It does from {found.opens} to {found.closes}.")
        checked = self._city.portal.checked(token)
        ballot = read_ballot(fields, found, self._city.area_names)
        number, nonce = (
            spelt(hmac.digest(self._key, f"{what}\0{name}\0{checked.text}".encode(), "sha256"), letters)
            for what, letters in (("ballot number", NUMBER_LETTERS), ("ballot nonce", NONCE_LETTERS))
        )
        content = content_of(ballot)
        opening = commitment(nonce, number, content)
        repeated = self._cast(name, self._digest(name, as_typed(code, CODE_LETTERS)), number, content, opening)
        digest = sha256(opening).hexdigest()
        return Cast(number=number, nonce=nonce, digest=digest, ballot=ballot, repeated=repeated)

    def _cast(self, name: str, code: str, number: str, content: bytes, opening: bytes) -> bool:
        """Whether exactly this ballot lay in the box before; it does now."""
        box, today = self._city.keeper.ballot_box, self._city.today
        spent = box.is_spent(name, code)
        if spent is None:
            box.note_wrong(name, today)
            raise CodeRefused("unknown")
        if not spent:
            # The ledger first: a ballot without its commitment would be one that nobody can prove. The day alone, since
            # who knows at which minute somebody voted could look for that minute.
            day = datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(self._city.time_zone))
            about = make_id("round", name)
            with self._city.writing():
                self._city.enter([(about, receipt("ballot", about, day, opening, round=name))])
                spent = not box.vote(name, code, number, content.decode())
            if not spent:
                return False
        if not box.holds(name, number, content.decode()):
            raise CodeRefused("spent")
        return True

    # -- after -------------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """The ballots of a round as a Pabulib file.

        Raises
        ------
        UnknownId, cityward.core.errors.Refused
            There is no such round, or it still takes votes.
        """
        found, names = self.get(name), self._city.area_names
        held = self._city.keeper.ballot_box.ballots(name, found.closes, self._city.today)
        ballots = {number: from_json(body, Ballot) for number, body in held.items()}
        told = {number: msgspec.structs.replace(one, area=names.get(one.area, "")) for number, one in ballots.items()}
        return pabulib_text(found, told, self._city.name, SMALL)

    def close(self, name: str, by: str) -> RoundClosed:
        """Enter the counts and the file of ballots in the ledger, and write the database anew without its traces.

        Raises
        ------
        UserError, cityward.core.errors.Refused, cityward.core.errors.StoreError
            It was closed before; it still takes votes; somebody reads the database just now.
        """
        by = name_of(by, "Who closes this round?")
        if self.closed(name) is not None:
            raise UserError(f"The round {name} is closed already.", f"'cityward round export {name}' prints it.")
        text, counts = self.text(name), self.counts(name)
        self._city.keeper.ballot_box.rewrite(name)
        self._city.registers.compact()
        ended = RoundClosed(
            id=make_id("round", name, "closed"),
            name=name,
            codes=counts["codes"],
            ballots=counts["ballots"],
            file_sha256=sha256(text.encode()).hexdigest(),
            by=by,
            at=self._city.clock.now(),
        )
        facts: dict[str, str | int] = {
            "round": name,
            "codes": ended.codes,
            "ballots": ended.ballots,
            "file_sha256": ended.file_sha256,
        }
        return self._city.keep("round", ended, facts, told="round-closed")


def _service(found: Round) -> str:
    """The service under which proposals of a round are held."""
    return f"Proposal: {found.title}"
