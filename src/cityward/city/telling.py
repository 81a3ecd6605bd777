"""Why, for what is no finding of its own: a turn of the loop, and a case that waits for a visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cityward.city.turn import Turn
from cityward.core.decided import Told
from cityward.core.records import Explanation, from_json
from cityward.core.words import day, days, percent
from cityward.core.work import Job, WorkPlan
from cityward.guard.explain import explain

if TYPE_CHECKING:
    from cityward.city.city import City


def explain_turn(city: City, identifier: str) -> Explanation | None:
    """What a turn looked at and found; None when it is not held."""
    path = city.folder.turns / identifier / "turn.json"
    if not path.exists():
        return None
    turn = from_json(path.read_bytes(), Turn)
    found = (("needs", turn.needs), ("silent places", turn.silences), ("warnings", turn.warnings))
    receipt = city.receipt_of(identifier)
    return Explanation(
        id=identifier,
        kind="turn",
        sentence=f"What was found from all that was known on {day(turn.as_of)}.",
        evidence=(
            ("reports looked at", f"{turn.interactions:,} {_when(turn)}"),
            ("with an area", percent(turn.placed_share, 1)),
            ("seed", f"{turn.seed}: the same data and seed give the same turn, byte for byte"),
            *((name, ", ".join(one.id for one in some) or "none") for name, some in found),
            ("proposals", ", ".join(turn.proposals) or "none"),
        ),
        rule="a turn senses, knows, anticipates and proposes; it decides nothing",
        receipt=receipt,
        how_to_check=f"Run 'cityward verify': entry {receipt} holds the SHA-256 of this turn.",
    )


def _when(turn: Turn) -> str:
    return days(turn.first_day, turn.last_day) if turn.first_day and turn.last_day else "of no day"


def explain_job(city: City, identifier: str) -> Explanation | None:
    """A case that waits for a visit, or is out with an order: by its own identifier or that of its job."""
    orders = city.orders.outbox.orders()
    order = next((one for one in orders if identifier in (one.job.id, one.job.about)), None)
    job, rests_on = (order.job, order.id) if order else _planned(city, identifier)
    if job is None:
        return None
    return explain(job, receipt=city.receipt_of(rests_on), out=rests_on, time_zone=city.time_zone)


def _planned(city: City, identifier: str) -> tuple[Job | None, str]:
    plan = next(iter(city.registers.list_of("plan", WorkPlan, newest_first=True)), None)
    jobs = plan.jobs if plan else ()
    return next((one for one in jobs if identifier in (one.id, one.about)), None), plan.id if plan else ""


def explain_case_decision(told: Told) -> Explanation:
    """Why a case was decided as it was, what would have changed it, who answers, and how to contest it."""
    decision = told.decision
    evidence = [
        ("case", decision.case),
        *((("territory", decision.territory),) if decision.territory else ()),
        *(("what was asked" if decision.withheld else "what mattered", one) for one in told.factors),
        *(("what would have changed it", one) for one in told.would_change),
        ("how sure", told.uncertainty),
        *((("law", told.law),) if told.law else ()),
        ("text of the rule", told.text),
        *((("to be said of the system", told.caveats),) if told.caveats else ()),
        ("state", decision.state),
        ("overseen by", told.overseer or "nobody"),
        *((party.duty, f"{party.name}{f', {party.contact}' if party.contact else ''}") for party in told.parties),
        ("system", f"{decision.system} {decision.version}"),
        ("decided together", decision.batch),
        ("how to contest it", told.appeal or "the register does not say"),
    ]
    return Explanation(
        id=decision.id,
        kind="decision",
        sentence=told.says,
        evidence=tuple(evidence),
        rule=f"{decision.rule} {decision.rule_version}{f', row {decision.row}' if decision.row else ''}",
        receipt=told.receipt,
        how_to_check=f"Run 'cityward decisions prove {decision.id}': it is checked against the ledger.",
    )
