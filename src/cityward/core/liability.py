"""Records of who answers for a decision: its file of duties and facts, holds on evidence, and serious incidents."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from cityward.core.awareness import Clocked
from cityward.core.records import Record

IncidentKind = Literal["serious", "infrastructure", "widespread", "death"]

INCIDENT_DAYS: Final[dict[IncidentKind, int]] = {"serious": 15, "infrastructure": 2, "widespread": 2, "death": 10}
"""Days from becoming aware until the market surveillance authority is told at the latest.

Source: Regulation (EU) 2024/1689, article 73(2) (15 days), 73(3) (2 days for a widespread infringement and for article
3(49)(b), critical infrastructure) and 73(4) (10 days for a death).
"""

INCIDENT_CLAUSES: Final[dict[IncidentKind, str]] = {
    "serious": "article 73(2)",
    "infrastructure": "article 73(3)",
    "widespread": "article 73(3)",
    "death": "article 73(4)",
}


class Hold(Record, frozen=True, kw_only=True):
    """A hold on the evidence of a decision: until it is released nothing of it is deleted.

    ``orders``, ``interactions`` and ``decisions`` count what it covers. Several may stand for one decision.
    """

    id: str
    decision: str
    placed_at: datetime
    by: str
    because: str
    orders: int = 0
    interactions: int = 0
    decisions: int = 0
    released_at: datetime | None = None
    released_by: str = ""
    released_because: str = ""
    receipt: int = -1

    @property
    def stands(self) -> bool:
        """Whether it keeps anything from being deleted."""
        return self.released_at is None


class SeriousIncident(Clocked, frozen=True, kw_only=True):
    """A serious incident in which a decision may have had a part, and the clock of article 73.

    ``aware_at`` is when the provider or, where it applies, the deployer became aware; ``due_at`` the last moment at
    which the market surveillance authority is told. A report may be incomplete at first (article 73(5)).
    """

    decision: str
    kind: IncidentKind
    state: Literal["open", "reported", "closed"] = "open"
    incomplete: bool = False

    @property
    def clause(self) -> str:
        """The point of article 73 of the AI Act, with its days."""
        return f"AI Act, {INCIDENT_CLAUSES[self.kind]}: {INCIDENT_DAYS[self.kind]} days"

    @property
    def facts(self) -> dict[str, str | int]:
        """After which decision, and of which kind."""
        return {"decision": self.decision, "of_kind": self.kind}


def incident_due(kind: IncidentKind, aware_at: datetime) -> datetime:
    """The last moment at which the authority is told of an incident; see `INCIDENT_DAYS`."""
    return aware_at + timedelta(days=INCIDENT_DAYS[kind])


class StepSeen(Record, frozen=True, kw_only=True):
    """A step of an appeal, as much of it as the file tells."""

    what: str
    at: datetime
    by: str
    receipt: int = -1


class AppealSeen(Record, frozen=True, kw_only=True):
    """An appeal against a decision, as much of it as the file tells: never what somebody said in it."""

    id: str
    decision: str
    before: str = ""
    after: str = ""
    assigned_to: str = ""
    because: str = ""
    steps: tuple[StepSeen, ...] = ()


class Happening(Record, frozen=True, kw_only=True):
    """Something that happened: when, what in a sentence, by whom, to what, and the ledger entry that says so."""

    at: datetime
    what: str
    by: str = ""
    about: str = ""
    receipt: int | None = None


class DutyHeld(Record, frozen=True, kw_only=True):
    """A duty at the moment of a decision: whose it was, why his, and since when he had accepted it (None: he had not).

    ``receipt`` is the ledger entry of the acceptance or hand-over.
    """

    duty: str
    means: str
    party: str
    contact: str
    basis: str
    says: str
    before: str = ""
    accepted: date | None = None
    until: date | None = None
    receipt: int | None = None


class OnRecord(Record, frozen=True, kw_only=True):
    """Something that stood on record before the moment of a decision, and the duties whose holders it was shown to."""

    at: datetime
    kind: str
    id: str
    says: str
    shown_to: tuple[str, ...]
    receipt: int | None = None


class SystemThen(Record, frozen=True, kw_only=True):
    """The version of a system by which was decided: its whole canonical text, and who approved it before."""

    id: str
    name: str
    version: str
    digest: str
    text: str
    says: tuple[str, ...]
    approved_at: datetime | None = None
    approved_by: str = ""
    receipt: int | None = None


class RuleThen(Record, frozen=True, kw_only=True):
    """The version of a rule by which was decided: its whole text, the row that decided, and what it says.

    ``digest`` is the SHA-256 of ``uses``, the rules that it uses, and ``text``, with 0x1e between them.
    """

    id: str
    version: str
    digest: str
    text: str
    uses: tuple[str, ...]
    row: int | None
    law: str
    says: tuple[str, ...]
    valid_from: date | None = None
    valid_until: date | None = None


class LiabilityFile(Record, frozen=True, kw_only=True):
    """Who held which duty for a decision, what happened, and what was on record before: duties and facts.

    ``kind`` is ``proposal`` or ``case``. ``inputs`` are None where the grant does not cover them; ``inputs_digest``
    stands for them then. ``cannot_say`` is what the file leaves open. ``entries`` are indexes in the ledger.
    """

    id: str
    decision: str
    kind: Literal["proposal", "case"]
    city: str
    time_zone: str
    made_at: datetime
    decided_at: datetime
    says: str
    explanation: str
    appeal: str
    happened: tuple[Happening, ...]
    system: SystemThen | None
    rule: RuleThen | None
    duties: tuple[DutyHeld, ...]
    on_record: tuple[OnRecord, ...]
    earlier: tuple[str, ...]
    holds: tuple[Hold, ...]
    incidents: tuple[SeriousIncident, ...]
    inputs: dict[str, Any] | None
    inputs_digest: str
    cannot_say: tuple[str, ...]
    entries: tuple[int, ...]

    @property
    def unaccepted(self) -> tuple[str, ...]:
        """Duties that nobody had accepted at the moment of the decision."""
        accepted = {one.duty for one in self.duties if one.accepted is not None}
        return tuple(dict.fromkeys(one.duty for one in self.duties if one.duty not in accepted))
