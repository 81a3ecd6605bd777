"""Why, for a security incident: what was seen, why it is one, and what such an attack is expected to cost."""

from __future__ import annotations

from typing import Final

from cityward.core.records import Explanation
from cityward.core.words import moment
from cityward.secure.incidents.records import SecurityIncident

STEPS: Final = 12
"""Steps that an explanation tells; 'cityward incidents show' tells them all."""


def explained(one: SecurityIncident, zone: str) -> Explanation:
    """The evidence of a security incident, from its record alone."""
    evidence = [
        ("state", f"{one.state}, of the level {one.level}"),
        ("seen", f"{moment(one.first, zone)} to {moment(one.last, zone)}, {one.events:,} events"),
        *((f"why it is one, {at}", reason) for at, reason in enumerate(one.reasons, 1)),
        *(
            (f"step {at}", f"{step.title} ({', '.join(step.techniques) or step.rule}), {step.events:,} events")
            for at, step in enumerate(one.steps[:STEPS], 1)
        ),
        *(
            (
                "expected",
                f"{told.name}: {100 * told.success:.0f} % of tries succeed; one costs {told.money:,.0f} ± "
                f"{told.money_error:,.0f} and {told.citizen_hours:,.0f} ± {told.citizen_hours_error:,.0f} hours of "
                "people without a service",
            )
            for told in one.expected
        ),
        *([] if one.expected else [("expected", "no scenario of the city covers it")]),
    ]
    return Explanation(
        id=one.id,
        kind="security incident",
        sentence=one.headline,
        evidence=tuple(evidence),
        rule="security-incidents 1: the same actor, a place with steps that follow, or what one place needs of another",
        receipt=one.receipt,
        how_to_check=f"'cityward incidents show {one.id}' tells every step; 'cityward verify' proves its entries.",
    )
