"""Isolation: when the files of the city look attacked, nothing is written or copied until a person lifts it.

What was acknowledged stays: writers are told to come again later, and nothing that waits is thrown away. The serving
program gives the writer's lock back, so that whoever lifts it at the machine can write to the ledger.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cityward.city.saying import name_of, words_of
from cityward.core.disk import durable, replace_file
from cityward.core.errors import CityIsolated, CitywardError, Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Record, to_json
from cityward.private.pseudonym import load_or_create_key
from cityward.secure.access.people import OFFICER
from cityward.secure.watch.decoys import Decoys, lay

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.secure.watch.files import Alarm

MARK: Final = ".isolated"
"""File in the city folder that stands as long as the isolation does; in no backup."""

KIND: Final = "isolation"
LIFT_ACTION: Final = "lift-isolation"
"""What policies call it."""

LIFT: Final = "Look at the alert and at the files; then 'cityward alerts lift --by NAME --because WHY'."


class Isolation(Record, frozen=True, kw_only=True):
    """The city was isolated: when, because of what, and by whom and why that was lifted.

    ``signs`` counts what the watch saw; ``kept`` says whether the ledger could be told at all.
    """

    id: str
    at: datetime
    because: str
    signs: dict[str, int]
    state: Literal["standing", "lifted"] = "standing"
    by: str = ""
    lifted_because: str = ""
    lifted_at: datetime | None = None
    receipt: int | None = None


class Isolating:
    """The isolation of ``city``; reached as ``city.isolation``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._held: Isolation | None = None
        self._lock = threading.Lock()

    # -- what stands -------------------------------------------------------------------------------

    @property
    def held(self) -> Isolation | None:
        """The isolation that this program keeps to; costs nothing to ask."""
        return self._held

    def all(self) -> Sequence[Isolation]:
        """Newest first."""
        found: list[Isolation] = self._city.registers.list_of(KIND, Isolation)
        return found[::-1]

    def standing(self) -> Isolation | None:
        """The isolation that nobody lifted, whichever program began it."""
        if self._held is not None:
            return self._held
        return next((one for one in self.all() if one.state == "standing"), None) or self._marked()

    def _marked(self) -> Isolation | None:
        """What the mark says, unless the registers say that it was lifted."""
        try:
            told = msgspec.json.decode((self._city.path / MARK).read_bytes(), type=Isolation)
        except (OSError, msgspec.DecodeError):
            return None
        return None if self._is_lifted(told) else told

    def _is_lifted(self, one: Isolation) -> bool:
        kept = self._city.registers.get(one.id, Isolation)
        return kept is not None and kept.state == "lifted"

    def refuse_copy(self) -> None:
        """Raise `CityIsolated` while one stands: damage is not to be copied over what is whole."""
        if self.standing() is not None:
            raise _refusal()

    # -- begin, go on, end -------------------------------------------------------------------------

    def begin(self, alarm: Alarm, tell: Callable[[str], None]) -> Isolation:
        """Stop every write of this program, then say so where that can still be said.

        Parameters
        ----------
        alarm : Alarm
            What the watch is sure of.
        tell : callable
            Told of what could not be kept; the isolation stands all the same.
        """
        with self._lock:
            if self._held is not None:
                return self._held
            now = self._city.clock.now()
            signs = dict(alarm.signs)
            one = Isolation(id=make_id(KIND, now.isoformat()), at=now, because=alarm.because, signs=signs)
            self._held = one
            self._city.hold_writing(_refusal())  # this thread may still write what follows
            for keep in (lambda: self._mark(one), lambda: self._city.alerts.files(alarm), lambda: self._kept(one)):
                try:
                    keep()
                except (CitywardError, OSError) as error:
                    tell(f"The isolation stands, and could not be noted everywhere: {error}")
            self._close(tell)
            self._tell_repository(one, tell)
            return self._held

    def _kept(self, one: Isolation) -> None:
        facts: dict[str, str | int] = {"signs": sum(one.signs.values()), "step": "begun"}
        self._held = self._city.keep(KIND, one, facts, state=one.state)

    @durable("marking the city as isolated")
    def _mark(self, one: Isolation) -> None:
        replace_file(self._city.path / MARK, to_json(one))

    def _close(self, tell: Callable[[str], None]) -> None:
        try:
            self._city.close()
        except (CitywardError, OSError) as error:
            tell(f"What waited could not be finished: {error}")
        finally:
            self._city.hold_writing(_refusal(), allowed=False)

    def _tell_repository(self, one: Isolation, tell: Callable[[str], None]) -> None:
        try:
            self._city.backups.hold(one.id, one.state)
        except (CitywardError, OSError) as error:
            tell(f"Whoever prunes the backups could not be told: {error}")

    def go_on(self) -> Isolation | None:
        """Keep to an isolation that stands from before this program began; the one that does, or None."""
        one = self.standing()
        if one is not None:
            self._held = one
            self._city.hold_writing(_refusal(), allowed=False)
        return one

    def ended(self) -> bool:
        """Whether somebody lifted what this program keeps to; it writes again then."""
        one = self._held
        if one is None or not self._is_lifted(one):
            return False
        self._held = None
        self._city.hold_writing(None)
        return True

    def lift(self, by: str, because: str) -> Isolation:
        """End it, as a security officer, with what was found.

        Raises
        ------
        UserError
            None stands, or no reason is given.
        Refused
            The one who is named is no security officer of this city.
        """
        one = self.standing()
        if one is None:
            raise UserError(
                "The city is not isolated.", "Nothing is to be lifted; 'cityward alerts' lists what stands."
            )
        because = words_of(because, "what was found and done")
        self.check_officer(by)
        done = msgspec.structs.replace(
            one, state="lifted", by=name_of(by), lifted_because=because, lifted_at=self._city.clock.now()
        )
        kept = self._city.keep(
            KIND, done, {"step": "lifted"}, told="isolation-lifted", update=("body", "state"), state="lifted"
        )
        laid(self._city, anew=True)  # one that was touched would raise the alarm again at once
        with durable("taking the mark of the isolation away"):
            (self._city.path / MARK).unlink(missing_ok=True)
        self._city.backups.hold(done.id, "lifted")
        return kept

    def check_officer(self, by: str) -> None:
        """Raise `Refused` unless ``by`` names a security officer, where the city knows its people."""
        access = self._city.access
        if access.anybody():
            named = [one for one in access.people.all() if by in (one.id, one.name) and one.state == "active"]
            if not any(OFFICER in one.roles for one in named):
                raise Refused(LIFT_ACTION, "Only a security officer lifts an isolation.", "Ask one of them.")


def laid(city: City, *, anew: bool = False) -> Decoys:
    """The decoys of a city, laid where they are missing, or all of them ``anew``."""
    key = hmac.digest(load_or_create_key(city.folder.residents_key), b"decoys", "sha256")
    return lay(city.path, key, anew=anew)


_REFUSAL: Final = (
    "This city takes nothing in and changes nothing: its files look attacked, so that it isolated itself. What was "
    "acknowledged is safe. Send the rest again later."
)


def _refusal() -> CityIsolated:
    return CityIsolated(_REFUSAL, LIFT)
