"""The registers as the layers above see them: records by kind, never a connection, a query or a raw row.

Every method hands on to the store and says in its name what it may do. What a layer above cannot name, it
cannot reach: there is no engine here, and rows in quarantine, which hold what a person wrote, are read through
`cityward.guard.consult` like history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cityward.core.records import Decision, Intake, Need, Proposal, Record, Refusal, Silence
from cityward.store import registers as store
from cityward.store.engine import compact

R = TypeVar("R", bound=Record)


class Transaction:
    """A transaction under way, to hand on from one guarded object to another; nothing can be asked of it."""

    __slots__ = ("_inside",)

    def __init__(self, connection: Any) -> None:
        self._inside = connection


class Registers:
    """Typed access to the records of a city; every method is one transaction."""

    __slots__ = ("_inside",)

    def __init__(self, held: store.Registers) -> None:
        self._inside = held

    # -- intake ------------------------------------------------------------------------------------

    def list_intakes(self, limit: int = 50, offset: int = 0) -> list[Intake]:
        """Newest first."""
        return self._inside.list_intakes(limit, offset)

    def conservation(self) -> dict[str, Any]:
        """Sums over all batches, in all and by source; ``admitted = added + revised + repeated``."""
        return self._inside.conservation()

    def resolve_quarantine(self, source: str, origin: str) -> int:
        """Close the open rows of a file that is about to be read again; return how many."""
        return self._inside.resolve_quarantine(source, origin)

    def quarantine_upto(self) -> int:
        """Number of the newest row in quarantine; 0 when there is none."""
        return self._inside.quarantine_upto()

    # -- findings, refusals, decisions -------------------------------------------------------------

    def put_findings(self, needs: Iterable[Need], silences: Iterable[Silence], proposals: Iterable[Proposal]) -> None:
        """Keep what a turn found; a proposal that was decided keeps its state."""
        self._inside.put_findings(needs, silences, proposals)

    def put_decision(self, decision: Decision, along: Callable[[Transaction], None] | None = None) -> None:
        """Keep a decision and mark its proposal, in one transaction with whatever ``along`` writes for its effect."""
        self._inside.put_decision(decision, (lambda connection: along(Transaction(connection))) if along else None)

    def put(self, kind: str, records: Iterable[Any], *, update: Sequence[str], state: str | None = None) -> None:
        """Keep records of a kind by their ``id``; of one that is there already, the columns ``update`` change."""
        self._inside.put(kind, records, update=update, state=state)

    def compact(self) -> None:
        """Write the database anew without what was replaced or deleted; raises `StoreError` while somebody reads it."""
        compact(self._inside.engine)

    def list_of(self, kind: str, record: type[R], *, newest_first: bool = False) -> list[R]:
        """All records of a kind, in the order in which they were first kept."""
        return self._inside.list_of(kind, record, newest_first=newest_first)

    def get(self, identifier: str, record: type[R]) -> R | None:
        """One record, or None."""
        return self._inside.get(identifier, record)

    def get_need(self, identifier: str) -> Need | None:
        """A need, or None."""
        return self._inside.get_need(identifier)

    def get_silence(self, identifier: str) -> Silence | None:
        """A silent place, or None."""
        return self._inside.get_silence(identifier)

    def get_refusal(self, identifier: str) -> Refusal | None:
        """A refusal, or None."""
        return self._inside.get_refusal(identifier)

    def get_decision(self, identifier: str) -> Decision | None:
        """A decision, or None."""
        return self._inside.get_decision(identifier)

    def get_proposal(self, identifier: str) -> Proposal | None:
        """A proposal in its present state, or None."""
        return self._inside.get_proposal(identifier)

    def list_refusals(self) -> list[Refusal]:
        """Newest first."""
        return self._inside.list_refusals()

    def list_decisions(self) -> list[Decision]:
        """Newest first."""
        return self._inside.list_decisions()

    def list_proposals(self) -> list[Proposal]:
        """All proposals, each in its present state."""
        return self._inside.list_proposals()

    # -- receipts ----------------------------------------------------------------------------------

    def put_receipts(self, entries: dict[str, int]) -> None:
        """Note the ledger index of the newest entry about each identifier."""
        self._inside.put_receipts(entries)

    def get_receipt(self, identifier: str) -> int | None:
        """Ledger index of the newest entry about ``identifier``, or None."""
        return self._inside.get_receipt(identifier)
