"""The register of systems as it stands: what the files say, what happened, and what a decision may rest on.

Files say what a system is; events, kept in the registers and proved by the ledger, say who approved which version and
who accepted which duty. An event that the ledger does not prove counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cityward.answerable.document import Document
from cityward.answerable.register.checking import Finding, findings
from cityward.answerable.register.duties import Holding, State, duties, not_accepted, state_of
from cityward.answerable.register.forms import FORMS, faults
from cityward.answerable.register.publish import Published, readable, record_of
from cityward.answerable.register.shape import PartySection, System
from cityward.answerable.register.versions import Change, differences, digest, read_canonical
from cityward.answerable.registry import Read, read_systems
from cityward.core.errors import Refused, UnknownId
from cityward.core.records import entered
from cityward.core.systems import SystemEvent

if TYPE_CHECKING:
    from cityward.city.city import City

KIND: Final = "system"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a system stands today: its state, who holds its duties, what is still to be said, and what was changed."""

    system: System
    digest: str
    state: State
    holdings: tuple[Holding, ...]
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    events: tuple[SystemEvent, ...]
    approved: SystemEvent | None

    @property
    def strict(self) -> bool:
        """Whether everything must be in order; a hand that edits the file cannot write itself out of this."""
        return self.system.strict or (self.approved is not None and read_canonical(self.approved.body).strict)

    @property
    def suspended(self) -> SystemEvent | None:
        """The suspension that stands, if any; a new version does not lift it, a person does."""
        turns = [one for one in self.events if one.what in ("suspended", "resumed")]
        return turns[-1] if turns and turns[-1].what == "suspended" else None

    @property
    def unaccepted(self) -> tuple[str, ...]:
        """Duties that nobody has accepted."""
        return not_accepted(self.holdings)


class Registered:
    """What the files and the events say; the part of `cityward.city.registering.Registering` that only reads."""

    def __init__(self, city: City) -> None:
        self._city = city

    # -- reading -----------------------------------------------------------------------------------

    def read(self) -> Read:
        """The files as they are now."""
        return read_systems(self._city.folder.systems)

    def all(self) -> list[Standing]:
        """Every system, by identifier."""
        events = self.events()
        return [self._standing(one, events) for _, one in sorted(self.read().systems.items())]

    def get(self, identifier: str) -> Standing:
        """One system.

        Raises
        ------
        UnknownId
            Nobody registered it.
        cityward.core.errors.Refused, cityward.core.errors.SettingsError
            Its file cannot be registered.
        """
        return self._standing(self.system(identifier), self.events())

    def events(self) -> list[SystemEvent]:
        """What happened to systems, oldest first; only what the ledger proves."""
        return self._sorted_out()[0]

    def unproved(self) -> list[SystemEvent]:
        """Events in the registers that the ledger does not prove: somebody wrote there by hand."""
        return self._sorted_out()[1]

    def _sorted_out(self) -> tuple[list[SystemEvent], list[SystemEvent]]:
        """Events that the ledger proves, and those that it does not."""
        kept = self._city.registers.list_of(KIND, SystemEvent)
        proved = self._city.proves([(one.receipt, one.id, entered(one)) for one in kept])
        parted: tuple[list[SystemEvent], list[SystemEvent]] = ([], [])
        for one, right in zip(kept, proved, strict=True):
            parted[not right].append(one)
        return parted

    def version(self, identifier: str, digest_: str) -> System | None:
        """A version that was approved once, by its digest."""
        kept = (one for one in self.events() if one.system == identifier and one.body and one.digest == digest_)
        found = next(kept, None)
        return read_canonical(found.body) if found else None

    def system(self, identifier: str) -> System:
        """What the file says of a system; raises as `get`."""
        read = self.read()
        if identifier in read.systems:
            return read.systems[identifier]
        for name, problem in read.problems.items():
            if Path(name).stem == identifier or f"'{identifier}'" in problem.what:
                raise problem
        raise UnknownId(
            f"The system '{identifier[:60]}' is not registered.",
            f"Write systems/{identifier[:60]}.toml: purpose, data, oversight, appeal and who answers for it.",
        )

    def _standing(self, system: System, events: Sequence[SystemEvent]) -> Standing:
        now, zone = self._city.clock.now(), self._city.time_zone
        mine = tuple(one for one in events if one.system == system.id)
        approved = next((one for one in reversed(mine) if one.body), None)
        return Standing(
            system=system,
            digest=digest(system),
            state=state_of(system, mine, now, zone),
            holdings=duties(system, mine, now, zone),
            findings=findings(system),
            changes=differences(read_canonical(approved.body), system) if approved else (),
            events=mine,
            approved=approved,
        )

    # -- publishing --------------------------------------------------------------------------------

    def published(self, identifier: str, form: str, by: str = "") -> tuple[dict[str, Any], tuple[str, ...]]:
        """A system in the form of a public register, and what the record still lacks; raises as `get`."""
        record = record_of(form, self._publish(identifier, by))
        return record, faults(form, record) if form in FORMS else ()

    def document(self, identifier: str, form: str, by: str = "") -> Document:
        """The same as a document that people read; ``json`` as its parts."""
        return readable(form, self._publish(identifier, by), self.published(identifier, form, by)[1])

    def _publish(self, identifier: str, by: str) -> Published:
        standing = self.get(identifier)
        return Published(standing.system, standing.state, standing.holdings, self._city.name, by)

    # -- what may be decided -----------------------------------------------------------------------

    def answering(self, identifier: str) -> tuple[System | None, tuple[str, ...]]:
        """The system behind a proposal with those who hold its duties today, and what a decision has to say of it.

        None when nobody registered it; the rule of decisions refuses that.

        Raises
        ------
        Refused
            It has ended or is suspended; or it is high-risk or affects rights, and is not approved as it is or a duty
            is not accepted.
        """
        try:
            standing = self.get(identifier)
        except UnknownId:
            return None, ()
        system, strict = standing.system, standing.strict
        if standing.state == "ended":
            raise Refused(
                "register-of-systems 1",
                f"'{system.id}' has ended; nothing is decided on its proposals.",
                f"If it is still needed, approve it again: 'cityward systems approve {system.id}'.",
            )
        if standing.suspended:
            raise Refused(
                "register-of-systems 3",
                f"'{system.id}' is suspended; nothing is decided on its proposals. {standing.suspended.because}",
                f"When its cause is removed: 'cityward systems resume {system.id} --by NAME --because WHY'.",
            )
        told = []
        if standing.state != "approved":
            told.append(_unapproved(standing))
        # Who decides under his own name oversees: that duty is in his hands with the decision.
        unaccepted = [duty for duty in standing.unaccepted if strict or duty != "overseer"]
        if unaccepted:
            told.append(f"Not accepted by: {', '.join(unaccepted)}.")
        if told and strict:
            remedy = f"'cityward systems show {system.id}' says what is missing; approve, accept, and decide again."
            raise Refused(
                "register-of-systems 2", f"{system.name} affects rights or is high-risk. {' '.join(told)}", remedy
            )
        parties = tuple(PartySection(duty=one.duty, name=one.party, contact=one.contact) for one in standing.holdings)
        return msgspec.structs.replace(system, parties=parties), tuple(told)


def _unapproved(standing: Standing) -> str:
    if standing.state == "edited after approval":
        return f"Its file was edited after its approval: {told_changes(standing.changes)}."
    return f"Its version {standing.system.version} is not approved by anybody."


def told_changes(changes: Sequence[Change]) -> str:
    """Changes in one sentence, the substantial first."""
    return "; ".join(one.says for one in changes[:5])
