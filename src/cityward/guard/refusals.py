"""How a door keeps that it said no: the fact with its receipt, never what was refused."""

from __future__ import annotations

from collections.abc import Callable

from cityward.core.receipts import receipt
from cityward.core.records import Refusal, to_json
from cityward.store.registers import Registers


def keep_refusal(
    refusal: Refusal, registers: Registers, append_receipt: Callable[[bytes], int], **facts: str | int
) -> None:
    """Enter ``refusal`` in the ledger, with ``facts`` and its rule, then in the registers."""
    entry = receipt("refusal", refusal.id, refusal.at, to_json(refusal), rule=refusal.rule, **facts)
    index = append_receipt(entry)
    registers.put_refusal(refusal)
    registers.put_receipts({refusal.id: index})
