"""Clocks that start when somebody becomes aware: begun, told of in time or with a reason, closed with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec

from cityward.city.saying import name_of, words_of
from cityward.core.awareness import Clocked
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cityward.city.city import City

C = TypeVar("C", bound=Clocked)


class Clocks(Generic[C]):
    """The clocks of one kind; who inherits says of which, and opens them."""

    record: ClassVar[Any]
    kind: ClassVar[str]
    noun: ClassVar[str]
    listed_by: ClassVar[str]
    """The command that lists them."""
    rule: ClassVar[str]
    told_state: ClassVar[str]
    """What the state is called once the authority was told."""
    told_step: ClassVar[str]
    """And what the entry calls that."""

    def __init__(self, city: City) -> None:
        self._city = city

    def all(self) -> Sequence[C]:
        """Oldest first."""
        found: Sequence[C] = self._city.registers.list_of(self.kind, self.record)
        return found

    def running(self) -> Sequence[C]:
        """Those of which the authority has still to be told, the most pressing first."""
        return sorted((one for one in self.all() if one.runs), key=lambda one: one.due_at)

    def get(self, identifier: str) -> C:
        """One of them; raises `UnknownId`."""
        found: C = self._city.kept(self.kind, self.record, identifier, self.noun, self.listed_by)
        return found

    def hours_left(self, one: C) -> float:
        """Hours until the authority has to be told; below 0 the time is over."""
        return one.hours_left(self._city.clock.now())

    def _tell(self, identifier: str, by: str, because: str = "", **changes: Any) -> C:
        """Note that the authority was told. The first time counts; after the end of the clock it needs the reasons."""
        one, now = self.open_one(identifier), self._city.clock.now()
        by = name_of(by)
        first, reasons = one.told_at or now, words_of(because, "why") if because else one.late_because
        if first > one.due_at and not reasons:
            raise UserError(
                f"The time for {one.id} ended on {one.due_at:%Y-%m-%d %H:%M} UTC ({one.clause}).",
                "Give the reasons of the delay: --because.",
            )
        changes |= {"state": self.told_state, "told_at": first, "late_because": reasons}
        return self._keep(msgspec.structs.replace(one, by=by, **changes), self.told_step)

    def close(self, identifier: str, by: str, because: str) -> C:
        """End it with a reason: what was done, or why nobody had to be told."""
        one = self.open_one(identifier)
        because = words_of(because, "what was done, or why nobody had to be told")
        changes: dict[str, Any] = {"state": "closed", "closed_at": self._city.clock.now()}
        return self._keep(msgspec.structs.replace(one, by=name_of(by), because=because, **changes), "close")

    def open_one(self, identifier: str) -> C:
        """One that is not closed; raises UserError when it is."""
        one = self.get(identifier)
        if one.closed_at is not None:
            raise UserError(f"{one.id} is closed.", "Open a new one if there is news.")
        return one

    def aware(self, at: datetime | None) -> datetime:
        """The moment of awareness, default now; raises UserError for one that is still to come."""
        now = self._city.clock.now()
        if at is not None and at > now:
            raise UserError("Nobody becomes aware in the future.", "Give the moment with --aware-at, in UTC.")
        return at or now

    def _keep(self, one: C, step: str) -> C:
        state: str = one.state  # type: ignore[attr-defined]
        facts = {"state": state, "due": one.due_at.isoformat(), "rule": self.rule, **one.facts}
        columns = ("body", "state")
        return self._city.keep(self.kind, one, facts, told=f"{self.kind}-{step}", update=columns, state=state)
