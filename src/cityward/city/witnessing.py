"""Asks other institutions to co-sign the city's checkpoint, and sees when they saw another history than is here.

A witness answers how many entries it saw last. When it saw more than there are, the ledger was put back, by a restored
backup or on purpose; when what is here does not continue what it saw, there are two histories. Both are refused and
kept as an alarm. What the city's own key signed proves it: then nothing more is written until the ledger is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.act.send.http import Answer, Client
from cityward.act.send.way import NotDelivered, Way
from cityward.core.disk import durable, replace_file
from cityward.core.errors import LedgerError, UserError
from cityward.core.records import Record
from cityward.secure.cosignature import cosigners, read_witness_key
from cityward.secure.handover import Keys, read_handovers
from cityward.secure.keys import load_public_key
from cityward.secure.ledger import ALARM, Ledger
from cityward.secure.note import parse
from cityward.secure.witness import SIZE_TYPE, digest_of, request_body

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.ledger_settings import WitnessSection

COSIGNED: Final = "cosigned"
"""File in the ledger's folder: the newest checkpoint that enough witnesses signed."""

_TIMEOUT_SECONDS: Final = 10.0
_OK, _CONFLICT, _NOT_CONTINUED = 200, 409, 422


class Asked(Record, frozen=True, kw_only=True):
    """What came of asking: when which witness saw the checkpoint, what was wrong, and whether enough signed."""

    size: int
    need: int
    seen: dict[str, int]
    problems: tuple[str, ...]
    alarms: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Whether as many signed as the settings ask for, and none saw another history."""
        return len(self.seen) >= self.need and not self.alarms


class LedgerAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """A witness saw another history: ``kind`` is ``put back`` or ``split view``; ``proof`` is what our key signed."""

    at: datetime
    kind: str
    witness: str
    sentence: str
    proof: str = ""


class _OtherHistory(Exception):
    """A witness saw another history."""

    def __init__(self, kind: str, sentence: str, proof: str = "") -> None:
        super().__init__(sentence)
        self.kind, self.sentence, self.proof = kind, sentence, proof


class Witnessing:
    """The witnesses of ``city``."""

    def __init__(self, city: City) -> None:
        self._city = city

    def ask(self) -> Asked:
        """Ask every witness of the settings about the present checkpoint, and keep what they signed.

        Raises
        ------
        UserError
            There are no witnesses, or nothing to sign yet.
        """
        settings = self._city.settings.ledger.witnesses
        ledger = Ledger(self._folder, None)
        if settings is None:
            raise UserError("This city has no witnesses.", "Write [ledger.witnesses] in city.toml; see docs/ledger.md.")
        if not ledger.size:
            raise UserError("The ledger has no entry yet.", "Take in data or run a turn first.")
        lines = ""
        seen: dict[str, int] = {}
        problems: list[str] = []
        alarms: list[LedgerAlarm] = []
        for one in settings.ask:
            name, key = read_witness_key(one.key)
            try:
                answered = self._ask(one, name, ledger)
            except NotDelivered as error:
                problems.append(f"{name}: {error}")
            except _OtherHistory as other:
                alarms.append(LedgerAlarm(at=self._city.clock.now(), kind=other.kind, witness=name,
                                          sentence=other.sentence, proof=other.proof))  # fmt: skip
            else:
                at = cosigners(ledger.checkpoint() + answered, {name: key}).get(name)
                if at is None:
                    problems.append(f"{name}: its answer is not signed by the key in city.toml.")
                else:
                    seen[name], lines = at, lines + answered
        asked = Asked(
            size=ledger.size,
            need=settings.need,
            seen=seen,
            problems=tuple(problems),
            alarms=tuple(alarm.sentence for alarm in alarms),
        )
        self._keep(asked, alarms, ledger.checkpoint(), lines)
        return asked

    @property
    def cosigned_path(self) -> Path:
        """Where that lies; its time is when enough signed last."""
        return self._folder / COSIGNED

    def cosigned(self) -> str:
        """The newest checkpoint that enough witnesses signed; empty without one."""
        path = self.cosigned_path
        return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""

    @property
    def _folder(self) -> Path:
        return self._city.folder.ledger

    def _ask(self, one: WitnessSection, name: str, ledger: Ledger) -> str:
        """The signature lines of a witness; raises NotDelivered or `_OtherHistory`."""
        client = Client(
            Way(
                name=name,
                adapter="witness",
                folder=self._folder,
                now=self._city.clock.now,
                url=one.url,
                allow_private=one.allow_private,
                timeout_seconds=_TIMEOUT_SECONDS,
            )
        )
        try:
            before = self.cosigned()
            old = parse(before).size if before and cosigners(before, dict([read_witness_key(one.key)])) else 0
            answer = self._post(client, ledger, min(old, ledger.size))
            if answer.status == _CONFLICT:
                size = _size(answer)
                if size > ledger.size:
                    raise self._put_back(client, name, size, ledger)
                answer = self._post(client, ledger, size)
        finally:
            client.close()
        if answer.status in (_CONFLICT, _NOT_CONTINUED):
            raise _OtherHistory(
                "split view",
                f"The witness {name} saw another history of this ledger: what is here does not continue it. Run "
                "'cityward verify', compare ledger/ with your backups, and tell the security officer.",
            )
        if answer.status != _OK or not answer.whole:
            raise NotDelivered(f"It answered {answer.status}.")
        return answer.body.decode("utf-8", "replace")

    def _post(self, client: Client, ledger: Ledger, old: int) -> Answer:
        proof = ledger.consistency_proof(old) if 0 < old < ledger.size else []
        return client.request("POST", "/add-checkpoint", content=request_body(old, proof, ledger.checkpoint()))

    def _put_back(self, client: Client, name: str, size: int, ledger: Ledger) -> _OtherHistory:
        answer = client.request("GET", f"/checkpoint/{digest_of(ledger.origin)}")
        note = answer.body.decode("utf-8", "replace") if answer.status == _OK else ""
        keys = Keys(load_public_key(self._city.folder.public_key), read_handovers(self._folder))
        try:
            proved = keys.check(note, {ledger.origin}).size > ledger.size
        except LedgerError:
            proved = False
        return _OtherHistory(
            "put back",
            f"The ledger was put back: the witness {name} saw {size} entries, {ledger.size} are here. Restore the "
            "newest backup of ledger/, then run 'cityward witness ask' again."
            + (" Nothing is written to it until then." if proved else ""),
            note if proved else "",
        )

    def _keep(self, asked: Asked, alarms: Sequence[LedgerAlarm], note: str, lines: str) -> None:
        path = self._folder / ALARM
        with durable("keeping what witnesses answered"):
            if alarms:
                replace_file(path, msgspec.json.encode(alarms))
            elif asked.enough:
                path.unlink(missing_ok=True)
        if asked.enough:
            with self._city.writing():
                ledger = self._city.writable_ledger()
                if ledger.checkpoint() == note:
                    ledger.add_signatures(lines)
                with durable("keeping what witnesses signed"):
                    replace_file(self.cosigned_path, (note + lines).encode())


def _size(answer: Answer) -> int:
    text = answer.body.decode("ascii", "replace").removesuffix("\n")
    kind = answer.headers.get("content-type", "").split(";")[0]
    if kind != SIZE_TYPE or not text.isdigit() or len(text) > 19:
        raise NotDelivered("It answered 409 without the size that it saw.")
    return int(text)
