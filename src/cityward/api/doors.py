"""What each route of the API asks: an act, and the thing it is about. A route that is not here lets nobody in."""

from __future__ import annotations

from typing import Final

from cityward.secure.policy import Ask

DOORS: Final[dict[str, Ask]] = {
    "GET /openapi.json": Ask("read-description"),
    "GET /api/health": Ask("visit"),
    "POST /api/sources/{source}/interactions": Ask("send-rows", "Source", "source"),
    "POST /api/sources/{source}/observations": Ask("send-rows", "Source", "source"),
    "GET /api/intake": Ask("read-intake"),
    "GET /api/quarantine": Ask("read-intake"),
    "GET /api/refusals": Ask("read-intake"),
    "GET /api/territories": Ask("read-findings"),
    "GET /api/needs": Ask("read-findings"),
    "GET /api/needs/{identifier}": Ask("read-findings", "Need", "identifier"),
    "GET /api/needs/{identifier}/evidence": Ask("read-rows", "Need", "identifier"),
    "GET /api/silences": Ask("read-findings"),
    "GET /api/warnings": Ask("read-findings"),
    "GET /api/forecast": Ask("read-findings"),
    "GET /api/alerts": Ask("read-findings"),
    "GET /api/sensors": Ask("read-findings"),
    "POST /api/watch": Ask("take-turn"),
    "POST /api/turns": Ask("take-turn"),
    "GET /api/proposals": Ask("read-work"),
    "POST /api/proposals/{identifier}/decision": Ask("decide-proposal", "Proposal", "identifier"),
    "GET /api/decisions": Ask("read-work"),
    "GET /api/outcomes": Ask("read-findings"),
    "GET /api/orders": Ask("read-work"),
    "GET /api/orders/{identifier}": Ask("read-work", "Order", "identifier"),
    "POST /api/orders/{identifier}/status": Ask("report-order", "Order", "identifier"),
    "GET /api/explain/{identifier}": Ask("read-findings"),
    "GET /api/ledger/checkpoint": Ask("read-published", "Ledger"),
    "GET /api/ledger/entries": Ask("read-ledger", "Ledger"),
    "GET /api/verify": Ask("read-ledger", "Ledger"),
    "GET /ledger/checkpoint": Ask("read-published", "Ledger"),
    "GET /ledger/handovers": Ask("read-published", "Ledger"),
    "GET /ledger/tile/{place:path}": Ask("read-published", "Ledger"),
    "GET /metrics": Ask("read-metrics"),
}
