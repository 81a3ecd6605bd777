"""The decision that allows work, looked up and proved; never one that is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cityward.core.records import Decision

if TYPE_CHECKING:
    from cityward.city.city import City


def mandate(city: City, decision_id: str) -> Decision:
    """The approval of this identifier, as the ledger proves it.

    What this returns gives nobody the right to give anything out: whatever keeps or sends an order asks
    `cityward.guard.mandates.Mandates` again, by the identifier. It is for the words and the name on the order.

    Raises
    ------
    cityward.core.errors.Unproved
        There is no such decision, the ledger does not prove it, or it approved nothing.
    """
    return city.keeper.mandates.decision(decision_id)
