"""Parties of the demonstration: keys made on the spot, approvals and acceptances that are examples and say so."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

from cityward.city.city import City
from cityward.core.identifiers import slug
from cityward.secure.keys import create_signer, load_signer
from cityward.secure.signed_text import verifier_key

SYSTEM: Final = "chicago-food-inspection"
BY: Final = "Example Person"
BECAUSE: Final = "Set up by the demonstration: an example, approved by nobody real."
YEARS: Final = 2
"""The example ends with the second year after it was set up: somebody has to look at it again."""

_NAME: Final = re.compile(r'^name = "([^"]+)"$', re.MULTILINE)


def with_keys(text: str, keys: Path, today: date) -> str:
    """The card of a system with a key for each of its parties, made in ``keys``, and a day on which it ends."""
    head, *parties = text.split("[[parties]]")
    told = [head.replace("\n[model]", f"ends = {date(today.year + YEARS, 12, 31)}\n\n[model]", 1)]
    for party in parties:
        name = slug(_NAME.findall(party)[0])
        file = keys / f"{name}.key"
        signer = load_signer(file) if file.exists() else create_signer(file)
        told.append(_NAME.sub(rf'\g<0>\nkey = "{verifier_key(name, signer.public_key())}"', party, count=1))
    return "[[parties]]".join(told)


def accept_all(city: City, keys: Path) -> None:
    """Approve what is shipped and the ranking of food inspections, and accept every duty of the latter."""
    city.systems.approve_shipped(BY, BECAUSE)
    standing = city.systems.get(SYSTEM)
    if standing.approved is None:
        city.systems.approve(SYSTEM, BY, BECAUSE)
    for holding in city.systems.get(SYSTEM).holdings:
        file = keys / f"{slug(holding.party)}.key"
        if holding.accepted is None and file.exists():
            city.systems.accept(SYSTEM, holding.duty, signer=load_signer(file))
